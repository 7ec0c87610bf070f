"""What the rates of an office are counted from, read out of the register for a period; nobody types a figure.

Source: QĐ 28/2018, Điều 11 (collected automatically); the rates themselves are `rules.statistics`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from commune_portal import clock
from commune_portal.people import office_rules
from commune_portal.people.actors import Actor
from commune_portal.rules import calls, deadlines, statistics
from commune_portal.rules.deadlines import Calendar
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statistics import (
    AmendmentCounts,
    FlashCounts,
    HandlingCounts,
    IssueCounts,
    Rate,
    ReceiptCounts,
    UrgentCounts,
)
from commune_portal.rules.statuses import StatusCode
from commune_portal.store import database


@dataclass(frozen=True, slots=True)
class Period:
    """The first and the last civil day that are counted."""

    first: date
    last: date

    @classmethod
    def of(cls, year: int, month: int | None = None) -> Period:
        """A whole year, or one month of it."""
        if month is None:
            return cls(date(year, 1, 1), date(year, 12, 31))
        after = date(year + month // 12, month % 12 + 1, 1)
        return cls(date(year, month, 1), after - timedelta(days=1))

    @property
    def instants(self) -> tuple[str, str]:
        """The first instant of the period and the first one after it, as stored."""
        return clock.bounds(self.first, self.last)


@dataclass(frozen=True, slots=True)
class MonthTotals:
    """How many documents came and went in one month."""

    month: int
    arrived: int
    issued: int


def rates(actor: Actor, period: Period) -> list[Rate]:
    """Every rate that the register can answer for a period, each with its fraction and definition."""
    actor.require(Verb.STATISTICS_SEE)
    issued, received, handled = issue_counts(period), receipt_counts(period), handling_counts(period)
    flash, amended = flash_counts(period), amendment_counts(period)
    return [
        statistics.electronic_rate(issued),
        statistics.signed_rate(issued),
        statistics.exchange_rate(issued),
        statistics.sent_in_time_rate(issued),
        statistics.paper_rate(issued),
        statistics.received_electronically_rate(received),
        statistics.registered_in_time_rate(received),
        statistics.refused_rate(received),
        statistics.urgent_rate(urgent_counts(period)),
        statistics.flash_rate(flash),
        statistics.called_rate(flash),
        statistics.in_time_rate(handled),
        statistics.open_not_due_rate(handled),
        statistics.overdue_rate(handled),
        statistics.returned_rate(amended),
        statistics.taken_back_rate(amended),
        statistics.recalled_rate(amended),
        statistics.replaced_rate(amended),
        statistics.updated_rate(amended),
    ]


def issue_counts(period: Period) -> IssueCounts:
    """What was issued; sent is what the node has given a receipt for, late by its dispatch.

    Source: QĐ 28/2018, Điều 6.2 and Điều 11.
    """
    found = database.rows(
        "SELECT d.medium, d.signed_at, d.dispatched_at, EXISTS (SELECT 1 FROM recipients r"
        " WHERE r.outgoing_id = d.id AND r.delivered_at IS NOT NULL), EXISTS (SELECT 1 FROM recipients r"
        " WHERE r.outgoing_id = d.id AND r.paper_follows > 0)"
        " FROM outgoing d"
        " WHERE d.book_id IN (SELECT id FROM books WHERE direction = 'outgoing' AND year BETWEEN ? AND ?)"
        " AND d.promulgation_date BETWEEN ? AND ? AND d.sealed_at IS NOT NULL AND d.voided_at IS NULL",
        (period.first.year, period.last.year, period.first.isoformat(), period.last.isoformat()),
    )
    calendars = _Calendars()
    electronic = signed = sent = late = signed_and_sent = with_paper = 0
    for medium, signed_at, dispatched_at, is_sent, has_paper in found:
        with_paper += medium == "electronic" and bool(has_paper)
        is_signed = medium == "electronic" and bool(signed_at)
        electronic += medium == "electronic"
        signed += is_signed
        sent += bool(is_sent)
        signed_and_sent += is_signed and bool(is_sent)
        if is_sent and signed_at and dispatched_at:
            at = clock.from_text(signed_at)
            dispatched = clock.from_text(dispatched_at)
            late += deadlines.is_sent_late(at, dispatched, dispatched, calendars.on(clock.civil(at)))
    return IssueCounts(
        len(found),
        electronic,
        signed,
        by_exchange=sent,
        with_paper=with_paper,
        sent_late=late,
        signed_by_exchange=signed_and_sent,
    )


def receipt_counts(period: Period) -> ReceiptCounts:
    """What arrived and how it was taken. Source: NĐ 30/2020, Điều 4.2.c; QĐ 28/2018, Điều 5.4."""
    found = database.rows(
        "SELECT origin, arrived_at, registered_at, urgency, refused_at FROM incoming"
        " WHERE arrived_at >= ? AND arrived_at < ?",
        period.instants,
    )
    calendars = _Calendars()
    registered = late = 0
    for _, arrived_at, registered_at, urgency, _ in found:
        if registered_at:
            at, done = clock.from_text(arrived_at), clock.from_text(registered_at)
            registered += 1
            late += deadlines.is_registered_late(
                at, done, clock.civil(done), Urgency(urgency), calendars.on(clock.civil(at))
            )
    return ReceiptCounts(
        arrived=len(found),
        by_exchange=sum(row[0] == "exchange" for row in found),
        registered=registered,
        registered_late=late,
        refused=sum(row[4] is not None for row in found),
    )


def amendment_counts(period: Period) -> AmendmentCounts:
    """Documents issued in the period and what was asked of them later, and the sendings queued in the period.

    Source: NĐ 30/2020, Điều 18.3, 18.4; QĐ 28/2018, Điều 11.
    """
    days = (period.first.year, period.last.year, period.first.isoformat(), period.last.isoformat())
    issued, *amended = database.row(
        f"SELECT count(*), {', '.join(f'coalesce(sum({_AMENDED.format(kind)}), 0)' for kind in _KINDS)}"
        " FROM outgoing d WHERE d.book_id IN (SELECT id FROM books WHERE direction = 'outgoing'"
        " AND year BETWEEN ? AND ?) AND d.promulgation_date BETWEEN ? AND ? AND d.sealed_at IS NOT NULL",
        days,
    )
    sent, returned, taken_back = database.row(
        "SELECT count(*), coalesce(sum(r.status = '02'), 0),"
        " coalesce(sum(EXISTS (SELECT 1 FROM amendments a WHERE a.outgoing_id = r.outgoing_id AND a.recipient_id = r.id"
        " AND a.side = 'ours' AND a.kind = 'take-back' AND a.state = 'agreed')), 0)"
        " FROM recipients r WHERE r.queued_at >= ? AND r.queued_at < ?",
        period.instants,
    )
    recalled, replaced, updated = amended
    return AmendmentCounts(issued, recalled, replaced, updated, sent, returned, taken_back)


_KINDS = ("recall", "replace", "update")
_AMENDED = "EXISTS (SELECT 1 FROM amendments a WHERE a.outgoing_id = d.id AND a.side = 'ours' AND a.kind = '{}')"


def handling_counts(period: Period) -> HandlingCounts:
    """Registered documents that require handling, each in exactly one of four. Source: QĐ 28/2018, Điều 11."""
    found = database.rows(
        "SELECT due_date, completed_at FROM incoming WHERE number IS NOT NULL AND requires_handling = 1"
        " AND arrival_date BETWEEN ? AND ? AND state NOT IN ('recalled', 'taken-back')",
        (period.first.isoformat(), period.last.isoformat()),
    )
    today = clock.today()
    in_time = late = overdue = not_due = 0
    for due_text, completed_at in found:
        due = date.fromisoformat(due_text) if due_text else None
        finished = clock.civil(clock.from_text(completed_at)) if completed_at else None
        is_late = deadlines.days_late(due, finished or today) > 0
        in_time += finished is not None and not is_late
        late += finished is not None and is_late
        overdue += finished is None and is_late
        not_due += finished is None and not is_late
    return HandlingCounts(in_time, late, overdue, not_due)


def urgent_counts(period: Period) -> UrgentCounts:
    """Urgent arrivals, and those registered the same day. Source: NĐ 30/2020, Điều 4.2.c."""
    found = database.rows(
        "SELECT arrived_at, registered_at FROM incoming WHERE urgency > 0 AND arrived_at >= ? AND arrived_at < ?",
        period.instants,
    )
    same_day = sum(
        done is not None and clock.civil(clock.from_text(at)) == clock.civil(clock.from_text(done))
        for at, done in found
    )
    return UrgentCounts(len(found), same_day)


def flash_counts(period: Period) -> FlashCounts:
    """Hỏa tốc documents by recipient: accepted in time by the rule of their day, and called about.

    Source: QĐ 28/2018, Điều 6.2, 8.2.
    """
    found = database.rows(
        "SELECT r.queued_at, o.deliver_by, (SELECT coalesce(s.told_at, '') || ' ' || s.arrived_at FROM statuses s"
        "  WHERE s.recipient_id = r.id AND s.code IN ('03', '04', '05', '06') ORDER BY s.arrived_at, s.code LIMIT 1),"
        " EXISTS (SELECT 1 FROM calls c WHERE c.recipient_id = r.id)"
        " FROM outgoing o INDEXED BY outgoing_flash JOIN recipients r ON r.outgoing_id = o.id"
        " WHERE o.urgency = 3 AND o.dispatched_at IS NOT NULL AND r.queued_at >= ? AND r.queued_at < ?",
        period.instants,
    )
    in_time = called = 0
    for queued_at, deliver_by, answer, is_called in found:
        sent = clock.from_text(queued_at)
        accepted = _accepted_at(answer, sent)
        hour = clock.from_text(deliver_by) if deliver_by else None
        limits = office_rules.call_limits(clock.civil(sent))
        in_time += calls.is_accepted_in_time(accepted, sent, hour, limits)
        called += bool(is_called)
    return FlashCounts(len(found), in_time, called)


def _accepted_at(answer: str | None, sent: datetime) -> datetime | None:
    """When a recipient accepted, from the times of its first status that says so: its own, and ours."""
    if answer is None:
        return None
    said, _, heard = answer.rpartition(" ")
    return calls.accepted_at(clock.from_text(said) if said else None, clock.from_text(heard), sent)


def months(actor: Actor, year: int) -> list[MonthTotals]:
    """Totals of every month of a year: what was registered and what was issued."""
    actor.require(Verb.STATISTICS_SEE)
    period = Period.of(year)
    days = (period.first.isoformat(), period.last.isoformat())
    arrived = dict(
        database.rows(
            "SELECT CAST(substr(arrival_date, 6, 2) AS INTEGER), count(*) FROM incoming"
            " WHERE number IS NOT NULL AND arrival_date BETWEEN ? AND ? GROUP BY 1",
            days,
        )
    )
    issued = dict(
        database.rows(
            "SELECT CAST(substr(promulgation_date, 6, 2) AS INTEGER), count(*) FROM outgoing"
            " WHERE sealed_at IS NOT NULL AND voided_at IS NULL AND promulgation_date BETWEEN ? AND ? GROUP BY 1",
            days,
        )
    )
    return [MonthTotals(month, arrived.get(month, 0), issued.get(month, 0)) for month in range(1, 13)]


def statuses_returned(actor: Actor, period: Period) -> list[tuple[str, int]]:
    """How many addressees stand at each of the six statuses, those without an answer first."""
    actor.require(Verb.STATISTICS_SEE)
    found = dict(
        database.rows(
            "SELECT r.status, count(*) FROM recipients r WHERE r.queued_at >= ? AND r.queued_at < ? GROUP BY 1",
            period.instants,
        )
    )
    counted = [("Chưa có trạng thái trả về", int(found.get("", 0)))]
    counted += [(code.label, int(found.get(code.value, 0))) for code in StatusCode if not code.is_dialogue]
    return counted


def years(actor: Actor) -> list[int]:
    """The years that have a book, newest first, this year always among them."""
    actor.require(Verb.STATISTICS_SEE)
    found = {row[0] for row in database.rows("SELECT DISTINCT year FROM books")}
    return sorted(found | {clock.today().year}, reverse=True)


class _Calendars:
    """The office's calendar of each day, read once a day."""

    def __init__(self) -> None:
        self._known: dict[date, Calendar] = {}

    def on(self, day: date) -> Calendar:
        """The calendar around a day."""
        if day not in self._known:
            self._known[day] = office_rules.calendar(day)
        return self._known[day]
