// A connector that knows nothing of its host but the contract: it calls its provider with `fetch`.
//
// The credential is named, never seen: the gate puts it where `Wharf token` stands.

const input = {
  type: 'object',
  properties: {
    url: { type: 'string', title: 'URL' },
    method: { type: 'string', title: 'Method' },
    body: { type: 'string', title: 'Body' },
    headers: { type: 'object', title: 'Headers', additionalProperties: { type: 'string' } },
    auth: { type: 'string', title: 'Auth method' },
  },
  required: ['url'],
  additionalProperties: false,
};

const output = {
  type: 'object',
  properties: {
    status: { type: 'integer' },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    body: { type: 'string' },
    drawn: { type: 'number' },
    now: { type: 'integer' },
  },
  required: ['status', 'headers', 'body', 'drawn', 'now'],
};

const description = {
  name: 'fetch-js',
  version: '0.1.0',
  title: 'Fetch, in JavaScript',
  description: 'Calls a provider with fetch.',
  egress: [{ url: '{connection.api-url}/', methods: ['GET', 'POST'] }],
  settings: {
    type: 'object',
    properties: { 'api-url': { type: 'string', title: 'Address' } },
    required: ['api-url'],
    additionalProperties: false,
  },
  auth: {
    token: {
      title: 'Token',
      slots: { token: { title: 'Token' } },
      placement: { kind: 'bearer', slot: 'token' },
    },
  },
  actions: {
    get: { title: 'Get', description: 'Reads.', effect: 'read', input, output, auth: ['token'] },
    send: { title: 'Send', description: 'Writes.', effect: 'unsafe-write', input, output, auth: ['token'] },
  },
};

export const manifest = {
  describe() {
    return JSON.stringify(description);
  },
};

export const actions = {
  async run(name, text, _page, _context) {
    const { url, method, body, headers = {}, auth } = JSON.parse(text);
    if (auth) {
      headers.authorization = `Wharf ${auth}`;
    }
    console.log(`${name} ${url}`);
    try {
      const response = await fetch(url, { method: method ?? (name === 'get' ? 'GET' : 'POST'), body, headers });
      const seen = {
        status: response.status,
        headers: Object.fromEntries(response.headers.entries()),
        body: await response.text(),
        drawn: Math.random(),
        now: Date.now(),
      };
      return { tag: 'done', val: JSON.stringify(seen) };
    } catch (error) {
      throw failure(error);
    }
  },
};

function failure(error) {
  return {
    class: 'capability-denied',
    message: `fetch: ${error?.message ?? error}`,
    httpStatus: undefined,
    providerCode: undefined,
    retryAfterMs: undefined,
    outcomeUnknown: false,
    fields: [],
    items: [],
  };
}
