"""Where on a document's pages the number, the date and the two signatures go.

Rectangles are PDF points with the origin at the page's lower left corner, as in a PDF's own /Rect. They belong to one
exact file: a draft's revision stores them beside its PDF, and the signing room makes the form fields from them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from commune_portal.errors import Malformed

POINTS_PER_MM = 72 / 25.4

# A rectangle beyond this cannot be on a page that anybody prints (A0 is 3370 points high).
FARTHEST_POINT = 14_400.0


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle on one page: `page` counts from 0; x0 < x1 and y0 < y1, in points from the lower left corner."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if self.page < 0 or not all(math.isfinite(side) for side in self.box):
            raise Malformed("Vị trí trên trang không hợp lệ. Hãy đặt lại vị trí.")
        if not (self.x0 < self.x1 and self.y0 < self.y1):
            raise Malformed("Khung vị trí trên trang bị rỗng. Hãy kéo lại khung cho đúng.")
        if max(abs(side) for side in self.box) > FARTHEST_POINT:
            raise Malformed("Vị trí nằm ngoài trang. Hãy đặt lại vị trí.")

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The four sides, as a PDF /Rect has them."""
        return (self.x0, self.y0, self.x1, self.y1)

    @property
    def width(self) -> float:
        """Points from left to right."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Points from bottom to top."""
        return self.y1 - self.y0

    @classmethod
    def from_mm(cls, page: int, x0: float, y0: float, x1: float, y1: float) -> Rectangle:
        """A rectangle whose sides are given in millimetres."""
        return cls(page, *(side * POINTS_PER_MM for side in (x0, y0, x1, y1)))


@dataclass(frozen=True, slots=True)
class Places:
    """The four rectangles that a draft needs before it can be signed, numbered and sealed.

    number: where the digits go, between "Số:" and "/"; date: the whole line "…, ngày … tháng … năm …"; leader: the
    handwritten signature between post and name; seal: the organisation's, over about a third of it, on its left.
    """

    number: Rectangle
    date: Rectangle
    leader: Rectangle
    seal: Rectangle

    def to_json(self) -> str:
        """The places as one line of JSON, with hundredths of a point."""
        return json.dumps(
            {name: _to_list(getattr(self, name)) for name in PLACE_NAMES}, separators=(",", ":"), sort_keys=True
        )

    @classmethod
    def from_json(cls, text: str) -> Places:
        """Reads what `to_json` wrote, or what the page sent back; raises Malformed."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Malformed("Không đọc được vị trí các ô trên văn bản. Hãy đặt lại vị trí.") from error
        if not isinstance(document, dict) or set(document) != set(PLACE_NAMES):
            raise Malformed("Cần đủ bốn vị trí: số, ngày tháng, chữ ký lãnh đạo, dấu cơ quan.")
        return cls(**{name: _from_list(document[name], name) for name in PLACE_NAMES})


PLACE_NAMES = ("number", "date", "leader", "seal")


def _to_list(rectangle: Rectangle) -> list[float]:
    return [rectangle.page, *(round(side, 2) for side in rectangle.box)]


def _from_list(value: Any, name: str) -> Rectangle:
    sound = (
        isinstance(value, list)
        and len(value) == 5
        and all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)
    )
    if not sound or not isinstance(value[0], int):
        raise Malformed("Vị trí trên trang cần số trang và bốn cạnh.", field=name)
    try:
        sides = [float(side) for side in value[1:]]
    except OverflowError as error:
        raise Malformed("Vị trí nằm ngoài trang. Hãy đặt lại vị trí.", field=name) from error
    return Rectangle(value[0], *sides)
