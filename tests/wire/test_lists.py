"""Directory, mailbox pages, vectors and journal extracts read back as they were written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed, Unauthenticated
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import directory, extract, keys, mailbox, sealed
from commune_portal.wire.directory import Directory, DirectoryEntry
from commune_portal.wire.extract import JournalExtract, JournalLine, Mirrored
from commune_portal.wire.mailbox import MailboxItem, MailboxPage, Open, Vector, VectorAnswer, Waiting

NODE = keys.from_seeds(bytes(range(32)), bytes(range(32, 64)))
NOON = datetime(2026, 11, 21, 5, tzinfo=UTC)
OFFICE = keys.from_seeds(bytes(range(1, 33)), bytes(range(2, 34)))
ENTRY = DirectoryEntry(
    code="H99.01",
    code_legacy="000.01.23.H99",
    name="UBND xã Suối Vàng",
    key_id=OFFICE.key_id,
    public_key=OFFICE.public_key,
    box_public_key=OFFICE.box_public_key,
    valid_from=NOON,
)
DIRECTORY = Directory(node="H99", issued_at=NOON, partial=False, entries=(ENTRY,), key_id=NODE.key_id)
items = st.builds(MailboxItem, st.just(0), st.binary(max_size=50), st.none() | st.binary(max_size=50)) | st.builds(
    MailboxItem, st.just(0), st.none(), st.none(), st.binary(max_size=50)
)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
lines = st.builds(JournalLine, texts, st.none() | st.sampled_from(["", "00ff"]), st.none() | texts)


def test_a_directory_is_believed_only_when_its_node_signed_it() -> None:
    data = directory.seal(DIRECTORY, NODE)
    assert directory.open_(data, lambda _code, _key: NODE.public_key) == DIRECTORY
    with pytest.raises(Unauthenticated):
        directory.open_(data, lambda _code, _key: OFFICE.public_key)
    with pytest.raises(Unauthenticated):
        directory.open_(data.replace(b"H99.01", b"H99.02"), lambda _code, _key: NODE.public_key)


def test_a_revoked_key_is_still_found_and_an_entry_with_a_wrong_key_id_is_refused() -> None:
    revoked = dataclasses.replace(DIRECTORY, entries=(dataclasses.replace(ENTRY, revoked_at=NOON),))
    assert revoked.public_key("H99.01", OFFICE.key_id) == OFFICE.public_key
    body, _, _ = sealed.split(directory.seal(revoked, NODE), directory.LARGEST_BYTES)
    body["entries"][0]["key_id"] = NODE.key_id
    with pytest.raises(Malformed):
        directory.open_(sealed.seal("directory", body, NODE), lambda _code, _key: NODE.public_key)


@settings(deadline=None, max_examples=50)
@given(st.lists(items, max_size=6), st.booleans())
def test_a_page_reads_back(found: list[MailboxItem], more: bool) -> None:
    numbered = tuple(dataclasses.replace(item, sequence=place * 3 + 1) for place, item in enumerate(found))
    page = MailboxPage(numbered, 20, more)
    assert mailbox.read_page(mailbox.write_page(page)) == page


def test_a_page_out_of_order_or_going_back_is_refused() -> None:
    one, two = MailboxItem(1, b"x"), MailboxItem(2, b"y")
    for page in (MailboxPage((two, one), 2, False), MailboxPage((one, one), 1, False), MailboxPage((two,), 1, False)):
        with pytest.raises(Malformed):
            mailbox.read_page(mailbox.write_page(page))
    with pytest.raises(Malformed):
        mailbox.read_page(mailbox.write_page(MailboxPage((MailboxItem(1, None),), 1, False)))


def test_a_vector_and_its_answer_read_back() -> None:
    name = "5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90"
    vector = Vector(7, (Waiting(name, "ab" * 32),))
    assert mailbox.read_vector(mailbox.write_vector(vector)) == vector
    answer = VectorAnswer((b"receipt",), (name,), 9)
    assert mailbox.read_vector_answer(mailbox.write_vector_answer(answer)) == answer
    whole = Vector(7, (), (Open(name, "ab" * 32, 3),), Checkpoint(4, "cd" * 32))
    assert mailbox.read_vector(mailbox.write_vector(whole)) == whole
    healed = VectorAnswer((), (), 9, (name,), (MailboxItem(3, b"envelope", b"packet"),))
    assert mailbox.read_vector_answer(mailbox.write_vector_answer(healed)) == healed


def test_a_vector_of_before_has_none_of_the_later_members() -> None:
    assert mailbox.write_vector(Vector(7, ())) == b'{"mailbox_after":7,"waiting":[]}'
    found = mailbox.read_vector_answer(b'{"mailbox_newest":9,"receipts":[],"unknown":[]}')
    assert (found.lost, found.statuses) == ((), ())


@settings(deadline=None, max_examples=50)
@given(st.lists(lines, max_size=5))
def test_an_extract_carries_the_very_text_of_the_journal(found: list[JournalLine]) -> None:
    handed = JournalExtract("uid", 1, 3, tuple(found), Checkpoint(3 + len(found), "ab" * 32))
    assert extract.read(extract.write(handed)) == handed


def test_what_the_node_has_reads_back() -> None:
    for note in (None, b"note"):
        value = Mirrored(Checkpoint(3, "ab" * 32), 1, note)
        assert extract.read_mirrored(extract.write_mirrored(value)) == value


READERS: list[Callable[[bytes], object]] = [
    mailbox.read_page,
    mailbox.read_vector,
    mailbox.read_vector_answer,
    extract.read,
    extract.read_mirrored,
]
broken = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5).filter(str.isascii),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["items", "next", "more", "lines", "checkpoint", "size", "waiting"]), inner)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from(["items", "lines", "checkpoint", "waiting", "receipts"]), broken))
def test_a_wrong_shape_is_refused_and_never_falls(body: dict[str, object]) -> None:
    for reader in READERS:
        with pytest.raises(Malformed):
            reader(json.dumps(body).encode())
