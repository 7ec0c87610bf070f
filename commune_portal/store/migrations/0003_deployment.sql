-- From a stick to a running, backed-up office: whom backups are closed for, what a restore must settle, what was run.

-- ── register tables ─────────────────────────────────────────────────────────────────────────────────────────
-- The office's recovery key: its public half. The private half is on paper in the safe and nowhere else.
CREATE TABLE recovery_keys (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    recipient TEXT NOT NULL UNIQUE, fingerprint TEXT NOT NULL,
    made_at TEXT NOT NULL, made_by INTEGER REFERENCES accounts (id),
    confirmed_at TEXT, retired_at TEXT, row_hash TEXT NOT NULL
) STRICT;

-- One row a restore. Until confirmed_at nothing is numbered and nothing is sent: see documents/recovering.py.
CREATE TABLE restorations (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    epoch INTEGER NOT NULL, backup_made_at TEXT NOT NULL DEFAULT '', backup_head TEXT NOT NULL DEFAULT '',
    restored_at TEXT NOT NULL, confirmed_at TEXT, confirmed_by INTEGER REFERENCES accounts (id),
    report TEXT NOT NULL DEFAULT '', row_hash TEXT NOT NULL
) STRICT;
CREATE INDEX restorations_open ON restorations (id) WHERE confirmed_at IS NULL;

CREATE TRIGGER recovery_keys_row_stays BEFORE DELETE ON recovery_keys
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER recovery_keys_row_is_rehashed BEFORE UPDATE ON recovery_keys WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER restorations_row_stays BEFORE DELETE ON restorations
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER restorations_row_is_rehashed BEFORE UPDATE ON restorations WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;

-- ── working tables ──────────────────────────────────────────────────────────────────────────────────────────
-- Every backup that was written or tried, one row a place; proven_at is when this very file was last restored and read.
CREATE TABLE backup_runs (
    id INTEGER PRIMARY KEY, began_at TEXT NOT NULL, ended_at TEXT,
    why TEXT NOT NULL CHECK (why IN ('daily', 'asked', 'upgrade')),
    place TEXT NOT NULL CHECK (place IN ('folder', 'stick')), path TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('running', 'written', 'failed', 'gone')),
    bytes INTEGER NOT NULL DEFAULT 0, sha256 TEXT NOT NULL DEFAULT '', encrypted INTEGER NOT NULL DEFAULT 0,
    proven_at TEXT, error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX backup_runs_by_outcome ON backup_runs (outcome, ended_at);

-- The heartbeat of what the portal does by itself at set times: backup, drill, pruning.
CREATE TABLE upkeep (
    name TEXT PRIMARY KEY, began_at TEXT NOT NULL, ended_at TEXT, outcome TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- After a restore, what the node answered of what is lost here: the lines of earlier journals beyond what they share
-- with ours, and the documents of ours that it took. Read by documents/lost.py until the numbers are settled.
CREATE TABLE lost_answers (
    id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, answered_at TEXT, refused TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE lost_lines (
    epoch INTEGER NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL, leaf TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE lost_messages (
    message_id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, recipient_code TEXT NOT NULL, envelope TEXT NOT NULL,
    packet_sha256 TEXT NOT NULL, packet_bytes INTEGER NOT NULL, taken_at TEXT NOT NULL,
    packet TEXT NOT NULL DEFAULT '' CHECK (packet IN ('', 'here', 'gone'))
) STRICT, WITHOUT ROWID;

-- ── at the node: when a member last backed up, and when it last proved that it could come back ──────────────────
CREATE INDEX mirror_backups ON mirror_lines (mirror_id, seq) WHERE json_extract(body, '$.act') = 'backed-up';
CREATE INDEX mirror_proofs ON mirror_lines (mirror_id, seq)
WHERE json_extract(body, '$.object') = 'backup' AND json_extract(body, '$.facts.proven') = 1;
