"""Leader, then number, date and seal in one revision: signatures, appearances, and what later changes do to them."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from commune_portal import errors
from commune_portal.signing import deferred, drafts, keys, pdf, trial, verify
from commune_portal.signing.authority import Holder
from commune_portal.signing.reports import Modification, Verdict
from commune_portal.signing.trust import TrustStore
from tests.signing import material
from tests.signing.conftest import Document
from tests.signing.material import Infrastructure


def _run(*command: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def _words(path: Path) -> dict[str, tuple[float, float, float, float]]:
    """Each word of page 1 with its box, as poppler sees it."""
    text = _run("pdftotext", "-bbox", "-l", "1", str(path), "-")
    pattern = r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*)</word>'
    found = re.findall(pattern, text)
    return {word: (float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1, word in found}


def _picture(path: Path, tmp_path: Path) -> Any:
    from PIL import Image

    _run("pdftoppm", "-r", "72", "-l", "1", "-png", "-singlefile", str(path), str(tmp_path / "page"))
    return Image.open(tmp_path / "page.png").convert("RGB")


def _fields(path: Path) -> dict[str, Any]:
    from pyhanko.pdf_utils.reader import PdfFileReader

    form = PdfFileReader(io.BytesIO(path.read_bytes())).root["/AcroForm"]
    assert "/NeedAppearances" not in form
    return {str(item.get_object()["/T"]): item.get_object() for item in form["/Fields"]}


def test_both_signatures_are_sound_for_pyhanko_and_for_poppler(document: Document, pki: Infrastructure) -> None:
    report = verify.verify(document.issued, pki.trust)
    leader, seal = report.signatures
    assert (leader.field, leader.modification) == ("ky_lanh_dao", Modification.FORM_FILLED)
    assert (seal.field, seal.modification, seal.covers_whole_file) == ("ky_co_quan", Modification.INTACT, True)
    assert report.overall is Verdict.SOUND
    seen = _run("pdfsig", "-nocert", str(document.issued))
    assert seen.count("Signature is Valid.") == 2
    assert seen.count("ETSI.CAdES.detached") == 2


def test_each_step_only_appends(document: Document) -> None:
    draft, signed, issued = (path.read_bytes() for path in (document.draft, document.signed, document.issued))
    assert signed.startswith(draft)
    assert issued.startswith(signed)
    assert draft.startswith(document.source.read_bytes())


def test_number_date_and_seal_are_one_revision(document: Document) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader

    revisions = [PdfFileReader(io.BytesIO(path.read_bytes())).xrefs.total_revisions for path in
                 (document.draft, document.signed, document.issued)]  # fmt: skip
    assert revisions == [2, 3, 4]


def test_every_field_has_its_own_appearance_and_the_seal_locks_number_and_date(document: Document) -> None:
    for path in (document.draft, document.issued):
        fields = _fields(path)
        assert set(fields) == {"so_van_ban", "ngay_thang", "ky_lanh_dao", "ky_co_quan"}
        assert all("/N" in field["/AP"] for field in fields.values())
        lock = fields["ky_co_quan"]["/Lock"]
        assert (lock["/Action"], [str(name) for name in lock["/Fields"]]) == ("/Include", ["so_van_ban", "ngay_thang"])
        assert "/Lock" not in fields["ky_lanh_dao"]
        assert all(fields[name]["/DA"].startswith("/Ti") for name in ("so_van_ban", "ngay_thang"))


def test_the_leaders_signature_is_no_certification(document: Document) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader

    assert "/Perms" not in PdfFileReader(io.BytesIO(document.issued.read_bytes())).root


def test_number_and_date_stand_in_their_places_unclipped_and_unspaced(document: Document) -> None:
    from reportlab.pdfbase.pdfmetrics import stringWidth

    from commune_portal.paper import fonts

    words, names = _words(document.issued), fonts.registered()
    x0, _, x1, _ = words["15"]
    assert x1 - x0 == pytest.approx(stringWidth("15", names.regular, 13), abs=0.2)
    assert (x0 + x1) / 2 == pytest.approx((118 + 155.5) / 2, abs=0.5)
    left, right = words["Bình,"][0], words["2026"][2]
    assert right - left == pytest.approx(stringWidth("Bình, ngày 05 tháng 01 năm 2026", names.italic, 13), abs=0.5)
    # one line with the printed «Số:»
    assert words["15"][3] == pytest.approx(words["Số:"][3], abs=0.3)


def test_every_font_is_embedded(document: Document) -> None:
    lines = _run("pdffonts", str(document.issued)).splitlines()[2:]
    assert lines
    assert all(" yes yes yes " in line for line in lines), lines


def test_the_pictures_are_drawn_without_any_text(document: Document, tmp_path: Path) -> None:
    image = _picture(document.issued, tmp_path)
    colours = [image.getpixel((x, y)) for x in range(300, 500) for y in range(372, 470)]
    assert any(blue > 150 and red < 80 for red, _, blue in colours)
    assert any(red > 150 and blue < 80 for red, _, blue in colours)
    inside = [word for word, (x0, y0, x1, y1) in _words(document.issued).items()
              if x0 >= 300 and x1 <= 500 and y0 >= 842 - 450 and y1 <= 842 - 380]  # fmt: skip
    assert inside == []


def test_a_long_date_is_made_smaller_and_a_too_long_one_refused(
    document: Document, pki: Infrastructure, tmp_path: Path
) -> None:
    long = "Đặc khu Một Cái Tên Rất Dài, ngày 05 tháng 01 năm 2026"
    pdf.number_and_seal(document.signed, tmp_path / "a.pdf", pki.organisation, "1234", long)
    words = _words(tmp_path / "a.pdf")
    assert words["Đặc"][0] >= 279
    assert words["2026"][2] <= 556
    with pytest.raises(errors.RuleBroken, match="dài hơn ô"):
        pdf.number_and_seal(document.signed, tmp_path / "b.pdf", pki.organisation, "15", long * 3)
    assert not (tmp_path / "b.pdf").exists()


@pytest.mark.parametrize("key_type", ["rsa-2048", "ec-256"])
@pytest.mark.parametrize("padding", ["pkcs1v15", "pss"])
def test_every_algorithm_is_valid_for_both_checkers(
    document: Document, pki: Infrastructure, tmp_path: Path, key_type: Any, padding: str
) -> None:
    out = tmp_path / "signed.pdf"
    pdf.sign_leader(document.draft, out, pki.key(key_type, padding=padding), None)
    assert verify.verify(out, pki.trust).overall is Verdict.SOUND
    assert "Signature is Valid." in _run("pdfsig", "-nocert", str(out))


def test_the_time_of_signing_is_the_one_that_was_given(document: Document, pki: Infrastructure, tmp_path: Path) -> None:
    at = datetime(2026, 3, 2, 7, 30, 15, tzinfo=UTC)
    made = pdf.sign_leader(document.draft, tmp_path / "a.pdf", pki.leader, None, at=at)
    assert made.signed_at == at
    assert pdf.Signed.from_json(made.to_json()) == made
    assert verify.verify(tmp_path / "a.pdf", pki.trust).signatures[0].signed_at == at


# -- what later changes do (the table of variants) ---------------------------------------------------------------------


def _changed(path: Path, out: Path, change: Any) -> None:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(io.BytesIO(path.read_bytes()))
    change(writer)
    with out.open("wb") as file:
        writer.write(file)


def _new_number(writer: Any) -> None:
    drafts.fill(writer, drafts.NUMBER_FIELD, "99", "")


def _new_date(writer: Any) -> None:
    drafts.fill(writer, drafts.DATE_FIELD, "An Bình, ngày 06 tháng 01 năm 2026", "")


def _stamp_on_page(writer: Any) -> None:
    from pyhanko.pdf_utils import generic

    content = generic.StreamObject(stream_data=b"q 1 0 0 rg 100 100 50 50 re f Q")
    writer.add_stream_to_page(0, writer.add_object(content))


def _free_text(writer: Any) -> None:
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.generic import pdf_name, pdf_string

    note = {
        pdf_name("/Type"): pdf_name("/Annot"), pdf_name("/Subtype"): pdf_name("/FreeText"),
        pdf_name("/Rect"): generic.ArrayObject(generic.NumberObject(side) for side in (100, 100, 200, 120)),
        pdf_name("/Contents"): pdf_string("15"), pdf_name("/DA"): pdf_string("/TiRo 13 Tf"),
    }  # fmt: skip
    page = writer.find_page_for_modification(0)[0]
    writer.register_annotation(page, writer.add_object(generic.DictionaryObject(note)))


OK, BAD = Verdict.SOUND, Verdict.INVALID


@pytest.mark.parametrize(
    ("stage", "change", "verdicts"),
    [
        ("signed", _new_number, [OK]),
        ("signed", _stamp_on_page, [BAD]),
        ("signed", _free_text, [BAD]),
        ("issued", _new_number, [OK, BAD]),
        ("issued", _new_date, [OK, BAD]),
        ("issued", _stamp_on_page, [BAD, BAD]),
        ("issued", _free_text, [BAD, BAD]),
    ],
)
def test_what_a_later_change_does(
    document: Document, pki: Infrastructure, tmp_path: Path, stage: str, change: Any, verdicts: list[Verdict]
) -> None:
    _changed(getattr(document, stage), tmp_path / "changed.pdf", change)
    report = verify.verify(tmp_path / "changed.pdf", pki.trust)
    assert [item.verdict for item in report.signatures] == verdicts
    if BAD in verdicts:
        assert report.overall is BAD
        assert report.why == "Văn bản bị sửa sau khi ký."


@pytest.mark.parametrize(("changes_allowed", "verdict"), [(True, OK), (False, BAD)])
def test_a_certification_made_elsewhere_decides_whether_fields_may_be_filled(
    document: Document, pki: Infrastructure, tmp_path: Path, *, changes_allowed: bool, verdict: Verdict
) -> None:
    content = material.certified(document.draft.read_bytes(), pki.leader, changes_allowed=changes_allowed)
    (tmp_path / "certified.pdf").write_bytes(content)
    assert verify.verify(tmp_path / "certified.pdf", pki.trust).overall is OK
    _changed(tmp_path / "certified.pdf", tmp_path / "filled.pdf", _new_number)
    assert verify.verify(tmp_path / "filled.pdf", pki.trust).overall is verdict


def test_a_number_corrected_before_the_seal_is_fine(document: Document, pki: Infrastructure, tmp_path: Path) -> None:
    _changed(document.signed, tmp_path / "corrected.pdf", _new_number)
    pdf.number_and_seal(tmp_path / "corrected.pdf", tmp_path / "sealed.pdf", pki.organisation, "15", material.DATE)
    assert verify.verify(tmp_path / "sealed.pdf", pki.trust).overall is Verdict.SOUND
    assert "15" in _words(tmp_path / "sealed.pdf")
    assert "99" not in _words(tmp_path / "sealed.pdf")


def test_a_receivers_visible_signature_leaves_both_valid(
    document: Document, pki: Infrastructure, tmp_path: Path
) -> None:
    out = tmp_path / "copy.pdf"
    at = datetime(2026, 3, 2, 7, 30, 15, tzinfo=UTC)
    receiver = pki.key("ec-256")
    pdf.sign_copy(document.issued, out, receiver, pdf.CopyKind.FULL, "Ủy ban nhân dân xã Bình Mỹ", at=at)
    report = verify.verify(out, pki.trust)
    assert [item.verdict for item in report.signatures] == [OK, OK, OK]
    assert "SAO Y; Ủy ban nhân dân xã Bình Mỹ; 02/03/2026; 14:30:15 +07:00" in _run(
        "pdftotext", "-layout", str(out), "-"
    )
    words = _words(out)
    assert words["SAO"][1] < 60
    assert words["+07:00"][2] < 595.28 - 20
    assert words["+07:00"][3] - words["+07:00"][1] == pytest.approx(9.1, abs=1.5)
    assert all(" yes yes yes " in line for line in _run("pdffonts", str(out)).splitlines()[2:])


def test_an_annex_in_its_own_file_carries_number_and_time(pki: Infrastructure, tmp_path: Path) -> None:
    material.draft(tmp_path / "annex.pdf")
    at = datetime(2026, 3, 2, 7, 30, 15, tzinfo=UTC)
    pdf.sign_annex(tmp_path / "annex.pdf", tmp_path / "out.pdf", pki.organisation, "15/BC-UBND", at=at)
    assert "Số: 15/BC-UBND; 02/03/2026; 14:30:15 +07:00" in _run("pdftotext", "-layout", str(tmp_path / "out.pdf"), "-")
    assert verify.verify(tmp_path / "out.pdf", pki.trust).overall is Verdict.SOUND
    with pytest.raises(errors.SigningFailed, match="đã được ký"):
        pdf.sign_annex(tmp_path / "out.pdf", tmp_path / "twice.pdf", pki.organisation, "15/BC-UBND")


# -- guards ------------------------------------------------------------------------------------------------------------


def test_the_organisation_signs_nothing_that_no_leader_signed(
    document: Document, pki: Infrastructure, tmp_path: Path
) -> None:
    before = len(pki.organisation.signed)
    with pytest.raises(errors.RuleBroken, match="chưa có chữ ký số của người có thẩm quyền"):
        pdf.number_and_seal(document.draft, tmp_path / "a.pdf", pki.organisation, "15", material.DATE)
    _changed(document.signed, tmp_path / "spoilt.pdf", _stamp_on_page)
    with pytest.raises(errors.RuleBroken, match="không còn hợp lệ"):
        pdf.number_and_seal(tmp_path / "spoilt.pdf", tmp_path / "a.pdf", pki.organisation, "15", material.DATE)
    assert len(pki.organisation.signed) == before
    assert not (tmp_path / "a.pdf").exists()


@pytest.mark.parametrize(("number", "date"), [("", material.DATE), ("15", " ")])
def test_the_organisation_signs_nothing_without_number_and_date(
    document: Document, pki: Infrastructure, tmp_path: Path, number: str, date: str
) -> None:
    with pytest.raises(errors.RuleBroken, match="chưa có số hoặc ngày"):
        pdf.number_and_seal(document.signed, tmp_path / "a.pdf", pki.organisation, number, date)


def test_nobody_signs_a_field_twice(document: Document, pki: Infrastructure, tmp_path: Path) -> None:
    with pytest.raises(errors.SigningFailed, match="đã có chữ ký số"):
        pdf.sign_leader(document.signed, tmp_path / "a.pdf", pki.leader, None)


def test_an_expired_certificate_signs_nothing(document: Document, pki: Infrastructure, tmp_path: Path) -> None:
    old = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(errors.TokenCertificateExpired):
        pdf.sign_leader(document.draft, tmp_path / "a.pdf", pki.leader, None, at=old)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_is_none_is_refused(document: Document, pki: Infrastructure, tmp_path: Path) -> None:
    with pytest.raises(errors.Malformed, match="PNG"):
        pdf.sign_leader(document.draft, tmp_path / "a.pdf", pki.leader, b"\x89PNG no")
    assert list(tmp_path.iterdir()) == []


# -- the two halves ----------------------------------------------------------------------------------------------------


def test_a_key_elsewhere_signs_between_the_two_halves(document: Document, pki: Infrastructure, tmp_path: Path) -> None:
    request = pdf.leader_request(material.picture())
    key = pki.leader
    prepared = pdf.prepare_signature(document.draft, tmp_path / "waiting.pdf", request, key.certificate_der)
    again = deferred.Prepared.from_json(prepared.to_json())
    assert again == prepared
    with pytest.raises(errors.SigningFailed, match="Chữ ký nhận được không khớp"):
        pdf.finish_signature(again, key.sign(b"something else"), tmp_path / "signed.pdf")
    assert not (tmp_path / "signed.pdf").exists()
    pdf.finish_signature(again, key.sign(again.to_sign), tmp_path / "signed.pdf")
    assert verify.verify(tmp_path / "signed.pdf", pki.trust).overall is Verdict.SOUND


def test_a_prepared_file_that_was_changed_meanwhile_is_not_finished(
    document: Document, pki: Infrastructure, tmp_path: Path
) -> None:
    waiting = tmp_path / "waiting.pdf"
    prepared = pdf.prepare_signature(document.draft, waiting, pdf.leader_request(None), pki.leader.certificate_der)
    waiting.write_bytes(
        waiting.read_bytes().replace(b"reportlab", b"REPORTLAB", 1).replace(b"/Count 2", b"/Count 1", 1)
    )
    with pytest.raises(errors.SigningFailed):
        pdf.finish_signature(prepared, pki.leader.sign(prepared.to_sign), tmp_path / "signed.pdf")
    assert not (tmp_path / "signed.pdf").exists()


def test_a_file_signed_elsewhere_is_adopted_only_if_our_bytes_are_its_beginning(
    document: Document, pki: Infrastructure, tmp_path: Path
) -> None:
    report = pdf.adopt(document.draft, document.signed, pki.trust)
    assert report.signatures[0].common_name == "Lê Thị Mười"
    assert pdf.adopt(document.signed, document.issued, pki.trust).overall is Verdict.SOUND
    with pytest.raises(errors.RuleBroken, match="không phải là bản dự thảo"):
        pdf.adopt(document.signed, document.draft, pki.trust)
    with pytest.raises(errors.RuleBroken, match="chưa có chữ ký số mới"):
        pdf.adopt(document.draft, document.draft, pki.trust)
    with pytest.raises(errors.RuleBroken, match="không dùng được"):
        pdf.adopt(document.draft, document.signed, TrustStore())
    _changed(document.signed, tmp_path / "more.pdf", _new_number)
    with pytest.raises(errors.RuleBroken, match="phần thêm vào"):
        pdf.adopt(document.draft, tmp_path / "more.pdf", pki.trust)


# -- the trial ---------------------------------------------------------------------------------------------------------


def test_a_trial_says_so_in_reason_picture_and_report(document: Document, tmp_path: Path) -> None:
    root = trial.root(tmp_path / "root")
    leader, seal = trial.create(tmp_path / "keys", [material.LEADER, material.ORGANISATION], root)
    arguments = (material.TRIAL_TOKEN, tmp_path / "keys")
    with trial.open_key(*arguments, leader.sha256) as key:
        pdf.sign_leader(document.draft, tmp_path / "a.pdf", key, material.picture())
    with trial.open_key(*arguments, seal.sha256) as key:
        pdf.number_and_seal(tmp_path / "a.pdf", tmp_path / "b.pdf", key, "15", material.DATE)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    text = _run("pdftotext", str(tmp_path / "b.pdf"), "-")
    assert text.count("CHỨNG THƯ THỬ NGHIỆM") == 2
    assert text.count("KHÔNG CÓ GIÁ TRỊ PHÁP LÝ") == 2
    from pyhanko.pdf_utils.reader import PdfFileReader

    signatures = PdfFileReader(io.BytesIO((tmp_path / "b.pdf").read_bytes())).embedded_signatures
    assert all(keys.TRIAL_MARK in str(item.sig_object["/Reason"]) for item in signatures)

    trusted = TrustStore(roots=(root.certificate_der,))
    report = verify.verify(tmp_path / "b.pdf", trusted)
    assert report.trial
    assert (report.overall, report.signatures[0].common_name) == (Verdict.SOUND, "Lê Thị Mười")
    assert "không có giá trị pháp lý" in report.why
    elsewhere = verify.verify(tmp_path / "b.pdf", replace(trusted, roots=(material.infrastructure().trust.roots)))
    assert elsewhere.overall is Verdict.INVALID
    assert "không có giá trị pháp lý" in elsewhere.why


def test_a_holders_own_words_cannot_hide_the_mark(tmp_path: Path) -> None:
    root = trial.root(tmp_path)
    (info,) = trial.create(tmp_path / "keys", [Holder("A", "B", post="Chủ tịch")], root)
    assert info.trial
