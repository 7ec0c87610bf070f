-- The exchange to the letter: amendments, calls, groups, the bag, nodes above nodes.
-- Columns added to a register table are NULL in rows from before and then outside their hash (rules/chain.py).

-- ── amendments (register): recall, take-back, update, replacement, correction; one row a recipient and message ──
-- side 'ours': we ask of organ_code about our outgoing document; 'theirs': organ_code asks of us about an incoming one.
-- notice: the document that carries it (recall notice, replacing document, correcting letter). changes: JSON of an update.
CREATE TABLE amendments (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('ours', 'theirs')),
    kind TEXT NOT NULL CHECK (kind IN ('recall', 'take-back', 'update', 'replace', 'correct')),
    state TEXT NOT NULL CHECK (state IN ('asked', 'agreed', 'declined', 'dropped')),
    message_id TEXT UNIQUE, document_id TEXT NOT NULL,
    organ_code TEXT NOT NULL DEFAULT '', organ_name TEXT NOT NULL DEFAULT '',
    outgoing_id INTEGER REFERENCES outgoing (id), incoming_id INTEGER REFERENCES incoming (id),
    recipient_id INTEGER REFERENCES recipients (id),
    notice_outgoing_id INTEGER REFERENCES outgoing (id), notice_incoming_id INTEGER REFERENCES incoming (id),
    reason TEXT NOT NULL DEFAULT '', changes TEXT NOT NULL DEFAULT '',
    asked_at TEXT NOT NULL, asked_by INTEGER REFERENCES accounts (id),
    answered_at TEXT, answered_by INTEGER REFERENCES accounts (id), answer TEXT NOT NULL DEFAULT '',
    row_hash TEXT NOT NULL
) STRICT;
CREATE INDEX amendments_by_outgoing ON amendments (outgoing_id) WHERE outgoing_id IS NOT NULL;
CREATE INDEX amendments_by_incoming ON amendments (incoming_id) WHERE incoming_id IS NOT NULL;
CREATE INDEX amendments_by_document ON amendments (document_id, organ_code);
CREATE INDEX amendments_open ON amendments (side, kind, id) WHERE state = 'asked';

-- A call about a hỏa tốc document: whom, on which number, what was said. Register: it goes into the statistics.
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    recipient_id INTEGER NOT NULL REFERENCES recipients (id), phone TEXT NOT NULL DEFAULT '',
    spoke_to TEXT NOT NULL DEFAULT '', outcome TEXT NOT NULL CHECK (outcome IN ('reached', 'no-answer', 'other-way')),
    note TEXT NOT NULL DEFAULT '', called_at TEXT NOT NULL, called_by INTEGER NOT NULL REFERENCES accounts (id),
    row_hash TEXT NOT NULL
) STRICT;
CREATE INDEX calls_by_recipient ON calls (recipient_id);

-- «Gửi nhanh»: a named group of recipients; codes are JSON, in the order in which they are shown.
CREATE TABLE recipient_groups (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    name TEXT NOT NULL, codes TEXT NOT NULL, made_at TEXT NOT NULL, closed_at TEXT, row_hash TEXT NOT NULL
) STRICT;

CREATE TRIGGER amendments_row_stays BEFORE DELETE ON amendments
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER amendments_row_is_rehashed BEFORE UPDATE ON amendments WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER calls_row_stays BEFORE DELETE ON calls
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER calls_row_is_rehashed BEFORE UPDATE ON calls WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER recipient_groups_row_stays BEFORE DELETE ON recipient_groups
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER recipient_groups_row_is_rehashed BEFORE UPDATE ON recipient_groups WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;

-- ── columns that came later ─────────────────────────────────────────────────────────────────────────────────
ALTER TABLE incoming ADD COLUMN business_type INTEGER;
ALTER TABLE incoming ADD COLUMN wiped_at TEXT;
ALTER TABLE attachments ADD COLUMN wiped_at TEXT;
ALTER TABLE recipients ADD COLUMN business_type INTEGER;
ALTER TABLE recipients ADD COLUMN paper_follows INTEGER;
ALTER TABLE mailbox ADD COLUMN in_reply_to TEXT;
ALTER TABLE mailbox ADD COLUMN handed_by TEXT;
ALTER TABLE mailbox ADD COLUMN wiped_at TEXT;
ALTER TABLE members ADD COLUMN subtree TEXT;
CREATE INDEX mailbox_by_question ON mailbox (in_reply_to) WHERE in_reply_to IS NOT NULL;
-- What was refused by the receiver (02) or taken back (15) may be sent to the same office once more.
DROP INDEX recipients_are_sent_to_once;
CREATE UNIQUE INDEX recipients_are_sent_to_once ON recipients (outgoing_id, organ_code)
WHERE refused_at IS NULL AND status NOT IN ('02', '15');

-- What the hỏa tốc watch looks through on every page.
CREATE INDEX outgoing_flash ON outgoing (id) WHERE urgency = 3 AND dispatched_at IS NOT NULL;
-- A packet with a mark of state secrecy: hash and reason alone are kept, until a clerk notes to whom it was reported.
ALTER TABLE quarantine ADD COLUMN classified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN incoming_id INTEGER REFERENCES incoming (id);
ALTER TABLE quarantine ADD COLUMN reported_at TEXT;
CREATE INDEX quarantine_classified ON quarantine (id) WHERE classified = 1 AND reported_at IS NULL;

-- ── working tables ──────────────────────────────────────────────────────────────────────────────────────────
-- The outbox anew: 'withdrawn' is what was dropped before the node had it.
DROP INDEX outbox_waiting;
DROP INDEX outbox_by_about;
ALTER TABLE outbox RENAME TO outbox_before;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, recipient_code TEXT NOT NULL,
    urgency INTEGER NOT NULL, envelope TEXT NOT NULL, packet_sha256 TEXT NOT NULL, packet_bytes INTEGER NOT NULL,
    about TEXT NOT NULL DEFAULT '', queued_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'delivered', 'refused', 'withdrawn')),
    attempts INTEGER NOT NULL DEFAULT 0, next_attempt_at TEXT NOT NULL, last_reason TEXT NOT NULL DEFAULT '',
    bytes_sent INTEGER NOT NULL DEFAULT 0, closed_at TEXT
) STRICT;
INSERT INTO outbox SELECT * FROM outbox_before;
DROP TABLE outbox_before;
CREATE INDEX outbox_waiting ON outbox (urgency DESC, packet_bytes, id) WHERE state = 'ready';
CREATE INDEX outbox_by_about ON outbox (about) WHERE about <> '';

-- Files that a recall has condemned: the row stays until the bytes and their words are gone from the disk.
CREATE TABLE wipes (
    sha256 TEXT PRIMARY KEY, about TEXT NOT NULL, asked_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Bags that went or came by stick: what the exchange page tells of them.
CREATE TABLE bags (
    id INTEGER PRIMARY KEY, bag_id TEXT NOT NULL, went TEXT NOT NULL CHECK (went IN ('out', 'in')),
    peer_code TEXT NOT NULL, encrypted INTEGER NOT NULL CHECK (encrypted IN (0, 1)),
    messages INTEGER NOT NULL, receipts INTEGER NOT NULL, refused INTEGER NOT NULL DEFAULT 0,
    report TEXT NOT NULL DEFAULT '', at TEXT NOT NULL
) STRICT;

-- Earlier codes of an organisation, and codes of bodies that were merged into it.
CREATE TABLE organisation_aliases (
    alias TEXT PRIMARY KEY, code TEXT NOT NULL, why TEXT NOT NULL CHECK (why IN ('legacy', 'renamed', 'merged')),
    since TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX organisation_aliases_by_code ON organisation_aliases (code);
ALTER TABLE organisations ADD COLUMN phone TEXT NOT NULL DEFAULT '';
ALTER TABLE organisations ADD COLUMN merged_into TEXT NOT NULL DEFAULT '';
ALTER TABLE organisations ADD COLUMN source TEXT NOT NULL DEFAULT '' CHECK (source IN ('', 'node', 'hand', 'subtree', 'axis'));
ALTER TABLE organisations ADD COLUMN changed_at TEXT NOT NULL DEFAULT '';
ALTER TABLE organisations ADD COLUMN former_names TEXT NOT NULL DEFAULT '';
-- The number of the row's newest change: an office asks for what lies behind the one that it saw last.
ALTER TABLE organisations ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
UPDATE organisations SET change = id;
CREATE INDEX organisations_by_change ON organisations (change);
CREATE INDEX organisations_by_legacy ON organisations (code_legacy) WHERE code_legacy <> '';
CREATE INDEX organisations_reachable ON organisations (folded) WHERE reachable = 1;
-- What an organisation was known as, folded: former names and codes. Written by people/organisation_lists alone.
ALTER TABLE organisations ADD COLUMN known_as TEXT NOT NULL DEFAULT '';
CREATE VIRTUAL TABLE organisation_search USING fts5 (
    folded, known_as, content = 'organisations', content_rowid = 'id', tokenize = 'unicode61', columnsize = 0
);
INSERT INTO organisation_search (organisation_search) VALUES ('rebuild');
CREATE TRIGGER organisations_insert AFTER INSERT ON organisations BEGIN
    INSERT INTO organisation_search (rowid, folded, known_as) VALUES (NEW.id, NEW.folded, NEW.known_as);
END;
CREATE TRIGGER organisations_number AFTER INSERT ON organisations WHEN NEW.change = 0 BEGIN
    UPDATE organisations SET change = (SELECT max(change) + 1 FROM organisations) WHERE id = NEW.id;
END;
CREATE TRIGGER organisations_delete AFTER DELETE ON organisations BEGIN
    INSERT INTO organisation_search (organisation_search, rowid, folded, known_as)
    VALUES ('delete', OLD.id, OLD.folded, OLD.known_as);
END;
CREATE TRIGGER organisations_update AFTER UPDATE OF folded, known_as ON organisations
WHEN NEW.folded <> OLD.folded OR NEW.known_as <> OLD.known_as BEGIN
    INSERT INTO organisation_search (organisation_search, rowid, folded, known_as)
    VALUES ('delete', OLD.id, OLD.folded, OLD.known_as);
    INSERT INTO organisation_search (rowid, folded, known_as) VALUES (NEW.id, NEW.folded, NEW.known_as);
END;
CREATE TRIGGER organisations_change
AFTER UPDATE OF code_legacy, name, known_as, phone, merged_into, closed_at ON organisations
WHEN (NEW.code_legacy, NEW.name, NEW.known_as, NEW.phone, NEW.merged_into, coalesce(NEW.closed_at, ''))
  <> (OLD.code_legacy, OLD.name, OLD.known_as, OLD.phone, OLD.merged_into, coalesce(OLD.closed_at, '')) BEGIN
    UPDATE organisations SET change = (SELECT max(change) + 1 FROM organisations) WHERE id = NEW.id;
END;
ALTER TABLE contacts ADD COLUMN organisations_change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contacts ADD COLUMN organisations_at TEXT;

-- Reconciliation at an office: what the node last said that it holds. side 'ours': we sent it; 'theirs': it is for us.
CREATE TABLE comparisons (
    message_id TEXT PRIMARY KEY, side TEXT NOT NULL CHECK (side IN ('ours', 'theirs')),
    peer_code TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT '' CHECK (state IN ('', 'held', 'unknown', 'wiped')),
    packet_sha256 TEXT NOT NULL DEFAULT '', taken_at TEXT, fetched_at TEXT, receipt_sha256 TEXT NOT NULL DEFAULT '',
    answered_at TEXT, asked_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX comparisons_by_time ON comparisons (side, taken_at);
CREATE INDEX comparisons_asked ON comparisons (asked_at) WHERE asked_at IS NOT NULL;
ALTER TABLE contacts ADD COLUMN comparison_cursor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contacts ADD COLUMN compared_at TEXT;
CREATE INDEX recipients_by_time ON recipients (queued_at);
CREATE INDEX incoming_by_arrival ON incoming (arrived_at) WHERE origin = 'exchange';

-- Reconciliation at a node: what the members' journals say of messages. side 'sent': the mirrored office sent it;
-- 'arrived': it took it. outcome: what a later line of that journal tells.
CREATE TABLE mirror_messages (
    mirror_id INTEGER NOT NULL REFERENCES mirrors (id), side TEXT NOT NULL CHECK (side IN ('sent', 'arrived')),
    peer_code TEXT NOT NULL, message_id TEXT NOT NULL, packet_sha256 TEXT NOT NULL DEFAULT '',
    object TEXT NOT NULL DEFAULT '', document_id TEXT NOT NULL DEFAULT '', seq INTEGER NOT NULL, at TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT '', outcome_at TEXT, PRIMARY KEY (mirror_id, side, message_id, peer_code)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_messages_by_time ON mirror_messages (side, at);
CREATE INDEX mailbox_by_time ON mailbox (taken_at) WHERE kind = 'edoc';
CREATE INDEX mailbox_by_sender ON mailbox (sender_code, recipient_code);
INSERT INTO mirror_messages (mirror_id, side, peer_code, message_id, object, seq, at, outcome)
SELECT mirror_id, 'sent', json_extract(body, '$.facts.recipient'), json_extract(body, '$.facts.message'),
    coalesce(json_extract(body, '$.object'), ''), seq, json_extract(body, '$.instant'), 'delivered'
FROM mirror_lines WHERE json_extract(body, '$.act') = 'outgoing.delivered'
    AND json_extract(body, '$.facts.recipient') IS NOT NULL AND json_extract(body, '$.facts.message') IS NOT NULL
ON CONFLICT DO NOTHING;
INSERT INTO mirror_messages (mirror_id, side, peer_code, message_id, packet_sha256, object, document_id, seq, at)
SELECT mirror_id, 'arrived', json_extract(body, '$.facts.sender'), json_extract(body, '$.facts.message'),
    coalesce(json_extract(body, '$.files[0]'), ''), coalesce(json_extract(body, '$.object'), ''),
    coalesce(json_extract(body, '$.facts.document'), ''), seq, json_extract(body, '$.instant')
FROM mirror_lines WHERE json_extract(body, '$.act') = 'incoming.arrived'
    AND json_extract(body, '$.facts.sender') IS NOT NULL AND json_extract(body, '$.facts.message') IS NOT NULL
ON CONFLICT DO NOTHING;

-- The proof of attempts, for the person who takes over when the list of them has run out.
ALTER TABLE outbox ADD COLUMN first_attempt_at TEXT;
ALTER TABLE outbox ADD COLUMN last_attempt_at TEXT;

-- A packet put aside stays shown until a clerk has said that it was seen.
ALTER TABLE quarantine ADD COLUMN seen_at TEXT;
ALTER TABLE quarantine ADD COLUMN seen_by INTEGER REFERENCES accounts (id);

-- At a node: what goes on to the node above (or to the axis), and the directories of the nodes below.
CREATE TABLE upward (
    message_id TEXT PRIMARY KEY, kind TEXT NOT NULL, urgency INTEGER NOT NULL, port TEXT NOT NULL DEFAULT 'node',
    queued_at TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('ready', 'delivered', 'refused')),
    attempts INTEGER NOT NULL DEFAULT 0, next_attempt_at TEXT NOT NULL, last_reason TEXT NOT NULL DEFAULT '',
    receipt TEXT NOT NULL DEFAULT '', trace TEXT NOT NULL DEFAULT '', closed_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX upward_waiting ON upward (urgency DESC, queued_at) WHERE state = 'ready';
