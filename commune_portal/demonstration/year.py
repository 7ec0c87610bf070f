"""The whole plan: a year of two communes and their province, the same for the same day, in rounds between contacts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from typing import Any

from commune_portal.demonstration import exchanged
from commune_portal.demonstration.acts import Agenda, Planned, Round
from commune_portal.demonstration.byhand import NOT_FOR_HANDLING, Handwork, Subject, described
from commune_portal.demonstration.cast import AN_PHU, BINH_LOI, OFFICES, PROVINCE, ROLES
from commune_portal.demonstration.days import Days, days_before, filled, in_season
from commune_portal.demonstration.subjects import FIELDS

SEED = 2026
SCANNED_SENDERS = ("UBND", "SNV", "SNNMT", "STC")
"""Few, because drawing a seal takes most of a second."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much a demonstration holds."""

    days: int
    exchange_days: int
    incoming: dict[str, int]
    outgoing: dict[str, int]
    letters: dict[str, int]
    scans: int


FULL = Amounts(
    365, 9, {AN_PHU: 320, BINH_LOI: 210}, {AN_PHU: 80, BINH_LOI: 50}, {AN_PHU: 3, BINH_LOI: 2, PROVINCE: 1}, 12
)
SMALL = Amounts(90, 2, {AN_PHU: 40, BINH_LOI: 30}, {AN_PHU: 10, BINH_LOI: 6}, {AN_PHU: 1, BINH_LOI: 1, PROVINCE: 1}, 3)


@dataclass(frozen=True, slots=True)
class Plan:
    """What every party does, round by round; `scans` are drawn once and registered by both communes."""

    since: date
    rounds: tuple[Round, ...]
    acts: dict[str, tuple[Planned, ...]]
    scans: tuple[dict[str, Any], ...]


def plan(today: date, amounts: Amounts = FULL) -> Plan:
    """The plan for a day; nothing in it depends on anything but that day and the amounts."""
    days = days_before(today, amounts.days)
    since = days.working[0]
    exchanging = exchanged.exchange_days(days, amounts.exchange_days)
    rounds = exchanged.rounds(exchanging)
    agendas = {party: Agenda(rounds) for party in OFFICES}
    scans = tuple(_scans(days, amounts.scans, random.Random(f"{SEED}-scans")))  # noqa: S311 -- a story, no secret
    for party in (AN_PHU, BINH_LOI):
        _commune(party, agendas[party], days, amounts, list(scans))
    chance = random.Random(f"{SEED}-exchange")  # noqa: S311 -- a story, no secret
    letters = exchanged.Exchange(agendas, days, chance)
    letters.year(exchanging, amounts.letters)
    letters.today()
    letters.asked_today()
    return Plan(since, rounds, {party: agenda.in_order() for party, agenda in agendas.items()}, scans)


def _commune(party: str, agenda: Agenda, days: Days, amounts: Amounts, scans: list[dict[str, Any]]) -> None:
    chance = random.Random(f"{SEED}-{party}")  # noqa: S311 -- a story, no secret
    work = Handwork(agenda, ROLES[party], days, chance)
    work.incoming(amounts.incoming[party], scans)
    work.outgoing(amounts.outgoing[party], 3 if party == AN_PHU else 1)
    if party == AN_PHU:
        work.council("chutichhdnd")
    work.in_hand(with_upload=party == AN_PHU)


def opening_numbers(plan_: Plan, party: str, amounts: Amounts) -> dict[str, int]:
    """Where the first year's books go on: as many numbers as the part of that year that is over would have used."""
    passed = (plan_.since.timetuple().tm_yday - 1) / amounts.days
    if passed * amounts.days < 5:
        return {}
    return {
        "incoming": 1 + int(amounts.incoming.get(party, 0) * passed),
        "outgoing": 1 + int(2 * amounts.outgoing.get(party, 0) * passed),
    }


def _scans(days: Days, amount: int, chance: random.Random) -> list[dict[str, Any]]:
    """Circulars of the last weeks that came as a scan: what is drawn on them is what is registered."""
    found: list[dict[str, Any]] = []
    while len(found) < amount:
        day = days.back(4 + (len(found) * 26) // amount)
        field = chance.choice(FIELDS)
        head, template = chance.choice(field.incoming).split("|", 1)
        type_code, _, sender = head.partition("@")
        sender = sender or chance.choice(field.senders)
        if sender not in SCANNED_SENDERS or type_code == "DON" or not in_season(template, day):
            continue
        subject = Subject(type_code, filled(template, day, chance), field, sender)
        values = described(subject, day, chance)
        if any(item["subject"] == values["subject"] for item in found):
            continue
        values |= {
            "field": field.name, "sender": sender, "type_code": type_code, "plain_subject": subject.text,
            "requires_handling": type_code not in NOT_FOR_HANDLING, "promulgation_date": day.isoformat(),
            "scan": f"scan-{len(found) + 1}.pdf", "page_amount": 1,
        }  # fmt: skip
        found.append(values)
    return found
