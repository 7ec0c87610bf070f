"""«Gửi nhanh»: named groups of recipients, kept by the clerk; who closed or went up in another body is pointed out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from commune_portal import clock
from commune_portal.errors import Malformed, NotFound
from commune_portal.people import directory
from commune_portal.people.actors import Actor
from commune_portal.people.directory import Organisation
from commune_portal.rules.acts import Act
from commune_portal.rules.folding import clean_line, fold
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal
from commune_portal.store.register import Work

LONGEST_NAME = 80
MOST_CODES = 300


@dataclass(frozen=True, slots=True)
class Member:
    """A code of a group with what the directory says of it; `heir` is who stands for a body that is closed."""

    code: str
    name: str
    reachable: bool
    is_closed: bool
    heir: Organisation | None

    @property
    def doubt(self) -> str:
        """What is to be seen to before it can be sent to; empty when nothing is."""
        if self.is_closed and self.heir is not None:
            return f"đã sáp nhập vào {self.heir.name} ({self.heir.code})"
        if self.is_closed:
            return "đã thôi hoạt động"
        return "" if self.reachable else "chưa kết nối liên thông, gửi bản giấy"


@dataclass(frozen=True, slots=True)
class Group:
    """A group with its members in their order."""

    id: int
    name: str
    codes: tuple[str, ...]

    @property
    def amount(self) -> int:
        """How many members it has."""
        return len(self.codes)


def make(by: Actor, name: str, codes: Sequence[str]) -> int:
    """Makes a group and answers its row; raises Malformed for a name that is taken or a group without members."""
    by.require(Verb.EXCHANGE_GROUPS)
    name, kept = _as_name(name), _as_codes(codes)
    _refuse_taken(name)
    with database.transaction() as work:
        values = {"name": name, "codes": json.dumps(kept), "made_at": clock.now_text()}
        row = work.insert("recipient_groups", values)
        _tell(work, by, row.uid, "made", name, kept)
    return row.id


def change(by: Actor, group_id: int, name: str, codes: Sequence[str]) -> None:
    """Gives a group another name or other members."""
    by.require(Verb.EXCHANGE_GROUPS)
    group(group_id)
    name, kept = _as_name(name), _as_codes(codes)
    _refuse_taken(name, group_id)
    with database.transaction() as work:
        row = work.update("recipient_groups", group_id, {"name": name, "codes": json.dumps(kept)})
        _tell(work, by, row.uid, "changed", name, kept)


def close(by: Actor, group_id: int) -> None:
    """Takes a group out of the choices."""
    by.require(Verb.EXCHANGE_GROUPS)
    found = group(group_id)
    with database.transaction() as work:
        row = work.update("recipient_groups", group_id, {"closed_at": clock.now_text()}, expected={"closed_at": None})
        _tell(work, by, row.uid, "closed", found.name, list(found.codes))


def groups() -> list[Group]:
    """The groups that can be chosen, by name."""
    found = database.rows("SELECT id, name, codes FROM recipient_groups WHERE closed_at IS NULL")
    made = [Group(row[0], row[1], tuple(json.loads(row[2]))) for row in found]
    return sorted(made, key=lambda item: fold(item.name))


def group(group_id: int) -> Group:
    """One open group; raises NotFound."""
    found = next((item for item in groups() if item.id == group_id), None)
    if found is None:
        raise NotFound("Không có nhóm nơi nhận này. Hãy chọn nhóm khác.")
    return found


def members(codes: Sequence[str]) -> list[Member]:
    """What the directory says of each code, in the order given."""
    return [_member(code) for code in codes]


def _member(code: str) -> Member:
    found = directory.by_code(code)
    if found is None:
        return Member(code, code, reachable=False, is_closed=False, heir=None)
    heir = directory.successor(found.code) if found.merged_into else None
    is_closed = found.is_closed and not found.reachable
    return Member(
        found.code, found.name, found.reachable, is_closed, heir if heir and heir.code != found.code else None
    )


def _as_name(text: str) -> str:
    name = clean_line(text)
    if not name or len(name) > LONGEST_NAME:
        raise Malformed(f"Tên nhóm cần từ 1 đến {LONGEST_NAME} ký tự.", field="name")
    return name


def _as_codes(codes: Sequence[str]) -> list[str]:
    kept = list(dict.fromkeys(clean_line(code) for code in codes if code.strip()))
    if not kept or len(kept) > MOST_CODES:
        raise Malformed(f"Nhóm cần từ 1 đến {MOST_CODES} nơi nhận. Hãy chọn trong danh bạ.", field="to")
    unknown = [code for code in kept if directory.by_code(code) is None]
    if unknown:
        raise Malformed(f"Danh bạ không có mã {', '.join(unknown[:5])}.", field="to")
    return kept


def _refuse_taken(name: str, but: int = 0) -> None:
    if any(fold(item.name) == fold(name) and item.id != but for item in groups()):
        raise Malformed(f"Đã có nhóm «{name}». Hãy đặt tên khác.", field="name")


def _tell(work: Work, by: Actor, uid: str, how: str, name: str, codes: list[str]) -> None:
    journal.write(
        work, Act.GROUP_SET, by.uid, about=f"recipient_groups:{uid}", facts={"how": how, "codes": codes},
        texts={"author": name},
    )  # fmt: skip
