"""«Nhóm nơi nhận»: the groups for sending quickly, kept by the clerk."""

from __future__ import annotations

from flask import Blueprint, Response, flash, url_for

from commune_portal.errors import Malformed, RuleBroken
from commune_portal.people import groups
from commune_portal.people.groups import Group
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._forms import EMPTY, FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request
from commune_portal.views._recipients import choices

blueprint = Blueprint("recipient_groups", __name__, url_prefix="/exchange/groups")


@blueprint.get("")
def show_list() -> Response:
    """Every group with what is to be seen to in it."""
    _session.require(Verb.EXCHANGE_GROUPS)
    found = groups.groups()
    doubts = {item.id: [member for member in groups.members(item.codes) if member.doubt] for item in found}
    return page("recipient_groups/list.html", groups=found, doubts=doubts)


@blueprint.get("/new")
def new_group() -> Response:
    """The form for a group; the search keeps what is chosen."""
    _session.require(Verb.EXCHANGE_GROUPS)
    return _form(EMPTY, None, tuple(request.args.getlist("to")))


@blueprint.post("")
def make() -> Response:
    """Makes a group."""
    return _save(None)


@blueprint.get("/<int:group_id>")
def show(group_id: int) -> Response:
    """One group, to be changed."""
    _session.require(Verb.EXCHANGE_GROUPS)
    shown = groups.group(group_id)
    chosen = tuple(request.args.getlist("to")) if "q" in request.args else shown.codes
    return _form(filled({"name": shown.name}), shown, chosen)


@blueprint.post("/<int:group_id>")
def change(group_id: int) -> Response:
    """Changes a group."""
    return _save(groups.group(group_id))


@blueprint.post("/<int:group_id>/close")
def close(group_id: int) -> Response:
    """Takes a group out of the choices."""
    by = _session.require(Verb.EXCHANGE_GROUPS)
    groups.close(by, group_id)
    flash("Đã bỏ nhóm. Văn bản đã gửi không thay đổi.", "good")
    return go_to(url_for("recipient_groups.show_list"))


def _save(shown: Group | None) -> Response:
    by = _session.require(Verb.EXCHANGE_GROUPS)
    reader = FormReader(request.form)
    chosen = reader.keys("to", "Nơi nhận")
    query = reader.text("q", "Tìm", longest=100)
    if reader.text("then", "Việc", longest=10) == "search":
        return _form(filled({"name": request.form.get("name", "")[:100]}), shown, chosen, query)
    name = reader.text("name", "Tên nhóm", required=True, longest=groups.LONGEST_NAME)
    if not reader.refused:
        try:
            if shown is None:
                groups.make(by, name, chosen)
            else:
                groups.change(by, shown.id, name, chosen)
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash(f"Đã lưu nhóm «{name}» gồm {len(chosen)} nơi nhận.", "good")
            return go_to(url_for("recipient_groups.show_list"))
    return _form(reader.state(), shown, chosen, query, status=422)


def _form(
    form: FormState, shown: Group | None, chosen: tuple[str, ...], query: str = "", *, status: int = 200
) -> Response:
    query = query or request.args.get("q", "").strip()[:100]
    doubts = [member for member in groups.members(chosen) if member.doubt]
    return page(
        "recipient_groups/group.html", "recipient_groups/_directory.html", status=status, form=form, shown=shown,
        query=query, offer=choices(query, chosen, any_open=True), doubts=doubts,
    )  # fmt: skip
