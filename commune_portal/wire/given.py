"""The receipts that this installation gave: signed inside the act's transaction, kept byte for byte, given again."""

from __future__ import annotations

from commune_portal import clock
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database, installation
from commune_portal.store.register import Work
from commune_portal.wire import keys, receipt
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.receipt import Receipt, RefusalType, Verdict


def give(work: Work, envelope: Envelope, checkpoint: Checkpoint, refusal: RefusalType | None = None) -> bytes:
    """Signs the receipt of an act whose journal line is written, keeps its bytes, and answers them.

    `checkpoint` is the head after that line, whose number is also the receipt's. An earlier receipt for the same
    message and packet stays.
    """
    own = keys.own()
    sealed = receipt.seal(
        Receipt(
            message_id=envelope.message_id,
            packet_sha256=envelope.packet_sha256,
            verdict=Verdict.REFUSED if refusal else Verdict.ACCEPTED,
            refusal=refusal,
            receiver=installation.own().code,
            receiver_sequence=checkpoint.size,
            received_at=clock.now(),
            checkpoint=checkpoint,
            sender_checkpoint=envelope.checkpoint,
            key_id=own.key_id,
        ),
        own,
    )
    work.execute(
        "INSERT INTO receipts_given (message_id, packet_sha256, sender_code, bytes, given_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (envelope.message_id, envelope.packet_sha256, envelope.sender, sealed.decode(), clock.now_text()),
    )
    return sealed


def given(sender_code: str, message_id: str, packet_sha256: str) -> bytes | None:
    """The stored receipt for a message of this sender with this packet, or None."""
    found = database.row(
        "SELECT bytes FROM receipts_given WHERE message_id = ? AND packet_sha256 = ? AND sender_code = ?",
        (message_id, packet_sha256, sender_code),
    )
    return found[0].encode() if found else None
