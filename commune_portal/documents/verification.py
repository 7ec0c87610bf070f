"""The whole re-reading of an installation: the register by itself, then what others signed about it.

`store.verify` reads chain, rows, numbers and files; here the node's receipts and anchors are checked against the
node's keys, as the chain itself tells them, and their (size, head) against the chain, which finds a journal that was
hashed anew from the middle. A node's mirrors are compared with the sizes and heads of its own register.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from commune_portal.errors import PortalError
from commune_portal.people import accesses
from commune_portal.rules import chain
from commune_portal.rules.acts import Act
from commune_portal.settings import Settings
from commune_portal.store import register, verify
from commune_portal.store.verify import DATABASE, UNREADABLE, Verification
from commune_portal.wire import checkpoint, keys
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import receipt as receipts

EVIDENCE_TABLES = ("journal", "journal_leaves", "journal_erasures")
"""Chained or bound to the chain, so registers too, though their rows carry no hash of their own."""


def verify_installation(settings: Settings, *, with_files: bool = True) -> Verification:
    """Re-reads all of it; works on a copied folder and opens nothing for writing. Damage is a fault, never an error."""
    path = settings.database_path
    quiet = verify.is_quiet(path)
    result = _verify(settings, with_files)
    if quiet and not result.ok and not verify.is_quiet(path):
        return _verify(settings, with_files)  # somebody began to write while it was read as a file at rest
    return result


def _verify(settings: Settings, with_files: bool) -> Verification:  # noqa: FBT001 -- the caller's keyword
    try:
        connection = verify.open_for_reading(settings.database_path)
    except (PortalError, OSError, *UNREADABLE) as error:
        result = Verification()
        result.blame(DATABASE, error.sentence if isinstance(error, PortalError) else str(error))
        return result
    try:
        # One snapshot for all that is read: what is served meanwhile must not look as if it was tampered with.
        connection.execute("BEGIN")
        wanted = _sizes(connection)
        result = verify.verify(connection, settings.files_folder if with_files else None, wanted.__contains__)
        try:
            if all(fault.where != DATABASE for fault in result.faults):
                known = _node_keys(connection)
                _check_receipts(connection, result, known)
                _check_anchors(connection, result, known)
                _check_mirrors(connection, result)
                _check_accesses(connection, result)
        except UNREADABLE as error:
            result.blame(DATABASE, f"Cơ sở dữ liệu không đọc được: {error}")
        return result
    finally:
        connection.close()


def tables(settings: Settings) -> dict[str, list[str]]:
    """Which tables are registers and which are working tables, as this database has them; empty when unreadable."""
    declared = (*register.REGISTER_TABLES, *EVIDENCE_TABLES)
    try:
        connection = verify.open_for_reading(settings.database_path)
        try:
            names = [
                row[0]
                for row in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                    " AND name NOT LIKE '%_search_%' ORDER BY name"
                )
            ]
        finally:
            connection.close()
    except (PortalError, OSError, *UNREADABLE):
        names = []
    return {
        "register": [name for name in names if name in declared],
        "working": [name for name in names if name not in declared],
    }


def _sizes(connection: sqlite3.Connection) -> set[int]:
    try:
        sizes = {row[0] for row in connection.execute("SELECT sender_size FROM receipts WHERE given = 0")}
        sizes |= {row[0] for row in connection.execute("SELECT size FROM anchors")}
        for (sealed,) in connection.execute("SELECT bytes FROM receipts WHERE given = 0"):
            try:
                sizes.add(receipts.parse_unverified(sealed.encode()).sender_checkpoint.size)
            except (PortalError, AttributeError, ValueError):
                continue
    except UNREADABLE:
        return set()
    return sizes


def _node_keys(connection: sqlite3.Connection) -> dict[str, dict[str, bytes]]:
    """Every key that a party has had: by code, then by the key's id. The nodes' come out of the chain as well, so that
    a receipt stays evidence after its node has changed keys."""
    known: dict[str, dict[str, bytes]] = {}
    told = list(connection.execute("SELECT code, public_key FROM peers"))
    told += connection.execute("SELECT organ_code, public_key FROM organisation_keys")
    told += _keys_of_chain(connection)
    for code, public_key in told:
        try:
            key = bytes.fromhex(public_key)
        except (ValueError, TypeError):
            continue
        known.setdefault(code, {})[keys.key_id(key)] = key
    return known


def _keys_of_chain(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for (body,) in connection.execute("SELECT body FROM journal WHERE object >= 'peers:' AND object < 'peers;'"):
        try:
            fields = json.loads(body)
            if fields["act"] == Act.KEYS_CHANGED:
                yield str(fields["facts"]["node"]), str(fields["facts"]["key"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # the chain's own check names the line


def _check_receipts(connection: sqlite3.Connection, result: Verification, known: dict[str, dict[str, bytes]]) -> None:
    for uid, sealed, message_id, peer_code, size, head in connection.execute(
        "SELECT uid, bytes, message_id, peer_code, sender_size, sender_head FROM receipts WHERE given = 0 ORDER BY id"
    ):
        where = f"receipts:{uid}"
        result.receipts += 1
        try:
            receipt = receipts.open_(sealed.encode(), lambda code, key_id: known.get(code, {}).get(key_id))
        except (PortalError, AttributeError, ValueError) as error:
            why = error.sentence if isinstance(error, PortalError) else ""
            result.blame(where, f"Biên nhận không kiểm tra được chữ ký. {why}".strip())
            continue
        stated = receipt.sender_checkpoint
        if (receipt.message_id, receipt.receiver, stated.size, stated.head) != (message_id, peer_code, size, head):
            result.blame(where, "Biên nhận không khớp với dòng lưu")
        if result.heads.get(stated.size) == stated.head or not _is_of_a_lost_journal(connection, message_id, stated):
            _compare(result, where, stated.size, stated.head)


def _is_of_a_lost_journal(connection: sqlite3.Connection, message_id: str, stated: chain.Checkpoint) -> bool:
    """Whether a message was sent out of a journal that a restore has cut off: what it states cannot be in this one.

    The envelope itself must say so, under a key that this very chain says was retired, and beyond the line at which
    that restore began: nobody who has the folder alone can sign that.
    """
    found = connection.execute("SELECT envelope FROM outbox WHERE message_id = ?", (message_id,)).fetchone()
    retired = _retired_keys(connection)
    if found is None or not retired:
        return False
    try:
        envelope = envelopes.open_(found[0].encode(), lambda _code, key_id: retired.get(key_id, (b"", 0))[0] or None)
    except (PortalError, AttributeError, ValueError):
        return False
    return envelope.checkpoint == stated and stated.size > retired[envelope.key_id][1]


def _retired_keys(connection: sqlite3.Connection) -> dict[str, tuple[bytes, int]]:
    """Our own keys that a restore retired, by their ids, each with the last line that was kept of its journal."""
    retired: dict[str, tuple[bytes, int]] = {}
    for seq, body in connection.execute(
        "SELECT seq, body FROM journal WHERE object >= 'installation:' AND object < 'installation;'"
    ):
        try:
            fields = json.loads(body)
            if fields["act"] == Act.INSTALLATION_RESTORED:
                key = bytes.fromhex(fields["facts"]["was"])
                retired[keys.key_id(key)] = (key, seq - 1)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # the chain's own check names the line
    for (body,) in connection.execute(
        "SELECT body FROM journal WHERE object >= 'restorations:' AND object < 'restorations;'"
    ):
        try:
            fields = json.loads(body)
            for spelled in fields["facts"].get("keys", []):
                key = bytes.fromhex(spelled)
                retired.setdefault(keys.key_id(key), (key, fields["facts"]["shared"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return retired


def _check_anchors(connection: sqlite3.Connection, result: Verification, known: dict[str, dict[str, bytes]]) -> None:
    code = connection.execute("SELECT code FROM installation").fetchone()
    nodes = [row[0] for row in connection.execute("SELECT code FROM peers")]
    for size, note in connection.execute("SELECT size, note FROM anchors ORDER BY size"):
        where = f"anchors:{size}"
        result.receipts += 1
        opened = None
        for node in nodes:
            try:
                opened = checkpoint.open_(note.encode(), node, *known.get(node, {}).values())
                break
            except (PortalError, AttributeError, ValueError):
                continue
        if opened is None or code is None or opened.origin != f"{code[0]}/journal" or opened.checkpoint.size != size:
            result.blame(where, "Mốc do nút ký không kiểm tra được chữ ký")
            continue
        _compare(result, where, size, opened.checkpoint.head)


def _compare(result: Verification, where: str, size: int, head: str) -> None:
    """The chain at the size that the node signed must have the head that the node signed."""
    if size == 0:
        return
    if size > result.lines:
        result.blame(f"journal:{size}", f"Nhật ký bị cắt: nút đã ký mốc {size} dòng ({where})")
    elif result.heads.get(size) != head:
        result.blame(f"journal:{size}", f"Nhật ký đã bị băm lại: khác mốc mà nút đã ký ({where})")


def _check_mirrors(connection: sqlite3.Connection, result: Verification) -> None:
    """A node: every line that it mirrors must lead to the size and head that its register states."""
    for row_id, uid, genesis, size, head in connection.execute("SELECT id, uid, genesis, size, head FROM mirrors"):
        found, lines = genesis, 0
        try:
            for seq, body, stored in connection.execute(
                "SELECT seq, body, hash FROM mirror_lines WHERE mirror_id = ? ORDER BY seq", (row_id,)
            ):
                lines += 1
                found = chain.link(found, body.encode())
                if seq != lines or found != stored:
                    break
        except (ValueError, AttributeError, TypeError):
            found = ""
        if (lines, found) != (size, head):
            result.blame(f"mirrors:{uid}", "Nhật ký sao của đơn vị thành viên đã bị sửa ngoài hệ thống")


def _check_accesses(connection: sqlite3.Connection, result: Verification) -> None:
    """Who saw what: the rows behind each daily digest line must still give its hash."""
    for seq, body in connection.execute("SELECT seq, body FROM journal WHERE object = ?", (accesses.ABOUT,)):
        try:
            said = json.loads(body)["facts"]
            head, amount = chain.sha256(b"accesses"), 0
            for row in connection.execute(
                "SELECT id, account_id, kind, object, seen_at FROM accesses WHERE id BETWEEN ? AND ? ORDER BY id",
                (said["first"], said["last"]),
            ):
                head, amount = chain.link(head, chain.canonical_bytes(list(row))), amount + 1
            agrees = (head, amount) == (said["sha256"], said["amount"])
        except (ValueError, KeyError, TypeError, RecursionError):
            agrees = False
        if not agrees:
            result.blame(f"accesses:{seq}", f"Nhật ký truy cập đã bị sửa: khác dòng chốt ở nhật ký {seq}")
