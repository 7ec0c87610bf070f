"""Any order and repetition of a dialogue's messages ends in the same register at both ends, and nothing regresses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commune_portal import clock
from commune_portal.documents import dispatch, incoming, outbox, outgoing, recalls, takebacks, updates
from commune_portal.errors import RuleBroken
from commune_portal.rules import amendments as rules
from commune_portal.rules.amendments import AmendmentKind, AmendmentState
from commune_portal.rules.statuses import IncomingState, StatusCode
from commune_portal.signing import workshop
from commune_portal.store import database, installation
from commune_portal.wire import keys
from tests import cast
from tests.cast import Cast
from tests.documents.dialogue import (
    REASON,
    Message,
    answer_of,
    asking_back,
    document,
    issued,
    named,
    recall_of,
    replacement_of,
    row_of,
    sent,
    update_of,
)
from tests.documents.partner import Node, Partner, items, keys_of, queued_statuses
from tests.documents.test_outgoing import is_sound

EXAMPLES = 12


@contextmanager
def copy_of(office: Cast) -> Iterator[None]:
    """The office as it stands, in a folder that is thrown away; the office itself is opened again after it."""
    folder = office.settings.folder
    database.close()
    twin = folder.parent / "twin"
    shutil.rmtree(twin, ignore_errors=True)
    shutil.copytree(folder, twin)
    try:
        _open(twin)
        yield
    finally:
        database.close()
        _open(folder)


def _open(folder: Path) -> None:
    opened = cast.settings_at(folder)
    installation.open_(opened)
    keys.use(keys.load(opened.secrets_folder))
    workshop.configure(opened, in_process=True)


def is_twin_sound(office: Cast) -> bool:
    return is_sound(Cast(**{**_fields(office), "settings": cast.settings_at(office.settings.folder.parent / "twin")}))


def _fields(office: Cast) -> dict[str, Any]:
    return {name: getattr(office, name) for name in office.__dataclass_fields__}


@dataclass
class Receiver:
    """What the register of the receiver says of the documents of a dialogue, rows and times aside."""

    documents: list[Any] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    answered: list[Any] = field(default_factory=list)

    @classmethod
    def now(cls) -> Receiver:
        """As it stands."""
        return cls(
            database.rows(
                "SELECT document_id, state, subject, asked_due_date, business_type FROM incoming ORDER BY document_id"
            ),
            database.rows(
                "SELECT kind, i.document_id, n.document_id, a.state FROM amendments a"
                " LEFT JOIN incoming i ON i.id = a.incoming_id LEFT JOIN incoming n ON n.id = a.notice_incoming_id"
                " ORDER BY 1, 2, 3"
            ),
            sorted(
                (item.envelope.in_reply_to or "", item.status.status_code, item.envelope.recipient)
                for item in queued_statuses()
            ),
        )


def dialogue(partner: Partner) -> list[Message]:
    """A document, its update, its replacement, its recall, a 13, and what a stranger sends about it."""
    first = document(partner)
    foreign = Partner("H99.03", "Ủy ban nhân dân xã Cao Sơn", keys_of("third"))
    strange = [asking_back(foreign), recall_of(foreign, notice=95), update_of(foreign)]
    packets = [item.packet.replace(b"H99.03.2026.000007", b"H99.02.2026.000007") for item in strange]
    envelopes = [foreign.status_sealed(packets[0]), foreign.sealed(packets[1]), foreign.sealed(packets[2])]
    return [
        first,
        update_of(partner, of=first),
        replacement_of(partner, of=first),
        recall_of(partner, of=first),
        asking_back(partner, of=first),
        *(Message(sealed, packet) for sealed, packet in zip(envelopes, packets, strict=True)),
    ]


ORDERS = st.lists(st.integers(0, 7), max_size=6).flatmap(
    lambda repeated: st.permutations(sorted([*range(8), *repeated]))
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=ORDERS)
def test_the_receivers_register_does_not_know_the_order_in_which_messages_came(office: Cast, order: list[int]) -> None:
    with copy_of(office):
        partner = Partner().introduce()
        Partner("H99.03", "Ủy ban nhân dân xã Cao Sơn", keys_of("third")).introduce()
        messages = dialogue(partner)
        for which in order:
            messages[which].arrive()
        found = Receiver.now()
        ids = [message.message_id for message in messages]
        seven = row_of(named(partner, 7))
        assert incoming.get(seven).state is IncomingState.TAKEN_BACK
        assert [row for row in found.documents if row[0] == named(partner, 7)] == [
            (named(partner, 7), "taken-back", "Về việc phối hợp tuần tra lần 7 (sửa)", None, 0)
        ]
        assert [row for row in found.requests if row[1] == named(partner, 7)] == [
            ("recall", named(partner, 7), named(partner, 90), "asked"),
            ("replace", named(partner, 7), named(partner, 8), "agreed"),
            ("take-back", named(partner, 7), None, "agreed"),
            ("update", named(partner, 7), None, "agreed"),
        ]
        assert sorted(answer[:2] for answer in found.answered if answer[2] == partner.code) == sorted(
            [(ids[0], "01"), (ids[1], "15"), (ids[2], "01"), (ids[3], "01"), (ids[4], "15")]
        )
        assert [answer[1] for answer in found.answered if answer[2] != partner.code] == ["01"]  # of the strange notice
        with pytest.raises(RuleBroken):
            incoming.accept(office.clerk, seven, without_check=True)
        recalls.destroy(office.clerk, seven)
        assert is_twin_sound(office)
        before = database.rows("SELECT row_hash FROM incoming WHERE id = ?", (seven,))
        for which in reversed(order):
            messages[which].arrive()
        assert database.rows("SELECT row_hash FROM incoming WHERE id = ?", (seven,)) == before


@pytest.fixture
def asking(office: Cast) -> tuple[int, int, str]:
    """A document that went out, was updated, asked back and recalled, and the notice."""
    Partner().introduce()
    node = Node().introduce(office)
    row_id = sent(office)
    for item in items():
        outbox.delivered(item.message_id, node.receipt(item.envelope))
    now = outgoing.get(row_id)
    with clock.standing_at(clock.now() + timedelta(seconds=2)):
        wanted = updates.Metadata("Về việc kiện toàn", None, now.urgency, now.signer_position, now.page_amount)
        updates.update(office.clerk, row_id, wanted, REASON)
        takebacks.take_back(office.clerk, dispatch.recipients(row_id)[0].id, REASON)
        notice = issued(office, "Thông báo thu hồi")
        recalls.recall(office.clerk, row_id, notice, REASON)
    return row_id, notice, now.document_id


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_senders_register_does_not_know_the_order_in_which_answers_came(
    office: Cast, asking: tuple[int, int, str], data: st.DataObject
) -> None:
    row_id, notice, document_id = asking
    with copy_of(office):
        partner = Partner()
        about, carried = outgoing.get(notice).document_id, dispatch.recipients(notice)[0].message_id
        messages = dict(database.rows("SELECT kind, message_id FROM amendments WHERE side = 'ours'"))
        own = dispatch.recipients(row_id)[0].message_id
        answers = [
            *(answer_of(partner, document_id, code, to=own) for code in ("01", "03", "05")),
            answer_of(partner, document_id, "15", to=messages["update"]),
            answer_of(partner, document_id, "16", to=messages["take-back"], reason="Đã giao xử lý, không trả"),
            answer_of(partner, document_id, "15", to=messages["take-back"]),
            *(answer_of(partner, about, code, to=carried) for code in ("01", "03", "15")),
        ]
        order = data.draw(st.permutations([*range(len(answers)), *data.draw(st.lists(st.integers(0, 8), max_size=5))]))
        ranks: dict[AmendmentKind, int] = {}
        for which in order:
            answers[which].arrive()
            for kind, state in database.rows("SELECT kind, state FROM amendments WHERE side = 'ours'"):
                rank = AmendmentState(state).rank
                assert rank >= ranks.get(AmendmentKind(kind), 0)  # nothing regresses
                ranks[AmendmentKind(kind)] = rank
        assert dict(database.rows("SELECT kind, state FROM amendments WHERE side = 'ours'")) == {
            "recall": "agreed", "take-back": "agreed", "update": "agreed",
        }  # fmt: skip
        assert dispatch.recipients(row_id)[0].status is StatusCode.TAKE_BACK_AGREED
        assert dispatch.recipients(notice)[0].status is StatusCode.REGISTERED
        assert len(dispatch.statuses_of(row_id)) + len(dispatch.statuses_of(notice)) == len(answers)
        assert is_twin_sound(office)


@given(st.lists(st.sampled_from(list(StatusCode)), max_size=8))
def test_an_answer_only_ever_raises_a_question(codes: list[StatusCode]) -> None:
    state = AmendmentState.ASKED
    for code in codes:
        after = rules.answered(state, code)
        assert after is None or after.rank > state.rank
        state = after or state
    if StatusCode.TAKE_BACK_AGREED in codes:
        assert state is AmendmentState.AGREED
    if not any(code.is_dialogue and code is not StatusCode.TAKE_BACK_ASKED for code in codes):
        assert state is AmendmentState.ASKED
