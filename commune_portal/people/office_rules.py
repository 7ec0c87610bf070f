"""The office's own dated rules: numbering, calendar, morning, limits; set by journalled acts, never a setting.

A rule is a name, a value as JSON and the first day on which it holds; the past keeps the rule that held then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

from commune_portal import clock
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.calls import CallLimits
from commune_portal.rules.chain import canonical_bytes
from commune_portal.rules.deadlines import Calendar
from commune_portal.rules.numbering import NumberGroup, NumberingRules, Scheme
from commune_portal.rules.paper_alongside import PaperRule
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal

NUMBERING = "numbering"
MORNING_ENDS = "morning-ends"
DEFAULT_DUE_DAYS = "default-due-days"
PAPER_ALONGSIDE = "paper-alongside"
CALL_LIMITS = "limit.urgent-calls"
DAYS_OFF = "days-off."

_NAMES = re.compile(
    rf"(?:{NUMBERING}(?::\d+)?|{MORNING_ENDS}|{DEFAULT_DUE_DAYS}|{PAPER_ALONGSIDE}|limit\.[a-z-]+|{re.escape(DAYS_OFF)}\d{{4}})"
)


@dataclass(frozen=True, slots=True)
class DatedRule:
    """A rule as lists show it."""

    name: str
    value: Any
    valid_from: date
    set_at: datetime


@dataclass(frozen=True, slots=True)
class YearOff:
    """The days of one year on which the office does not work, with their names, and the weekend days it does."""

    year: int
    off: Mapping[date, str]
    worked: frozenset[date]
    is_seed: bool
    """True while nobody in the office has confirmed or changed what the calendar of the country says."""


def set_rule(by: Actor, name: str, value: Any, *, valid_from: date | None = None) -> None:
    """Sets a rule from a day on (today unless given); raises RuleBroken for a day that is over."""
    by.require(Verb.ADMINISTRATION_OFFICE)
    if not _NAMES.fullmatch(name):
        raise Malformed(f"Không có quy định «{name}».", field="name")
    begins = valid_from or clock.today()
    if begins < clock.today() and not by.is_portal:
        raise RuleBroken("Quy định chỉ có hiệu lực từ hôm nay trở đi; những ngày đã qua giữ quy định cũ.")
    text = canonical_bytes(value).decode()
    with database.transaction() as work:
        row = work.insert(
            "office_rules",
            {"name": name, "value": text, "valid_from": begins.isoformat(), "set_at": clock.now_text()},
        )
        journal.write(
            work,
            Act.RULE_SET,
            by.uid,
            about=f"rule:{row.uid}",
            facts={"name": name},
            dates={"valid_from": begins.isoformat()},
            texts={"value": text},
        )


def rule(name: str, on: date) -> Any:
    """The value that holds on a day, None when none was ever set."""
    found = database.row(
        "SELECT value FROM office_rules WHERE name = ? AND valid_from <= ? ORDER BY valid_from DESC, id DESC LIMIT 1",
        (name, on.isoformat()),
    )
    return json.loads(found[0]) if found else None


def history(name: str) -> list[DatedRule]:
    """Every value a rule has had, the newest first, those of the future included."""
    found = database.rows(
        "SELECT name, value, valid_from, set_at FROM office_rules WHERE name = ? ORDER BY valid_from DESC, id DESC",
        (name,),
    )
    return [DatedRule(row[0], json.loads(row[1]), date.fromisoformat(row[2]), clock.from_text(row[3])) for row in found]


# ── numbering ─────────────────────────────────────────────────────────────────────────────────────────────────


def numbering_rules(on: date, issuer_id: int | None = None) -> NumberingRules:
    """How numbers are given on a day: the issuer's own rule, else the office's, else one series for all."""
    value = rule(f"{NUMBERING}:{issuer_id}", on) if issuer_id is not None else None
    value = value if value is not None else rule(NUMBERING, on)
    return numbering_from_json(value) if value is not None else NumberingRules()


def set_numbering(
    by: Actor, rules: NumberingRules, *, issuer_id: int | None = None, valid_from: date | None = None
) -> None:
    """Sets how numbers are given, for the office or for one issuer."""
    name = NUMBERING if issuer_id is None else f"{NUMBERING}:{issuer_id}"
    set_rule(by, name, numbering_to_json(rules), valid_from=valid_from)


def numbering_to_json(rules: NumberingRules) -> dict[str, Any]:
    """Numbering rules as stored."""
    return {
        "scheme": rules.scheme.value,
        "groups": [
            {"key": group.key, "name": group.name, "type_codes": list(group.type_codes)} for group in rules.groups
        ],
        "zero_width": rules.zero_width,
        "letter_suffix": rules.letter_suffix,
    }


def numbering_from_json(value: Any) -> NumberingRules:
    """Numbering rules as read back."""
    groups = tuple(
        NumberGroup(group["key"], group["name"], tuple(group["type_codes"])) for group in value.get("groups", [])
    )
    return NumberingRules(
        scheme=Scheme(value["scheme"]),
        groups=groups,
        zero_width=value.get("zero_width", 2),
        letter_suffix=value.get("letter_suffix", "unit"),
    )


# ── calendar ──────────────────────────────────────────────────────────────────────────────────────────────────


def calendar(on: date) -> Calendar:
    """The office's days around a date (the years before and after included) with the end of its morning."""
    years = [days_off(year) for year in (on.year - 1, on.year, on.year + 1)]
    ends = rule(MORNING_ENDS, on)
    return Calendar(
        holidays=frozenset(day for year in years for day in year.off),
        worked_days=frozenset(day for year in years for day in year.worked),
        morning_ends=time.fromisoformat(ends) if ends else Calendar().morning_ends,
    )


def days_off(year: int) -> YearOff:
    """A year's days off: what the office has set, else what the country's calendar says."""
    found = database.row(
        "SELECT value FROM office_rules WHERE name = ? ORDER BY id DESC LIMIT 1", (f"{DAYS_OFF}{year}",)
    )
    if found is None:
        off, worked = _seed(year)
        return YearOff(year, dict(off), worked, is_seed=True)
    value = json.loads(found[0])
    return YearOff(
        year,
        {date.fromisoformat(day): name for day, name in sorted(value["off"].items())},
        frozenset(date.fromisoformat(day) for day in value["worked"]),
        is_seed=False,
    )


def set_days_off(by: Actor, year: int, off: Mapping[date, str], worked: frozenset[date]) -> None:
    """Sets a whole year's days off and worked weekend days; raises Malformed for days that make no sense."""
    if any(day.year != year for day in (*off, *worked)):
        raise Malformed(f"Mọi ngày phải thuộc năm {year}.", field="off")
    if worked & set(off):
        raise Malformed("Một ngày không thể vừa nghỉ vừa làm bù.", field="worked")
    if any(day.weekday() < 5 for day in worked):
        raise Malformed("Ngày làm bù phải là thứ Bảy hoặc Chủ nhật.", field="worked")
    value = {
        "off": {day.isoformat(): name for day, name in off.items()},
        "worked": sorted(day.isoformat() for day in worked),
    }
    set_rule(by, f"{DAYS_OFF}{year}", value)


def morning_ends(on: date) -> time:
    """When the morning ends on which a document must at latest be sent."""
    found = rule(MORNING_ENDS, on)
    return time.fromisoformat(found) if found else Calendar().morning_ends


def default_due_days(on: date) -> int | None:
    """Working days that a new assignment gets unless somebody says otherwise; None where the office sets none."""
    found = rule(DEFAULT_DUE_DAYS, on)
    return int(found) if found else None


def call_limits(on: date) -> CallLimits:
    """After how many minutes somebody must telephone about a hỏa tốc document."""
    found = rule(CALL_LIMITS, on)
    return CallLimits.from_json(found) if found else CallLimits()


def paper_rule(on: date) -> PaperRule:
    """Which electronic documents also go on paper, and to whom."""
    found = rule(PAPER_ALONGSIDE, on)
    return PaperRule.from_json(found) if found else PaperRule()


@lru_cache(maxsize=16)
def _seed(year: int) -> tuple[tuple[tuple[date, str], ...], frozenset[date]]:
    """The country's public holidays and swapped days, from a library that knows the lunar year; works offline."""
    import holidays

    known = holidays.country_holidays("VN", years=year, language="vi")
    off = tuple(sorted((day, str(name)) for day, name in known.items() if day.year == year))
    worked = frozenset(day for day in getattr(known, "weekend_workdays", ()) if day.year == year)
    return off, worked
