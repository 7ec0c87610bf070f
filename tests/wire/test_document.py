"""The contract in `docs/wire.md`, the vectors and the code say the same, byte for byte."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from commune_portal.wire import (
    bag,
    boxes,
    checkpoint,
    directory,
    envelope,
    extract,
    fields,
    keys,
    mailbox,
    protocol,
    receipt,
)
from commune_portal.wire import requests as signatures
from tests.wire import examples

DOCUMENT = Path(__file__).parents[2] / "docs" / "wire.md"
BLOCK = re.compile(r"<!-- vector: ([a-z-]+)\.([a-z_]+) -->\n```\w+\n(.*?)\n```", re.DOTALL)
NAMES = sorted(examples.examples())


def vector(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((examples.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("name", NAMES)
def test_the_code_still_makes_the_bytes_of_a_vector(name: str) -> None:
    assert vector(name) == examples.examples()[name]


def test_there_is_no_other_vector() -> None:
    assert sorted(path.stem for path in examples.FOLDER.iterdir()) == NAMES


def test_the_document_shows_the_vectors_as_they_are() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = BLOCK.findall(text)
    assert len(shown) == text.count("<!-- vector:")
    for name, key, block in shown:
        assert block == vector(name)[key].rstrip("\n"), f"{name}.{key}"
    assert {name for name, _, _ in shown} == set(NAMES) - {"keys"}


def test_the_document_has_every_word_of_refusal_and_every_path() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for word in protocol.Refused:
        rows = [line for line in text.splitlines() if line.startswith("|") and f"`{word.value}`" in line]
        assert any(str(word.status) in row for row in rows), word
    for refusal in receipt.RefusalType:
        assert f"`{refusal.value}`" in text
    for component in (*signatures.ALWAYS, *signatures.COVERED_WHERE_PRESENT):
        assert f'"{component}"' in text
    for name in (
        "CLOCK",
        "ENROLMENT",
        "UPLOADS",
        "MESSAGES",
        "MAILBOX",
        "PACKETS",
        "RECEIPTS",
        "JOURNAL",
        "VECTOR",
        "SUBTREE",
        "COMPARISON",
        "ORGANISATIONS",
    ):
        assert getattr(protocol, name) in text


def test_somebody_who_has_only_the_vectors_can_read_them() -> None:
    public = {party["code"]: bytes.fromhex(party["public_key"]) for party in vector("keys")["parties"]}

    def lookup(code: str, key_id: str) -> bytes | None:
        return public[code] if keys.key_id(public[code]) == key_id else None

    packet = vector("envelope")["packet"].encode()
    written = envelope.open_(vector("envelope")["sealed"].encode(), lookup)
    assert envelope.describes(written, packet)
    assert receipt.open_(vector("receipt")["sealed"].encode(), lookup).message_id == written.message_id
    assert receipt.open_(vector("receipt-refused")["sealed"].encode(), lookup).refusal
    assert directory.open_(vector("directory")["sealed"].encode(), lookup).entries
    note = vector("checkpoint")["countersigned"].encode()
    for code in ("H99", "H99.01"):
        assert checkpoint.open_(note, code, public[code]).checkpoint == written.checkpoint
    assert len(mailbox.read_page(vector("mailbox")["body"].encode()).items) == 2
    assert extract.read(vector("journal")["body"].encode()).checkpoint == written.checkpoint


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("request-")])
def test_the_requests_of_the_vectors_are_believed(name: str) -> None:
    request = vector(name)
    body = fields.from_base64(request["body_base64"])
    assert body is not None
    found = signatures.verify(
        request["method"],
        request["path"],
        request["headers"],
        body,
        node="H99",
        lookup={examples.OFFICE.key_id: examples.OFFICE.public_key}.get,
        now=examples.EIGHT,
    )
    assert (found.key_id, found.nonce) == (examples.OFFICE.key_id, examples.NONCE)


def test_somebody_who_has_only_the_vectors_can_open_the_bag() -> None:
    party = next(item for item in vector("keys")["parties"] if item["code"] == "H99")
    node = keys.from_seeds(bytes.fromhex(party["ed25519_seed"]), bytes.fromhex(party["x25519_secret"]))
    closed = fields.from_base64(vector("box")["box"])
    assert closed is not None
    assert b"".join(boxes.open_([closed], node)).decode() == vector("box")["content"]
    maker = next(item for item in vector("keys")["parties"] if item["code"] == "H99.01")
    found = bag.open_(vector("bag")["sealed"].encode(), lambda _code, _key: bytes.fromhex(maker["public_key"]))
    assert found.folder_name == vector("bag")["folder"]
    assert [item.what for item in found.items] == [bag.What.VECTOR, bag.What.PACKET, bag.What.ENVELOPE]
    assert bag.read_vector(vector("bag")["vector"].encode()).seen == 13
