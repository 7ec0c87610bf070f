"""BIÊN BẢN BÀN GIAO: the sheet that goes with a stick on paper, so that a swapped stick is found before it is run.

A verifier on the stick proves nothing against a swapped stick: on the first installation a person compares what is run
first, and the publisher's fingerprint on the screen, with this sheet, which comes another way. Source: deploy.md 7.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal.paper.fonts import BUNDLED_FOLDER, FontNames, registered
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.sheet import A4_PORTRAIT, break_words, open_canvas, width_of
from deploy.bundle.checkout import Release, sha256_of
from deploy.bundle.signature import Publisher

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

LEFT = 25 * POINTS_PER_MM
RIGHT = A4_PORTRAIT[0] - 20 * POINTS_PER_MM
MIDDLE = A4_PORTRAIT[0] / 2
TOP = A4_PORTRAIT[1] - 20 * POINTS_PER_MM
SIZE, LINE = 11.5, 17.0
# What is run before any signature is checked: a person checks it, with the tools of the computer.
RUN_FIRST = ("CAI-DAT.exe", "cai-dat.sh", "bundle/linux/payload.tar.gz")
TRIAL = "BẢN THỬ – không dùng để cài cho cơ quan"
BLANKS = (
    ("Bên giao", "Cơ quan, người giao"),
    ("Bên nhận", "Cơ quan, người nhận"),
)
STEPS = (
    "Bên nhận giữ tờ giấy này, không để chung với USB.",
    (
        "Trước khi cài lần đầu, trên chính máy sẽ cài: dùng lệnh có sẵn của máy để tính mã, so với mục 2."
        " Windows: certutil -hashfile CAI-DAT.exe SHA256. Linux: sha256sum cai-dat.sh bundle/linux/payload.tar.gz."
    ),
    "Khi chương trình cài đặt hiện dấu vân tay nơi phát hành, so từng nhóm với mục 1.",
    "Khác dù một chữ: dừng lại, không cài, gọi cho bên giao theo số điện thoại đã biết từ trước.",
    "Các lần nâng cấp sau, bản đang chạy tự kiểm tra chữ ký của bộ cài mới bằng khóa đã nhận lần đầu.",
)


def print_sheet(out: Path, stick: Path, release: Release, publisher: Publisher) -> None:
    """Writes the sheet for the files that lie on a stick already."""
    names = registered(str(BUNDLED_FOLDER))
    canvas = open_canvas(out, names, title=f"Biên bản bàn giao bộ cài {release.version}")
    sheet = _Sheet(canvas, names)
    sheet.centred("BIÊN BẢN BÀN GIAO BỘ CÀI", names.bold, 15)
    sheet.centred(f"Sổ văn bản và liên thông văn bản – phiên bản {release.version}", names.regular, 12.5)
    sheet.centred(f"Số phát hành {release.release_seq}, ngày {release.day:%d/%m/%Y}", names.regular, 12.5)
    if publisher.is_trial:
        sheet.centred(TRIAL, names.bold, 13)
    sheet.blanks()
    sheet.heading("1. Dấu vân tay nơi phát hành")
    sheet.boxed(publisher.public.fingerprint)
    sheet.heading("2. Mã SHA-256 của các tệp trên USB")
    for name in RUN_FIRST:
        if (stick / name).is_file():
            sheet.code(name, sha256_of(stick / name))
    sheet.heading("3. Cách kiểm tra")
    for number, step in enumerate(STEPS, 1):
        sheet.paragraph(f"{number}. {step}")
    sheet.signatures()
    canvas.showPage()
    canvas.save()


class _Sheet:
    def __init__(self, canvas: Canvas, names: FontNames) -> None:
        self._canvas = canvas
        self._names = names
        self._y = TOP

    def _text(self, x: float, text: str, font: str, size: float) -> None:
        self._canvas.setFont(font, size)
        self._canvas.drawString(x, self._y, text)

    def centred(self, text: str, font: str, size: float) -> None:
        self._text(MIDDLE - width_of(text, font, size) / 2, text, font, size)
        self._y -= size * 1.5

    def heading(self, text: str) -> None:
        self._y -= 8
        self._text(LEFT, text, self._names.bold, 12.5)
        self._y -= LINE + 2

    def paragraph(self, text: str) -> None:
        for line in break_words(text, self._names.regular, SIZE, RIGHT - LEFT):
            self._text(LEFT, line, self._names.regular, SIZE)
            self._y -= LINE
        self._y -= 3

    def blanks(self) -> None:
        self._y -= 6
        for side, who in BLANKS:
            for label in (f"{side}: {who}", "Điện thoại", "Ngày"):
                self._dotted(label)
            self._y -= 4

    def _dotted(self, label: str) -> None:
        self._text(LEFT, f"{label}:", self._names.regular, SIZE)
        begin = LEFT + width_of(f"{label}: ", self._names.regular, SIZE)
        self._canvas.setDash(1, 2)
        self._canvas.line(begin, self._y - 1, RIGHT, self._y - 1)
        self._canvas.setDash()
        self._y -= LINE

    def boxed(self, fingerprint: str) -> None:
        groups = fingerprint.split("-")
        half = len(groups) // 2
        height = 58.0
        self._canvas.rect(LEFT, self._y - height + 14, RIGHT - LEFT, height)
        self._y -= 9
        for part in (groups[:half], groups[half:]):
            text = "   ".join(part)
            self._text(MIDDLE - width_of(text, self._names.bold, 18) / 2, text, self._names.bold, 18)
            self._y -= 24
        self._y -= 8

    def code(self, name: str, digest: str) -> None:
        self._text(LEFT, name, self._names.bold, SIZE)
        self._y -= LINE - 2
        groups = [digest[at : at + 4] for at in range(0, len(digest), 4)]
        text = " ".join(groups)
        self._text(LEFT + 8, text, self._names.regular, 10)
        self._y -= LINE + 1

    def signatures(self) -> None:
        self._y -= 16
        for x, title in ((LEFT + 60, "BÊN GIAO"), (MIDDLE + 70, "BÊN NHẬN")):
            self._text(x, title, self._names.bold, SIZE)
        self._y -= LINE
        for x in (LEFT + 45, MIDDLE + 55):
            self._text(x, "(ký, ghi rõ họ tên)", self._names.italic, SIZE)
