"""The directory of organisations: what the node's signed directory brings, and entries made by hand."""

from __future__ import annotations

from dataclasses import dataclass

from commune_portal import clock
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.agency_codes import accept_code
from commune_portal.rules.folding import clean_line, fold
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal
from commune_portal.store.register import Work


@dataclass(frozen=True, slots=True)
class Organisation:
    """A body that documents go to or come from; `reachable` means that the node delivers to it."""

    id: int
    code: str
    code_legacy: str
    name: str
    reachable: bool
    is_closed: bool
    phone: str = ""


def add(by: Actor, *, code: str, name: str, code_legacy: str = "") -> Organisation:
    """Adds an organisation by hand; it becomes reachable when the node's directory names it."""
    by.require(Verb.ADMINISTRATION_DIRECTORY)
    code, legacy, name = accept_code(code), accept_code(code_legacy) if code_legacy.strip() else "", _as_name(name)
    with database.transaction() as work:
        if work.execute("SELECT 1 FROM organisations WHERE code = ?", (code,)).fetchone():
            raise Malformed(f"Mã {code} đã có trong danh bạ.", field="code")
        work.execute(
            "INSERT INTO organisations (code, code_legacy, name, folded) VALUES (?, ?, ?, ?)",
            (code, legacy, name, folded(code, legacy, name)),
        )
        journal.write(
            work,
            Act.DIRECTORY_CHANGED,
            by.uid,
            about=f"organisation:{code}",
            facts={"how": "added"},
            texts={"author": name},
        )
    found = by_code(code)
    assert found is not None
    return found


def rename(by: Actor, organisation_id: int, name: str) -> None:
    """Changes the name of an entry made by hand; the node's own entries are the node's to name."""
    by.require(Verb.ADMINISTRATION_DIRECTORY)
    before, name = organisation(organisation_id), _as_name(name)
    if before.reachable:
        raise RuleBroken("Mục này do nút liên thông cung cấp, không sửa ở đây được.")
    with database.transaction() as work:
        work.execute(
            "UPDATE organisations SET name = ?, folded = ? WHERE id = ?",
            (name, folded(before.code, before.code_legacy, name), organisation_id),
        )
        _tell(by, work, before, "renamed", name)


def set_phone(by: Actor, organisation_id: int, phone: str) -> None:
    """Sets the number to call, also of an entry that the node gives; raises Malformed for what is no number."""
    if not by.may(Verb.EXCHANGE_CALL):
        by.require(Verb.ADMINISTRATION_DIRECTORY)
    before, number = organisation(organisation_id), clean_line(phone)
    if number and (len(number) > 40 or sum(sign.isdigit() for sign in number) < 3):
        raise Malformed("Số điện thoại chưa đúng. Hãy nhập ví dụ 0263 3123 456, hoặc để trống.", field="phone")
    with database.transaction() as work:
        work.execute("UPDATE organisations SET phone = ? WHERE id = ?", (number, organisation_id))
        _tell(by, work, before, "phone", before.name)


def close(by: Actor, organisation_id: int) -> None:
    """Takes an entry out of the choices; documents keep its name."""
    by.require(Verb.ADMINISTRATION_DIRECTORY)
    before = organisation(organisation_id)
    with database.transaction() as work:
        work.execute(
            "UPDATE organisations SET closed_at = ? WHERE id = ? AND closed_at IS NULL",
            (clock.now_text(), organisation_id),
        )
        _tell(by, work, before, "closed", before.name)


def _tell(by: Actor, work: Work, before: Organisation, how: str, name: str) -> None:
    journal.write(
        work,
        Act.DIRECTORY_CHANGED,
        by.uid,
        about=f"organisation:{before.code}",
        facts={"how": how},
        texts={"author": name},
    )


def organisation(organisation_id: int) -> Organisation:
    """One entry; raises NotFound."""
    found = _select("WHERE id = ?", (organisation_id,))
    if not found:
        raise NotFound("Không tìm thấy cơ quan này trong danh bạ.")
    return found[0]


def by_code(code: str) -> Organisation | None:
    """The entry of a code, in either form."""
    found = _select("WHERE code = ?1 OR (code_legacy = ?1 AND code_legacy <> '') LIMIT 1", (code,))
    return found[0] if found else None


def search(query: str = "", *, after: int = 0, limit: int = 50, open_only: bool = False) -> list[Organisation]:
    """Entries whose code or name holds every word, marks and case aside; the reachable ones first, by name."""
    conditions, values = ["1 = 1"], list[object]()
    for word in fold(query).split()[:8]:
        conditions.append("instr(folded, ?) > 0")
        values.append(word)
    if open_only:
        conditions.append("closed_at IS NULL")
    return _select(
        f"WHERE {' AND '.join(conditions)} ORDER BY closed_at IS NOT NULL, reachable DESC, folded LIMIT ? OFFSET ?",
        (*values, limit, after),
    )


def folded(code: str, code_legacy: str, name: str) -> str:
    """What an entry is searched by."""
    return fold(f"{name} {code} {code_legacy}")


def _as_name(text: str) -> str:
    name = clean_line(text)
    if not name or len(name) > 200:
        raise Malformed("Tên cơ quan cần từ 1 đến 200 ký tự.", field="name")
    return name


def _select(clause: str, parameters: tuple[object, ...] = ()) -> list[Organisation]:
    found = database.rows(
        f"SELECT id, code, code_legacy, name, reachable, closed_at IS NOT NULL, phone FROM organisations {clause}",
        parameters,
    )
    return [
        Organisation(
            id=row[0],
            code=row[1],
            code_legacy=row[2],
            name=row[3],
            reachable=bool(row[4]),
            is_closed=bool(row[5]),
            phone=row[6],
        )
        for row in found
    ]
