"""«Đối chiếu»: document by document, what we say we sent, what the node says it holds, what the recipient says it has.

The finding of each message is told by one statement over the register, the receipts and the node's stored answers;
the receipts of the lines that are shown are verified anew each time, with the keys of those who signed them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from commune_portal import clock
from commune_portal.errors import Malformed, Unauthenticated
from commune_portal.people.actors import Actor
from commune_portal.rules import comparison, numbering
from commune_portal.rules.comparison import Compared, ComparedPage, Evidence, Finding
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import IncomingState, StatusCode
from commune_portal.store import database, installation
from commune_portal.store.comparing import Comparison, of_signed
from commune_portal.wire import keys, receipt
from commune_portal.wire.receipt import Verdict

Side = Literal["outgoing", "incoming"]

PAGE_ROWS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared: one direction, stored instants from `since` to before `until`, one peer or all."""

    side: Side
    since: str
    until: str
    peer: str = ""
    agreeing: bool = False


_SENT = comparison.ranked(
    (
        ("x.state = 'withdrawn'", Finding.WITHDRAWN),
        (
            " OR ".join(
                (
                    "(c.packet_sha256 <> '' AND c.packet_sha256 <> x.packet_sha256)",
                    f"{of_signed('n.bytes', 'packet_sha256')} <> x.packet_sha256",
                    f"{of_signed('f.bytes', 'packet_sha256')} <> x.packet_sha256",
                )
            ),
            Finding.OTHER_HASH,
        ),
        ("x.state = 'refused'", Finding.REFUSED_BY_NODE),
        ("r.status = '15'", Finding.TAKEN_BACK),
        ("o.state = 'recalled' OR c.state = 'wiped'", Finding.RECALLED),
        (f"r.status = '02' OR {of_signed('f.bytes', 'verdict')} = 'refused'", Finding.REFUSED),
        ("r.refused_at IS NOT NULL", Finding.REFUSED_BY_NODE),
        ("x.state = 'ready'", Finding.NOT_AT_NODE),
        ("c.state = 'unknown'", Finding.LOST_AT_NODE),
        ("coalesce(c.state, '') = ''", Finding.UNKNOWN),
        ("f.bytes IS NULL AND (r.status <> '' OR c.fetched_at IS NOT NULL)", Finding.UNRECEIPTED),
        ("f.bytes IS NULL", Finding.UNFETCHED),
    ),
    Finding.AGREES,
)

_TAKEN = comparison.ranked(
    (
        ("i.id IS NULL AND c.state = 'wiped'", Finding.RECALLED),
        ("i.id IS NULL AND g.bytes IS NULL AND c.fetched_at IS NOT NULL", Finding.LOST_HERE),
        ("i.id IS NULL AND g.bytes IS NULL", Finding.WAITING_THERE),
        ("c.packet_sha256 <> '' AND c.packet_sha256 <> g.packet_sha256", Finding.OTHER_HASH),
        ("c.state = 'unknown'", Finding.UNSENT),
        (f"i.state = 'refused' OR {of_signed('g.bytes', 'verdict')} = 'refused'", Finding.REFUSED),
        ("i.state = 'recalled'", Finding.RECALLED),
        ("i.state = 'taken-back'", Finding.TAKEN_BACK),
        ("coalesce(c.state, '') = ''", Finding.UNKNOWN),
        ("c.receipt_sha256 = ''", Finding.UNACKNOWLEDGED),
    ),
    Finding.AGREES,
)

_OUTGOING = f"""
SELECT {_SENT} AS rank, r.queued_at AS at, r.message_id AS message_id, o.id, o.number, o.symbol, o.type_name, o.subject,
    r.organ_code, r.organ_name, x.packet_sha256, n.bytes, f.bytes, c.state, c.packet_sha256, c.taken_at, c.fetched_at,
    c.answered_at, r.status, r.status_at, r.status_reason, r.refusal, x.attempts, x.last_reason, r.delivered_at
FROM recipients r JOIN outgoing o ON o.id = r.outgoing_id
LEFT JOIN outbox x ON x.message_id = r.message_id
LEFT JOIN receipts n ON n.id = (SELECT id FROM receipts WHERE given = 0 AND message_id = r.message_id
    AND peer_code IN (SELECT code FROM peers) AND peer_code <> r.organ_code LIMIT 1)
LEFT JOIN receipts f ON f.given = 0 AND f.message_id = r.message_id AND f.peer_code = r.organ_code
LEFT JOIN comparisons c ON c.message_id = r.message_id
WHERE r.queued_at >= :since AND r.queued_at < :until AND (:peer = '' OR r.organ_code = :peer)
"""

_INCOMING = f"""
SELECT {_TAKEN} AS rank, coalesce(i.arrived_at, c.taken_at, w.at) AS at, w.message_id AS message_id, i.id, i.number,
    i.code_number, i.code_notation, i.type_name, i.subject, coalesce(i.sender_code, c.peer_code, ''),
    coalesce(nullif(i.sender_name, ''), s.name, c.peer_code, ''), g.packet_sha256, g.bytes, c.state, c.packet_sha256,
    c.taken_at, c.fetched_at, c.answered_at, i.state, i.arrived_at, q.reason, c.receipt_sha256
FROM (
    SELECT message_id, arrived_at AS at FROM incoming INDEXED BY incoming_by_arrival
    WHERE origin = 'exchange' AND message_id IS NOT NULL AND arrived_at >= :since AND arrived_at < :until
        AND (:peer = '' OR sender_code = :peer)
    UNION
    SELECT t.message_id, coalesce(a.arrived_at, t.taken_at) FROM comparisons t
    LEFT JOIN incoming a ON a.message_id = t.message_id
    WHERE t.side = 'theirs' AND t.taken_at >= :since AND t.taken_at < :until AND (:peer = '' OR t.peer_code = :peer)
        AND t.state <> ''
) w
LEFT JOIN incoming i ON i.message_id = w.message_id
LEFT JOIN comparisons c ON c.message_id = w.message_id
LEFT JOIN receipts_given g ON g.message_id = w.message_id
LEFT JOIN quarantine q ON q.message_id = w.message_id
LEFT JOIN organisations s ON s.code = c.peer_code
"""


def page(actor: Actor, asked: Asked, after: str = "", limit: int = PAGE_ROWS) -> ComparedPage:
    """A page of differences and of what cannot be told yet, or of what agrees; the counts are of the whole period."""
    actor.require(Verb.EXCHANGE_COMPARE)
    return comparison_of(asked).page(after, limit, agreeing=asked.agreeing)


def comparison_of(asked: Asked) -> Comparison:
    """The comparison itself, for the page and for the print."""
    values = {"since": asked.since, "until": asked.until, "peer": asked.peer}
    if asked.side == "outgoing":
        return Comparison(_OUTGOING, values, _sent_line)
    return Comparison(_INCOMING, values, _taken_line)


def peers_of(actor: Actor) -> list[tuple[str, str]]:
    """Whom we have exchanged with, as (code, name), for the choice on the page."""
    actor.require(Verb.EXCHANGE_COMPARE)
    return [
        (row[0], row[1])
        for row in database.rows(
            "SELECT code, coalesce((SELECT name FROM organisations o WHERE o.code = p.code), max(p.name), p.code) FROM"
            " (SELECT organ_code AS code, max(organ_name) AS name FROM recipients GROUP BY organ_code UNION ALL"
            " SELECT sender_code, max(sender_name) FROM incoming WHERE origin = 'exchange' GROUP BY sender_code) p"
            " WHERE p.code <> '' GROUP BY code ORDER BY 2"
        )
    ]


def _sent_line(row: Any) -> Compared:
    (rank, at, message_id, document, number, symbol, type_name, subject, code, name, sha256, of_node, of_receiver,
     state, _, taken_at, fetched_at, answered_at, status, status_at, reason, refusal, attempts, last_reason,
     delivered_at) = row  # fmt: skip
    sent = [Evidence("Xếp vào hàng gửi", clock.from_text(at))]
    if attempts and delivered_at is None:
        sent.append(Evidence(f"Đã thử {attempts} lần", None, last_reason))
    if of_node:
        sent.append(_evidence(of_node, message_id, "Nút ký nhận", "Nút ký từ chối"))
    held = _held(state, taken_at, fetched_at, answered_at)
    taken = []
    if of_receiver:
        taken.append(_evidence(of_receiver, message_id, "Nơi nhận ký nhận", "Nơi nhận ký từ chối"))
    if status:
        taken.append(Evidence(f"Báo: {StatusCode(status).label}", _instant(status_at), reason))
    if refusal:
        taken.append(Evidence("Bị từ chối", None, refusal))
    printed = numbering.number_and_symbol(number, symbol) if number else symbol
    return Compared(
        message_id=message_id, finding=comparison.of_rank(rank), document=f"{printed} – {type_name}: {subject}",
        at=clock.from_text(at), sender=installation.own().name, recipient=name or code, packet_sha256=sha256 or "",
        sent=tuple(sent), held=tuple(held), taken=tuple(taken), document_row=document,
    )  # fmt: skip


def _taken_line(row: Any) -> Compared:
    (rank, at, message_id, document, number, code_number, notation, type_name, subject, code, name, sha256, given,
     state, of_node, taken_at, fetched_at, answered_at, stands, arrived_at, quarantined, _) = row  # fmt: skip
    taken = []
    if arrived_at:
        taken.append(Evidence("Đến hệ thống", clock.from_text(arrived_at)))
    if given:
        taken.append(_evidence(given, message_id, "Ta đã ký nhận", "Ta đã ký từ chối"))
    if stands:
        number_words = f", số đến {number}" if number else ""
        taken.append(Evidence(f"{IncomingState(stands).label}{number_words}"))
    if quarantined:
        taken.append(Evidence("Cách ly", None, quarantined))
    words = f"{code_number}/{notation}".strip("/") if code_number or notation else ""
    title = " – ".join(part for part in (words, f"{type_name}: {subject}" if type_name else subject or "") if part)
    return Compared(
        message_id=message_id, finding=comparison.of_rank(rank), document=title or "(chưa có trong sổ của ta)",
        at=clock.from_text(at), sender=name or code, recipient=installation.own().name,
        packet_sha256=sha256 or of_node or "", held=tuple(_held(state, taken_at, fetched_at, answered_at)),
        taken=tuple(taken), document_row=document,
    )  # fmt: skip


_HELD_WORDS = {"unknown": "Nút nói không có gói này", "wiped": "Nút đã hủy gói theo thu hồi"}


def _held(state: str | None, taken_at: str | None, fetched_at: str | None, answered_at: str | None) -> list[Evidence]:
    """What the node answered and when; nothing while it was never asked."""
    if not state:
        return [Evidence("Nút chưa trả lời")]
    found = [Evidence(_HELD_WORDS[state])] if state in _HELD_WORDS else []
    if taken_at:
        found.append(Evidence("Nút nhận gói", clock.from_text(taken_at)))
    if fetched_at:
        found.append(Evidence("Nơi nhận đã lấy", clock.from_text(fetched_at)))
    return [*found, Evidence("Nút trả lời", _instant(answered_at))]


def _evidence(stored: str, message_id: str, accepted: str, refused: str) -> Evidence:
    """A receipt as evidence: opened with its signer's key, here and now."""
    opened = verified(stored.encode(), party_key)
    if opened is None or opened.message_id != message_id:
        return Evidence("Biên nhận không kiểm tra được chữ ký", None, "không dùng làm chứng cứ", holds=False)
    words = accepted if opened.verdict is Verdict.ACCEPTED else refused
    detail = opened.refusal.label if opened.refusal else f"biên nhận số {opened.receiver_sequence}, chữ ký đúng"
    return Evidence(words, opened.received_at, detail)


def verified(stored: bytes, lookup: Callable[[str, str], bytes | None]) -> receipt.Receipt | None:
    """The receipt, if the one it names signed it; None for any other bytes."""
    try:
        return receipt.open_(stored, lookup)
    except (Malformed, Unauthenticated):
        return None


def party_key(code: str, key_id: str) -> bytes | None:
    """A key of the directory, of a node that we exchanged through, or our own; revoked ones too."""
    own = keys.own()
    if code == installation.own().code and key_id == own.key_id:
        return own.public_key
    found = database.row("SELECT public_key FROM organisation_keys WHERE organ_code = ? AND key_id = ?", (code, key_id))
    if found:
        return bytes.fromhex(found[0])
    for (spelled,) in database.rows("SELECT public_key FROM peers WHERE code = ?", (code,)):
        if keys.key_id(bytes.fromhex(spelled)) == key_id:
            return bytes.fromhex(spelled)
    return None


def _instant(text: str | None) -> datetime | None:
    return clock.from_text(text) if text else None
