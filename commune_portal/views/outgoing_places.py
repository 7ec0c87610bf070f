"""The places of an upload's four fields: the page's picture with rectangles, corrected by the clerk, then submitted.

Without script the millimetres are typed; `portal.js` lets a mouse or the arrow keys move the same numbers.
Source: decisions 15.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, flash, url_for

from commune_portal.documents import attachments, layouts, outgoing, visibility
from commune_portal.documents.attachments import File
from commune_portal.documents.outgoing import Outgoing
from commune_portal.errors import NotFound, PortalError, RuleBroken
from commune_portal.paper.places import PLACE_NAMES, POINTS_PER_MM, Places, Rectangle
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import OutgoingAct, next_outgoing
from commune_portal.signing.workshop import workshop
from commune_portal.views import _session
from commune_portal.views._errors import status_of
from commune_portal.views._forms import FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request
from commune_portal.views.files import PICTURE_WIDTH_PIXELS, picture

blueprint = Blueprint("outgoing_places", __name__, url_prefix="/outgoing")

WORDS = {"number": "Số", "date": "Ngày tháng", "leader": "Chữ ký lãnh đạo", "seal": "Dấu, chữ ký cơ quan"}
SIDES = (("page", "Trang"), ("x", "Từ trái"), ("y", "Từ trên"), ("width", "Rộng"), ("height", "Cao"))


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page as it is shown: its number from 1 and its size in millimetres."""

    number: int
    width_mm: float
    height_mm: float


@dataclass(frozen=True, slots=True)
class Box:
    """One rectangle over the page's picture, in millimetres from the page's upper left corner."""

    name: str
    words: str
    page: int
    x: float
    y: float
    width: float
    height: float

    @property
    def grip_x(self) -> float:
        """Where the little square for changing the size stands, from the left."""
        return self.x + self.width - 2

    @property
    def grip_y(self) -> float:
        """The same from above."""
        return self.y + self.height - 2

    @property
    def words_x(self) -> float:
        """Where the rectangle's name is written."""
        return self.x + 0.8

    @property
    def words_y(self) -> float:
        """The baseline of its name, above the rectangle."""
        return max(self.y - 0.8, 3.4)


@blueprint.get("/<int:document>/places")
def show(document: int) -> Response:
    """The four places as guessed or stored."""
    by = _session.actor()
    now, file = _uploaded(by, document)
    places = now.places or layouts.guess(file.path)
    pages = workshop().page_count(file.path)
    return _show(now, file, _form_of(places, file, pages), pages)


@blueprint.post("/<int:document>/places")
def submit(document: int) -> Response:
    """Looks again at typed places, or submits the draft with them."""
    by = _session.actor()
    now, file = _uploaded(by, document)
    pages = workshop().page_count(file.path)
    reader = FormReader(request.form)
    places = _read(reader, file, pages)
    if places is not None and reader.text("then", "Việc", longest=10) != "look":
        try:
            outgoing.submit(by, document, places)
        except PortalError as refusal:
            reader.refuse_because(refusal)
            if status_of(refusal) in (403, 404, 409):
                raise
        else:
            flash(f"Đã trình {now.signer_name}.", "good")
            return go_to(url_for("outgoing_issue.show", document=document))
    return _show(now, file, reader.state(), pages)


@blueprint.get("/<int:document>/places/<int:number>.png")
def page_picture(document: int, number: int) -> Response:
    """A page of the upload, counted from 1, as a picture."""
    by = _session.actor()
    _, file = _uploaded(by, document)
    return picture(file.path, number)


def _uploaded(by: Actor, document: int) -> tuple[Outgoing, File]:
    """A draft of this person's that is an upload and may be submitted now, and its file."""
    visibility.require(by, Verb.OUTGOING_SUBMIT, "outgoing", document)
    now = outgoing.get(document)
    next_outgoing(now.state, OutgoingAct.SUBMIT, now.medium)
    file = attachments.current("outgoing", document, "draft")
    if file is None:
        raise RuleBroken("Dự thảo này không phải tệp tải lên nên không cần đặt vị trí. Hãy trình ký ở trang văn bản.")
    return now, file


def _show(now: Outgoing, file: File, form: FormState, pages: int) -> Response:
    boxes = [box for box in map(_box_from(form), PLACE_NAMES) if box is not None]
    shown = sorted({box.page for box in boxes} | {1})
    sheets = [Sheet(number, *_size_mm(file, number)) for number in shown if 1 <= number <= pages]
    return page(
        "outgoing/places.html",
        status=422 if form.errors else 200,
        now=now,
        form=form,
        pages=pages,
        names=[(name, WORDS[name]) for name in PLACE_NAMES],
        sides=SIDES,
        sheets=[(sheet, [box for box in boxes if box.page == sheet.number]) for sheet in sheets],
        picture_width=PICTURE_WIDTH_PIXELS,
    )


def _size_mm(file: File, number: int) -> tuple[float, float]:
    width, height = workshop().page_size(file.path, number - 1)
    return width / POINTS_PER_MM, height / POINTS_PER_MM


def _form_of(places: Places, file: File, pages: int) -> FormState:
    """The places as typed numbers, tenths of a millimetre from the upper left corner."""
    values: dict[str, object] = {}
    for name in PLACE_NAMES:
        rectangle: Rectangle = getattr(places, name)
        number = min(rectangle.page, pages - 1) + 1
        _, height_mm = _size_mm(file, number)
        values[f"{name}_page"] = number
        values[f"{name}_x"] = _typed(rectangle.x0 / POINTS_PER_MM)
        values[f"{name}_y"] = _typed(height_mm - rectangle.y1 / POINTS_PER_MM)
        values[f"{name}_width"] = _typed(rectangle.width / POINTS_PER_MM)
        values[f"{name}_height"] = _typed(rectangle.height / POINTS_PER_MM)
    return filled(values)


def _read(reader: FormReader, file: File, pages: int) -> Places | None:
    found = {}
    for name in PLACE_NAMES:
        number = reader.number(f"{name}_page", f"{WORDS[name]} – trang", required=True, least=1, most=pages)
        sides = [_millimetres(reader, f"{name}_{side}", f"{WORDS[name]} – {words}") for side, words in SIDES[1:]]
        if number is None or None in sides:
            continue
        x, y, width, height = (side or 0.0 for side in sides)
        try:
            width_mm, height_mm = _size_mm(file, number)
        except NotFound:
            continue
        if x + width > width_mm + 0.1 or y + height > height_mm + 0.1 or width <= 0 or height <= 0:
            reader.refuse(f"{name}_x", f"{WORDS[name]}: ô nằm ngoài trang hoặc rỗng. Hãy đặt lại.")
            continue
        found[name] = Rectangle.from_mm(number - 1, x, height_mm - y - height, x + width, height_mm - y)
    return Places(**found) if len(found) == len(PLACE_NAMES) and not reader.refused else None


def _millimetres(reader: FormReader, name: str, label: str) -> float | None:
    typed = reader.text(name, label, required=True, longest=10)
    value = _number(typed)
    if typed and value is None:
        reader.refuse(name, f"{label}: hãy nhập số milimét, ví dụ 42,5.")
    return value


def _number(typed: str) -> float | None:
    digits = typed.replace(",", ".")
    if not digits.replace(".", "", 1).isdigit() or not digits.isascii():
        return None
    return float(digits)


def _typed(value_mm: float) -> str:
    return f"{max(value_mm, 0.0):.1f}".replace(".", ",")


def _box_from(form: FormState) -> Callable[[str], Box | None]:
    """Reads one rectangle out of what is typed, as far as it can be read, for drawing."""

    def box(name: str) -> Box | None:
        sides = [_number(form.value(f"{name}_{side}")) for side, _ in SIDES]
        if None in sides:
            return None
        number, x, y, width, height = (side or 0.0 for side in sides)
        return Box(name, WORDS[name], int(number), x, y, width, height)

    return box
