//! One call of a connector, from bytes on disk to an answer, with every limit on, beside the same work
//! in native Rust. `peers/extism/run.sh` is the other half of the table.
//!
//! There is no case for a reused instance: the sandbox gives none away. A call gets a fresh one, always.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up ends at once")]

use std::{path::PathBuf, sync::LazyLock};

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use wharf_benches::{EVENT, guest};
use wharf_model::{call::Outcome, digest::Digest};
use wharf_sandbox::{Connector, Sandbox, SandboxConfig};

fn main() {
    LazyLock::force(&BED);
    divan::main();
}

/// Everything that is made once.
struct Bed {
    runtime: Runtime,
    wasm: Vec<u8>,
    digest: Digest,
    connector: Connector,
    /// Compiles in this process and keeps nothing, so that each load is a cold one.
    cold: Sandbox,
    /// Finds the compiled connector on the disk.
    cached: Sandbox,
    _cache: TempDir,
}

static BED: LazyLock<Bed> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cache = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let wasm = runtime.block_on(guest::build()).expect("the guest");
    let digest = Digest::of(&wasm);
    let (cold, cached) = (sandbox(None), sandbox(Some(cache.path().join("cache"))));
    let connector = runtime.block_on(cached.load(&wasm, digest)).expect("a connector");
    let bed = Bed { runtime, wasm, digest, connector, cold, cached, _cache: cache };
    tell(&bed);
    bed
});

fn sandbox(cache: Option<PathBuf>) -> Sandbox {
    // Two engines in one process: few slots for each keep it below the kernel's limit of mappings.
    Sandbox::new(SandboxConfig { cache, slots: 64, ..SandboxConfig::default() }).expect("a sandbox")
}

/// What the figures are about. A guest that maps otherwise than native Rust would make them worthless.
#[expect(clippy::print_stderr, reason = "it belongs to the figures")]
fn tell(bed: &Bed) {
    let (bytes, limits) = (bed.wasm.len(), guest::call().limits);
    eprintln!("connector of {bytes} bytes, event of {}, {limits:?}", EVENT.len());
    let native = wharf_benches::native(EVENT).expect("a mapping");
    for (action, input, expected) in [("empty", "{}", "{}"), ("map", EVENT, native.as_str())] {
        let context = guest::context();
        let call = bed.connector.run(guest::call(), action, input, None, &context);
        let finished = bed.runtime.block_on(call);
        let expected = serde_json::from_str(expected).expect("JSON");
        assert_eq!(finished.result, Ok(Outcome::Done(expected)), "{action}");
        eprintln!("{action}: {:?}", finished.metering);
    }
}

/// A fresh instance, one action, the answer as the engine gets it.
async fn run(connector: &Connector, action: &str, input: &str) -> Outcome {
    let finished = connector.run(guest::call(), action, input, None, &guest::context()).await;
    finished.result.expect("an answer")
}

/// What a sandbox is compared with.
mod native {
    use divan::{Bencher, black_box};
    use wharf_benches::EVENT;

    #[divan::bench(sample_count = 2000, sample_size = 10)]
    fn map(bencher: Bencher<'_, '_>) {
        bencher.bench_local(|| wharf_benches::native(black_box(EVENT)).expect("a mapping"));
    }
}

/// An instance is made, called once and taken back.
mod fresh {
    use divan::{Bencher, black_box};
    use wharf_benches::{EVENT, guest};

    use super::{BED, run};

    #[divan::bench(sample_count = 2000, sample_size = 10)]
    fn empty(bencher: Bencher<'_, '_>) {
        let bed = &*BED;
        bencher.bench_local(|| bed.runtime.block_on(run(&bed.connector, "empty", black_box("{}"))));
    }

    #[divan::bench(sample_count = 2000, sample_size = 10)]
    fn map(bencher: Bencher<'_, '_>) {
        let bed = &*BED;
        bencher.bench_local(|| bed.runtime.block_on(run(&bed.connector, "map", black_box(EVENT))));
    }

    /// The manifest's text: what `wharf build` waits for.
    #[divan::bench(sample_count = 500, sample_size = 4)]
    fn describe(bencher: Bencher<'_, '_>) {
        let bed = &*BED;
        let limits = guest::call().limits;
        bencher.bench_local(|| {
            bed.runtime.block_on(bed.connector.describe(&limits)).result.expect("a manifest")
        });
    }
}

/// From bytes to a connector.
mod load {
    use divan::Bencher;
    use wharf_benches::EVENT;

    use super::{BED, run};

    /// Digest, scan, compile, trial start, types.
    #[divan::bench(sample_count = 10, sample_size = 1)]
    fn cold(bencher: Bencher<'_, '_>) {
        let bed = &*BED;
        bencher
            .bench_local(|| bed.runtime.block_on(bed.cold.load(&bed.wasm, bed.digest)).expect("a connector"));
    }

    /// The artifact's MAC, `mmap`, link.
    #[divan::bench(sample_count = 500, sample_size = 1)]
    fn cached(bencher: Bencher<'_, '_>) {
        let bed = &*BED;
        bencher.bench_local(|| {
            bed.runtime.block_on(bed.cached.load(&bed.wasm, bed.digest)).expect("a connector")
        });
    }

    /// From the cache to the first mapped event.
    #[divan::bench(sample_count = 500, sample_size = 1)]
    fn cached_to_first_answer(bencher: Bencher<'_, '_>) {
        let bed = &*BED;
        bencher.bench_local(|| {
            bed.runtime.block_on(async {
                let connector = bed.cached.load(&bed.wasm, bed.digest).await.expect("a connector");
                run(&connector, "map", EVENT).await
            })
        });
    }
}
