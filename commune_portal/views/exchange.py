"""The exchange: what waits in the order in which it will go, how the link stands, what was carried, what is set aside.

What only waits is never called failed, and what has no receipt is never called sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, flash, render_template, url_for

from commune_portal import clock
from commune_portal.documents import evidence, exchange, outbox, quarantine
from commune_portal.documents.outbox import QueueLine, QueueState
from commune_portal.errors import Malformed, PortalError, RuleBroken
from commune_portal.people import peers
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.views import _session
from commune_portal.views._format import ago, instant, number
from commune_portal.views._forms import EMPTY, FormReader, FormState
from commune_portal.views._page import go_to, page, request, respond
from commune_portal.views._stuck import URGENT_LABELS, stuck_lines
from commune_portal.views.home import HEARTBEAT_SECONDS
from commune_portal.wire.enrolment import LARGEST_BYTES
from commune_portal.wire.envelope import Kind

blueprint = Blueprint("exchange", __name__, url_prefix="/exchange")

WAITING_ROWS = 200
CLOSED_ROWS = 100


@dataclass(frozen=True, slots=True)
class Carried:
    """A line of the queue in words: what it is, about what, where it leads, how it stands."""

    line: QueueLine
    kind: str
    subject: str
    url: str
    urgency: str
    state: str
    tone: str
    reason: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing to look after."""

    text: str
    tone: str


@blueprint.get("")
def show() -> Response:
    """The page: state, queue, what was closed, quarantine."""
    by = _session.require(Verb.EXCHANGE_SEE)
    closed = [line for line in outbox.lines(by, waiting_only=False, limit=CLOSED_ROWS) if line.state != "ready"]
    return page(
        "exchange/show.html",
        "exchange/_queue.html",
        **_queue(by),
        closed=_carried(by, closed),
        quarantine=quarantine.listed(by),
        stuck=stuck_lines(by),
        proofs=evidence.proofs([item.message_id for item in closed]),
    )


@_session.polling
def queue() -> Response:
    """The part that changes by itself; the page asks for it now and then."""
    by = _session.require(Verb.EXCHANGE_SEE)
    return respond(render_template("exchange/_queue.html", **_queue(by)))


blueprint.add_url_rule("/queue", "queue", queue)


@blueprint.post("/send-now")
def send_now() -> Response:
    """«Gửi lại ngay»: everything that waits is due now."""
    outbox.send_now(_session.actor())
    flash("Đã đặt lại giờ thử; bộ phận liên thông gửi lại ngay khi có mạng.", "good")
    return go_to(url_for("exchange.show"))


@blueprint.get("/enrolment")
def enrolment() -> Response:
    """Where the node's enrolment file is handed over."""
    _session.require(Verb.ADMINISTRATION_SETTINGS)
    return _enrolment(EMPTY)


@blueprint.post("/enrolment")
def introduce() -> Response:
    """Takes an enrolment file; the first contact with it makes this office a member."""
    by = _session.require(Verb.ADMINISTRATION_SETTINGS)
    reader = FormReader(request.form, request.files)
    file = reader.file("file", "Tệp đăng ký", required=True)
    if file is not None:
        try:
            node = peers.introduce(by, file.stream.read(LARGEST_BYTES + 1), _settings().secrets_folder)
        except (Malformed, RuleBroken) as refusal:
            reader.refuse("file", refusal.sentence)
        else:
            flash(f"Đã nhận tệp đăng ký của {node.name}. Hệ thống tự kết nối khi có mạng.", "good")
            return go_to(url_for("exchange.enrolment"))
    return _enrolment(reader.state())


def _enrolment(form: FormState) -> Response:
    node = peers.find_peer()
    pending = None
    try:
        pending = peers.pending_enrolment(_settings().secrets_folder)
    except PortalError as refusal:
        current_app.logger.warning("pending enrolment: %s", refusal.code)
    return page(
        "exchange/enrolment.html",
        status=422 if form.errors else 200,
        form=form,
        node=node,
        pending_until=pending.expires_at if pending else None,
        state=outbox.state(),
    )


def _settings() -> Settings:
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    return settings


def _queue(by: Actor) -> dict[str, Any]:
    state = outbox.state()
    node = peers.find_peer()
    lines = outbox.lines(by, waiting_only=True, limit=WAITING_ROWS)
    return {
        "state": state,
        "node": node,
        "facts": _facts(state, node),
        "warnings": _warnings(state),
        "waiting": _carried(by, lines, is_linked=node is not None),
        "more": state.waiting - len(lines),
        "reload_url": url_for("exchange.queue"),
    }


def _facts(state: QueueState, node: peers.Peer | None) -> list[tuple[str, str]]:
    if node is None:
        return [("Nút liên thông", "chưa khai báo")]
    contact = (
        f"{ago(state.last_contact_at)} ({instant(state.last_contact_at)})" if state.last_contact_at else "chưa lần nào"
    )
    return [
        ("Nút liên thông", node.name),
        ("Liên lạc gần nhất", contact),
        ("Lần thử tới", instant(state.next_attempt_at) or ("ngay khi có việc" if not state.failures else "")),
        (
            "Lần thử chưa được",
            f"{number(state.failures)}: {state.last_reason or 'chưa rõ lý do'}" if state.failures else "",
        ),
        ("Đang chờ gửi", f"{number(state.waiting)} gói" if state.waiting else "không có gói nào"),
        ("Chờ lâu nhất", f"{ago(state.oldest)} (từ {instant(state.oldest)})" if state.oldest else ""),
    ]


def _warnings(state: QueueState) -> list[Warned]:
    found = []
    if not state.enrolled:
        found.append(Warned("Chưa kết nối nút liên thông. Người quản trị nạp tệp đăng ký do nút cấp.", "warn"))
    elif _settings().relay.enabled and _is_stale(state.heartbeat_at):
        seen = f"lần cuối thấy chạy {ago(state.heartbeat_at)}" if state.heartbeat_at else "chưa thấy chạy lần nào"
        found.append(Warned(f"Bộ phận liên thông không chạy ({seen}). Hãy khởi động lại phần mềm.", "bad"))
    if state.is_skewed:
        found.append(
            Warned(
                f"Đồng hồ máy này lệch {number(abs(state.skew_seconds))} giây so với nút. Hãy chỉnh lại giờ máy tính.",
                "bad",
            )
        )
    if state.failures:
        found.append(
            Warned("Chưa liên lạc được với nút. Không mất gì: gói nằm trong hàng chờ và tự gửi khi có mạng.", "warn")
        )
    return found


def _is_stale(at: datetime | None) -> bool:
    return at is None or (clock.now() - at).total_seconds() > HEARTBEAT_SECONDS


def _carried(by: Actor, lines: list[QueueLine], *, is_linked: bool = True) -> list[Carried]:
    known = exchange.subjects(by, (line.about for line in lines))
    return [_words(line, known.get(line.about), is_linked=is_linked) for line in lines]


def _words(line: QueueLine, subject: exchange.Subject | None, *, is_linked: bool) -> Carried:
    url = ""
    if subject is not None:
        url = url_for("outgoing_issue.show" if subject.table == "outgoing" else "incoming.show", document=subject.id)
    state, tone, reason, at = _standing(line, is_linked=is_linked)
    return Carried(
        line,
        "Văn bản" if line.kind is Kind.EDOC else "Trạng thái",
        subject.words if subject else line.about,
        url,
        URGENT_LABELS.get(line.urgency, ""),
        state,
        tone,
        reason,
        at,
    )


def _standing(line: QueueLine, *, is_linked: bool) -> tuple[str, str, str, datetime | None]:
    if line.state == "delivered":
        return "Nút đã nhận", "good", "", line.closed_at
    if line.state == "refused":
        return "Nút từ chối", "bad", line.last_reason, line.closed_at
    if not is_linked:
        return "Chờ kết nối nút", "warn", "", None
    if not line.attempts:
        return "Chờ đến lượt", "info", "", None
    return "Sẽ tự gửi lại", "warn", line.last_reason, line.next_attempt_at
