"""Whatever the writer writes the reader gives back, value for value and byte for byte."""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commune_portal.edxml.package import (
    Business,
    Code,
    DocumentType,
    Edoc,
    Organ,
    OtherInfo,
    ReceiverChange,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    Status,
    Trace,
)
from commune_portal.edxml.reader import read
from commune_portal.edxml.status import write_status
from commune_portal.edxml.writer import attach, write
from commune_portal.rules.folding import clean_line, clean_text
from commune_portal.rules.statuses import StatusCode
from tests.edxml.specimens import EDOC, PDF, STATUS, with_files, written

LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Cn", "Co"])
LINE = st.text(LETTERS, max_size=20).map(clean_line)
SOME = st.text(LETTERS, min_size=1, max_size=20).map(clean_line).filter(bool)
TEXT = st.text(st.one_of(LETTERS, st.sampled_from("\n\t<&>]\"'")), max_size=40).map(clean_text)
ORGAN_ID = st.from_regex(r"\A[A-Z][0-9]{2}(\.[0-9A-Z]{1,4}){0,5}\Z")
NUMBER = st.none() | st.integers(-1, 10**6)
TRUTH = st.none() | st.booleans()
DAY = st.dates(date(1900, 1, 1), date(2999, 12, 31))
INSTANT = st.datetimes(datetime(1950, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC)).map(
    lambda value: value.replace(microsecond=0)
)
ORGAN = st.builds(Organ, ORGAN_ID, LINE, LINE, LINE, LINE, LINE, LINE, LINE)
STAFF = st.builds(Staff, LINE, LINE, LINE, LINE, LINE, LINE).filter(lambda staff: staff != Staff())
RESPONSE = st.builds(ResponseFor, ORGAN_ID, SOME, SOME, st.none() | DAY)
OTHER = st.builds(
    OtherInfo, st.none() | st.integers(0, 4), LINE, LINE, NUMBER, NUMBER, TRUTH, LINE, LINE, st.lists(SOME).map(tuple)
).filter(lambda other: other != OtherInfo())
REPLACEMENT = st.builds(Replacement, SOME, st.lists(ORGAN_ID, max_size=3).map(tuple))
RECEIVER = st.builds(ReceiverChange, ORGAN_ID, st.sampled_from([0, 1]))
BUSINESS = st.builds(
    Business,
    type=st.sampled_from([0, 1, 2, 3]),
    reason=TEXT,
    paper=TRUTH,
    staff=st.none() | STAFF,
    document_id=SOME,
    document_info=TRUTH,
    document_receiver=TRUTH,
    receivers=st.lists(RECEIVER, max_size=3).map(tuple),
    replacements=st.lists(REPLACEMENT, min_size=1, max_size=3).map(tuple),
)
EDOCS = st.builds(
    Edoc,
    sender=ORGAN,
    receivers=st.lists(ORGAN, min_size=1, max_size=3).map(tuple),
    document_id=SOME,
    code=st.builds(Code, SOME, SOME),
    promulgation_date=DAY,
    document_type=st.builds(DocumentType, SOME, NUMBER, NUMBER),
    subject=SOME,
    promulgation_place=LINE,
    content=TEXT,
    signer=st.none() | st.builds(Signer, LINE, LINE, LINE),
    due_date=st.none() | DAY,
    to_places=st.lists(SOME, max_size=3).map(tuple),
    other=st.none() | OTHER,
    responses=st.lists(RESPONSE, min_size=1, max_size=2).map(tuple),
    steering_type=NUMBER,
    task_code=LINE,
    application_type=LINE,
    traces=st.lists(st.builds(Trace, ORGAN_ID, INSTANT), min_size=1, max_size=3).map(tuple),
    business=st.none() | BUSINESS,
)
STATUSES = st.builds(
    Status,
    sender=ORGAN,
    response_for=RESPONSE,
    status_code=st.sampled_from([code.value for code in StatusCode]),
    description=TEXT.filter(bool),
    timestamp=INSTANT,
    staff=st.none() | STAFF,
)
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(edoc=EDOCS, files=st.lists(st.tuples(st.sampled_from(["pdf", "docx", "zip", "bin"]), st.binary()), max_size=3))
def test_what_is_written_is_read_back_the_same(edoc: Edoc, files: list[tuple[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        attachments = []
        for ordinal, (end, data) in enumerate(files):
            path = folder / f"source-{ordinal}"
            path.write_bytes(b"%PDF-" + data if end == "pdf" else b"text " + data)
            attachments.append(attach(path, f"Tệp {ordinal}.{end}", description=f"Phụ lục {ordinal}"))
        edoc = replace(edoc, attachments=tuple(attachments))
        first = written(edoc)
        parsed = read(io.BytesIO(first), folder)
        assert isinstance(parsed, Edoc)
        assert parsed.findings == ()
        for before, after in zip(edoc.attachments, parsed.attachments, strict=True):
            assert before.path is not None
            assert after.path is not None
            assert before.path.read_bytes() == after.path.read_bytes()
            assert after.content_id
        bare = tuple(replace(item, content_id="") for item in parsed.attachments)
        assert replace(parsed, attachments=bare) == edoc
        assert written(parsed) == first, "what was read is written as the same bytes"


@QUICK
@given(status=STATUSES)
def test_a_status_that_is_written_is_read_back_the_same(status: Status) -> None:
    with tempfile.TemporaryDirectory() as name:
        assert read(io.BytesIO(write_status(status)), Path(name)) == status


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    edoc = with_files(tmp_path, van_ban__pdf=PDF, phu_luc__xlsx=b"PK\x03\x04 not really")
    assert written(edoc) == written(edoc)
    assert write_status(STATUS) == write_status(STATUS)


def test_the_specimens_are_read_without_findings(tmp_path: Path) -> None:
    assert read(io.BytesIO(written(EDOC)), tmp_path) == EDOC
    assert read(io.BytesIO(write_status(STATUS)), tmp_path) == STATUS


@pytest.mark.parametrize("size", [0, 1, 2, 3, 196_607, 196_608, 196_609, 600_000])
def test_every_length_of_attachment_survives(tmp_path: Path, size: int) -> None:
    data = b"%PDF-" + bytes(ordinal % 251 for ordinal in range(size))
    parsed = read(io.BytesIO(written(with_files(tmp_path, a__pdf=data, b__docx=data))), tmp_path)
    assert isinstance(parsed, Edoc)
    assert [item.path.read_bytes() for item in parsed.attachments if item.path] == [data, data]


def test_an_old_packet_read_is_written_to_any_stream(tmp_path: Path) -> None:
    target = tmp_path / "packet.edxml"
    with target.open("wb") as out:
        write(with_files(tmp_path, a__pdf=PDF), out)
    assert isinstance(read(target, tmp_path), Edoc)
