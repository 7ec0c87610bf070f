"""A node that answers in its own words, but not what was asked: nothing of it is taken for true."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from commune_portal.errors import NodeUnreachable
from commune_portal.relay.client import Delivery, NodeClient, identity_of
from commune_portal.relay.uploads import Damaged, download, upload
from commune_portal.rules import chain
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import checkpoint, keys, protocol
from commune_portal.wire.checkpoint import Note
from commune_portal.wire.enrolment import EnrolmentRequest
from commune_portal.wire.extract import JournalExtract
from commune_portal.wire.receipt import Verdict
from tests.fakes.exchange import Answer
from tests.fakes.node import FakeNode
from tests.fakes.wire import serving
from tests.relay.office import NOON, TWO, client, node_with_two_members, sealed_envelope

MESSAGE = "5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90"
PACKET = random.Random(9).randbytes(5000)
SHA256 = hashlib.sha256(PACKET).hexdigest()


class Liar:
    """A fake node whose answers to one path a test turns into others."""

    def __init__(self, node: FakeNode, path: str, lie: Callable[[Answer], Answer]) -> None:
        self.node, self.path, self.lie = node, path, lie

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = self.node.handle(method, path, headers, body)
        return self.lie(answer) if path.startswith(self.path) else answer


def with_headers(**changed: str) -> Callable[[Answer], Answer]:
    spelled = {name.replace("_", "-"): value for name, value in changed.items()}
    return lambda answer: Answer(answer.status, answer.body, {**answer.headers, **spelled})


def with_status(status: int) -> Callable[[Answer], Answer]:
    return lambda answer: Answer(status, answer.body, answer.headers)


def test_a_genuine_receipt_for_another_message_is_no_receipt_for_this_one() -> None:
    node = node_with_two_members()
    kept: list[Answer] = []

    def first_again(answer: Answer) -> Answer:
        kept.append(answer)
        return kept[0]

    with serving(Liar(node, protocol.MESSAGES, first_again)) as wire:
        there = client(node, wire.address)
        there.commit(sealed_envelope(PACKET), PACKET)
        with pytest.raises(NodeUnreachable, match="another message"):
            there.commit(sealed_envelope(PACKET), PACKET)


def test_a_receipt_must_say_what_its_status_says() -> None:
    node = node_with_two_members()
    with serving(Liar(node, protocol.MESSAGES, with_status(422))) as wire, pytest.raises(NodeUnreachable):
        client(node, wire.address).commit(sealed_envelope(PACKET), PACKET)
    with serving(Liar(node, protocol.MESSAGES, with_status(200))) as wire, pytest.raises(NodeUnreachable):
        client(node, wire.address).commit(sealed_envelope(PACKET, recipient="H99.77"), PACKET)


def test_a_refusal_is_not_a_duplicate_because_a_header_says_so() -> None:
    node = node_with_two_members()
    with serving(Liar(node, protocol.MESSAGES, with_headers(Receipt="duplicate"))) as wire:
        answer = client(node, wire.address).commit(sealed_envelope(PACKET, recipient="H99.77"), PACKET)
    assert isinstance(answer, Delivery)
    assert answer.verdict is Verdict.REFUSED


def test_a_note_on_another_checkpoint_or_journal_is_not_kept() -> None:
    node, head = node_with_two_members(), chain.genesis("uid")
    handed = JournalExtract("uid", 0, 1, (), Checkpoint(0, head))
    for origin, stated in (("H99.01/journal", Checkpoint(1, head)), ("H99.02/journal", Checkpoint(0, head))):
        note = checkpoint.seal(Note(origin, stated, NOON), node.code, node.keys)
        liar = Liar(node, protocol.JOURNAL, lambda answer, note=note: Answer(200, note, answer.headers))  # type: ignore[misc] # bound now
        with serving(liar) as wire, pytest.raises(NodeUnreachable):
            client(node, wire.address).send_journal(handed)


def test_an_enrolment_that_lists_another_key_is_none() -> None:
    node, fresh = node_with_two_members(), keys.from_seeds(bytes(32), bytes(32))

    def other_key(answer: Answer) -> Answer:
        return Answer(200, node._sealed_directory(lambda entry: entry.code == TWO, partial=True), answer.headers)

    with serving(Liar(node, protocol.ENROLMENT, other_key)) as wire:
        file = node.enrolment_file("H99.03", wire.address)
        request = EnrolmentRequest(
            token=file.token,
            code="H99.03",
            installation_uid="uid",
            epoch=0,
            public_key=fresh.public_key,
            box_public_key=fresh.box_public_key,
            software="test",
        )
        with pytest.raises(NodeUnreachable, match="our key"):
            NodeClient(identity_of(file), fresh, "H99.03").enrol(request)


def fetched(lie: Callable[[Answer], Answer], folder: Path, had: bytes = b"", total_bytes: int = len(PACKET)) -> bytes:
    """What a download makes of a node that lies about packets."""
    node = node_with_two_members()
    path = folder / "out"
    path.write_bytes(PACKET)
    with serving(Liar(node, protocol.PACKETS, lie)) as wire:
        here = client(node, wire.address)
        upload(here, path, SHA256, MESSAGE)
        here.commit(sealed_envelope(PACKET, MESSAGE))
        if had:
            (folder / f"{SHA256}.part").write_bytes(had)
        got = download(client(node, wire.address, TWO), SHA256, total_bytes, folder)
    assert got is not None
    return got.read_bytes()


@pytest.mark.parametrize(
    "lie",
    [
        with_headers(ETag='"' + "00" * 32 + '"'),
        with_headers(Content_Range="bytes 7-4999/5000"),
        with_headers(Content_Range="bytes=0-4999"),
        with_headers(Content_Range="bytes 0-4999/5001"),
    ],
)
def test_another_stretch_or_another_packet_is_not_written_down(lie: Callable[[Answer], Answer], tmp_path: Path) -> None:
    with pytest.raises(NodeUnreachable):
        fetched(lie, tmp_path)
    assert (tmp_path / f"{SHA256}.part").read_bytes() == b""


def test_more_bytes_than_the_packet_has_are_not_written_down(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        fetched(lambda answer: Answer(206, answer.body + b"x", answer.headers), tmp_path)
    assert (tmp_path / f"{SHA256}.part").stat().st_size <= len(PACKET)


def test_a_node_that_knows_no_ranges_gives_the_whole_anew(tmp_path: Path) -> None:
    whole = Answer(200, PACKET, {"ETag": f'"{SHA256}"'})

    def lie(answer: Answer) -> Answer:
        return Answer(200, whole.body, {**whole.headers, protocol.NODE_TIME: answer.headers[protocol.NODE_TIME]})

    assert fetched(lie, tmp_path, had=PACKET[:100]) == PACKET


def test_a_packet_of_another_length_than_its_envelope_says_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        fetched(lambda answer: answer, tmp_path, total_bytes=len(PACKET) + 1)
