"""Administration of the door for other computers: where it is, how long its certificates hold, the sheet to print."""

from __future__ import annotations

import io

from flask import Blueprint, Response, current_app, send_file

from commune_portal import clock
from commune_portal.errors import NotFound
from commune_portal.health import lan as door
from commune_portal.paper import lan_sheet
from commune_portal.paper.lan_sheet import LanSheet
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.store import installation
from commune_portal.views import _session
from commune_portal.views._page import page
from commune_portal.views.lan import fingerprint_lines

blueprint = Blueprint("administration_lan", __name__, url_prefix="/administration/lan")


@blueprint.get("")
def show() -> Response:
    """The door as it stands now; opening and closing it is the shell's, since the program must be restarted."""
    _session.require(Verb.ADMINISTRATION_SETTINGS)
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    found = door.standing(settings)
    return page(
        "administration/lan.html",
        door=found,
        lines=fingerprint_lines(found.fingerprint),
        config=str(settings.folder / "portal.toml"),
        is_node=settings.role == "node",
    )


@blueprint.get("/sheet.pdf")
def sheet() -> Response:
    """The sheet with address and fingerprint to stick on the wall beside the server."""
    by = _session.require(Verb.ADMINISTRATION_SETTINGS)
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    found = door.standing(settings, knock=False)
    if not found.enabled or found.root_ends is None:
        raise NotFound("Cổng cho máy khác chưa được mở, nên chưa có tờ hướng dẫn.")
    wanted = LanSheet(
        office=installation.own().name,
        addresses=found.addresses,
        fingerprint=tuple(fingerprint_lines(found.fingerprint)),
        root_ends=clock.civil(found.root_ends),
        printed_on=clock.today(),
        printed_by=by.full_name,
    )
    body = io.BytesIO()
    lan_sheet.print_sheet(wanted, body, folder=settings.fonts.folder)
    body.seek(0)
    return send_file(body, mimetype="application/pdf", download_name="to-huong-dan-mang-noi-bo.pdf", max_age=None)
