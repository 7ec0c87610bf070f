"""What signatures and filled fields look like: drawn by reportlab, imported into the PDF as form XObjects.

pyHanko's own text engine spaces Vietnamese text out twice and clips it (measured), so no text goes through it.
Every drawing is exactly as large as its field; the picture is never stretched.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from commune_portal import errors
from commune_portal.signing.keys import TRIAL_MARK

if TYPE_CHECKING:
    from pyhanko.pdf_utils.writer import BasePdfFileWriter
    from pyhanko.stamp import StaticStampStyle
    from reportlab.pdfgen.canvas import Canvas

# Number and date are set in 13 points in a rectangle 17 points high, baseline 4.5 points above its lower side;
# a rectangle of another height takes the same proportions. Source: NĐ 30/2020, Phụ lục I (cỡ chữ 13)
FIELD_SIZE = 13.0
SIZE_OF_HEIGHT = 13.0 / 17.0
BASELINE_OF_HEIGHT = 4.5 / 17.0
SMALLEST_SIZE = 7.0

# Text of signatures on annexes and copies. Source: NĐ 30/2020, Phụ lục I, mục II.8.b và III.1.d (cỡ chữ 10)
LINE_SIZE = 10.0
LINE_HEIGHT = 14.0
TRIAL_SIZE = 5.5


@dataclass(frozen=True, slots=True)
class Drawing:
    """A one-page PDF with transparent ground, as large as the field it is for."""

    pdf: bytes
    width: float
    height: float


def _canvas(buffer: io.BytesIO, width: float, height: float, font: str) -> Canvas:
    """A canvas that names our own font first, so that no unembedded Helvetica slips in."""
    from reportlab.pdfgen.canvas import Canvas

    size = (width, height)
    first: Any = font  # the stubs say float
    return Canvas(buffer, pagesize=size, pageCompression=1, invariant=1, initialFontName=first, initialFontSize=10)


def _finished(canvas: Canvas, buffer: io.BytesIO, width: float, height: float) -> Drawing:
    canvas.showPage()
    canvas.save()
    return Drawing(buffer.getvalue(), width, height)


def fitted_size(text: str, font: str, width: float, size: float) -> float:
    """The largest size up to `size` at which a text stays inside a width; raises RuleBroken when none does."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    while size >= SMALLEST_SIZE:
        if stringWidth(text, font, size) <= width:
            return size
        size -= 0.25
    raise errors.RuleBroken(f"«{text}» dài hơn ô dành cho nó trên văn bản. Hãy mở rộng ô rồi làm lại.")


def field_text(text: str, width: float, height: float, *, italic: bool, fonts_folder: str = "") -> Drawing:
    """Number or date, centred in its field."""
    from commune_portal.paper import fonts

    names = fonts.registered(fonts_folder)
    font = names.italic if italic else names.regular
    size = fitted_size(text, font, width, min(FIELD_SIZE, height * SIZE_OF_HEIGHT))
    buffer = io.BytesIO()
    canvas = _canvas(buffer, width, height, font)
    canvas.setFont(font, size)
    canvas.drawCentredString(width / 2, height * BASELINE_OF_HEIGHT, text)
    return _finished(canvas, buffer, width, height)


def picture(
    png: bytes | None, width: float, height: float, *, trial: bool, mark_on_top: bool = False, fonts_folder: str = ""
) -> Drawing:
    """A signature or seal, centred and in proportion, without any text; a trial signature is marked as one.

    The seal overlaps the signature, so its mark stands at its upper edge and the signature's at its lower.
    """
    from commune_portal.paper import fonts

    names = fonts.registered(fonts_folder)
    buffer = io.BytesIO()
    canvas = _canvas(buffer, width, height, names.regular)
    if png is not None:
        _draw_png(canvas, png, width, height)
    if trial:
        _draw_trial_mark(canvas, names.bold, width, height, on_top=mark_on_top)
    return _finished(canvas, buffer, width, height)


def _draw_png(canvas: Canvas, png: bytes, width: float, height: float) -> None:
    from PIL import UnidentifiedImageError
    from reportlab.lib.utils import ImageReader

    try:
        image = ImageReader(io.BytesIO(png))
        canvas.drawImage(image, 0, 0, width, height, mask="auto", preserveAspectRatio=True, anchor="c")
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError) as error:
        sentence = "Không đọc được ảnh chữ ký hoặc ảnh con dấu. Hãy dùng ảnh PNG nền trong suốt."
        raise errors.Malformed(sentence, detail=type(error).__name__) from error


def _draw_trial_mark(canvas: Canvas, font: str, width: float, height: float, *, on_top: bool) -> None:
    """The mark in red across the field, in two lines that fit its width."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    lines = [part.strip() for part in TRIAL_MARK.split("–")]
    widest = max(stringWidth(line, font, 1.0) for line in lines)
    size = min(9.0, (width - 2) / widest, height / 2.6)
    canvas.setFillColorRGB(0.85, 0.0, 0.0)
    canvas.setFont(font, size)
    lowest = height - size * 2.2 if on_top else size * 0.3
    for index, line in enumerate(reversed(lines)):
        canvas.drawCentredString(width / 2, lowest + index * size * 1.15, line)


def line_width(text: str, fonts_folder: str = "") -> float:
    """How wide the field for a line on an annex or a copy has to be."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    from commune_portal.paper import fonts

    return stringWidth(text, fonts.registered(fonts_folder).regular, LINE_SIZE) + 4


def line(text: str, width: float, *, trial: bool, fonts_folder: str = "") -> Drawing:
    """The line of text at the top right of an annex or a copy: ten points, black, no picture."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    from commune_portal.paper import fonts

    names = fonts.registered(fonts_folder)
    buffer = io.BytesIO()
    canvas = _canvas(buffer, width, LINE_HEIGHT, names.regular)
    size = min(LINE_SIZE, LINE_SIZE * (width - 2) / max(1.0, stringWidth(text, names.regular, LINE_SIZE)))
    canvas.setFont(names.regular, size)
    canvas.drawRightString(width - 1, 6.0 if trial else 4.0, text)
    if trial:
        canvas.setFillColorRGB(0.85, 0.0, 0.0)
        canvas.setFont(names.regular, min(TRIAL_SIZE, TRIAL_SIZE * width / stringWidth(TRIAL_MARK, names.regular, 6)))
        canvas.drawRightString(width - 1, 0.8, TRIAL_MARK)
    return _finished(canvas, buffer, width, LINE_HEIGHT)


def imported(writer: BasePdfFileWriter, drawing: Drawing) -> Any:
    """Puts a drawing into a PDF as a form XObject; answers the reference to it."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    return writer.import_page_as_xobject(PdfFileReader(io.BytesIO(drawing.pdf)))


def stamp_style(drawing: Drawing) -> StaticStampStyle:
    """A pyHanko stamp that shows nothing but the drawing."""
    from pyhanko.pdf_utils import layout
    from pyhanko.pdf_utils.content import PdfContent, ResourceType
    from pyhanko.pdf_utils.generic import pdf_name
    from pyhanko.stamp import StaticStampStyle

    class Picture(PdfContent):
        """A content that is one imported XObject."""

        def render(self) -> bytes:
            writer = self.writer
            assert writer is not None
            self.set_resource(ResourceType.XOBJECT, pdf_name("/Picture"), imported(writer, drawing))
            return b"/Picture Do"

    no_margins = layout.SimpleBoxLayoutRule(
        x_align=layout.AxisAlignment.ALIGN_MID,
        y_align=layout.AxisAlignment.ALIGN_MID,
        margins=layout.Margins(0, 0, 0, 0),
        inner_content_scaling=layout.InnerScaling.NO_SCALING,
    )
    content = Picture(box=layout.BoxConstraints(width=drawing.width, height=drawing.height))
    return StaticStampStyle(border_width=0, background=content, background_layout=no_margins, background_opacity=1.0)
