"""Biên bản nghiệm thu cài đặt: what a rehearsal showed, what `doctor` found, and what only people can check.

The checklist is for the office's own computer: what no test elsewhere can show. Each line is signed by hand.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commune_portal import clock
from commune_portal.paper.body import Table
from commune_portal.paper.flow import Flow, Item, body_items
from commune_portal.paper.fonts import FontNames, registered
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.sheet import A4_PORTRAIT, break_evenly, break_words, draw_centred, leading, open_canvas

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

LEFT = 20 * POINTS_PER_MM
WIDTH = A4_PORTRAIT[0] - LEFT - 15 * POINTS_PER_MM
TOP = A4_PORTRAIT[1] - 18 * POINTS_PER_MM
BOTTOM = 18 * POINTS_PER_MM
SIZE = 11.0
HASH_SIGNS = 16
FORMAT = 1

TOKENS = {
    "pkcs11": "thiết bị ký số của cơ quan",
    "softhsm": "thiết bị mô phỏng (SoftHSM2) – chữ ký KHÔNG CÓ GIÁ TRỊ PHÁP LÝ",
    "trial": "khóa thử nghiệm – chữ ký KHÔNG CÓ GIÁ TRỊ PHÁP LÝ",
}

_CHECKED = """
- Dấu vân tay của bộ cài trùng với biên bản bàn giao. Thông báo của SmartScreen và phần mềm diệt vi-rút (ghi nguyên
  văn). Sau 24 giờ không có tệp nào bị cách ly.
- Cài từ tài khoản thường qua hộp thoại UAC; cài lại lần hai: không thay đổi gì; Windows 7: từ chối bằng câu tiếng
  Việt.
- Khởi động lại máy, không ai đăng nhập: máy thứ hai mở được cổng; tường lửa chỉ mở đúng cổng đã chọn; một máy
  Windows 7 vào sổ được một văn bản bằng trình duyệt.
- Dịch vụ chạy bằng tài khoản LocalService; ký được bằng thiết bị thật; ký lại được sau khi rút – cắm thiết bị và
  sau khi máy ngủ.
- Thư mục dữ liệu: người dùng thường không đọc được; tên thư mục và tên người dùng có dấu tiếng Việt, có dấu cách.
- Sao lưu ra USB của cơ quan, đọc lại, chứng minh bản sao lưu; khôi phục trên máy THỨ HAI, đối chiếu số và in biên bản.
- Nâng cấp; bản nâng cấp hỏng tự quay về bản cũ; rút điện giữa lúc chép, lúc chuyển, lúc kiểm tra: còn bản cũ hoặc
  bản mới, đủ mọi số.
- USB bản cũ hơn bị từ chối; USB bị sửa bị từ chối; đĩa đầy được báo bằng câu rõ ràng.
- Bộ nhớ và thời gian khởi động trên máy yếu nhất (ghi số); gỡ cài đặt xong dữ liệu vẫn còn.
- Máy Linux: như trên, thêm pcscd với thiết bị thật và điểm «systemd-analyze security» của dịch vụ đang chạy.
"""

CHECKLIST = tuple(" ".join(item.split()) for item in ("\n" + _CHECKED).split("\n- ") if item.strip())
"""What no machine of ours can show. Source: the pilot-PC acceptance of the installation's specification."""

SIGNERS = ("Người cài đặt", "Văn thư cơ quan", "Lãnh đạo cơ quan")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a rehearsal: whether it held, how long it took, and what was seen."""

    name: str
    ok: bool
    seconds: float
    detail: str


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that the rehearsal left, by its hash."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A row of `doctor` in words; `level` is ok, warn or fail."""

    title: str
    level: str
    what: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Everything that the sheet prints; `token` is pkcs11, softhsm or trial."""

    made_at: datetime
    made_by: str
    ok: bool
    token: str
    release: str
    office_code: str
    office_name: str
    key_id: str
    steps: tuple[Step, ...]
    artefacts: tuple[Artefact, ...]
    findings: tuple[Finding, ...]
    trouble: str = ""

    @property
    def stamp(self) -> str:
        """The name of its file."""
        return f"{self.made_at:%Y%m%dT%H%M%SZ}"

    @property
    def is_own_token(self) -> bool:
        """True when the office's own token signed: everything else has no value in law."""
        return self.token == "pkcs11"  # noqa: S105 -- a kind of token

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"format": FORMAT, **asdict(self), "made_at": clock.to_text(self.made_at)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Acceptance:
        """Reads what `to_json` wrote."""
        parts = {
            "made_at": clock.from_text(value["made_at"]),
            "steps": tuple(Step(**item) for item in value["steps"]),
            "artefacts": tuple(Artefact(**item) for item in value["artefacts"]),
            "findings": tuple(Finding(**item) for item in value["findings"]),
        }
        return cls(**({name: item for name, item in value.items() if name != "format"} | parts))


def print_acceptance(sheet: Acceptance, out: Path, *, record: str = "", folder: str = "") -> None:
    """Writes the sheet on as many A4 pages as it takes; `record` is the hash of the result's file."""
    names = registered(folder)
    canvas = open_canvas(out, names, title=f"Biên bản nghiệm thu cài đặt – {sheet.office_name}")
    y = _head(canvas, names, sheet)
    foot = partial(_foot, canvas, names, sheet, record)
    flow = Flow(canvas, y, top=TOP, bottom=BOTTOM, first_bottom=BOTTOM, on_new_page=foot)
    foot()
    flow.run(_facts(names, sheet))
    flow.run(_titled("1. Diễn tập đường đi của một văn bản", names))
    flow.run(body_items([_steps(sheet)], names, 10, LEFT, WIDTH))
    if sheet.artefacts:
        flow.run(_titled("2. Tệp làm ra trong buổi diễn tập", names))
        flow.run(body_items([_artefacts(sheet)], names, 9, LEFT, WIDTH))
    flow.run(_titled("3. Tình trạng của hệ thống", names))
    flow.run(body_items([_findings(sheet)], names, 10, LEFT, WIDTH))
    flow.run(_titled("4. Người kiểm tra trên máy của cơ quan", names))
    flow.run(body_items([_checklist()], names, 10, LEFT, WIDTH))
    flow.run([_signatures(names)])
    canvas.showPage()
    canvas.save()


def _head(canvas: Canvas, names: FontNames, sheet: Acceptance) -> float:
    middle = LEFT + WIDTH / 2
    office = break_evenly(sheet.office_name.upper(), names.bold, 12, WIDTH)
    y = draw_centred(canvas, office, names.bold, 12, (middle, TOP - 12))
    y = draw_centred(canvas, ["BIÊN BẢN NGHIỆM THU CÀI ĐẶT"], names.bold, 15, (middle, y - 16))
    return y - 4


def _facts(names: FontNames, sheet: Acceptance) -> list[Item]:
    local = sheet.made_at.astimezone(clock.VIETNAM)
    verdict = "ĐẠT" if sheet.ok else "KHÔNG ĐẠT"
    bad = sum(item.level == "fail" for item in sheet.findings)
    doubtful = sum(item.level == "warn" for item in sheet.findings)
    lines = [
        (f"Kết quả diễn tập: {verdict}", names.bold),
        (f"Ký bằng: {TOKENS.get(sheet.token, sheet.token)}", names.regular if sheet.is_own_token else names.bold),
        (f"Kiểm tra hệ thống: {bad} chỗ hỏng, {doubtful} chỗ cần chú ý", names.regular),
        (f"Mã định danh: {sheet.office_code or '–'}; phiên bản phần mềm {sheet.release}", names.regular),
        (f"Lúc {local:%H:%M ngày %d/%m/%Y}; người chạy: {sheet.made_by or '–'}", names.regular),
        (f"Khóa của hệ thống này: {sheet.key_id or '–'}", names.regular),
        (f"Dấu vân tay nhà phát hành (so với biên bản bàn giao): {'.' * 60}", names.regular),
    ]
    if sheet.trouble:
        lines.insert(1, (f"Lý do: {sheet.trouble}", names.regular))
    return [item for text, font in lines for item in _text(text, font, SIZE)]


def _titled(text: str, names: FontNames) -> list[Item]:
    found = _text(text, names.bold, SIZE + 1)
    found[0].space_before = 10.0
    for item in found:
        item.keeps_next = True
    return found


def _text(text: str, font: str, size: float) -> list[Item]:
    return [Item(leading(size), partial(_line, line, font, size)) for line in break_words(text, font, size, WIDTH)]


def _line(text: str, font: str, size: float, canvas: Canvas, y: float) -> None:
    canvas.setFont(font, size)
    canvas.drawString(LEFT, y - size, text)


def _steps(sheet: Acceptance) -> Table:
    rows = tuple(
        (str(number), step.name, "đạt" if step.ok else "HỎNG", f"{step.seconds:.1f}".replace(".", ","), step.detail)
        for number, step in enumerate(sheet.steps, 1)
    )
    return Table(("TT", "Bước", "Kết quả", "Giây", "Thấy gì"), rows, (6, 34, 11, 8, 41))


def _artefacts(sheet: Acceptance) -> Table:
    rows = tuple(
        (item.name, f"{item.bytes:,}".replace(",", "."), " ".join(_fours(item.sha256[:HASH_SIGNS])))
        for item in sheet.artefacts
    )
    return Table(("Tệp", "Byte", f"SHA-256 ({HASH_SIGNS} chữ số đầu)"), rows, (56, 16, 28))


def _fours(text: str) -> list[str]:
    return [text[start : start + 4] for start in range(0, len(text), 4)]


def _findings(sheet: Acceptance) -> Table:
    words = {"ok": "Tốt", "warn": "Chú ý", "fail": "HỎNG"}
    rows = tuple(
        (
            item.title,
            words.get(item.level, item.level),
            f"{item.what.rstrip('.')}. {item.mend if item.level != 'ok' else ''}".strip(),
        )
        for item in sheet.findings
    )
    return Table(("Phần", "Mức", "Thấy gì, làm gì"), rows, (22, 10, 68))


def _checklist() -> Table:
    rows = tuple((str(number), text, "", "") for number, text in enumerate(CHECKLIST, 1))
    return Table(("TT", "Việc kiểm tra", "Kết quả, ghi chú", "Ký tên"), rows, (6, 54, 26, 14))


def _signatures(names: FontNames) -> Item:
    height = 110.0

    def draw(canvas: Canvas, y: float) -> None:
        third = WIDTH / len(SIGNERS)
        canvas.setFont(names.italic, SIZE)
        canvas.drawRightString(LEFT + WIDTH, y - 14, "Ngày ...... tháng ...... năm ..........")
        for number, who in enumerate(SIGNERS):
            x = LEFT + third * (number + 0.5)
            canvas.setFont(names.bold, SIZE)
            canvas.drawCentredString(x, y - 34, who)
            canvas.setFont(names.italic, SIZE - 2)
            canvas.drawCentredString(x, y - 46, "(Ký, ghi rõ họ tên)")

    return Item(height, draw, space_before=12.0)


def _foot(canvas: Canvas, names: FontNames, sheet: Acceptance, record: str) -> None:
    local = sheet.made_at.astimezone(clock.VIETNAM)
    kept = f"; tệp kết quả {record[:HASH_SIGNS]}" if record else ""
    canvas.setFont(names.italic, 8.5)
    canvas.drawCentredString(
        LEFT + WIDTH / 2,
        9 * POINTS_PER_MM,
        f"Nghiệm thu {sheet.office_code} {local:%d/%m/%Y %H:%M}, phiên bản {sheet.release}{kept}"
        f" – trang {canvas.getPageNumber()}",
    )
