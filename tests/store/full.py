"""A full register of each role, made by the real verbs, and a forger's tools to edit it behind the portal's back.

An office with people, rules, books and documents in every stage; the node that took its packets and mirrors its
journal; a second office whose keys and journal are kept in memory. Each installation lies in a folder of its own.
"""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.documents import (
    arrivals,
    books,
    dispatch,
    incoming,
    issuing,
    outbox,
    outgoing,
    recovering,
    restoration,
    tasks,
    updates,
    urgent,
)
from commune_portal.documents.attachments import Upload
from commune_portal.documents.incoming import Arrival
from commune_portal.edxml.package import ResponseFor
from commune_portal.edxml.status import write_status
from commune_portal.node import directory, mailbox, members, mirrors
from commune_portal.paper import sample_marks
from commune_portal.people import accesses, groups, issuers, mandates, office_rules, peers, recovery, trail
from commune_portal.people.actors import PORTAL
from commune_portal.rules.calls import CallOutcome
from commune_portal.rules.kinds import Urgency
from commune_portal.settings import Limits, Paths, Settings
from commune_portal.signing import workshop
from commune_portal.store import database, files, installation
from commune_portal.wire import keys
from commune_portal.wire.directory import open_ as open_directory
from commune_portal.wire.enrolment import EnrolmentRequest
from commune_portal.wire.enrolment import read as read_enrolment
from commune_portal.wire.envelope import Kind, parse_unverified
from commune_portal.wire.keys import InstallationKeys
from tests import cast
from tests.cast import Cast
from tests.documents.test_outgoing import a_draft, signed
from tests.edxml.specimens import EDOC, STATUS, written
from tests.node.cast import Office, enrol, new_keys, new_office

PDF = b"%PDF-1.7\n% mot trang\n%%EOF\n"
EPOCH = 2  # the office of the full register was copied twice
NODE_LIMITS = Limits(disk_floor_bytes=1)
TOML = "[paths]\nallow_any_disk = true\n[token]\ntrial = true\n"


@dataclasses.dataclass(frozen=True)
class Full:
    """Where both installations lie, closed; `node_keys` signed the receipts and anchors that the office holds."""

    office: Cast
    node: Settings
    node_keys: InstallationKeys


_shared: list[Full] = []


def shared(factory: pytest.TempPathFactory) -> Full:
    """The one full register of this test process; whoever changes something works on a copy."""
    if not _shared:
        _shared.append(build(factory.mktemp("full")))
        (_shared[0].office.settings.folder / "portal.toml").write_text(TOML, encoding="utf-8")
    return _shared[0]


def build(folder: Path) -> Full:
    """Makes both, from nothing, in this process; about two seconds, most of it the two signatures."""
    cast.cheap_passwords()
    office = cast.office_at(folder / "office")
    database.close()
    for _ in ("once", "twice"):
        restoration.adopt(PORTAL, office.settings)
    keys.use(keys.load(office.settings.secrets_folder))
    installation.open_(office.settings)
    recovering.without_node(office.clerk, "Chưa kết nối với nút nào")
    recovering.confirm(office.clerk, nothing_more_on_paper=True)
    own_keys, own_uid = keys.own(), installation.own().uid
    _register_by_hand(office)
    row_id = signed(office)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, cast.PIN)
    voided = signed(office)
    issuing.number(office.clerk, voided)
    outgoing.void(office.clerk, voided, "Cấp nhầm số cho văn bản chưa ban hành")
    outgoing.draft(office.specialist, a_draft(office))

    node = node_settings(folder / "node")
    node_keys = new_keys(0)
    with standing_in(node, node_keys):
        installation.found(
            node, code=cast.NODE_CODE, name="Nút liên thông tỉnh Lam Giang", place="Lam Giang",
            public_key=node_keys.public_key.hex(), box_public_key=node_keys.box_public_key.hex(),
        )  # fmt: skip
        second = enrol(new_office(2))
        invitation = members.add_office(PORTAL, cast.OFFICE_CODE, cast.OFFICE_NAME, address="http://127.0.0.1:8400")
        members.enrol(
            EnrolmentRequest(
                token=read_enrolment(invitation).token, code=cast.OFFICE_CODE, installation_uid=own_uid, epoch=EPOCH,
                public_key=own_keys.public_key, box_public_key=own_keys.box_public_key, software="test",
            )
        )  # fmt: skip
        listed = directory.signed_directory()
    with standing_in(office.settings, own_keys):
        peers.introduce(PORTAL, invitation, office.settings.secrets_folder)
        found = open_directory(listed.bytes, lambda code, key_id: node_keys.public_key)
        peers.enrolled(office.settings.secrets_folder, found)
        peers.directory_arrived(cast.NODE_CODE, found, "etag")
        dispatch.dispatch(office.clerk, row_id, [second.code])
    _carry(office, node, own_keys, node_keys)
    _after_return(office, own_keys, row_id, second)
    with standing_in(office.settings, own_keys):
        _amend(office, row_id, second)
        _handle_arrival(office, second)
        accesses.note(office.clerk.id, "view", "incoming:1")
        accesses.flush()
        accesses.digest(clock.now() + timedelta(seconds=1))
    _carry(office, node, own_keys, node_keys)
    workshop.configure(office.settings, in_process=True)
    return Full(office, node, node_keys)


def node_settings(folder: Path) -> Settings:
    """Settings of a node in a folder."""
    return Settings(folder=folder, role="node", paths=Paths(allow_any_disk=True), limits=NODE_LIMITS)


@contextmanager
def standing_in(settings: Settings, own: InstallationKeys) -> Iterator[None]:
    """This process as one of the installations."""
    database.close()
    settings.folder.mkdir(exist_ok=True)
    if settings.database_path.exists():
        installation.open_(settings)
    keys.use(own)
    yield
    database.close()


def _register_by_hand(office: Cast) -> None:
    scan = files.temporary(".pdf")
    scan.write_bytes(PDF)
    by_hand = Arrival(sender_name="Sở Nội vụ", subject="Về việc rà soát", code_number="7", code_notation="SNV-VP")
    incoming.register(office.clerk, by_hand, Upload(scan, "cong-van.pdf"))
    incoming.register(office.clerk, dataclasses.replace(by_hand, on_paper=True, code_number="8"))
    issuers.add_unit(PORTAL, name="Văn phòng HĐND và UBND", abbreviation="VP")
    issuers.add_unit(PORTAL, name="Phòng Kinh tế", abbreviation="KT")
    issuers.add(PORTAL, code="H99.01.02", name="Hội đồng nhân dân xã An Phú", abbreviation="HĐND", place="An Phú")
    issuers.set_seal(PORTAL, office.issuer_id, files.keep(sample_marks.sample_seal("UBND")).sha256)
    mandates.set_picture(PORTAL, office.mandate_id, files.keep(sample_marks.sample_signature("Nguyễn Văn An")).sha256)
    office_rules.set_rule(PORTAL, office_rules.DEFAULT_DUE_DAYS, 7)
    for _ in range(2):
        recovery.confirm(PORTAL, recovery.make(PORTAL).confirm_group)
    books.open_at(
        office.clerk, direction="outgoing", issuer_id=office.issuer_id, key="GM", name="Giấy mời",
        year=clock.today().year - 1, opening_number=12,
    )  # fmt: skip


def _carry(office: Cast, node: Settings, own_keys: InstallationKeys, node_keys: InstallationKeys) -> None:
    """What the relay does: packets up, receipts down, the journal up, the anchor down."""
    with standing_in(office.settings, own_keys):
        queued = [(item, files.path_of(item.packet_sha256).read_bytes()) for item in outbox.waiting(clock.now())]
    with standing_in(node, node_keys):
        member = members.by_code(cast.OFFICE_CODE)
        receipts = [
            (item.message_id, mailbox.take(member, item.envelope, packet, node.limits).receipt)
            for item, packet in queued
        ]
        known = mirrors.mirrored(member).checkpoint.size
    with standing_in(office.settings, own_keys):
        for message_id, receipt in receipts:
            assert outbox.delivered(message_id, receipt)
        extract = trail.extract_after(known)
    assert extract is not None
    with standing_in(node, node_keys):
        note = mirrors.take_extract(members.by_code(cast.OFFICE_CODE), extract)
    with standing_in(office.settings, own_keys):
        trail.mirrored(cast.NODE_CODE, extract.checkpoint, note)


def _after_return(office: Cast, own_keys: InstallationKeys, row_id: int, second: Office) -> None:
    """The receiver's own receipt and its status 03 come home."""
    with standing_in(office.settings, own_keys):
        sent = database.row("SELECT envelope FROM outbox WHERE kind = 'edoc'")[0]
        document = outgoing.get(row_id)
        assert outbox.receiver_took(second.receipt(parse_unverified(sent.encode())))
        status = dataclasses.replace(
            STATUS,
            sender=dataclasses.replace(STATUS.sender, organ_id=second.code),
            response_for=ResponseFor(cast.OFFICE_CODE, "01/QĐ-UBND", document.document_id, document.promulgation_date),
        )
        _arrive(second, write_status(status), Kind.STATUS)


def _amend(office: Cast, row_id: int, second: Office) -> None:
    """The clerk makes the document hỏa tốc, corrects its subject, telephones twice, and keeps two groups."""
    standing = updates.metadata_of(outgoing.get(row_id))
    flash = dataclasses.replace(standing, urgency=Urgency.FLASH)
    updates.update(office.clerk, row_id, flash, "Nâng độ khẩn theo chỉ đạo")
    updates.update(office.clerk, row_id, dataclasses.replace(flash, subject="Về việc trực lũ"), "Sửa trích yếu cho gọn")
    recipient = dispatch.recipients(row_id)[0]
    for outcome in (CallOutcome.NO_ANSWER, CallOutcome.REACHED):
        urgent.record_call(
            office.clerk, recipient.id, phone="0912 000 111", spoke_to="Bà Mơ", outcome=outcome, note="Hẹn gọi lại"
        )
    for name in ("Giáp ranh", "Toàn tỉnh"):
        groups.make(office.clerk, name, [second.code])


def _arrive(second: Office, packet: bytes, kind: Kind) -> None:
    part = files.temporary(".edxml")
    part.write_bytes(packet)
    value = second.envelope(cast.OFFICE_CODE, packet, kind=kind, message_id=str(uuid.uuid4()))
    arrivals.receive(second.seal(value), part)


def _handle_arrival(office: Cast, second: Office) -> None:
    for number in (1, 2, 3):
        edoc = dataclasses.replace(
            EDOC,
            sender=dataclasses.replace(EDOC.sender, organ_id=second.code),
            receivers=(dataclasses.replace(EDOC.sender, organ_id=cast.OFFICE_CODE),),
            document_id=f"{second.code}.2026.{number:06d}",
        )
        _arrive(second, written(edoc), Kind.EDOC)
    first, refused, _ = (row[0] for row in database.rows("SELECT id FROM incoming WHERE origin = 'exchange'"))
    arrivals.check(first)
    incoming.accept(office.clerk, first, without_check=True)
    tasks.assign(
        office.leader, first, lead=office.specialist.id, supports=[office.other_clerk.id],
        direction="Tham mưu văn bản trả lời", due_date=clock.today() + timedelta(days=5),
    )  # fmt: skip
    tasks.start(office.specialist, first)
    tasks.complete(office.specialist, first, result="Đã trả lời")
    incoming.refuse(office.clerk, refused, "Văn bản gửi nhầm cơ quan nhận")
    _arrive(second, b"<khong-phai-goi-tin/>", Kind.EDOC)


def copied(settings: Settings, into: Path) -> Settings:
    """The same installation in another folder, without its keys."""
    shutil.copytree(settings.folder, into, ignore=shutil.ignore_patterns("secrets"))
    return dataclasses.replace(settings, folder=into)


@contextmanager
def forging(settings: Settings) -> Iterator[sqlite3.Connection]:
    """The database as a forger has it: no triggers, no constraints that can be switched off."""
    connection = sqlite3.connect(settings.database_path, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = off")
        connection.execute("PRAGMA ignore_check_constraints = on")
        connection.execute("PRAGMA synchronous = off")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
    finally:
        connection.close()
