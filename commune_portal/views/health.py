"""The health page: what is not sound, why it matters, what to do; thorough on request; the file for whoever helps."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, make_response

from commune_portal import clock
from commune_portal.health import examination, support
from commune_portal.health.row import Level, Row
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.signing.workshop import workshop
from commune_portal.views import _session
from commune_portal.views._page import page, request

blueprint = Blueprint("health", __name__, url_prefix="/health")

LINES_SHOWN = 60


@blueprint.get("")
def show() -> Response:
    """Every row of `doctor`; `?thorough=1` reads the whole chain, every file and the token, which takes longer."""
    _session.require(Verb.ADMINISTRATION_HEALTH)
    thorough = request.args.get("thorough") == "1"
    rows = _examined(thorough=thorough)
    return page(
        "health/show.html",
        broken=[row for row in rows if row.level is Level.FAIL],
        doubtful=[row for row in rows if row.level is Level.WARN],
        sound=[row for row in rows if row.level is Level.OK],
        thorough=thorough,
        examined_at=clock.now(),
    )


@blueprint.get("/support")
def show_support() -> Response:
    """What the support file holds, to be read before it is downloaded."""
    _session.require(Verb.ADMINISTRATION_HEALTH)
    found = support.parts(_settings(), _examined(thorough=False))
    shown = [
        {
            "name": part.name,
            "about": part.about,
            "bytes": len(part.text.encode()),
            "lines": part.text.splitlines()[-LINES_SHOWN:],
            "is_cut": part.text.count("\n") > LINES_SHOWN,
        }
        for part in found
    ]
    return page("health/support.html", parts_shown=shown)


@blueprint.post("/support")
def download_support() -> Response:
    """The support file itself."""
    _session.require(Verb.ADMINISTRATION_HEALTH)
    own = _settings()
    answer = make_response(support.pack(support.parts(own, _examined(thorough=False))))
    answer.mimetype = "application/zip"
    answer.headers["Content-Disposition"] = f'attachment; filename="{support.file_name(own)}"'
    return answer


def _settings() -> Settings:
    own: Settings = current_app.config["PORTAL_SETTINGS"]
    return own


def _examined(*, thorough: bool) -> list[Row]:
    own = _settings()
    bench = workshop() if own.role == "office" else None
    return examination.examine(own, thorough=thorough, bench=bench, in_service=True)
