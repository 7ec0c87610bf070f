"""Pictures of a seal and of a handwritten signature for demonstrations: plainly not real, marked MẪU.

Source: NĐ 30/2020, Phụ lục I, II.7.d (blue, transparent) and II.8.a (red, transparent, real size).
"""

from __future__ import annotations

import hashlib
import math
import random
from io import BytesIO
from typing import TYPE_CHECKING

from commune_portal.errors import SettingsWrong
from commune_portal.paper.fonts import BUNDLED_FOLDER, face_files

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

SEAL_PIXELS = 400
SIGNATURE_PIXELS = (660, 308)
RED = (200, 16, 32, 255)
BLUE = (24, 44, 150, 255)
OVERSAMPLING = 2


def sample_seal(organisation: str) -> bytes:
    """A red round stamp as a transparent PNG: the name around, MẪU in the middle, no national emblem."""
    from PIL import Image, ImageDraw

    side = SEAL_PIXELS * OVERSAMPLING
    image = Image.new("RGBA", (side, side), (RED[0], RED[1], RED[2], 0))
    draw = ImageDraw.Draw(image)
    middle = side / 2
    for radius, width in ((0.49, 0.014), (0.465, 0.005), (0.29, 0.006)):
        reach = side * radius
        draw.ellipse(
            (middle - reach, middle - reach, middle + reach, middle + reach), outline=RED, width=int(side * width)
        )
    around = f"{organisation.upper()} ★ "
    _write_around(image, f"{around}MẪU TRÌNH DIỄN ★ ".replace("★", "*"), side * 0.375)
    font = _font(int(side * 0.15))
    draw.text((middle, middle - side * 0.03), "MẪU", font=font, fill=RED, anchor="mm")
    small = _font(int(side * 0.042))
    draw.text((middle, middle + side * 0.1), "KHÔNG CÓ GIÁ TRỊ", font=small, fill=RED, anchor="mm")
    return _png(image.resize((SEAL_PIXELS, SEAL_PIXELS), Image.Resampling.LANCZOS), RED)


def sample_signature(name: str) -> bytes:
    """A blue scribble as a transparent PNG, the same for the same name, with the word MẪU beneath."""
    from PIL import Image, ImageDraw

    width, height = (side * OVERSAMPLING for side in SIGNATURE_PIXELS)
    image = Image.new("RGBA", (width, height), (BLUE[0], BLUE[1], BLUE[2], 0))
    draw = ImageDraw.Draw(image)
    # Any name gives its own scribble, and always the same one.
    chance = random.Random(hashlib.sha256(name.encode()).digest())  # noqa: S311  # a drawing, not a secret
    points = _scribble(chance, width, height)
    for at, (x, y) in enumerate(points):
        speed = math.dist(points[at], points[at - 1]) if at else 1.0
        radius = max(2.0, 7.5 - speed * 0.35) * OVERSAMPLING / 2
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=BLUE)
    draw.text((width * 0.86, height * 0.88), "MẪU", font=_font(int(height * 0.1)), fill=BLUE, anchor="mm")
    return _png(image.resize(SIGNATURE_PIXELS, Image.Resampling.LANCZOS), BLUE)


def _scribble(chance: random.Random, width: int, height: int) -> list[tuple[float, float]]:
    """Points along loops that run from left to right, a flourish back beneath them at the end."""
    loops = chance.randint(4, 6)
    lean = chance.uniform(0.2, 0.6)
    sizes = [chance.uniform(0.10, 0.34) for _ in range(loops + 1)]
    points: list[tuple[float, float]] = []
    steps = 260 * loops
    for step in range(steps):
        at = step / steps
        angle = at * loops * 2 * math.pi
        here = sizes[int(at * loops)]
        size = here + (sizes[int(at * loops) + 1] - here) * (at * loops % 1)
        y = 0.45 - size * math.sin(angle)
        x = 0.1 + 0.68 * at + 0.06 * math.cos(angle) + lean * (0.45 - y) * 0.35
        points.append((x * width, y * height))
    start_x, start_y = points[-1]
    for step in range(420):
        at = step / 420
        x = start_x + (0.08 - start_x / width) * width * at
        y = start_y + (0.78 * height - start_y) * math.sin(at * math.pi / 2) - 0.1 * height * math.sin(at * math.pi * 2)
        points.append((x, y))
    return points


def _write_around(image: Image, text: str, radius: float) -> None:
    """Writes a text once around the middle, beginning at the lower left, every letter upright to the centre."""
    from PIL import Image as Pictures
    from PIL import ImageDraw

    side = image.width
    size = int(side * 0.085)
    font = _font(size)
    room = 2 * math.pi * radius
    while sum(font.getlength(letter) for letter in text) > room and size > 8:
        size -= 1
        font = _font(size)
    widths = [font.getlength(letter) for letter in text]
    spare = (room - sum(widths)) / len(text)
    at = 0.0
    for letter, wide in zip(text, widths, strict=True):
        angle = (at + wide / 2) / radius - math.pi * 0.75
        at += wide + spare
        tile = Pictures.new("RGBA", (size * 3, size * 3), (RED[0], RED[1], RED[2], 0))
        ImageDraw.Draw(tile).text((size * 1.5, size * 1.5), letter, font=font, fill=RED, anchor="mm")
        tile = tile.rotate(-math.degrees(angle), Pictures.Resampling.BICUBIC)
        x = side / 2 + radius * math.sin(angle) - size * 1.5
        y = side / 2 - radius * math.cos(angle) - size * 1.5
        image.alpha_composite(tile, (int(x), int(y)))


def _font(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    files = face_files(BUNDLED_FOLDER)
    if files is None:
        raise SettingsWrong("Thiếu phông chữ Tinos đi kèm phần mềm. Hãy cài lại phần mềm.")
    return ImageFont.truetype(str(files[1]), size)


def _png(image: Image, ink: tuple[int, int, int, int]) -> bytes:
    """The picture as PNG: one ink, only its strength varies, which keeps every signed file small."""
    from PIL import Image as Pictures

    plain = Pictures.new("RGBA", image.size, ink)
    # Sixteen strengths are enough for smooth edges.
    plain.putalpha(image.getchannel("A").point([min(255, (level + 8) // 17 * 17) for level in range(256)]))
    buffer = BytesIO()
    plain.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
