"""Both ends of what is asked about a document after it went out: what the partner would send, what ours sent."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from commune_portal import clock
from commune_portal.documents import amendments, dispatch, incoming, issuing
from commune_portal.documents.amendments import Amendment
from commune_portal.edxml import package, reader
from commune_portal.edxml.status import write_status
from commune_portal.store import database, files
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import keys
from commune_portal.wire.envelope import Envelope, Kind
from tests.cast import OFFICE_CODE, OTHER_CODE, PIN, Cast
from tests.documents.partner import DAY, Partner, receive
from tests.documents.test_outgoing import signed

REASON = "Ban hành nhầm, đề nghị xử lý theo thông báo"


def issued(office: Cast, subject: str = "Về việc thành lập Tổ rà soát hộ nghèo", **changes: object) -> int:
    """A document of ours with number and seal, sent to nobody."""
    row_id = signed(office, subject=subject, **changes)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    return row_id


def sent(office: Cast, *codes: str, subject: str = "Về việc thành lập Tổ rà soát hộ nghèo", **changes: object) -> int:
    """A document of ours that went to the partner."""
    row_id = issued(office, subject, **changes)
    dispatch.dispatch(office.clerk, row_id, codes or [OTHER_CODE])
    return row_id


@dataclass(frozen=True)
class Message:
    """A sealed envelope with its packet, to be received as often as one likes."""

    sealed: bytes
    packet: bytes

    @property
    def message_id(self) -> str:
        """Its id."""
        return envelopes.parse_unverified(self.sealed).message_id

    def arrive(self) -> bytes:
        """What the relay does with it; the receipt."""
        return receive(self.sealed, self.packet)


def document(partner: Partner, serial: int = 7, **changes: Any) -> Message:
    """A new document of the partner's."""
    packet = partner.edoc(serial, **changes)
    return Message(partner.sealed(packet), packet)


def named(partner: Partner, serial: int) -> str:
    """The document id of the partner's n-th document."""
    return f"{partner.code}.2026.{serial:06d}"


def recall_of(partner: Partner, serial: int = 7, *, notice: int = 90, of: Message | None = None) -> Message:
    """The partner's notice that recalls a document; `of` is the message that brought it, where we are its like."""
    packet = partner.edoc(
        notice,
        subject="Thông báo thu hồi văn bản",
        document_type=package.DocumentType("Thông báo", 2, 7),
        responses=(package.ResponseFor(partner.code, f"{serial:02d}/CV-VP", named(partner, serial), DAY),),
        traces=(package.Trace(partner.code, clock.now()),),
        business=package.Business(1, REASON, document_id=named(partner, serial)),
    )
    return Message(partner.sealed(packet, in_reply_to=of.message_id if of else None), packet)


def update_of(partner: Partner, serial: int = 7, *, of: Message | None = None, **changes: Any) -> Message:
    """The partner's update of a document: its header anew, without files."""
    values = {"subject": f"Về việc phối hợp tuần tra lần {serial} (sửa)", **changes}
    packet = partner.edoc(
        serial,
        attachments=(),
        traces=(package.Trace(partner.code, clock.now()),),
        business=package.Business(2, REASON, document_id=named(partner, serial), document_info=True),
        **values,
    )
    return Message(partner.sealed(packet, in_reply_to=of.message_id if of else None), packet)


def replacement_of(partner: Partner, serial: int = 7, *, by: int = 8, of: Message | None = None) -> Message:
    """The partner's document that replaces another."""
    packet = partner.edoc(
        by,
        traces=(package.Trace(partner.code, clock.now()),),
        business=package.Business(
            3, REASON, replacements=(package.Replacement(named(partner, serial), (OFFICE_CODE,)),)
        ),
    )
    return Message(partner.sealed(packet, in_reply_to=of.message_id if of else None), packet)


def asking_back(partner: Partner, serial: int = 7, *, of: Message | None = None) -> Message:
    """The partner's 13."""
    packet = write_status(
        package.Status(
            sender=package.Organ(partner.code, partner.name),
            response_for=package.ResponseFor(OFFICE_CODE, f"{serial:02d}/CV-VP", named(partner, serial), DAY),
            status_code="13",
            description="Gửi nhầm nơi nhận, xin lấy lại",
            timestamp=clock.now(),
        )
    )
    return Message(partner.status_sealed(packet, in_reply_to=of.message_id if of else None), packet)


def answer_of(partner: Partner, document_id: str, code: str, *, to: str | None = None, reason: str = "") -> Message:
    """The partner's status about a document of ours (14 as one system writes it); `to` is the message it answers."""
    written = "15" if code == "14" else code
    packet = partner.status(document_id, written, reason).replace(f">{written}<".encode(), f">{code}<".encode())
    return Message(partner.status_sealed(packet, in_reply_to=to), packet)


def row_of(document_id: str) -> int:
    """The newest incoming row of a document."""
    found: int = database.row("SELECT max(id) FROM incoming WHERE document_id = ?", (document_id,))[0]
    return found


def asked(incoming_id: int, kind: str) -> Amendment:
    """The newest request of a kind about an incoming document."""
    return [item for item in amendments.of_incoming(incoming_id) if item.kind == kind][-1]


def ours(outgoing_id: int, kind: str) -> list[Amendment]:
    """What we asked of that kind about a document of ours."""
    return [
        item for item in amendments.of_outgoing(outgoing_id) if item.kind == kind and item.outgoing_id == outgoing_id
    ]


def queued_edocs() -> list[tuple[Envelope, package.Edoc]]:
    """The document packets in our outbox, in order."""
    found = []
    for (sealed,) in database.rows("SELECT envelope FROM outbox WHERE kind = 'edoc' ORDER BY id"):
        written = envelopes.open_(sealed.encode(), lambda _code, _key: keys.own().public_key)
        assert written.kind is Kind.EDOC
        folder = files.temporary()
        folder.mkdir()
        try:
            parsed = reader.read(files.path_of(written.packet_sha256), folder)
        finally:
            shutil.rmtree(folder)
        assert isinstance(parsed, package.Edoc)
        found.append((written, parsed))
    return found


def accept(office: Cast, row_id: int) -> incoming.Incoming:
    """Takes an arrived document into the book."""
    incoming.accept(office.clerk, row_id, without_check=True, confirmed=True)
    return incoming.get(row_id)
