"""Incoming documents by hand and out of the exchange: numbers, duplicates, refusals, and the answers that follow."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from commune_portal import clock
from commune_portal.documents import arrivals, attachments, incoming, issuing
from commune_portal.documents.attachments import Upload
from commune_portal.documents.incoming import Arrival
from commune_portal.errors import ClockDoubtful, Malformed, NotAllowed, NotFound, RuleBroken
from commune_portal.rules.kinds import Secrecy
from commune_portal.rules.statuses import IncomingState
from commune_portal.signing.reports import Verdict
from commune_portal.store import database, journal
from tests.cast import OTHER_CODE, PIN, Cast
from tests.documents.partner import PDF, Partner, an_arrival, codes, queued_statuses
from tests.documents.test_outgoing import is_sound, signed


def a_letter(**changes: Any) -> Arrival:
    values: dict[str, Any] = {
        "sender_name": "Ủy ban nhân dân huyện Đông Hòa",
        "subject": "Về việc rà soát hộ nghèo",
        "code_number": "15",
        "code_notation": "UBND-VX",
        "on_paper": True,
        **changes,
    }
    return Arrival(**values)


def numbers() -> list[int]:
    return [row[0] for row in database.rows("SELECT number FROM incoming WHERE number IS NOT NULL ORDER BY id")]


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


def test_paper_and_electronic_documents_share_one_series_of_numbers(office: Cast, tmp_path: Path) -> None:
    scan = tmp_path / "cong-van.pdf"
    scan.write_bytes(PDF)
    first = incoming.register(office.clerk, a_letter())
    second = incoming.register(office.clerk, a_letter(on_paper=False, code_number="16"), Upload(scan, scan.name))
    third = incoming.register(office.other_clerk, a_letter(code_number="17"))
    assert [incoming.get(row).number for row in (first, second, third)] == [1, 2, 3]
    assert [incoming.get(row).origin for row in (first, second, third)] == ["paper", "upload", "paper"]
    assert {incoming.get(row).state for row in (first, second, third)} == {IncomingState.REGISTERED}
    file = attachments.shown("incoming", second)
    assert file is not None
    assert file.path.read_bytes() == PDF
    line = journal.lines_about(incoming.get(second).about)[-1]
    assert (line.fields["number"], line.fields["files"]) == (2, [file.sha256])
    assert codes() == []
    assert is_sound(office)


def test_without_a_file_only_paper_is_registered(office: Cast) -> None:
    with pytest.raises(Malformed, match="Chưa chọn tệp") as refused:
        incoming.register(office.clerk, a_letter(on_paper=False))
    assert refused.value.field == "file"
    assert numbers() == []


@pytest.mark.parametrize("empty", ["sender_name", "subject"])
def test_what_is_missing_is_named_and_consumes_no_number(office: Cast, empty: str) -> None:
    with pytest.raises(Malformed) as refused:
        incoming.register(office.clerk, a_letter(**{empty: " \n "}))
    assert refused.value.field == empty
    incoming.register(office.clerk, a_letter())
    assert numbers() == [1]


def test_a_file_that_is_not_what_it_says_consumes_no_number(office: Cast, tmp_path: Path) -> None:
    fake = tmp_path / "cong-van.pdf"
    fake.write_bytes(b"MZ\x90 khong phai PDF")
    with pytest.raises(Malformed):
        incoming.register(office.clerk, a_letter(on_paper=False), Upload(fake, fake.name))
    with pytest.raises(Malformed):
        incoming.register(office.clerk, a_letter(), None, (Upload(fake, "phu-luc.exe"),))
    assert numbers() == []


def test_a_duplicate_is_found_whatever_the_spelling(office: Cast) -> None:
    row_id = incoming.register(office.clerk, a_letter())
    for code in ("15/UBND-VX", "Số: 15/UBND-VX", "15 / UBND – VX"):
        for name in (
            "Ủy ban nhân dân huyện Đông Hòa",
            "ỦY BAN NHÂN DÂN HUYỆN ĐÔNG HÒA",
            "Uy ban nhan dan huyen Dong Hoa",
        ):
            assert [found.id for found in incoming.duplicates(code, name)] == [row_id], (code, name)
    assert incoming.duplicates("15/UBND-VX", "Ủy ban nhân dân huyện Tây Hòa") == []
    assert incoming.duplicates("16/UBND-VX", "Ủy ban nhân dân huyện Đông Hòa") == []
    assert incoming.duplicates("15/UBND-VX", "Ủy ban nhân dân huyện Đông Hòa", but=row_id) == []
    assert incoming.duplicates("", "Ủy ban nhân dân huyện Đông Hòa") == []


@pytest.mark.parametrize("grade", [Secrecy.CONFIDENTIAL, Secrecy.SECRET, Secrecy.TOP_SECRET])
def test_a_secret_is_refused_at_the_door(office: Cast, grade: Secrecy) -> None:
    with pytest.raises(RuleBroken):
        incoming.register(office.clerk, a_letter(secrecy=grade))
    assert numbers() == []


def test_a_doubtful_clock_asks_before_it_numbers(office: Cast) -> None:
    incoming.register(office.clerk, a_letter())
    with clock.standing_at(clock.now() - timedelta(days=2)):
        with pytest.raises(ClockDoubtful):
            incoming.register(office.clerk, a_letter())
        assert numbers() == [1]
        incoming.register(office.clerk, a_letter(), confirmed=True)
    assert numbers() == [1, 2]


@pytest.mark.parametrize("who", ["leader", "specialist", "administrator"])
def test_only_a_clerk_registers_and_refuses(office: Cast, partner: Partner, who: str) -> None:
    person = getattr(office, who)
    arrived = an_arrival(partner)
    with pytest.raises(NotAllowed):
        incoming.register(person, a_letter())
    hidden = NotAllowed if who == "leader" else NotFound
    with pytest.raises(hidden):
        incoming.accept(person, arrived.id, without_check=True)
    with pytest.raises(hidden):
        incoming.refuse(person, arrived.id, "Gửi nhầm nơi nhận rồi")
    assert numbers() == []
    assert codes() == ["01"]


def test_an_arrival_has_no_number_until_the_clerk_accepts_it(office: Cast, partner: Partner) -> None:
    arrived = an_arrival(partner)
    assert (arrived.state, arrived.number, arrived.origin) == (IncomingState.ARRIVED, None, "exchange")
    incoming.register(office.clerk, a_letter())
    incoming.accept(office.clerk, arrived.id, without_check=True, note="Chuyển Văn phòng")
    now = incoming.get(arrived.id)
    assert (now.state, now.number, now.note) == (IncomingState.REGISTERED, 2, "Chuyển Văn phòng")
    assert is_sound(office)


def test_each_answer_replies_to_the_message_and_is_queued_once(office: Cast, partner: Partner) -> None:
    arrived, other = an_arrival(partner), an_arrival(partner, 8)
    incoming.accept(office.clerk, arrived.id, without_check=True)
    incoming.refuse(office.clerk, other.id, "Gửi nhầm nơi nhận, đề nghị gửi lại")
    with pytest.raises(RuleBroken):
        incoming.accept(office.other_clerk, arrived.id, without_check=True)
    assert codes(arrived.message_id) == ["01", "03"]
    assert codes(other.message_id) == ["01", "02"]
    refusal = queued_statuses(other.message_id)[-1]
    assert refusal.envelope.recipient == OTHER_CODE
    assert refusal.status.response_for.document_id == other.document_id
    assert refusal.status.description == "Gửi nhầm nơi nhận, đề nghị gửi lại"
    assert refusal.status.staff is not None
    assert refusal.status.staff.staff == office.clerk.full_name
    line = journal.lines_about(incoming.get(other.id).about)[-1]
    assert refusal.envelope.checkpoint.size == line.seq
    assert is_sound(office)


def test_nothing_unchecked_is_accepted_without_the_explicit_word(office: Cast, partner: Partner) -> None:
    arrived = an_arrival(partner)
    with pytest.raises(RuleBroken, match="chưa kiểm tra") as refused:
        incoming.accept(office.clerk, arrived.id)
    assert refused.value.field == "without_check"
    assert arrivals.check(arrived.id) is Verdict.UNCHECKED  # these bytes are no PDF that anybody could check
    with pytest.raises(RuleBroken, match="chưa kiểm tra"):
        incoming.accept(office.clerk, arrived.id)
    assert numbers() == []
    incoming.accept(office.clerk, arrived.id, without_check=True)
    line = journal.lines_about(arrived.about)[-1]
    assert (line.fields["facts"]["accepted_unchecked"], line.fields["facts"]["verdict"]) == (1, "unchecked")


def test_a_document_without_a_file_is_accepted_as_for_information(office: Cast, partner: Partner) -> None:
    arrived = an_arrival(partner, attachments=())
    assert arrivals.unchecked() == [arrived.id]
    assert arrivals.check(arrived.id) is Verdict.NONE
    assert arrivals.unchecked() == []
    incoming.accept(office.clerk, arrived.id)
    assert numbers() == [1]


def test_a_broken_signature_is_accepted_only_with_the_explicit_word(office: Cast, partner: Partner) -> None:
    row_id = signed(office)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    shown = attachments.shown("outgoing", row_id)
    assert shown is not None
    whole = shown.path.read_bytes()
    middle = whole.index(b"/Producer") + 12 if b"/Producer" in whole else 200
    spoilt = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    good, bad = an_arrival(partner, 1, pdf=whole), an_arrival(partner, 2, pdf=spoilt)
    assert arrivals.check(good.id).acceptable
    assert arrivals.check(bad.id) is Verdict.INVALID
    with pytest.raises(RuleBroken, match="không hợp lệ"):
        incoming.accept(office.clerk, bad.id)
    incoming.accept(office.clerk, good.id)
    incoming.accept(office.clerk, bad.id, without_check=True)
    assert numbers() == [1, 2]


def test_a_refusal_needs_a_reason_of_ten_letters(office: Cast, partner: Partner) -> None:
    arrived = an_arrival(partner)
    with pytest.raises(RuleBroken, match="10 ký tự"):
        incoming.refuse(office.clerk, arrived.id, "  gửi nhầm  ")
    assert codes() == ["01"]
    incoming.refuse(office.clerk, arrived.id, "gửi nhầm rồi")
    now = incoming.get(arrived.id)
    assert (now.state, now.refusal_reason, now.number) == (IncomingState.REFUSED, "gửi nhầm rồi", None)


def test_after_acceptance_nothing_is_refused_and_after_refusal_nothing_accepted(office: Cast, partner: Partner) -> None:
    kept, returned = an_arrival(partner), an_arrival(partner, 8)
    incoming.accept(office.clerk, kept.id, without_check=True)
    with pytest.raises(RuleBroken, match="đã vào sổ"):
        incoming.refuse(office.clerk, kept.id, "Gửi nhầm nơi nhận rồi")
    incoming.refuse(office.clerk, returned.id, "Gửi nhầm nơi nhận rồi")
    with pytest.raises(RuleBroken):
        incoming.accept(office.clerk, returned.id, without_check=True)
    assert codes() == ["01", "01", "03", "02"]


def test_a_refused_document_is_no_duplicate_of_the_one_sent_again(office: Cast, partner: Partner) -> None:
    returned = an_arrival(partner)
    assert [found.id for found in incoming.duplicates("07/CV-VP", partner.name)] == [returned.id]
    incoming.refuse(office.clerk, returned.id, "Gửi nhầm nơi nhận rồi")
    assert incoming.duplicates("07/CV-VP", partner.name) == []


def test_a_file_handed_in_today_is_checked_by_itself_and_paper_is_not(office: Cast, tmp_path: Path) -> None:
    scan = tmp_path / "cong-van.pdf"
    scan.write_bytes(PDF)
    by_hand = incoming.register(office.clerk, a_letter(on_paper=False), Upload(scan, scan.name))
    incoming.register(office.clerk, a_letter(code_number="16"))
    assert arrivals.unchecked() == [by_hand]
    arrivals.check(by_hand)
    assert incoming.get(by_hand).check_verdict is not None
    assert arrivals.unchecked() == []
    with clock.standing_at(clock.now() - timedelta(days=30)):
        incoming.register(office.clerk, a_letter(on_paper=False), Upload(scan, scan.name), confirmed=True)
    assert arrivals.unchecked() == []
