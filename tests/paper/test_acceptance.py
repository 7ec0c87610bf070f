"""The acceptance sheet says plainly what was shown, with which token, and leaves room for what people check."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.paper.acceptance import (
    CHECKLIST,
    SIGNERS,
    Acceptance,
    Artefact,
    Finding,
    Step,
    print_acceptance,
)

SHEET = Acceptance(
    made_at=clock.from_text("2026-11-22T07:05:00Z"),
    made_by="Đỗ Minh Quân",
    ok=True,
    token="pkcs11",
    release="1.2.3",
    office_code="H99.12",
    office_name="Ủy ban nhân dân xã An Phú",
    key_id="a1b2c3d4e5f60718",
    steps=tuple(Step(f"bước thứ {number} của buổi diễn tập", True, 1.5, "thấy đủ") for number in range(1, 13)),
    artefacts=(Artefact("Gói tin: goi-tin.edxml", 2_917_303, "0123456789abcdef" * 4),),
    findings=(
        Finding("Sao lưu", "warn", "Chưa sao lưu lần nào", "Cắm USB rồi bấm Sao lưu ngay."),
        Finding("Đồng hồ", "ok", "Đồng hồ đúng", "không in câu này"),
    ),
)


def text_of(sheet: Acceptance, folder: Path, record: str = "") -> str:
    out = folder / "biên bản.pdf"
    print_acceptance(sheet, out, record=record)
    made = subprocess.run(["pdftotext", "-layout", str(out), "-"], capture_output=True, check=True, timeout=30)
    return " ".join(made.stdout.decode().split())


def test_the_sheet_names_the_office_the_release_the_steps_and_the_hashes(tmp_path: Path) -> None:
    text = text_of(SHEET, tmp_path, record="feedc0de" * 8)
    for words in (
        "ỦY BAN NHÂN DÂN XÃ AN PHÚ", "BIÊN BẢN NGHIỆM THU CÀI ĐẶT", "Kết quả diễn tập: ĐẠT", "H99.12", "1.2.3",
        "14:05 ngày 22/11/2026", "Đỗ Minh Quân", "a1b2c3d4e5f60718", "bước thứ 12", "1,5", "2.917.303",
        "0123 4567 89ab cdef", "Chưa sao lưu lần nào. Cắm USB rồi bấm Sao lưu ngay.", "feedc0defeedc0de", "trang 2",
    ):  # fmt: skip
        assert words in text, words
    assert "không in câu này" not in text
    assert "KHÔNG CÓ GIÁ TRỊ PHÁP LÝ" not in text


def test_everything_that_only_people_can_check_has_a_line_and_three_sign(tmp_path: Path) -> None:
    text = text_of(SHEET, tmp_path)
    assert len(CHECKLIST) == 10
    for item in CHECKLIST:
        assert item.split()[0] in text
    for who in SIGNERS:
        assert who in text
    assert text.count("(Ký, ghi rõ họ tên)") == 3


@pytest.mark.parametrize("token", ["softhsm", "trial"])
def test_any_other_key_is_said_to_be_worth_nothing_in_law(token: str, tmp_path: Path) -> None:
    assert "KHÔNG CÓ GIÁ TRỊ PHÁP LÝ" in text_of(replace(SHEET, token=token), tmp_path)


def test_a_failed_rehearsal_cannot_be_read_as_passed(tmp_path: Path) -> None:
    broken = (*SHEET.steps[:3], Step("lãnh đạo duyệt và ký số", False, 0.4, "Mã PIN không đúng."))
    text = text_of(replace(SHEET, ok=False, steps=broken, trouble="Mã PIN không đúng."), tmp_path)
    assert "Kết quả diễn tập: KHÔNG ĐẠT Lý do: Mã PIN không đúng." in text
    assert "HỎNG" in text


def test_what_the_file_holds_comes_back_and_the_same_sheet_is_the_same_bytes(tmp_path: Path) -> None:
    assert Acceptance.from_json(SHEET.to_json()) == SHEET
    for name in ("một.pdf", "hai.pdf"):
        print_acceptance(SHEET, tmp_path / name)
    assert (tmp_path / "một.pdf").read_bytes() == (tmp_path / "hai.pdf").read_bytes()
