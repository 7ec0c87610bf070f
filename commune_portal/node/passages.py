"""From mirrored journal lines to messages: which ones an office says that it sent, and which ones it says it took.

Values come from another installation, so each is read with care; a line that does not fit is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from commune_portal import clock
from commune_portal.node.projection import Line
from commune_portal.rules.acts import Act
from commune_portal.store.register import Work
from commune_portal.wire import fields as wire

OUTCOMES = {
    Act.OUTGOING_DELIVERED.value: "delivered",
    Act.OUTGOING_REFUSED_BY_NODE.value: "refused",
    Act.OUTGOING_WITHDRAWN.value: "withdrawn",
    Act.RECEIPT_KEPT.value: "receipted",
}
"""Acts of a sender that tell what became of a message."""

REFUSED = Act.PACKET_QUARANTINED.value


def apply(work: Work, mirror_id: int, lines: Iterable[Line]) -> None:
    """Keeps what these lines say of messages, in the caller's transaction."""
    for seq, body, _ in lines:
        told, at = body.get("facts"), body.get("instant")
        if not isinstance(told, dict) or not isinstance(at, str) or not _is_instant(at):
            continue
        act = body.get("act")
        if act in OUTCOMES:
            _came_out(work, mirror_id, seq, body, told, OUTCOMES[str(act)])
        for message, peer in _sent(told):
            _keep(work, mirror_id, "sent", seq, body, told, message, peer)
        if (
            act != Act.STATUS_ARRIVED.value
            and _is_message(told.get("message"))
            and _is_code(told.get("sender"))
            and _file(body)
        ):
            outcome = "refused" if act == REFUSED else ""
            _keep(work, mirror_id, "arrived", seq, body, told, told["message"], told["sender"], outcome)


def _sent(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The messages that a line of sending names, each with its recipient."""
    messages, recipients = told.get("messages"), told.get("recipients")
    if not isinstance(messages, list) or not isinstance(recipients, list) or len(messages) != len(recipients):
        return []
    return [
        (message, peer)
        for message, peer in zip(messages, recipients, strict=True)
        if _is_message(message) and _is_code(peer)
    ]


def _keep(
    work: Work,
    mirror_id: int,
    side: str,
    seq: int,
    body: Mapping[str, Any],
    told: Mapping[str, Any],
    message: str,
    peer: str,
    outcome: str = "",
) -> None:
    about, document = body.get("object"), told.get("document")
    work.execute(
        "INSERT INTO mirror_messages (mirror_id, side, peer_code, message_id, packet_sha256, object, document_id, seq,"
        " at, outcome, outcome_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            mirror_id,
            side,
            peer,
            message,
            _file(body),
            about[:100] if isinstance(about, str) else "",
            document[:200] if isinstance(document, str) else "",
            seq,
            body["instant"],
            outcome,
            body["instant"] if outcome else None,
        ),
    )


def _came_out(
    work: Work, mirror_id: int, seq: int, body: Mapping[str, Any], told: Mapping[str, Any], outcome: str
) -> None:
    """Notes what became of a message; a journal from before its messages were named tells of them here first."""
    message, peer = told.get("message"), told.get("recipient")
    if not _is_message(message) or not _is_code(peer):
        return
    if outcome == "receipted" and told.get("verdict") == "refused":
        outcome = "refused"
    known = work.execute(
        "UPDATE mirror_messages SET outcome = ?, outcome_at = ? WHERE mirror_id = ? AND side = 'sent'"
        " AND message_id = ? AND peer_code = ?",
        (outcome, body["instant"], mirror_id, message, peer),
    ).rowcount
    about = body.get("object")
    if not known and outcome == "delivered" and isinstance(about, str) and about.startswith("outgoing:"):
        work.execute(
            "INSERT INTO mirror_messages (mirror_id, side, peer_code, message_id, object, seq, at, outcome, outcome_at)"
            " VALUES (?, 'sent', ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (mirror_id, peer, message, about[:100], seq, body["instant"], outcome, body["instant"]),
        )


def _file(body: Mapping[str, Any]) -> str:
    """The packet's hash: the first file of the line."""
    named = body.get("files")
    first = named[0] if isinstance(named, list) and named else ""
    return first if isinstance(first, str) and wire.SHA256.fullmatch(first) else ""


def _is_message(value: object) -> bool:
    return isinstance(value, str) and wire.MESSAGE_ID.fullmatch(value) is not None


def _is_code(value: object) -> bool:
    return isinstance(value, str) and wire.CODE.fullmatch(value) is not None


def _is_instant(text: str) -> bool:
    try:
        clock.from_text(text)
    except ValueError:
        return False
    return True
