"""Tờ «Khóa phục hồi»: the secret half of the recovery key on one page for the safe, to be typed or scanned once needed.

Printed into memory and handed to the browser; nothing of it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from commune_portal import clock
from commune_portal.paper.fonts import FontNames, registered
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.sheet import A4_PORTRAIT, break_words, draw_centred, open_canvas

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

LEFT = 22 * POINTS_PER_MM
RIGHT = A4_PORTRAIT[0] - 18 * POINTS_PER_MM
TOP = A4_PORTRAIT[1] - 20 * POINTS_PER_MM
PREFIX = "AGE-SECRET-KEY-1"
GROUP_LETTERS = 5
GROUPS_A_ROW = 4
SIZE = 12.0
QR_MM = 42

_WHAT = """
Tờ giấy này là chìa khóa DUY NHẤT trong tay cơ quan để mở bản sao lưu khi máy chủ hỏng, mất hoặc cháy. Phần mềm không
giữ bản nào. Ai có tờ này và một bản sao lưu thì đọc được toàn bộ văn bản của cơ quan.

Cất trong két hoặc tủ có khóa, tách khỏi máy tính và khỏi USB sao lưu. Không chụp ảnh, không gửi qua mạng.
"""
_HOW = """
Khi cần khôi phục: cài phần mềm lên máy mới, mở trình duyệt, chọn «Khôi phục từ bản sao lưu», cắm USB có bản sao lưu,
gõ lần lượt các nhóm trên (hoặc quét mã vuông). Chữ hoa hay thường đều được; không có chữ B, I, O và số 1.

Không còn phần mềm này vẫn mở được: bản sao lưu theo chuẩn age (age-encryption.org). Ghi dòng khóa, viết liền, vào tệp
khoa.txt rồi chạy: age -d -i khoa.txt BẢN_SAO.zip.age > ban-sao.zip
"""


@dataclass(frozen=True, slots=True, repr=False)
class KeySheet:
    """What stands on the sheet."""

    office_name: str
    office_code: str
    secret: str
    confirm_group: str
    fingerprint: str
    made_at: datetime

    @property
    def groups(self) -> list[str]:
        """The secret's letters behind its fixed beginning, five by five."""
        letters = self.secret.removeprefix(PREFIX)
        return [letters[start : start + GROUP_LETTERS] for start in range(0, len(letters), GROUP_LETTERS)]


def print_recovery_sheet(sheet: KeySheet, out: Path | BinaryIO, *, folder: str = "") -> None:
    """Writes the sheet on one A4 page."""
    names = registered(folder)
    canvas = open_canvas(out, names, title=f"Khóa phục hồi – {sheet.office_name}")
    middle = A4_PORTRAIT[0] / 2
    y = draw_centred(canvas, [sheet.office_name.upper()], names.bold, 13, (middle, TOP))
    y = draw_centred(canvas, [f"Mã định danh: {sheet.office_code}"], names.regular, 11, (middle, y - 2))
    y = draw_centred(canvas, ["KHÓA PHỤC HỒI BẢN SAO LƯU"], names.bold, 20, (middle, y - 24))
    made = sheet.made_at.astimezone(clock.VIETNAM)
    line = f"Tạo lúc {made:%H:%M} ngày {made:%d/%m/%Y} · dấu vân tay {sheet.fingerprint}"
    y = draw_centred(canvas, [line], names.italic, 11, (middle, y - 4))
    y = _paragraphs(canvas, names, _WHAT, y - 12)
    y = _draw_key(canvas, names, sheet, y - 8)
    y = _paragraphs(canvas, names, _HOW, y - 24)
    _draw_signatures(canvas, names, y - 10)
    canvas.showPage()
    canvas.save()


def _paragraphs(canvas: Canvas, names: FontNames, texts: str, y: float) -> float:
    for text in (" ".join(part.split()) for part in texts.strip().split("\n\n")):
        for line in break_words(text, names.regular, SIZE, RIGHT - LEFT):
            canvas.setFont(names.regular, SIZE)
            canvas.drawString(LEFT, y, line)
            y -= SIZE * 1.3
        y -= 5
    return y


def _draw_key(canvas: Canvas, names: FontNames, sheet: KeySheet, y: float) -> float:
    """The frame with the groups on the left, the square code and the last group on the right."""
    rows = [sheet.groups[start : start + GROUPS_A_ROW] for start in range(0, len(sheet.groups), GROUPS_A_ROW)]
    height = 66 * POINTS_PER_MM
    right_column = RIGHT - (QR_MM + 4) * POINTS_PER_MM
    canvas.setLineWidth(1.2)
    canvas.rect(LEFT - 6, y - height, RIGHT - LEFT + 12, height)
    canvas.setFont(names.bold, 15)
    canvas.drawString(LEFT + 4, y - 24, PREFIX)
    step = (right_column - LEFT - 8) / GROUPS_A_ROW
    line = y - 58
    for first, row in enumerate(rows):
        for place, group in enumerate(row):
            x = LEFT + 4 + place * step
            canvas.setFont(names.regular, 7)
            canvas.drawString(x, line + 17, str(first * GROUPS_A_ROW + place + 1))
            canvas.setFont(names.bold, 17)
            canvas.drawString(x, line, group)
        line -= 40
    canvas.setFont(names.regular, 11)
    canvas.drawString(LEFT + 4, y - height + 12, "Nhóm cuối (gõ lại vào trang Sao lưu để xác nhận đã in):")
    canvas.setFont(names.bold, 17)
    canvas.drawRightString(right_column + 30 * POINTS_PER_MM, y - height + 11, sheet.confirm_group)
    _draw_square_code(canvas, sheet.secret, (right_column, y - (QR_MM + 5) * POINTS_PER_MM))
    return y - height


def _draw_square_code(canvas: Canvas, text: str, at: tuple[float, float]) -> None:
    from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel

    code: Any = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    amount = code.getModuleCount()
    side = QR_MM * POINTS_PER_MM / amount
    for row in range(amount):
        for column in range(amount):
            if code.isDark(row, column):
                canvas.rect(at[0] + column * side, at[1] + (amount - 1 - row) * side, side, side, stroke=0, fill=1)


def _draw_signatures(canvas: Canvas, names: FontNames, y: float) -> None:
    thirds = (RIGHT - LEFT) / 3
    for place, words in enumerate(("Người in", "Người giữ (két)", "Thủ trưởng cơ quan")):
        x = LEFT + thirds * (place + 0.5)
        canvas.setFont(names.bold, SIZE)
        canvas.drawCentredString(x, y, words)
        canvas.setFont(names.italic, 10)
        canvas.drawCentredString(x, y - 14, "(ký, ghi rõ họ tên, ngày)")
