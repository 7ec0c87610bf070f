"""The whole re-reading of an installation: the register by itself, then what others signed about it.

`store.verify` reads chain, rows, numbers and files; here the node's receipts and anchors are checked against the
node's key and their (size, head) against the chain, which finds a journal that was hashed anew from the middle.
"""

from __future__ import annotations

import sqlite3

from commune_portal.errors import PortalError
from commune_portal.settings import Settings
from commune_portal.store import register, verify
from commune_portal.store.verify import Verification
from commune_portal.wire import checkpoint, keys
from commune_portal.wire import receipt as receipts


def verify_installation(settings: Settings, *, with_files: bool = True) -> Verification:
    """Re-reads all of it; works on a copied folder and opens nothing for writing."""
    connection = verify.open_for_reading(settings.database_path)
    try:
        wanted = _sizes(connection)
        result = verify.verify(connection, settings.files_folder if with_files else None, wanted.__contains__)
        if not result.faults or result.faults[0].where != "database":
            _check_receipts(connection, result)
            _check_anchors(connection, result)
        return result
    finally:
        connection.close()


def tables(settings: Settings) -> dict[str, list[str]]:
    """Which tables are registers and which are working tables, as this database has them."""
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
    registered = [name for name in names if name in register.REGISTER_TABLES]
    return {"register": registered, "working": [name for name in names if name not in register.REGISTER_TABLES]}


def _sizes(connection: sqlite3.Connection) -> set[int]:
    try:
        sizes = {row[0] for row in connection.execute("SELECT sender_size FROM receipts WHERE given = 0")}
        return sizes | {row[0] for row in connection.execute("SELECT size FROM anchors")}
    except sqlite3.DatabaseError:
        return set()


def _check_receipts(connection: sqlite3.Connection, result: Verification) -> None:
    known: dict[tuple[str, str], bytes] = {}
    for code, public_key in connection.execute("SELECT code, public_key FROM peers"):
        key = bytes.fromhex(public_key)
        known[code, keys.key_id(key)] = key
    for code, key_id, public_key in connection.execute("SELECT organ_code, key_id, public_key FROM organisation_keys"):
        known[code, key_id] = bytes.fromhex(public_key)
    for uid, sealed, size, head in connection.execute(
        "SELECT uid, bytes, sender_size, sender_head FROM receipts WHERE given = 0 ORDER BY id"
    ):
        where = f"receipts:{uid}"
        result.receipts += 1
        try:
            receipt = receipts.open_(sealed.encode(), lambda code, key_id: known.get((code, key_id)))
        except PortalError as error:
            result.blame(where, f"Biên nhận không kiểm tra được chữ ký: {error.sentence}")
            continue
        stated = receipt.sender_checkpoint
        if (stated.size, stated.head) != (size, head):
            result.blame(where, "Biên nhận không khớp với dòng lưu")
        _compare(result, where, stated.size, stated.head)


def _check_anchors(connection: sqlite3.Connection, result: Verification) -> None:
    code = connection.execute("SELECT code FROM installation").fetchone()
    peers = connection.execute("SELECT code, public_key FROM peers").fetchall()
    for size, note in connection.execute("SELECT size, note FROM anchors ORDER BY size"):
        where = f"anchors:{size}"
        result.receipts += 1
        opened = None
        for node, public_key in peers:
            try:
                opened = checkpoint.open_(note.encode(), node, bytes.fromhex(public_key))
                break
            except PortalError:
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
