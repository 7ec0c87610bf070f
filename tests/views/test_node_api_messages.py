"""The machine door: packages up and down, receipts, journals, the directory; every refusal in its word."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass

import pytest

from commune_portal.store import database
from commune_portal.wire import directory, extract, fields, mailbox, protocol
from commune_portal.wire.extract import JournalExtract
from commune_portal.wire.mailbox import Vector, Waiting
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import RefusalType, Verdict
from tests.node.cast import NODE_CODE, enrol, new_keys, new_office
from tests.node.conftest import Node, empty_node, node
from tests.views.node_door import TUS, Door, check, creation, door, opened

__all__ = ["door", "empty_node", "node"]

PACKET = b"<edXML/>" * 40
LARGE = os.urandom(150_000)


def test_a_small_package_goes_in_one_request_and_a_repetition_gets_the_same_bytes(door: Door, node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    sealed = node.first.seal(value)
    first = door.commit(node.first, sealed, PACKET)
    assert (first.status_code, first.headers["Receipt"]) == (200, "accepted")
    assert first.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert opened(first).verdict is Verdict.ACCEPTED
    again = door.commit(node.first, sealed)
    assert (again.status_code, again.headers["Receipt"]) == (200, "duplicate")
    assert again.data == first.data


def test_final_refusals_are_signed(door: Door, node: Node) -> None:
    value = node.first.envelope("H99.77", PACKET)
    answer = door.commit(node.first, node.first.seal(value), PACKET)
    assert (answer.status_code, answer.headers["Receipt"]) == (422, "refused")
    assert opened(answer).refusal is RefusalType.INVALID_ADDRESSEE
    value = node.first.envelope(node.second.code, PACKET)
    door.commit(node.first, node.first.seal(value), PACKET)
    other = node.first.envelope(node.second.code, b"other", message_id=value.message_id)
    answer = door.commit(node.first, node.first.seal(other), b"other")
    assert (answer.status_code, answer.headers["Receipt"]) == (409, "refused")
    assert opened(answer).refusal is RefusalType.CONFLICT


def test_refusals_that_are_not_final_are_words(door: Door, node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    check(door.commit(node.first, node.first.seal(value)), Refused.PACKET_MISSING)
    check(door.commit(node.second, node.first.seal(value), PACKET), Refused.NOT_PERMITTED)
    check(door.commit(node.first, b"nonsense", PACKET), Refused.MALFORMED)
    newer = node.first.seal(value).replace(b'"version":1', b'"version":2')
    check(door.commit(node.first, newer, PACKET), Refused.UNSUPPORTED_VERSION)
    for length in ("", "0", "-1", "5000", "99999", "x"):
        check(door.ask(node.first, "POST", protocol.MESSAGES, b"ab", {"Envelope-Length": length}), Refused.MALFORMED)
    check(door.commit(node.first, node.first.seal(value), b"x" * 70_000), Refused.TOO_LARGE)
    assert database.row("SELECT count(*) FROM mailbox")[0] == 0


def test_a_large_package_goes_up_in_chunks(door: Door, node: Node) -> None:
    value = node.first.envelope(node.second.code, LARGE)
    sealed = node.first.seal(value)
    check(door.commit(node.first, sealed), Refused.PACKET_MISSING)
    made = door.begin(node.first, LARGE)
    assert (made.status_code, made.headers["Upload-Offset"]) == (201, "0")
    assert made.headers["Upload-Expires"].endswith("GMT")
    path = made.headers["Location"]
    assert path.startswith(protocol.UPLOADS + "/")
    for start in range(0, len(LARGE), 65_536):
        answer = door.chunk(node.first, path, start, LARGE[start : start + 65_536])
        assert answer.status_code == 204
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Upload-Offset"] == str(len(LARGE))
    assert door.begin(node.first, LARGE).headers["Packet-Present"] == "yes"
    assert door.commit(node.first, sealed).headers["Receipt"] == "accepted"
    assert door.begin(node.first, LARGE).headers["Packet-Present"] == "yes"
    check(door.ask(node.first, "HEAD", path, b"", TUS), Refused.NOT_FOUND)


def test_a_cut_upload_goes_on_at_the_size_on_disk(door: Door, node: Node) -> None:
    path = door.begin(node.first, LARGE).headers["Location"]
    door.chunk(node.first, path, 0, LARGE[:1000])
    asked = door.ask(node.first, "HEAD", path, b"", TUS)
    assert (asked.status_code, asked.headers["Upload-Offset"]) == (200, "1000")
    assert asked.headers["Upload-Length"] == str(len(LARGE))
    assert asked.headers["Cache-Control"] == "no-store"
    wrong = door.chunk(node.first, path, 0, LARGE[:1000])
    check(wrong, Refused.WRONG_OFFSET)
    assert wrong.headers["Upload-Offset"] == "1000"
    assert door.begin(node.first, LARGE).headers["Upload-Offset"] == "1000"


def test_a_damaged_chunk_is_not_kept(door: Door, node: Node) -> None:
    path = door.begin(node.first, LARGE).headers["Location"]
    checksum = "sha256 " + fields.to_base64(hashlib.sha256(b"x").digest())
    check(door.chunk(node.first, path, 0, LARGE[:1000], Upload_Checksum=checksum), Refused.CHECKSUM_MISMATCH)
    headers = {**TUS, "Upload-Offset": "0", "Content-Type": protocol.CHUNK_TYPE, "Upload-Checksum": checksum}
    answer = door.ask(node.first, "PATCH", path, b"changed", headers, signed_body=b"x")
    check(answer, Refused.CHECKSUM_MISMATCH)
    assert door.ask(node.first, "HEAD", path, b"", TUS).headers["Upload-Offset"] == "0"
    assert door.chunk(node.first, path, 0, LARGE[:1000], Upload_Checksum="").status_code == 400
    bare = {**TUS, "Upload-Offset": "0", "Content-Type": protocol.CHUNK_TYPE}
    assert door.ask(node.first, "PATCH", path, LARGE[:1000], bare).status_code == 204


def test_a_whole_that_is_not_its_hash_is_dropped(door: Door, node: Node) -> None:
    path = door.begin(node.first, LARGE).headers["Location"]
    check(door.chunk(node.first, path, 0, b"\0" + LARGE[1:]), Refused.CHECKSUM_MISMATCH)
    check(door.ask(node.first, "HEAD", path, b"", TUS), Refused.NOT_FOUND)


def test_tus_is_spoken_as_it_is_written(door: Door, node: Node) -> None:
    known = door.client.options(protocol.UPLOADS)
    assert known.status_code == 204
    assert known.headers["Tus-Extension"] == "creation,expiration,checksum,termination"
    assert known.headers["Tus-Max-Size"] == str(node.limits.packet_bytes)
    path = door.begin(node.first, LARGE).headers["Location"]
    for method in ("POST", "HEAD", "PATCH", "DELETE"):
        answer = door.ask(node.first, method, protocol.UPLOADS if method == "POST" else path)
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")
    assert door.chunk(node.first, path, 0, b"x", Content_Type="application/json").status_code == 415
    check(door.chunk(node.first, path, 0, b"x", Upload_Offset="-1"), Refused.MALFORMED)
    check(door.chunk(node.first, path, 0, b"x" * (protocol.LARGEST_CHUNK_BYTES + 1)), Refused.TOO_LARGE)
    check(door.chunk(node.first, path, 0, LARGE + b"x"), Refused.TOO_LARGE)
    assert door.ask(node.first, "DELETE", path, b"", TUS).status_code == 204
    check(door.chunk(node.first, path, 0, b"x"), Refused.NOT_FOUND)


@pytest.mark.parametrize(
    "change",
    [
        {"Upload_Length": ""},
        {"Upload_Length": "0"},
        {"Upload_Length": "1.5"},
        {"Upload_Metadata": ""},
        {"Upload_Metadata": "sha256"},
        {"Upload_Metadata": "sha256 YWI=,message YWI="},
        {"Upload_Metadata": "sha256 /w==,message /w=="},
    ],
)
def test_an_upload_that_is_not_well_announced_is_refused(door: Door, node: Node, change: dict[str, str]) -> None:
    check(door.ask(node.first, "POST", protocol.UPLOADS, b"", creation(LARGE, **change)), Refused.MALFORMED)


def test_quota_size_and_disk_have_their_words(door: Door, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = creation(LARGE, Upload_Length=str(node.limits.packet_bytes + 1))
    check(door.ask(node.first, "POST", protocol.UPLOADS, b"", huge), Refused.TOO_LARGE)
    for index in range(4):
        assert door.begin(node.first, LARGE[:-1] + bytes([index])).status_code == 201
    check(door.begin(node.first, LARGE), Refused.TRY_LATER)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(0))
    check(door.begin(node.second, LARGE), Refused.DISK_FULL)
    value = node.second.envelope(node.first.code, PACKET)
    check(door.commit(node.second, node.second.seal(value), PACKET), Refused.DISK_FULL)


@dataclass
class _Usage:
    free: int


def test_another_member_s_upload_and_packet_do_not_exist(door: Door, node: Node) -> None:
    third = enrol(new_office(3))
    path = door.begin(node.first, LARGE).headers["Location"]
    for answer in (
        door.ask(third, "HEAD", path, b"", TUS),
        door.chunk(third, path, 0, b"x"),
        door.ask(third, "DELETE", path, b"", TUS),
    ):
        check(answer, Refused.NOT_FOUND)
    value = node.first.envelope(node.second.code, PACKET)
    door.commit(node.first, node.first.seal(value), PACKET)
    packet = f"{protocol.PACKETS}/{value.packet_sha256}"
    check(door.ask(third, "GET", packet), Refused.NOT_FOUND)
    check(door.ask(third, "POST", protocol.RECEIPTS, third.receipt(value)), Refused.NOT_FOUND)
    assert door.ask(third, "GET", protocol.MAILBOX).json == {"items": [], "more": False, "next": 0}
    assert door.begin(third, PACKET).status_code == 201
    check(door.ask(third, "GET", f"{protocol.PACKETS}/nonsense"), Refused.NOT_FOUND)


def test_a_packet_is_fetched_in_stretches(door: Door, node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    door.commit(node.first, node.first.seal(value), PACKET)
    path = f"{protocol.PACKETS}/{value.packet_sha256}"
    tag = f'"{value.packet_sha256}"'
    whole = door.ask(node.second, "GET", path)
    assert (whole.status_code, whole.data, whole.headers["ETag"]) == (200, PACKET, tag)
    part = door.ask(node.second, "GET", path, b"", {"Range": "bytes=10-19", "If-Range": tag})
    assert (part.status_code, part.data) == (206, PACKET[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(PACKET)}"
    assert part.headers["ETag"] == tag
    other = door.ask(node.second, "GET", path, b"", {"Range": "bytes=10-19", "If-Range": '"other"'})
    assert (other.status_code, other.data) == (200, PACKET)
    past = door.ask(node.second, "GET", path, b"", {"Range": f"bytes={len(PACKET)}-"})
    assert past.status_code == 416
    assert past.headers["Content-Range"] == f"bytes */{len(PACKET)}"


def test_the_mailbox_and_receipts_close_the_circle(door: Door, node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    door.commit(node.first, node.first.seal(value), PACKET)
    page = mailbox.read_page(door.ask(node.second, "GET", f"{protocol.MAILBOX}?after=0&limit=50").data)
    assert [(item.envelope, item.packet) for item in page.items] == [(node.first.seal(value), PACKET)]
    theirs = node.second.receipt(value)
    for _ in range(2):
        assert door.ask(node.second, "POST", protocol.RECEIPTS, theirs).status_code == 204
    home = mailbox.read_page(door.ask(node.first, "GET", protocol.MAILBOX).data)
    assert [item.receipt for item in home.items] == [theirs]
    for query in ("after=x", "after=-1", "limit=x"):
        check(door.ask(node.first, "GET", f"{protocol.MAILBOX}?{query}"), Refused.MALFORMED)


def test_a_journal_is_handed_over_and_forks_are_refused(door: Door, node: Node) -> None:
    office = node.first
    office.journal.add("incoming:1", {"subject": "Về việc"}, number=1, year=2026)
    office.journal.add("incoming:1", to="ASSIGNED")
    empty = extract.read_mirrored(door.ask(office, "GET", protocol.JOURNAL).data)
    assert (empty.checkpoint.size, empty.note) == (0, None)
    answer = door.ask(office, "POST", protocol.JOURNAL, extract.write(office.journal.extract()))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    mirrored = extract.read_mirrored(door.ask(office, "GET", protocol.JOURNAL).data)
    assert mirrored.checkpoint == office.journal.checkpoint
    assert mirrored.note == answer.data
    gap = JournalExtract(office.journal.uid, 0, 9, (), office.journal.checkpoint)
    check(door.ask(office, "POST", protocol.JOURNAL, extract.write(gap)), Refused.JOURNAL_GAP)
    fork = office.journal.extract(2)
    lines = (extract.JournalLine(fork.lines[0].body.replace("ASSIGNED", "COMPLETED"), None, None),)
    forked = JournalExtract(office.journal.uid, 0, 2, lines, office.journal.checkpoint)
    check(door.ask(office, "POST", protocol.JOURNAL, extract.write(forked)), Refused.JOURNAL_FORK)
    check(door.ask(office, "POST", protocol.JOURNAL, b"[]"), Refused.MALFORMED)


def test_the_directory_is_sent_once(door: Door, node: Node) -> None:
    answer = door.ask(node.first, "GET", protocol.DIRECTORY)
    again = door.ask(node.first, "GET", protocol.DIRECTORY, b"", {"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    own = new_keys(0)
    found = directory.open_(answer.data, lambda _code, key: own.public_key if key == own.key_id else None)
    assert {entry.code for entry in found.entries} == {NODE_CODE, node.first.code, node.second.code}


def test_the_vector_is_answered(door: Door, node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    sent = door.commit(node.first, node.first.seal(value), PACKET)
    said = mailbox.write_vector(Vector(0, (Waiting(value.message_id, value.packet_sha256),)))
    found = mailbox.read_vector_answer(door.ask(node.first, "POST", protocol.VECTOR, said).data)
    assert found.receipts == (sent.data,)


def test_no_cookie_is_read_and_no_token_is_asked_for(door: Door, node: Node) -> None:
    door.client.set_cookie("portal_session", "anything")
    value = node.first.envelope(node.second.code, PACKET)
    assert door.commit(node.first, node.first.seal(value), PACKET).status_code == 200


def test_a_damaged_store_gives_no_word_that_could_be_taken_for_final(door: Door, node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    door.commit(node.first, node.first.seal(value), PACKET)
    database.connect().execute("DROP TRIGGER mailbox_row_is_rehashed")
    database.connect().execute("UPDATE mailbox SET urgency = 3")
    answer = door.ask(node.second, "POST", protocol.RECEIPTS, node.second.receipt(value))
    assert answer.status_code == 503
    assert "Exchange-Error" not in answer.headers
    database.connect().execute("UPDATE mailbox SET urgency = 0")
