"""Pages that look as if they came from a scanner, so that a rehearsal carries a file of a realistic size."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal.errors import Malformed
from commune_portal.paper.fonts import registered
from commune_portal.paper.sheet import A4_PORTRAIT, open_canvas

if TYPE_CHECKING:
    from PIL.Image import Image

DOTS_PER_INCH = 200
# A colour page at 200 dpi takes some hundred thousand bytes; the size asked for decides how many there are.
BYTES_A_PAGE = 480_000
TOLERANCE = 0.02
QUALITIES = (10, 95)


def append_scan(pdf: Path, out: Path, target_bytes: int, *, seed: int = 1) -> int:
    """Writes a copy of a PDF with scanned pages after its own, about `target_bytes` in all; returns the pages added.

    The same file, size and seed give the same pictures. A target below the file's own size adds one small page.
    Source: NĐ 30/2020, Phụ lục I (scans: PDF, colour, at least 200 dpi).
    """
    import pypdfium2

    from commune_portal.paper.textlayer import opened

    with opened(pdf) as document:
        if len(document) < 1:
            raise Malformed("Tệp PDF không có trang nào.")
        own_bytes = pdf.stat().st_size
        room = max(target_bytes - own_bytes, 20_000)
        count = max(1, round(room / BYTES_A_PAGE))
        chance = random.Random(seed)  # noqa: S311  # noise on a picture, not a secret
        pages = [
            _as_scanned(document[number % len(document)].render(scale=DOTS_PER_INCH / 72).to_pil(), chance)
            for number in range(count)
        ]
        pictures = _compressed(pages, room)
        buffer = BytesIO()
        _write_pages(pictures, buffer)
        with pypdfium2.PdfDocument(buffer.getvalue()) as scans:
            document.import_pages(scans)
            document.save(out)
    return count


def _as_scanned(page: Image, chance: random.Random) -> Image:
    """Tilts a page a little, yellows the paper and puts a scanner's noise on it."""
    from PIL import Image, ImageChops, ImageFilter

    paper = (246 + chance.randint(-4, 4), 243 + chance.randint(-4, 4), 234 + chance.randint(-6, 4))
    tilted = page.convert("RGB").rotate(chance.uniform(-0.8, 0.8), Image.Resampling.BICUBIC, fillcolor="white")
    tinted = ImageChops.multiply(tilted, Image.new("RGB", tilted.size, paper))
    small = (tinted.width // 2, tinted.height // 2)
    grain = Image.frombytes("L", small, chance.randbytes(small[0] * small[1])).filter(ImageFilter.GaussianBlur(0.7))
    # Middle grey leaves the page as it is; darker and lighter grains stay within a few levels of it.
    faint = grain.resize(tinted.size).point([int((level - 128) * 0.22) + 128 for level in range(256)])
    noisy = ImageChops.overlay(tinted, Image.merge("RGB", (faint, faint, faint)))
    return noisy.filter(ImageFilter.GaussianBlur(0.5))


def _compressed(pages: list[Image], room: int) -> list[bytes]:
    """The pages as JPEG at the quality that comes nearest to the room, the last one finely adjusted by padding."""
    low, high = QUALITIES
    best = [_jpeg(page, low) for page in pages]
    while low <= high:
        quality = (low + high) // 2
        pictures = [_jpeg(page, quality) for page in pages]
        if sum(map(len, pictures)) <= room:
            best, low = pictures, quality + 1
        else:
            high = quality - 1
    missing = room - sum(map(len, best))
    if missing > room * TOLERANCE:
        best[-1] = _padded(best[-1], missing)
    return best


def _padded(jpeg: bytes, missing: int) -> bytes:
    """A JPEG made longer by comment segments, as scanners write their profiles and notes into theirs."""
    chance = random.Random(missing)  # noqa: S311  # filling, not a secret
    segments = bytearray()
    while missing > 4:
        length = min(missing - 4, 65_000)
        segments += b"\xff\xfe" + (length + 2).to_bytes(2, "big") + chance.randbytes(length)
        missing -= length + 4
    return jpeg[:2] + bytes(segments) + jpeg[2:]


def _jpeg(page: Image, quality: int) -> bytes:
    buffer = BytesIO()
    page.save(buffer, format="JPEG", quality=quality, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    return buffer.getvalue()


def _write_pages(pictures: list[bytes], buffer: BytesIO) -> None:
    from reportlab.lib.utils import ImageReader

    canvas = open_canvas(buffer, registered(), title="Bản quét")
    for picture in pictures:
        canvas.drawImage(ImageReader(BytesIO(picture)), 0, 0, *A4_PORTRAIT)
        canvas.showPage()
    canvas.save()
