"""Lists of organisations as they come in: from a CSV file at a node, from the node at an office.

A known code keeps its history: a changed name becomes a former one, codes that were known stay. Documents keep the
name that they were sent under.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from commune_portal import clock
from commune_portal.errors import Malformed
from commune_portal.people import directory
from commune_portal.rules.agency_codes import closes_loop
from commune_portal.rules.folding import fold
from commune_portal.store import database
from commune_portal.store.register import Work
from commune_portal.wire.organisations import Alias, Listed, ListedPage, Why

MOST_FORMER = 20
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class _Known:
    """What is kept of an organisation now."""

    values: tuple[str, ...]
    former: tuple[str, ...]


def keep(work: Work, items: Sequence[Listed], source: str) -> int:
    """Takes organisations over in the caller's act; answers how many were new or changed.

    Raises Malformed for a merger that would lead back to where it began.
    """
    changed = 0
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK]
        known = _known(work, [item.code for item in chunk])
        aliases = _aliases(work, [item.code for item in chunk])
        changed += sum(
            _keep_one(work, item, known.get(item.code), aliases.get(item.code, []), source) for item in chunk
        )
    return changed


def arrived(peer_code: str, page: ListedPage) -> None:
    """Keeps a page of the node's list and how far it was read."""
    with database.transaction() as work:
        keep(work, page.items, "node")
        work.execute(
            "UPDATE contacts SET organisations_change = max(organisations_change, ?), organisations_at = ?"
            " WHERE peer_code = ?",
            (page.next_after, clock.now_text(), peer_code),
        )


def read_until(peer_code: str) -> tuple[int, str | None]:
    """How far the node's list was read, and when."""
    found = database.row(
        "SELECT organisations_change, organisations_at FROM contacts WHERE peer_code = ?", (peer_code,)
    )
    return (int(found[0]), found[1]) if found else (0, None)


def unlisted(limit: int) -> list[str]:
    """Codes that we write to, have heard from, or keep in a group, and that the list does not have."""
    found = database.rows(
        "SELECT DISTINCT code FROM (SELECT organ_code AS code FROM recipients UNION SELECT sender_code FROM incoming"
        " WHERE origin = 'exchange' UNION SELECT j.value FROM recipient_groups g, json_each(g.codes) j"
        " WHERE g.closed_at IS NULL) c WHERE code <> '' AND NOT EXISTS (SELECT 1 FROM organisations o"
        " WHERE o.code = c.code) AND NOT EXISTS (SELECT 1 FROM organisation_aliases a WHERE a.alias = c.code) LIMIT ?",
        (limit,),
    )
    return [row[0] for row in found]


def listed(row_ids: Sequence[int]) -> list[Listed]:
    """Organisations by their rows, in that order, as they are told to others."""
    if not row_ids:
        return []
    marks = ", ".join("?" for _ in row_ids)
    rows = database.rows(
        "SELECT id, code, name, change, code_legacy, phone, former_names, merged_into, closed_at FROM organisations"
        f" WHERE id IN ({marks})",
        list(row_ids),
    )
    codes = [row[1] for row in rows]
    aliases: dict[str, list[Alias]] = {}
    for code, alias, why, since in database.rows(
        f"SELECT code, alias, why, since FROM organisation_aliases WHERE code IN ({', '.join('?' for _ in codes)})"
        " ORDER BY alias",
        codes,
    ):
        aliases.setdefault(code, []).append(Alias(alias, Why(why), since))
    made = {
        row[0]: Listed(
            code=row[1], name=row[2], change=row[3], code_legacy=row[4], phone=row[5],
            former_names=tuple(filter(None, row[6].split("\n"))), aliases=tuple(aliases.get(row[1], ())[:50]),
            merged_into=row[7], closed_at=clock.from_text(row[8]) if row[8] else None,
        )
        for row in rows
    }  # fmt: skip
    return [made[row_id] for row_id in row_ids if row_id in made]


def _known(work: Work, codes: list[str]) -> dict[str, _Known]:
    found = work.execute(
        "SELECT code, name, code_legacy, phone, merged_into, coalesce(closed_at, ''), former_names, known_as"
        f" FROM organisations WHERE code IN ({', '.join('?' for _ in codes)})",
        codes,
    ).fetchall()
    return {row[0]: _Known(tuple(row[1:]), tuple(filter(None, row[6].split("\n")))) for row in found}


def _aliases(work: Work, codes: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code, alias in work.execute(
        f"SELECT code, alias FROM organisation_aliases WHERE code IN ({', '.join('?' for _ in codes)})", codes
    ).fetchall():
        found.setdefault(code, []).append(alias)
    return found


def _keep_one(work: Work, item: Listed, known: _Known | None, aliases: list[str], source: str) -> int:
    former = dict.fromkeys((*(known.former if known else ()), *item.former_names))
    if known and known.values[0] != item.name:
        former[known.values[0]] = None
    former.pop(item.name, None)
    named = tuple(former)[-MOST_FORMER:]
    codes = sorted({*aliases, *(alias.code for alias in item.aliases)} - {item.code})
    known_as = fold(" ".join((*named, *codes)))
    closed = clock.to_text(item.closed_at) if item.closed_at else ""
    if item.merged_into and not closed:
        closed = (known.values[4] if known else "") or clock.now_text()
    phone = item.phone or (known.values[2] if known else "")
    values = (item.name, item.code_legacy, phone, item.merged_into, closed, "\n".join(named), known_as)
    if item.merged_into and closes_loop(item.code, item.merged_into, _leads_to(work)):
        raise Malformed(f"Cơ quan {item.code} sáp nhập vào {item.merged_into} thành vòng tròn. Hãy sửa danh sách.")
    _keep_aliases(work, item)
    if known and known.values == values:
        return 0
    work.execute(
        "INSERT INTO organisations (name, code_legacy, phone, merged_into, closed_at, former_names, known_as, code,"
        " folded, source, changed_at, change) VALUES (?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?,"
        " (SELECT coalesce(max(change), 0) + 1 FROM organisations)) ON CONFLICT (code) DO UPDATE"
        " SET name = excluded.name, code_legacy = excluded.code_legacy, phone = excluded.phone,"
        " merged_into = excluded.merged_into, closed_at = excluded.closed_at, former_names = excluded.former_names,"
        " known_as = excluded.known_as, folded = excluded.folded, changed_at = excluded.changed_at,"
        " source = CASE WHEN source IN ('subtree', 'axis') THEN source ELSE excluded.source END",
        (*values, item.code, directory.folded(item.code, item.code_legacy, item.name), source, clock.now_text()),
    )
    return 1


def _keep_aliases(work: Work, item: Listed) -> None:
    told = [(alias.code, item.code, alias.why.value, alias.since) for alias in item.aliases if alias.code != item.code]
    if item.merged_into:
        told.append((item.code, item.merged_into, Why.MERGED.value, None))
    for row in told:
        work.execute(
            "INSERT INTO organisation_aliases (alias, code, why, since) VALUES (?, ?, ?, ?) ON CONFLICT (alias) DO"
            " UPDATE SET code = excluded.code, why = excluded.why, since = coalesce(excluded.since, since)",
            row,
        )


def _leads_to(work: Work) -> Any:
    def leads_to(code: str) -> str | None:
        found = work.execute("SELECT merged_into FROM organisations WHERE code = ?", (code,)).fetchone()
        return found[0] or None if found else None

    return leads_to
