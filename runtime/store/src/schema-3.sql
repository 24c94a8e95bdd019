-- Version 3: runs that other runs start, and runs that are kept for a time of their own.

-- parent: the run that started this one, at parent_step. depth: how many runs led to it.
ALTER TABLE run ADD COLUMN parent TEXT;
ALTER TABLE run ADD COLUMN parent_step TEXT;
ALTER TABLE run ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
CREATE INDEX run_by_parent ON run (parent) WHERE parent IS NOT NULL;

-- When an ended run may be forgotten; null: as long after its end as the server says.
ALTER TABLE run ADD COLUMN forget_at INTEGER;
CREATE INDEX run_forgettable ON run (forget_at) WHERE forget_at IS NOT NULL AND status <> 'failed';
