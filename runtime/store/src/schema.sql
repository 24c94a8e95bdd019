-- Version 1. Times are milliseconds since 1970 in UTC; digests and hashes are 32 raw bytes unless
-- they are named in the API, then they are text as the API shows it.

CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- Who may write. Each opening of the database takes the next epoch; older epochs are fenced.
CREATE TABLE owner (only INTEGER PRIMARY KEY CHECK (only = 1), epoch INTEGER NOT NULL) STRICT;
INSERT INTO owner (only, epoch) VALUES (1, 0);

-- Payloads over 64 KiB, named by content and counted by reference.
CREATE TABLE blob (
    digest BLOB PRIMARY KEY,
    refs INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- What arrived, once for each (source, dedupe_key).
CREATE TABLE inbox (
    n INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    at INTEGER NOT NULL,
    runs TEXT NOT NULL,
    method TEXT,
    target TEXT,
    headers TEXT,
    body BLOB,
    body_blob BLOB
) STRICT;
CREATE UNIQUE INDEX inbox_by_key ON inbox (source, dedupe_key);
CREATE INDEX inbox_by_at ON inbox (at);

-- status: running (claimed; due_at is null), waiting (due_at is set), done, ignored, failed,
-- discarded. seq is the next journal position and head the hash of the last entry.
CREATE TABLE run (
    id TEXT PRIMARY KEY,
    flow TEXT NOT NULL,
    flow_version INTEGER NOT NULL,
    digests TEXT NOT NULL,
    status TEXT NOT NULL,
    due_at INTEGER,
    seq INTEGER NOT NULL,
    head BLOB NOT NULL,
    inbox INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    summary TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX run_by_status ON run (status);
CREATE INDEX run_by_flow ON run (flow, status);
CREATE INDEX run_ready ON run (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX run_prunable ON run (finished_at) WHERE finished_at IS NOT NULL AND status <> 'failed';

-- Runs by flow and status, kept by the database itself so that counting them never scans.
CREATE TABLE tally (
    flow TEXT NOT NULL,
    status TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (flow, status)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER run_appeared AFTER INSERT ON run BEGIN
    INSERT INTO tally (flow, status, n) VALUES (new.flow, new.status, 1)
    ON CONFLICT (flow, status) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER run_moved AFTER UPDATE OF status ON run WHEN old.status <> new.status BEGIN
    UPDATE tally SET n = n - 1 WHERE flow = old.flow AND status = old.status;
    INSERT INTO tally (flow, status, n) VALUES (new.flow, new.status, 1)
    ON CONFLICT (flow, status) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER run_vanished AFTER DELETE ON run BEGIN
    UPDATE tally SET n = n - 1 WHERE flow = old.flow AND status = old.status;
END;

-- Append only. hash = SHA-256 over the previous hash, seq, at and the entry. With a rowid, because
-- entries of some kilobytes would spill out of an index page, and fit a table page.
CREATE TABLE journal (
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    entry TEXT,
    entry_blob BLOB,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT;

-- One for each run that failed for good; a run that fails again after a replay reopens its own.
-- state: open, replayed, discarded.
CREATE TABLE dead_letter (
    run TEXT PRIMARY KEY,
    flow TEXT NOT NULL,
    at INTEGER NOT NULL,
    step TEXT NOT NULL,
    class TEXT NOT NULL,
    message TEXT NOT NULL,
    detail TEXT NOT NULL,
    state TEXT NOT NULL,
    resolved_at INTEGER,
    resolved_by TEXT,
    reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_letter_by_state ON dead_letter (state);

CREATE TABLE connector (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    manifest TEXT NOT NULL,
    size INTEGER NOT NULL,
    installed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX connector_by_version ON connector (name, version);
-- Apart from `connector`, so that a list of connectors does not page through their code.
CREATE TABLE connector_wasm (digest TEXT PRIMARY KEY, wasm BLOB NOT NULL) STRICT;
CREATE TABLE connector_active (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE connector_grant (
    connector TEXT NOT NULL,
    version INTEGER NOT NULL,
    granted TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (connector, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE connection (
    name TEXT PRIMARY KEY,
    connector TEXT NOT NULL,
    method TEXT NOT NULL,
    version INTEGER NOT NULL,
    settings TEXT NOT NULL,
    identity TEXT,
    slots TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE secret (
    connection TEXT NOT NULL,
    slot TEXT NOT NULL,
    version INTEGER NOT NULL,
    wrapped_key BLOB,
    sealed BLOB,
    PRIMARY KEY (connection, slot)
) STRICT, WITHOUT ROWID;

-- state: active, retired.
CREATE TABLE flow (
    name TEXT PRIMARY KEY,
    latest INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE flow_version (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- Append only. hash = SHA-256 over the previous hash and every other column.
CREATE TABLE audit (
    n INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;

-- What connectors keep. The scope is the host's text; a connector never chooses it.
CREATE TABLE kv (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (scope, key)
) STRICT;
CREATE INDEX kv_by_expiry ON kv (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE kv_usage (scope TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TRIGGER kv_appeared AFTER INSERT ON kv BEGIN
    INSERT INTO kv_usage (scope, bytes) VALUES (new.scope, octet_length(new.key) + octet_length(new.value))
    ON CONFLICT (scope) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER kv_changed AFTER UPDATE OF value ON kv BEGIN
    UPDATE kv_usage SET bytes = bytes + octet_length(new.value) - octet_length(old.value) WHERE scope = new.scope;
END;
CREATE TRIGGER kv_vanished AFTER DELETE ON kv BEGIN
    UPDATE kv_usage SET bytes = bytes - octet_length(old.key) - octet_length(old.value) WHERE scope = old.scope;
END;

-- Where each poll trigger stands.
CREATE TABLE cursor (
    source TEXT PRIMARY KEY,
    position TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
