"""Where a draft made elsewhere wants its number, date and signatures: from what is printed, else the usual places."""

from __future__ import annotations

from commune_portal.paper.elements import SignerBlock, around, date_row, number_row
from commune_portal.paper.places import POINTS_PER_MM, Rectangle
from commune_portal.paper.textlayer import PageText


def number_room(page: PageText) -> Rectangle | None:
    """The room between "Số:" and the slash; a little room over them when the draft leaves none."""
    row = number_row(page)
    if row is None:
        return None
    signs = [sign for piece in row for sign in piece.signs]
    baseline = row[0].baseline
    # The label is "Số" with or without a colon; its last sign ends where the room begins.
    ends = [x1 for text, _, x1 in signs if text == ":"] or [x1 for _, _, x1 in signs[:2]]
    start = (ends[0] if any(text == ":" for text, _, _ in signs) else ends[-1]) + 2
    slash = next((x0 for text, x0, _ in signs if text == "/" and x0 > start - 4), None)
    end = slash if slash is not None else start + 40
    if end - start < 16:
        middle = (start + end) / 2
        start, end = middle - 14, middle + 14
    return Rectangle(page.number, start, baseline - 4.5, end, baseline + 12.5)


def date_line(page: PageText, number: Rectangle) -> Rectangle:
    """The whole line of place and date, wide enough for any date; else the usual place on the number's line."""
    row = date_row(page)
    if row is None:
        x0, _, x1, _ = usual_date(page)
        return Rectangle(page.number, x0, number.y0, x1, number.y1)
    place = around(row[0])
    half = max(place.width / 2 + 2, 115.0)
    middle = (place.x0 + place.x1) / 2
    baseline = row[0][0].baseline
    return Rectangle(
        page.number, max(middle - half, 10.0), baseline - 4.5, min(middle + half, page.width - 8), baseline + 12.5
    )


def signature_room(block: SignerBlock) -> tuple[int, float, float, float]:
    """Page, middle, lower and upper edge of the room between post and name."""
    last = block.capitals[-1]
    upper = last.baseline - 5
    lower = upper - 24 * POINTS_PER_MM
    if block.name is not None and upper - block.name.baseline - block.name.size > 12 * POINTS_PER_MM:
        lower = block.name.baseline + block.name.size * 0.9
    return last.page, last.middle, max(lower, 20.0), upper


def usual_number(page: PageText) -> Rectangle:
    """Where the number stands on most letters, on a page of any size."""
    y = page.height - 108
    return Rectangle(page.number, page.width * 0.22, y - 4.5, page.width * 0.29, y + 12.5)


def usual_date(page: PageText) -> tuple[float, float, float, float]:
    """Where the date stands on most letters."""
    y = page.height - 108
    return (page.width * 0.47, y - 4.5, page.width * 0.935, y + 12.5)


def usual_signature(page: PageText) -> tuple[int, float, float, float]:
    """Where the signature stands on most letters: under the last text at the right."""
    lowest = min((piece.y0 for piece in page.pieces), default=page.height * 0.35)
    upper = max(min(lowest - 24, page.height * 0.4), 120.0)
    return page.number, page.width * 0.75, upper - 24 * POINTS_PER_MM, upper
