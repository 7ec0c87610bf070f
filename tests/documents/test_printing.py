"""Books on paper: every number has its line, cancelled ones too, and the print is in the journal by its hash."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.documents import book_lines, books, incoming, issuing, outgoing, printing, statistics, tasks
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.outgoing import Draft, LetterText
from commune_portal.documents.printing import Form
from commune_portal.documents.statistics import Period
from commune_portal.errors import NotAllowed, NotFound, RuleBroken
from commune_portal.rules.kinds import Medium, Urgency
from commune_portal.store import files, journal
from tests.cast import PIN, Cast


def numbered(office: Cast, subject: str = "Về việc thành lập Tổ rà soát", **changes: object) -> int:
    """A paper document with a number: quick, and in the same series as all others."""
    wanted: dict[str, object] = {
        "issuer_id": office.issuer_id, "type_code": "QD", "subject": subject, "signer_id": office.leader.id,
        "medium": Medium.PAPER, "recipients_text": "- Như Điều 3;\n- Lưu: VT.", **changes,
    }  # fmt: skip
    row_id = outgoing.draft(office.clerk, Draft(**wanted))  # type: ignore[arg-type]  # named as the draft's fields
    outgoing.submit(office.clerk, row_id)
    outgoing.approve(office.leader, row_id)
    issuing.number(office.clerk, row_id)
    return row_id


def registered(office: Cast, subject: str = "V/v đôn đốc báo cáo", **changes: object) -> int:
    arrival: dict[str, object] = {
        "sender_name": "Sở Nội vụ", "subject": subject, "code_number": "125", "code_notation": "SNV-CCHC",
        "promulgation_date": clock.today(), "type_name": "Công văn", "on_paper": True, **changes,
    }  # fmt: skip
    return incoming.register(office.clerk, Arrival(**arrival))  # type: ignore[arg-type]  # named as the arrival's fields


def text_of(path: Path) -> str:
    tool = shutil.which("pdftotext")
    assert tool, "pdftotext (poppler-utils) is needed"
    done = subprocess.run([tool, "-layout", str(path), "-"], capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def flat(path: Path) -> str:
    return " ".join(text_of(path).split())


def only_book(office: Cast, direction: str) -> int:
    return next(item.id for item in books.books(office.clerk) if item.direction == direction)


def test_the_outgoing_book_has_every_number_the_cancelled_one_too(office: Cast) -> None:
    for number in range(3):
        row_id = numbered(office, f"Về việc thứ {number}")
        if number == 1:
            outgoing.void(office.clerk, row_id, "Sai thể thức, đã lập lại")
        else:
            issuing.seal(office.clerk, row_id)
    book_id = only_book(office, "outgoing")
    with printing.print_book(office.clerk, book_id) as printed:
        words = flat(printed.path)
        assert hashlib.sha256(printed.path.read_bytes()).hexdigest() == printed.sha256
    assert not printed.path.exists(), "only the hash is kept"
    for symbol in ("01/QĐ-UBND", "02/QĐ-UBND", "03/QĐ-UBND"):
        assert symbol in words
    assert "Hủy số: Sai thể thức" in words
    assert "Từ số 01 đến số 03" in words
    assert "SỔ ĐĂNG KÝ VĂN BẢN ĐI" in words
    for heading in ("(1)", "(10)"):
        assert heading in words
    of = book_lines.book(office.clerk, book_id)
    line = book_lines.outgoing_entries(of)[0].line
    assert (line.recipients, line.kept_by) == ("Như Điều 3", "VT"), "who keeps the file copy has a column of its own"


def test_a_print_is_journalled_with_its_hash_and_carries_the_chain(office: Cast) -> None:
    numbered(office)
    book_id = only_book(office, "outgoing")
    head = journal.checkpoint().head
    with printing.print_book(office.clerk, book_id) as printed:
        assert printed.chain == head[:12]
        assert head[:12] in text_of(printed.path)
        assert "Trần Thị Bình" in text_of(printed.path)
    marks = printing.prints_of(book_id)
    assert [(mark.by, mark.last_number, mark.sha256) for mark in marks] == [("Trần Thị Bình", 1, printed.sha256)]
    assert journal.checkpoint().head != head


def test_the_incoming_book_and_its_tracking_book(office: Cast) -> None:
    row_id = registered(office)
    registered(office, "V/v thứ hai")
    tasks.assign(office.leader, row_id, lead=office.specialist.id, due_date=clock.today() + timedelta(days=3))
    answer = numbered(office)
    issuing.seal(office.clerk, answer)
    tasks.start(office.specialist, row_id)
    tasks.complete(office.leader, row_id, result="Đã trả lời", answered_by=answer)
    book_id = only_book(office, "incoming")
    with printing.print_book(office.clerk, book_id) as printed:
        words = flat(printed.path)
    assert "SỔ ĐĂNG KÝ VĂN BẢN ĐẾN" in words
    assert words.count("125/SNV") == 2
    assert f"{clock.today():%d/%m/%Y}" in words
    with printing.print_book(office.clerk, book_id, Form.TRACKING) as printed:
        words = flat(printed.path)
    assert "SỔ THEO DÕI GIẢI QUYẾT VĂN BẢN ĐẾN" in words
    assert "01/QĐ-UBND" in words
    assert "Hoàn thành" in words
    assert "(7)" in words
    assert "(8)" not in words


def test_printing_is_the_clerks_and_a_book_must_be_there(office: Cast) -> None:
    numbered(office)
    book_id = only_book(office, "outgoing")
    before = journal.checkpoint()
    for actor in (office.leader, office.specialist, office.administrator):
        with pytest.raises(NotAllowed), printing.print_book(actor, book_id):
            pass
    with pytest.raises(NotFound), printing.print_book(office.clerk, 99):
        pass
    with pytest.raises(RuleBroken), printing.print_book(office.clerk, book_id, Form.TRACKING):
        pass
    assert journal.checkpoint() == before
    assert list(files.temporary().parent.glob("*.pdf")) == []


def test_lines_come_in_stretches_without_a_gap(office: Cast) -> None:
    for number in range(7):
        numbered(office, f"Về việc thứ {number}")
    of = book_lines.book(office.clerk, only_book(office, "outgoing"))
    seen: list[int] = []
    after = 0
    while found := book_lines.outgoing_entries(of, after, 3):
        seen += [entry.number for entry in found]
        after = found[-1].number
    assert seen == list(range(1, 8))
    assert next(book_lines.every(book_lines.outgoing_entries, of)).symbol == "01/QĐ-UBND"
    assert book_lines.before(of, 4, 3) == 0
    assert book_lines.before(of, 1, 3) is None


def test_statistics_count_what_the_register_holds(office: Cast) -> None:
    sealed = numbered(office)
    issuing.seal(office.clerk, sealed)
    voided = numbered(office)
    outgoing.void(office.clerk, voided, "Không phát hành nữa")
    letter = LetterText((), "Điều 1. Thành lập Tổ rà soát.")
    row_id = outgoing.draft(
        office.clerk,
        Draft(issuer_id=office.issuer_id, type_code="QD", subject="Điện tử", signer_id=office.leader.id, letter=letter),
    )
    outgoing.submit(office.clerk, row_id)
    outgoing.approve(office.leader, row_id)
    issuing.sign(office.leader, row_id, PIN)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    registered(office, urgency=Urgency.URGENT)
    late = registered(office, "V/v quá hạn")
    tasks.assign(office.leader, late, lead=office.specialist.id, due_date=clock.today())
    this_year = Period.of(clock.today().year)
    issued = statistics.issue_counts(this_year)
    assert (issued.issued, issued.electronic, issued.signed, issued.by_exchange) == (2, 1, 1, 0)
    received = statistics.receipt_counts(this_year)
    assert (received.arrived, received.registered, received.registered_late, received.by_exchange) == (2, 2, 0, 0)
    assert statistics.urgent_counts(this_year).in_time == 1
    with clock.standing_at(clock.now() + timedelta(days=2)):
        handled = statistics.handling_counts(this_year)
    assert (handled.open_overdue, handled.open_not_due, handled.requiring) == (1, 1, 2)
    assert statistics.handling_counts(this_year).open_overdue == 0
    rates = {rate.name: rate.text for rate in statistics.rates(office.clerk, this_year)}
    assert rates["Tỷ lệ văn bản điện tử"] == "50,00 % (1/2)"
    assert rates["Tỷ lệ gửi qua liên thông"] == "0,00 % (0/1)"
    month = statistics.months(office.clerk, clock.today().year)[clock.today().month - 1]
    assert (month.arrived, month.issued) == (2, 2)
    with pytest.raises(NotAllowed):
        statistics.rates(office.specialist, this_year)


def test_a_period_is_a_year_or_a_month_in_vietnam() -> None:
    assert Period.of(2026, 12) == Period(date(2026, 12, 1), date(2026, 12, 31))
    assert Period.of(2028, 2).last == date(2028, 2, 29)
    assert Period.of(2026).instants == ("2025-12-31T17:00:00Z", "2026-12-31T17:00:00Z")
