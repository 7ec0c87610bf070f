"""Scans of letters that the demonstration's offices got on paper: composed, stamped, tilted as by a scanner."""

from __future__ import annotations

import functools
import json
import random
import sys
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commune_portal.demonstration import letters
from commune_portal.demonstration.byhand import UPLOADED
from commune_portal.demonstration.cast import AN_PHU, name_of
from commune_portal.demonstration.drafts import unit_name
from commune_portal.demonstration.subjects import SENDERS
from commune_portal.rules import dates

if TYPE_CHECKING:
    from PIL.Image import Image

    from commune_portal.paper.places import Places, Rectangle

DOTS_PER_INCH = 105
_SCALE = DOTS_PER_INCH / 72


def draw(values: dict[str, Any], out: Path) -> None:
    """Draws one registered letter as a scan; the same values give the same picture."""
    import pypdfium2

    from commune_portal.paper.body import blocks_from_text
    from commune_portal.paper.letter import Letter, compose

    sender = SENDERS[values["sender"]]
    lettered = values["type_code"] == "CV"
    body = letters.body_of(values["type_code"], values["plain_subject"], unit_name("VP"))
    composed = out.with_suffix(".composed.pdf")
    layout = compose(
        Letter(
            parent_name="" if values["sender"] == "UBND" else "UBND TỈNH ĐÔNG HÒA",
            issuer_name=sender.name,
            place="Đông Hòa",
            notation=values["code_notation"],
            type_name=None if lettered else values["type_name"],
            subject=values["plain_subject"],
            body=blocks_from_text(body, with_basis=not lettered),
            position=sender.position,
            signer_name=sender.signer,
            addressees=("Ủy ban nhân dân các xã, phường",) if lettered else (),
            recipients=("Như trên", "Lãnh đạo cơ quan (để báo cáo)"),
        ),
        composed,
    )
    with pypdfium2.PdfDocument(composed) as document:
        page = document[layout.places.leader.page].render(scale=_SCALE).to_pil().convert("RGB")
    composed.unlink()
    _stamp(page, layout.places, values, sender.name, sender.signer)
    _as_scanned(page, str(values["subject"])).save(out, "PDF", resolution=DOTS_PER_INCH, quality=68)


def draw_draft(out: Path, office: str) -> None:
    """Draws a decision as a word processor exports it, with a text layer and room for number and date."""
    from commune_portal.paper.body import blocks_from_text
    from commune_portal.paper.letter import Letter, compose

    subject = "Về việc khen thưởng các tập thể, cá nhân tiêu biểu"
    compose(
        Letter(
            parent_name="UBND TỈNH ĐÔNG HÒA",
            issuer_name=office,
            place="An Phú",
            notation="QĐ-UBND",
            type_name="Quyết định",
            subject=subject,
            body=blocks_from_text(letters.body_of("QD", subject, unit_name("VHXH"))),
            position="CHỦ TỊCH",
            signer_name="Nguyễn Văn An",
            competence=("TM. ỦY BAN NHÂN DÂN",),
            recipients=("Như Điều 3",),
        ),
        out,
    )


def _stamp(page: Image, places: Places, values: dict[str, Any], office: str, signer: str) -> None:
    """Writes number and date by hand's place, then the signature and the seal."""
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    from commune_portal.paper.fonts import BUNDLED_FOLDER, face_files

    faces = face_files(BUNDLED_FOLDER)
    draw_on = ImageDraw.Draw(page)
    if faces is not None and places.number.page == places.leader.page:
        day = dates.printed_date("Đông Hòa", date.fromisoformat(values["promulgation_date"]))
        for text, place, face in ((values["code_number"], places.number, 0), (day, places.date, 2)):
            font = ImageFont.truetype(str(faces[face]), int(13 * _SCALE))
            x0, y0, x1, y1 = _box(place, page.height)
            draw_on.text(((x0 + x1) / 2, (y0 + y1) / 2), text, font=font, fill=(20, 20, 40), anchor="mm")
    for png, place in (
        (_signature(signer), places.leader),
        (_seal(office), places.seal),
    ):
        x0, y0, x1, y1 = _box(place, page.height)
        mark = Pictures.open(BytesIO(png)).convert("RGBA")
        mark.thumbnail((int(x1 - x0), int(y1 - y0)))
        page.paste(mark, (int((x0 + x1 - mark.width) / 2), int((y0 + y1 - mark.height) / 2)), mark)


@functools.cache
def _signature(name: str) -> bytes:
    from commune_portal.paper import sample_marks

    return sample_marks.sample_signature(name)


@functools.cache
def _seal(office: str) -> bytes:
    from commune_portal.paper import sample_marks

    return sample_marks.sample_seal(office)


def _box(place: Rectangle, height: int) -> tuple[float, float, float, float]:
    """A place in points from the bottom as pixels from the top."""
    return place.x0 * _SCALE, height - place.y1 * _SCALE, place.x1 * _SCALE, height - place.y0 * _SCALE


def _as_scanned(page: Image, seed: str) -> Image:
    from PIL import Image as Pictures
    from PIL import ImageChops

    chance = random.Random(seed)  # noqa: S311 -- a tilt, no secret
    tilted = page.rotate(chance.uniform(-0.7, 0.7), Pictures.Resampling.BICUBIC, fillcolor="white")
    paper = (247 + chance.randint(-3, 3), 244 + chance.randint(-3, 3), 236 + chance.randint(-4, 4))
    return ImageChops.multiply(tilted, Pictures.new("RGB", tilted.size, paper))


def main() -> None:
    """A process that draws the scans of a plan (a JSON list on standard input) into a folder, while others fill."""
    folder = Path(sys.argv[1])
    draw_draft(folder / UPLOADED, name_of(AN_PHU))
    for values in json.load(sys.stdin):
        draw(values, folder / values["scan"])


if __name__ == "__main__":
    main()
