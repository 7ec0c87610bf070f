"""What the exchange page hands out: evidence of a message that went, and what lies in quarantine with its bytes."""

from __future__ import annotations

import io

from flask import Blueprint, Response, flash, send_file, url_for

from commune_portal.documents import evidence, quarantine
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._page import go_to

blueprint = Blueprint("exchange_evidence", __name__, url_prefix="/exchange")


@blueprint.get("/evidence/<message>")
def message(message: str) -> Response:
    """The zip that proves the way of one message."""
    by = _session.require(Verb.EXCHANGE_SEE)
    return _zip(*evidence.bundle(by, message))


@blueprint.get("/quarantine/<int:item>")
def quarantined(item: int) -> Response:
    """The raw bytes of something put aside, in a zip that nothing opens by itself."""
    by = _session.require(Verb.EXCHANGE_RETRY)
    return _zip(*quarantine.bundle(by, item))


@blueprint.post("/quarantine/<int:item>/seen")
def seen(item: int) -> Response:
    """The clerk has looked at it."""
    quarantine.seen(_session.actor(), item)
    flash("Đã ghi là đã xem. Gói tin vẫn được giữ nguyên trong danh sách.", "good")
    return go_to(url_for("exchange.show"))


def _zip(name: str, data: bytes) -> Response:
    answer = send_file(io.BytesIO(data), "application/zip", as_attachment=True, download_name=name, max_age=0)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
