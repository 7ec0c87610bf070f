"""The machine's question whether a portal runs here, and which: a version, a state, a schema, and no data."""

from __future__ import annotations

from functools import cache

from flask import Blueprint, Response, current_app, jsonify

from commune_portal import __version__
from commune_portal.people import founding
from commune_portal.settings import Settings
from commune_portal.store import migrate
from commune_portal.views import _session

blueprint = Blueprint("alive", __name__)


@blueprint.get("/alive")
@_session.public
def alive() -> Response:
    """Names the release that answers: an answer alone might be the old one's. Touches no register."""
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    answer = jsonify(
        version=__version__, state="serving" if founding.is_founded(settings) else "first-run", schema=_schema()
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@cache
def _schema() -> int:
    """The schema of this release; a portal that serves refuses a register of any other."""
    return len(migrate.migrations())
