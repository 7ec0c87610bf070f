"""The health page: what is not sound, why it matters, what to do; the thorough examination on request."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from commune_portal import clock
from commune_portal.health import examination
from commune_portal.health.row import Level
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.signing.workshop import workshop
from commune_portal.views import _session
from commune_portal.views._page import page, request

blueprint = Blueprint("health", __name__, url_prefix="/health")


@blueprint.get("")
def show() -> Response:
    """Every row of `doctor`; `?thorough=1` reads the whole chain, every file and the token, which takes longer."""
    _session.require(Verb.ADMINISTRATION_HEALTH)
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    thorough = request.args.get("thorough") == "1"
    rows = examination.examine(settings, thorough=thorough, bench=workshop() if settings.role == "office" else None)
    troubles = [row for row in rows if row.level is not Level.OK]
    return page(
        "health/show.html",
        troubles=sorted(troubles, key=lambda row: row.level is not Level.FAIL),
        sound=[row for row in rows if row.level is Level.OK],
        worst=examination.worst(rows),
        amounts={level.value: sum(row.level is level for row in rows) for level in Level},
        thorough=thorough,
        examined_at=clock.now(),
    )
