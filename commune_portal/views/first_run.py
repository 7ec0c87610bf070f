"""The first pages of an installation without a register: what to begin with, and founding an office or a node.

Served by `create_first_run_app` on loopback alone, opened by the installer's one-time code; the portal goes on from
here on the same port. A script does what a browser does: GET /first-run?code=…, then POST the form's fields.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, url_for

from commune_portal import clock, settings
from commune_portal.errors import PortalError, SettingsWrong
from commune_portal.people import founding
from commune_portal.people.founding import Plan
from commune_portal.settings import Settings
from commune_portal.signing import drivers
from commune_portal.signing.drivers import Trial
from commune_portal.store import backup, settings_file
from commune_portal.views import _first_run, _founding_form, _session
from commune_portal.views._forms import EMPTY, FormReader, FormState, filled
from commune_portal.views._founding_form import TYPED
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("first_run", __name__)

KEY_ON_PAPER = "/administration/backup"
"""The portal's page that comes first: the recovery key is made and printed there before anything is worth losing."""
WEEKDAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật")


@blueprint.get("/")
def begin() -> Response:
    """The bare address leads to the first page."""
    return go_to(url_for("first_run.choose"))


@blueprint.get("/first-run")
@_session.public
def choose() -> Response:
    """Asks for the code (the address may carry it), then for what to begin with."""
    code = request.args.get("code", "")
    if code and not _first_run.is_open():
        return _show_code(code)
    if code:
        return go_to(url_for("first_run.choose"))
    if not _first_run.is_open():
        return page("first_run/code.html", form=EMPTY)
    own = _first_run.settings()
    return page("first_run/choose.html", role=own.role, lost=founding.lost_its_register(own), folder=own.secrets_folder)


@blueprint.post("/first-run")
@_session.public
def show_code() -> Response:
    """Takes the code as typed from the paper."""
    return _show_code(request.form.get("code", ""))


def _show_code(code: str) -> Response:
    if _first_run.try_code(code):
        return go_to(url_for("first_run.choose"))
    reader = FormReader(request.form)
    reader.secret("code", "Mã", required=False)
    reader.refuse("code", "Mã không đúng. Hãy xem lại dòng cuối mà trình cài đặt đã in ra.")
    return page("first_run/code.html", status=403, form=reader.state())


@blueprint.get("/first-run/office")
def office() -> Response:
    """The empty form, of an office or of a node as the installer chose."""
    likely = next((item.path for item in drivers.present() if not item.is_general), "")
    return _form(filled({"abbreviation": "UBND", "administrator": "same", "token": likely}))


@blueprint.post("/first-run/office")
def found_office() -> Response:
    """Founds the installation; `act` = enrolment or driver reads the file or tries the driver and shows the form."""
    held = _first_run.draft()
    reader = FormReader(request.form, request.files)
    own = _first_run.settings()
    if own.role == "node":
        return _found_node(reader, own)
    act = reader.text("act", "Việc")
    if act:
        _founding_form.keep_passwords(reader, held)
    if act == "enrolment":
        file = _founding_form.stage_enrolment(reader, held)
        if file is None and not reader.refused:
            reader.refuse("enrolment", "Hãy chọn tệp đăng ký (.ghinoi.json) rồi bấm lại.")
        return _form(_founding_form.with_file(reader.state(), file), status=422 if reader.refused else 200)
    if act == "driver":
        module = _founding_form.driver_path(reader)
        trial = _tried(own, module, afresh=True) if module else None
        return _form(reader.state(), trial=trial, status=422 if reader.refused else 200)
    plan = _founding_form.read_office(reader, held)
    _founding_form.require_clock(reader)
    module = _founding_form.driver_path(reader)
    trial = _tried(own, module) if module else None
    if trial is not None and not trial.works:
        reader.refuse("token", f"{trial.words} Có thể chọn «Chưa có» và khai báo sau.")
    if not reader.refused:
        answer = _founded(reader, own, plan, {"token": {"module": module}} if module else {})
        if answer is not None:
            return answer
    return _form(reader.state(), trial=trial, status=422)


def _found_node(reader: FormReader, own: Settings) -> Response:
    plan, address = _founding_form.read_node(reader, _first_run.draft())
    _founding_form.require_clock(reader)
    if not reader.refused:
        answer = _founded(reader, own, plan, {"node": {"address": address}} if address else {})
        if answer is not None:
            return answer
    return _form(reader.state(), status=422)


def _founded(reader: FormReader, own: Settings, plan: Plan, changes: settings_file.Changes) -> Response | None:
    """Writes the settings, founds, and goes on into the portal; None when something was refused."""
    with _first_run.draft().turn:
        if _first_run.draft().done:
            return go_to(_first_run.LOG_IN)
        if founding.is_founded(own):  # founded, and then the portal could not be opened: only that is left to do
            return _first_run.begin(settings.load(_config(own)), KEY_ON_PAPER)
        try:
            fresh = settings_file.change(_config(own), changes) if changes else own
            founding.found(fresh, plan)
        except PortalError as refusal:
            reader.refuse_because(refusal)
            return None
        return _first_run.begin(fresh, KEY_ON_PAPER)


def _config(own: Settings) -> Path:
    path = own.folder / backup.CONFIG
    if not path.is_file():
        raise SettingsWrong(f"Không thấy tệp cấu hình {path} để ghi thêm. Hãy đặt tên tệp cấu hình là {backup.CONFIG}.")
    return path


def _tried(own: Settings, module: str, *, afresh: bool = False) -> Trial:
    """Loads the driver in a child process; one that worked a moment ago is not loaded again to be founded with."""
    known = _first_run.draft().trials
    if afresh or module not in known or not known[module].works:
        known[module] = drivers.attempt(own, module)
    return known[module]


def _form(form: FormState, *, trial: Trial | None = None, status: int = 200) -> Response:
    held, own = _first_run.draft(), _first_run.settings()
    local = clock.now().astimezone(clock.VIETNAM)
    found = drivers.present() if own.role == "office" else ()
    return page(
        "first_run/node.html" if own.role == "node" else "first_run/office.html",
        status=status,
        form=form,
        choices=[
            *((item.path, f"{item.name} – {item.path}") for item in found),
            (TYPED, "Trình điều khiển khác – nhập đường dẫn ở dưới"),
            ("", "Chưa có, khai báo sau"),
        ],
        trial=trial,
        kept=held.passwords,
        enrolment_name=held.enrolment_name,
        now=f"{WEEKDAYS[local.weekday()]}, ngày {local:%d/%m/%Y}, {local:%H:%M}",
    )
