"""A node and its offices, as values: what an office would send, made with its real keys."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

from commune_portal import clock
from commune_portal.node import members
from commune_portal.node.members import Member
from commune_portal.people.actors import PORTAL
from commune_portal.rules import chain
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import enrolment, envelope, keys, receipt
from commune_portal.wire.enrolment import EnrolmentRequest
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.extract import JournalExtract, JournalLine
from commune_portal.wire.keys import InstallationKeys
from commune_portal.wire.receipt import Receipt, RefusalType, Verdict

ADDRESS = "http://127.0.0.1:8400"
NODE_CODE = "H99"


def new_keys(number: int) -> InstallationKeys:
    """Keys that are always the same for a number."""
    return keys.from_seeds(hashlib.sha256(b"sign%d" % number).digest(), hashlib.sha256(b"box%d" % number).digest())


@dataclass
class Journal:
    """An office's journal, kept in memory."""

    uid: str
    lines: list[JournalLine] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.heads.append(chain.genesis(self.uid))

    def add(self, about: str = "", texts: dict[str, str] | None = None, **fields: Any) -> Checkpoint:
        """Appends a line as `store.journal` would."""
        leaf = chain.leaf_bytes(texts or {})
        salt = "5a" * 16 if texts else ""
        body = chain.body_bytes(
            {
                "seq": len(self.lines) + 1,
                "instant": clock.now_text(),
                "act": "incoming.registered",
                "actor": "a1",
                "object": about,
                "commitment": chain.commitment(salt, leaf) if salt else None,
                **fields,
            }
        )
        self.lines.append(JournalLine(body.decode(), salt or None, leaf.decode() if salt else None))
        self.heads.append(chain.link(self.heads[-1], body))
        return self.checkpoint

    @property
    def checkpoint(self) -> Checkpoint:
        """Size and head."""
        return Checkpoint(len(self.lines), self.heads[-1])

    def extract(self, first: int = 1, last: int | None = None, epoch: int = 0) -> JournalExtract:
        """The lines from `first` to `last` as they travel."""
        last = len(self.lines) if last is None else last
        return JournalExtract(
            self.uid, epoch, first, tuple(self.lines[first - 1 : last]), Checkpoint(last, self.heads[last])
        )


@dataclass
class Office:
    """One office: code, keys, journal, and what it signs."""

    code: str
    keys: InstallationKeys
    journal: Journal
    epoch: int = 0

    def request(self, token: str) -> EnrolmentRequest:
        """What it says when it enrols."""
        return EnrolmentRequest(
            token=token,
            code=self.code,
            installation_uid=self.journal.uid,
            epoch=self.epoch,
            public_key=self.keys.public_key,
            box_public_key=self.keys.box_public_key,
            software="commune-portal test",
        )

    def envelope(self, recipient: str, packet: bytes, **changes: Any) -> Envelope:
        """An envelope for a packet."""
        values: dict[str, Any] = {
            "message_id": str(uuid.uuid4()),
            "sender": self.code,
            "recipient": recipient,
            "kind": Kind.EDOC,
            "urgency": 0,
            "created": clock.now(),
            "packet_sha256": hashlib.sha256(packet).hexdigest(),
            "packet_bytes": len(packet),
            "checkpoint": self.journal.checkpoint,
            "key_id": self.keys.key_id,
        }
        values.update(changes)
        return Envelope(**values)

    def seal(self, value: Envelope) -> bytes:
        """Signs an envelope."""
        return envelope.seal(value, self.keys)

    def receipt(self, value: Envelope, refusal: RefusalType | None = None, **changes: Any) -> bytes:
        """Its receipt for a message it fetched."""
        values: dict[str, Any] = {
            "message_id": value.message_id,
            "packet_sha256": value.packet_sha256,
            "verdict": Verdict.REFUSED if refusal else Verdict.ACCEPTED,
            "refusal": refusal,
            "receiver": self.code,
            "receiver_sequence": 1,
            "received_at": clock.now(),
            "checkpoint": self.journal.checkpoint,
            "sender_checkpoint": value.checkpoint,
            "key_id": self.keys.key_id,
        }
        values.update(changes)
        return receipt.seal(Receipt(**values), self.keys)

    @property
    def member(self) -> Member:
        """The office as the node knows it."""
        return members.by_code(self.code)


def new_office(number: int) -> Office:
    """An office that nobody knows yet."""
    return Office(f"H99.{number:02d}", new_keys(number), Journal(f"installation-{number}"))


def invite(office: Office) -> str:
    """Adds the office at the node; gives the token out of its enrolment file."""
    file = members.add_office(PORTAL, office.code, f"UBND xã số {office.code}", address=ADDRESS)
    return enrolment.read(file).token


def enrol(office: Office) -> Office:
    """Adds and enrols it."""
    members.enrol(office.request(invite(office)))
    return office
