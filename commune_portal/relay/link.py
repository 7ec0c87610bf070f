"""Signed, bounded HTTP to one node: the only place of an office that opens a connection.

TLS 1.2 or later to the certificate authority of the enrolment file; plain HTTP only to a literal loopback address;
no redirect, no proxy of the environment, no switch that turns checking off.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from commune_portal import __version__, clock
from commune_portal.errors import NodeRefused, NodeUnreachable, PortalError
from commune_portal.wire import enrolment, protocol, requests
from commune_portal.wire.canonical import parse
from commune_portal.wire.keys import InstallationKeys
from commune_portal.wire.protocol import Refused

SMALL_ANSWER_BYTES = 256 * 1024
_BLOCK_BYTES = 16 * 1024
_SLOWEST_BYTES_PER_SECOND = 200
_LONGEST_PATIENCE_SECONDS = 3600.0
_TRANSIENT = (Refused.STALE, Refused.REPLAYED, Refused.DIGEST_MISMATCH)


class RefusedByNode(NodeRefused):
    """The node said no in its own words; `reason` is the word. It is final for no message: only a receipt is."""

    def __init__(self, reason: Refused) -> None:
        super().__init__(reason.sentence, detail=reason.value)
        self.reason = reason


class TryLater(NodeUnreachable):
    """The node is there but asks for patience (quota, disk, load); time mends it."""

    def __init__(self, reason: Refused, retry_after_seconds: float) -> None:
        super().__init__(reason.sentence, detail=reason.value)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Which node this is, where it is, and the public keys it signs with, by key id (two while it changes them)."""

    code: str
    address: str
    ca_pem: str | None
    public_keys: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read whole; `node_time` is None when it cannot be a node's."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    node_time: datetime | None

    def unreadable(self, problem: str) -> NodeUnreachable:
        """The error for an answer that no node of ours would give."""
        return NodeUnreachable(detail=f"answer {self.status}: {problem}"[:200])

    @property
    def word(self) -> Refused | None:
        """The node's word of refusal, from the header, or from the JSON where a proxy dropped the header."""
        spelled: object = self.headers.get(protocol.EXCHANGE_ERROR)
        try:
            if spelled is None:
                spelled = parse(self.body, SMALL_ANSWER_BYTES).get("error")
            return Refused(spelled)
        except (ValueError, PortalError):
            return None

    def refusal(self) -> PortalError:
        """The error that this answer, which is not a success, stands for."""
        word = self.word
        if word is None or self.node_time is None:
            return self.unreadable("not in the words of a node")
        if self.status in (429, 503):
            return TryLater(word, _seconds(self.headers.get("Retry-After")))
        if word in _TRANSIENT or self.status in (500, 502, 504):
            return NodeUnreachable(word.sentence, detail=word.value)
        return RefusedByNode(word)


@dataclass(slots=True)
class Traffic:
    """Bytes of bodies, headers not counted, and requests, since the link was made."""

    sent_bytes: int = 0
    received_bytes: int = 0
    requests: int = 0


Sink = Callable[[bytes], None]
Began = Callable[[int, Mapping[str, str]], Sink | None]
"""(status, headers) -> where the body goes as it arrives (bounded there), or None to have it in the answer."""


class Link:
    """Connections to one node. May be used from several threads."""

    def __init__(self, node: NodeIdentity, keys: InstallationKeys, timeout_seconds: float) -> None:
        enrolment.checked_address(node.address, node.ca_pem)
        self.node = node
        self.keys = keys
        self.traffic = Traffic()
        self.skew: timedelta | None = None
        self._timeout_seconds = timeout_seconds
        self._pool = _pool(node)

    def close(self) -> None:
        """Closes the connections; the link may be used again."""
        self._pool.close()
        self._pool = _pool(self.node)

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        success: tuple[int, ...] = (200,),
        most_bytes: int = SMALL_ANSWER_BYTES,
        began: Began | None = None,
    ) -> Answer:
        """Sends a signed request; raises what the answer stands for unless its status is a success.

        When the node finds our time stale, its own time is taken and the request is signed once more.
        """
        answer = self.attempt(method, path, headers or {}, body, most_bytes=most_bytes, began=began)
        if answer.status == 401 and answer.word is Refused.STALE and answer.node_time is not None:
            answer = self.attempt(method, path, headers or {}, body, most_bytes=most_bytes, began=began)
        if answer.status not in success:
            raise answer.refusal()
        return answer

    def attempt(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        signed: bool = True,
        most_bytes: int = SMALL_ANSWER_BYTES,
        began: Began | None = None,
    ) -> Answer:
        """One request and its answer, whatever its status; raises NodeUnreachable when there is none."""
        sent = {**headers, protocol.EXCHANGE_NODE: self.node.code} if signed else dict(headers)
        if signed:
            created = clock.now() + (self.skew or timedelta())
            sent |= requests.sign(method, path, sent, body, keys=self.keys, created=created, nonce=requests.new_nonce())
        sent |= {"User-Agent": f"commune-portal/{__version__}", "Accept-Encoding": "identity"}
        self.traffic.sent_bytes += len(body)
        self.traffic.requests += 1
        response: BaseHTTPResponse | None = None
        try:
            response = self._pool.urlopen(
                method,
                path,
                body=body if body or method in ("POST", "PATCH") else None,
                headers=sent,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=self._timeout_seconds, read=self._timeout_seconds),
            )
            return self._read(response, most_bytes, began)
        except (HTTPError, OSError, http.client.HTTPException) as error:
            raise NodeUnreachable(detail=f"{method} {path}: {type(error).__name__}"[:200]) from error
        finally:
            if response is not None:
                response.close()

    def _read(self, response: BaseHTTPResponse, most_bytes: int, began: Began | None) -> Answer:
        node_time = _node_time(response.headers.get(protocol.NODE_TIME))
        if node_time is not None:
            self.skew = node_time - clock.now()
        sink = began(response.status, response.headers) if began else None
        started, received, kept = clock.monotonic(), 0, bytearray()
        while block := response.read1(_BLOCK_BYTES, decode_content=False):
            received += len(block)
            self.traffic.received_bytes += len(block)
            if sink is None and received > most_bytes:
                raise NodeUnreachable(detail=f"answer longer than {most_bytes} bytes")
            if clock.monotonic() - started > self._timeout_seconds + received / _SLOWEST_BYTES_PER_SECOND:
                raise NodeUnreachable(detail="answer drips")
            if sink is not None:
                sink(block)
            else:
                kept += block
        response.release_conn()
        told = response.headers.get(protocol.CONTENT_DIGEST)
        if sink is None and told is not None and told != requests.content_digest(bytes(kept)):
            raise NodeUnreachable(detail="an answer that was damaged on its way")
        return Answer(response.status, response.headers, bytes(kept), node_time)


def _pool(node: NodeIdentity) -> urllib3.HTTPConnectionPool:
    parts = urlsplit(node.address)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(host, parts.port, maxsize=2)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=node.ca_pem)
    return urllib3.HTTPSConnectionPool(host, parts.port, maxsize=2, ssl_context=context)


def _node_time(spelled: str | None) -> datetime | None:
    try:
        return clock.from_text(spelled or "")
    except ValueError:
        return None


def _seconds(spelled: str | None) -> float:
    if spelled is None or not spelled.isascii() or not spelled.isdigit() or len(spelled) > 6:
        return 60.0
    return min(float(spelled), _LONGEST_PATIENCE_SECONDS)
