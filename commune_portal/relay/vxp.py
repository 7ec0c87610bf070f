"""An adapter for the VXP-style API of the national document axis, as its clients were seen to speak.

HTTP/1.1, every call a POST, parameters as headers `XroadVnpt-<name>`; authentication is an HMAC over the compact JSON
of those headers. Some habits of the known client are kept because a server may expect them: the time that looks like an
offset but is milliseconds, the file's hash without leading zeros, the line break behind the packet that is not hashed.
What a real server makes of them is not known: **this has never been tried against the real axis.** Unlike that client,
calls have a time limit, answers a bound, and TLS is always checked.
Source: captured requests of SDK 2.0.x on a loopback address; a published listing of its header signing
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from commune_portal import clock
from commune_portal.errors import NodeRefused, NodeUnreachable, SettingsWrong
from commune_portal.node.axis import Agency, Listed, SentStatus
from commune_portal.settings import Axis, Settings, is_loopback
from commune_portal.wire.envelope import Kind

PREFIX = "XroadVnpt-"
VERSION = "3.0.201608"
SERVICE = "eDoc"
LINE_BREAK = b"\r\n"
LARGEST_ANSWER_BYTES = 192 * 1024 * 1024
_TYPES = {Kind.EDOC: "edoc", Kind.STATUS: "status"}


class AxisRefused(NodeRefused):
    """The axis said no in its own words; the operator can act on them."""

    sentence = "Trục liên thông từ chối. Xem lý do và liên hệ đơn vị vận hành trục."


def timestamp(now: datetime) -> str:
    """`ddMMyyyy'T'HHmmss+SSSS` in Vietnamese time, where SSSS is not an offset: it is the milliseconds."""
    local = now.astimezone(clock.VIETNAM)
    return f"{local:%d%m%Y}T{local:%H%M%S}+{local.microsecond // 1000:04d}"


def file_hash(data: bytes) -> str:
    """SHA-256 in hexadecimal without the zeros in front, as a big number is printed: 63 digits where the first is 0."""
    return hashlib.sha256(data).hexdigest().lstrip("0")


def signed(parameters: Mapping[str, str], secret: bytes) -> dict[str, str]:
    """The parameters as headers, with the three that sign them."""
    headers = {f"{PREFIX}{name}": value for name, value in parameters.items()}
    text = json.dumps(headers, ensure_ascii=False, separators=(",", ":"))
    return {
        **headers,
        f"{PREFIX}sign-header-key": ";".join(parameters),
        f"{PREFIX}sign-header": text,
        f"{PREFIX}hash-header": hmac.new(secret, text.encode(), hashlib.sha256).hexdigest(),
        f"{PREFIX}version": VERSION,
    }


class Vxp:
    """An `AxisAdapter`."""

    def __init__(self, axis: Axis, secret: bytes, ca_pem: str | None = None) -> None:
        parts = urlsplit(axis.address)
        if not parts.hostname or (
            parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname))
        ):
            raise SettingsWrong("axis.address phải là địa chỉ https.", field="axis.address")
        timeout = urllib3.Timeout(connect=axis.timeout_seconds, read=axis.timeout_seconds)
        if parts.scheme == "https":
            context = ssl.create_default_context(cadata=ca_pem)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._pool: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
                parts.hostname, parts.port, timeout=timeout, retries=False, ssl_context=context
            )
        else:
            self._pool = urllib3.HTTPConnectionPool(parts.hostname, parts.port, timeout=timeout, retries=False)
        self._base = parts.path.rstrip("/")
        self._system_id, self._secret = axis.system_id, secret

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()

    def send(self, sender_code: str, kind: Kind, packet: Path) -> str:
        """Hands a packet over; answers its DocId. A packet of ours is held in memory whole, as this API wants it."""
        data = packet.read_bytes()
        parameters = {
            "servicetype": SERVICE, "messagetype": _TYPES[kind], "from": sender_code, "hash-file": file_hash(data),
        }  # fmt: skip
        answer = self._ask("/sendEdoc", parameters, data + LINE_BREAK, "application/octet-stream")
        doc_id = answer.get("DocId")
        if not isinstance(doc_id, str | int) or not str(doc_id):
            raise NodeUnreachable(detail="the axis took a packet without naming it")
        return str(doc_id)

    def list(self, kind: Kind) -> list[Listed]:
        """What waits for us."""
        answer = self._ask("/getReceivedEdocList", {"servicetype": SERVICE, "messagetype": _TYPES[kind]})
        return [
            Listed(_text(row, "docId"), kind, _text(row, "from"), _text(row, "to"))
            for row in _rows(answer)
            if _text(row, "docId") and _text(row, "to")
        ]

    def fetch(self, doc_id: str, target: Path) -> None:
        """The packet comes whole, in base64, inside the answer."""
        answer = self._ask("/getEdoc", {"docId": doc_id, "filePath": ""}, b"{}")
        data = answer.get("data")
        try:
            target.write_bytes(base64.b64decode(data if isinstance(data, str) else "", validate=True))
        except binascii.Error as error:
            raise NodeUnreachable(detail=f"the axis' packet {doc_id} is no base64") from error
        if not target.stat().st_size:
            raise NodeUnreachable(detail=f"the axis gave an empty packet {doc_id}")

    def acknowledge(self, doc_id: str, *, done: bool) -> None:
        """The first layer of acknowledgement, of the transport; the second are edXML statuses like any other."""
        self._ask("/updateStatus", {"docId": doc_id, "status": "done" if done else "fail"}, b"{}")

    def sent_status(self, doc_id: str) -> SentStatus | None:
        """The axis' own words."""
        parameters = {"servicetype": SERVICE, "messagetype": _TYPES[Kind.EDOC], "docId": doc_id}
        for row in _rows(self._ask("/getSentEdocList", parameters)):
            if doc_id in (_text(row, "senderDocId"), _text(row, "docId")):
                return SentStatus(doc_id, _text(row, "sendStatus"), _text(row, "receiveStatus"))
        return None

    def agencies(self) -> Iterable[Agency]:
        """The whole list."""
        return self._agencies(self._ask("/getAgenciesList", {}))

    def _agencies(self, answer: Mapping[str, Any]) -> Iterator[Agency]:
        for row in _rows(answer):
            if _text(row, "code") and _text(row, "deleted").lower() not in ("1", "true"):
                yield Agency(_text(row, "code"), _text(row, "oldCode"), _text(row, "name"))

    def _ask(
        self, path: str, parameters: Mapping[str, str], body: bytes = b"", content_type: str = "application/json"
    ) -> dict[str, Any]:
        """One call; raises NodeUnreachable for what may go better later, AxisRefused for an error in its words."""
        every = {"timestamp": timestamp(clock.now()), "systemid": self._system_id, **parameters}
        headers = {**signed(every, self._secret), "Content-Type": content_type}
        try:
            response = self._pool.request(
                "POST", self._base + path, headers=headers, body=body, redirect=False, preload_content=False
            )
            try:
                data = response.read(LARGEST_ANSWER_BYTES + 1)
            finally:
                response.release_conn()
        except (HTTPError, OSError) as error:
            raise NodeUnreachable(detail=f"axis {path}: {type(error).__name__}") from error
        if response.status != 200 or len(data) > LARGEST_ANSWER_BYTES:
            raise NodeUnreachable(detail=f"axis {path}: {response.status}, {len(data)} bytes")
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise NodeUnreachable(detail=f"axis {path}: no JSON") from error
        if not isinstance(answer, dict):
            raise NodeUnreachable(detail=f"axis {path}: no object")
        code = str(answer.get("ErrorCode", "0") or "0")
        if code not in ("0", "00"):
            raise AxisRefused(f"Trục từ chối ({code}): {_text(answer, 'ErrorDesc')[:200]}", detail=path)
        return answer


def adapter_of(settings: Settings) -> Vxp | None:
    """The adapter that the settings ask for; None where there is none. Raises SettingsWrong."""
    axis = settings.axis
    if settings.role != "node" or not axis.enabled:
        return None
    secret = _read_setting(
        settings.folder / axis.secret_file, "axis.secret_file", lambda path: path.read_bytes().strip()
    )
    ca_pem = _read_setting(settings.folder / axis.ca, "axis.ca", lambda path: path.read_bytes()) if axis.ca else None
    return Vxp(axis, secret, ca_pem.decode("ascii") if ca_pem else None)


def _read_setting(path: Path, name: str, read: Callable[[Path], bytes]) -> bytes:
    try:
        return read(path)
    except OSError as error:
        raise SettingsWrong(f"Không đọc được tệp «{path}».", field=name) from error


def _rows(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = answer.get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return str(value).strip() if isinstance(value, str | int) else ""
