-- Version 2: grants that are only tried out, versions that wait for a person, what was denied, and
-- which master key wraps a secret.

-- mode: enforce (the newest is in force), report-only (the newest is tried out), ended.
-- base: the version in force that a report-only one was made from.
ALTER TABLE connector_grant ADD COLUMN mode TEXT NOT NULL DEFAULT 'enforce';
ALTER TABLE connector_grant ADD COLUMN base INTEGER;

-- When new runs last began to take the version: going back behind it is a downgrade.
ALTER TABLE connector ADD COLUMN activated_at INTEGER;
UPDATE connector SET activated_at =
    (SELECT since FROM connector_active AS a WHERE a.digest = connector.digest);

-- Versions that wait for a person.
CREATE TABLE connector_held (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    since INTEGER NOT NULL,
    actor TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Refusals by what they were about, counted; a bounded number of rows for each connector and kind.
-- kind: denied, would-deny. run: the latest, if it was one.
CREATE TABLE denial (
    connector TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    gate TEXT NOT NULL,
    method TEXT NOT NULL,
    place TEXT NOT NULL,
    message TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    run TEXT,
    PRIMARY KEY (connector, kind, reason, gate, method, place)
) STRICT, WITHOUT ROWID;

-- Which reasons of which run are in the audit log already: a run that is refused the same again and again
-- leaves one row there. Forgotten with the run.
CREATE TABLE denied_run (
    run TEXT NOT NULL,
    connector TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (run, connector, reason)
) STRICT, WITHOUT ROWID;

-- Counts the master keys; a secret under an older one than the newest is still to be sealed anew.
ALTER TABLE secret ADD COLUMN key INTEGER NOT NULL DEFAULT 1;
INSERT INTO meta (name, value) VALUES ('master-key-generation', CAST('1' AS BLOB));
