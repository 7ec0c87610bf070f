"""The first-run way back: a backup that was found or sent, opened with the key on paper, becomes the installation here.

Afterwards the portal goes on with `/recovering`, which guides through the numbers issued since the backup.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flask import Blueprint, Response, current_app
from werkzeug.datastructures import FileStorage

from commune_portal.documents import restoration
from commune_portal.errors import PortalError
from commune_portal.people import founding
from commune_portal.people.actors import PORTAL
from commune_portal.settings import Settings, load
from commune_portal.store import drives
from commune_portal.store.backup import CONFIG, PLAIN, RECEIVED, SEALED
from commune_portal.store.files import disk_errors
from commune_portal.store.sealing import NotForUs
from commune_portal.views import _first_run
from commune_portal.views._format import instant
from commune_portal.views._forms import EMPTY, FormReader, FormState
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("first_run_restore", __name__)

SENT = "sent"
RECOVERING = "/recovering"
"""The portal's own guide through the numbers that were issued since the backup."""


@dataclass(frozen=True, slots=True)
class Found:
    """A backup that lies on this computer or on a stick."""

    path: Path
    bytes: int
    written_at: datetime


@blueprint.get("/first-run/restore")
def show() -> Response:
    """The backups that are at hand, the upload, the key."""
    return _form(EMPTY)


@blueprint.post("/first-run/restore")
def restore() -> Response:
    """Restores; fields: backup (a path of the list, or `sent`), file, recovery_key."""
    reader = FormReader(request.form, request.files)
    own = _first_run.settings()
    listed = {str(item.path): item.path for item in at_hand(own)}
    chosen = reader.text("backup", "Bản sao lưu", longest=1000)
    sent = reader.file("file", "Tệp sao lưu")
    key = reader.secret("recovery_key", "Khóa phục hồi", required=False, longest=500)
    if chosen and chosen != SENT and chosen not in listed:
        reader.refuse("backup", "Không còn thấy bản sao lưu này. Hãy cắm lại USB rồi tải lại trang.")
    if chosen in ("", SENT) and sent is None:
        reader.refuse("file", "Hãy chọn một bản trong danh sách, hoặc chọn tệp sao lưu.")
    if not reader.refused:
        with _first_run.draft().turn:
            if _first_run.draft().done:
                return go_to(_first_run.LOG_IN)
            try:
                founding.take_away_unfinished(own)
                if chosen in listed:
                    restoration.restore(PORTAL, own, listed[chosen], recovery_key=key)
                else:
                    assert sent is not None
                    with _received(own, sent) as path:
                        restoration.restore(PORTAL, own, path, recovery_key=key)
            except NotForUs as refusal:
                reader.refuse("recovery_key", refusal.sentence)
            except PortalError as refusal:
                current_app.logger.warning("restore refused: %s", refusal.code)
                reader.refuse("", refusal.sentence)
            else:
                return _first_run.begin(_carried(own), RECOVERING if own.role == "office" else "")
    return _form(reader.state(), status=422)


def _carried(own: Settings) -> Settings:
    """The settings with what the backup brought; the file is read again."""
    config = own.folder / CONFIG
    return load(config) if config.is_file() else own


@contextmanager
def _received(own: Settings, sent: FileStorage) -> Iterator[Path]:
    """The sent backup as a file beside the data, under a name of ours; removed afterwards."""
    ending = SEALED if (sent.filename or "").lower().endswith(SEALED) else PLAIN
    own.folder.mkdir(parents=True, exist_ok=True)
    for left in own.folder.glob(f"{RECEIVED}*"):
        left.unlink()  # a power cut left it there; restores come one at a time
    path = own.folder / f"{RECEIVED}{secrets.token_hex(6)}{ending}"
    try:
        with disk_errors():
            sent.save(path)
        yield path
    finally:
        path.unlink(missing_ok=True)


def at_hand(own: Settings) -> list[Found]:
    """Backups in the office's backup folder and in folders `sao-luu` of sticks, the newest first."""
    folders = [own.backups_folder, *drives.stick_folders(own.folder)]
    found = []
    for folder in folders:
        try:
            inside = [item for item in folder.iterdir() if item.name.endswith((PLAIN, SEALED))]
            for item in inside:
                told = item.stat()
                found.append(Found(item, told.st_size, datetime.fromtimestamp(told.st_mtime, UTC)))
        except OSError:  # no such stick, or not ours to read
            continue
    return sorted(found, key=lambda item: item.written_at, reverse=True)[:30]


def _form(form: FormState, *, status: int = 200) -> Response:
    own = _first_run.settings()
    listed = [
        (str(item.path), f"{item.path.name} – {instant(item.written_at)} – {item.path.parent}") for item in at_hand(own)
    ]
    return page("first_run/restore.html", status=status, form=form, listed=listed, sent=SENT)
