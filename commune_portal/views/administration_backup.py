"""Sao lưu: where backups go and how each place stands, at once and proved; the recovery key on paper.

Nothing heavy happens here: what a person asks for is a row that the upkeep thread answers with a child process.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, current_app, flash, make_response, send_file, url_for

from commune_portal import clock
from commune_portal.documents import backups
from commune_portal.errors import NotFound, PortalError
from commune_portal.paper.recovery_sheet import KeySheet, print_recovery_sheet
from commune_portal.people import accesses, recovery
from commune_portal.rules.permissions import Verb
from commune_portal.settings import MEBIBYTE, Settings
from commune_portal.store import backup_runs, installation
from commune_portal.store.backup_runs import Beat, Chore
from commune_portal.views import _session
from commune_portal.views._format import number
from commune_portal.views._forms import EMPTY, FormReader, FormState
from commune_portal.views._page import go_to, page, request, respond

blueprint = Blueprint("administration_backup", __name__, url_prefix="/administration/backup")

PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Work:
    """What goes on now: words for the page that polls; `stuck` when nobody answers an asking."""

    words: str
    stuck: bool = False


@blueprint.get("")
def show() -> Response:
    """Every place, what goes on, the recovery key."""
    _session.require(Verb.ADMINISTRATION_HEALTH)
    return _show(EMPTY)


@blueprint.get("/progress")
@_session.polling
def progress() -> Response:
    """What goes on, for the page that polls; when it has ended the whole page comes anew."""
    _session.require(Verb.ADMINISTRATION_HEALTH)
    if not request.wants_fragment:
        return go_to(url_for("administration_backup.show"))
    at_work = _work()
    if at_work is None:
        return respond(refresh=True)
    return page("administration/backup.html", "administration/_at_work.html", at_work=at_work)


@blueprint.post("/now")
def back_up_now() -> Response:
    """Asks for a backup to every place that is there."""
    _session.require(Verb.ADMINISTRATION_HEALTH)
    return _ask(Chore.BACKUP_ASKED)


@blueprint.post("/prove")
def prove_now() -> Response:
    """Asks for a proof of the newest backup at every place that is there."""
    _session.require(Verb.ADMINISTRATION_HEALTH)
    return _ask(Chore.DRILL_ASKED)


@blueprint.get("/newest")
def download() -> Response:
    """The newest closed backup as a file, for a stick that only the person's own desktop can write."""
    by = _session.require(Verb.ADMINISTRATION_HEALTH)
    found = backups.newest_to_carry()
    if found is None:
        raise NotFound("Chưa có bản sao lưu đã mã hóa nào để tải. Hãy bấm «Sao lưu ngay» trước.")
    accesses.note(by.id, accesses.FETCHED, f"backup:{found.path.name}")
    answer = send_file(found.path, "application/octet-stream", as_attachment=True, download_name=found.path.name)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.post("/key")
def make_key() -> Response:
    """Makes a recovery key and answers its sheet as a PDF, once; it is in force when its last group was typed."""
    by = _session.require(Verb.ADMINISTRATION_SETTINGS)
    made = recovery.make(by)
    mine = installation.own()
    sheet = KeySheet(mine.name, mine.code, made.secret, made.confirm_group, made.fingerprint, clock.now())
    out = io.BytesIO()
    print_recovery_sheet(sheet, out, folder=_settings().fonts.folder)
    answer = make_response(out.getvalue())
    answer.mimetype = "application/pdf"
    answer.headers["Content-Disposition"] = 'inline; filename="khoa-phuc-hoi.pdf"'
    return answer


@blueprint.post("/key/confirm")
def confirm_key() -> Response:
    """Takes the last group of the printed sheet; fields: group."""
    by = _session.require(Verb.ADMINISTRATION_SETTINGS)
    reader = FormReader(request.form)
    group = reader.text("group", "Nhóm cuối trên tờ giấy", required=True, longest=20)
    if not reader.refused:
        try:
            key = recovery.confirm(by, group)
        except PortalError as refusal:
            reader.refuse_because(refusal)
        else:
            flash(f"Khóa phục hồi {key.fingerprint} có hiệu lực từ bản sao lưu tới. Cất tờ giấy vào két.", "good")
            return go_to(url_for("administration_backup.show"))
    return _show(reader.state(), status=422)


def _ask(chore: Chore) -> Response:
    if _work() is not None:
        flash("Đang có một lần sao lưu hoặc chứng minh khác. Hãy đợi xong rồi làm lại.", "warn")
    else:
        backup_runs.chore_began(chore)
    return go_to(url_for("administration_backup.show"))


def _show(form: FormState, *, status: int = 200) -> Response:
    settings = _settings()
    by = _session.actor()
    last, proven_at = backup_runs.last_written(), backup_runs.last_proven_at()
    return page(
        "administration/backup.html",
        status=status,
        form=form,
        at_work=_work(),
        states=backups.standing(settings),
        last=last,
        proven_on=clock.civil(proven_at) if proven_at is not None else None,
        next_at=_next(settings),
        by_itself=settings.backup.enabled,
        drill_days=settings.backup.drill_days,
        at=settings.backup.at,
        key=recovery.current(),
        waiting=recovery.pending(),
        may_change=by.may(Verb.ADMINISTRATION_SETTINGS),
        carried=backups.newest_to_carry(),
        troubles=[
            words
            for words in map(_trouble, (Chore.BACKUP, Chore.BACKUP_ASKED, Chore.DRILL, Chore.DRILL_ASKED))
            if words
        ],
        megabytes=_megabytes,
    )


def _megabytes(size: int) -> str:
    return f"{number(size / MEBIBYTE, 1)} MB" if size >= MEBIBYTE else f"{number(-(-size // 1024))} KB"


def _next(settings: Settings) -> datetime | None:
    if not settings.backup.enabled:
        return None
    return backups.scheduled(settings) + timedelta(days=1)


def _work() -> Work | None:
    """What goes on now, None when nothing does."""
    running = backup_runs.running()
    if running:
        written = max(run.bytes for run in running)
        return Work(f"Đang sao lưu vào {number(len(running))} nơi: đã ghi {number(written // MEBIBYTE)} MB.")
    if _is_going(backup_runs.beat(Chore.DRILL)):
        return Work("Đang chứng minh: mở tệp đã lưu, khôi phục thử ra thư mục tạm và đọc lại tất cả.")
    for chore in (Chore.BACKUP_ASKED, Chore.DRILL_ASKED):
        asked = backup_runs.beat(chore)
        if asked is not None and _is_going(asked):
            return Work("Sắp bắt đầu.", stuck=clock.now() - asked.began_at > PATIENCE)
    return None


def _is_going(beat: Beat | None) -> bool:
    return beat is not None and beat.ended_at is None


def _trouble(chore: Chore) -> str:
    beat = backup_runs.beat(chore)
    return beat.outcome if beat is not None and beat.ended_at is not None else ""


def _settings() -> Settings:
    found: Settings = current_app.config["PORTAL_SETTINGS"]
    return found
