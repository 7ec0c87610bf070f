"""The machine door of a node, `/exchange/v1/`: each request signed by a member, each answer with the node's time.

No cookie is read here and no page is answered; a refusal is one word of the exchange with its sentence. What is
said and answered is specified in `docs/wire.md`; what is done stands in `commune_portal.node`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from flask import Blueprint, Response, current_app, make_response, request, send_file
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from commune_portal import clock, points
from commune_portal.errors import DiskFull, Malformed, NotFound, PortalError, StoreBusy, UnsupportedVersion
from commune_portal.node import contacts, directory, mailbox, members, mirrors, uploads, vectors
from commune_portal.node.members import Member
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.node.uploads import Upload
from commune_portal.settings import Limits, Settings
from commune_portal.store import installation
from commune_portal.views import node_lists
from commune_portal.views._errors import one_line
from commune_portal.wire import enrolment, envelope, extract, fields, keys, protocol
from commune_portal.wire import mailbox as wire_mailbox
from commune_portal.wire import receipt as wire_receipts
from commune_portal.wire import requests as signatures
from commune_portal.wire.canonical import canonical
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import RefusalType, Verdict
from commune_portal.wire.requests import Failure, RequestUnauthenticated, VerifiedRequest

blueprint = Blueprint("node_api", __name__, url_prefix=protocol.PREFIX)

RETRY_AFTER_SECONDS = 60
LARGEST_QUESTION_BYTES = 64 * 1024
EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_METADATA = re.compile(r"([!-+\--~]{1,64})(?: ([A-Za-z0-9+/=]{0,2000}))?")
_COUNT = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Caller:
    """A request that is believed: whose it is, and its body."""

    member: Member
    body: bytes
    created: datetime


@blueprint.get("/clock")
def show_clock() -> Response:
    """The node's time; the one question that needs no signature."""
    return _json(canonical({"time": clock.now_text()}))


@blueprint.post("/enrolment")
def enrol() -> Response:
    """An office's first words: its token and public keys, signed with the new key itself."""
    body = _body(enrolment.LARGEST_BYTES)
    asked = enrolment.read_request(body)
    key_id = keys.key_id(asked.public_key)
    verified = _verify(body, {key_id: asked.public_key})
    member = members.enrol(asked)
    contacts.meet(member.id, verified, request.remote_addr or "")
    return _json(directory.answer_to_enrolment(member.id).bytes)


@blueprint.route("/uploads", methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route("/uploads/<upload_id>", methods=["OPTIONS"], provide_automatic_options=False)
def upload_options(upload_id: str = "") -> Response:  # noqa: ARG001 - the same for each
    """What this node knows of tus."""
    answer = make_response("", 204)
    answer.headers["Tus-Version"] = protocol.TUS_VERSION
    answer.headers["Tus-Extension"] = protocol.TUS_EXTENSIONS
    answer.headers["Tus-Checksum-Algorithm"] = ",".join(uploads.CHECKSUMS)
    answer.headers["Tus-Max-Size"] = str(_limits().packet_bytes)
    return answer


@blueprint.post("/uploads")
def begin_upload() -> Response:
    """Makes an upload or finds it again."""
    member = _caller(LARGEST_QUESTION_BYTES).member
    _require_tus()
    metadata = _metadata(request.headers.get(protocol.UPLOAD_METADATA, ""))
    sha256 = fields.matching(metadata, "sha256", fields.SHA256)
    message_id = fields.matching(metadata, "message", fields.MESSAGE_ID)
    length = _whole(request.headers.get(protocol.UPLOAD_LENGTH), protocol.UPLOAD_LENGTH)
    if not length:
        raise ExchangeRefused(Refused.MALFORMED, "an empty packet")
    upload = uploads.begin(member, sha256, length, message_id, _limits())
    if upload is None:
        answer = make_response("", 200)
        answer.headers[protocol.PACKET_PRESENT] = "yes"
        return answer
    answer = _upload_answer(upload, 201)
    answer.headers["Location"] = f"{protocol.UPLOADS}/{upload.id}"
    return answer


@blueprint.route("/uploads/<upload_id>", methods=["HEAD"])
def show_upload(upload_id: str) -> Response:
    """How many bytes of it lie on disk."""
    member = _caller(0).member
    _require_tus()
    answer = _upload_answer(uploads.find(member, upload_id), 200)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.patch("/uploads/<upload_id>")
def write_upload(upload_id: str) -> Response:
    """Appends a chunk; it is on disk when this answers."""
    caller = _caller(protocol.LARGEST_CHUNK_BYTES)
    _require_tus()
    if request.mimetype != protocol.CHUNK_TYPE:
        raise _Unsupported
    offset = _whole(request.headers.get(protocol.UPLOAD_OFFSET), protocol.UPLOAD_OFFSET)
    checksum = request.headers.get(protocol.UPLOAD_CHECKSUM)
    if checksum is not None and not uploads.chunk_is_intact(caller.body, checksum):
        raise ExchangeRefused(Refused.CHECKSUM_MISMATCH)
    return _upload_answer(uploads.write(caller.member, upload_id, offset, caller.body, _limits()), 204)


@blueprint.delete("/uploads/<upload_id>")
def end_upload(upload_id: str) -> Response:
    """Gives an upload up."""
    member = _caller(0).member
    _require_tus()
    uploads.end(member, upload_id)
    return make_response("", 204)


@blueprint.post("/messages")
def take_message() -> Response:
    """Takes an envelope, its packet behind it where that is small; answers the signed receipt."""
    caller = _caller(envelope.LARGEST_BYTES + protocol.LARGEST_INLINE_BYTES)
    length = _whole(request.headers.get(protocol.ENVELOPE_LENGTH), protocol.ENVELOPE_LENGTH)
    if not 0 < length <= min(len(caller.body), envelope.LARGEST_BYTES):
        raise ExchangeRefused(Refused.MALFORMED, "length of the envelope")
    packet = caller.body[length:] or None
    taken = mailbox.take(caller.member, caller.body[:length], packet, _limits(), _trace())
    points.reach("before-answer")
    status = 200
    if taken.verdict is Verdict.REFUSED:
        status = 409 if taken.refusal is RefusalType.CONFLICT else 422
    answer = make_response(taken.receipt, status)
    answer.mimetype = "text/plain"
    answer.headers[protocol.RECEIPT] = taken.verdict.value
    return answer


@blueprint.get("/mailbox")
def show_mailbox() -> Response:
    """A page of what waits behind a cursor."""
    member = _caller(0).member
    after = _whole(request.args.get("after", "0"), "after")
    limit = _whole(request.args.get("limit", "50"), "limit")
    page = mailbox.waiting(member, after, max(1, min(limit, protocol.LARGEST_MAILBOX_PAGE)))
    return _json(wire_mailbox.write_page(page))


@blueprint.get("/packets/<sha256>")
def send_packet(sha256: str) -> Response:
    """A packet or a stretch of it; its tag is its hash."""
    member = _caller(0).member
    if not fields.SHA256.fullmatch(sha256):
        raise ExchangeRefused(Refused.NOT_FOUND)
    path = mailbox.packet_for(member, sha256)
    return send_file(path, mimetype="application/octet-stream", etag=sha256, conditional=True, max_age=0)


@blueprint.post("/receipts")
def take_receipt() -> Response:
    """The addressee's receipt for a message."""
    caller = _caller(wire_receipts.LARGEST_BYTES)
    mailbox.acknowledge(caller.member, caller.body)
    points.reach("before-answer")
    return make_response("", 204)


@blueprint.get("/journal")
def show_mirror() -> Response:
    """What the node has of the member's journal."""
    return _json(extract.write_mirrored(mirrors.mirrored(_caller(0).member)))


@blueprint.post("/journal")
def take_extract() -> Response:
    """A stretch of the member's journal; answers the node's signed note."""
    caller = _caller(protocol.LARGEST_JOURNAL_BYTES)
    note = mirrors.take_extract(caller.member, extract.read(caller.body))
    points.reach("before-answer")
    answer = make_response(note)
    answer.mimetype = "text/plain"
    return answer


@blueprint.get("/directory")
def show_directory() -> Response:
    """The signed directory, or nothing new."""
    _caller(0)
    found = directory.signed_directory()
    tag = f'"{found.etag}"'
    answer = make_response("", 304) if request.headers.get("If-None-Match") == tag else _json(found.bytes)
    answer.headers["ETag"] = tag
    return answer


@blueprint.post("/vector")
def compare() -> Response:
    """What the member has; answers what it lacks."""
    caller = _caller(wire_mailbox.LARGEST_VECTOR_BYTES)
    answer = vectors.compare(caller.member, wire_mailbox.read_vector(caller.body), caller.created)
    return _json(wire_mailbox.write_vector_answer(answer))


@blueprint.route("/<path:rest>", methods=EVERY_METHOD, provide_automatic_options=False)
def refuse_unknown(rest: str) -> Response:  # noqa: ARG001 - the address itself is of no interest
    """Whatever this node does not know."""
    raise ExchangeRefused(Refused.NOT_FOUND)


class _Unsupported(HTTPException):
    """A chunk that does not say that it is one. Source: tus 1.0.0, PATCH."""

    code = 415


class _OtherTus(HTTPException):
    """Another version of tus. Source: tus 1.0.0, Tus-Resumable."""

    code = 412


@blueprint.after_request
def _tell_time(answer: Response) -> Response:
    """Every answer carries the node's time, refusals too: an office corrects its clock by it."""
    answer.headers[protocol.NODE_TIME] = clock.now_text()
    has_body = request.method != "HEAD" and answer.status_code not in (204, 304)
    if has_body and not answer.direct_passthrough and not answer.is_streamed:
        answer.headers[protocol.CONTENT_DIGEST] = signatures.content_digest(answer.get_data())
    if request.path.startswith(protocol.UPLOADS):
        answer.headers[protocol.TUS_RESUMABLE] = protocol.TUS_VERSION
        if answer.status_code == 412:
            answer.headers["Tus-Version"] = protocol.TUS_VERSION
    return answer


@blueprint.errorhandler(PortalError)
def _refuse(error: PortalError) -> Response:
    """A refusal in one word; what has none is an answer that proves nothing, so the office tries again."""
    word = _word(error)
    if error.detail:
        current_app.logger.warning("%s at %s: %s", error.code, request.path, one_line(error.detail))
    if word is None:
        return make_response("", 503)
    answer = _json(canonical({"error": word.value, "sentence": word.sentence}), word.status)
    answer.headers[protocol.EXCHANGE_ERROR] = word.value
    if word.status in (429, 503):
        answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, ExchangeRefused) and error.offset is not None:
        answer.headers[protocol.UPLOAD_OFFSET] = str(error.offset)
    return answer


@blueprint.errorhandler(HTTPException)
def _refuse_http(error: HTTPException) -> Response:
    """HTTP's own refusals without a page around them."""
    if isinstance(error, RequestEntityTooLarge):
        return _refuse(ExchangeRefused(Refused.TOO_LARGE))
    answer = make_response("", error.code or 500)
    for name, value in error.get_headers(request.environ):
        if name == "Content-Range":
            answer.headers[name] = value
    return answer


def _word(error: PortalError) -> Refused | None:
    if isinstance(error, ExchangeRefused):
        return error.word
    if isinstance(error, RequestUnauthenticated):
        if error.failure is Failure.BAD_DIGEST:
            chunk = protocol.UPLOAD_CHECKSUM in request.headers
            return Refused.CHECKSUM_MISMATCH if chunk else Refused.DIGEST_MISMATCH
        return Refused.STALE if error.failure is Failure.STALE else Refused.UNAUTHENTICATED
    words: tuple[tuple[type[PortalError], Refused], ...] = (
        (UnsupportedVersion, Refused.UNSUPPORTED_VERSION),
        (Malformed, Refused.MALFORMED),
        (NotFound, Refused.NOT_FOUND),
        (StoreBusy, Refused.TRY_LATER),
        (DiskFull, Refused.DISK_FULL),
    )
    return next((word for kind, word in words if isinstance(error, kind)), None)


def _caller(most_bytes: int) -> Caller:
    """Reads the body, at most so long, and the member that signed the request; raises for whom it does not believe."""
    body = _body(most_bytes)
    named = re.search(r'keyid="([0-9a-f]{16})"', request.headers.get("Signature-Input", ""))
    found = members.member_by_key(named[1]) if named else None
    verified = _verify(body, {found[1].key_id: found[1].public_key} if found else {})
    assert found is not None  # an unknown key never verifies
    member, key = found
    contacts.meet(member.id, verified, request.remote_addr or "")
    if key.revoked_at is not None or member.closed_at is not None:
        raise ExchangeRefused(Refused.KEY_REVOKED)
    return Caller(member, body, verified.created)


def _verify(body: bytes, known: Mapping[str, bytes]) -> VerifiedRequest:
    query = request.query_string.decode("latin-1")
    return signatures.verify(
        request.method,
        f"{request.path}?{query}" if query else request.path,
        dict(request.headers),
        body,
        node=installation.own().code,
        lookup=known.get,
        now=clock.now(),
    )


def _body(most_bytes: int) -> bytes:
    """The body of the request; one that is longer is not read to its end."""
    request.max_content_length = max(most_bytes, 1)
    if (request.content_length or 0) > most_bytes:
        raise ExchangeRefused(Refused.TOO_LARGE)
    body = request.get_data(cache=False)
    if len(body) > most_bytes:
        raise ExchangeRefused(Refused.TOO_LARGE)
    return body


def _upload_answer(upload: Upload, status: int) -> Response:
    answer = make_response("", status)
    answer.headers[protocol.UPLOAD_OFFSET] = str(upload.offset)
    answer.headers[protocol.UPLOAD_EXPIRES] = format_datetime(upload.expires_at, usegmt=True)
    if request.method == "HEAD":
        answer.headers[protocol.UPLOAD_LENGTH] = str(upload.length)
        spelled = {"sha256": upload.sha256, "message": upload.message_id}
        said = (f"{name} {fields.to_base64(value.encode())}" for name, value in spelled.items())
        answer.headers[protocol.UPLOAD_METADATA] = ",".join(said)
    return answer


def _require_tus() -> None:
    if request.headers.get(protocol.TUS_RESUMABLE) != protocol.TUS_VERSION:
        raise _OtherTus


def _metadata(spelled: str) -> dict[str, str]:
    """Reads `key base64,key base64`; raises Malformed. Source: tus 1.0.0, Upload-Metadata."""
    found: dict[str, str] = {}
    for part in spelled.split(","):
        match = _METADATA.fullmatch(part.strip())
        octets = fields.from_base64(match[2] or "") if match else None
        if match is None or octets is None:
            raise Malformed(detail="upload metadata")
        found[match[1]] = octets.decode("utf-8", "replace")
    return found


def _trace() -> tuple[str, ...]:
    """The nodes below that a message came through, in the order in which it did."""
    codes = tuple(request.headers.get(protocol.EXCHANGE_TRACE, "").split())
    if not all(fields.CODE.fullmatch(code) for code in codes):
        raise Malformed(detail="trace")
    return codes


def _whole(spelled: str | None, name: str) -> int:
    if spelled is None or not _COUNT.fullmatch(spelled):
        raise Malformed(detail=f"{name} is not a count")
    return int(spelled)


def _json(data: bytes, status: int = 200) -> Response:
    answer = make_response(data, status)
    answer.mimetype = "application/json"
    return answer


def _limits() -> Limits:
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    return settings.limits


node_lists.add_to(blueprint, _caller, _whole, _json)
