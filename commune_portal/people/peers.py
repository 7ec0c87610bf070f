"""The node above: introduced by its enrolment file, its directory kept, what it told of contacts noted.

Contacts are working rows; the peer itself, its keys and receipts are register rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from commune_portal import clock
from commune_portal.errors import NotFound, RuleBroken
from commune_portal.people import directory as people_directory
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, files, installation, journal
from commune_portal.store.register import Work
from commune_portal.wire import enrolment, keys
from commune_portal.wire.directory import Directory, DirectoryEntry
from commune_portal.wire.enrolment import EnrolmentFile

PENDING_FILE = "enrolment.ghinoi.json"


@dataclass(frozen=True, slots=True)
class Peer:
    """The node that this installation exchanges through."""

    code: str
    name: str
    address: str
    ca: str
    public_key: bytes
    enrolled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the exchange with a peer stands: cursors, circuit and the last words."""

    mailbox_cursor: int
    journal_sent: int
    directory_etag: str
    last_contact_at: datetime | None
    next_attempt_at: datetime | None
    failures: int


def introduce(actor: Actor, data: bytes, secrets_folder: Path) -> Peer:
    """Takes an enrolment file: remembers the node and keeps the one-time token until the first contact.

    Raises Malformed for a wrong file, RuleBroken for one that was made for another office or has expired.
    """
    actor.require(Verb.ADMINISTRATION_SETTINGS)
    file = enrolment.read(data)
    mine = installation.own()
    if file.office_code != mine.code:
        raise RuleBroken(f"Tệp đăng ký này cấp cho {file.office_name} ({file.office_code}), không phải cơ quan này.")
    if file.expires_at < clock.now():
        raise RuleBroken("Tệp đăng ký đã hết hạn. Hãy xin tệp mới từ nút liên thông.")
    secrets_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write_durably(secrets_folder / PENDING_FILE, data)
    values = {
        "name": file.node_name,
        "address": file.address,
        "ca": file.ca_pem or "",
        "public_key": file.node_public_key.hex(),
        "box_public_key": file.node_box_public_key.hex(),
        "enrolled_at": None,
    }
    with database.transaction() as work:
        found = work.execute("SELECT id FROM peers WHERE code = ?", (file.node_code,)).fetchone()
        if found is None:
            row = work.insert("peers", {"code": file.node_code, **values})
        else:
            row = work.update("peers", found[0], values)
        work.execute("INSERT INTO contacts (peer_code) VALUES (?) ON CONFLICT DO NOTHING", (file.node_code,))
        journal.write(
            work, Act.KEYS_CHANGED, actor.uid, about=f"peers:{row.uid}",
            facts={"node": file.node_code, "key": file.node_public_key.hex()},
        )  # fmt: skip
    return peer()


def pending_enrolment(secrets_folder: Path) -> EnrolmentFile | None:
    """The enrolment file that waits for its first contact, if any."""
    path = secrets_folder / PENDING_FILE
    return enrolment.read(path.read_bytes()) if path.is_file() else None


def enrolled(secrets_folder: Path, directory: Directory) -> None:
    """Notes that the node knows our keys, and burns the one-time token."""
    with database.transaction() as work:
        row_id = work.execute("SELECT id FROM peers WHERE code = ?", (directory.node,)).fetchone()[0]
        row = work.update("peers", row_id, {"enrolled_at": clock.now_text()})
        journal.write(
            work, Act.ENROLLED, journal.SYSTEM, about=f"peers:{row.uid}",
            facts={"node": directory.node, "key": keys.own().public_key.hex()},
        )  # fmt: skip
    (secrets_folder / PENDING_FILE).unlink(missing_ok=True)


def peer() -> Peer:
    """The node above; raises NotFound before an enrolment file was taken."""
    found = find_peer()
    if found is None:
        raise NotFound("Chưa khai báo nút liên thông. Hãy nạp tệp đăng ký do nút cấp.")
    return found


def find_peer() -> Peer | None:
    """The node above, None where there is none yet."""
    row = database.row("SELECT code, name, address, ca, public_key, enrolled_at FROM peers ORDER BY id DESC LIMIT 1")
    if row is None:
        return None
    return Peer(row[0], row[1], row[2], row[3], bytes.fromhex(row[4]), clock.from_text(row[5]) if row[5] else None)


def contact(code: str) -> Contact:
    """The working row about a peer."""
    row = database.row(
        "SELECT mailbox_cursor, journal_sent, directory_etag, last_contact_at, next_attempt_at, failures FROM contacts"
        " WHERE peer_code = ?",
        (code,),
    )
    if row is None:
        raise NotFound
    return Contact(
        row[0],
        row[1],
        row[2],
        clock.from_text(row[3]) if row[3] else None,
        clock.from_text(row[4]) if row[4] else None,
        row[5],
    )


def contact_made(code: str, skew_seconds: int | None, bytes_sent: int) -> None:
    """The node answered: failures are forgotten, the skew of our clock is noted."""
    database.write_working(
        "UPDATE contacts SET last_contact_at = ?, last_attempt_at = ?, next_attempt_at = NULL, failures = 0,"
        " last_reason = '', skew_seconds = ?, bytes_sent = bytes_sent + ? WHERE peer_code = ?",
        (clock.now_text(), clock.now_text(), skew_seconds or 0, bytes_sent, code),
    )


def contact_failed(code: str, reason: str, failures: int, next_attempt_at: datetime, bytes_sent: int) -> None:
    """The node did not answer, or not as a node: why, in plain words, and when it is tried again."""
    database.write_working(
        "UPDATE contacts SET last_attempt_at = ?, next_attempt_at = ?, failures = ?, last_reason = ?,"
        " bytes_sent = bytes_sent + ? WHERE peer_code = ?",
        (clock.now_text(), clock.to_text(next_attempt_at), failures, reason, bytes_sent, code),
    )


def heartbeat(code: str) -> None:
    """Says that the relay is alive."""
    database.write_working("UPDATE contacts SET heartbeat_at = ? WHERE peer_code = ?", (clock.now_text(), code))


def move_cursor(code: str, mailbox_cursor: int) -> None:
    """Everything in the mailbox up to here has been dealt with."""
    database.write_working("UPDATE contacts SET mailbox_cursor = ? WHERE peer_code = ?", (mailbox_cursor, code))


def directory_arrived(
    code: str, directory: Directory, etag: str, is_ours: Callable[[str], bool] = lambda _code: False
) -> None:
    """Takes the node's signed directory over: who can be sent to, and with which keys.

    An organisation that is gone from a whole directory can no longer be sent to; its name stays for old documents.
    At a node `is_ours` tells the codes of which it knows better itself: its members and those below them.
    """
    mine = installation.own().code
    entries = [entry for entry in directory.entries if not is_ours(entry.code)]
    alive = {entry.code for entry in entries if entry.revoked_at is None and entry.code != mine}
    with database.transaction() as work:
        for entry in entries:
            keep_entry(work, entry)
        if not directory.partial:
            listed = work.execute("SELECT id, code FROM organisations WHERE reachable = 1 AND source <> 'axis'")
            for row_id, organ in listed.fetchall():
                if organ not in alive and not is_ours(organ):
                    work.execute("UPDATE organisations SET reachable = 0 WHERE id = ?", (row_id,))
        for organ in alive:
            work.execute("UPDATE organisations SET reachable = 1 WHERE code = ?", (organ,))
        if etag:
            work.execute("UPDATE contacts SET directory_etag = ? WHERE peer_code = ?", (etag, code))


def keep_entry(work: Work, entry: DirectoryEntry, source: str = "node") -> None:
    """Keeps the name and one key of an organisation in the caller's act; a key stays whose it first was."""
    legacy = entry.code_legacy or ""
    work.execute(
        "INSERT INTO organisations (code, code_legacy, name, folded, source) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (code) DO UPDATE SET code_legacy = excluded.code_legacy, name = excluded.name,"
        " folded = excluded.folded, source = excluded.source, closed_at = NULL",
        (entry.code, legacy, entry.name, people_directory.folded(entry.code, legacy, entry.name), source),
    )
    work.execute(
        "INSERT INTO organisation_keys (key_id, organ_code, public_key, box_public_key, valid_from, revoked_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key_id) DO UPDATE SET revoked_at = excluded.revoked_at"
        " WHERE organ_code = excluded.organ_code",
        (
            entry.key_id,
            entry.code,
            entry.public_key.hex(),
            entry.box_public_key.hex(),
            clock.to_text(entry.valid_from),
            clock.to_text(entry.revoked_at) if entry.revoked_at else None,
        ),
    )
