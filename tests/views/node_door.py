"""A signed way to the machine door through Flask's client, for the tests of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from commune_portal import clock
from commune_portal.app import create_app
from commune_portal.wire import fields, protocol, receipt, requests
from commune_portal.wire.keys import InstallationKeys
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import Receipt
from tests.node.cast import NODE_CODE, Office, new_keys
from tests.node.conftest import Node

TUS = {"Tus-Resumable": "1.0.0"}


@dataclass
class Door:
    """The machine door with signed requests."""

    client: FlaskClient

    def ask(
        self,
        by: Office | InstallationKeys,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        **forged: Any,
    ) -> TestResponse:
        """A signed request; `forged` has another created, nonce, node, signed_body, or headers `sent` unsigned."""
        keys = by.keys if isinstance(by, Office) else by
        given = {**(headers or {}), "Exchange-Node": forged.get("node", NODE_CODE)}
        given |= requests.sign(
            method,
            path,
            given,
            forged.get("signed_body", body),
            keys=keys,
            created=forged.get("created", clock.now()),
            nonce=forged.get("nonce", requests.new_nonce()),
        )
        given |= forged.get("sent", {})
        return self.client.open(path, method=method, headers=given, data=body, buffered=True)

    def commit(self, by: Office, sealed: bytes, packet: bytes = b"") -> TestResponse:
        """Hands over an envelope."""
        headers = {"Envelope-Length": str(len(sealed)), "Content-Type": "application/octet-stream"}
        return self.ask(by, "POST", protocol.MESSAGES, sealed + packet, headers)

    def begin(self, by: Office, packet: bytes) -> TestResponse:
        """Makes an upload."""
        return self.ask(by, "POST", protocol.UPLOADS, b"", creation(packet))

    def chunk(self, by: Office, path: str, offset: int, body: bytes, **headers: str) -> TestResponse:
        """Sends a chunk; underscores in names are hyphens."""
        spelled = {
            **TUS,
            "Upload-Offset": str(offset),
            "Content-Type": protocol.CHUNK_TYPE,
            "Upload-Checksum": "sha256 " + fields.to_base64(hashlib.sha256(body).digest()),
        }
        spelled.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.ask(by, "PATCH", path, body, spelled)


def creation(packet: bytes, **changes: str) -> dict[str, str]:
    sha256 = hashlib.sha256(packet).hexdigest()
    spelled = fields.to_base64(sha256.encode())
    message = fields.to_base64(b"5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90")
    headers = {**TUS, "Upload-Length": str(len(packet)), "Upload-Metadata": f"sha256 {spelled},message {message}"}
    return {**headers, **{name.replace("_", "-"): value for name, value in changes.items()}}


@pytest.fixture
def door(node: Node) -> Iterator[Door]:
    app = create_app(node.settings)
    with app.test_client() as client:
        yield Door(client)


def check(answer: TestResponse, word: Refused) -> None:
    """An answer in the words of a node, with its time and without a cookie or a receipt."""
    assert answer.status_code == word.status
    assert answer.headers["Exchange-Error"] == word.value
    assert fields.instant(dict(answer.headers), "Node-Time")
    assert "Set-Cookie" not in answer.headers
    assert "Receipt" not in answer.headers
    if answer.request.method != "HEAD":
        assert json.loads(answer.data) == {"error": word.value, "sentence": word.sentence}
    if word.status in (429, 503):
        assert int(answer.headers["Retry-After"]) > 0


def opened(answer: TestResponse) -> Receipt:
    own = new_keys(0)
    return receipt.open_(answer.data, lambda _code, key: own.public_key if key == own.key_id else None)
