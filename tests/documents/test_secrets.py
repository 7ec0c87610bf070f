"""A mark of state secrecy stops a document at every door: form, upload, packet out, packet in, first page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commune_portal import clock
from commune_portal.documents import arrivals, attachments, dispatch, incoming, issuing, outbox, outgoing, secrecy
from commune_portal.documents.attachments import Upload
from commune_portal.documents.incoming import Arrival
from commune_portal.edxml import package
from commune_portal.errors import Malformed, NotAllowed, NotFound, RuleBroken
from commune_portal.rules.acts import Act
from commune_portal.rules.statuses import IncomingState
from commune_portal.signing import workshop
from commune_portal.store import database, files, journal
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import keys, receipt
from commune_portal.wire.receipt import RefusalType, Verdict
from tests.cast import OTHER_CODE, PIN, Cast
from tests.documents.marked import a_pdf, at
from tests.documents.partner import Partner, an_arrival, codes, on_disk, queued_statuses, receive
from tests.documents.test_outgoing import a_draft, is_sound, make_reachable

MARKED: dict[str, Any] = {
    "subject": "[TỐI MẬT] Phương án bảo vệ",
    "document_type": package.DocumentType("Công văn mật", 2, 18),
    "code": package.Code("07", "KH-UBND(M)"),
    "other": package.OtherInfo(typer_notation="VT (TM)"),
}


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


def stored() -> set[str]:
    return {path.name for path in files.root().rglob("*") if path.is_file()}


def test_a_marked_first_page_is_told_from_an_open_one(office: Cast, tmp_path: Path) -> None:
    from commune_portal.documents import marks

    for stamp, seen in (("", False), ("TUYỆT MẬT", True), ("MẬT", True), ("BẢO MẬT", False), ("Hỏa tốc", False)):
        assert (marks.mark_of(at(tmp_path, a_pdf(stamp))) is not None) is seen, stamp
    assert marks.mark_of(at(tmp_path, b"%PDF-1.7 hong", "hong.pdf")) is None
    assert marks.mark_of(at(tmp_path, b"PK\x03\x04", "bang.xlsx")) is None


@pytest.mark.parametrize("where", ["main", "annex"])
def test_a_marked_upload_is_refused_and_its_bytes_are_not_kept(office: Cast, tmp_path: Path, where: str) -> None:
    marked = Upload(at(tmp_path, a_pdf("TỐI MẬT"), "ke-hoach.pdf"), "ke-hoach.pdf")
    plain = Upload(at(tmp_path, a_pdf()), "van-ban.pdf")
    main, annexes = (marked, ()) if where == "main" else (plain, (marked,))
    arrival = Arrival(sender_name="Công an xã", subject="Kế hoạch tuần tra")
    lines = journal.checkpoint().size
    doors: list[Callable[[], int]] = [
        lambda: incoming.register(office.clerk, arrival, main, annexes),
        lambda: outgoing.draft(office.specialist, a_draft(office, letter=None), main, annexes),
    ]
    for door in doors:
        with pytest.raises(RuleBroken) as refusal:
            door()
        assert "bản giấy" in refusal.value.sentence
    assert marked.path.read_bytes() != b""
    from hashlib import sha256

    assert sha256(marked.path.read_bytes()).hexdigest() not in stored()
    assert journal.checkpoint().size == lines


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "MẬT: Kế hoạch A"},
        {"code_number": "07", "code_notation": "KH-UBND(M)"},
        {"type_name": "Công văn mật"},
    ],
)
def test_marked_words_in_the_form_are_refused(office: Cast, changes: dict[str, str]) -> None:
    arrival = Arrival(**{"sender_name": "Công an xã", "subject": "Kế hoạch", "on_paper": True, **changes})  # type: ignore[arg-type] # changed fields
    with pytest.raises(RuleBroken):
        incoming.register(office.clerk, arrival)


def test_marked_words_in_a_draft_are_refused_and_sentences_are_not(office: Cast) -> None:
    with pytest.raises(RuleBroken):
        outgoing.draft(office.specialist, a_draft(office, subject="Phương án phòng thủ - TUYỆT MẬT"))
    assert outgoing.draft(office.specialist, a_draft(office, subject="Kế hoạch bảo vệ bí mật nhà nước năm 2026"))


def test_nothing_marked_leaves_even_when_it_slipped_in_before(
    office: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The draft was made by a release that did not look: the last door looks again."""
    make_reachable()
    with monkeypatch.context() as older:
        older.setattr("commune_portal.documents.marks.require_open", lambda *_: None)
        upload = Upload(at(tmp_path, a_pdf("MẬT")), "ke-hoach.pdf")
        row_id = outgoing.draft(office.specialist, a_draft(office, letter=None), upload)
    outgoing.submit(office.specialist, row_id)
    outgoing.approve(office.leader, row_id)
    issuing.sign(office.leader, row_id, PIN)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    with pytest.raises(RuleBroken):
        dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    assert outbox.waiting(clock.now()) == []


@pytest.mark.parametrize("field", list(MARKED))
def test_a_packet_that_says_it_is_secret_is_refused_for_good_and_nothing_of_it_is_kept(
    office: Cast, partner: Partner, field: str
) -> None:
    before = stored()
    changes = {field: MARKED[field]}
    packet = partner.edoc(**changes)
    sealed = partner.sealed(packet)
    answer = receive(sealed, packet)
    said = receipt.open_(answer, lambda _code, _key: keys.own().public_key)
    assert (said.verdict, said.refusal) == (Verdict.REFUSED, RefusalType.NOT_PERMITTED)
    assert stored() == before
    assert database.row("SELECT count(*) FROM incoming")[0] == 0
    (refusal,) = secrecy.refusals(office.clerk, open_only=True)
    assert refusal.packet_sha256 == envelopes.parse_unverified(sealed).packet_sha256
    assert "Phương án" not in refusal.reason
    assert database.row("SELECT count(*) FROM wipes")[0] == 0
    assert receive(sealed, packet) == answer, "a repeated delivery gets the first receipt"
    assert stored() == before
    assert is_sound(office)


def test_an_open_packet_about_secrecy_is_taken(office: Cast, partner: Partner) -> None:
    packet = partner.edoc(subject="Tập huấn công tác bảo vệ bí mật nhà nước")
    said = receipt.open_(receive(partner.sealed(packet), packet), lambda _code, _key: keys.own().public_key)
    assert said.verdict is Verdict.ACCEPTED


def test_the_very_same_bytes_of_another_document_stay(office: Cast, partner: Partner) -> None:
    packet = partner.edoc(subject="[MẬT] Kế hoạch")
    path = on_disk(packet)
    kept = files.adopt(path)
    row_id = outgoing.draft(office.specialist, a_draft(office))
    with database.transaction() as work:
        attachments.attach(work, "outgoing", row_id, "annex", attachments.Kept(kept, "a.edxml", attachments.EDXML))
        journal.write(work, Act.OUTGOING_EDITED, office.clerk.uid)
    receive(partner.sealed(packet), packet)
    assert kept.sha256 in stored()


def test_a_marked_first_page_goes_back_before_anybody_accepts_and_is_shown_to_nobody(
    office: Cast, partner: Partner
) -> None:
    document = an_arrival(partner, pdf=a_pdf("MẬT"))
    opened = [file.id for file in attachments.all_of("incoming", document.id)]
    assert opened
    assert arrivals.unchecked() == [document.id]
    arrivals.check(document.id)
    now = incoming.get(document.id)
    assert now.state is IncomingState.REFUSED
    assert codes(document.message_id) == ["01", "02"]
    assert "«Mật»" in queued_statuses()[-1].status.description
    assert attachments.shown("incoming", document.id) is None
    for file_id in opened:
        for person in (office.clerk, office.leader):
            with pytest.raises(NotFound):
                attachments.open_for(person, file_id)
    assert arrivals.unchecked() == [], "it is not looked at again and again"
    assert [item.incoming_id for item in secrecy.refusals(office.clerk, open_only=True)] == [document.id]
    with pytest.raises(RuleBroken):
        incoming.accept(office.clerk, document.id, without_check=True)
    assert is_sound(office)


def test_a_marked_annex_counts_as_well(office: Cast, partner: Partner, tmp_path: Path) -> None:
    from commune_portal.edxml import writer

    files_sent = (writer.attach(at(tmp_path, a_pdf()), "van-ban.pdf"),
                  writer.attach(at(tmp_path, a_pdf("TUYỆT MẬT"), "phu-luc.pdf"), "phu-luc.pdf"))  # fmt: skip
    document = an_arrival(partner, attachments=files_sent)
    arrivals.check(document.id)
    assert incoming.get(document.id).state is IncomingState.REFUSED


def test_accepting_in_a_hurry_looks_first(office: Cast, partner: Partner) -> None:
    document = an_arrival(partner, pdf=a_pdf("MẬT"))
    with pytest.raises(RuleBroken) as refusal:
        incoming.accept(office.clerk, document.id, without_check=True)
    assert "độ «Mật»" in refusal.value.sentence
    assert incoming.get(document.id).state is IncomingState.REFUSED


def test_a_mark_that_nobody_could_read_in_time_is_hidden_and_told_when_it_is_seen(
    office: Cast, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = an_arrival(partner, pdf=a_pdf("MẬT"))
    with monkeypatch.context() as broken:

        def first_page(_self: object, _pdf: Path) -> tuple[object, ...]:
            raise Malformed("Trình đọc PDF hỏng.")

        broken.setattr(workshop.Bench, "first_page", first_page)
        incoming.accept(office.clerk, document.id, without_check=True)
    arrivals.check(document.id)
    now = incoming.get(document.id)
    assert (now.state, now.number) == (IncomingState.REGISTERED, 1), "a number once given stays"
    assert attachments.shown("incoming", document.id) is None
    assert secrecy.amount_to_report() == 1
    assert "02" not in codes(document.message_id)


def test_the_report_is_a_note_of_its_own_and_is_made_once(office: Cast, partner: Partner) -> None:
    packet = partner.edoc(subject="[MẬT] Kế hoạch")
    receive(partner.sealed(packet), packet)
    (refusal,) = secrecy.refusals(office.clerk)
    with pytest.raises(Malformed):
        secrecy.report(office.clerk, refusal.id, "đã báo")
    with pytest.raises(NotAllowed):
        secrecy.report(office.specialist, refusal.id, "Đã báo Chủ tịch bằng điện thoại")
    secrecy.report(office.clerk, refusal.id, "Đã báo Chủ tịch và Công an xã bằng điện thoại")
    assert secrecy.amount_to_report() == 0
    with pytest.raises(NotFound):
        secrecy.report(office.clerk, refusal.id, "Đã báo lần nữa cho chắc chắn")
    acts = [
        row[0] for row in database.rows("SELECT json_extract(body, '$.act') FROM journal ORDER BY seq DESC LIMIT 2")
    ]
    assert acts == [Act.CLASSIFIED_REPORTED, Act.CLASSIFIED_REFUSED]
