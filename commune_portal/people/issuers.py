"""Who promulgates here and which units draft. One office holds several issuers: UBND, HĐND, a service centre.

Source: QĐ 28/2018, Điều 10.2.a (codes); NĐ 30/2020, Phụ lục I, II.2 (names), II.3.b (abbreviations), II.8 (seal).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from commune_portal import clock
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.people.office_rules import calendar, numbering_rules, rule, set_rule
from commune_portal.rules.acts import Act
from commune_portal.rules.agency_codes import accept_code
from commune_portal.rules.folding import clean_line
from commune_portal.rules.numbering import check_abbreviation
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal

__all__ = [
    "Issuer", "Unit", "add", "add_unit", "all_issuers", "calendar", "change", "change_unit", "close", "close_unit",
    "current", "issuer", "issuer_by_code", "numbering_rules", "rule", "set_certificate", "set_rule", "set_seal", "unit",
    "unit_by_name", "units",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Issuer:
    """A body in whose name documents go out; `parent_name` is printed above its name where there is one."""

    id: int
    uid: str
    code: str
    code_legacy: str
    name: str
    parent_name: str
    abbreviation: str
    place: str
    certificate_sha256: str
    seal_sha256: str
    seal_diameter_mm: int
    valid_from: date
    valid_until: date | None

    def is_valid(self, on: date) -> bool:
        """Whether it may promulgate on a day."""
        return self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that drafts; its abbreviation stands in the symbol of its letters."""

    id: int
    uid: str
    name: str
    abbreviation: str
    closed_at: datetime | None


def add(
    by: Actor,
    *,
    code: str,
    name: str,
    abbreviation: str,
    place: str,
    code_legacy: str = "",
    parent_name: str = "",
    seal_diameter_mm: int = 36,
    valid_from: date | None = None,
) -> Issuer:
    """Adds an issuer; raises Malformed for a code or abbreviation of wrong form, RuleBroken for a code in use."""
    by.require(Verb.ADMINISTRATION_OFFICE)
    values = _checked(code, code_legacy, name, parent_name, abbreviation=abbreviation, place=place)
    begins = valid_from or clock.today()
    with database.transaction() as work:
        taken = work.execute("SELECT 1 FROM issuers WHERE code = ? AND valid_until IS NULL", (values["code"],))
        if taken.fetchone():
            raise Malformed(f"Mã {values['code']} đã dùng cho một cơ quan ban hành khác.", field="code")
        row = work.insert(
            "issuers",
            {**values, "seal_diameter_mm": _diameter(seal_diameter_mm), "valid_from": begins.isoformat()},
        )
        journal.write(
            work,
            Act.ISSUER_SET,
            by.uid,
            about=f"issuer:{row.uid}",
            issuer=values["code"],
            facts={"how": "added"},
            dates={"valid_from": begins.isoformat()},
            texts={"author": values["name"]},
        )
    return issuer(row.id)


def change(
    by: Actor,
    issuer_id: int,
    *,
    name: str,
    abbreviation: str,
    place: str,
    code_legacy: str = "",
    parent_name: str = "",
) -> None:
    """Changes an issuer's names, abbreviation and place for what is made from now on; the code stays its own."""
    by.require(Verb.ADMINISTRATION_OFFICE)
    before = issuer(issuer_id)
    values = _checked(before.code, code_legacy, name, parent_name, abbreviation=abbreviation, place=place)
    _update(by, before, values, "changed")


def set_certificate(by: Actor, issuer_id: int, certificate_sha256: str) -> None:
    """Says which certificate seals for this issuer; an empty text takes it away."""
    by.require(Verb.ADMINISTRATION_TOKEN)
    _update(by, issuer(issuer_id), {"certificate_sha256": _as_digest(certificate_sha256)}, "certificate")


def set_seal(by: Actor, issuer_id: int, seal_sha256: str, diameter_mm: int = 36) -> None:
    """Gives the picture of the seal (a stored PNG) and its diameter on paper."""
    by.require(Verb.ADMINISTRATION_OFFICE)
    values = {"seal_sha256": _as_digest(seal_sha256), "seal_diameter_mm": _diameter(diameter_mm)}
    _update(by, issuer(issuer_id), values, "seal")


def close(by: Actor, issuer_id: int, last_day: date) -> None:
    """Ends an issuer with a last day; its books and documents stay."""
    by.require(Verb.ADMINISTRATION_OFFICE)
    before = issuer(issuer_id)
    if before.valid_until is not None:
        raise RuleBroken("Cơ quan ban hành này đã kết thúc rồi.")
    if last_day < before.valid_from:
        raise Malformed("Ngày kết thúc phải sau ngày bắt đầu.", field="valid_until")
    _update(by, before, {"valid_until": last_day.isoformat()}, "closed")


def _update(by: Actor, before: Issuer, values: dict[str, Any], how: str) -> None:
    with database.transaction() as work:
        row = work.update("issuers", before.id, values)
        if work.pending:
            journal.write(
                work,
                Act.ISSUER_SET,
                by.uid,
                about=f"issuer:{row.uid}",
                issuer=before.code,
                facts={"how": how, "certificate": values.get("certificate_sha256")},
                dates={"valid_until": values.get("valid_until")},
                texts={"author": values.get("name", "")},
            )


def issuer(issuer_id: int) -> Issuer:
    """One issuer; raises NotFound."""
    found = _select("WHERE id = ?", (issuer_id,))
    if not found:
        raise NotFound("Không tìm thấy cơ quan ban hành này.")
    return found[0]


def issuer_by_code(code: str, on: date) -> Issuer | None:
    """The issuer that had this code, in either form, on a day."""
    found = _select("WHERE code = ?1 OR (code_legacy = ?1 AND code_legacy <> '') ORDER BY valid_from DESC", (code,))
    return next((item for item in found if item.is_valid(on)), None)


def current(on: date) -> list[Issuer]:
    """The issuers that may promulgate on a day, in the order in which they were added."""
    return [item for item in _select("ORDER BY id") if item.is_valid(on)]


def all_issuers() -> list[Issuer]:
    """Every issuer there ever was."""
    return _select("ORDER BY valid_until IS NOT NULL, id")


def _select(clause: str, parameters: tuple[object, ...] = ()) -> list[Issuer]:
    found = database.rows(
        "SELECT id, uid, code, code_legacy, name, parent_name, abbreviation, place, certificate_sha256, seal_sha256,"
        f" seal_diameter_mm, valid_from, valid_until FROM issuers {clause}",
        parameters,
    )
    return [
        Issuer(
            id=row[0],
            uid=row[1],
            code=row[2],
            code_legacy=row[3],
            name=row[4],
            parent_name=row[5],
            abbreviation=row[6],
            place=row[7],
            certificate_sha256=row[8],
            seal_sha256=row[9],
            seal_diameter_mm=row[10],
            valid_from=date.fromisoformat(row[11]),
            valid_until=date.fromisoformat(row[12]) if row[12] else None,
        )
        for row in found
    ]


def _checked(
    code: str, code_legacy: str, name: str, parent_name: str, *, abbreviation: str, place: str
) -> dict[str, Any]:
    name, place = clean_line(name), clean_line(place)
    if not name or len(name) > 200:
        raise Malformed("Tên cơ quan cần từ 1 đến 200 ký tự.", field="name")
    if not place or len(place) > 100:
        raise Malformed("Địa danh cần từ 1 đến 100 ký tự, ví dụ: An Phú.", field="place")
    return {
        "code": accept_code(code),
        "code_legacy": accept_code(code_legacy) if code_legacy.strip() else "",
        "name": name,
        "parent_name": clean_line(parent_name),
        "abbreviation": check_abbreviation(abbreviation),
        "place": place,
    }


def _diameter(diameter_mm: int) -> int:
    if not 20 <= diameter_mm <= 60:
        raise Malformed("Đường kính con dấu phải từ 20 đến 60 mm.", field="seal_diameter_mm")
    return diameter_mm


def _as_digest(text: str) -> str:
    digest = text.strip().lower()
    if digest and (len(digest) != 64 or any(sign not in "0123456789abcdef" for sign in digest)):
        raise Malformed("Mã nhận dạng (SHA-256) chưa đúng.", field="certificate_sha256")
    return digest


# ── units ─────────────────────────────────────────────────────────────────────────────────────────────────────


def add_unit(by: Actor, *, name: str, abbreviation: str) -> Unit:
    """Adds a unit; raises Malformed when name or abbreviation is taken."""
    by.require(Verb.ADMINISTRATION_OFFICE)
    values = _unit_values(name, abbreviation)
    with database.transaction() as work:
        _refuse_taken(work.execute, values, 0)
        row = work.insert("units", values)
        journal.write(work, Act.UNIT_SET, by.uid, about=f"unit:{row.uid}", facts={"how": "added"}, texts=_told(values))
    return unit(row.id)


def change_unit(by: Actor, unit_id: int, *, name: str, abbreviation: str) -> None:
    """Changes a unit's name or abbreviation for what is made from now on."""
    by.require(Verb.ADMINISTRATION_OFFICE)
    values = _unit_values(name, abbreviation)
    with database.transaction() as work:
        _refuse_taken(work.execute, values, unit_id)
        row = work.update("units", unit_id, values)
        if work.pending:
            facts = {"how": "changed"}
            journal.write(work, Act.UNIT_SET, by.uid, about=f"unit:{row.uid}", facts=facts, texts=_told(values))


def close_unit(by: Actor, unit_id: int) -> None:
    """Takes a unit out of the lists of choices; its documents stay."""
    by.require(Verb.ADMINISTRATION_OFFICE)
    with database.transaction() as work:
        row = work.update("units", unit_id, {"closed_at": clock.now_text()}, expected={"closed_at": None})
        journal.write(work, Act.UNIT_SET, by.uid, about=f"unit:{row.uid}", facts={"how": "closed"})


def unit(unit_id: int) -> Unit:
    """One unit; raises NotFound."""
    found = _select_units("WHERE id = ?", (unit_id,))
    if not found:
        raise NotFound("Không tìm thấy đơn vị này.")
    return found[0]


def unit_by_name(name: str) -> Unit | None:
    """The open unit of a name, as accounts and drafts write it."""
    found = _select_units("WHERE name = ? AND closed_at IS NULL", (clean_line(name),))
    return found[0] if found else None


def units(*, closed_too: bool = False) -> list[Unit]:
    """The units, by name."""
    return _select_units(
        "ORDER BY closed_at IS NOT NULL, name" if closed_too else "WHERE closed_at IS NULL ORDER BY name"
    )


def _select_units(clause: str, parameters: tuple[object, ...] = ()) -> list[Unit]:
    found = database.rows(f"SELECT id, uid, name, abbreviation, closed_at FROM units {clause}", parameters)
    return [
        Unit(row[0], row[1], row[2], row[3], closed_at=clock.from_text(row[4]) if row[4] else None) for row in found
    ]


def _unit_values(name: str, abbreviation: str) -> dict[str, Any]:
    name = clean_line(name)
    if not name or len(name) > 100:
        raise Malformed("Tên đơn vị cần từ 1 đến 100 ký tự.", field="name")
    return {"name": name, "abbreviation": check_abbreviation(abbreviation)}


def _refuse_taken(execute: Any, values: dict[str, Any], own_id: int) -> None:
    for column, words in (("name", "Tên đơn vị"), ("abbreviation", "Chữ viết tắt")):
        if execute(f"SELECT 1 FROM units WHERE {column} = ? AND id <> ?", (values[column], own_id)).fetchone():
            raise Malformed(f"{words} «{values[column]}» đã có. Hãy dùng tên khác.", field=column)


def _told(values: dict[str, Any]) -> dict[str, str]:
    return {"value": f"{values['name']} ({values['abbreviation']})"}
