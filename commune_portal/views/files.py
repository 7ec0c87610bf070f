"""Files of documents to the browser: shown beside the record or downloaded, never executed, each opening noted.

Source: decisions 19; a file is opened by the same relation as its document.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_file

from commune_portal.documents import attachments
from commune_portal.documents.attachments import EDXML, PDF, File
from commune_portal.errors import NotFound
from commune_portal.people import accesses
from commune_portal.people.actors import Actor
from commune_portal.rules import content
from commune_portal.signing.workshop import workshop
from commune_portal.store import files
from commune_portal.views import _session
from commune_portal.views._page import request

blueprint = Blueprint("files", __name__, url_prefix="/files")

POLICY = "default-src 'none'; sandbox; frame-ancestors 'self'"
"""Nothing that a file brings may run, load or send; only our own pages may frame it."""

SHOWN_INLINE = frozenset({PDF, "image/jpeg", "image/png"})
SERVED = frozenset(kind.media_type for kind in content.KINDS) | {EDXML}
PICTURE_WIDTH_PIXELS = 1000


@blueprint.get("/<int:file_id>")
def show(file_id: int) -> Response:
    """One file: PDF and pictures in the browser, everything else as a download; ranges are served."""
    by = _session.actor()
    file = attachments.open_for(by, file_id)
    _note(by, file)
    return send(file.path, file.name, file.media_type, file.sha256)


@blueprint.get("/<int:file_id>/page/<int:number>.png")
def page_picture(file_id: int, number: int) -> Response:
    """One page of a PDF (counted from 1) as a picture, for browsers without a viewer and for phones."""
    by = _session.actor()
    file = attachments.open_for(by, file_id)
    if file.media_type != PDF:
        raise NotFound
    _note(by, file)
    return picture(file.path, number)


def send(path: Path, name: str, media_type: str, sha256: str = "") -> Response:
    """A stored file with the headers that keep it from doing anything but being looked at."""
    kind = media_type if media_type in SERVED else "application/octet-stream"
    answer = send_file(
        path,
        mimetype=kind,
        as_attachment=kind not in SHOWN_INLINE,
        download_name=content.safe_name(name),
        etag=sha256 or False,
        last_modified=None,
        max_age=None,
    )
    answer.headers["Content-Type"] = kind
    return _locked(answer)


def picture(path: Path, number: int) -> Response:
    """One page of a PDF, counted from 1, drawn by the workshop."""
    drawn = files.temporary(".png")
    try:
        workshop().page_picture(path, number - 1, PICTURE_WIDTH_PIXELS, drawn)
        body = drawn.read_bytes()
    finally:
        drawn.unlink(missing_ok=True)
    return _locked(Response(body, mimetype="image/png"))


def _locked(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _note(by: Actor, file: File) -> None:
    """Notes one opening; the further ranges of the same download are not openings."""
    wanted = request.headers.get("Range", "")
    if not wanted or wanted.replace(" ", "").startswith("bytes=0-"):
        accesses.note(by.id, accesses.FETCHED, f"{file.owner_table}:{file.owner_id}:file:{file.id}")
