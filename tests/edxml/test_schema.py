"""Everything we write is valid against our own strict schema, and the lax one takes what others send."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from lxml import etree

from commune_portal.edxml.package import Business, Edoc, ReceiverChange, Replacement, Staff, Status
from commune_portal.edxml.status import write_status
from tests.edxml.specimens import EDOC, PDF, STATUS, attachment, packet, reference, with_files, written
from tests.edxml.test_round_trip import EDOCS, QUICK, STATUSES

HERE = Path(__file__).parent
STRICT = etree.XMLSchema(etree.parse(str(HERE / "strict.xsd")))
LAX = etree.XMLSchema(etree.parse(str(HERE / "lax.xsd")))


def faults(schema: etree.XMLSchema, data: bytes) -> str:
    schema.validate(etree.fromstring(data))
    return str(schema.error_log)


@QUICK
@given(edoc=EDOCS)
def test_every_document_packet_is_valid(edoc: Edoc) -> None:
    with tempfile.TemporaryDirectory() as name:
        files = with_files(Path(name), a__pdf=PDF, b__docx=b"text").attachments
        data = written(replace(edoc, attachments=files))
    assert faults(STRICT, data) == ""
    assert faults(LAX, data) == ""


@QUICK
@given(status=STATUSES)
def test_every_status_is_valid(status: Status) -> None:
    assert faults(STRICT, write_status(status)) == ""


@pytest.mark.parametrize(
    "business",
    [
        Business(1, "Ban hành nhầm", document_id="x", staff=Staff("VP")),
        Business(2, document_id="x", document_receiver=True, receivers=(ReceiverChange("H99.1", 1),)),
        Business(3, replacements=(Replacement("x", ("H99.1", "H99.2")), Replacement("y"))),
    ],
)
def test_recall_update_and_replace_are_valid(business: Business) -> None:
    assert faults(STRICT, written(replace(EDOC, business=business))) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<edXML:Subject>", "<edXML:Trich>"),
        ("2026/11/20", "20/11/2026"),
        ("H99.18.02.2026.000017", " "),
        ("Bussiness", "Business"),
    ],
)
def test_the_strict_schema_refuses_what_strays(old: str, new: str) -> None:
    text = written(EDOC).decode().replace(old, new).replace(old.replace("<", "</"), new.replace("<", "</"))
    assert faults(STRICT, text.encode()) != ""
    assert faults(LAX, text.encode()) == ""


def test_the_lax_schema_takes_what_others_send() -> None:
    text = packet(references=reference(), attachments=attachment(content_type="application/doc"))
    assert faults(LAX, text.encode()) == ""
    assert faults(STRICT, text.encode()) != ""
    assert faults(STRICT, write_status(STATUS)) == ""
