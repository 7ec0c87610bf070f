"""Administration of tokens: what is plugged in, and which certificate signs for whom."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import Blueprint, Response, current_app, flash, url_for

from commune_portal import clock
from commune_portal.errors import Malformed, PortalError
from commune_portal.people import accounts, issuers, mandates
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.signing.keys import CertificateInfo, TokenInfo
from commune_portal.signing.workshop import workshop
from commune_portal.views import _session
from commune_portal.views._forms import FormReader
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("administration_token", __name__, url_prefix="/administration/token")

NEAR_END = timedelta(days=30)


@blueprint.get("")
def show() -> Response:
    """The tokens that are plugged in now, their certificates, and the choices made of them."""
    _session.require(Verb.ADMINISTRATION_TOKEN)
    found, trouble = _tokens()
    today = clock.today()
    holding = [item for item in mandates.all_mandates() if item.is_valid(today)]
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    known = {item.sha256: item for token in found for item in token.certificates}
    return page(
        "administration/token.html",
        tokens=found,
        trouble=trouble,
        module=settings.token.module,
        states={sha256: _state(item) for sha256, item in known.items()},
        known=known,
        authorities={sha256: _common_name(item.issuer) for sha256, item in known.items()},
        choices=[("", "– chưa chọn –"), *((item.sha256, _words(item)) for item in known.values())],
        issuers=issuers.current(today),
        mandates=holding,
        people=accounts.names(item.account_id for item in holding),
        issuer_names={item.id: item.name for item in issuers.all_issuers()},
    )


@blueprint.post("/issuers/<int:issuer_id>")
def choose_for_issuer(issuer_id: int) -> Response:
    """Says which certificate seals for an issuer."""
    by = _session.require(Verb.ADMINISTRATION_TOKEN)
    issuers.set_certificate(by, issuer_id, _chosen())
    flash("Đã chọn chứng thư số của cơ quan.", "good")
    return go_to(url_for("administration_token.show"))


@blueprint.post("/mandates/<int:mandate_id>")
def choose_for_mandate(mandate_id: int) -> Response:
    """Says with which certificate somebody signs."""
    by = _session.require(Verb.ADMINISTRATION_TOKEN)
    mandates.set_certificate(by, mandate_id, _chosen())
    flash("Đã chọn chứng thư số của người ký.", "good")
    return go_to(url_for("administration_token.show"))


def _chosen() -> str:
    """The chosen certificate; it must be plugged in now, or be none."""
    sha256 = FormReader(request.form).text("certificate", "Chứng thư số", longest=64)
    if sha256 and not any(item.sha256 == sha256 for token in workshop().list_tokens() for item in token.certificates):
        raise Malformed("Chứng thư số này không có trong thiết bị đang cắm. Hãy cắm đúng thiết bị rồi chọn lại.")
    return sha256


def _tokens() -> tuple[tuple[TokenInfo, ...], str]:
    """What is plugged in, or why that cannot be told."""
    try:
        return workshop().list_tokens(), ""
    except PortalError as trouble:
        return (), trouble.sentence


def _state(certificate: CertificateInfo) -> tuple[str, str]:
    now = clock.now()
    if now < certificate.not_before:
        return "Chưa đến hạn dùng", "warn"
    if now > certificate.not_after:
        return "Đã hết hạn", "bad"
    if certificate.not_after - now < NEAR_END:
        return f"Còn {(certificate.not_after - now).days} ngày", "warn"
    return "Còn hạn", "good"


def _common_name(name: str) -> str:
    """The CN of a distinguished name as RFC 4514 writes it, the whole name where there is none."""
    match = re.search(r"(?:^|,)CN=((?:\\.|[^,\\])+)", name)
    return match[1].replace("\\", "") if match else name


def _words(certificate: CertificateInfo) -> str:
    return f"{certificate.common_name} – hết hạn {clock.civil(certificate.not_after):%d/%m/%Y}"
