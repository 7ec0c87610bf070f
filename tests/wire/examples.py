"""The byte-exact examples of `docs/wire.md`, made from keys that everybody knows.

`python -m tests.wire.examples` writes them to `tests/wire/vectors/`; the tests only compare.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from commune_portal.rules import chain
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import (
    checkpoint,
    comparison,
    directory,
    enrolment,
    envelope,
    extract,
    fields,
    keys,
    mailbox,
    organisations,
    protocol,
    receipt,
    requests,
)
from commune_portal.wire.canonical import canonical
from commune_portal.wire.checkpoint import Note
from commune_portal.wire.comparison import Held, HeldPage, Question, Standing
from commune_portal.wire.directory import Directory, DirectoryEntry
from commune_portal.wire.enrolment import EnrolmentFile, EnrolmentRequest
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.extract import JournalExtract, JournalLine
from commune_portal.wire.mailbox import MailboxItem, MailboxPage, Open, Vector, VectorAnswer, Waiting
from commune_portal.wire.organisations import Alias, Listed, ListedPage, Why
from commune_portal.wire.receipt import Receipt, RefusalType, Verdict
from tests.wire.bag_examples import bag_examples

FOLDER = Path(__file__).parent / "vectors"
SEEDS = {
    "H99": (bytes(range(32)), bytes(range(32, 64))),
    "H99.01": (bytes(range(64, 96)), bytes(range(96, 128))),
    "H99.02": (bytes(range(128, 160)), bytes(range(160, 192))),
}
NODE, OFFICE, OTHER = (keys.from_seeds(*seeds) for seeds in SEEDS.values())
EIGHT = datetime(2026, 11, 23, 1, 0, 0, tzinfo=UTC)
NONCE = "AAECAwQFBgcICQoLDA0ODw"
PACKET = b"<edXML/>\n"
PACKET_SHA256 = hashlib.sha256(PACKET).hexdigest()
MESSAGE_ID = "5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90"
INSTALLATION_UID = "0b5f6a52-3c55-4c53-9d0e-2f6a8b1c7d10"
BODIES = ('{"act":"outgoing.issue","seq":1,"v":1}', '{"act":"outgoing.dispatch","seq":2,"v":1}')
LEAF, SALT = '{"subject":"Về việc trực Tết"}', "00112233445566778899aabbccddeeff"
HEADS = [chain.genesis(INSTALLATION_UID)]
for _body in BODIES:
    HEADS.append(chain.link(HEADS[-1], _body.encode()))


def examples() -> dict[str, dict[str, Any]]:
    """Every example by the name of its file."""
    return {
        "keys": _keys(),
        "canonical": _canonical(),
        "envelope": _envelope(),
        "receipt": _receipt(RefusalType.CONFLICT, with_refusal=False),
        "receipt-refused": _receipt(RefusalType.CONFLICT, with_refusal=True),
        "checkpoint": _checkpoint(),
        "request-mailbox": _request("GET", f"{protocol.MAILBOX}?after=0&limit=50", {}, b""),
        "request-chunk": _chunk(),
        "request-message": _message(),
        "enrolment-file": {"text": enrolment.write(_enrolment_file()).decode()},
        "enrolment-request": {"body": enrolment.write_request(_enrolment_request()).decode()},
        "directory": _directory(),
        "mailbox": {"body": mailbox.write_page(_page()).decode()},
        "journal": _journal(),
        "vector": _vector(),
        **bag_examples(),
        "comparison": _comparison(),
        "organisations": {"body": organisations.write_page(_organisations()).decode()},
        "refusal": {"body": canonical({"error": "stale", "sentence": protocol.Refused.STALE.sentence}).decode()},
    }


def _held(sequence: int = 0, receipt_bytes: bytes | None = None) -> Held:
    return Held(
        message_id=MESSAGE_ID, standing=Standing.HELD, sequence=sequence, sender="H99.01", recipient="H99.02",
        packet_sha256=PACKET_SHA256, taken_at=EIGHT, fetched_at=EIGHT,
        receipt_sha256=hashlib.sha256(_receipt_bytes()).hexdigest(), receipt=receipt_bytes,
    )  # fmt: skip


def _receipt_bytes() -> bytes:
    sealed: str = _receipt(RefusalType.CONFLICT, with_refusal=False)["sealed"]
    return sealed.encode()


def _comparison() -> dict[str, Any]:
    other = "0d0e2f6a-3c55-4c53-9d0e-8b1c7d105a52"
    unknown = Held(message_id=other, standing=Standing.UNKNOWN)
    return {
        "body": comparison.write_questions((Question(MESSAGE_ID), Question(other, "ab" * 32))).decode(),
        "answer": comparison.write_answers((_held(receipt_bytes=_receipt_bytes()), unknown)).decode(),
        "page": comparison.write_page(HeldPage((_held(12),), 12, more=False)).decode(),
    }


def _organisations() -> ListedPage:
    merged = Listed(
        code="H99.07", name="UBND xã Đèo Gió", change=40, code_legacy="000.00.07.H99", merged_into="H99.01",
        closed_at=EIGHT,
    )  # fmt: skip
    whole = Listed(
        code="H99.01", name="UBND xã Suối Vàng", change=41, code_legacy="000.01.01.H99", phone="0260 3800 001",
        former_names=("UBND xã Suối Cạn",), aliases=(Alias("H99.07", Why.MERGED, "2025-07-01"),),
    )  # fmt: skip
    return ListedPage((merged, whole), 41, more=False)


def _keys() -> dict[str, Any]:
    return {
        "parties": [
            {
                "code": code,
                "ed25519_seed": seeds[0].hex(),
                "x25519_secret": seeds[1].hex(),
                "public_key": keys.from_seeds(*seeds).public_key.hex(),
                "box_public_key": keys.from_seeds(*seeds).box_public_key.hex(),
                "key_id": keys.from_seeds(*seeds).key_id,
            }
            for code, seeds in SEEDS.items()
        ]
    }


def _canonical() -> dict[str, Any]:
    value = {"số": 7, "b": [True, None, -1], "a": 'xã "Suối Vàng"\n\u0001/\u007f'}
    return {
        "value": value,
        "bytes": canonical(value).decode(),
        "refused": ['{"a":1,"a":1}', '{"a":1.0}', '{"a":9007199254740992}', '{"a":"e\u0301"}', '{"a":NaN}', "[]"],
    }


def _an_envelope() -> Envelope:
    return Envelope(
        message_id=MESSAGE_ID,
        sender="H99.01",
        recipient="H99.02",
        kind=Kind.EDOC,
        urgency=1,
        created=EIGHT,
        packet_sha256=PACKET_SHA256,
        packet_bytes=len(PACKET),
        checkpoint=Checkpoint(2, HEADS[2]),
        key_id=OFFICE.key_id,
    )


def _envelope() -> dict[str, Any]:
    sealed = envelope.seal(_an_envelope(), OFFICE)
    signed = b"commune-portal/exchange/1 envelope\n" + sealed.split(b"\n")[0]
    return {"packet": PACKET.decode(), "signed": signed.decode(), "sealed": sealed.decode()}


def _a_receipt(refusal: RefusalType | None) -> bytes:
    value = Receipt(
        message_id=MESSAGE_ID,
        packet_sha256=PACKET_SHA256,
        verdict=Verdict.REFUSED if refusal else Verdict.ACCEPTED,
        refusal=refusal,
        receiver="H99",
        receiver_sequence=41,
        received_at=EIGHT,
        checkpoint=Checkpoint(97, hashlib.sha256(b"the node's journal").hexdigest()),
        sender_checkpoint=Checkpoint(2, HEADS[2]),
        key_id=NODE.key_id,
    )
    return receipt.seal(value, NODE)


def _receipt(refusal: RefusalType, *, with_refusal: bool) -> dict[str, Any]:
    return {"sealed": _a_receipt(refusal if with_refusal else None).decode()}


def _note() -> Note:
    return Note("H99.01/journal", Checkpoint(2, HEADS[2]), EIGHT)


def _checkpoint() -> dict[str, Any]:
    by_office = checkpoint.seal(_note(), "H99.01", OFFICE)
    return {
        "text": checkpoint.note_text(_note()),
        "sealed": by_office.decode(),
        "countersigned": checkpoint.countersign(by_office, "H99", NODE).decode(),
    }


def _request(method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    sent = {protocol.EXCHANGE_NODE: "H99", **headers}
    signed = {**sent, **requests.sign(method, path, sent, body, keys=OFFICE, created=EIGHT, nonce=NONCE)}
    lowered = {name.lower(): value for name, value in signed.items()}
    parameters = signed["Signature-Input"].removeprefix("exchange=")
    covered = tuple(name.strip('"') for name in parameters[1 : parameters.index(")")].split(" "))
    base = requests.signature_base(method, path, lowered, covered, parameters)
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in signed.items())]
    return {
        "method": method,
        "path": path,
        "headers": signed,
        "body_base64": fields.to_base64(body),
        "signature_base": base.decode(),
        "http": "\n".join(lines),
    }


def _chunk() -> dict[str, Any]:
    headers = {
        protocol.TUS_RESUMABLE: protocol.TUS_VERSION,
        protocol.UPLOAD_OFFSET: "0",
        protocol.UPLOAD_CHECKSUM: f"sha256 {fields.to_base64(hashlib.sha256(PACKET).digest())}",
        "Content-Type": protocol.CHUNK_TYPE,
    }
    return _request("PATCH", f"{protocol.UPLOADS}/3f1e0c9a7b5d4e2f8a6c1d0b9e7f5a3c", headers, PACKET)


def _message() -> dict[str, Any]:
    sealed = envelope.seal(_an_envelope(), OFFICE)
    headers = {protocol.ENVELOPE_LENGTH: str(len(sealed)), "Content-Type": "application/octet-stream"}
    return _request("POST", protocol.MESSAGES, headers, sealed + PACKET)


def _enrolment_file() -> EnrolmentFile:
    return EnrolmentFile(
        token="t0ken-of-one-use",
        office_code="H99.01",
        office_name="UBND xã Suối Vàng",
        node_code="H99",
        node_name="Nút liên thông cấp trên",
        node_public_key=NODE.public_key,
        node_box_public_key=NODE.box_public_key,
        address="http://127.0.0.1:8090",
        ca_pem=None,
        expires_at=datetime(2026, 11, 30, 1, tzinfo=UTC),
    )


def _enrolment_request() -> EnrolmentRequest:
    return EnrolmentRequest(
        token="t0ken-of-one-use",
        code="H99.01",
        installation_uid=INSTALLATION_UID,
        epoch=1,
        public_key=OFFICE.public_key,
        box_public_key=OFFICE.box_public_key,
        software="commune-portal/0.1",
    )


def _directory() -> dict[str, Any]:
    entry = DirectoryEntry(
        code="H99.01",
        code_legacy="000.01.01.H99",
        name="UBND xã Suối Vàng",
        key_id=OFFICE.key_id,
        public_key=OFFICE.public_key,
        box_public_key=OFFICE.box_public_key,
        valid_from=EIGHT,
    )
    value = Directory(node="H99", issued_at=EIGHT, partial=True, entries=(entry,), key_id=NODE.key_id)
    return {"sealed": directory.seal(value, NODE).decode()}


def _page() -> MailboxPage:
    item = MailboxItem(12, envelope.seal(_an_envelope(), OFFICE), PACKET)
    return MailboxPage((item, MailboxItem(13, None, None, _a_receipt(None))), 13, more=False)


def _journal() -> dict[str, Any]:
    lines = (JournalLine(BODIES[0], SALT, LEAF), JournalLine(BODIES[1], None, None))
    handed = JournalExtract(INSTALLATION_UID, 1, 1, lines, Checkpoint(2, HEADS[2]))
    note = checkpoint.seal(_note(), "H99", NODE)
    mirrored = extract.Mirrored(Checkpoint(2, HEADS[2]), 1, note)
    return {
        "genesis": HEADS[0],
        "body": extract.write(handed).decode(),
        "note": note.decode(),
        "mirrored": extract.write_mirrored(mirrored).decode(),
    }


def _vector() -> dict[str, Any]:
    return {
        "body": mailbox.write_vector(Vector(13, (Waiting(MESSAGE_ID, PACKET_SHA256),))).decode(),
        "answer": mailbox.write_vector_answer(VectorAnswer((_a_receipt(None),), (), 13)).decode(),
        "whole": mailbox.write_vector(
            Vector(13, (), (Open(MESSAGE_ID, PACKET_SHA256, 3),), Checkpoint(2, HEADS[2]))
        ).decode(),
        "whole_answer": mailbox.write_vector_answer(VectorAnswer((), (), 13, (MESSAGE_ID,))).decode(),
    }


def spelled(example: dict[str, Any]) -> str:
    """The file of one example."""
    return json.dumps(example, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, example in examples().items():
        (FOLDER / f"{name}.json").write_text(spelled(example), encoding="utf-8", newline="\n")
