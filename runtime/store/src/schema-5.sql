-- Version 5: flows that the server starts by itself, on a schedule or by polling.

-- Nothing has written it.
DROP TABLE cursor;

-- One row for each such flow. kind: schedule, poll. spec: what the row stands for; another one begins anew,
-- at `since`. due_at: the next fire or poll; null: never. version counts the changes of where it stands.
-- cursor, trail, behind: where a poll trigger stands, as its connector has it; older cursors that a look-back
-- needs; whether there is more to read at once. pause: milliseconds to the next poll, as was last decided.
-- done_at: the last fire or poll that went well. failures: in a row; failure: the last one's.
CREATE TABLE flow_trigger (
    flow TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    spec TEXT NOT NULL,
    since INTEGER NOT NULL,
    due_at INTEGER,
    version INTEGER NOT NULL,
    cursor TEXT,
    cursor_at INTEGER,
    trail TEXT,
    behind INTEGER NOT NULL DEFAULT 0,
    pause INTEGER NOT NULL DEFAULT 0,
    done_at INTEGER,
    events INTEGER NOT NULL DEFAULT 0,
    missed INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    failed_at INTEGER,
    failure TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX flow_trigger_due ON flow_trigger (kind, due_at) WHERE due_at IS NOT NULL;
