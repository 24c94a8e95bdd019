-- Version 4: what others have to say to a run. Its driver takes it over into the journal.

CREATE TABLE mail (
    n INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    at INTEGER NOT NULL,
    entry TEXT NOT NULL
) STRICT;
CREATE INDEX mail_by_run ON mail (run);
