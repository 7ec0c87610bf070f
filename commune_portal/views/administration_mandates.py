"""Administration of mandates: who may sign for which issuer, with which picture of a signature."""

from __future__ import annotations

from flask import Blueprint, Response, flash, url_for

from commune_portal import clock
from commune_portal.errors import Malformed, PortalError, RuleBroken
from commune_portal.people import accounts, issuers, mandates
from commune_portal.rules.kinds import Competence
from commune_portal.rules.permissions import Role, Verb
from commune_portal.views import _session
from commune_portal.views._forms import FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request
from commune_portal.views.administration_office import keep_picture

blueprint = Blueprint("administration_mandates", __name__, url_prefix="/administration/office/mandates")


@blueprint.get("")
def show() -> Response:
    """All mandates, those that hold first."""
    _session.require(Verb.ADMINISTRATION_OFFICE)
    found = mandates.all_mandates()
    return page(
        "administration/mandates.html",
        mandates=found,
        today=clock.today(),
        people=accounts.names(item.account_id for item in found),
        issuers={item.id: item for item in issuers.all_issuers()},
    )


@blueprint.get("/new")
def new_mandate() -> Response:
    """The form for a mandate."""
    _session.require(Verb.ADMINISTRATION_OFFICE)
    return _form(filled({"valid_from": clock.today()}))


@blueprint.post("")
def give_mandate() -> Response:
    """Gives a mandate."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    reader = FormReader(request.form)
    holder = reader.number("account_id", "Người ký", required=True)
    issuer_id = reader.number("issuer_id", "Cơ quan ban hành", required=True)
    competence = _competence(reader)
    position = reader.text("position", "Chức vụ ghi trên văn bản", required=True, longest=100)
    basis = reader.text("basis", "Văn bản giao", longest=200)
    valid_from = reader.day("valid_from", "Từ ngày", required=True)
    valid_until = reader.day("valid_until", "Đến ngày")
    if not reader.refused and holder is not None and issuer_id is not None:
        try:
            mandates.give(
                by,
                account_id=holder,
                issuer_id=issuer_id,
                competence=competence,
                position=position,
                basis=basis,
                valid_from=valid_from,
                valid_until=valid_until,
            )
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash("Đã giao thẩm quyền ký.", "good")
            return go_to(url_for("administration_mandates.show"))
    return _form(reader.state(), 422)


@blueprint.post("/<int:mandate_id>/end")
def end_mandate(mandate_id: int) -> Response:
    """Ends a mandate at once."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    mandates.end(by, mandate_id)
    flash("Đã kết thúc thẩm quyền ký; từ bây giờ người này không ký được cho cơ quan đó.", "good")
    return go_to(url_for("administration_mandates.show"))


@blueprint.post("/<int:mandate_id>/picture")
def change_picture(mandate_id: int) -> Response:
    """Takes the picture of the handwritten signature."""
    by = _session.require(Verb.ADMINISTRATION_TOKEN)
    try:
        mandates.set_picture(
            by, mandate_id, keep_picture(FormReader(request.form, request.files), "picture", "Ảnh chữ ký")
        )
    except (Malformed, RuleBroken) as refusal:
        flash(refusal.sentence, "bad")
    except PortalError:
        raise
    else:
        flash("Đã lưu ảnh chữ ký.", "good")
    return go_to(url_for("administration_mandates.show"))


def _competence(reader: FormReader) -> Competence:
    typed = reader.text("competence", "Hình thức ký", longest=10)
    try:
        return Competence(typed)
    except ValueError:
        reader.refuse("competence", "Hình thức ký: lựa chọn không có trong danh sách.")
        return Competence.NONE


def _form(form: FormState, status: int = 200) -> Response:
    return page(
        "administration/mandate.html",
        status=status,
        form=form,
        leaders=[(item.id, f"{item.full_name} – {item.position}") for item in accounts.by_roles(Role.LEADER)],
        issuers=[(item.id, item.name) for item in issuers.current(clock.today())],
        competences=[(item.value, f"{item.mark} {item.label}".strip()) for item in Competence],
    )
