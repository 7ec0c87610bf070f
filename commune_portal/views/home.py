"""The first page: what waits for the person who opens it, how the exchange stands, and what to look after."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from flask import Blueprint, Response, current_app, url_for

from commune_portal import clock
from commune_portal.documents import outbox, urgent, waiting
from commune_portal.documents.lists import IncomingTab, OutgoingTab
from commune_portal.documents.outbox import QueueState
from commune_portal.documents.waiting import IncomingItem, OutgoingItem, Pile
from commune_portal.health import copies, disk, exchange, hours
from commune_portal.health.row import Level, Patient, Row
from commune_portal.people import office_rules, recovery
from commune_portal.people.actors import Actor
from commune_portal.rules import deadlines
from commune_portal.rules.deadlines import DueClass
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.store import backup_runs, verify
from commune_portal.views import _session, setup
from commune_portal.views._format import ago, day, instant, number
from commune_portal.views._page import page
from commune_portal.views._stuck import stuck_lines

blueprint = Blueprint("home", __name__)

TASK_TITLES = {
    DueClass.OVERDUE: "Quá hạn",
    DueClass.TODAY: "Hôm nay",
    DueClass.TOMORROW: "Ngày mai",
    DueClass.THIS_WEEK: "Trong tuần này",
    DueClass.LATER: "Sau tuần này",
    DueClass.NONE: "Không đặt hạn",
}
HOME_STUCK_ROWS = 8
QUIET_SECONDS = 3600
HEARTBEAT_SECONDS = 300
QUICK_CHECKS = (disk.check, hours.check, copies.check, exchange.check)
"""Checks that cost a few milliseconds; each is also a row of the health page."""
TOLD_ABOVE = frozenset({"backup-proven", "recovery-key"})
"""Rows whose words the line about backups has said already."""


@dataclass(frozen=True, slots=True)
class Section:
    """One pile on the page: its title leads to the list where all of it stands."""

    title: str
    amount: int
    url: str
    tone: str
    incoming: tuple[IncomingItem, ...] = ()
    outgoing: tuple[OutgoingItem, ...] = ()
    late: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Hint:
    """One line in words; `tone` is good or warn."""

    text: str
    tone: str


@blueprint.get("/")
def show() -> Response:
    """What waits for me."""
    by = _session.actor()
    stuck = stuck_lines(by, HOME_STUCK_ROWS) if by.may(Verb.EXCHANGE_SEE) else []
    asked = waiting.asked_by_senders(by) if by.may(Verb.INCOMING_AMEND) else waiting.Pile(0, ())
    sections = [*_to_enter(by), *_to_direct(by), *_my_tasks(by), *_outgoing(by)]
    return page(
        "home/show.html",
        person=by,
        setup=setup.steps_for(by),
        sections=[section for section in sections if section.amount],
        works=bool(sections) and not stuck,
        asked=asked.items,
        asked_amount=asked.amount,
        exchange=_exchange(outbox.state()) if by.may(Verb.EXCHANGE_SEE) else None,
        backup=_backup() if by.may(Verb.BOOKS_SEE) or by.may(Verb.ADMINISTRATION_HEALTH) else None,
        health=_hints() if by.may(Verb.ADMINISTRATION_HEALTH) else None,
        health_opens="health.show" in current_app.view_functions,
        calls=urgent.to_call(by, clock.now()) if by.may(Verb.EXCHANGE_CALL) else [],
        stuck=stuck,
        quarantined=waiting.quarantined() if by.may(Verb.EXCHANGE_SEE) else 0,
        outgoing_opens="outgoing_issue.show" in current_app.view_functions,
    )


def _to_enter(by: Actor) -> list[Section]:
    if not by.may(Verb.INCOMING_REGISTER):
        return []
    pile = waiting.to_register(by)
    today = clock.today()
    calendar = office_rules.calendar(today)
    late = frozenset(
        item.id
        for item in pile.items
        if deadlines.is_registered_late(item.arrived_at, None, today, item.urgency, calendar)
    )
    return [_incoming("Văn bản mới đến, chờ vào sổ", pile, IncomingTab.ARRIVED, "warn", late)]


def _to_direct(by: Actor) -> list[Section]:
    if not by.may(Verb.INCOMING_ASSIGN):
        return []
    return [
        _incoming("Chờ chỉ đạo, phân công", waiting.to_direct(by), IncomingTab.REGISTERED, "warn"),
        _incoming("Quá hạn xử lý", waiting.overdue(by), IncomingTab.OVERDUE, "bad"),
    ]


def _my_tasks(by: Actor) -> list[Section]:
    """The person's own parts, grouped by how near they are due."""
    if not by.may_ever(Verb.INCOMING_START):
        return []
    today = clock.today()
    url = url_for("incoming.show_list", tab=IncomingTab.IN_HAND)
    made = []
    for nearness, items in groupby(waiting.tasks_of(by), lambda item: deadlines.due_class(item.due_date, today)):
        group = tuple(items)
        tone = {DueClass.OVERDUE: "bad", DueClass.TODAY: "warn"}.get(nearness, "quiet")
        made.append(Section(f"Việc của tôi: {TASK_TITLES[nearness].lower()}", len(group), url, tone, group))
    return made or [Section("Việc của tôi", 0, url, "quiet")]


def _outgoing(by: Actor) -> list[Section]:
    made = []
    if by.may_ever(Verb.OUTGOING_SIGN):
        made.append(_out("Chờ tôi duyệt, ký", waiting.to_sign(by), OutgoingTab.TO_SIGN, "warn"))
    if by.may(Verb.OUTGOING_NUMBER):
        made.append(_out("Chờ cấp số, đóng dấu", waiting.to_issue(by), OutgoingTab.TO_ISSUE, "warn"))
        made.append(_out("Chờ gửi", waiting.to_send(by), OutgoingTab.TO_SEND, "warn"))
    if by.may_ever(Verb.OUTGOING_DRAFT):
        made.append(_out("Dự thảo của tôi bị trả lại", waiting.returned(by), OutgoingTab.DRAFTS, "bad"))
    return made


def _incoming(
    title: str, pile: Pile[IncomingItem], tab: IncomingTab, tone: str, late: frozenset[int] = frozenset()
) -> Section:
    return Section(title, pile.amount, url_for("incoming.show_list", tab=tab), tone, pile.items, late=late)


def _out(title: str, pile: Pile[OutgoingItem], tab: OutgoingTab, tone: str) -> Section:
    opens = "outgoing.show_list" in current_app.view_functions
    return Section(
        title, pile.amount, url_for("outgoing.show_list", tab=tab) if opens else "", tone, outgoing=pile.items
    )


def _exchange(state: QueueState) -> Hint:
    """The line about the exchange: when, how much waits, since when, and why, in plain words."""
    if not state.enrolled:
        return Hint("Chưa kết nối nút liên thông. Văn bản gửi đi nằm trong hàng chờ cho đến khi kết nối.", "warn")
    parts = [f"Liên lạc lần cuối: {ago(state.last_contact_at)}"]
    if state.waiting:
        parts.append(f"{number(state.waiting)} gói đang chờ gửi, lâu nhất từ {instant(state.oldest)}")
    else:
        parts.append("không có gói nào chờ gửi")
    if state.failures:
        parts.append(f"đã thử {number(state.failures)} lần chưa được")
        if state.last_reason:
            parts.append(f"vì: {state.last_reason.rstrip('.')}")
        if state.next_attempt_at:
            parts.append(f"thử lại lúc {instant(state.next_attempt_at)}")
    quiet = _is_older(state.last_contact_at, QUIET_SECONDS)
    return Hint("; ".join(parts) + ".", "warn" if state.failures or quiet else "good")


def _backup() -> Hint:
    """When it was last proved that the office could come back, and whether by paper."""
    proven_at = backup_runs.last_proven_at()
    if proven_at is None:
        return Hint("Chưa có bản sao lưu nào được chứng minh bằng khôi phục thử. Máy hỏng thì có thể mất sổ.", "warn")
    text = f"Bản sao lưu đã chứng minh ngày {day(clock.civil(proven_at))}."
    if recovery.current() is None:
        text += " Chưa có khóa phục hồi trên giấy: máy này hỏng hẳn thì cơ quan không tự mở được bản sao lưu."
        return Hint(text, "warn")
    is_old = _is_older(proven_at, copies.PROVEN_AFTER_DAYS * 86400)
    return Hint(f"{text} Đã lâu: hãy cắm USB và sao lưu." if is_old else text, "warn" if is_old else "good")


def _hints() -> list[Row]:
    """What is not sound among what can be seen at once; the health page has the rest."""
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    with closing(verify.open_for_reading(settings.database_path)) as connection:
        patient = Patient(settings, connection, thorough=False)
        found = [row for check in QUICK_CHECKS for row in check(patient)]
    return [row for row in found if row.level is not Level.OK and row.id not in TOLD_ABOVE]


def _is_older(at: datetime | None, seconds: int) -> bool:
    return at is None or (clock.now() - at).total_seconds() > seconds
