"""A district node in memory that keeps the promises of `docs/wire.md`; `tests.fakes.wire` puts it on a socket."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from commune_portal import clock
from commune_portal.errors import Malformed, Unauthenticated, UnsupportedVersion
from commune_portal.rules import chain
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import (
    checkpoint,
    directory,
    enrolment,
    envelope,
    extract,
    fields,
    keys,
    mailbox,
    protocol,
    receipt,
    requests,
)
from commune_portal.wire.canonical import canonical
from commune_portal.wire.directory import Directory, DirectoryEntry
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.mailbox import MailboxItem, MailboxPage, VectorAnswer
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import Receipt, RefusalType, Verdict
from commune_portal.wire.requests import Failure, RequestUnauthenticated
from tests.fakes.exchange import Answer, Mirror, No, Stored, Unfinished, refuse


class FakeNode:
    """The node's whole state and its answers. One request at a time."""

    def __init__(self, code: str = "H99") -> None:
        self.code = code
        self.keys = keys.from_seeds(secrets.token_bytes(32), secrets.token_bytes(32))
        self.entries: list[DirectoryEntry] = []
        self.tokens: dict[str, str] = {}
        self.used_tokens: set[str] = set()
        self.uploads: dict[str, Unfinished] = {}
        self.packets: dict[tuple[str, str], bytes] = {}
        self.messages: dict[str, Stored] = {}
        self.boxes: dict[str, list[MailboxItem]] = {}
        self.mirrors: dict[str, Mirror] = {}
        self.nonces: set[str] = set()
        self.largest_packet_bytes = 96 * 1024 * 1024
        self.busy: Refused | None = None
        self.compares = True
        self.clock_ahead = timedelta()
        self.steps = 0
        self.guard = threading.RLock()
        self.enrol(code, self.keys)

    def now(self) -> datetime:
        return clock.now() + self.clock_ahead

    def enrol(self, code: str, member: keys.InstallationKeys) -> None:
        """Takes a member without a token."""
        self.entries.append(
            DirectoryEntry(
                code=code,
                code_legacy=None,
                name=f"Xã {code}",
                key_id=member.key_id,
                public_key=member.public_key,
                box_public_key=member.box_public_key,
                valid_from=self.now(),
            )
        )

    def enrolment_file(self, code: str, address: str) -> enrolment.EnrolmentFile:
        """Makes a file with a fresh token."""
        token = secrets.token_urlsafe(24)
        self.tokens[token] = code
        return enrolment.EnrolmentFile(
            token=token,
            office_code=code,
            office_name=f"Xã {code}",
            node_code=self.code,
            node_name="Nút liên thông thử",
            node_public_key=self.keys.public_key,
            node_box_public_key=self.keys.box_public_key,
            address=address,
            ca_pem=None,
            expires_at=self.now() + timedelta(days=7),
        )

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request; every answer carries the node's time."""
        with self.guard:
            try:
                answer = self._answer(method, path, headers, body)
            except No as no:
                answer = no.answer
            except Malformed:
                answer = refuse(Refused.MALFORMED)
            answer.headers[protocol.NODE_TIME] = clock.to_text(self.now())
            return answer

    def _answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        bare, _, query = path.partition("?")
        if (method, bare) == ("GET", protocol.CLOCK):
            return Answer(200, canonical({"time": clock.to_text(self.now())}))
        request = {name.lower(): value for name, value in headers.items()}
        if (method, bare) == ("POST", protocol.ENROLMENT):
            return self._enrolment(path, request, body)
        verified = self._verified(method, path, request, body, self._public_key)
        entry = next(entry for entry in self.entries if entry.key_id == verified)
        if entry.revoked_at is not None:
            raise No(Refused.KEY_REVOKED)
        if self.busy is not None:
            raise No(self.busy, {"Retry-After": "7"})
        member = entry.code
        if bare == protocol.UPLOADS or bare.startswith(protocol.UPLOADS + "/"):
            return self._upload(method, bare.removeprefix(protocol.UPLOADS).strip("/"), member, request, body)
        if bare.startswith(protocol.PACKETS + "/") and method == "GET":
            return self._packet(bare.removeprefix(protocol.PACKETS + "/"), member, request)
        if (method, bare) == ("POST", protocol.MESSAGES):
            return self._message(member, request, body)
        if (method, bare) == ("GET", protocol.MAILBOX):
            return self._mailbox(member, query)
        if (method, bare) == ("POST", protocol.RECEIPTS):
            return self._receipt(member, body)
        if bare == protocol.JOURNAL:
            return self._journal(method, member, body)
        if (method, bare) == ("GET", protocol.DIRECTORY):
            return self._directory(request)
        if (method, bare) == ("POST", protocol.VECTOR):
            return self._vector(member, body)
        raise No(Refused.NOT_FOUND)

    def _verified(
        self, method: str, path: str, request: Mapping[str, str], body: bytes, lookup: requests.RequestKeys
    ) -> str:
        try:
            found = requests.verify(method, path, request, body, node=self.code, lookup=lookup, now=self.now())
        except RequestUnauthenticated as error:
            if error.failure is Failure.STALE:
                raise No(Refused.STALE) from error
            if error.failure is Failure.BAD_DIGEST:
                chunk = protocol.UPLOAD_CHECKSUM.lower() in request
                raise No(Refused.CHECKSUM_MISMATCH if chunk else Refused.DIGEST_MISMATCH) from error
            raise No(Refused.UNAUTHENTICATED) from error
        if found.nonce in self.nonces:
            raise No(Refused.REPLAYED)
        self.nonces.add(found.nonce)
        return found.key_id

    def _public_key(self, key_id: str) -> bytes | None:
        return next((entry.public_key for entry in self.entries if entry.key_id == key_id), None)

    def _party_key(self, code: str, key_id: str) -> bytes | None:
        return next((e.public_key for e in self.entries if (e.code, e.key_id) == (code, key_id)), None)

    def _enrolment(self, path: str, request: Mapping[str, str], body: bytes) -> Answer:
        asked = enrolment.read_request(body)
        offered = {keys.key_id(asked.public_key): asked.public_key}
        self._verified("POST", path, request, body, offered.get)
        known = self._party_key(asked.code, keys.key_id(asked.public_key)) == asked.public_key
        if self.tokens.get(asked.token) != asked.code or (asked.token in self.used_tokens and not known):
            raise No(Refused.TOKEN_USED)
        self.used_tokens.add(asked.token)
        if not known:
            self.entries.append(
                DirectoryEntry(
                    code=asked.code,
                    code_legacy=None,
                    name=f"Xã {asked.code}",
                    key_id=keys.key_id(asked.public_key),
                    public_key=asked.public_key,
                    box_public_key=asked.box_public_key,
                    valid_from=self.now(),
                )
            )
        return Answer(200, self._sealed_directory(lambda entry: entry.code == asked.code, partial=True))

    def _upload(self, method: str, name: str, member: str, request: Mapping[str, str], body: bytes) -> Answer:
        tus = {protocol.TUS_RESUMABLE: protocol.TUS_VERSION}
        if method == "POST" and not name:
            return self._begin_upload(member, request, tus)
        found = self.uploads.get(name)
        if found is None or found.owner != member:
            raise No(Refused.NOT_FOUND, tus)
        if method == "PATCH":
            if int(request["upload-offset"]) != len(found.data):
                raise No(Refused.WRONG_OFFSET, tus)
            if len(found.data) + len(body) > found.length:
                raise No(Refused.TOO_LARGE, tus)
            found.data += body
            if len(found.data) == found.length:
                if hashlib.sha256(found.data).hexdigest() == found.sha256:
                    self.packets[member, found.sha256] = bytes(found.data)
                else:
                    del self.uploads[name]
                    raise No(Refused.CHECKSUM_MISMATCH, tus)
            return Answer(204, headers={**tus, protocol.UPLOAD_OFFSET: str(len(found.data))})
        if method == "HEAD":
            at = {protocol.UPLOAD_OFFSET: str(len(found.data)), protocol.UPLOAD_LENGTH: str(found.length)}
            return Answer(200, headers={**tus, **at, "Cache-Control": "no-store"})
        raise No(Refused.NOT_FOUND, tus)

    def _begin_upload(self, member: str, request: Mapping[str, str], tus: dict[str, str]) -> Answer:
        match = re.fullmatch(r"sha256 (\S+),message (\S+)", request["upload-metadata"])
        assert match
        sha256 = (fields.from_base64(match[1]) or b"").decode()
        length = int(request["upload-length"])
        if length > self.largest_packet_bytes:
            raise No(Refused.TOO_LARGE, tus)
        if (member, sha256) in self.packets:
            return Answer(200, headers={**tus, protocol.PACKET_PRESENT: "yes"})
        mine = (n for n, found in self.uploads.items() if (found.owner, found.sha256) == (member, sha256))
        name = next(mine, None) or secrets.token_hex(16)
        found = self.uploads.setdefault(name, Unfinished(member, sha256, length))
        expires = {protocol.UPLOAD_EXPIRES: "Sun, 06 Dec 2026 02:00:00 GMT"}
        at = {"Location": f"{protocol.UPLOADS}/{name}", protocol.UPLOAD_OFFSET: str(len(found.data))}
        return Answer(201, headers={**tus, **at, **expires})

    def _message(self, member: str, request: Mapping[str, str], body: bytes) -> Answer:
        length = int(request["envelope-length"])
        data, inline = body[:length], body[length:]
        try:
            written = envelope.parse_unverified(data)
        except UnsupportedVersion as error:
            raise No(Refused.UNSUPPORTED_VERSION) from error
        if written.sender != member:
            raise No(Refused.NOT_PERMITTED)
        refusal = self._refusal(data, written, inline)
        if refusal is not None:
            return self._refused(written, refusal)
        stored = self.messages.get(written.message_id)
        if stored is not None:
            return Answer(200, stored.receipt_bytes, {protocol.RECEIPT: Verdict.DUPLICATE.value})
        if inline:
            self.packets[member, written.packet_sha256] = inline
        if (member, written.packet_sha256) not in self.packets:
            raise No(Refused.PACKET_MISSING)
        signed = self._signed_receipt(written, None)
        self.messages[written.message_id] = Stored(written, data, signed)
        self._put(written.recipient, envelope=data)
        return Answer(200, signed, {protocol.RECEIPT: Verdict.ACCEPTED.value})

    def _refusal(self, data: bytes, written: Envelope, inline: bytes) -> RefusalType | None:
        try:
            envelope.open_(data, self._party_key)
        except Unauthenticated:
            return RefusalType.NOT_PERMITTED
        stored = self.messages.get(written.message_id)
        if stored is not None:
            same = stored.envelope_bytes == data
            return None if same else RefusalType.CONFLICT
        if not any(entry.code == written.recipient and not entry.revoked_at for entry in self.entries):
            return RefusalType.INVALID_ADDRESSEE
        if written.packet_bytes > self.largest_packet_bytes:
            return RefusalType.TOO_LARGE
        if inline and not envelope.describes(written, inline):
            return RefusalType.MALFORMED
        return None

    def _refused(self, written: Envelope, refusal: RefusalType) -> Answer:
        status = 409 if refusal is RefusalType.CONFLICT else 422
        said = {protocol.RECEIPT: Verdict.REFUSED.value}
        return Answer(status, self._signed_receipt(written, refusal), said)

    def _signed_receipt(self, written: Envelope, refusal: RefusalType | None) -> bytes:
        self.steps += 1
        return receipt.seal(
            Receipt(
                message_id=written.message_id,
                packet_sha256=written.packet_sha256,
                verdict=Verdict.REFUSED if refusal else Verdict.ACCEPTED,
                refusal=refusal,
                receiver=self.code,
                receiver_sequence=self.steps,
                received_at=self.now(),
                checkpoint=Checkpoint(self.steps, hashlib.sha256(str(self.steps).encode()).hexdigest()),
                sender_checkpoint=written.checkpoint,
                key_id=self.keys.key_id,
            ),
            self.keys,
        )

    def _put(self, member: str, *, envelope: bytes | None = None, receipt: bytes | None = None) -> None:
        box = self.boxes.setdefault(member, [])
        box.append(MailboxItem(len(box) + 1, envelope, None, receipt))

    def _mailbox(self, member: str, query: str) -> Answer:
        asked = parse_qs(query)
        after, limit = int(asked["after"][0]), min(int(asked["limit"][0]), protocol.LARGEST_MAILBOX_PAGE)
        waiting = [item for item in self.boxes.get(member, []) if item.sequence > after and not self._done(item)]
        page = tuple(waiting[:limit])
        behind = page[-1].sequence if page else after
        return Answer(200, mailbox.write_page(MailboxPage(page, behind, len(waiting) > limit)))

    def _done(self, item: MailboxItem) -> bool:
        if item.envelope is None:
            return False
        written = envelope.parse_unverified(item.envelope)
        return self.messages[written.message_id].recipient_receipt is not None

    def _packet(self, sha256: str, member: str, request: Mapping[str, str]) -> Answer:
        stored = next(
            (
                found
                for found in self.messages.values()
                if found.envelope.packet_sha256 == sha256 and found.envelope.recipient == member
            ),
            None,
        )
        if stored is None:
            raise No(Refused.NOT_FOUND)
        packet = self.packets[stored.envelope.sender, sha256]
        tag = {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes"}
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.get("range", ""))
        if match is None or request.get("if-range", tag["ETag"]) != tag["ETag"]:
            return Answer(200, packet, tag)
        first, last = int(match[1]), min(int(match[2] or len(packet)), len(packet) - 1)
        if first > last:
            return Answer(416, b"", {"Content-Range": f"bytes */{len(packet)}"})
        said = {**tag, "Content-Range": f"bytes {first}-{last}/{len(packet)}"}
        return Answer(206, packet[first : last + 1], said)

    def _receipt(self, member: str, body: bytes) -> Answer:
        try:
            given = receipt.open_(body, self._party_key)
        except Unauthenticated as error:
            raise No(Refused.NOT_PERMITTED) from error
        stored = self.messages.get(given.message_id)
        if stored is None or stored.envelope.recipient != member or given.receiver != member:
            raise No(Refused.NOT_FOUND)
        if stored.recipient_receipt is None:
            stored.recipient_receipt = body
            self._put(stored.envelope.sender, receipt=body)
        elif stored.recipient_receipt != body:
            raise No(Refused.CONFLICT)
        return Answer(204)

    def _journal(self, method: str, member: str, body: bytes) -> Answer:
        mirror = self.mirrors.get(member)
        if method == "GET":
            size = mirror.checkpoint if mirror else Checkpoint(0, "0" * 64)
            return Answer(200, extract.write_mirrored(extract.Mirrored(size, 0, mirror.note if mirror else None)))
        handed = extract.read(body)
        if mirror is None:
            mirror = self.mirrors[member] = Mirror(Checkpoint(0, chain.genesis(handed.installation_uid)))
        if handed.first > mirror.checkpoint.size + 1:
            raise No(Refused.JOURNAL_GAP)
        fresh = handed.lines[mirror.checkpoint.size + 1 - handed.first :]
        head = mirror.checkpoint.head
        for line in fresh:
            head = chain.link(head, line.body.encode())
        reached = Checkpoint(mirror.checkpoint.size + len(fresh), head)
        if reached != handed.checkpoint:
            raise No(Refused.JOURNAL_FORK)
        note = checkpoint.Note(f"{member}/journal", reached, self.now())
        mirror.checkpoint, mirror.note = reached, checkpoint.seal(note, self.code, self.keys)
        mirror.lines += fresh
        return Answer(200, mirror.note)

    def _sealed_directory(self, wanted: Callable[[DirectoryEntry], bool], *, partial: bool) -> bytes:
        listed = tuple(entry for entry in self.entries if wanted(entry))
        issued = max((entry.valid_from for entry in listed), default=self.now())
        value = Directory(node=self.code, issued_at=issued, partial=partial, entries=listed, key_id=self.keys.key_id)
        return directory.seal(value, self.keys)

    def _directory(self, request: Mapping[str, str]) -> Answer:
        data = self._sealed_directory(lambda _entry: True, partial=False)
        tag = f'"{hashlib.sha256(data).hexdigest()}"'
        if request.get("if-none-match") == tag:
            return Answer(304, headers={"ETag": tag})
        return Answer(200, data, {"ETag": tag})

    def _vector(self, member: str, body: bytes) -> Answer:
        if not self.compares:
            raise No(Refused.NOT_SUPPORTED)
        asked = mailbox.read_vector(body)
        known = [self.messages.get(item.message_id) for item in asked.waiting]
        receipts = tuple(stored.receipt_bytes for stored in known if stored and stored.envelope.sender == member)
        unknown = tuple(item.message_id for item, stored in zip(asked.waiting, known, strict=True) if stored is None)
        newest = len(self.boxes.get(member, []))
        lost = tuple(item.message_id for item in asked.open if item.message_id not in self.messages)
        return Answer(200, mailbox.write_vector_answer(VectorAnswer(receipts, unknown, newest, lost)))
