"""Administration of the office: its issuers with their seals, and the units that draft."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, flash, url_for

from commune_portal import clock
from commune_portal.errors import Malformed, PortalError, RuleBroken
from commune_portal.people import issuers, mandates, office_rules
from commune_portal.rules.content import kind_of
from commune_portal.rules.permissions import Verb
from commune_portal.settings import MEBIBYTE
from commune_portal.store import files
from commune_portal.views import _session
from commune_portal.views._forms import EMPTY, FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("administration_office", __name__, url_prefix="/administration/office")

PICTURE_BYTES = 2 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Entered:
    """An issuer as typed into the form."""

    name: str
    parent_name: str
    abbreviation: str
    place: str
    code_legacy: str


@blueprint.get("")
def show() -> Response:
    """The office in one page: issuers, units, and the rules in short with the way to each."""
    _session.require(Verb.ADMINISTRATION_OFFICE)
    return _show(EMPTY)


def _show(unit_form: FormState, status: int = 200) -> Response:
    today = clock.today()
    return page(
        "administration/office.html",
        status=status,
        issuers=issuers.all_issuers(),
        units=issuers.units(closed_too=True),
        numbering=office_rules.numbering_rules(today),
        morning_ends=office_rules.morning_ends(today).strftime("%H:%M"),
        due_days=office_rules.default_due_days(today),
        calls=office_rules.call_limits(today),
        paper=office_rules.paper_rule(today).lines,
        days_off=office_rules.days_off(today.year),
        signers=len([item for item in mandates.all_mandates() if item.is_valid(today)]),
        form=unit_form,
    )


@blueprint.get("/issuers/new")
def new_issuer() -> Response:
    """The form for an issuer."""
    _session.require(Verb.ADMINISTRATION_OFFICE)
    return _issuer_form(filled({"valid_from": clock.today(), "seal_diameter_mm": 36}))


@blueprint.post("/issuers")
def add_issuer() -> Response:
    """Adds an issuer."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    reader = FormReader(request.form)
    code = reader.text("code", "Mã định danh", required=True, longest=40)
    valid_from = reader.day("valid_from", "Từ ngày", required=True)
    entered = _read_issuer(reader)
    if not reader.refused:
        try:
            made = issuers.add(
                by,
                code=code,
                valid_from=valid_from,
                name=entered.name,
                parent_name=entered.parent_name,
                abbreviation=entered.abbreviation,
                place=entered.place,
                code_legacy=entered.code_legacy,
            )
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash(f"Đã thêm {made.name}.", "good")
            return go_to(url_for("administration_office.issuer", issuer_id=made.id))
    return _issuer_form(reader.state(), status=422)


@blueprint.get("/issuers/<int:issuer_id>")
def issuer(issuer_id: int) -> Response:
    """One issuer: names, codes, seal."""
    _session.require(Verb.ADMINISTRATION_OFFICE)
    shown = issuers.issuer(issuer_id)
    form = filled(
        {name: getattr(shown, name) for name in ("name", "parent_name", "abbreviation", "place", "code_legacy")}
    )
    return _issuer_form(form, shown)


@blueprint.post("/issuers/<int:issuer_id>")
def change_issuer(issuer_id: int) -> Response:
    """Changes names, abbreviation and place."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    shown = issuers.issuer(issuer_id)
    reader = FormReader(request.form)
    entered = _read_issuer(reader)
    if not reader.refused:
        try:
            issuers.change(
                by,
                issuer_id,
                name=entered.name,
                parent_name=entered.parent_name,
                abbreviation=entered.abbreviation,
                place=entered.place,
                code_legacy=entered.code_legacy,
            )
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash("Đã lưu. Văn bản đã phát hành giữ nguyên tên cũ.", "good")
            return go_to(url_for("administration_office.show"))
    return _issuer_form(reader.state(), shown, status=422)


@blueprint.post("/issuers/<int:issuer_id>/close")
def close_issuer(issuer_id: int) -> Response:
    """Ends an issuer today."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    issuers.close(by, issuer_id, clock.today())
    flash("Cơ quan này không ban hành văn bản mới nữa. Sổ và văn bản cũ vẫn còn.", "good")
    return go_to(url_for("administration_office.show"))


@blueprint.post("/issuers/<int:issuer_id>/seal")
def change_seal(issuer_id: int) -> Response:
    """Takes the picture of the seal."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    issuers.issuer(issuer_id)
    reader = FormReader(request.form, request.files)
    diameter = reader.number("seal_diameter_mm", "Đường kính con dấu", required=True, least=20, most=60)
    back = url_for("administration_office.issuer", issuer_id=issuer_id)
    try:
        reader.finish()
        issuers.set_seal(by, issuer_id, keep_picture(reader, "seal", "Hình con dấu"), diameter or 36)
    except PortalError as refusal:
        flash(refusal.sentence, "bad")
        return go_to(back)
    flash("Đã lưu hình con dấu.", "good")
    return go_to(back)


def keep_picture(reader: FormReader, name: str, label: str) -> str:
    """Stores an uploaded PNG and answers its SHA-256; raises Malformed for anything else, TooLarge above 2 MB."""
    upload = reader.file(name, label, required=True)
    reader.finish()
    if upload is None:
        raise Malformed(f"{label}: chưa chọn tệp.", field=name)
    data = upload.stream.read(PICTURE_BYTES + 1)
    if len(data) > PICTURE_BYTES:
        raise Malformed(f"{label}: tệp lớn quá 2 MB.", field=name)
    if kind_of(upload.filename or "", data[:512]).media_type != "image/png":
        raise Malformed(f"{label}: cần tệp PNG nền trong suốt.", field=name)
    return files.keep(data).sha256


@blueprint.post("/units")
def add_unit() -> Response:
    """Adds a unit that drafts."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    reader = FormReader(request.form)
    name, abbreviation = _read_unit(reader)
    if not reader.refused:
        try:
            issuers.add_unit(by, name=name, abbreviation=abbreviation)
        except Malformed as refusal:
            reader.refuse_because(refusal)
        else:
            flash(f"Đã thêm đơn vị {name}.", "good")
            return go_to(url_for("administration_office.show"))
    return _show(reader.state(), 422)


@blueprint.get("/units/<int:unit_id>")
def unit(unit_id: int) -> Response:
    """One unit."""
    _session.require(Verb.ADMINISTRATION_OFFICE)
    shown = issuers.unit(unit_id)
    form = filled({"name": shown.name, "abbreviation": shown.abbreviation})
    return page("administration/unit.html", form=form, shown=shown)


@blueprint.post("/units/<int:unit_id>")
def change_unit(unit_id: int) -> Response:
    """Changes a unit's name or abbreviation."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    shown = issuers.unit(unit_id)
    reader = FormReader(request.form)
    name, abbreviation = _read_unit(reader)
    if not reader.refused:
        try:
            issuers.change_unit(by, unit_id, name=name, abbreviation=abbreviation)
        except Malformed as refusal:
            reader.refuse_because(refusal)
        else:
            flash("Đã lưu đơn vị.", "good")
            return go_to(url_for("administration_office.show"))
    return page("administration/unit.html", status=422, form=reader.state(), shown=shown)


@blueprint.post("/units/<int:unit_id>/close")
def close_unit(unit_id: int) -> Response:
    """Takes a unit out of the choices."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    issuers.close_unit(by, unit_id)
    flash("Đơn vị không còn trong danh sách chọn.", "good")
    return go_to(url_for("administration_office.show"))


def _issuer_form(form: FormState, shown: issuers.Issuer | None = None, *, status: int = 200) -> Response:
    return page("administration/issuer.html", status=status, form=form, shown=shown)


def _read_issuer(reader: FormReader) -> Entered:
    return Entered(
        name=reader.text("name", "Tên cơ quan", required=True, longest=200),
        parent_name=reader.text("parent_name", "Cơ quan chủ quản", longest=200),
        abbreviation=reader.text("abbreviation", "Chữ viết tắt", required=True, longest=20),
        place=reader.text("place", "Địa danh", required=True, longest=100),
        code_legacy=reader.text("code_legacy", "Mã định danh cũ", longest=40),
    )


def _read_unit(reader: FormReader) -> tuple[str, str]:
    name = reader.text("name", "Tên đơn vị", required=True, longest=100)
    return name, reader.text("abbreviation", "Chữ viết tắt", required=True, longest=20)
