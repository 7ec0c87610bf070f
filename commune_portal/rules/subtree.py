"""Which codes a node below may speak for: whole codes, and prefixes that end in `.*`.

`H99.12` is that code alone; `H99.12.*` is everything below it, not itself. Several stand beside each other with
spaces between. Letters count as they are written, as everywhere in codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from commune_portal.errors import Malformed
from commune_portal.rules.agency_codes import LONGEST

MOST_PARTS = 400

_PART = re.compile(r"[A-Za-z0-9:_-][A-Za-z0-9.:_-]{0,34}?(\.\*)?")
_BEHIND_DOT = "/"
"""The character that follows `.` in ASCII: the end of everything that begins with a prefix and a dot."""


@dataclass(frozen=True, slots=True)
class Subtree:
    """The codes that a node below is authorised for, in the order in which they were written."""

    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.parts)

    def __bool__(self) -> bool:
        return bool(self.parts)

    def covers(self, code: str) -> bool:
        """Whether the code lies in it.

        Source: relay.md §2 (a peer node is authorised for a subtree of codes); docs/wire.md §9.
        """
        return any(low <= code < high if high else code == low for low, high in self.ranges())

    def ranges(self) -> tuple[tuple[str, str], ...]:
        """The parts as half-open ranges of codes; a whole code has the empty string as its end.

        Source: docs/wire.md §9.
        """
        return tuple((part[:-1], part[:-2] + _BEHIND_DOT) if part.endswith(".*") else (part, "") for part in self.parts)

    def overlaps(self, other: Subtree) -> bool:
        """Whether some code lies in both.

        Source: docs/wire.md §9 (a code has one way).
        """
        return any(_meet(mine, theirs) for mine in self.ranges() for theirs in other.ranges())


def read_subtree(text: str) -> Subtree:
    """Reads codes and prefixes as an operator writes them, with blanks or commas between; raises Malformed.

    Source: relay.md §2; docs/wire.md §9.
    """
    parts = tuple(dict.fromkeys(text.replace(",", " ").split()))
    if not parts:
        raise Malformed(
            "Chưa nhập phạm vi của nút, ví dụ H99.12.* (mọi mã bên dưới H99.12) hoặc từng mã.", field="subtree"
        )
    for part in parts:
        if not _PART.fullmatch(part) or len(part.removesuffix(".*")) > LONGEST:
            raise Malformed(
                f"Phạm vi «{part[:40]}» chưa đúng: ghi mã đầy đủ, hoặc phần đầu của mã rồi «.*».", field="subtree"
            )
    if len(parts) > MOST_PARTS:
        raise Malformed("Phạm vi có quá nhiều mã; hãy dùng «.*» cho cả nhánh.", field="subtree")
    return Subtree(parts)


def _meet(one: tuple[str, str], other: tuple[str, str]) -> bool:
    one_low, one_high = one[0], one[1] or one[0] + "\0"
    other_low, other_high = other[0], other[1] or other[0] + "\0"
    return one_low < other_high and other_low < one_high
