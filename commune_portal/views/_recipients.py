"""Choosing recipients: the directory searched without marks, groups at one click, closed bodies with their heirs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from commune_portal.people import directory, groups
from commune_portal.people.groups import Group

DIRECTORY_ROWS = 60


@dataclass(frozen=True, slots=True)
class Choice:
    """A line of the directory: it can be ticked unless `why_not` says why it cannot."""

    code: str
    name: str
    why_not: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the page offers: what is chosen, what was found, the groups, and what to say of a group just taken."""

    chosen: list[Choice]
    found: list[Choice]
    full: bool
    groups: list[Group]
    notes: list[str]

    @property
    def codes(self) -> frozenset[str]:
        """The codes that are chosen."""
        return frozenset(choice.code for choice in self.chosen)


def choices(
    query: str,
    chosen: Sequence[str],
    has_it: Collection[str] = (),
    group_id: int | None = None,
    *,
    any_open: bool = False,
) -> Choices:
    """Makes the offer; `any_open` lets bodies be chosen that are not connected yet, as members of a group may be."""
    picked, notes = list(dict.fromkeys(chosen)), list[str]()
    if group_id is not None:
        taken = groups.group(group_id)
        for member in groups.members(taken.codes):
            if member.doubt:
                notes.append(f"{member.name} {member.doubt}: không chọn theo nhóm.")
            elif member.code in has_it:
                notes.append(f"{member.name} đã được gửi.")
            elif member.code not in picked:
                picked.append(member.code)
        notes.insert(0, f"Đã chọn theo nhóm «{taken.name}» ({taken.amount} nơi).")
    found = directory.search(query, limit=DIRECTORY_ROWS, open_only=not query)
    offered: dict[str, Choice] = {}
    for item in found:
        if item.is_closed and not item.reachable:
            heir = directory.successor(item.code) if item.merged_into else None
            words = f"đã sáp nhập vào {heir.name}" if heir else "đã thôi hoạt động"
            offered.setdefault(item.code, Choice(item.code, item.name, words))
            if heir is not None and heir.code != item.code and not heir.is_closed:
                offered.setdefault(heir.code, _choice(heir, has_it, any_open=any_open))
        else:
            offered.setdefault(item.code, _choice(item, has_it, any_open=any_open))
    named = []
    for code in picked:
        organisation = directory.by_code(code)
        named.append(Choice(code, organisation.name if organisation else code))
    return Choices(
        named,
        [choice for choice in offered.values() if choice.code not in picked],
        len(found) == DIRECTORY_ROWS,
        groups.groups(),
        notes,
    )


def _choice(item: directory.Organisation, has_it: Collection[str], *, any_open: bool) -> Choice:
    detail = f"trước đây: {', '.join(item.former_names)}" if item.former_names else ""
    why_not = ""
    if item.code in has_it:
        why_not = "đã gửi"
    elif not item.reachable and not any_open:
        why_not = "chưa kết nối liên thông, gửi bản giấy"
    return Choice(item.code, item.name, why_not, detail)
