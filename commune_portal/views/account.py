"""One's own account: what one may do here, and the change of one's password."""

from __future__ import annotations

from flask import Blueprint, Response, flash, url_for

from commune_portal.errors import Malformed
from commune_portal.people import accounts, issuers, mandates, passwords, sessions
from commune_portal.views import _session
from commune_portal.views._forms import EMPTY, FormReader, FormState
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("")
def show() -> Response:
    """Who I am here: post, unit, roles, mandates, open sessions."""
    by = _session.actor()
    return page(
        "account/show.html",
        account=accounts.account(by.id),
        mandates=mandates.mandates_of(by.id),
        issuer_names={item.id: item.name for item in issuers.all_issuers()},
        open_sessions=sessions.count_of(by.id),
    )


@blueprint.get("/password")
def password() -> Response:
    """The form for a new password; after a first log-in every page leads here."""
    return _form(EMPTY)


@blueprint.post("/password")
def change_password() -> Response:
    """Changes my password and ends my sessions everywhere else."""
    by = _session.actor()
    reader = FormReader(request.form)
    old = reader.secret("old_password", "Mật khẩu hiện tại")
    new = reader.secret("new_password", "Mật khẩu mới")
    again = reader.secret("again", "Nhập lại mật khẩu mới")
    if not reader.refused and new != again:
        reader.refuse("again", "Hai lần nhập mật khẩu mới chưa giống nhau.")
    if not reader.refused:
        try:
            accounts.change_own_password(by, old, new)
        except Malformed as refusal:
            reader.refuse_because(refusal)
    if reader.refused:
        return _form(reader.state(), 422)
    _session.log_in(by, sessions.begin(by.id, request.remote_addr or ""), must_change_password=False)
    flash("Đã đổi mật khẩu. Các phiên đăng nhập khác của bạn đã kết thúc.", "good")
    return go_to("/")


def _form(form: FormState, status: int = 200) -> Response:
    own = accounts.account(_session.actor().id)
    return page(
        "account/password.html",
        status=status,
        form=form,
        due=own.must_change_password,
        username=own.username,
        shortest=passwords.SHORTEST,
        back="" if own.must_change_password else url_for("account.show"),
    )
