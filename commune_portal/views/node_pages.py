"""The operator's pages at a node: members, one member, packages in transit, the making of enrolment files."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from flask import Blueprint, Response, current_app, flash, make_response, url_for

from commune_portal.errors import Malformed, NotAllowed, PortalError, RuleBroken, SettingsWrong
from commune_portal.node import lost as lost_journals
from commune_portal.node import mailbox, members, mirrors, overview, upward
from commune_portal.node.mailbox import InTransit
from commune_portal.node.members import Member
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.permissions import Verb
from commune_portal.rules.subtree import read_subtree
from commune_portal.settings import Settings
from commune_portal.store import journal
from commune_portal.views import _session, node_audit
from commune_portal.views._forms import EMPTY, FormReader, FormState
from commune_portal.views._page import go_to, page, request
from commune_portal.wire.enrolment import FILE_SUFFIX

blueprint = Blueprint("node_pages", __name__)

PAGE_ROWS = 100

KIND_LABELS = {
    "edoc": "Văn bản",
    "status": "Trạng thái",
    "receipt": "Biên nhận",
    "vector": "Đối chiếu",
    "checkpoint": "Mốc sổ",
    "finding": "Kiến nghị kiểm tra",
}


@blueprint.get("/")
def home() -> Response:
    """The first place that the person's roles open."""
    by = _session.actor()
    if by.may(Verb.NODE_MEMBERS):
        return go_to(url_for("node_pages.members"))
    if by.may(Verb.NODE_AUDIT):
        return go_to(url_for("node_pages.audit"))
    raise NotAllowed


@blueprint.get("/members", endpoint="members")
def show_members() -> Response:
    """Every member with its last contact, queue, clock and mirror."""
    _session.require(Verb.NODE_MEMBERS)
    return page("node_pages/members.html", lines=overview.lines())


@blueprint.get("/members/add")
def add_member() -> Response:
    """The form for a new office."""
    _session.require(Verb.NODE_ENROL)
    return _add_form(EMPTY)


@blueprint.post("/members/add")
def make_file() -> Response:
    """Adds the office and answers its enrolment file, which cannot be fetched a second time."""
    by = _session.require(Verb.NODE_ENROL)
    reader = FormReader(request.form)
    code = reader.text("code", "Mã định danh", required=True, longest=35)
    name = reader.text("name", "Tên cơ quan", required=True, longest=200)
    legacy = reader.text("code_legacy", "Mã định danh cũ", longest=35)
    subtree = reader.text("subtree", "Phạm vi của nút cấp dưới", longest=2000)
    if not reader.refused:
        try:
            address, ca_pem = _reached_at()
            granted = read_subtree(subtree) if subtree else None
            data = members.add_office(
                by, code, name, address=address, ca_pem=ca_pem, code_legacy=legacy, subtree=granted
            )
            return _download(code, data)
        except (Malformed, RuleBroken, SettingsWrong) as refusal:
            reader.refuse_because(refusal)
    return _add_form(reader.state(), 422)


@blueprint.get("/members/<uid>")
def show_member(uid: str) -> Response:
    """One member: keys, mirror, what waits for it, what was done about it."""
    by = _session.require(Verb.NODE_MEMBERS)
    line = overview.line_of(uid)
    return _member_page(line.member, EMPTY, may_change=by.may(Verb.NODE_ENROL))


@blueprint.post("/members/<uid>/file")
def renew_file(uid: str) -> Response:
    """Makes a new enrolment file for a member; its old keys work until it is used."""
    by = _session.require(Verb.NODE_ENROL)
    member = members.by_uid(uid)
    address, ca_pem = _reached_at()
    data = members.add_office(
        by, member.code, member.name, address=address, ca_pem=ca_pem, code_legacy=member.code_legacy
    )
    return _download(member.code, data)


@blueprint.post("/members/<uid>/revoke")
def revoke_member(uid: str) -> Response:
    """Revokes a member's keys."""
    by = _session.require(Verb.NODE_ENROL)
    reader = FormReader(request.form)
    reason = reader.text("reason", "Lý do", required=True)
    if not reader.refused:
        try:
            members.revoke_keys(by, uid, reason)
            flash("Đã thu hồi khóa. Cơ quan này cần tệp đăng ký mới để kết nối lại.", "good")
            return go_to(url_for("node_pages.show_member", uid=uid))
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
    return _member_page(members.by_uid(uid), reader.state(), may_change=True, status=422)


@blueprint.post("/members/<uid>/close")
def close_member(uid: str) -> Response:
    """Ends a membership."""
    by = _session.require(Verb.NODE_ENROL)
    reader = FormReader(request.form)
    reason = reader.text("reason", "Lý do", required=True)
    if not reader.refused:
        try:
            members.close(by, uid, reason)
            flash("Cơ quan này đã ngừng tham gia. Sổ và gói tin đã nhận vẫn được giữ.", "good")
            return go_to(url_for("node_pages.show_member", uid=uid))
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
    return _member_page(members.by_uid(uid), reader.state(), may_change=True, status=422)


@blueprint.get("/transit")
def transit() -> Response:
    """Packages that wait for their addressee, the oldest first."""
    _session.require(Verb.NODE_TRANSIT)
    recipient = request.args.get("recipient", "")[:35]
    typed = request.args.get("after", "")
    after = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 16 else 0
    found = mailbox.in_transit(after, PAGE_ROWS + 1, recipient)
    more = len(found) > PAGE_ROWS
    shown = found[:PAGE_ROWS]
    return page(
        "node_pages/transit.html",
        "node_pages/_packages.html",
        packages=shown,
        above=upward.standing(),
        names=_names(shown),
        offices=[(member.code, member.name) for member in members.every_member()],
        kinds=KIND_LABELS,
        urgencies=_urgency_labels(),
        recipient=recipient,
        older=url_for("node_pages.transit", recipient=recipient, after=shown[-1].sequence) if more else "",
        first=url_for("node_pages.transit", recipient=recipient) if after else "",
    )


def _member_page(member: Member, form: FormState, *, may_change: bool, status: int = 200) -> Response:
    history = mirrors.history(member)
    lost = [(older, mirrors.common_size(older, newer)) for newer, older in pairwise(history)]
    trail = journal.lines_about(member.about)
    packages = mailbox.in_transit(0, 20, member.code)
    return page(
        "node_pages/member.html",
        status=status,
        line=overview.line_of(member.uid),
        keys=members.keys_of(member.id),
        mirror=history[0] if history else None,
        stated=mirrors.largest_stated(history[0]) if history else 0,
        lost=[(older, common) for older, common in lost if common < older.size],
        settled=lost_journals.settled(history[0]) if lost else None,
        packages=packages,
        names=_names(packages),
        kinds=KIND_LABELS,
        urgencies=_urgency_labels(),
        events=node_audit.events(trail[-20:]),
        form=form,
        may_change=may_change,
    )


def _add_form(form: FormState, status: int = 200) -> Response:
    problem = ""
    try:
        address, _ = _reached_at()
    except PortalError as error:
        address, problem = "", error.sentence
    return page("node_pages/add.html", status=status, form=form, address=address, problem=problem)


def _reached_at() -> tuple[str, str | None]:
    """The address and certificate authority that enrolment files carry; raises SettingsWrong for a missing file."""
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    return settings.node_address, settings.read_node_ca()


def _download(code: str, data: bytes) -> Response:
    answer = make_response(data)
    answer.mimetype = "application/json"
    answer.headers["Content-Disposition"] = f'attachment; filename="{code}{FILE_SUFFIX}"'
    return answer


def _names(packages: Iterable[InTransit]) -> dict[str, str]:
    return overview.names(code for item in packages for code in (item.sender_code, item.recipient_code))


def _urgency_labels() -> dict[int, str]:
    return {**{item.value: item.label for item in Urgency}, 4: "Hỏa tốc hẹn giờ"}


node_audit.add_to(blueprint)
