"""The hỏa tốc watch by real verbs: who must be called, what a call changes, what only receipts and statuses change."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import dispatch, incoming, issuing, outbox, outgoing, statistics, urgent
from commune_portal.documents.statistics import Period
from commune_portal.documents.urgent import CallTask
from commune_portal.edxml import package, reader
from commune_portal.errors import Malformed, NotAllowed, NotFound, RuleBroken
from commune_portal.people import directory, office_rules
from commune_portal.rules.acts import Act
from commune_portal.rules.calls import CallLimits, CallOutcome, Missing
from commune_portal.rules.delivery import deliver_by_text
from commune_portal.rules.kinds import Urgency
from commune_portal.store import database, files, journal
from tests.cast import OTHER_CODE, OTHER_NAME, PIN, Cast
from tests.documents.partner import Node, Partner, an_arrival, outbox_rows, receive
from tests.documents.test_outgoing import a_draft, is_sound, signed

HOUR = timedelta(hours=1)


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


@pytest.fixture
def node(office: Cast) -> Node:
    return Node().introduce(office)


def send(office: Cast, **changes: object) -> int:
    row_id = signed(office, **{"urgency": Urgency.FLASH, **changes})
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    return row_id


def due(office: Cast, minutes: int, since: datetime | None = None) -> list[CallTask]:
    return urgent.to_call(office.clerk, (since or clock.now()) + timedelta(minutes=minutes))


def take(office: Cast, node: Node, partner: Partner) -> str:
    """The node takes the newest item, and so does the recipient."""
    message_id, _, sealed = outbox_rows()[-1]
    outbox.delivered(message_id, node.receipt(sealed.encode()))
    outbox.receiver_took(partner.receipt(sealed.encode()))
    return message_id


def answer(partner: Partner, row_id: int, code: str) -> None:
    document = database.row("SELECT document_id FROM outgoing WHERE id = ?", (row_id,))[0]
    packet = partner.status(document, code)
    receive(partner.status_sealed(packet), packet)


def record(office: Cast, outcome: CallOutcome = CallOutcome.REACHED, **changes: str) -> None:
    recipient = database.row("SELECT id FROM recipients ORDER BY id DESC LIMIT 1")[0]
    said = {"phone": "0263 3123 456", "spoke_to": "Hà Thị Suối, văn thư", "note": "hẹn 15 phút nữa", **changes}
    urgent.record_call(office.clerk, recipient, outcome=outcome, **said)


def test_what_nobody_took_must_be_called_about_with_number_words_and_proof(office: Cast, partner: Partner) -> None:
    other = directory.by_code(OTHER_CODE)
    assert other is not None
    directory.set_phone(office.administrator, other.id, "0263 3123 456")
    row_id = send(office)
    message_id = outbox_rows()[-1][0]
    outbox.attempt_failed(message_id, "Nút không trả lời", clock.now() + HOUR)
    assert due(office, 14) == []
    (task,) = due(office, 15)
    assert (task.outgoing_id, task.organ_name, task.phone) == (row_id, OTHER_NAME, "0263 3123 456")
    assert (task.missing, task.code) == (Missing.NODE, "01/QĐ-UBND")
    assert (task.attempts.amount, task.attempts.last_reason) == (1, "Nút không trả lời")
    assert any("01/QĐ-UBND" in line for line in task.script)
    assert urgent.amount_to_call(clock.now() + HOUR) == 1


def test_an_ordinary_document_is_nobodys_call(office: Cast, partner: Partner) -> None:
    send(office, urgency=Urgency.VERY_URGENT)
    assert due(office, 9999) == []


def test_receipts_and_statuses_move_the_watch_and_acceptance_ends_it(
    office: Cast, partner: Partner, node: Node
) -> None:
    row_id = send(office)
    message_id, _, sealed = outbox_rows()[-1]
    outbox.delivered(message_id, node.receipt(sealed.encode()))
    assert [task.missing for task in due(office, 15)] == [Missing.ARRIVAL]
    outbox.receiver_took(partner.receipt(sealed.encode()))
    assert due(office, 29) == []
    assert [task.missing for task in due(office, 30)] == [Missing.ACCEPTANCE]
    answer(partner, row_id, "01")
    assert [task.missing for task in due(office, 30)] == [Missing.ACCEPTANCE]
    answer(partner, row_id, "03")
    assert due(office, 9999) == []
    assert is_sound(office)


def test_a_refusal_by_the_recipient_ends_the_watch(office: Cast, partner: Partner) -> None:
    row_id = send(office)
    answer(partner, row_id, "02")
    assert due(office, 9999) == []


def test_a_call_closes_the_task_comes_back_and_moves_no_state(office: Cast, partner: Partner, node: Node) -> None:
    send(office)
    take(office, node, partner)
    begun = clock.now()
    before = database.row("SELECT status, delivered_at FROM recipients")
    with clock.standing_at(begun + timedelta(minutes=31)):
        record(office)
        assert due(office, 0) == []
    assert due(office, 90, begun) == []
    (task,) = due(office, 92, begun)
    assert [made.spoke_to for made in task.calls] == ["Hà Thị Suối, văn thư"]
    assert database.row("SELECT status, delivered_at FROM recipients") == before
    assert is_sound(office)


def test_a_call_that_nobody_answered_leaves_the_task(office: Cast, partner: Partner) -> None:
    send(office)
    with clock.standing_at(clock.now() + timedelta(minutes=20)):
        record(office, CallOutcome.NO_ANSWER, spoke_to="")
        assert len(due(office, 0)) == 1


def test_the_first_number_that_answered_is_kept_and_a_known_one_stays(office: Cast, partner: Partner) -> None:
    send(office)
    record(office, CallOutcome.NO_ANSWER, phone="111 111", spoke_to="")
    assert due(office, 15)[0].phone == ""
    record(office)
    record(office, phone="0999 999 999")
    found = directory.by_code(OTHER_CODE)
    assert found is not None
    assert found.phone == "0263 3123 456"


@pytest.mark.parametrize(
    ("outcome", "changes", "field"),
    [
        (CallOutcome.REACHED, {"phone": ""}, "phone"),
        (CallOutcome.REACHED, {"spoke_to": " "}, "spoke_to"),
        (CallOutcome.NO_ANSWER, {"phone": "không rõ"}, "phone"),
        (CallOutcome.OTHER_WAY, {"note": ""}, "note"),
        (CallOutcome.REACHED, {"phone": "0" * 41}, "phone"),
    ],
)
def test_a_call_says_enough_to_be_proof(
    office: Cast, partner: Partner, outcome: CallOutcome, changes: dict[str, str], field: str
) -> None:
    send(office)
    before = journal.checkpoint().size
    with pytest.raises(Malformed) as refusal:
        record(office, outcome, **changes)
    assert refusal.value.field == field
    assert journal.checkpoint().size == before


def test_only_the_clerk_calls_and_only_about_hoa_toc(office: Cast, partner: Partner) -> None:
    send(office, urgency=Urgency.URGENT)
    recipient = database.row("SELECT id FROM recipients")[0]
    with pytest.raises(RuleBroken):
        record(office)
    for person in (office.leader, office.specialist, office.administrator):
        with pytest.raises(NotAllowed):
            urgent.to_call(person, clock.now())
        with pytest.raises(NotAllowed):
            urgent.record_call(person, recipient, phone="1234", spoke_to="x", outcome=CallOutcome.REACHED)
    with pytest.raises(NotFound):
        urgent.task(office.clerk, recipient)


def test_a_call_is_journalled_and_told_on_the_document(office: Cast, partner: Partner) -> None:
    row_id = send(office)
    record(office)
    line = journal.lines_about(database.row("SELECT 'outgoing:' || uid FROM outgoing")[0])[-1]
    assert line.fields["act"] == Act.CALLED
    assert line.texts["handler"] == "Hà Thị Suối, văn thư"
    assert [(made.organ_name, made.outcome) for made in urgent.calls_of(row_id)] == [(OTHER_NAME, CallOutcome.REACHED)]


def test_the_offices_own_minutes_count(office: Cast, partner: Partner) -> None:
    office_rules.set_rule(office.administrator, office_rules.CALL_LIMITS, CallLimits(receipt=2).to_json())
    send(office)
    assert len(due(office, 2)) == 1


def test_the_hour_travels_in_the_packet_and_calls_before_it_strikes(office: Cast, partner: Partner, node: Node) -> None:
    hour = clock.now() + timedelta(minutes=70)
    send(office, deliver_by=hour, due_date=clock.today() + timedelta(days=3))
    sha256 = database.row("SELECT packet_sha256 FROM outbox")[0]
    folder = files.temporary()
    folder.mkdir()
    parsed = reader.read(files.path_of(sha256), folder)
    assert isinstance(parsed, package.Edoc)
    assert parsed.other is not None
    assert (parsed.other.priority, parsed.other.appendixes) == (4, (deliver_by_text(hour),))
    assert parsed.due_date == clock.today() + timedelta(days=3)
    take(office, node, partner)
    assert due(office, 9) == []
    assert [task.deliver_by for task in due(office, 10)] == [hour]
    assert len(due(office, 30)) == 1


def test_an_hour_without_hoa_toc_is_refused(office: Cast) -> None:
    with pytest.raises(Malformed):
        outgoing.draft(office.specialist, a_draft(office, deliver_by=clock.now()))


def arrived(partner: Partner, hour: datetime | None = None, serial: int = 7) -> int:
    other = package.OtherInfo(priority=4, appendixes=(deliver_by_text(hour),) if hour else ())
    packet = partner.edoc(serial, other=other, due_date=clock.today() + timedelta(days=2))
    sealed = partner.sealed(packet, urgency=4)
    receive(sealed, packet)
    return int(database.row("SELECT max(id) FROM incoming")[0])


def test_what_came_urgently_is_shown_with_its_hour_until_it_is_accepted(office: Cast, partner: Partner) -> None:
    hour = clock.now() + HOUR
    row_id = arrived(partner, hour)
    other = arrived(partner, serial=8)
    an_arrival(partner, serial=9)
    shown = urgent.flash_arrivals(office.clerk)
    assert [(item.id, item.deliver_by, item.is_late) for item in shown] == [(row_id, hour, False), (other, None, False)]
    assert len(urgent.flash_arrivals(office.leader)) == 2
    assert urgent.flash_arrivals(office.specialist) == []
    with clock.standing_at(clock.now() + 2 * HOUR):
        assert urgent.flash_arrivals(office.clerk)[0].is_late
    incoming.accept(office.clerk, row_id, without_check=True)
    assert [item.id for item in urgent.flash_arrivals(office.clerk)] == [other]


def test_the_senders_date_is_the_deadline_until_somebody_sets_one(office: Cast, partner: Partner) -> None:
    row_id = arrived(partner)
    assert incoming.get(row_id).due_date is None
    incoming.accept(office.clerk, row_id, without_check=True)
    assert incoming.get(row_id).due_date == clock.today() + timedelta(days=2)
    for_information = arrived(partner, serial=8)
    incoming.accept(office.clerk, for_information, without_check=True, requires_handling=False)
    assert incoming.get(for_information).due_date is None


def test_statistics_count_sent_accepted_in_time_and_called(office: Cast, partner: Partner, node: Node) -> None:
    in_time = send(office)
    answer(partner, in_time, "03")
    send(office)
    record(office)
    record(office, CallOutcome.NO_ANSWER, spoke_to="")
    counts = statistics.flash_counts(Period.of(clock.today().year))
    assert (counts.sent, counts.accepted_in_time, counts.called) == (2, 1, 1)
    names = {rate.name: rate.text for rate in statistics.rates(office.clerk, Period.of(clock.today().year))}
    assert names["Tỷ lệ hỏa tốc được tiếp nhận đúng giờ"] == "50,00 % (1/2)"
    assert names["Tỷ lệ hỏa tốc phải gọi điện"] == "50,00 % (1/2)"
