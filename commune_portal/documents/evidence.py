"""Evidence of one message that we sent: envelope, receipts, keys and the node's note, in a zip that proves itself.

Whoever gets it needs Python and `cryptography`, not this portal: `check.py` inside says line by line what holds. It has
no word of the document; the packet is named by its SHA-256 and may be laid beside. Form: `docs/wire.md`, §11.
"""

from __future__ import annotations

import base64
import importlib.resources
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

from commune_portal import clock
from commune_portal.errors import NotFound, RuleBroken
from commune_portal.people import accesses, peers
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal
from commune_portal.wire import checkpoint as checkpoints
from commune_portal.wire import envelope as envelopes
from commune_portal.wire.keys import key_id

LINES_AT_MOST = 5000
FORMAT = 1
_README = """BẰNG CHỨNG CHUYỂN VĂN BẢN

Gói tin {message} của {sender} gửi {recipient}, do {sender} xuất lúc {at}.

  envelope.txt           phong bì do nơi gửi ký: gửi cho ai, lúc nào, mã băm SHA-256 của gói tin
  receipt-node.txt       biên nhận do nút liên thông ký
  receipt-receiver.txt   biên nhận do nơi nhận cuối cùng ký (khi đã có)
  keys.json              khóa công khai của các bên theo danh bạ của nút, và thời hạn của từng khóa
  note.txt               mốc sổ của nơi gửi do nút ký (khi đã có); journal.jsonl nối phong bì với mốc này
  check.py               chương trình kiểm tra, đọc được và chạy độc lập

Kiểm tra ở bất kỳ máy nào có Python 3.11 trở lên:

  python3 -m pip install cryptography
  python3 check.py TEP-NAY.zip --packet GOI-TIN.edxml

Bỏ «--packet» nếu không có gói tin. Hãy đối chiếu mã khóa trong keys.json với danh bạ của nút liên thông.
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """What there is to show for one message."""

    message_id: str
    by_node: bool
    by_receiver: bool


def proofs(message_ids: list[str]) -> dict[str, Proof]:
    """Which receipts are kept for these messages, in one query."""
    marks = ", ".join("?" for _ in message_ids)
    found: dict[str, Proof] = {}
    for message_id, nodes, receivers in database.rows(
        "SELECT o.message_id, max(r.peer_code <> o.recipient_code), max(r.peer_code = o.recipient_code) FROM outbox o"
        f" JOIN receipts r ON r.given = 0 AND r.message_id = o.message_id WHERE o.message_id IN ({marks})"
        " GROUP BY o.message_id",
        message_ids,
    ):
        found[message_id] = Proof(message_id, bool(nodes), bool(receivers))
    return found


def bundle(actor: Actor, message_id: str) -> tuple[str, bytes]:
    """The zip for one message and its file name; raises RuleBroken while the node has given no receipt."""
    actor.require(Verb.EXCHANGE_SEE)
    row = database.row("SELECT envelope, about FROM outbox WHERE message_id = ?", (message_id,))
    if row is None:
        raise NotFound
    sealed = str(row[0]).encode()
    envelope = envelopes.parse_unverified(sealed)
    node = peers.peer()
    receipts = dict(
        database.rows("SELECT peer_code, bytes FROM receipts WHERE given = 0 AND message_id = ?", (message_id,))
    )
    if node.code not in receipts:
        raise RuleBroken("Nút liên thông chưa ký biên nhận cho gói này nên chưa có bằng chứng để tải.")
    codes = [envelope.sender, envelope.recipient, node.code]
    contents: dict[str, bytes] = {
        "README.txt": _README.format(
            message=message_id, sender=envelope.sender, recipient=envelope.recipient, at=clock.now_text()
        ).encode(),
        "about.json": _json(
            {"format": FORMAT, "message_id": message_id, "node": node.code, "made_at": clock.now_text()}
        ),
        "envelope.txt": sealed,
        "receipt-node.txt": receipts[node.code].encode(),
        "keys.json": _json(_keys(codes, node)),
        "check.py": importlib.resources.files("commune_portal.wire").joinpath("standalone.py").read_bytes(),
    }
    if envelope.recipient in receipts:
        contents["receipt-receiver.txt"] = receipts[envelope.recipient].encode()
    contents |= _anchored(envelope.checkpoint.size)
    accesses.note(actor.id, accesses.FETCHED, f"{row[1]}:evidence:{message_id}")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return f"bang-chung-{message_id}.zip", out.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _keys(codes: list[str], node: peers.Peer) -> list[dict[str, Any]]:
    """Every key of these parties that the directory has listed, revoked ones too, and the node's of its enrolment."""
    marks = ", ".join("?" for _ in codes)
    found = [
        {"code": row[0], "name": row[1], "key_id": row[2], "valid_from": row[4], "revoked_at": row[5],
         "public_key": base64.b64encode(bytes.fromhex(row[3])).decode()}
        for row in database.rows(
            "SELECT k.organ_code, coalesce(o.name, ''), k.key_id, k.public_key, k.valid_from, k.revoked_at"
            " FROM organisation_keys k LEFT JOIN organisations o ON o.code = k.organ_code"
            f" WHERE k.organ_code IN ({marks}) ORDER BY k.organ_code, k.valid_from",
            codes,
        )
    ]  # fmt: skip
    mine = key_id(node.public_key)
    if all((item["code"], item["key_id"]) != (node.code, mine) for item in found):
        spelled = base64.b64encode(node.public_key).decode()
        found.append({"code": node.code, "name": node.name, "key_id": mine, "public_key": spelled, "valid_from": None,
                      "revoked_at": None})  # fmt: skip
    return found


def _anchored(size: int) -> dict[str, bytes]:
    """The first note of the node on our journal at or behind a line, and the lines between; nothing without one."""
    found = database.row("SELECT note FROM anchors WHERE size >= ? ORDER BY size LIMIT 1", (size,))
    if found is None:
        return {}
    note = str(found[0]).encode()
    reached = checkpoints.parse_unverified(note).checkpoint.size
    if reached - size > LINES_AT_MOST:
        return {}
    lines = journal.lines(size, reached - size) if reached > size else []
    return {"note.txt": note, "journal.jsonl": "".join(f"{line.body}\n" for line in lines).encode()}
