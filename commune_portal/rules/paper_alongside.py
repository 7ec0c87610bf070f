"""«Gửi kèm bản giấy»: which electronic documents also go on paper, and to whom; a list that the office keeps.

Source: QĐ 28/2018, Điều 5.3 and Điều 7.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class PaperStep(IntEnum):
    """How far the paper of one recipient is; the value stands in `recipients.paper_follows`."""

    NONE = 0
    TO_GO = 1
    GONE = 2


@dataclass(frozen=True, slots=True)
class PaperLine:
    """One line of the list: these types to these offices go with paper; an empty side means all."""

    type_codes: tuple[str, ...] = ()
    organ_codes: tuple[str, ...] = ()

    def covers(self, type_code: str, organ_code: str) -> bool:
        """Whether the line asks for paper with this type to this office."""
        return (not self.type_codes or type_code in self.type_codes) and (
            not self.organ_codes or organ_code in self.organ_codes
        )


@dataclass(frozen=True, slots=True)
class PaperRule:
    """The office's list; empty, as it is at first, nothing goes on paper."""

    lines: tuple[PaperLine, ...] = ()

    def to_json(self) -> list[dict[str, list[str]]]:
        """The list as an office rule stores it."""
        return [{"types": list(line.type_codes), "recipients": list(line.organ_codes)} for line in self.lines]

    @classmethod
    def from_json(cls, value: Sequence[Mapping[str, Any]]) -> PaperRule:
        """The list as read back."""
        return cls(tuple(PaperLine(tuple(item["types"]), tuple(item["recipients"])) for item in value))


def goes_with_paper(rule: PaperRule, type_code: str, organ_code: str) -> bool:
    """Whether paper must follow a document of a type to an office.

    Source: QĐ 28/2018, Điều 7.2 (a list decided by the head); Điều 5.3 (no paper for anything else).
    """
    return any(line.covers(type_code, organ_code) for line in rule.lines)
