"""Packets arrive byte for byte over a wire that cuts, repeats, damages and forgets."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import NodeUnreachable, StoreDamaged
from commune_portal.relay.client import Delivery, RefusedByNode, TryLater
from commune_portal.relay.uploads import PATIENCE, Damaged, Grain, Sent, download, upload
from commune_portal.wire import protocol
from commune_portal.wire.protocol import Refused
from tests.fakes.exchange import Answer, No
from tests.fakes.node import FakeNode
from tests.fakes.wire import Fault, seeded, serving
from tests.relay.office import ONE, ONES, TWO, client, node_with_two_members, sealed_envelope

KIBIBYTE = 1024
MESSAGE = "5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90"
Result = TypeVar("Result")


def written(folder: Path, packet: bytes) -> tuple[Path, str]:
    path = folder / "packet.edxml"
    path.write_bytes(packet)
    return path, hashlib.sha256(packet).hexdigest()


def held(node: FakeNode, sha256: str) -> bytes:
    return next(data for (_, name), data in node.packets.items() if name == sha256)


def until_through(act: Callable[[], Result]) -> Result:
    """What the queue does: tries again for as long as nothing is proven."""
    for _ in range(200):
        try:
            return act()
        except NodeUnreachable:
            continue
    raise AssertionError("two hundred attempts")


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 400 * KIBIBYTE))
def test_a_wire_that_fails_at_random_delivers_exactly_the_bytes_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int, size: int
) -> None:
    folder, node = tmp_path_factory.mktemp("packets"), node_with_two_members()
    packet = random.Random(seed).randbytes(size)
    path, sha256 = written(folder, packet)
    with serving(node, seeded(seed, 0.4)) as wire:
        here, there = client(node, wire.address), client(node, wire.address, TWO)
        assert until_through(lambda: upload(here, path, sha256, MESSAGE, grain=Grain(16 * KIBIBYTE))).finished
        assert held(node, sha256) == packet
        envelope = sealed_envelope(packet, MESSAGE)
        delivery = until_through(lambda: here.commit(envelope))
        assert isinstance(delivery, Delivery)
        assert [stored.receipt_bytes for stored in node.messages.values()] == [delivery.receipt_bytes]
        assert len(node.boxes[TWO]) == 1
        inbox = folder / "in"
        got = until_through(lambda: download(there, sha256, size, inbox, stretch_bytes=64 * KIBIBYTE))
        assert got is not None
        assert got.read_bytes() == packet
        assert [path.name for path in inbox.iterdir()] == [sha256]


def test_an_upload_goes_on_in_another_process_where_the_node_is(tmp_path: Path) -> None:
    node, packet = node_with_two_members(), random.Random(1).randbytes(300 * KIBIBYTE)
    path, sha256 = written(tmp_path, packet)
    with serving(node) as wire:
        asked = iter([False, False, True])
        first = upload(client(node, wire.address), path, sha256, MESSAGE, interrupt=lambda: next(asked))
        assert first == Sent(False, 128 * KIBIBYTE, 128 * KIBIBYTE)
        wire.seen.clear()
        second = upload(client(node, wire.address), path, sha256, MESSAGE)
        assert second == Sent(True, 300 * KIBIBYTE, 172 * KIBIBYTE)
        assert held(node, sha256) == packet
        assert sum(count for method, _, count in wire.seen if method == "PATCH") == 172 * KIBIBYTE


def test_the_same_packet_for_a_second_recipient_is_not_sent_again(tmp_path: Path) -> None:
    node, packet = node_with_two_members(), random.Random(2).randbytes(200 * KIBIBYTE)
    path, sha256 = written(tmp_path, packet)
    with serving(node) as wire:
        assert upload(client(node, wire.address), path, sha256, MESSAGE).sent_bytes == len(packet)
        assert upload(client(node, wire.address), path, sha256, MESSAGE) == Sent(True, len(packet), 0)


def test_an_expired_upload_starts_again_without_human_help(tmp_path: Path) -> None:
    node, packet = node_with_two_members(), random.Random(3).randbytes(300 * KIBIBYTE)
    path, sha256 = written(tmp_path, packet)

    def forget(method: str, _path: str) -> Fault | None:
        if method == "PATCH" and node.uploads and len(next(iter(node.uploads.values())).data) == 128 * KIBIBYTE:
            node.uploads.clear()
            forgotten.append(True)
        return None

    forgotten: list[bool] = []
    with serving(node, lambda method, path: None if forgotten else forget(method, path)) as wire:
        assert upload(client(node, wire.address), path, sha256, MESSAGE).finished
        assert forgotten == [True]
        assert held(node, sha256) == packet


def test_a_corrupt_chunk_is_asked_for_again_and_a_lost_answer_sends_nothing_twice(tmp_path: Path) -> None:
    node, packet = node_with_two_members(), random.Random(4).randbytes(256 * KIBIBYTE)
    path, sha256 = written(tmp_path, packet)
    plan = {1: Fault.CORRUPT_REQUEST, 3: Fault.DROP_ANSWER, 4: Fault.CUT_REQUEST}
    patches: list[str] = []

    def faults(method: str, path: str) -> Fault | None:
        if method == "PATCH":
            patches.append(path)
            return plan.get(len(patches))
        return None

    with serving(node, faults) as wire:
        sent = upload(client(node, wire.address), path, sha256, MESSAGE, grain=Grain(32 * KIBIBYTE))
        assert wire.done == [Fault.CORRUPT_REQUEST, Fault.DROP_ANSWER, Fault.CUT_REQUEST]
        assert held(node, sha256) == packet
        assert sent.sent_bytes == len(packet) + 32 * KIBIBYTE + 16 * KIBIBYTE


def test_nothing_getting_through_is_left_to_the_queue(tmp_path: Path) -> None:
    node = node_with_two_members()
    path, sha256 = written(tmp_path, b"x" * 1000)
    pauses: list[float] = []
    with (
        serving(node, lambda method, _path: Fault.CUT_REQUEST if method == "PATCH" else None) as wire,
        pytest.raises(NodeUnreachable),
    ):
        upload(client(node, wire.address), path, sha256, MESSAGE, pause=pauses.append)
    assert len(pauses) == PATIENCE - 1
    assert pauses == sorted(pauses)
    assert sum(pauses) < 30


def test_a_node_without_room_is_asked_later_and_a_packet_too_large_never(tmp_path: Path) -> None:
    node = node_with_two_members()
    path, sha256 = written(tmp_path, b"x" * 1000)
    with serving(node) as wire:
        node.busy = Refused.DISK_FULL
        with pytest.raises(TryLater):
            upload(client(node, wire.address), path, sha256, MESSAGE)
        assert len(wire.seen) == 1
        node.busy, node.largest_packet_bytes = None, 999
        with pytest.raises(RefusedByNode) as caught:
            upload(client(node, wire.address), path, sha256, MESSAGE)
        assert caught.value.reason is Refused.TOO_LARGE


def test_a_download_goes_on_at_the_size_on_disk(tmp_path: Path) -> None:
    node, packet = node_with_two_members(), random.Random(5).randbytes(200 * KIBIBYTE)
    path, sha256 = written(tmp_path, packet)
    with serving(node) as wire:
        here, there = client(node, wire.address), client(node, wire.address, TWO)
        upload(here, path, sha256, MESSAGE)
        here.commit(sealed_envelope(packet, MESSAGE))
        (tmp_path / f"{sha256}.part").write_bytes(packet[: 150 * KIBIBYTE])
        before = there.traffic.received_bytes
        assert download(there, sha256, len(packet), tmp_path) == tmp_path / sha256
        assert there.traffic.received_bytes - before == 50 * KIBIBYTE


def test_a_damaged_part_is_thrown_away_and_fetched_again(tmp_path: Path) -> None:
    node, packet = node_with_two_members(), random.Random(6).randbytes(20 * KIBIBYTE)
    path, sha256 = written(tmp_path, packet)
    with serving(node) as wire:
        here, there = client(node, wire.address), client(node, wire.address, TWO)
        upload(here, path, sha256, MESSAGE)
        here.commit(sealed_envelope(packet, MESSAGE))
        (tmp_path / f"{sha256}.part").write_bytes(b"\0" * KIBIBYTE)
        with pytest.raises(Damaged):
            download(there, sha256, len(packet), tmp_path)
        got = download(there, sha256, len(packet), tmp_path)
        assert got is not None
        assert got.read_bytes() == packet


def test_another_members_packet_is_not_there_to_be_fetched(tmp_path: Path) -> None:
    node, packet = node_with_two_members(), b"x" * 1000
    path, sha256 = written(tmp_path, packet)
    with serving(node) as wire:
        upload(client(node, wire.address), path, sha256, MESSAGE)
        with pytest.raises(RefusedByNode) as caught:
            download(client(node, wire.address, TWO), sha256, len(packet), tmp_path / "in")
        assert caught.value.reason is Refused.NOT_FOUND
        taken = sealed_envelope(packet, sender=TWO, recipient=TWO)
        assert not isinstance(client(node, wire.address, TWO).commit(taken), Delivery)


class _Sink:
    """A client that takes every chunk, to see the driver's own memory."""

    def __init__(self, packet_bytes: int) -> None:
        self.offset = 0
        self.digest = hashlib.sha256()

    def begin_upload(self, *_: object) -> object:
        from commune_portal.relay.client import Upload

        return Upload(protocol.UPLOADS + "/1", self.offset)

    def send_chunk(self, _path: str, offset: int, chunk: bytes) -> int:
        assert offset == self.offset
        self.digest.update(chunk)
        self.offset += len(chunk)
        return self.offset


def test_memory_is_a_few_chunks_whatever_the_packet(tmp_path: Path) -> None:
    path = tmp_path / "packet"
    with path.open("wb") as target:
        target.truncate(40 * 1024 * KIBIBYTE)
    sink = _Sink(path.stat().st_size)
    tracemalloc.start()
    try:
        upload(sink, path, "00" * 32, MESSAGE)  # type: ignore[arg-type] # a stand-in for the client
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sink.offset == 40 * 1024 * KIBIBYTE
    assert peak < 1024 * KIBIBYTE


def test_memory_is_a_few_blocks_whatever_the_download(tmp_path: Path) -> None:
    node, packet = node_with_two_members(), bytes(24 * 1024 * KIBIBYTE)
    path, sha256 = written(tmp_path, packet)
    with serving(node) as wire:
        sealed = sealed_envelope(packet, MESSAGE)
        node.packets["H99.01", sha256] = packet
        client(node, wire.address).commit(sealed)
        there = client(node, wire.address, TWO)
        tracemalloc.start()
        try:
            got = download(there, sha256, len(packet), tmp_path / "in", stretch_bytes=256 * KIBIBYTE)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert got is not None
    assert got.stat().st_size == path.stat().st_size
    assert peak < 3 * 1024 * KIBIBYTE  # the node of this test is in the same process


def test_the_grain_shrinks_on_failure_and_grows_with_patience() -> None:
    grain = Grain()
    grain.succeeded(1)
    grain.succeeded(1)
    assert grain.size_bytes == 128 * KIBIBYTE
    for _ in range(9):
        grain.failed()
    assert grain.size_bytes == 16 * KIBIBYTE
    for _ in range(7):
        grain.succeeded(1)
    assert grain.size_bytes == 16 * KIBIBYTE
    grain.succeeded(1)
    assert grain.size_bytes == 32 * KIBIBYTE
    for _ in range(50):
        grain.succeeded(7)
    assert grain.size_bytes == 32 * KIBIBYTE
    for _ in range(100):
        grain.succeeded(1)
    assert grain.size_bytes == 256 * KIBIBYTE


def test_a_file_that_is_not_what_its_hash_says_is_brought_once_and_no_more(tmp_path: Path) -> None:
    node, packet = node_with_two_members(), random.Random(12).randbytes(100 * KIBIBYTE)
    path, sha256 = written(tmp_path, packet)
    path.write_bytes(packet[:-1] + bytes([packet[-1] ^ 1]))  # as a bad disk gives it back
    with serving(node) as wire:
        with pytest.raises(StoreDamaged):
            upload(client(node, wire.address), path, sha256, MESSAGE, interrupt=lambda: len(wire.seen) > 60)
        assert sum(count for method, _, count in wire.seen if method == "PATCH") == len(packet)


class Forgetful(FakeNode):
    """A node that drops every upload at its last byte."""

    def _upload(self, method: str, name: str, member: str, request: Mapping[str, str], body: bytes) -> Answer:
        answer = super()._upload(method, name, member, request, body)
        if method == "PATCH" and len(self.uploads[name].data) == self.uploads[name].length:
            self.packets.clear()
            del self.uploads[name]
            raise No(Refused.CHECKSUM_MISMATCH)
        return answer


def test_a_node_that_drops_every_upload_is_left_to_the_queue(tmp_path: Path) -> None:
    node, packet = Forgetful(), random.Random(13).randbytes(30 * KIBIBYTE)
    node.enrol(ONE, ONES)
    path, sha256 = written(tmp_path, packet)
    with serving(node) as wire:
        with pytest.raises(NodeUnreachable):
            upload(client(node, wire.address), path, sha256, MESSAGE, interrupt=lambda: len(wire.seen) > 60)
        assert sum(count for method, _, count in wire.seen if method == "PATCH") < 6 * len(packet)
