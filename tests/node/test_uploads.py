"""Resumable uploads: the disk is the counter, quotas, expiry, one writer, proof of every byte."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from commune_portal import clock, points
from commune_portal.errors import Malformed
from commune_portal.node import uploads
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.node.uploads import Upload
from commune_portal.store import files
from commune_portal.wire import fields
from commune_portal.wire.protocol import Refused
from tests.node.cast import Office
from tests.node.conftest import Node

PACKET = os.urandom(200_000)
SHA256 = hashlib.sha256(PACKET).hexdigest()
MESSAGE = "5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90"


def begin(node: Node, office: Office, packet: bytes = PACKET) -> Upload:
    made = uploads.begin(office.member, hashlib.sha256(packet).hexdigest(), len(packet), MESSAGE, node.limits)
    assert made is not None
    return made


def put(node: Node, upload: Upload, offset: int, chunk: bytes) -> Upload:
    return uploads.write(node.first.member, upload.id, offset, chunk, node.limits)


def word(act: Callable[[], object]) -> ExchangeRefused:
    with pytest.raises(ExchangeRefused) as caught:
        act()
    return caught.value


def test_the_offset_is_the_size_of_the_file_on_disk(node: Node) -> None:
    upload = begin(node, node.first)
    assert upload.offset == 0
    assert put(node, upload, 0, PACKET[:70_000]).offset == 70_000
    assert begin(node, node.first).id == upload.id
    path = next(node.settings.work_folder.glob(f"*{uploads.SUFFIX}"))
    os.truncate(path, 50_000)
    assert uploads.find(node.first.member, upload.id).offset == 50_000
    refused = word(lambda: put(node, upload, 70_000, PACKET[70_000:]))
    assert (refused.word, refused.offset) == (Refused.WRONG_OFFSET, 50_000)
    assert put(node, upload, 50_000, PACKET[50_000:]).is_whole
    assert uploads.settle(node.first.member, SHA256)


def test_a_chunk_that_was_cut_off_by_a_death_goes_on_at_the_size_on_disk(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(node, node.first)

    def die(reached: points.Point) -> None:
        if reached == "inside-chunk":
            raise KeyboardInterrupt

    monkeypatch.setattr(points, "hook", die)
    with pytest.raises(KeyboardInterrupt):
        put(node, upload, 0, PACKET[:70_000])
    monkeypatch.setattr(points, "hook", None)
    assert uploads.find(node.first.member, upload.id).offset == 70_000
    put(node, upload, 70_000, PACKET[70_000:])
    assert uploads.settle(node.first.member, SHA256)


def test_more_than_was_announced_is_refused(node: Node) -> None:
    upload = begin(node, node.first)
    assert word(lambda: put(node, upload, 0, PACKET + b"x")).word is Refused.TOO_LARGE
    assert uploads.find(node.first.member, upload.id).offset == 0


def test_another_length_for_the_same_hash_is_a_conflict(node: Node) -> None:
    begin(node, node.first)
    refused = word(lambda: uploads.begin(node.first.member, SHA256, 5, MESSAGE, node.limits))
    assert refused.word is Refused.CONFLICT


def test_the_quota_is_a_member_s_own_and_asks_for_patience(node: Node) -> None:
    for index in range(3):
        begin(node, node.first, PACKET[:-1] + bytes([index]))
    refused = word(lambda: begin(node, node.first))
    assert refused.word is Refused.TRY_LATER
    assert begin(node, node.second).offset == 0
    small = replace(node.limits, packet_bytes=1000)
    assert word(lambda: uploads.begin(node.second.member, "ab" * 32, 1001, MESSAGE, small)).word is Refused.TOO_LARGE


def test_the_number_of_unfinished_uploads_is_limited(node: Node) -> None:
    for index in range(uploads.MOST_UNFINISHED):
        begin(node, node.first, bytes([index]))
    assert word(lambda: begin(node, node.first, b"one more")).word is Refused.TRY_LATER


def test_the_disk_floor_is_kept(node: Node) -> None:
    full = replace(node.limits, disk_floor_bytes=2**60)
    refused = word(lambda: uploads.begin(node.first.member, SHA256, len(PACKET), MESSAGE, full))
    assert refused.word is Refused.DISK_FULL
    upload = begin(node, node.first)
    refused = word(lambda: uploads.write(node.first.member, upload.id, 0, b"x", full))
    assert refused.word is Refused.DISK_FULL


def test_another_member_s_upload_does_not_exist(node: Node) -> None:
    upload = begin(node, node.first)
    second = node.second.member
    for act in (
        lambda: uploads.find(second, upload.id),
        lambda: uploads.write(second, upload.id, 0, b"x", node.limits),
        lambda: uploads.end(second, upload.id),
    ):
        assert word(act).word is Refused.NOT_FOUND
    assert begin(node, node.second).id != upload.id


def test_wrong_bytes_are_found_with_the_last_chunk_and_thrown_away(node: Node) -> None:
    upload = begin(node, node.first)
    put(node, upload, 0, b"\0" + PACKET[1:100])
    assert word(lambda: put(node, upload, 100, PACKET[100:])).word is Refused.CHECKSUM_MISMATCH
    assert word(lambda: uploads.find(node.first.member, upload.id)).word is Refused.NOT_FOUND
    assert begin(node, node.first).offset == 0
    assert not files.has(SHA256)


def test_an_unfinished_or_unknown_upload_is_not_stored(node: Node) -> None:
    assert not uploads.settle(node.first.member, SHA256)
    put(node, begin(node, node.first), 0, PACKET[:10])
    assert not uploads.settle(node.first.member, SHA256)
    assert not files.has(SHA256)


@pytest.mark.parametrize("point", ["inside-chunk", "inside-transaction", "file-synced", "after-commit"])
def test_a_death_around_the_proof_costs_no_byte(
    node: Node, monkeypatch: pytest.MonkeyPatch, point: points.Point
) -> None:
    upload = begin(node, node.first)
    put(node, upload, 0, PACKET[:100])

    def die(reached: points.Point) -> None:
        if reached == point:
            raise KeyboardInterrupt

    monkeypatch.setattr(points, "hook", die)
    with pytest.raises(KeyboardInterrupt):
        put(node, upload, 100, PACKET[100:])
    monkeypatch.setattr(points, "hook", None)
    assert uploads.find(node.first.member, upload.id).is_whole
    assert uploads.settle(node.first.member, SHA256)
    assert uploads.begin(node.first.member, SHA256, len(PACKET), MESSAGE, node.limits) is None


def test_wrong_bytes_whose_proof_was_cut_off_are_found_at_the_commit(node: Node) -> None:
    upload = begin(node, node.first)
    (node.settings.work_folder / f"{upload.id}{uploads.SUFFIX}").write_bytes(b"\0" + PACKET[1:])
    assert word(lambda: uploads.settle(node.first.member, SHA256)).word is Refused.DIGEST_MISMATCH
    assert begin(node, node.first).offset == 0


def test_somebody_else_s_stored_file_does_not_fill_an_upload(node: Node) -> None:
    files.keep(PACKET)
    upload = begin(node, node.first)
    assert upload.offset == 0
    assert not uploads.settle(node.first.member, SHA256)


def test_an_upload_expires_and_begins_again_without_help(node: Node) -> None:
    upload = begin(node, node.first)
    put(node, upload, 0, PACKET[:1000])
    with clock.standing_at(clock.now() + timedelta(days=node.limits.unfinished_upload_days, seconds=1)):
        assert word(lambda: uploads.find(node.first.member, upload.id)).word is Refused.NOT_FOUND
        assert uploads.sweep() == 1
        assert list(node.settings.work_folder.glob(f"*{uploads.SUFFIX}")) == []
        assert begin(node, node.first).offset == 0


def test_asking_again_puts_the_expiry_off(node: Node) -> None:
    first = begin(node, node.first)
    with clock.standing_at(clock.now() + timedelta(days=3)):
        assert begin(node, node.first).expires_at > first.expires_at


def test_the_sweep_leaves_what_is_under_way(node: Node) -> None:
    upload = begin(node, node.first)
    put(node, upload, 0, PACKET[:1000])
    (node.settings.work_folder / f"forgotten{uploads.SUFFIX}").write_bytes(b"x")
    assert uploads.sweep() == 0
    assert uploads.find(node.first.member, upload.id).offset == 1000
    assert len(list(node.settings.work_folder.glob(f"*{uploads.SUFFIX}"))) == 1


def test_one_request_at_a_time_writes_an_upload(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = begin(node, node.first)
    met: list[Refused] = []

    def meet(reached: points.Point) -> None:
        if reached == "inside-chunk":
            monkeypatch.setattr(points, "hook", None)
            met.append(word(lambda: put(node, upload, 10, b"x")).word)

    monkeypatch.setattr(points, "hook", meet)
    put(node, upload, 0, PACKET[:10])
    assert met == [Refused.WRONG_OFFSET]
    assert put(node, upload, 10, PACKET[10:]).is_whole


def test_an_upload_can_be_given_up(node: Node) -> None:
    upload = begin(node, node.first)
    put(node, upload, 0, PACKET[:10])
    uploads.end(node.first.member, upload.id)
    assert word(lambda: uploads.find(node.first.member, upload.id)).word is Refused.NOT_FOUND
    assert list(node.settings.work_folder.glob(f"*{uploads.SUFFIX}")) == []


def test_a_checksum_is_compared_and_an_unknown_algorithm_is_malformed() -> None:
    spelled = fields.to_base64(hashlib.sha256(b"chunk").digest())
    assert uploads.chunk_is_intact(b"chunk", f"sha256 {spelled}")
    assert not uploads.chunk_is_intact(b"chunc", f"sha256 {spelled}")
    short = fields.to_base64(hashlib.sha1(b"chunk").digest())
    assert uploads.chunk_is_intact(b"chunk", f"sha1 {short}")
    with pytest.raises(Malformed):
        uploads.chunk_is_intact(b"chunk", f"md5 {spelled}")
    assert not uploads.chunk_is_intact(b"chunk", "sha256")
