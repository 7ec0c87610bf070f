"""Túi thư USB, at an office and at a node: what a bag would hold, making one, taking one in, what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import Blueprint, Response, current_app, flash, url_for

from commune_portal.documents import bags as office_bags
from commune_portal.documents import exchange
from commune_portal.errors import PortalError, RuleBroken
from commune_portal.people import bags
from commune_portal.people.actors import Actor
from commune_portal.people.bags import BagLine, BagReport
from commune_portal.relay import packing, stick, unpacking
from commune_portal.relay.bag import Round, Side, side_of
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.store import files
from commune_portal.views import _session
from commune_portal.views._format import number, size
from commune_portal.views._forms import EMPTY, FormReader, FormState
from commune_portal.views._page import go_to, page, request
from commune_portal.wire.bag import What
from commune_portal.wire.cargo import Cargo, Fate, Outcome

blueprint = Blueprint("bag", __name__, url_prefix="/bag")

LAST_BAGS = 20
ZIP = "zip"

WORDS = {
    What.DIRECTORY: "Danh bạ",
    What.VECTOR: "Phần đối chiếu",
    What.RECEIPT: "Biên nhận",
    What.NOTE: "Xác nhận nhật ký",
    What.ENVELOPE: "Gói tin",
    What.PACKET: "Gói tin",
    What.JOURNAL: "Trích nhật ký",
}
TONES = {Fate.PACKED: "info", Fate.TAKEN: "good", Fate.KNOWN: "quiet", Fate.REFUSED: "bad"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A bag in a list, in words."""

    url: str
    at: datetime
    way: str
    party: str
    content: str
    tone: str
    state: str


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing of a bag, in words."""

    kind: str
    words: str
    url: str
    fate: str
    tone: str
    reason: str


@blueprint.get("")
def show() -> Response:
    """What a bag would hold now, the forms, and the last bags."""
    by = _session.require(Verb.EXCHANGE_BAG)
    return _page(by, EMPTY, EMPTY, request.args.get("to", "")[:35])


@blueprint.post("/export")
def export() -> Response:
    """Makes a bag on a stick, or as a zip file for the browser's own computer."""
    by = _session.require(Verb.EXCHANGE_BAG)
    reader = FormReader(request.form)
    to = reader.text("to", "Gửi đến", longest=35)
    is_zip = reader.text("way", "Cách lấy") == ZIP
    place = "" if is_zip else _place(reader, "drive", "folder")
    if not reader.refused:
        try:
            if is_zip:
                return _download(by, to)
            made = packing.export(by, _settings(), place, to)
        except PortalError as refusal:
            reader.refuse_because(refusal)
        else:
            flash(
                f"Đã làm túi thư «{made.path.name}» gửi {made.cargo.addressee.name}. Hãy tháo USB an toàn rồi mang đi."
                " Gói chỉ tính là đã gửi khi biên nhận về.",
                "good",
            )
            return go_to(url_for("bag.show_bag", bag=made.row_id))
    return _page(by, reader.state(), EMPTY, to, 422)


@blueprint.post("/import")
def take_in() -> Response:
    """Takes in the bags of a stick, or of a zip file that the browser sent."""
    by = _session.require(Verb.EXCHANGE_BAG)
    reader = FormReader(request.form, request.files)
    file = reader.file("file", "Túi thư dạng zip")
    place = "" if file is not None else _place(reader, "drive_in", "folder_in")
    if not reader.refused:
        archive = files.temporary(".zip")
        try:
            if file is not None:
                with files.disk_errors():
                    file.save(archive)
                taken = unpacking.import_zip(by, _settings(), archive)
            else:
                taken = unpacking.import_all(by, _settings(), place)
        except PortalError as refusal:
            reader.refuse("folder_in" if refusal.field == "folder" else refusal.field or "", refusal.sentence)
        else:
            return _told(taken)
        finally:
            archive.unlink(missing_ok=True)
    return _page(by, EMPTY, reader.state(), "", 422)


@blueprint.get("/<int:bag>")
def show_bag(bag: int) -> Response:
    """One bag: the fate of each thing in it."""
    by = _session.require(Verb.EXCHANGE_BAG)
    report = bags.report(by, bag)
    things = _things(by, report)
    messages = [outcome.message_id for outcome in report.outcomes if outcome.message_id]
    home = office_bags.acknowledged(by, messages) if _is_office() and report.line.went_out else None
    return page(
        "bag/bag.html",
        report=report,
        party=bags.names([report.line.peer_code]).get(report.line.peer_code, report.line.peer_code),
        things=things,
        home=home,
    )


def _told(taken: Round) -> Response:
    for sentence in taken.passed_over:
        flash(f"Bỏ qua một túi: {sentence}", "warn")
    for bag in taken.opened:
        words = (
            f"Đã nhận túi thư «{bag.path.name}»: {number(bag.count(What.ENVELOPE, Fate.TAKEN))} gói mới,"
            f" {number(bag.count(What.RECEIPT, Fate.TAKEN))} biên nhận mới."
        )
        if bag.refused:
            flash(f"{words} Có {number(len(bag.refused))} thứ không nhận được, xem lý do bên dưới.", "warn")
        else:
            flash(f"{words} Nhớ làm túi mang về để nơi gửi có biên nhận.", "good")
    if len(taken.opened) == 1:
        return go_to(url_for("bag.show_bag", bag=taken.opened[0].row_id))
    return go_to(url_for("bag.show"))


def _place(reader: FormReader, chosen: str, typed: str) -> str:
    """The typed folder where there is one, else the chosen drive."""
    drive = reader.text(chosen, "Ổ USB")
    folder = reader.text(typed, "Thư mục", longest=400)
    if not folder and not drive:
        reader.refuse(typed, "Hãy chọn ổ USB, hoặc nhập đường dẫn thư mục trên máy chủ.")
    if folder and not Path(folder).is_absolute():
        reader.refuse(typed, "Hãy nhập đường dẫn đầy đủ, ví dụ E:\\ hoặc /media/usb.")
    return folder or drive


def _download(by: Actor, to: str) -> Response:
    made, archive = packing.export_zip(by, _settings(), to)
    answer = Response(files.pieces_of(archive), mimetype="application/zip")
    answer.content_length = archive.stat().st_size
    answer.headers["Content-Disposition"] = f'attachment; filename="{made.path.name}.zip"'
    answer.call_on_close(lambda: archive.unlink(missing_ok=True))
    return answer


def _page(by: Actor, form_out: FormState, form_in: FormState, to: str, status: int = 200) -> Response:
    side = side_of(_settings())
    parties = side.addressees(by)
    to = to or (parties[0].code if parties and _is_office() else "")
    cargo, problem = _preview(by, side, to)
    last = bags.newest(by, LAST_BAGS)
    names = bags.names([line.peer_code for line in last])
    return page(
        "bag/show.html",
        status=status,
        form_out=form_out,
        form_in=form_in,
        parties=[(party.code, party.name) for party in parties],
        to=to,
        cargo=cargo,
        facts=_facts(cargo, encrypted=_settings().relay.bag_encryption) if cargo else [],
        problem=problem,
        waiting=_waiting(by),
        drives=[(str(drive.path), f"{drive.path} (còn {size(drive.free_bytes)})") for drive in stick.drives()],
        last=[_shown(line, names) for line in last],
    )


def _preview(by: Actor, side: Side, to: str) -> tuple[Cargo | None, str]:
    if not to and not _is_office():
        return None, ""
    try:
        return side.cargo(by, to, preview=True), ""
    except RuleBroken as refusal:
        return None, refusal.sentence


def _facts(cargo: Cargo, *, encrypted: bool) -> list[tuple[str, str]]:
    return [
        ("Gửi đến", f"{cargo.addressee.name} ({cargo.addressee.code})"),
        ("Gói tin đang chờ", number(len(cargo.messages)) if cargo.messages else "không có"),
        ("Biên nhận trả về", number(len(cargo.receipts)) if cargo.receipts else "không có"),
        ("Dung lượng", size(cargo.bytes)),
        ("Mã hóa", "có, chỉ nơi nhận mở được" if encrypted else "KHÔNG (relay.bag_encryption = false)"),
        ("Để lại lần sau", f"{number(cargo.left_behind)} gói" if cargo.left_behind else ""),
    ]


def _shown(line: BagLine, names: dict[str, str]) -> Shown:
    state, tone = ("Đã làm", "info") if line.went_out else ("Nhận đủ", "good")
    if line.refused:
        state, tone = f"{number(line.refused)} thứ không nhận", "bad"
    return Shown(
        url_for("bag.show_bag", bag=line.id),
        line.at,
        "Gửi đi" if line.went_out else "Nhận về",
        names.get(line.peer_code, line.peer_code),
        f"{number(line.messages)} gói, {number(line.receipts)} biên nhận",
        tone,
        state,
    )


def _things(by: Actor, report: BagReport) -> list[Thing]:
    names = bags.names([outcome.party for outcome in report.outcomes])
    known: dict[str, exchange.Subject] = {}
    abouts: dict[str, str] = {}
    if _is_office():
        abouts = office_bags.abouts(by, [outcome.message_id for outcome in report.outcomes if outcome.message_id])
        known = exchange.subjects(by, abouts.values())
    return [_thing(outcome, known.get(abouts.get(outcome.message_id, "")), names) for outcome in report.outcomes]


def _thing(outcome: Outcome, subject: exchange.Subject | None, names: dict[str, str]) -> Thing:
    url = ""
    words = names.get(outcome.party, outcome.party)
    if outcome.message_id and not subject:
        words = f"{words} – mã {outcome.message_id[:8]}" if words else f"mã {outcome.message_id[:8]}"
    if subject is not None:
        words = subject.words
        url = url_for("outgoing_issue.show" if subject.table == "outgoing" else "incoming.show", document=subject.id)
    return Thing(
        WORDS[outcome.what], words, url, outcome.fate.label, TONES[outcome.fate], outcome.reason
    )  # fmt: skip


def _is_office() -> bool:
    return _settings().role == "office"


def _settings() -> Settings:
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    return settings


def _waiting(by: Actor) -> list[tuple[str, str, int]]:
    """What lies at a node for its members."""
    if _is_office():
        return []
    from commune_portal.node import bags as node_bags

    return node_bags.waiting(by)
