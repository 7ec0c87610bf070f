"""Administration of the directory: who documents go to, from the node or entered by hand."""

from __future__ import annotations

from flask import Blueprint, Response, flash, url_for

from commune_portal.errors import Malformed, NodeRefused, NodeUnreachable, NotFound, RuleBroken
from commune_portal.people import directory
from commune_portal.relay import inquiry
from commune_portal.rules.agency_codes import accept_code, doubt_about_code
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._forms import EMPTY, FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request
from commune_portal.wire.organisations import Listed

blueprint = Blueprint("administration_directory", __name__, url_prefix="/administration/directory")

PAGE_ROWS = 50


@blueprint.get("")
def show() -> Response:
    """The entries that hold the typed words."""
    _session.require(Verb.ADMINISTRATION_DIRECTORY)
    words = request.args.get("q", "")
    typed = request.args.get("start", "")
    after = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 7 else 0
    found = directory.search(words, after=after, limit=PAGE_ROWS + 1)
    return page(
        "administration/directory.html",
        "administration/_organisations.html",
        organisations=found[:PAGE_ROWS],
        words=words,
        newer=_page_at(words, max(0, after - PAGE_ROWS)) if after else "",
        older=_page_at(words, after + PAGE_ROWS) if len(found) > PAGE_ROWS else "",
    )


@blueprint.get("/new")
def new_organisation() -> Response:
    """The form for an entry."""
    _session.require(Verb.ADMINISTRATION_DIRECTORY)
    return _form(EMPTY)


@blueprint.post("")
def add_organisation() -> Response:
    """Adds an entry by hand; a code of unusual shape is kept and remarked upon."""
    by = _session.require(Verb.ADMINISTRATION_DIRECTORY)
    reader = FormReader(request.form)
    code = reader.text("code", "Mã định danh", required=True, longest=40)
    name = reader.text("name", "Tên cơ quan", required=True, longest=200)
    code_legacy = reader.text("code_legacy", "Mã định danh cũ", longest=40)
    if not reader.refused:
        try:
            made = directory.add(by, code=code, name=name, code_legacy=code_legacy)
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash(f"Đã thêm {made.name} vào danh bạ.", "good")
            doubt = doubt_about_code(made.code)
            if doubt:
                flash(doubt, "warn")
            return go_to(url_for("administration_directory.show", q=made.code))
    return _form(reader.state(), status=422)


@blueprint.get("/<int:organisation_id>")
def organisation(organisation_id: int) -> Response:
    """One entry."""
    _session.require(Verb.ADMINISTRATION_DIRECTORY)
    shown = directory.organisation(organisation_id)
    return _form(filled({"name": shown.name, "phone": shown.phone}), shown)


@blueprint.post("/<int:organisation_id>")
def rename_organisation(organisation_id: int) -> Response:
    """Changes the name of an entry made by hand."""
    by = _session.require(Verb.ADMINISTRATION_DIRECTORY)
    shown = directory.organisation(organisation_id)
    reader = FormReader(request.form)
    name = reader.text("name", "Tên cơ quan", required=True, longest=200)
    if not reader.refused:
        try:
            directory.rename(by, organisation_id, name)
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash("Đã đổi tên.", "good")
            return go_to(url_for("administration_directory.show", q=shown.code))
    return _form(reader.state(), shown, status=422)


@blueprint.post("/<int:organisation_id>/phone")
def set_phone(organisation_id: int) -> Response:
    """Sets the number to call about a hỏa tốc document."""
    by = _session.require(Verb.ADMINISTRATION_DIRECTORY)
    shown = directory.organisation(organisation_id)
    reader = FormReader(request.form)
    phone = reader.text("phone", "Số điện thoại", longest=60)
    if not reader.refused:
        try:
            directory.set_phone(by, organisation_id, phone)
        except Malformed as refusal:
            reader.refuse_because(refusal)
        else:
            flash("Đã lưu số điện thoại.", "good")
            return go_to(url_for("administration_directory.organisation", organisation_id=organisation_id))
    return _form(reader.state(), shown, status=422)


@blueprint.post("/<int:organisation_id>/close")
def close_organisation(organisation_id: int) -> Response:
    """Takes an entry out of the choices."""
    by = _session.require(Verb.ADMINISTRATION_DIRECTORY)
    directory.close(by, organisation_id)
    flash("Cơ quan này không còn trong danh sách chọn nơi nhận.", "good")
    return go_to(url_for("administration_directory.show"))


@blueprint.post("/<int:organisation_id>/merge")
def merge_organisation(organisation_id: int) -> Response:
    """Closes an entry that went up in another one; its code leads there from now on."""
    by = _session.require(Verb.ADMINISTRATION_DIRECTORY)
    shown = directory.organisation(organisation_id)
    reader = FormReader(request.form)
    into = reader.text("merged_into", "Mã cơ quan kế tiếp", required=True, longest=40)
    if not reader.refused:
        try:
            directory.merge(by, organisation_id, into)
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash("Đã ghi sáp nhập. Văn bản cũ giữ tên cũ; gửi tới mã cũ sẽ được nhắc mã mới.", "good")
            return go_to(url_for("administration_directory.organisation", organisation_id=organisation_id))
    return _form(reader.state(), shown, status=422)


@blueprint.get("/node")
def search_node() -> Response:
    """Organisations of the node's whole list, asked while one waits; without words only the form."""
    _session.require(Verb.ADMINISTRATION_DIRECTORY)
    words = request.args.get("q", "").strip()[:100]
    found: tuple[Listed, ...] = ()
    trouble = ""
    if words:
        try:
            found = inquiry.search(words)
        except (NodeUnreachable, NodeRefused, NotFound) as refusal:
            trouble = refusal.sentence
    return page(
        "administration/directory_node.html",
        words=words,
        found=[(item, directory.by_code(item.code) is not None) for item in found],
        trouble=trouble,
    )


@blueprint.post("/node")
def take_from_node() -> Response:
    """Adds one organisation of the node's list to our own."""
    _session.require(Verb.ADMINISTRATION_DIRECTORY)
    reader = FormReader(request.form)
    code = reader.text("code", "Mã định danh", required=True, longest=35)
    reader.finish()
    try:
        flash(f"Đã thêm {inquiry.take(accept_code(code))} vào danh bạ.", "good")
    except (NodeUnreachable, NodeRefused, NotFound) as refusal:
        flash(refusal.sentence, "bad")
    return go_to(url_for("administration_directory.show", q=code))


def _page_at(words: str, row: int) -> str:
    return url_for("administration_directory.show", q=words, start=row)


def _form(form: FormState, shown: directory.Organisation | None = None, *, status: int = 200) -> Response:
    heir = directory.successor(shown.code) if shown and shown.merged_into else None
    return page(
        "administration/organisation.html",
        status=status,
        form=form,
        shown=shown,
        heir=heir,
        aliases=directory.aliases_of(shown.code) if shown else [],
    )
