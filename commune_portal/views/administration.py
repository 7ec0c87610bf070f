"""Administration of people: the list of accounts, adding, changing, disabling, a new password."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, flash, url_for

from commune_portal.errors import Malformed, PortalError, RuleBroken
from commune_portal.people import accounts, issuers
from commune_portal.rules import permissions
from commune_portal.rules.permissions import Role, Verb
from commune_portal.store import installation
from commune_portal.views import _session
from commune_portal.views._forms import EMPTY, FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request


@dataclass(frozen=True, slots=True)
class Entered:
    """A person as typed into the form."""

    full_name: str
    position: str
    unit: str
    roles: tuple[Role, ...]


blueprint = Blueprint("administration", __name__, url_prefix="/administration/users")


@blueprint.get("")
def users() -> Response:
    """Every account, the disabled ones last."""
    _session.require(Verb.ADMINISTRATION_USERS)
    return page("administration/users.html", accounts=accounts.everyone())


@blueprint.get("/new")
def new_user() -> Response:
    """The form for an account."""
    _session.require(Verb.ADMINISTRATION_USERS)
    return _form(EMPTY)


@blueprint.post("")
def add_user() -> Response:
    """Makes an account and shows its first password, once, in the answer itself."""
    by = _session.require(Verb.ADMINISTRATION_USERS)
    reader = FormReader(request.form)
    username = reader.text("username", "Tên đăng nhập", required=True, longest=60)
    entered = _read_person(reader)
    if not reader.refused:
        try:
            made = accounts.add(
                by,
                username=username,
                full_name=entered.full_name,
                position=entered.position,
                unit=entered.unit,
                roles=entered.roles,
            )
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            return _password(made.account_id, made.password, "Đã tạo tài khoản")
    return _form(reader.state(), status=422)


@blueprint.get("/<int:account_id>")
def user(account_id: int) -> Response:
    """One account with what can be done to it."""
    _session.require(Verb.ADMINISTRATION_USERS)
    shown = accounts.account(account_id)
    form = filled(
        {"full_name": shown.full_name, "position": shown.position, "unit": shown.unit, "roles": sorted(shown.roles)}
    )
    return _form(form, shown)


@blueprint.post("/<int:account_id>")
def change_user(account_id: int) -> Response:
    """Changes name, post, unit and roles."""
    by = _session.require(Verb.ADMINISTRATION_USERS)
    shown = accounts.account(account_id)
    reader = FormReader(request.form)
    entered = _read_person(reader)
    if not reader.refused:
        try:
            accounts.change(
                by,
                account_id,
                full_name=entered.full_name,
                position=entered.position,
                unit=entered.unit,
                roles=entered.roles,
            )
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash(f"Đã lưu thay đổi của {entered.full_name}.", "good")
            return go_to(url_for("administration.users"))
    return _form(reader.state(), shown, status=422)


@blueprint.post("/<int:account_id>/disable")
def disable_user(account_id: int) -> Response:
    """Ends an account and its sessions."""
    by = _session.require(Verb.ADMINISTRATION_USERS)
    name = accounts.account(account_id).full_name
    try:
        accounts.disable(by, account_id)
    except PortalError as refusal:
        flash(refusal.sentence, "bad")
        return go_to(url_for("administration.user", account_id=account_id))
    flash(f"Đã khóa tài khoản của {name}. Mọi phiên đăng nhập của người này đã kết thúc.", "good")
    return go_to(url_for("administration.users"))


@blueprint.post("/<int:account_id>/enable")
def enable_user(account_id: int) -> Response:
    """Opens an account again with a new first password."""
    by = _session.require(Verb.ADMINISTRATION_USERS)
    return _password(account_id, accounts.enable(by, account_id), "Đã mở lại tài khoản")


@blueprint.post("/<int:account_id>/password")
def reset_password(account_id: int) -> Response:
    """Gives a new first password."""
    by = _session.require(Verb.ADMINISTRATION_USERS)
    return _password(account_id, accounts.reset_password(by, account_id), "Đã đặt lại mật khẩu")


def _password(account_id: int, password: str, done: str) -> Response:
    """The one page that shows a password; it is in no cookie, no address and no log."""
    return page("administration/password.html", account=accounts.account(account_id), password=password, done=done)


def _form(form: FormState, shown: accounts.Account | None = None, *, status: int = 200) -> Response:
    return page(
        "administration/user.html",
        status=status,
        form=form,
        shown=shown,
        roles=[(role.value, f"{role.label} – {_DOES[role]}") for role in _roles()],
        units=[unit.name for unit in issuers.units()],
    )


def _roles() -> list[Role]:
    fitting = permissions.NODE_ROLES if installation.own().role == "node" else permissions.OFFICE_ROLES
    return [role for role in Role if role in fitting]


def _read_person(reader: FormReader) -> Entered:
    known = {role.value: role for role in _roles()}
    keys = reader.keys("roles", "Vai trò", required=True)
    if any(key not in known for key in keys):
        reader.refuse("roles", "Vai trò: lựa chọn không có trong danh sách.")
    return Entered(
        full_name=reader.text("full_name", "Họ và tên", required=True, longest=100),
        position=reader.text("position", "Chức vụ", longest=100),
        unit=reader.text("unit", "Đơn vị", longest=100),
        roles=tuple(known[key] for key in keys if key in known),
    )


_DOES = {
    Role.CLERK: "vào sổ, cấp số, ký số cơ quan, gửi nhận, in sổ",
    Role.LEADER: "phân công, duyệt và ký văn bản",
    Role.SPECIALIST: "xử lý việc được giao, soạn dự thảo",
    Role.ADMINISTRATOR: "tài khoản, cơ quan, danh bạ, thiết bị",
    Role.OPERATOR: "đơn vị thành viên, gói đang chuyển, tài khoản",
    Role.AUDITOR: "xem sổ của các đơn vị, chỉ đọc",
}
