"""The way of an outgoing document, from the draft to the seal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.documents import attachments, dispatch, issuing, outbox, outgoing
from commune_portal.documents.outgoing import Draft, LetterText
from commune_portal.errors import ClockDoubtful, Malformed, NotAllowed, NotFound, RuleBroken
from commune_portal.rules.kinds import Medium, Secrecy
from commune_portal.rules.statuses import OutgoingState
from commune_portal.signing.reports import Verdict
from commune_portal.signing.workshop import workshop
from commune_portal.store import database, verify
from tests.cast import OTHER_CODE, OTHER_NAME, PIN, Cast

BODY = "Căn cứ Luật Tổ chức chính quyền địa phương;\nĐiều 1. Thành lập Tổ rà soát hộ nghèo năm 2026.\nĐiều 2. Thi hành."


def a_draft(office: Cast, **changes: object) -> Draft:
    values: dict[str, object] = {
        "issuer_id": office.issuer_id,
        "type_code": "QD",
        "subject": "Về việc thành lập Tổ rà soát hộ nghèo, hộ cận nghèo năm 2026",
        "signer_id": office.leader.id,
        "unit": "VP",
        "letter": LetterText((), BODY),
        "recipients_text": "- Như Điều 2;\n- UBND huyện;",
        **changes,
    }
    return Draft(**values)  # type: ignore[arg-type] # a dict of changed fields


def signed(office: Cast, **changes: object) -> int:
    row_id = outgoing.draft(office.specialist, a_draft(office, **changes))
    outgoing.submit(office.specialist, row_id)
    outgoing.approve(office.leader, row_id)
    issuing.sign(office.leader, row_id, PIN)
    return row_id


def make_reachable(code: str = OTHER_CODE, name: str = OTHER_NAME) -> None:
    database.write_working(
        "INSERT INTO organisations (code, name, folded, reachable) VALUES (?, ?, ?, 1)", (code, name, name.lower())
    )


def is_sound(office: Cast) -> bool:
    connection = verify.open_for_reading(office.settings.database_path)
    found = verify.verify(connection, office.settings.files_folder)
    connection.close()
    assert found.ok, found.faults
    return True


def test_a_document_is_signed_numbered_sealed_and_sent(office: Cast) -> None:
    row_id = signed(office)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    now = outgoing.get(row_id)
    assert now.state is OutgoingState.ISSUED
    assert issuing.printed_code(now) == "01/QĐ-UBND"
    assert now.document_id == f"H99.01.{clock.today().year}.000001"
    shown = attachments.shown("outgoing", row_id)
    assert shown is not None
    assert shown.part == "sealed"
    report = workshop().verify(shown.path)
    assert len(report.signatures) == 2
    assert report.overall in (Verdict.SOUND, Verdict.VALID)
    make_reachable()
    dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    assert [item.organ_code for item in dispatch.recipients(row_id)] == [OTHER_CODE]
    assert len(outbox.waiting(clock.now())) == 1
    with pytest.raises(RuleBroken, match="rồi"):
        dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    assert is_sound(office)


def test_only_the_named_signer_approves(office: Cast) -> None:
    row_id = outgoing.draft(office.specialist, a_draft(office))
    outgoing.submit(office.specialist, row_id)
    with pytest.raises(NotAllowed):
        outgoing.approve(office.clerk, row_id)
    with pytest.raises(NotAllowed):
        outgoing.approve(office.specialist, row_id)


def test_a_leader_may_draft_and_submit_what_he_signs_himself(office: Cast) -> None:
    row_id = outgoing.draft(office.leader, a_draft(office))
    outgoing.edit(office.leader, row_id, a_draft(office, subject="Về việc kiện toàn Tổ rà soát"))
    outgoing.submit(office.leader, row_id)
    outgoing.approve(office.leader, row_id)
    assert outgoing.get(row_id).state is OutgoingState.APPROVED


def test_a_stranger_in_the_office_does_not_learn_of_a_draft(office: Cast) -> None:
    row_id = outgoing.draft(office.clerk, a_draft(office))
    with pytest.raises(NotFound):
        outgoing.see(office.specialist, row_id)


def test_a_returned_draft_names_its_reason_and_can_be_submitted_again(office: Cast) -> None:
    row_id = outgoing.draft(office.specialist, a_draft(office))
    outgoing.submit(office.specialist, row_id)
    with pytest.raises(RuleBroken, match="10 ký tự"):
        outgoing.return_(office.leader, row_id, "sai")
    outgoing.return_(office.leader, row_id, "Bổ sung căn cứ pháp lý ở phần mở đầu")
    assert outgoing.get(row_id).state is OutgoingState.RETURNED
    outgoing.edit(office.specialist, row_id, a_draft(office, subject="Về việc kiện toàn Tổ rà soát"))
    outgoing.submit(office.specialist, row_id)
    assert outgoing.get(row_id).state is OutgoingState.SUBMITTED


def test_the_clerk_cannot_seal_what_nobody_signed(office: Cast) -> None:
    row_id = outgoing.draft(office.specialist, a_draft(office))
    outgoing.submit(office.specialist, row_id)
    outgoing.approve(office.leader, row_id)
    with pytest.raises(RuleBroken):
        issuing.number(office.clerk, row_id)
    with pytest.raises(RuleBroken):
        issuing.seal(office.clerk, row_id, PIN)


def test_a_failed_seal_keeps_number_and_date_for_the_next_try(office: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    row_id = signed(office)
    issuing.number(office.clerk, row_id)
    before = outgoing.get(row_id)
    database_change = "UPDATE issuers SET certificate_sha256 = ''"
    with pytest.raises(Exception, match="hash"):
        database.connect().execute(database_change)
    issuing.seal(office.clerk, row_id, PIN)
    after = outgoing.get(row_id)
    assert (before.number, before.promulgation_date) == (after.number, after.promulgation_date)


def test_paper_shares_the_series_without_a_pdf_signature(office: Cast) -> None:
    electronic = signed(office)
    issuing.number(office.clerk, electronic)
    paper = outgoing.draft(office.clerk, a_draft(office, medium=Medium.PAPER, letter=None))
    outgoing.submit(office.clerk, paper)
    outgoing.approve(office.leader, paper)
    issuing.number(office.clerk, paper)
    issuing.seal(office.clerk, paper)
    assert [outgoing.get(row_id).number for row_id in (electronic, paper)] == [1, 2]


def test_a_voided_number_stays_and_is_never_given_again(office: Cast) -> None:
    first = signed(office)
    issuing.number(office.clerk, first)
    outgoing.void(office.clerk, first, "Cấp nhầm số cho văn bản chưa ban hành")
    second = signed(office)
    issuing.number(office.clerk, second)
    assert outgoing.get(first).state is OutgoingState.VOIDED
    assert outgoing.get(second).number == 2
    assert is_sound(office)


def test_a_secret_never_enters(office: Cast) -> None:
    with pytest.raises(RuleBroken, match="Mật"):
        outgoing.draft(office.clerk, a_draft(office, secrecy=Secrecy.CONFIDENTIAL))


def test_the_year_begins_anew_at_one(office: Cast) -> None:
    old_year = datetime(2027, 12, 31, 16, 59, 30, tzinfo=UTC)  # 23:59:30 in Vietnam
    new_year = datetime(2027, 12, 31, 17, 0, 5, tzinfo=UTC)
    with clock.standing_at(old_year):
        first = signed(office)
        issuing.number(office.clerk, first)
    with clock.standing_at(new_year):
        second = signed(office)
        issuing.number(office.clerk, second)
        assert (outgoing.get(second).number, outgoing.get(second).year) == (1, 2028)
    with clock.standing_at(old_year):
        third = signed(office)
        with pytest.raises((ClockDoubtful, RuleBroken)):
            issuing.number(office.clerk, third)
        with pytest.raises(RuleBroken, match="2028"):
            issuing.number(office.clerk, third, confirmed=True)


def test_a_clock_that_ran_back_asks_before_it_numbers(office: Cast) -> None:
    row_id = signed(office)
    with clock.standing_at(clock.now().replace(year=clock.now().year - 1)):
        with pytest.raises(ClockDoubtful):
            issuing.number(office.clerk, row_id)
        assert outgoing.get(row_id).number is None
        issuing.number(office.clerk, row_id, confirmed=True)
        assert outgoing.get(row_id).number == 1


def test_an_upload_that_is_no_pdf_is_refused(office: Cast, tmp_path: Path) -> None:
    fake = tmp_path / "quyet-dinh.pdf"
    fake.write_bytes(b"<html>khong phai PDF</html>")
    with pytest.raises(Malformed, match="không phải"):
        outgoing.draft(office.clerk, a_draft(office, letter=None), attachments.Upload(fake, fake.name))
