-- The founding schema, one for both roles. A register table has uid, salt and row_hash, refuses DELETE, and
-- refuses an UPDATE that does not bring a new hash; everything else is a working table.

-- ── evidence ────────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    object TEXT GENERATED ALWAYS AS (json_extract(body, '$.object')) VIRTUAL
) STRICT;
CREATE INDEX journal_by_object ON journal (object);
CREATE TRIGGER journal_is_append_only_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'a journal line never changes'); END;
CREATE TRIGGER journal_is_append_only_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'a journal line is never removed'); END;

CREATE TABLE journal_leaves (
    seq INTEGER PRIMARY KEY REFERENCES journal (seq),
    salt TEXT NOT NULL CHECK (length(salt) = 32),
    leaf TEXT NOT NULL
) STRICT;
CREATE TABLE journal_erasures (
    seq INTEGER PRIMARY KEY REFERENCES journal (seq),
    erased_by INTEGER NOT NULL REFERENCES journal (seq)
) STRICT;
CREATE TRIGGER journal_leaves_never_change BEFORE UPDATE ON journal_leaves
BEGIN SELECT RAISE(ABORT, 'a journal leaf never changes'); END;
CREATE TRIGGER journal_leaves_go_by_recall_only BEFORE DELETE ON journal_leaves
WHEN NOT EXISTS (SELECT 1 FROM journal_erasures WHERE seq = OLD.seq)
BEGIN SELECT RAISE(ABORT, 'a journal leaf is removed by a recall only'); END;

-- ── the installation and its people (register) ──────────────────────────────────────────────────────────────
CREATE TABLE installation (
    id INTEGER PRIMARY KEY CHECK (id = 1), uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('office', 'node')),
    code TEXT NOT NULL, name TEXT NOT NULL, place TEXT NOT NULL DEFAULT '',
    epoch INTEGER NOT NULL, public_key TEXT NOT NULL, box_public_key TEXT NOT NULL,
    made_at TEXT NOT NULL, row_hash TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    username TEXT NOT NULL UNIQUE, full_name TEXT NOT NULL, position TEXT NOT NULL DEFAULT '',
    unit TEXT NOT NULL DEFAULT '', roles TEXT NOT NULL,
    password_hash TEXT NOT NULL, must_change_password INTEGER NOT NULL CHECK (must_change_password IN (0, 1)),
    disabled_at TEXT, made_at TEXT NOT NULL, row_hash TEXT NOT NULL
) STRICT;

CREATE TABLE mandates (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id), issuer_id INTEGER NOT NULL REFERENCES issuers (id),
    competence TEXT NOT NULL, position TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL DEFAULT '', picture_sha256 TEXT NOT NULL DEFAULT '',
    basis TEXT NOT NULL DEFAULT '',
    valid_from TEXT NOT NULL, valid_until TEXT, row_hash TEXT NOT NULL
) STRICT;

CREATE TABLE issuers (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    code TEXT NOT NULL, code_legacy TEXT NOT NULL DEFAULT '', name TEXT NOT NULL, parent_name TEXT NOT NULL DEFAULT '',
    abbreviation TEXT NOT NULL, place TEXT NOT NULL DEFAULT '',
    certificate_sha256 TEXT NOT NULL DEFAULT '', seal_sha256 TEXT NOT NULL DEFAULT '',
    seal_diameter_mm INTEGER NOT NULL DEFAULT 36,
    valid_from TEXT NOT NULL, valid_until TEXT, row_hash TEXT NOT NULL,
    UNIQUE (code, valid_from)
) STRICT;

CREATE TABLE units (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE, abbreviation TEXT NOT NULL UNIQUE, closed_at TEXT, row_hash TEXT NOT NULL
) STRICT;

CREATE TABLE office_rules (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    name TEXT NOT NULL, value TEXT NOT NULL, valid_from TEXT NOT NULL, set_at TEXT NOT NULL, row_hash TEXT NOT NULL
) STRICT;
CREATE INDEX office_rules_by_name ON office_rules (name, valid_from);

-- ── books and numbers (register) ────────────────────────────────────────────────────────────────────────────
CREATE TABLE books (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
    issuer_id INTEGER REFERENCES issuers (id), key TEXT NOT NULL, name TEXT NOT NULL,
    year INTEGER NOT NULL CHECK (year BETWEEN 1945 AND 9999),
    opening_number INTEGER NOT NULL CHECK (opening_number >= 1),
    last_number INTEGER NOT NULL CHECK (last_number >= opening_number - 1),
    newest_date TEXT, opened_at TEXT NOT NULL, closed_at TEXT, row_hash TEXT NOT NULL,
    CHECK ((direction = 'outgoing') = (issuer_id IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX books_are_one_a_year ON books (direction, coalesce(issuer_id, 0), key, year);
CREATE TRIGGER books_never_count_back BEFORE UPDATE OF last_number, year, key, issuer_id, direction, opening_number ON books
WHEN NEW.last_number < OLD.last_number OR NEW.year <> OLD.year OR NEW.key <> OLD.key
    OR NEW.issuer_id IS NOT OLD.issuer_id OR NEW.direction <> OLD.direction OR NEW.opening_number <> OLD.opening_number
BEGIN SELECT RAISE(ABORT, 'a book never counts back'); END;

CREATE TABLE serials (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    issuer_id INTEGER NOT NULL REFERENCES issuers (id), year INTEGER NOT NULL, last_serial INTEGER NOT NULL,
    row_hash TEXT NOT NULL, UNIQUE (issuer_id, year)
) STRICT;
CREATE TRIGGER serials_never_count_back BEFORE UPDATE ON serials
WHEN NEW.last_serial < OLD.last_serial OR NEW.year <> OLD.year OR NEW.issuer_id <> OLD.issuer_id
BEGIN SELECT RAISE(ABORT, 'a serial never counts back'); END;

-- ── documents (register) ────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE incoming (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('exchange', 'upload', 'paper')),
    state TEXT NOT NULL,
    message_id TEXT UNIQUE, document_id TEXT NOT NULL DEFAULT '',
    sender_code TEXT NOT NULL DEFAULT '', sender_name TEXT NOT NULL,
    code_number TEXT NOT NULL DEFAULT '', code_notation TEXT NOT NULL DEFAULT '',
    promulgation_date TEXT, type_name TEXT NOT NULL DEFAULT '', subject TEXT NOT NULL,
    signer_name TEXT NOT NULL DEFAULT '', signer_position TEXT NOT NULL DEFAULT '',
    urgency INTEGER NOT NULL DEFAULT 0 CHECK (urgency BETWEEN 0 AND 3), deliver_by TEXT,
    page_amount INTEGER NOT NULL DEFAULT 0, paper_follows INTEGER NOT NULL DEFAULT 0,
    asked_due_date TEXT, requires_handling INTEGER NOT NULL DEFAULT 1 CHECK (requires_handling IN (0, 1)),
    arrived_at TEXT NOT NULL, check_verdict TEXT NOT NULL DEFAULT '', check_report TEXT NOT NULL DEFAULT '',
    checked_at TEXT,
    book_id INTEGER REFERENCES books (id), year INTEGER, number INTEGER, arrival_date TEXT,
    registered_at TEXT, registered_by INTEGER REFERENCES accounts (id),
    refused_at TEXT, refused_by INTEGER REFERENCES accounts (id), refusal_reason TEXT NOT NULL DEFAULT '',
    recipient_name TEXT NOT NULL DEFAULT '', due_date TEXT, completed_at TEXT,
    answered_by INTEGER REFERENCES outgoing (id), note TEXT NOT NULL DEFAULT '', row_hash TEXT NOT NULL,
    CHECK ((number IS NULL) = (book_id IS NULL) AND (number IS NULL) = (year IS NULL))
) STRICT;
CREATE UNIQUE INDEX incoming_numbers ON incoming (book_id, year, number) WHERE number IS NOT NULL;
CREATE INDEX incoming_by_state ON incoming (state, id);
CREATE INDEX incoming_unchecked ON incoming (arrived_at) WHERE check_verdict = '' AND origin <> 'paper';
CREATE INDEX incoming_in_hand ON incoming (id) WHERE state IN ('assigned', 'in-progress');
CREATE INDEX incoming_by_code ON incoming (code_number, code_notation);
CREATE INDEX incoming_by_document ON incoming (document_id) WHERE document_id <> '';
CREATE INDEX incoming_by_due ON incoming (due_date, id) WHERE due_date IS NOT NULL AND completed_at IS NULL;
CREATE TRIGGER incoming_number_is_fixed BEFORE UPDATE OF book_id, year, number ON incoming
WHEN OLD.number IS NOT NULL
    AND (NEW.number IS NOT OLD.number OR NEW.year IS NOT OLD.year OR NEW.book_id IS NOT OLD.book_id)
BEGIN SELECT RAISE(ABORT, 'a number once given never changes'); END;

CREATE TABLE assignments (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    incoming_id INTEGER NOT NULL REFERENCES incoming (id), account_id INTEGER NOT NULL REFERENCES accounts (id),
    part TEXT NOT NULL CHECK (part IN ('lead', 'support')), direction TEXT NOT NULL DEFAULT '', due_date TEXT,
    assigned_by INTEGER NOT NULL REFERENCES accounts (id), assigned_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('assigned', 'in-progress', 'completed', 'replaced')),
    started_at TEXT, completed_at TEXT, result TEXT NOT NULL DEFAULT '', row_hash TEXT NOT NULL
) STRICT;
CREATE INDEX assignments_by_incoming ON assignments (incoming_id);
CREATE INDEX assignments_by_account ON assignments (account_id, state, incoming_id);

CREATE TABLE outgoing (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    issuer_id INTEGER NOT NULL REFERENCES issuers (id), state TEXT NOT NULL,
    medium TEXT NOT NULL CHECK (medium IN ('electronic', 'paper')),
    type_code TEXT NOT NULL, type_name TEXT NOT NULL, subject TEXT NOT NULL, unit TEXT NOT NULL DEFAULT '',
    drafter_id INTEGER NOT NULL REFERENCES accounts (id), drafted_at TEXT NOT NULL,
    signer_id INTEGER REFERENCES accounts (id), signer_name TEXT NOT NULL DEFAULT '',
    signer_position TEXT NOT NULL DEFAULT '', competence TEXT NOT NULL DEFAULT '',
    urgency INTEGER NOT NULL DEFAULT 0 CHECK (urgency BETWEEN 0 AND 3), deliver_by TEXT, due_date TEXT,
    page_amount INTEGER NOT NULL DEFAULT 0, copy_amount INTEGER NOT NULL DEFAULT 1,
    recipients_text TEXT NOT NULL DEFAULT '', kept_by TEXT NOT NULL DEFAULT '',
    letter TEXT NOT NULL DEFAULT '', places TEXT NOT NULL DEFAULT '',
    return_reason TEXT NOT NULL DEFAULT '', submitted_at TEXT, approved_at TEXT, signed_at TEXT,
    book_id INTEGER REFERENCES books (id), year INTEGER, number INTEGER, symbol TEXT NOT NULL DEFAULT '',
    document_id TEXT UNIQUE, promulgation_date TEXT, numbered_at TEXT, numbered_by INTEGER REFERENCES accounts (id),
    sealed_at TEXT, dispatched_at TEXT, voided_at TEXT, void_reason TEXT NOT NULL DEFAULT '',
    answers_id INTEGER REFERENCES incoming (id), note TEXT NOT NULL DEFAULT '', row_hash TEXT NOT NULL,
    CHECK ((number IS NULL) = (book_id IS NULL) AND (number IS NULL) = (year IS NULL)
        AND (number IS NULL) = (document_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX outgoing_numbers ON outgoing (book_id, year, number) WHERE number IS NOT NULL;
CREATE UNIQUE INDEX outgoing_codes ON outgoing (issuer_id, year, number, symbol) WHERE number IS NOT NULL;
CREATE INDEX outgoing_by_state ON outgoing (state, id);
CREATE INDEX outgoing_in_draft ON outgoing (id) WHERE state IN ('draft', 'returned');
CREATE INDEX outgoing_to_sign ON outgoing (id) WHERE state IN ('submitted', 'approved');
CREATE INDEX outgoing_to_issue ON outgoing (id) WHERE state IN ('signed', 'numbered');
CREATE INDEX outgoing_to_send ON outgoing (id) WHERE state = 'issued' AND dispatched_at IS NULL AND medium = 'electronic';
CREATE INDEX outgoing_by_drafter ON outgoing (drafter_id, id);
CREATE INDEX outgoing_by_signer ON outgoing (signer_id, state);
CREATE TRIGGER outgoing_number_is_fixed BEFORE UPDATE OF book_id, year, number, symbol, document_id ON outgoing
WHEN OLD.number IS NOT NULL
    AND (NEW.number IS NOT OLD.number OR NEW.year IS NOT OLD.year OR NEW.book_id IS NOT OLD.book_id
        OR NEW.document_id IS NOT OLD.document_id OR NEW.symbol IS NOT OLD.symbol)
BEGIN SELECT RAISE(ABORT, 'a number once given never changes'); END;

CREATE TABLE attachments (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    owner_table TEXT NOT NULL CHECK (owner_table IN ('incoming', 'outgoing')), owner_id INTEGER NOT NULL,
    part TEXT NOT NULL CHECK (part IN ('main', 'annex', 'packet', 'draft', 'prepared', 'signed', 'sealed')),
    ordinal INTEGER NOT NULL, name TEXT NOT NULL, media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64), bytes INTEGER NOT NULL,
    added_at TEXT NOT NULL, superseded_at TEXT, row_hash TEXT NOT NULL
) STRICT;
CREATE INDEX attachments_by_owner ON attachments (owner_table, owner_id);
CREATE INDEX attachments_by_sha256 ON attachments (sha256);

CREATE TABLE recipients (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    outgoing_id INTEGER NOT NULL REFERENCES outgoing (id), organ_code TEXT NOT NULL, organ_name TEXT NOT NULL,
    message_id TEXT NOT NULL UNIQUE, queued_at TEXT NOT NULL, delivered_at TEXT,
    refused_at TEXT, refusal TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT '', status_at TEXT, status_reason TEXT NOT NULL DEFAULT '', row_hash TEXT NOT NULL
) STRICT;

CREATE INDEX recipients_by_outgoing ON recipients (outgoing_id);
CREATE UNIQUE INDEX recipients_are_sent_to_once ON recipients (outgoing_id, organ_code) WHERE refused_at IS NULL;

CREATE TABLE statuses (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    message_id TEXT NOT NULL UNIQUE, outgoing_id INTEGER REFERENCES outgoing (id),
    recipient_id INTEGER REFERENCES recipients (id), document_id TEXT NOT NULL, organ_code TEXT NOT NULL,
    code TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', staff TEXT NOT NULL DEFAULT '', told_at TEXT,
    arrived_at TEXT NOT NULL, applied INTEGER NOT NULL CHECK (applied IN (0, 1)), packet_sha256 TEXT NOT NULL,
    row_hash TEXT NOT NULL
) STRICT;
CREATE INDEX statuses_by_outgoing ON statuses (outgoing_id);
CREATE INDEX statuses_by_document ON statuses (document_id);

-- ── exchange: evidence (register) and queues (working) ──────────────────────────────────────────────────────
CREATE TABLE peers (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, address TEXT NOT NULL, ca TEXT NOT NULL DEFAULT '',
    public_key TEXT NOT NULL, box_public_key TEXT NOT NULL, enrolled_at TEXT, row_hash TEXT NOT NULL
) STRICT;

CREATE TABLE receipts (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    given INTEGER NOT NULL CHECK (given IN (0, 1)), message_id TEXT NOT NULL, peer_code TEXT NOT NULL,
    bytes TEXT NOT NULL, sender_size INTEGER NOT NULL, sender_head TEXT NOT NULL,
    stored_at TEXT NOT NULL, row_hash TEXT NOT NULL, UNIQUE (given, message_id, peer_code)
) STRICT;

CREATE TABLE anchors (
    size INTEGER PRIMARY KEY, note TEXT NOT NULL, stored_at TEXT NOT NULL
) STRICT;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, recipient_code TEXT NOT NULL,
    urgency INTEGER NOT NULL, envelope TEXT NOT NULL, packet_sha256 TEXT NOT NULL, packet_bytes INTEGER NOT NULL,
    about TEXT NOT NULL DEFAULT '', queued_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'delivered', 'refused')),
    attempts INTEGER NOT NULL DEFAULT 0, next_attempt_at TEXT NOT NULL, last_reason TEXT NOT NULL DEFAULT '',
    bytes_sent INTEGER NOT NULL DEFAULT 0, closed_at TEXT
) STRICT;
CREATE INDEX outbox_waiting ON outbox (urgency DESC, packet_bytes, id) WHERE state = 'ready';
CREATE INDEX outbox_by_about ON outbox (about) WHERE about <> '';

CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, sender_code TEXT NOT NULL, envelope TEXT NOT NULL,
    packet_sha256 TEXT NOT NULL, reason TEXT NOT NULL, arrived_at TEXT NOT NULL
) STRICT;

CREATE TABLE contacts (
    peer_code TEXT PRIMARY KEY, mailbox_cursor INTEGER NOT NULL DEFAULT 0, journal_sent INTEGER NOT NULL DEFAULT 0,
    directory_etag TEXT NOT NULL DEFAULT '', last_contact_at TEXT, last_attempt_at TEXT, next_attempt_at TEXT,
    failures INTEGER NOT NULL DEFAULT 0, last_reason TEXT NOT NULL DEFAULT '', skew_seconds INTEGER NOT NULL DEFAULT 0,
    bytes_sent INTEGER NOT NULL DEFAULT 0, heartbeat_at TEXT
) STRICT;

CREATE TABLE organisations (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, code_legacy TEXT NOT NULL DEFAULT '', name TEXT NOT NULL,
    folded TEXT NOT NULL, reachable INTEGER NOT NULL DEFAULT 0, closed_at TEXT
) STRICT;
CREATE INDEX organisations_by_folded ON organisations (folded);

CREATE TABLE organisation_keys (
    key_id TEXT PRIMARY KEY, organ_code TEXT NOT NULL, public_key TEXT NOT NULL, box_public_key TEXT NOT NULL,
    valid_from TEXT NOT NULL, revoked_at TEXT
) STRICT;

-- ── the node (register: members, mailbox, mirrors; working: the rest) ───────────────────────────────────────
CREATE TABLE members (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    code TEXT NOT NULL UNIQUE, code_legacy TEXT NOT NULL DEFAULT '', name TEXT NOT NULL,
    enrolment_sha256 TEXT NOT NULL DEFAULT '', enrolment_until TEXT, epoch INTEGER NOT NULL DEFAULT 0,
    added_at TEXT NOT NULL, enrolled_at TEXT, closed_at TEXT, row_hash TEXT NOT NULL
) STRICT;

CREATE TABLE member_keys (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id), key_id TEXT NOT NULL UNIQUE,
    public_key TEXT NOT NULL, box_public_key TEXT NOT NULL,
    valid_from TEXT NOT NULL, revoked_at TEXT, row_hash TEXT NOT NULL
) STRICT;

CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    message_id TEXT NOT NULL UNIQUE, sender_code TEXT NOT NULL, recipient_code TEXT NOT NULL, kind TEXT NOT NULL,
    urgency INTEGER NOT NULL, envelope TEXT NOT NULL, packet_sha256 TEXT NOT NULL, packet_bytes INTEGER NOT NULL,
    taken_at TEXT NOT NULL, fetched_at TEXT, recipient_receipt TEXT NOT NULL DEFAULT '', row_hash TEXT NOT NULL
) STRICT;
CREATE INDEX mailbox_waiting ON mailbox (recipient_code, id);
CREATE INDEX mailbox_by_packet ON mailbox (packet_sha256);
CREATE INDEX mailbox_in_transit ON mailbox (id) WHERE fetched_at IS NULL;

-- What we answered, byte for byte: a repetition gets the same bytes. Its signature is its own evidence.
CREATE TABLE receipts_given (
    message_id TEXT NOT NULL, packet_sha256 TEXT NOT NULL, sender_code TEXT NOT NULL,
    bytes TEXT NOT NULL, given_at TEXT NOT NULL, PRIMARY KEY (message_id, packet_sha256, sender_code)
) STRICT, WITHOUT ROWID;

CREATE TABLE mirrors (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, salt TEXT NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id), epoch INTEGER NOT NULL, genesis TEXT NOT NULL,
    size INTEGER NOT NULL, head TEXT NOT NULL, disagreement TEXT NOT NULL DEFAULT '', checked_at TEXT NOT NULL,
    row_hash TEXT NOT NULL, UNIQUE (member_id, epoch, genesis)
) STRICT;

CREATE TABLE mirror_lines (
    mirror_id INTEGER NOT NULL REFERENCES mirrors (id), seq INTEGER NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL,
    salt TEXT NOT NULL DEFAULT '', leaf TEXT NOT NULL DEFAULT '', PRIMARY KEY (mirror_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE mirror_entries (
    mirror_id INTEGER NOT NULL REFERENCES mirrors (id), object TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
    issuer TEXT NOT NULL DEFAULT '', book TEXT NOT NULL DEFAULT '', year INTEGER, number INTEGER,
    state TEXT NOT NULL DEFAULT '', symbol TEXT NOT NULL DEFAULT '', type_name TEXT NOT NULL DEFAULT '',
    subject TEXT NOT NULL DEFAULT '', author TEXT NOT NULL DEFAULT '', signer TEXT NOT NULL DEFAULT '',
    recipients TEXT NOT NULL DEFAULT '', handler TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
    medium TEXT NOT NULL DEFAULT '', is_signed INTEGER NOT NULL DEFAULT 0, urgency INTEGER NOT NULL DEFAULT 0,
    requires_handling INTEGER NOT NULL DEFAULT 0,
    promulgation_date TEXT, arrival_date TEXT, due_date TEXT, completed_date TEXT, dispatched_date TEXT,
    folded TEXT NOT NULL DEFAULT '', last_seq INTEGER NOT NULL, PRIMARY KEY (mirror_id, object)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_entries_in_book ON mirror_entries (mirror_id, direction, year, number);

-- What a member's envelopes and receipts said of its journal, until the mirror has come so far.
CREATE TABLE stated_checkpoints (
    mirror_id INTEGER NOT NULL REFERENCES mirrors (id), size INTEGER NOT NULL, head TEXT NOT NULL,
    message_id TEXT NOT NULL, stated_at TEXT NOT NULL, PRIMARY KEY (mirror_id, size, head)
) STRICT, WITHOUT ROWID;

CREATE TABLE member_contacts (
    member_id INTEGER PRIMARY KEY REFERENCES members (id), last_contact_at TEXT NOT NULL,
    skew_seconds INTEGER NOT NULL DEFAULT 0, address TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE uploads (
    id TEXT PRIMARY KEY, member_id INTEGER NOT NULL REFERENCES members (id), message_id TEXT NOT NULL,
    sha256 TEXT NOT NULL, length INTEGER NOT NULL, made_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    verified_at TEXT, UNIQUE (member_id, sha256)
) STRICT;

CREATE TABLE nonces (nonce TEXT PRIMARY KEY, seen_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_time ON nonces (seen_at);

-- ── working tables of the office ────────────────────────────────────────────────────────────────────────────
CREATE TABLE sessions (
    token_sha256 TEXT PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES accounts (id),
    began_at TEXT NOT NULL, last_act_at TEXT NOT NULL, address TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account_id);

CREATE TABLE login_failures (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL, address TEXT NOT NULL, failed_at TEXT NOT NULL
) STRICT;
CREATE INDEX login_failures_by_name ON login_failures (username, failed_at);
CREATE INDEX login_failures_by_address ON login_failures (address, failed_at);

CREATE TABLE accesses (
    id INTEGER PRIMARY KEY, account_id INTEGER REFERENCES accounts (id), kind TEXT NOT NULL, object TEXT NOT NULL,
    seen_at TEXT NOT NULL
) STRICT;
CREATE INDEX accesses_by_object ON accesses (object);
CREATE TRIGGER accesses_are_append_only_update BEFORE UPDATE ON accesses
BEGIN SELECT RAISE(ABORT, 'an access never changes'); END;
CREATE TRIGGER accesses_are_append_only_delete BEFORE DELETE ON accesses
BEGIN SELECT RAISE(ABORT, 'an access is never removed'); END;

CREATE TABLE pending_signatures (
    outgoing_id INTEGER NOT NULL REFERENCES outgoing (id), purpose TEXT NOT NULL CHECK (purpose IN ('leader', 'seal')),
    source_sha256 TEXT NOT NULL, prepared_sha256 TEXT NOT NULL, attributes TEXT NOT NULL, made_at TEXT NOT NULL,
    PRIMARY KEY (outgoing_id, purpose)
) STRICT, WITHOUT ROWID;

CREATE TABLE tallies (
    kind TEXT NOT NULL, state TEXT NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (kind, state)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER incoming_tally_insert AFTER INSERT ON incoming BEGIN
    INSERT INTO tallies VALUES ('incoming', NEW.state, 1) ON CONFLICT DO UPDATE SET amount = amount + 1;
END;
CREATE TRIGGER incoming_tally_update AFTER UPDATE OF state ON incoming WHEN NEW.state <> OLD.state BEGIN
    UPDATE tallies SET amount = amount - 1 WHERE kind = 'incoming' AND state = OLD.state;
    INSERT INTO tallies VALUES ('incoming', NEW.state, 1) ON CONFLICT DO UPDATE SET amount = amount + 1;
END;
CREATE TRIGGER outgoing_tally_insert AFTER INSERT ON outgoing BEGIN
    INSERT INTO tallies VALUES ('outgoing', NEW.state, 1) ON CONFLICT DO UPDATE SET amount = amount + 1;
END;
CREATE TRIGGER outgoing_tally_update AFTER UPDATE OF state ON outgoing WHEN NEW.state <> OLD.state BEGIN
    UPDATE tallies SET amount = amount - 1 WHERE kind = 'outgoing' AND state = OLD.state;
    INSERT INTO tallies VALUES ('outgoing', NEW.state, 1) ON CONFLICT DO UPDATE SET amount = amount + 1;
END;

-- ── search: folded keys, rowid = order of arrival ───────────────────────────────────────────────────────────
CREATE TABLE incoming_texts (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE incoming_search USING fts5 (
    body, content = 'incoming_texts', content_rowid = 'id', tokenize = 'unicode61', columnsize = 0
);
CREATE TRIGGER incoming_texts_insert AFTER INSERT ON incoming_texts BEGIN
    INSERT INTO incoming_search (rowid, body) VALUES (NEW.id, NEW.body);
END;
CREATE TRIGGER incoming_texts_delete AFTER DELETE ON incoming_texts BEGIN
    INSERT INTO incoming_search (incoming_search, rowid, body) VALUES ('delete', OLD.id, OLD.body);
END;
CREATE TRIGGER incoming_texts_update AFTER UPDATE ON incoming_texts BEGIN
    INSERT INTO incoming_search (incoming_search, rowid, body) VALUES ('delete', OLD.id, OLD.body);
    INSERT INTO incoming_search (rowid, body) VALUES (NEW.id, NEW.body);
END;
CREATE TABLE outgoing_texts (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE outgoing_search USING fts5 (
    body, content = 'outgoing_texts', content_rowid = 'id', tokenize = 'unicode61', columnsize = 0
);
CREATE TRIGGER outgoing_texts_insert AFTER INSERT ON outgoing_texts BEGIN
    INSERT INTO outgoing_search (rowid, body) VALUES (NEW.id, NEW.body);
END;
CREATE TRIGGER outgoing_texts_delete AFTER DELETE ON outgoing_texts BEGIN
    INSERT INTO outgoing_search (outgoing_search, rowid, body) VALUES ('delete', OLD.id, OLD.body);
END;
CREATE TRIGGER outgoing_texts_update AFTER UPDATE ON outgoing_texts BEGIN
    INSERT INTO outgoing_search (outgoing_search, rowid, body) VALUES ('delete', OLD.id, OLD.body);
    INSERT INTO outgoing_search (rowid, body) VALUES (NEW.id, NEW.body);
END;

-- ── guards of every register table ─────────────────────────────────────────────────────────────────────────
CREATE TRIGGER installation_row_stays BEFORE DELETE ON installation
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER installation_row_is_rehashed BEFORE UPDATE ON installation WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER accounts_row_stays BEFORE DELETE ON accounts
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER accounts_row_is_rehashed BEFORE UPDATE ON accounts WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER mandates_row_stays BEFORE DELETE ON mandates
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER mandates_row_is_rehashed BEFORE UPDATE ON mandates WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER issuers_row_stays BEFORE DELETE ON issuers
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER issuers_row_is_rehashed BEFORE UPDATE ON issuers WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER units_row_stays BEFORE DELETE ON units
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER units_row_is_rehashed BEFORE UPDATE ON units WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER office_rules_row_stays BEFORE DELETE ON office_rules
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER office_rules_row_is_rehashed BEFORE UPDATE ON office_rules WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER books_row_stays BEFORE DELETE ON books
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER books_row_is_rehashed BEFORE UPDATE ON books WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER serials_row_stays BEFORE DELETE ON serials
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER serials_row_is_rehashed BEFORE UPDATE ON serials WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER incoming_row_stays BEFORE DELETE ON incoming
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER incoming_row_is_rehashed BEFORE UPDATE ON incoming WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER assignments_row_stays BEFORE DELETE ON assignments
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER assignments_row_is_rehashed BEFORE UPDATE ON assignments WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER outgoing_row_stays BEFORE DELETE ON outgoing
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER outgoing_row_is_rehashed BEFORE UPDATE ON outgoing WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER attachments_row_stays BEFORE DELETE ON attachments
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER attachments_row_is_rehashed BEFORE UPDATE ON attachments WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER recipients_row_stays BEFORE DELETE ON recipients
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER recipients_row_is_rehashed BEFORE UPDATE ON recipients WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER statuses_row_stays BEFORE DELETE ON statuses
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER statuses_row_is_rehashed BEFORE UPDATE ON statuses WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER peers_row_stays BEFORE DELETE ON peers
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER peers_row_is_rehashed BEFORE UPDATE ON peers WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER receipts_row_stays BEFORE DELETE ON receipts
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER receipts_row_is_rehashed BEFORE UPDATE ON receipts WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER members_row_stays BEFORE DELETE ON members
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER members_row_is_rehashed BEFORE UPDATE ON members WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER member_keys_row_stays BEFORE DELETE ON member_keys
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER member_keys_row_is_rehashed BEFORE UPDATE ON member_keys WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER mailbox_row_stays BEFORE DELETE ON mailbox
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER mailbox_row_is_rehashed BEFORE UPDATE ON mailbox WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
CREATE TRIGGER mirrors_row_stays BEFORE DELETE ON mirrors
BEGIN SELECT RAISE(ABORT, 'a register row is never removed'); END;
CREATE TRIGGER mirrors_row_is_rehashed BEFORE UPDATE ON mirrors WHEN NEW.row_hash IS OLD.row_hash OR NEW.uid IS NOT OLD.uid OR NEW.id IS NOT OLD.id
BEGIN SELECT RAISE(ABORT, 'a register row changes with its hash'); END;
