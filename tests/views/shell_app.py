"""A tiny app that wears the shell: realistic rows, no register; what the shell's own tests and pictures look at."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from flask import Flask, Response, flash, send_file, url_for
from flask_wtf.csrf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader

import commune_portal
from commune_portal import clock, errors
from commune_portal.views._errors import register_errors
from commune_portal.views._forms import EMPTY, FormReader, FormState, filled
from commune_portal.views._page import go_to, page, prepare_pages, request, respond
from commune_portal.views._shell import Bell, MenuBlock, MenuEntry, Person, Shell, install_shell

PACKAGE = Path(commune_portal.__file__).parent

SUBJECTS = (
    "V/v rà soát, tổng hợp danh sách hộ nghèo, hộ cận nghèo theo chuẩn nghèo đa chiều giai đoạn 2026 – 2030",
    "Quyết định phê duyệt kế hoạch sử dụng đất năm 2027 của xã Tân Phước",
    "Giấy mời họp giao ban công tác phòng, chống thiên tai và tìm kiếm cứu nạn",
    "Kế hoạch tuyển chọn, gọi công dân nhập ngũ năm 2027",
    "V/v đôn đốc báo cáo kết quả giải quyết thủ tục hành chính quý IV",
    "Thông báo kết luận của Chủ tịch UBND tỉnh tại cuộc họp ngày 18/11/2026",
    "Báo cáo tình hình dịch tả lợn châu Phi trên địa bàn",
    "V/v phối hợp xác minh nhân thân",
)
SENDERS = (
    "Sở Nội vụ tỉnh Lam Giang",
    "UBND tỉnh Lam Giang",
    "Văn phòng UBND tỉnh",
    "Ban Chỉ huy Quân sự tỉnh Lam Giang",
    "UBND xã Vĩnh Hòa",
)
STATES = (
    ("Đã đến", "info"),
    ("Đã tiếp nhận", "info"),
    ("Phân công", "quiet"),
    ("Đang xử lý", "warn"),
    ("Hoàn thành", "good"),
    ("Từ chối tiếp nhận", "bad"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list, as a view would hand it over."""

    number: int
    arrived_on: date
    sender: str
    symbol: str
    subject: str
    urgency: str
    state: str
    tone: str
    due_on: date | None
    person: str
    unread: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline."""

    at: datetime
    actor: str
    act: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One signature's report."""

    who: str
    verdict: str
    tone: str
    lines: tuple[str, ...]


def rows(words: str = "") -> list[Row]:
    """Forty lines of a register, deterministic relative to today."""
    today = clock.today()
    people = ("Trần Văn Lâm", "Lê Thị Mai", "Phạm Quốc Huy", "")
    made = []
    for index in range(40):
        state, tone = STATES[index % 6]
        made.append(
            Row(
                number=1284 - index,
                arrived_on=today - timedelta(days=index // 3),
                sender=SENDERS[index % 5],
                symbol=f"{2290 - 7 * index}/{('SNV-TCCC', 'QĐ-UBND', 'GM-VP', 'KH-BCH', 'UBND-VP')[index % 5]}",
                subject=SUBJECTS[index % 8],
                urgency=("Thường", "Thường", "Khẩn", "Thường", "Hỏa tốc")[index % 5],
                state=state,
                tone=tone,
                due_on=today + timedelta(days=(index * 3) % 11 - 3) if index % 4 else None,
                person=people[index % 4],
                unread=index < 3,
            )
        )
    return [row for row in made if words.lower() in row.subject.lower()]


def shell() -> Shell:
    """The shell as an office's provider would build it."""
    return Shell(
        office_name="UBND xã Tân Phước",
        home_url="/",
        menu=(
            MenuBlock("Việc của tôi", (MenuEntry("Trang đầu", "/"), MenuEntry("Việc được giao", "/tasks", 7, "warn"))),
            MenuBlock(
                "Văn bản đến",
                (
                    MenuEntry("Chờ vào sổ", "/arrived", 5, "warn"),
                    MenuEntry("Sổ văn bản đến", "/incoming"),
                    MenuEntry("Quá hạn xử lý", "/overdue", 3, "bad"),
                ),
            ),
            MenuBlock(
                "Văn bản đi",
                (
                    MenuEntry("Dự thảo", "/outgoing/drafts", 4),
                    MenuEntry("Chờ ký", "/outgoing/signing", 2, "warn"),
                    MenuEntry("Chờ phát hành", "/outgoing/issue", 1),
                    MenuEntry("Sổ văn bản đi", "/outgoing"),
                ),
            ),
            MenuBlock("Sổ và liên thông", (MenuEntry("In sổ", "/books"), MenuEntry("Liên thông", "/exchange", 12))),
            MenuBlock("Quản trị", (MenuEntry("Người dùng", "/users"), MenuEntry("Cơ quan", "/office"))),
        ),
        person=Person("Nguyễn Thị Hoa", "Văn thư"),
        person_links=(MenuEntry("Đổi mật khẩu", "/password"),),
        logout_url="/logout",
        help_url="/help",
        bell=Bell(url_for("bell"), "/tasks", 7, "Nút cấp trên: 09:14 (2 phút trước)", "good", "/exchange"),
        trial_key=True,
    )


def create_shell_app() -> Flask:
    """Builds the app; it holds nothing between requests."""
    app = Flask(__name__, static_folder=str(PACKAGE / "static"), template_folder=str(PACKAGE / "templates"))
    app.config.update(SECRET_KEY="only for the shell's tests", MAX_CONTENT_LENGTH=8 * 1024 * 1024)
    loaders = [app.jinja_loader, FileSystemLoader(Path(__file__).parent / "templates")]
    app.jinja_loader = ChoiceLoader([loader for loader in loaders if loader is not None])
    prepare_pages(app)
    CSRFProtect(app)
    register_errors(app, "login")
    install_shell(app, shell)
    _add_pages(app)
    return app


def _add_pages(app: Flask) -> None:
    @app.get("/")
    @app.get("/incoming")
    def listing() -> Response:
        words = request.args.get("q", "")
        return page("shell/list.html", "shell/_rows.html", rows=rows(words), words=words, tabs=_tabs())

    @app.get("/incoming/<int:number>")
    def show(number: int) -> Response:
        row = next((row for row in rows() if row.number == number), None)
        if row is None:
            raise errors.NotFound
        return page("shell/show.html", row=row, events=_events(), checks=_checks())

    @app.route("/incoming/register", methods=["GET", "POST"])
    def register() -> Response:
        if request.method == "GET":
            return _form(
                filled({"arrived_on": clock.today(), "subject": SUBJECTS[0], "urgency": "Thường"}, ["subject"])
            )
        reader = FormReader(request.form, request.files)
        reader.file("scan", "Tệp văn bản", required=True)
        reader.text("symbol", "Số, ký hiệu", required=True)
        reader.text("sender", "Cơ quan ban hành", required=True)
        reader.day("issued_on", "Ngày văn bản", required=True)
        reader.text("subject", "Trích yếu", required=True)
        if reader.refused:
            return _form(reader.state(), 422)
        flash("Đã vào sổ văn bản đến số 1285.", "good")
        return go_to(url_for("listing"))

    @app.get("/login")
    def login() -> Response:
        return page("shell/login.html", form=EMPTY)

    @app.get("/empty")
    def empty() -> Response:
        return page("shell/list.html", "shell/_rows.html", rows=[], words="", tabs=_tabs())

    @app.get("/bell")
    def bell() -> Response:
        return respond(status=204)

    @app.post("/act")
    def act() -> Response:
        raise errors.RuleBroken("Văn bản này vừa được người khác tiếp nhận. Hãy tải lại trang.")

    @app.get("/fails/<kind>")
    def fails(kind: str) -> Response:
        if kind == "header":
            return respond(push_url="/?q=hộ nghèo")
        if kind == "crash":
            raise ZeroDivisionError("a crash with a secret in it")
        raise getattr(errors, kind)

    @app.get("/paper.pdf")
    def paper() -> Response:
        answer = send_file(io.BytesIO(_pdf()), mimetype="application/pdf", download_name="Quyết định 12.pdf")
        answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'self'"
        return answer


def _form(form: FormState, status: int = 200) -> Response:
    kinds = [(kind, kind) for kind in ("Công văn", "Quyết định", "Kế hoạch", "Báo cáo", "Giấy mời")]
    return page("shell/form.html", status=status, form=form, kinds=kinds)


def _tabs() -> tuple[MenuEntry, ...]:
    return (
        MenuEntry("Tất cả", "/incoming", 1284, current=True),
        MenuEntry("Chờ tiếp nhận", "/incoming?tab=arrived", 5, "warn"),
        MenuEntry("Chờ phân công", "/incoming?tab=accepted", 8),
        MenuEntry("Đang xử lý", "/incoming?tab=started", 21),
        MenuEntry("Quá hạn", "/incoming?tab=overdue", 3, "bad"),
        MenuEntry("Hoàn thành", "/incoming?tab=done", 1240),
    )


def _events() -> list[Event]:
    start = datetime(2026, 11, 20, 1, 5, tzinfo=UTC)
    return [
        Event(start, "Hệ thống", "nhận gói từ nút liên thông và kiểm tra chữ ký"),
        Event(start + timedelta(minutes=22), "Nguyễn Thị Hoa", "tiếp nhận, vào sổ số 1284"),
        Event(
            start + timedelta(hours=2),
            "Võ Minh Đức",
            "giao Trần Văn Lâm chủ trì",
            "Đồng chí Lâm chủ trì, phối hợp Công an xã rà soát.\nBáo cáo trước ngày 25/11.",
        ),
    ]


def _checks() -> list[Check]:
    return [
        Check(
            "Võ Minh Đức – Chủ tịch UBND xã",
            "Hợp lệ",
            "good",
            ("Nội dung không thay đổi sau khi ký", "Chứng thư còn hạn khi ký (20/11/2026 08:05)"),
        ),
        Check(
            "Ủy ban nhân dân xã Vĩnh Hòa",
            "Chưa kiểm tra được thu hồi",
            "warn",
            ("Không tải được danh sách thu hồi (CRL) vì không có mạng",),
        ),
    ]


def _pdf() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(72, 760, "A page.")
    canvas.save()
    return out.getvalue()
