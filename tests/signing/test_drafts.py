"""Which PDFs become drafts, and with what sentence the others are refused."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commune_portal import errors
from commune_portal.paper.places import Rectangle
from commune_portal.signing import drafts, pdf, verify
from commune_portal.signing.reports import Verdict
from commune_portal.signing.trust import TrustStore
from tests.signing import material
from tests.signing.conftest import Document
from tests.signing.material import Infrastructure


def _encrypted(content: bytes) -> bytes:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.pdf_utils.writer import copy_into_new_writer

    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(content)))
    writer.encrypt(owner_pass="chủ", user_pass="")
    return _written(writer)


def _written(writer: Any) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _dynamic(content: bytes) -> bytes:
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.generic import pdf_name, pdf_string
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    form = generic.DictionaryObject(
        {pdf_name("/XFA"): pdf_string("<xdp/>"), pdf_name("/Fields"): generic.ArrayObject()}
    )
    writer.root[pdf_name("/AcroForm")] = writer.add_object(form)
    writer.update_root()
    return _written(writer)


def _hybrid(content: bytes) -> bytes:
    """As Word saves it: a classic table whose trailer points to an empty cross-reference stream as well."""
    start = int(content.rstrip().rsplit(b"\n", 2)[-2])
    head, tail = content[:start], content[start:]
    stream = b"9999 0 obj\n<< /Type /XRef /Size 1 /W [1 2 1] /Index [0 0] /Length 0 >>\nstream\n\nendstream\nendobj\n"
    tail = tail.replace(b"trailer\n<<", b"trailer\n<< /XRefStm %d" % start, 1)
    return head + stream + tail.replace(b"startxref\n%d" % start, b"startxref\n%d" % (start + len(stream)))


def _refused(content: bytes, tmp_path: Path) -> str:
    (tmp_path / "source.pdf").write_bytes(content)
    with pytest.raises(errors.Malformed) as caught:
        pdf.prepare_draft(tmp_path / "source.pdf", tmp_path / "out.pdf", material.PLACES)
    assert [path.name for path in tmp_path.iterdir()] == ["source.pdf"]
    return caught.value.sentence


def test_what_cannot_become_a_draft_is_refused_in_plain_words(
    document: Document, pki: Infrastructure, tmp_path: Path
) -> None:
    content = document.source.read_bytes()
    assert _refused(b"hello", tmp_path) == drafts.BROKEN
    assert _refused(b"", tmp_path) == drafts.BROKEN
    assert _refused(content[: len(content) // 2], tmp_path) == drafts.BROKEN
    assert _refused(_encrypted(content), tmp_path) == drafts.ENCRYPTED
    assert _refused(document.signed.read_bytes(), tmp_path) == drafts.SIGNED
    assert _refused(document.draft.read_bytes(), tmp_path) == drafts.HAS_FIELDS
    assert _refused(material.certified(content, pki.leader), tmp_path) == drafts.CERTIFIED
    assert _refused(_dynamic(content), tmp_path) == drafts.DYNAMIC


def test_a_file_with_hybrid_tables_is_written_anew_and_can_be_signed(
    document: Document, pki: Infrastructure, tmp_path: Path
) -> None:
    (tmp_path / "word.pdf").write_bytes(_hybrid(document.source.read_bytes()))
    from pyhanko.pdf_utils.reader import PdfFileReader

    assert PdfFileReader(io.BytesIO((tmp_path / "word.pdf").read_bytes())).xrefs.hybrid_xrefs_present
    pdf.prepare_draft(tmp_path / "word.pdf", tmp_path / "draft.pdf", material.PLACES)
    pdf.sign_leader(tmp_path / "draft.pdf", tmp_path / "signed.pdf", pki.leader, None)
    assert verify.verify(tmp_path / "signed.pdf", pki.trust).overall is Verdict.SOUND


def test_a_draft_shows_the_same_page_as_its_source(document: Document) -> None:
    import subprocess

    pages = [subprocess.run(["pdftoppm", "-r", "40", "-png", str(path)], capture_output=True, check=True).stdout
             for path in (document.source, document.draft)]  # fmt: skip
    assert pages[0] == pages[1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_bytes_are_refused_or_prepared_but_never_crash(
    document: Document, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(document.source.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "mutated.pdf").write_bytes(content)
    try:
        pdf.prepare_draft(tmp_path / "mutated.pdf", tmp_path / "out.pdf", material.PLACES)
    except errors.Malformed:
        return
    verify.verify(tmp_path / "out.pdf", TrustStore())


def test_a_rectangle_off_the_last_page_is_refused(document: Document, tmp_path: Path) -> None:
    places = replace(material.PLACES, seal=Rectangle(7, 10, 10, 50, 50))
    with pytest.raises(errors.Malformed, match="trang không có"):
        pdf.prepare_draft(document.source, tmp_path / "a.pdf", places)
