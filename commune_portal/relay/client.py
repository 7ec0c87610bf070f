"""The office's side of `/exchange/v1/`: one method an endpoint, typed answers. See `docs/wire.md`.

Whatever is not a success or a refusal in the node's own words is NodeUnreachable: a time-out, a closed socket, a
5xx or a page of some captive portal prove nothing. A refusal in words is RefusedByNode. Only a receipt signed by
the node says that a message is delivered or refused for good.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from commune_portal import clock
from commune_portal.errors import Malformed, NodeUnreachable, Unauthenticated
from commune_portal.relay.link import Answer, Link, NodeIdentity, RefusedByNode, Sink, Traffic, TryLater
from commune_portal.rules.chain import Checkpoint
from commune_portal.rules.folding import fold
from commune_portal.wire import (
    announcement,
    checkpoint,
    comparison,
    directory,
    enrolment,
    envelope,
    extract,
    fields,
    lost,
    mailbox,
    organisations,
    protocol,
    receipt,
)
from commune_portal.wire import requests as signatures
from commune_portal.wire.announcement import Heard
from commune_portal.wire.checkpoint import Note
from commune_portal.wire.comparison import Held, HeldPage, Question
from commune_portal.wire.directory import Directory
from commune_portal.wire.enrolment import EnrolmentFile, EnrolmentRequest
from commune_portal.wire.extract import JournalExtract, Mirrored
from commune_portal.wire.keys import InstallationKeys, key_id
from commune_portal.wire.lost import LostJournal, SentPage
from commune_portal.wire.mailbox import MailboxPage, Vector, VectorAnswer
from commune_portal.wire.organisations import ListedPage
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import Receipt, Verdict

__all__ = [
    "Delivery", "NodeClient", "NodeIdentity", "PacketMissing", "RefusedByNode", "TryLater", "Upload", "identity_of",
]  # fmt: skip

Read = TypeVar("Read")

_NOT_A_WORD = re.compile(r"[^a-z0-9.:_-]+")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")
_UPLOAD_PATH = re.compile(re.escape(protocol.UPLOADS) + r"/[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """The node's signed word on one message. REFUSED is final; its type is in the receipt."""

    verdict: Verdict
    receipt: Receipt
    receipt_bytes: bytes


@dataclass(frozen=True, slots=True)
class PacketMissing:
    """The node wants the packet's bytes first."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload at the node: go on from `offset`. `present` says it holds all the bytes already."""

    path: str
    offset: int
    present: bool = False


def identity_of(file: EnrolmentFile) -> NodeIdentity:
    """The node that an enrolment file speaks of."""
    keys = {key_id(file.node_public_key): file.node_public_key}
    return NodeIdentity(file.node_code, file.address, file.ca_pem, keys)


class NodeClient:
    """One office's way to one node. Its methods may be called from several threads."""

    def __init__(
        self, node: NodeIdentity, keys: InstallationKeys, office_code: str, *, timeout_seconds: float = 30.0
    ) -> None:
        self.node = node
        self.office_code = office_code
        self._keys = keys
        self._link = Link(node, keys, timeout_seconds)

    def close(self) -> None:
        """Closes the connections."""
        self._link.close()

    @property
    def traffic(self) -> Traffic:
        """What went over the link so far."""
        return self._link.traffic

    @property
    def skew_seconds(self) -> int | None:
        """The node's clock less ours, from the newest answer; None before the first."""
        return None if self._link.skew is None else int(self._link.skew.total_seconds())

    def clock(self) -> datetime:
        """Asks the node's time; the one request that is not signed."""
        answer = self._link.attempt("GET", protocol.CLOCK, {}, b"", signed=False)
        if answer.status != 200 or answer.node_time is None:
            raise answer.unreadable("no time")
        return answer.node_time

    def enrol(self, request: EnrolmentRequest) -> tuple[Directory, bytes]:
        """Shows the token and our public keys; gives the node's signed answer, which holds our entry."""
        answer = self._link.ask("POST", protocol.ENROLMENT, body=enrolment.write_request(request))
        found = self._opened(answer, lambda: directory.open_(answer.body, self._node_key))
        if found.public_key(self.office_code, self._keys.key_id) != self._keys.public_key:
            raise answer.unreadable("an enrolment without our key")
        return found, answer.body

    def begin_upload(self, sha256: str, packet_bytes: int, message_id: str) -> Upload:
        """Makes, or finds again, the upload of these bytes."""
        metadata = f"sha256 {fields.to_base64(sha256.encode())},message {fields.to_base64(message_id.encode())}"
        headers = {
            protocol.TUS_RESUMABLE: protocol.TUS_VERSION,
            protocol.UPLOAD_LENGTH: str(packet_bytes),
            protocol.UPLOAD_METADATA: metadata,
        }
        answer = self._link.ask("POST", protocol.UPLOADS, headers=headers, success=(200, 201))
        if answer.headers.get(protocol.PACKET_PRESENT) == "yes":
            return Upload("", packet_bytes, present=True)
        path = urlsplit(answer.headers.get("Location", "")).path
        if answer.status != 201 or not _UPLOAD_PATH.fullmatch(path):
            raise answer.unreadable("an upload without a place")
        return Upload(path, _offset(answer))

    def upload_offset(self, path: str) -> int:
        """Asks how many bytes of an upload the node has on disk."""
        headers = {protocol.TUS_RESUMABLE: protocol.TUS_VERSION}
        return _offset(self._link.ask("HEAD", path, headers=headers, success=(200, 204)))

    def send_chunk(self, path: str, offset: int, chunk: bytes) -> int:
        """Sends bytes from an offset on; gives the new offset.

        Raises RefusedByNode with WRONG_OFFSET or CHECKSUM_MISMATCH when the offset is to be asked again.
        """
        digest = signatures.content_digest(chunk).removeprefix("sha-256=:").removesuffix(":")
        headers = {
            protocol.TUS_RESUMABLE: protocol.TUS_VERSION,
            protocol.UPLOAD_OFFSET: str(offset),
            protocol.UPLOAD_CHECKSUM: f"sha256 {digest}",
            "Content-Type": protocol.CHUNK_TYPE,
        }
        answer = self._link.ask("PATCH", path, headers=headers, body=chunk, success=(204,))
        if _offset(answer) != offset + len(chunk):
            raise answer.unreadable("another offset than that of the chunk's end")
        return offset + len(chunk)

    def commit(
        self, envelope_bytes: bytes, packet: bytes | None = None, trace: tuple[str, ...] = ()
    ) -> Delivery | PacketMissing:
        """Hands over an envelope, with its packet when that is small; gives the node's verified receipt.

        `trace` names the nodes that a forwarded message has been at, this one last.
        """
        headers = {
            protocol.ENVELOPE_LENGTH: str(len(envelope_bytes)),
            "Content-Type": "application/octet-stream",
            **({protocol.EXCHANGE_TRACE: " ".join(trace)} if trace else {}),
        }
        body = envelope_bytes + (packet or b"")
        success = (200, 404, 409, 422)
        answer = self._link.ask("POST", protocol.MESSAGES, headers=headers, body=body, success=success)
        said = answer.headers.get(protocol.RECEIPT)
        if said is None:
            if answer.status != 200 and answer.word is Refused.PACKET_MISSING:
                return PacketMissing()
            raise answer.refusal()
        found = self._opened(answer, lambda: receipt.open_(answer.body, self._node_key))
        sent = envelope.parse_unverified(envelope_bytes)
        if (found.message_id, found.packet_sha256) != (sent.message_id, sent.packet_sha256):
            raise answer.unreadable("a receipt for another message")
        if (found.verdict is Verdict.ACCEPTED) != (answer.status == 200):
            raise answer.unreadable("a receipt that says another thing than its status")
        if found.verdict is Verdict.ACCEPTED and said == Verdict.DUPLICATE.value:
            return Delivery(Verdict.DUPLICATE, found, answer.body)
        return Delivery(found.verdict, found, answer.body)

    def mailbox(self, after: int, limit: int = 50) -> MailboxPage:
        """A page of what waits for this office behind a cursor. Envelopes and receipts in it are **unverified**."""
        path = f"{protocol.MAILBOX}?after={after}&limit={limit}"
        answer = self._link.ask("GET", path, most_bytes=mailbox.LARGEST_PAGE_BYTES)
        return self._opened(answer, lambda: mailbox.read_page(answer.body))

    def packet(self, sha256: str, start: int, length: int, began: Callable[[int, int], Sink]) -> None:
        """Streams a stretch of a packet to the sink that `began` gives for (first byte, length of the whole).

        A node that does not honour the range begins at 0. Blocks that arrived before a failure are with the sink.
        """
        tag = f'"{sha256}"'

        def receive(status: int, headers: Mapping[str, str]) -> Sink | None:
            if status not in (200, 206):
                return None
            if headers.get("ETag") != tag:
                raise NodeUnreachable(detail="a packet of another tag")
            if status == 200:
                return began(0, _length(headers.get("Content-Length", "")))
            match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
            if match is None or int(match[1]) != start:
                raise NodeUnreachable(detail="another range than asked for")
            return began(start, int(match[3]))

        headers = {"Range": f"bytes={start}-{start + length - 1}", "If-Range": tag}
        self._link.ask("GET", f"{protocol.PACKETS}/{sha256}", headers=headers, success=(200, 206), began=receive)

    def acknowledge(self, receipt_bytes: bytes) -> None:
        """Hands our receipt for a message to the node; saying it twice does no harm."""
        self._link.ask("POST", protocol.RECEIPTS, body=receipt_bytes, success=(204,))

    def journal(self) -> Mirrored:
        """What the node has of our journal. The note in it is **unverified**."""
        answer = self._link.ask("GET", protocol.JOURNAL)
        return self._opened(answer, lambda: extract.read_mirrored(answer.body))

    def send_journal(self, journal_extract: JournalExtract) -> tuple[Note, bytes]:
        """Hands over a stretch of the journal; gives the node's signed note, read and as bytes to keep."""
        answer = self._link.ask("POST", protocol.JOURNAL, body=extract.write(journal_extract))
        keys = self.node.public_keys.values()
        note = self._opened(answer, lambda: checkpoint.open_(answer.body, self.node.code, *keys))
        if (note.origin, note.checkpoint) != (f"{self.office_code}/journal", journal_extract.checkpoint):
            raise answer.unreadable("a note on another journal or checkpoint")
        return note, answer.body

    def directory(self, etag: str = "") -> tuple[Directory, bytes, str] | None:
        """The node's signed directory, its bytes and ETag; None when it is still the one of the ETag given."""
        headers = {"If-None-Match": etag} if etag else {}
        most = directory.LARGEST_BYTES
        answer = self._link.ask("GET", protocol.DIRECTORY, headers=headers, success=(200, 304), most_bytes=most)
        if answer.status == 304:
            return None
        found = self._opened(answer, lambda: directory.open_(answer.body, self._node_key))
        return found, answer.body, answer.headers.get("ETag", "")

    def announce(self, directory_bytes: bytes) -> Heard:
        """Tells the node who is below us; the same again changes nothing."""
        answer = self._link.ask("POST", protocol.SUBTREE, body=directory_bytes)
        return self._opened(answer, lambda: announcement.read_heard(answer.body))

    def compare(self, vector: Vector) -> VectorAnswer:
        """Tells what we have and hears what we lack. Receipts in the answer are **unverified**."""
        body, most = mailbox.write_vector(vector), mailbox.LARGEST_PAGE_BYTES
        answer = self._link.ask("POST", protocol.VECTOR, body=body, most_bytes=most)
        return self._opened(answer, lambda: mailbox.read_vector_answer(answer.body))

    def held(self, questions: tuple[Question, ...]) -> tuple[Held, ...]:
        """What the node says that it holds of messages of ours. Receipts in the answer are **unverified**."""
        body, most = comparison.write_questions(questions), comparison.LARGEST_ANSWER_BYTES
        answer = self._link.ask("POST", protocol.COMPARISON, body=body, most_bytes=most)
        return self._opened(answer, lambda: comparison.read_answers(answer.body))

    def held_for_us(self, after: int, limit: int = comparison.LARGEST_PAGE) -> HeldPage:
        """A page of the documents that the node took for us, fetched or not."""
        path = f"{protocol.COMPARISON}?after={after}&limit={limit}"
        answer = self._link.ask("GET", path, most_bytes=comparison.LARGEST_ANSWER_BYTES)
        return self._opened(answer, lambda: comparison.read_page(answer.body))

    def lost(self, stated: Checkpoint) -> tuple[LostJournal, ...]:
        """Our earlier journals that go beyond where ours stood when it was restored, each with the node's checked word.

        A note that the node did not sign over just that end is no answer of a node of ours.
        """
        answer = self._link.ask("GET", f"{protocol.LOST}?size={stated.size}&head={stated.head}")
        found = self._opened(answer, lambda: lost.read_journals(answer.body))
        for item in found:
            note = self._opened(
                answer, partial(checkpoint.open_, item.note, self.node.code, *self.node.public_keys.values())
            )
            if (note.origin, note.checkpoint) != (f"{self.office_code}/journal", item.checkpoint):
                raise answer.unreadable("a note on another journal or checkpoint")
        return found

    def lost_lines(self, epoch: int, after: int) -> JournalExtract:
        """A stretch of an earlier journal of ours. Its chain is for the caller to check."""
        path, most = f"{protocol.LOST}/{epoch}?after={after}", protocol.LARGEST_JOURNAL_BYTES
        answer = self._link.ask("GET", path, most_bytes=most)
        return self._opened(answer, lambda: extract.read(answer.body))

    def sent(self, since: datetime, after: int) -> SentPage:
        """A page of the documents that the node took from us since an instant. Envelopes in it are **unverified**."""
        path = f"{protocol.SENT}?since={clock.to_text(since)}&after={after}&limit={lost.LARGEST_PAGE}"
        answer = self._link.ask("GET", path, most_bytes=lost.LARGEST_ANSWER_BYTES)
        return self._opened(answer, lambda: lost.read_sent(answer.body))

    def organisations(self, since: int) -> ListedPage:
        """What changed behind a number among the organisations that concern this office."""
        return self._organisations(f"since={since}&limit={organisations.LARGEST_PAGE}")

    def organisations_named(self, codes: Sequence[str]) -> ListedPage:
        """The organisations of some codes, in any form."""
        return self._organisations(f"codes={','.join(codes[: organisations.MOST_CODES])}")

    def organisations_found(self, words: str) -> ListedPage:
        """The organisations that hold every word; the words are folded, what is not ASCII is left out."""
        asked = "+".join(_NOT_A_WORD.sub(" ", fold(words)).split()[:8])
        return self._organisations(f"q={asked}&limit={organisations.MOST_FOUND}")

    def _organisations(self, query: str) -> ListedPage:
        most = organisations.LARGEST_ANSWER_BYTES
        answer = self._link.ask("GET", f"{protocol.ORGANISATIONS}?{query}", most_bytes=most)
        return self._opened(answer, lambda: organisations.read_page(answer.body))

    def _node_key(self, code: str, wanted: str) -> bytes | None:
        return self.node.public_keys.get(wanted) if code == self.node.code else None

    def _opened(self, answer: Answer, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except (Malformed, Unauthenticated) as error:
            raise answer.unreadable(error.detail or error.code) from error


def _length(spelled: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", spelled):
        raise NodeUnreachable(detail="a packet without a length")
    return int(spelled)


def _offset(answer: Answer) -> int:
    spelled = answer.headers.get(protocol.UPLOAD_OFFSET, "")
    if not re.fullmatch(r"[0-9]{1,15}", spelled):
        raise answer.unreadable("no offset")
    return int(spelled)
