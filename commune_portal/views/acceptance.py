"""Acceptance: the administrator lets the rehearsal run on the office's own token, watches it, prints the sheet."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, flash, make_response, url_for

from commune_portal import clock
from commune_portal.errors import PortalError, RuleBroken
from commune_portal.health import acceptance as running
from commune_portal.health.acceptance import OwnToken
from commune_portal.paper.acceptance import TOKENS, print_acceptance
from commune_portal.people import acceptance, issuers
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.signing.keys import CertificateInfo
from commune_portal.signing.workshop import Bench, workshop
from commune_portal.store import files
from commune_portal.views import _session
from commune_portal.views._forms import FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request, respond

blueprint = Blueprint("acceptance", __name__, url_prefix="/acceptance")

STEPS_IN_ALL = 12
"""How many steps a rehearsal has that holds to its end; only the bar's length depends on it."""


@blueprint.get("")
def show() -> Response:
    """The form, the run that goes on, and the results so far."""
    by = _session.require(Verb.ADMINISTRATION_SETTINGS)
    found, trouble = _certificates()
    chosen = _own_certificate()
    known = {item.sha256 for item in found}
    first = chosen if chosen in known else (found[0].sha256 if found else "")
    return _show(by, filled({"certificate": first}), found, trouble)


@blueprint.get("/progress")
@_session.polling
def progress() -> Response:
    """The run that goes on, for the page that polls; a browser without script gets the whole page."""
    by = _session.require(Verb.ADMINISTRATION_SETTINGS)
    if not request.wants_fragment:
        return go_to(url_for("acceptance.show"))
    at_work = running.latest()
    if at_work is None or at_work.ended:
        return respond(refresh=True)
    return _show(by, filled({}), (), "")


@blueprint.post("")
def run() -> Response:
    """Starts a run; fields: certificate (SHA-256, or empty for a simulated token), pin."""
    by = _session.require(Verb.ADMINISTRATION_SETTINGS)
    reader = FormReader(request.form)
    found, trouble = _certificates()
    sha256 = reader.text("certificate", "Chứng thư số", longest=64)
    pin = reader.secret("pin", "Mã PIN", required=bool(sha256), longest=64)
    if sha256 and sha256 not in {item.sha256 for item in found}:
        reader.refuse("certificate", "Chứng thư số này không có trong thiết bị đang cắm. Hãy cắm đúng thiết bị.")
    if not reader.refused:
        try:
            running.start(by, _settings(), _bench(), OwnToken(sha256, pin) if sha256 else None)
        except RuleBroken as refusal:
            flash(refusal.sentence, "bad")
        return go_to(url_for("acceptance.show"))
    return _show(by, reader.state(), found, trouble, status=422)


@blueprint.get("/<stamp>.pdf")
def sheet(stamp: str) -> Response:
    """The sheet of one acceptance, to be printed and signed."""
    _session.require(Verb.ADMINISTRATION_SETTINGS)
    settings = _settings()
    found = acceptance.read(settings, stamp)
    record = next(item.sha256 for item in acceptance.all_noted() if item.stamp == stamp)
    path = files.temporary(".pdf")
    try:
        print_acceptance(found, path, record=record, folder=settings.fonts.folder)
        answer = make_response(path.read_bytes())
    finally:
        path.unlink(missing_ok=True)
    answer.mimetype = "application/pdf"
    answer.headers["Content-Disposition"] = f'inline; filename="bien-ban-nghiem-thu-{stamp}.pdf"'
    return answer


def _show(
    by: Actor, form: FormState, found: tuple[CertificateInfo, ...], trouble: str, *, status: int = 200
) -> Response:
    at_work = running.latest()
    return page(
        "acceptance/show.html",
        "acceptance/_progress.html",
        status=status,
        person=by,
        form=form,
        choices=[
            *((item.sha256, f"{item.common_name} – hết hạn {clock.civil(item.not_after):%d/%m/%Y}") for item in found),
            ("", "Không dùng thiết bị: khóa mô phỏng, chữ ký không có giá trị"),
        ],
        has_token=bool(found),
        trouble=trouble,
        run=at_work,
        share=min(100, round(100 * len(at_work.steps) / STEPS_IN_ALL)) if at_work else 0,
        noted=acceptance.all_noted(),
        tokens=TOKENS,
    )


def _certificates() -> tuple[tuple[CertificateInfo, ...], str]:
    """The certificates that are plugged in, or why there are none."""
    settings = _settings()
    if settings.role != "office" or not settings.token.module:
        return (), ""
    try:
        return tuple(item for token in workshop().list_tokens() for item in token.certificates), ""
    except PortalError as trouble:
        return (), trouble.sentence


def _own_certificate() -> str:
    return next((item.certificate_sha256 for item in issuers.current(clock.today()) if item.certificate_sha256), "")


def _bench() -> Bench | None:
    return workshop() if _settings().role == "office" else None


def _settings() -> Settings:
    found: Settings = current_app.config["PORTAL_SETTINGS"]
    return found
