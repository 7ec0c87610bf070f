"""Which verdict a signature gets, and why."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commune_portal import clock, errors
from commune_portal.signing import keys, pdf, verify
from commune_portal.signing.authority import Authority, Holder
from commune_portal.signing.reports import Chain, Modification, Report, Verdict
from commune_portal.signing.trust import TrustStore
from tests.signing.conftest import Document
from tests.signing.material import Infrastructure, MemoryKey


def test_who_signed_is_told(document: Document, pki: Infrastructure) -> None:
    leader = verify.verify(document.issued, pki.trust).signatures[0]
    assert (leader.common_name, leader.organisation) == ("Lê Thị Mười", "Ủy ban nhân dân xã An Bình")
    assert "Cơ quan chứng thực của bài kiểm tra" in leader.issuer
    assert leader.certificate_serial == keys.describe(pki.leader.certificate_der).serial
    assert leader.signed_at is not None
    assert leader.timestamp is None
    assert (leader.chain, leader.revocation_known, leader.trial) == (Chain.TRUSTED, False, False)


def test_without_revocation_data_nothing_is_called_plainly_valid(document: Document, pki: Infrastructure) -> None:
    report = verify.verify(document.issued, pki.trust)
    assert report.overall is Verdict.SOUND
    assert report.overall.label == "Toàn vẹn, đúng chứng thư; chưa kiểm tra được thu hồi"
    assert report.overall.acceptable
    assert "thu hồi" in report.why


def test_with_a_fresh_revocation_list_it_is_valid(document: Document, pki: Infrastructure) -> None:
    listed = pki.authority.revocation_list([], clock.now() - timedelta(hours=1))
    trust = TrustStore(roots=pki.trust.roots, revocation_lists=(listed,))
    report = verify.verify(document.issued, trust)
    assert (report.overall, report.overall.label) == (Verdict.VALID, "Hợp lệ")
    assert all(item.revocation_known for item in report.signatures)


def test_a_revoked_certificate_is_invalid(document: Document, pki: Infrastructure) -> None:
    listed = pki.authority.revoke(pki.leader.certificate_der, clock.now() - timedelta(hours=1))
    trust = TrustStore(roots=pki.trust.roots, revocation_lists=(listed,))
    report = verify.verify(document.issued, trust)
    assert [item.verdict for item in report.signatures] == [Verdict.INVALID, Verdict.VALID]
    assert report.signatures[0].chain is Chain.REVOKED
    assert "đã bị thu hồi" in report.why


def test_a_certificate_revoked_after_the_claimed_time_is_unchecked(document: Document, pki: Infrastructure) -> None:
    listed = pki.authority.revoke(pki.leader.certificate_der, clock.now() + timedelta(hours=1))
    trust = TrustStore(roots=pki.trust.roots, revocation_lists=(listed,))
    report = verify.verify(document.issued, trust, clock.now() + timedelta(hours=2))
    assert [item.verdict for item in report.signatures] == [Verdict.UNCHECKED, Verdict.VALID]
    assert not report.overall.acceptable


def test_without_any_root_it_cannot_be_checked(document: Document) -> None:
    report = verify.verify(document.issued, TrustStore())
    assert report.overall is Verdict.UNCHECKED
    assert not report.overall.acceptable
    assert all(item.integrity_ok for item in report.signatures)


def test_an_authority_nobody_here_trusts_is_invalid(document: Document) -> None:
    other = Authority.create("Cơ quan khác", key_type="ec-256")
    report = verify.verify(document.issued, TrustStore(roots=(other.certificate_der,)))
    assert report.overall is Verdict.INVALID
    assert report.signatures[0].chain is Chain.UNTRUSTED


def test_a_certificate_that_expired_since_is_unchecked_and_one_that_had_expired_is_invalid(
    document: Document, pki: Infrastructure, tmp_path: Path
) -> None:
    at = clock.now()
    holder = Holder("Ngắn hạn", "Xã", key_type="ec-256")
    key = MemoryKey(*pki.authority.issue(holder, not_before=at - timedelta(days=9), not_after=at + timedelta(days=9)))
    pdf.sign_leader(document.draft, tmp_path / "a.pdf", key, None)
    assert verify.verify(tmp_path / "a.pdf", pki.trust).overall is Verdict.SOUND
    later = verify.verify(tmp_path / "a.pdf", pki.trust, at + timedelta(days=10))
    assert (later.overall, later.signatures[0].chain) == (Verdict.UNCHECKED, Chain.EXPIRED)
    before = verify.verify(tmp_path / "a.pdf", pki.trust, at - timedelta(days=10))
    assert before.overall is not Verdict.SOUND


def test_a_changed_byte_is_found(document: Document, pki: Infrastructure, tmp_path: Path) -> None:
    content = document.issued.read_bytes()
    at = content.index(b"/MediaBox") + 20
    (tmp_path / "a.pdf").write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    report = verify.verify(tmp_path / "a.pdf", pki.trust)
    assert [item.integrity_ok for item in report.signatures] == [False, False]
    assert report.overall is Verdict.INVALID
    assert report.why == "Nội dung văn bản không khớp với chữ ký số."


def test_a_document_without_signatures_is_only_for_information(document: Document, pki: Infrastructure) -> None:
    report = verify.verify(document.draft, pki.trust)
    assert report == Report((), Verdict.NONE)
    assert report.overall.label == "Không có chữ ký số; chỉ để biết, tham khảo"


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.7", b"PK\x03\x04", b"%PDF-1.7\ntrailer<</Root 1 0 R>>\nstartxref\n0\n%%EOF"]
)
def test_what_is_no_pdf_is_malformed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pdf").write_bytes(content)
    with pytest.raises(errors.Malformed):
        verify.verify(tmp_path / "a.pdf", TrustStore())


def test_a_report_survives_storage(document: Document, pki: Infrastructure) -> None:
    report = verify.verify(document.issued, pki.trust)
    assert Report.from_json(json.dumps(report.to_json())) == report
    assert Report.from_json(report.to_json()) == report


def test_every_value_has_vietnamese_words() -> None:
    assert all(item.label for kind in (Verdict, Modification, Chain) for item in kind)


def test_an_unreadable_signature_is_invalid_not_ignored(
    document: Document, pki: Infrastructure, tmp_path: Path
) -> None:
    content = document.signed.read_bytes()
    start = content.index(b"/Contents <") + 11
    (tmp_path / "a.pdf").write_bytes(content[:start] + b"00" * 40 + content[start + 80 :])
    report = verify.verify(tmp_path / "a.pdf", pki.trust)
    assert report.overall is Verdict.INVALID


def test_an_unknown_kind_of_signature_is_invalid_not_ignored(
    document: Document, pki: Infrastructure, tmp_path: Path
) -> None:
    content = document.signed.read_bytes().replace(b"/ETSI.CAdES.detached", b"/ETSI.CAdES.detaXXed")
    (tmp_path / "a.pdf").write_bytes(content)
    assert verify.verify(tmp_path / "a.pdf", pki.trust).overall is Verdict.INVALID


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mutation_is_ever_accepted(
    document: Document, pki: Infrastructure, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(document.issued.read_bytes())
    # the reserved room after each CMS is the only place that nobody signs
    place = data.draw(st.integers(0, len(content) - 1).filter(lambda at: chr(content[at]) not in "0<>"))
    content[place] ^= data.draw(st.integers(1, 255))
    (tmp_path / "mutated.pdf").write_bytes(content)
    try:
        report = verify.verify(tmp_path / "mutated.pdf", pki.trust)
    except errors.Malformed:
        return
    assert not report.overall.acceptable
