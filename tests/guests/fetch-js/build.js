// Makes a component of connector.js: node build.js OUTPUT.
//
// `preview2-shim` stands in package.json because the tool imports it without asking for it.
// The contract is copied beside the world, since WIT packages are looked up in `deps/`.

import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { componentize } from '@bytecodealliance/componentize-js';

const here = dirname(fileURLToPath(import.meta.url));
const contract = join(here, '..', '..', '..', 'wit');
const output = process.argv[2] ?? join(here, 'fetch-js.wasm');

const wit = await mkdtemp(join(tmpdir(), 'wharf-wit-'));
try {
  await cp(join(here, 'world.wit'), join(wit, 'world.wit'));
  const deps = join(wit, 'deps', 'wharf');
  await mkdir(deps, { recursive: true });
  for (const name of await readdir(contract)) {
    if (name.endsWith('.wit')) {
      await cp(join(contract, name), join(deps, name));
    }
  }
  const { component } = await componentize({
    sourcePath: join(here, 'connector.js'),
    witPath: wit,
    worldName: 'connector',
    // No server: a connector is called through the contract.
    disableFeatures: ['fetch-event'],
  });
  await writeFile(output, component);
  console.log(`${output}: ${component.byteLength} bytes`);
} finally {
  await rm(wit, { recursive: true });
}
