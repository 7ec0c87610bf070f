"""The auditor's pages at a node: the offices, and each office's two books, read only with filters and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args

from flask import Blueprint, Response, url_for

from commune_portal import clock
from commune_portal.errors import NotFound
from commune_portal.node import inspections, members, mirrors, overview
from commune_portal.node.inspections import OVERDUE, Direction, Filters
from commune_portal.node.members import Member
from commune_portal.node.mirrors import Mirror
from commune_portal.people import accounts
from commune_portal.rules.acts import Act
from commune_portal.rules.folding import clean_line
from commune_portal.rules.kinds import Medium, Urgency
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import IncomingState, OutgoingState
from commune_portal.store.journal import Line
from commune_portal.views import _session
from commune_portal.views._forms import read_day
from commune_portal.views._page import page, request
from commune_portal.views._shell import MenuEntry

PAGE_ROWS = 50

TITLES: dict[Direction, str] = {"incoming": "Sổ văn bản đến", "outgoing": "Sổ văn bản đi"}

STATES: dict[Direction, tuple[tuple[str, str], ...]] = {
    "incoming": (
        *((item.value, item.label) for item in IncomingState if item is not IncomingState.ARRIVED),
        (OVERDUE, "Quá hạn, chưa xong"),
    ),
    "outgoing": tuple(
        (item.value, item.label)
        for item in (OutgoingState.NUMBERED, OutgoingState.ISSUED, OutgoingState.VOIDED, OutgoingState.RECALLED)
    ),
}

TONES = {
    "registered": "info",
    "assigned": "quiet",
    "in-progress": "warn",
    "completed": "good",
    "refused": "bad",
    "issued": "good",
    "numbered": "warn",
    "voided": "bad",
    "recalled": "bad",
}


@dataclass(frozen=True, slots=True)
class Event:
    """A journal line as the timeline shows it."""

    at: datetime
    actor: str
    act: str
    note: str


def add_to(blueprint: Blueprint) -> None:
    """Adds the auditor's pages to the node's blueprint."""
    blueprint.add_url_rule("/audit", "audit", show_offices)
    blueprint.add_url_rule("/audit/<uid>/<direction>", "audit_book", show_book)


def show_offices() -> Response:
    """Every office whose books can be read, with the state of its mirror."""
    _session.require(Verb.NODE_AUDIT)
    lines = [line for line in overview.lines() if line.member.enrolled_at is not None]
    return page("node_audit/offices.html", lines=lines)


def show_book(uid: str, direction: str) -> Response:
    """A book of an office: filters, figures, a page of lines."""
    by = _session.require(Verb.NODE_AUDIT)
    if direction not in get_args(Direction):
        raise NotFound
    side: Direction = "incoming" if direction == "incoming" else "outgoing"
    member = members.by_uid(uid)
    mirror = mirrors.of_member(member)
    if mirror is None:
        raise NotFound("Cơ quan này chưa gửi nhật ký nên chưa có sổ để xem.")
    inspections.look(by, member)
    years = inspections.years(mirror, side)
    filters = _filters(years[0] if years else clock.today().year, side)
    found = inspections.entries(by, mirror, side, filters, after=request.args.get("after", ""), limit=PAGE_ROWS)
    return page(
        "node_audit/book.html",
        "node_audit/_entries.html",
        member=member,
        mirror=mirror,
        side=side,
        title=TITLES[side],
        tabs=_tabs(member, side),
        years=[(str(year), str(year)) for year in years or [filters.year]],
        books=[
            (item.key, f"{item.key} ({item.amount})") for item in inspections.book_names(mirror, side, filters.year)
        ],
        states=STATES[side],
        filters=filters,
        found=found,
        totals=inspections.totals(by, mirror, side, filters),
        label=lambda state: inspections.state_label(side, state),
        tones=TONES,
        urgencies={item.value: item.label for item in Urgency},
        media={item.value: item.label for item in Medium},
        warnings=_warnings(member, mirror),
        today=clock.today(),
        clear=url_for("node_pages.audit_book", uid=member.uid, direction=side),
        older=_address(member, side, filters, found.next_after) if found.next_after else "",
        first=_address(member, side, filters, "") if request.args.get("after") else "",
    )


def events(lines: Sequence[Line]) -> list[Event]:
    """Journal lines for the timeline, the newest first."""
    names = {account.actor.uid: account.actor.full_name for account in accounts.everyone()}
    known = {act.value: act.label for act in Act}
    shown = []
    for line in reversed(lines):
        fields = line.fields
        actor = str(fields.get("actor", ""))
        act = known.get(str(fields["act"]), str(fields["act"]))
        machine = "Cơ quan" if actor.startswith("members:") else "Hệ thống"
        note = line.texts.get("reason", "") or _fact(fields.get("facts"))
        shown.append(
            Event(clock.from_text(fields["instant"]), names.get(actor, machine), act[:1].lower() + act[1:], note)
        )
    return shown


def _fact(facts: object) -> str:
    """The one fact of a line that a person looks for: why a package was refused, which software enrolled."""
    if not isinstance(facts, dict):
        return ""
    if "refusal" in facts:
        return f"{facts['refusal']} · gửi tới {facts.get('recipient', '')}"
    if "software" in facts:
        return f"Khóa {facts.get('key', '')} · {facts['software']}"
    return ""


def _filters(year: int, side: Direction) -> Filters:
    """The filters out of the address; what cannot be read is left out."""
    typed = request.args.get("year", "")
    state = request.args.get("state", "")
    return Filters(
        year=int(typed) if typed.isascii() and typed.isdigit() and len(typed) == 4 else year,
        book=clean_line(request.args.get("book", ""))[:100],
        state=state if state in dict(STATES[side]) else "",
        words=clean_line(request.args.get("q", ""))[:200],
        since=read_day(request.args.get("since", "")),
        until=read_day(request.args.get("until", "")),
    )


def _address(member: Member, side: Direction, filters: Filters, after: str) -> str:
    wanted = {
        "year": str(filters.year),
        "book": filters.book,
        "state": filters.state,
        "q": filters.words,
        "since": _typed(filters.since),
        "until": _typed(filters.until),
        "after": after,
    }
    given: dict[str, Any] = {name: value for name, value in wanted.items() if value}
    return url_for("node_pages.audit_book", uid=member.uid, direction=side, **given)


def _typed(day: date | None) -> str:
    return f"{day.day:02d}/{day.month:02d}/{day.year}" if day else ""


def _tabs(member: Member, side: Direction) -> tuple[MenuEntry, ...]:
    return tuple(
        MenuEntry(
            title, url_for("node_pages.audit_book", uid=member.uid, direction=direction), current=direction == side
        )
        for direction, title in TITLES.items()
    )


def _warnings(member: Member, mirror: Mirror) -> list[str]:
    """What an auditor must know before trusting these lines."""
    found = [mirror.warning] if mirror.warning else []
    if member.closed_at is not None:
        found.append("Cơ quan này đã ngừng tham gia; sổ dừng ở lần gửi cuối.")
    stated = mirrors.largest_stated(mirror)
    if stated > mirror.size:
        found.append(f"Nhật ký của cơ quan đã đến dòng {stated}, nút mới nhận đến dòng {mirror.size}.")
    return found
