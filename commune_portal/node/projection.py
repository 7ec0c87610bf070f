"""From mirrored journal lines to the two books as an auditor reads them.

A body and its leaf carry what the books print; each line of a document changes its entry. Values come from another
installation, so each is read with care and what does not fit is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from commune_portal import clock
from commune_portal.rules.folding import clean_line, fold
from commune_portal.store.register import Work

DIRECTIONS = ("incoming", "outgoing")
TEXTS = ("symbol", "type_name", "subject", "author", "signer", "recipients", "handler", "note")
FOLDED = ("symbol", "type_name", "subject", "author", "recipients")
DATES = {
    "promulgated": "promulgation_date",
    "arrived": "arrival_date",
    "due": "due_date",
    "completed": "completed_date",
    "dispatched": "dispatched_date",
}
COLUMNS = (
    "direction", "issuer", "book", "year", "number", "state", *TEXTS, "medium", "is_signed", "urgency",
    "requires_handling", *DATES.values(), "folded", "last_seq",
)  # fmt: skip

_LONGEST = 2000

Line = tuple[int, Mapping[str, Any], Mapping[str, str]]


def apply(work: Work, mirror_id: int, lines: Iterable[Line]) -> None:
    """Brings the entries of a mirror up to these lines, in the caller's transaction."""
    changed: dict[str, dict[str, Any]] = {}
    for seq, fields, texts in lines:
        about = fields.get("object")
        direction = str(about).partition(":")[0]
        if not isinstance(about, str) or direction not in DIRECTIONS or len(about) > 100:
            continue
        entry = changed.get(about)
        if entry is None:
            entry = changed[about] = _stored(work, mirror_id, about) or _empty(direction)
        _merge(entry, seq, fields, texts)
    for about, entry in changed.items():
        _store(work, mirror_id, about, entry)


def _store(work: Work, mirror_id: int, about: str, entry: dict[str, Any]) -> None:
    entry["folded"] = fold(" ".join(str(entry[name]) for name in FOLDED))
    names = ", ".join(COLUMNS)
    marks = ", ".join("?" for _ in COLUMNS)
    updates = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS)
    work.execute(
        f"INSERT INTO mirror_entries (mirror_id, object, {names}) VALUES (?, ?, {marks})"
        f" ON CONFLICT (mirror_id, object) DO UPDATE SET {updates}",
        (mirror_id, about, *(entry[name] for name in COLUMNS)),
    )


def blank(work: Work, mirror_id: int, about: str, texts: Mapping[str, str]) -> None:
    """Empties an entry whose document was destroyed: number, day, sender, state stay, and what `texts` now say."""
    entry = _stored(work, mirror_id, about)
    if entry is None:
        return
    entry.update({name: "" for name in TEXTS if name != "author"}, promulgation_date=None)
    _merge(entry, entry["last_seq"], {}, texts)
    _store(work, mirror_id, about, entry)


def _empty(direction: str) -> dict[str, Any]:
    entry: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    entry.update(dict.fromkeys(DATES.values()))
    entry.update(direction=direction, year=None, number=None, is_signed=0, urgency=0, requires_handling=0, last_seq=0)
    return entry


def _stored(work: Work, mirror_id: int, about: str) -> dict[str, Any] | None:
    found = work.execute(
        f"SELECT {', '.join(COLUMNS)} FROM mirror_entries WHERE mirror_id = ? AND object = ?", (mirror_id, about)
    ).fetchone()
    return dict(zip(COLUMNS, found, strict=True)) if found else None


def _merge(entry: dict[str, Any], seq: int, fields: Mapping[str, Any], texts: Mapping[str, str]) -> None:
    facts = fields.get("facts")
    dates = fields.get("dates")
    facts = facts if isinstance(facts, dict) else {}
    dates = dates if isinstance(dates, dict) else {}
    for name, column in (("to", "state"), ("issuer", "issuer"), ("book", "book")):
        if isinstance(fields.get(name), str):
            entry[column] = clean_line(fields[name])[:100]
    for name in ("year", "number"):
        if _is_whole(fields.get(name)):
            entry[name] = fields[name]
    for name, column in DATES.items():
        day = _civil_day(dates.get(name))
        if day is not None:
            entry[column] = day
    if isinstance(facts.get("medium"), str):
        entry["medium"] = facts["medium"][:20]
    for name, column in (("signed", "is_signed"), ("urgency", "urgency"), ("requires_handling", "requires_handling")):
        if isinstance(facts.get(name), bool) or _is_whole(facts.get(name)):
            entry[column] = int(facts[name])
    for name in TEXTS:
        if texts.get(name):
            entry[name] = clean_line(texts[name])[:_LONGEST]
    if texts.get("reason") and not texts.get("note"):
        entry["note"] = clean_line(texts["reason"])[:_LONGEST]
    entry["last_seq"] = seq


def _civil_day(told: object) -> str | None:
    """A date as text, from a date or an instant; an instant is of the day that it is in Vietnam."""
    if not isinstance(told, str):
        return None
    try:
        return clock.civil(clock.from_text(told)).isoformat() if "T" in told else date.fromisoformat(told).isoformat()
    except ValueError:
        return None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
