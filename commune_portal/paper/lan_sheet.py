"""The sheet for the wall beside the server: where the portal is, how a PC comes to trust it, what to compare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from commune_portal.paper.fonts import FontNames, registered
from commune_portal.paper.ledger import day_text
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.sheet import A4_PORTRAIT, break_evenly, break_words, draw_centred, leading, open_canvas

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

LEFT = 25 * POINTS_PER_MM
RIGHT = A4_PORTRAIT[0] - 20 * POINTS_PER_MM
TOP = A4_PORTRAIT[1] - 25 * POINTS_PER_MM
MIDDLE = A4_PORTRAIT[0] / 2
ADDRESSES_AT_MOST = 4

STEPS = (
    (
        "Ở máy muốn dùng, mở trình duyệt, gõ đúng địa chỉ ở trên, thêm chữ lan vào cuối. Lần đầu trình duyệt báo chưa"
        " tin cậy: bấm Nâng cao rồi Tiếp tục. Trang đó chỉ để tải chứng thư, đừng đăng nhập."
    ),
    (
        "Tải chứng thư gốc (tệp .crt) và cài theo hướng dẫn trên trang. Chắc chắn hơn: chép tệp đó từ chính máy chủ"
        " bằng USB."
    ),
    (
        "Trước khi bấm đồng ý cài, so vân tay SHA-256 máy hiện ra với vân tay dưới đây, đủ từng cặp. Khác một cặp:"
        " dừng lại, báo người quản trị."
    ),
    "Đóng hết cửa sổ trình duyệt, mở lại địa chỉ ở trên. Có hình ổ khóa, không còn cảnh báo: đăng nhập và làm việc.",
)


@dataclass(frozen=True, slots=True)
class LanSheet:
    """What the sheet says; the fingerprint comes in lines."""

    office: str
    addresses: tuple[str, ...]
    fingerprint: tuple[str, ...]
    root_ends: date
    printed_on: date
    printed_by: str


def print_sheet(sheet: LanSheet, out: Path | BinaryIO, *, folder: str = "") -> None:
    """Writes the sheet on one A4 page."""
    names = registered(folder)
    canvas = open_canvas(out, names, title="Tờ hướng dẫn dùng hệ thống văn bản từ máy khác")
    width = RIGHT - LEFT
    y = draw_centred(canvas, break_evenly(sheet.office.upper(), names.bold, 14, width), names.bold, 14, (MIDDLE, TOP))
    y = draw_centred(canvas, ["DÙNG HỆ THỐNG VĂN BẢN TỪ MÁY KHÁC TRONG CƠ QUAN"], names.bold, 15, (MIDDLE, y - 14))
    y = _heading(canvas, names, "Địa chỉ", y - 18)
    for address in sheet.addresses[:ADDRESSES_AT_MOST]:
        y = draw_centred(canvas, [address], names.bold, 22, (MIDDLE, y - 8))
    y = _heading(canvas, names, "Ở mỗi máy, làm một lần", y - 16)
    for number, step in enumerate(STEPS, start=1):
        y = _step(canvas, names, number, step, y)
    y = _heading(canvas, names, "Vân tay SHA-256 của chứng thư gốc", y - 10)
    y = _fingerprint(canvas, names, sheet.fingerprint, y - 4)
    canvas.setFont(names.italic, 11)
    canvas.drawString(LEFT, y - 10, f"Chứng thư gốc dùng đến {day_text(sheet.root_ends)}.")
    canvas.drawString(LEFT, y - 26, "Thay chứng thư gốc thì bỏ tờ này, in tờ mới.")
    canvas.setFont(names.italic, 9)
    canvas.drawCentredString(MIDDLE, 12 * POINTS_PER_MM, f"In ngày {day_text(sheet.printed_on)} bởi {sheet.printed_by}")
    canvas.showPage()
    canvas.save()


def _heading(canvas: Canvas, names: FontNames, text: str, y: float) -> float:
    canvas.setFont(names.bold, 13)
    canvas.drawString(LEFT, y, text)
    canvas.setLineWidth(0.6)
    canvas.line(LEFT, y - 4, RIGHT, y - 4)
    return y - 22


def _step(canvas: Canvas, names: FontNames, number: int, text: str, y: float) -> float:
    canvas.setFont(names.bold, 13)
    canvas.drawString(LEFT, y, f"{number}.")
    canvas.setFont(names.regular, 13)
    for line in break_words(text, names.regular, 13, RIGHT - LEFT - 20):
        canvas.drawString(LEFT + 20, y, line)
        y -= leading(13)
    return y - 5


def _fingerprint(canvas: Canvas, names: FontNames, lines: tuple[str, ...], y: float) -> float:
    """Pairs in columns, so that a finger can follow them."""
    pairs = [line.split(" ") for line in lines]
    step = (RIGHT - LEFT) / max((len(line) for line in pairs), default=1)
    canvas.setFont(names.bold, 19)
    for line in pairs:
        for place, pair in enumerate(line):
            canvas.drawCentredString(LEFT + (place + 0.5) * step, y, pair)
        y -= 28
    return y
