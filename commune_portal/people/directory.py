"""The directory of organisations: what the node's signed directory brings, and entries made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commune_portal import clock
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import agency_codes
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
    merged_into: str = ""
    former_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias:
    """A code under which a body was known, or that of a body which went up in it."""

    code: str
    why: str
    since: str

    @property
    def label(self) -> str:
        """Why it leads here, in Vietnamese."""
        return _WHY[self.why]


_WHY = {"legacy": "dạng mã khác", "renamed": "mã trước đây", "merged": "cơ quan đã sáp nhập vào đây"}


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
    """The entry of a code, in either form, or of the body that the code was changed to."""
    found = (
        _select("WHERE code = ?", (code,))
        or _select("WHERE code_legacy = ? AND code_legacy <> '' LIMIT 1", (code,))
        or _select("WHERE code = (SELECT code FROM organisation_aliases WHERE alias = ?)", (code,))
    )
    return found[0] if found else None


def successor(code: str) -> Organisation | None:
    """The body that stands for a code today: itself while it is open, else what it was merged into, however often."""
    known = by_code(code)
    return by_code(agency_codes.resolve(known.code if known else code, _leads_to))


def aliases_of(code: str) -> list[Alias]:
    """Every other code under which a body is found, the merged ones last."""
    found = database.rows(
        "SELECT alias, why, coalesce(since, '') FROM organisation_aliases WHERE code = ?"
        " ORDER BY why = 'merged', alias",
        (code,),
    )
    return [Alias(*row) for row in found]


def merge(by: Actor, organisation_id: int, into: str) -> None:
    """Closes an entry whose body went up in another one; its code leads there from now on, documents keep the name.

    Raises Malformed for a successor that the directory does not have, or that leads back.
    """
    by.require(Verb.ADMINISTRATION_DIRECTORY)
    before = organisation(organisation_id)
    heir = by_code(accept_code(into))
    if heir is None:
        raise Malformed("Danh bạ chưa có mã của cơ quan kế tiếp. Hãy thêm cơ quan đó trước.", field="merged_into")
    if agency_codes.closes_loop(before.code, heir.code, _leads_to):
        raise Malformed(f"{heir.name} lại dẫn về chính {before.name}. Hãy chọn cơ quan khác.", field="merged_into")
    with database.transaction() as work:
        work.execute(
            "UPDATE organisations SET merged_into = ?, closed_at = coalesce(closed_at, ?) WHERE id = ?",
            (heir.code, clock.now_text(), organisation_id),
        )
        for alias in filter(None, (before.code, before.code_legacy)):
            work.execute(
                "INSERT INTO organisation_aliases (alias, code, why, since) VALUES (?, ?, 'merged', ?)"
                " ON CONFLICT (alias) DO UPDATE SET code = excluded.code, why = excluded.why, since = excluded.since",
                (alias, heir.code, clock.today().isoformat()),
            )
        _tell(by, work, before, "merged", heir.name)


def _leads_to(code: str) -> str | None:
    found = database.row(
        "SELECT coalesce((SELECT nullif(merged_into, '') FROM organisations WHERE code = ?1),"
        " (SELECT code FROM organisation_aliases WHERE alias = ?1"
        " AND NOT EXISTS (SELECT 1 FROM organisations WHERE code = ?1 AND merged_into = '')))",
        (code,),
    )
    return found[0] if found else None


def search(query: str = "", *, after: int = 0, limit: int = 50, open_only: bool = False) -> list[Organisation]:
    """Entries whose name, former name or code in any form has every word or its beginning, marks and case aside.

    Those that can be sent to come first, by name; the others of a search in the order in which they were listed.
    """
    words = [word for word in fold(query).replace('"', " ").split() if any(sign.isalnum() for sign in word)][:8]
    if query.strip() and not words:
        return []  # signs alone are in no name
    held = "".join(" AND instr(folded || ' ' || known_as, ?) > 0" for _ in words)
    is_open = " AND closed_at IS NULL" if open_only else ""
    near = _select(
        f"WHERE reachable = 1{is_open}{held} ORDER BY folded LIMIT ? OFFSET ?", (*words, limit, after)
    )  # few: the members of the exchange
    if len(near) == limit:
        return near
    passed = max(0, after - database.row(
        f"SELECT count(*) FROM organisations WHERE reachable = 1{is_open}{held}", words
    )[0])  # fmt: skip
    rest = limit - len(near)
    if not words:
        return near + _select(f"WHERE reachable = 0{is_open} ORDER BY folded LIMIT ? OFFSET ?", (rest, passed))
    match = " ".join(f'"{word}"*' for word in words)
    found = database.rows(
        "SELECT s.rowid FROM organisation_search s JOIN organisations o ON o.id = s.rowid"
        f" WHERE organisation_search MATCH ? AND o.reachable = 0{is_open} ORDER BY s.rowid LIMIT ? OFFSET ?",
        (match, rest, passed),
    )
    row_ids = [row[0] for row in found]
    if not row_ids:
        return near
    return near + _select(f"WHERE id IN ({', '.join('?' for _ in row_ids)}) ORDER BY id", row_ids)


def folded(code: str, code_legacy: str, name: str) -> str:
    """What an entry is searched by."""
    return fold(f"{name} {code} {code_legacy}")


def _as_name(text: str) -> str:
    name = clean_line(text)
    if not name or len(name) > 200:
        raise Malformed("Tên cơ quan cần từ 1 đến 200 ký tự.", field="name")
    return name


def _select(clause: str, parameters: Sequence[object] = ()) -> list[Organisation]:
    found = database.rows(
        "SELECT id, code, code_legacy, name, reachable, closed_at IS NOT NULL, phone, merged_into, former_names"
        f" FROM organisations {clause}",
        parameters,
    )
    return [
        Organisation(
            id=row[0], code=row[1], code_legacy=row[2], name=row[3], reachable=bool(row[4]), is_closed=bool(row[5]),
            phone=row[6], merged_into=row[7], former_names=tuple(filter(None, row[8].split("\n"))),
        )
        for row in found
    ]  # fmt: skip
