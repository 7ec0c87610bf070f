"""How outgoing documents read on their pages: codes, tones, how far they have been sent, their trail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from commune_portal import clock
from commune_portal.documents.dispatch import Recipient
from commune_portal.documents.lists import OutgoingLine
from commune_portal.people import office_rules
from commune_portal.rules import numbering
from commune_portal.rules.acts import Act
from commune_portal.rules.kinds import Medium
from commune_portal.rules.statuses import OutgoingState, StatusCode
from commune_portal.store import journal

STATE_TONES = {
    OutgoingState.DRAFT: "quiet",
    OutgoingState.SUBMITTED: "info",
    OutgoingState.RETURNED: "warn",
    OutgoingState.APPROVED: "info",
    OutgoingState.SIGNED: "info",
    OutgoingState.NUMBERED: "warn",
    OutgoingState.ISSUED: "good",
    OutgoingState.VOIDED: "bad",
    OutgoingState.RECALLED: "bad",
    OutgoingState.REPLACED: "bad",
}

STATUS_TONES = {
    StatusCode.ARRIVED: "info",
    StatusCode.REFUSED: "bad",
    StatusCode.REGISTERED: "info",
    StatusCode.ASSIGNED: "info",
    StatusCode.IN_PROGRESS: "info",
    StatusCode.COMPLETED: "good",
    StatusCode.TAKE_BACK_AGREED: "quiet",
}


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the trail as the timeline shows it."""

    at: datetime
    actor: str
    act: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a document has come at one addressee: words, a tone, since when, and why."""

    words: str
    tone: str
    at: datetime | None
    reason: str = ""


def code_of_line() -> Callable[[OutgoingLine], str]:
    """Writes a line's number and symbol with the office's width; one reading of the rule for a whole page."""
    width = office_rules.numbering_rules(clock.today()).zero_width

    def code(line: OutgoingLine) -> str:
        return numbering.number_and_symbol(line.number, line.symbol, width) if line.number else line.symbol

    return code


def sent_text(line: OutgoingLine) -> str:
    """How far a line was sent, counted by the node's receipts: never more than is proved."""
    if line.state is not OutgoingState.ISSUED:
        return ""
    if line.medium is Medium.PAPER:
        return "bản giấy"
    if not line.recipients:
        return "chưa gửi"
    return f"đã gửi {line.delivered}/{line.recipients} nơi"


def progress(recipient: Recipient) -> Progress:
    """Where a document stands at an addressee; what is only queued is never called sent, nor failed."""
    if recipient.refused_at is not None:
        return Progress("Nút liên thông từ chối", "bad", recipient.refused_at, recipient.refusal)
    if recipient.status is not None:
        tone = STATUS_TONES.get(recipient.status, "quiet")
        reason = recipient.status_reason if recipient.status_reason != recipient.status.label else ""
        return Progress(recipient.status.label, tone, recipient.status_at, reason)
    if recipient.delivered_at is not None:
        return Progress("Nút đã nhận, chờ nơi nhận lấy về", "info", recipient.delivered_at)
    return Progress("Trong hàng chờ gửi", "warn", recipient.queued_at)


def trail(about: str) -> list[Event]:
    """What happened to a document, newest first, from its journal lines."""
    return [_event(line) for line in reversed(journal.lines_about(about))]


def _event(line: journal.Line) -> Event:
    fields, texts = line.fields, line.texts
    name = "Hệ thống" if fields["actor"] == journal.SYSTEM else texts.get("actor_name", "(tên đã xóa)")
    act = Act(fields["act"])
    words = act.label[:1].lower() + act.label[1:]
    if fields.get("number") and act in (Act.OUTGOING_NUMBERED, Act.NUMBER_VOIDED):
        words = f"{words} {numbering.format_number(int(fields['number']))}"
    return Event(clock.from_text(str(fields["instant"])), name, words, _note(act, fields.get("facts", {}), texts))


def _note(act: Act, facts: dict[str, object], texts: dict[str, str]) -> str:
    if act is Act.OUTGOING_DISPATCHED:
        return texts.get("recipients", "")
    if act in (Act.OUTGOING_DELIVERED, Act.OUTGOING_REFUSED_BY_NODE):
        return f"Gửi tới {facts.get('recipient', '')}"
    if act is Act.STATUS_ARRIVED:
        code = _code(facts)
        reason = texts.get("reason", "")
        said = (code, str(facts.get("sender", "")), texts.get("handler", ""), reason if reason != code else "")
        return " · ".join(filter(None, said))
    return texts.get("reason", "")


def _code(facts: dict[str, object]) -> str:
    try:
        return StatusCode(str(facts.get("code", ""))).label
    except ValueError:
        return ""
