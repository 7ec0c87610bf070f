"""«Đối chiếu» at a node: the sender's journal, the node's own mailbox and receipts, the recipient's journal.

The finding of each message is told by one statement over the three. A journal that is not mirrored as far as the
message's own line cannot tell: that is «chưa đủ dữ liệu» and never counted as agreeing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from commune_portal import clock
from commune_portal.errors import Malformed, Unauthenticated
from commune_portal.node import inspections, members, parties
from commune_portal.people.actors import Actor
from commune_portal.rules import comparison
from commune_portal.rules.comparison import Compared, ComparedPage, Evidence, Finding
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import IncomingState
from commune_portal.store.comparing import Comparison, of_signed
from commune_portal.wire import receipt
from commune_portal.wire.receipt import Verdict

PAGE_ROWS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared: stored instants from `since` to before `until`; codes of members, or empty for all."""

    since: str
    until: str
    sender: str = ""
    recipient: str = ""
    agreeing: bool = False


_RECEIPT = "b.recipient_receipt"

_FOUND = comparison.ranked(
    (
        (
            " OR ".join(
                (
                    "(s.packet_sha256 <> '' AND s.packet_sha256 <> b.packet_sha256)",
                    "(a.packet_sha256 <> '' AND a.packet_sha256 <> b.packet_sha256)",
                    "(b.id IS NULL AND a.packet_sha256 <> '' AND a.packet_sha256 <> nullif(s.packet_sha256, ''))",
                    f"{of_signed(_RECEIPT, 'packet_sha256')} <> b.packet_sha256",
                )
            ),
            Finding.OTHER_HASH,
        ),
        ("b.id IS NULL AND s.outcome = 'withdrawn'", Finding.WITHDRAWN),
        ("b.id IS NULL AND s.outcome = 'refused'", Finding.REFUSED_BY_NODE),
        ("b.id IS NULL AND a.seq IS NOT NULL AND s.seq IS NULL", Finding.UNSENT),
        ("b.id IS NULL AND (a.seq IS NOT NULL OR s.outcome <> '')", Finding.LOST_AT_NODE),
        ("b.id IS NULL", Finding.NOT_AT_NODE),
        ("b.wiped_at IS NOT NULL OR p.state = 'recalled' OR t.state = 'recalled'", Finding.RECALLED),
        ("t.state = 'taken-back'", Finding.TAKEN_BACK),
        (
            f"t.state = 'refused' OR a.outcome = 'refused' OR {of_signed(_RECEIPT, 'verdict')} = 'refused'",
            Finding.REFUSED,
        ),
        (f"s.seq IS NULL AND ns.size >= {of_signed('b.envelope', 'checkpoint.size')}", Finding.UNJOURNALLED),
        (f"{_RECEIPT} = '' AND (a.seq IS NOT NULL OR b.fetched_at IS NOT NULL)", Finding.UNRECEIPTED),
        (f"{_RECEIPT} = ''", Finding.UNFETCHED),
        (f"a.seq IS NULL AND nr.size >= {of_signed(_RECEIPT, 'receiver_sequence')}", Finding.UNARRIVED),
        ("a.seq IS NULL OR s.seq IS NULL", Finding.UNKNOWN),
    ),
    Finding.AGREES,
)

_STATEMENT = f"""
WITH newest AS MATERIALIZED (
    SELECT m.code, m.name, i.id, i.size FROM members m
    JOIN mirrors i ON i.id = (SELECT max(id) FROM mirrors WHERE member_id = m.id)
), w AS (
    SELECT message_id, sender_code AS sender, recipient_code AS recipient FROM mailbox
    WHERE kind = 'edoc' AND taken_at >= :since AND taken_at < :until
        AND (:sender = '' OR sender_code = :sender) AND (:recipient = '' OR recipient_code = :recipient)
    UNION
    SELECT x.message_id, n.code, x.peer_code FROM mirror_messages x JOIN newest n ON n.id = x.mirror_id
    WHERE x.side = 'sent' AND x.at >= :since AND x.at < :until
        AND (:sender = '' OR n.code = :sender) AND (:recipient = '' OR x.peer_code = :recipient)
    UNION
    SELECT x.message_id, x.peer_code, n.code FROM mirror_messages x JOIN newest n ON n.id = x.mirror_id
    WHERE x.side = 'arrived' AND x.at >= :since AND x.at < :until
        AND (:sender = '' OR x.peer_code = :sender) AND (:recipient = '' OR n.code = :recipient)
)
SELECT {_FOUND} AS rank, coalesce(s.at, b.taken_at, a.at) AS at, w.message_id AS message_id, w.sender, w.recipient,
    ns.name, nr.name, ns.size, nr.size, b.packet_sha256, b.taken_at, b.fetched_at, b.wiped_at, b.recipient_receipt,
    s.at, s.seq, s.outcome, s.outcome_at, s.packet_sha256, a.at, a.seq, a.packet_sha256, t.state, t.number,
    coalesce(s.document_id, a.document_id, ''), coalesce(p.number, t.number), coalesce(nullif(p.symbol, ''), t.symbol),
    coalesce(nullif(p.type_name, ''), t.type_name), coalesce(nullif(p.subject, ''), t.subject)
FROM w LEFT JOIN mailbox b ON b.message_id = w.message_id AND b.sender_code = w.sender
    AND b.recipient_code = w.recipient
LEFT JOIN newest ns ON ns.code = w.sender LEFT JOIN newest nr ON nr.code = w.recipient
LEFT JOIN mirror_messages s ON s.mirror_id = ns.id AND s.side = 'sent' AND s.message_id = w.message_id
    AND s.peer_code = w.recipient
LEFT JOIN mirror_messages a ON a.mirror_id = nr.id AND a.side = 'arrived' AND a.message_id = w.message_id
    AND a.peer_code = w.sender
LEFT JOIN mirror_entries p ON p.mirror_id = s.mirror_id AND p.object = s.object
LEFT JOIN mirror_entries t ON t.mirror_id = a.mirror_id AND t.object = a.object
WHERE coalesce(b.kind, 'edoc') = 'edoc'
"""

_OUTCOMES = {
    "delivered": "Nơi gửi có biên nhận của nút",
    "receipted": "Nơi gửi có biên nhận của nơi nhận",
    "refused": "Nơi gửi ghi: bị từ chối",
    "withdrawn": "Nơi gửi đã rút trước khi gửi",
}


def page(actor: Actor, asked: Asked, after: str = "", limit: int = PAGE_ROWS) -> ComparedPage:
    """A page of differences and of what cannot be told yet, or of what agrees; the counts are of the whole period.

    Words out of the offices' books are for who may look into them; each such look is noted.
    """
    actor.require(Verb.EXCHANGE_COMPARE)
    found = comparison_of(actor, asked).page(after, limit, agreeing=asked.agreeing)
    if actor.may(Verb.NODE_AUDIT):
        for member in members.every_member():
            if member.code in (asked.sender, asked.recipient):
                inspections.look(actor, member)
    return found


def comparison_of(actor: Actor, asked: Asked) -> Comparison:
    """The comparison itself, for the page and for the print."""
    values = {
        "since": asked.since, "until": asked.until, "sender": asked.sender, "recipient": asked.recipient,
    }  # fmt: skip
    with_words = actor.may(Verb.NODE_AUDIT) and bool(asked.sender or asked.recipient)
    return Comparison(_STATEMENT, values, lambda row: _line(row, with_words=with_words))


def _line(row: Any, *, with_words: bool) -> Compared:
    (rank, at, message_id, sender, recipient, sender_name, recipient_name, sender_size, recipient_size, sha256,
     taken_at, fetched_at, wiped_at, stored, sent_at, sent_seq, outcome, outcome_at, sent_sha256, came_at, came_seq,
     came_sha256, stands, arrival, document_id, number, symbol, type_name, subject) = row  # fmt: skip
    sent = []
    if sent_at:
        sent.append(Evidence("Ghi gửi đi", clock.from_text(sent_at), _line_words(sent_seq, sent_sha256)))
    else:
        sent.append(_absent(sender_size))
    if outcome:
        sent.append(Evidence(_OUTCOMES.get(outcome, outcome), clock.from_text(outcome_at) if outcome_at else None))
    held = [Evidence("Nhận gói", clock.from_text(taken_at), _hash(sha256))] if taken_at else [Evidence("Không có gói")]
    if wiped_at:
        held.append(Evidence("Hủy gói theo thu hồi", clock.from_text(wiped_at)))
    if stored:
        held.append(_evidence(stored, message_id))
    elif fetched_at:
        held.append(Evidence("Nơi nhận đã lấy, chưa có biên nhận", clock.from_text(fetched_at)))
    taken = []
    if came_at:
        taken.append(Evidence("Ghi văn bản đến", clock.from_text(came_at), _line_words(came_seq, came_sha256)))
    else:
        taken.append(_absent(recipient_size))
    if stands and stands in set(IncomingState):
        taken.append(Evidence(IncomingState(stands).label, None, f"số đến {arrival}" if arrival else ""))
    words = document_id or message_id
    if with_words and subject:
        printed = f"{number}/{symbol}" if number and symbol and sent_at else symbol or ""
        words = " – ".join(part for part in (printed, f"{type_name}: {subject}") if part)
    return Compared(
        message_id=message_id, finding=comparison.of_rank(rank), document=words, at=clock.from_text(at),
        sender=sender_name or sender, recipient=recipient_name or recipient,
        packet_sha256=sha256 or sent_sha256 or came_sha256 or "", sent=tuple(sent), held=tuple(held),
        taken=tuple(taken),
    )  # fmt: skip


def _absent(size: int | None) -> Evidence:
    if size is None:
        return Evidence("Nút không có nhật ký của bên này")
    return Evidence("Nhật ký không có dòng này", None, f"nút có đến dòng {size}")


def _line_words(seq: int, sha256: str) -> str:
    return f"dòng {seq}" + (f", {_hash(sha256)}" if sha256 else "")


def _hash(sha256: str) -> str:
    return f"mã băm {sha256[:12]}"


def _evidence(stored: str, message_id: str) -> Evidence:
    """The final receiver's receipt: opened with its key, here and now."""
    opened = _verified(stored.encode(), parties.key_of_party)
    if opened is None or opened.message_id != message_id:
        return Evidence("Biên nhận không kiểm tra được chữ ký", None, "không dùng làm chứng cứ", holds=False)
    words = "Nơi nhận ký nhận" if opened.verdict is Verdict.ACCEPTED else "Nơi nhận ký từ chối"
    detail = opened.refusal.label if opened.refusal else f"biên nhận số {opened.receiver_sequence}, chữ ký đúng"
    return Evidence(words, opened.received_at, detail)


def _verified(stored: bytes, lookup: Callable[[str, str], bytes | None]) -> receipt.Receipt | None:
    try:
        return receipt.open_(stored, lookup)
    except (Malformed, Unauthenticated):
        return None
