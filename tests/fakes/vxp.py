"""An axis in memory that speaks as its description says; nobody here has seen the real one.

It checks every signature by its own reckoning: header by header, in the order that `sign-header-key` gives.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.exchange import Answer

SECRET = b"bi-mat-cua-truc"
SYSTEM = "H99"
LARGEST_HEADER_BYTES = 8192
STAMP = re.compile(r"[0-3]\d[01]\d20\d\dT[0-2]\d[0-5]\d[0-5]\d\+0\d{3}")


@dataclass
class FakeAxis:
    """The axis' documents: what it holds for us, what we sent, and every acknowledgement."""

    held: dict[str, dict[str, str]] = field(default_factory=dict)
    packets: dict[str, bytes] = field(default_factory=dict)
    sent: list[tuple[str, str, bytes]] = field(default_factory=list)
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    agencies: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    refuse: str = ""
    instead: Callable[[str], Answer | None] = field(default=lambda _path: None)

    def put(self, kind: str, sender: str, recipient: str, packet: bytes) -> str:
        """Something for us; answers its number."""
        doc_id = str(9000 + len(self.packets))
        self.held[doc_id] = {
            "docId": doc_id,
            "serviceType": "eDoc",
            "messageType": kind,
            "from": sender,
            "to": recipient,
        }
        self.packets[doc_id] = packet
        return doc_id

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One call."""
        given = {name.lower(): value for name, value in headers.items()}
        self.calls.append(path)
        replaced = self.instead(path)
        if replaced is not None:
            return replaced
        trouble = "not a POST" if method != "POST" else self.trouble_with(given)
        if trouble:
            return said({"status": "FAIL", "ErrorCode": "15", "ErrorDesc": trouble})
        if self.refuse:
            return said({"status": "FAIL", "ErrorCode": self.refuse, "ErrorDesc": "không nhận"})
        parameters = {name.removeprefix("xroadvnpt-"): value for name, value in given.items()}
        ways: dict[str, Callable[[Mapping[str, str], bytes], dict[str, Any]]] = {
            "/api/sendEdoc": self._send, "/api/getReceivedEdocList": self._list, "/api/getEdoc": self._get,
            "/api/updateStatus": self._update, "/api/getSentEdocList": self._sent_list,
            "/api/getAgenciesList": self._agencies_list,
        }  # fmt: skip
        answer = ways[path](parameters, body)
        return said({"status": "OK", "ErrorCode": "0", "ErrorDesc": "", **answer})

    def trouble_with(self, given: Mapping[str, str]) -> str:
        """What is wrong with the signature; empty when nothing is."""
        names = given.get("xroadvnpt-sign-header-key", "").split(";")
        if any(f"xroadvnpt-{name.lower()}" not in given for name in names):
            return "a signed header is missing"
        pairs = [f'"XroadVnpt-{name}":{json.dumps(given[f"xroadvnpt-{name.lower()}"])}' for name in names]
        text = "{" + ",".join(pairs) + "}"
        if text != given.get("xroadvnpt-sign-header"):
            return "sign-header is not of these headers"
        if hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest() != given.get("xroadvnpt-hash-header"):
            return "hash-header"
        if not {"timestamp", "systemid"} <= set(names) or given["xroadvnpt-systemid"] != SYSTEM:
            return "system"
        if not STAMP.fullmatch(given["xroadvnpt-timestamp"]):
            return "timestamp"
        return "" if given.get("xroadvnpt-version") == "3.0.201608" else "version"

    def _send(self, parameters: Mapping[str, str], body: bytes) -> dict[str, Any]:
        assert body.endswith(b"\r\n")
        packet = body[:-2]
        assert int(parameters["hash-file"], 16) == int(hashlib.sha256(packet).hexdigest(), 16)
        assert not parameters["hash-file"].startswith("0")
        self.sent.append((parameters["from"], parameters["messagetype"], packet))
        return {"DocId": 700 + len(self.sent)}

    def _list(self, parameters: Mapping[str, str], body: bytes) -> dict[str, Any]:
        assert body == b""
        return {"data": [row for row in self.held.values() if row["messageType"] == parameters["messagetype"]]}

    def _get(self, parameters: Mapping[str, str], body: bytes) -> dict[str, Any]:
        assert body == b"{}"
        return {"data": base64.b64encode(self.packets[parameters["docid"]]).decode()}

    def _update(self, parameters: Mapping[str, str], _body: bytes) -> dict[str, Any]:
        self.acknowledged.append((parameters["docid"], parameters["status"]))
        if parameters["status"] in ("done", "fail"):
            self.held.pop(parameters["docid"], None)
        return {}

    def _sent_list(self, parameters: Mapping[str, str], _body: bytes) -> dict[str, Any]:
        return {"data": [{"senderDocId": parameters["docid"], "sendStatus": "done", "receiveStatus": "processing"}]}

    def _agencies_list(self, _parameters: Mapping[str, str], _body: bytes) -> dict[str, Any]:
        return {"data": self.agencies}


def said(answer: dict[str, Any]) -> Answer:
    """A reply in JSON."""
    return Answer(200, json.dumps(answer, ensure_ascii=False).encode())
