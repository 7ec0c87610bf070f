"""Whose turn it is: nothing gives way for ever, and one item that finds no way leaves the mailbox open."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.people import peers
from commune_portal.relay import memory, rounds
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database
from commune_portal.wire import fields, protocol
from commune_portal.wire.protocol import Refused
from tests.cast import NODE_CODE, OFFICE_CODE, Cast
from tests.fakes.exchange import Answer, No
from tests.fakes.wire import Fault, Faults
from tests.relay.linked import KIBIBYTE, Impatient, Link, arrived, bytes_patched, linked, queue, states

LONG = random.Random(8).randbytes(200 * KIBIBYTE)
MANY = 200
"""Requests after which a round is taken for one that never ends."""


def bounded(link: Link) -> Impatient:
    """A worker that is stopped when its round goes on and on."""
    worker, asked = link.worker(), [0]

    def before(_method: str, _path: str) -> None:
        asked[0] += 1
        if asked[0] > MANY:
            worker._stop.set()

    link.node.before = before
    return worker


def once(method: str, path: str) -> Faults:
    """A plan that spoils the first request of a kind."""
    spoiled: list[int] = []

    def faults(asked: str, where: str) -> Fault | None:
        if (asked, where) != (method, path) or spoiled:
            return None
        spoiled.append(1)
        return Fault.GATEWAY_PAGE

    return faults


def test_an_upload_steps_aside_for_nothing_that_has_just_had_its_turn_in_vain(office: Cast) -> None:
    with linked(office, once("POST", protocol.MESSAGES)) as link:
        slow, urgent = queue(LONG), queue(urgency=3)  # due again at once, by its own schedule
        assert bounded(link).contact() is False
        assert states() == {slow: "delivered", urgent: "ready"}
        assert bytes_patched(link.wire) == len(LONG)
        assert link.worker().contact()
        assert states()[urgent] == "delivered"


def test_what_is_urgent_gets_another_turn_before_a_long_upload_ends(
    office: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "VAIN_SECONDS", 0.0)
    with linked(office, once("POST", protocol.MESSAGES)) as link:
        slow, urgent = queue(LONG), queue(urgency=3)
        assert bounded(link).contact() is False
        assert [key for key in link.node.messages if key in (slow, urgent)] == [urgent, slow]


def test_one_item_that_finds_no_way_does_not_keep_the_mailbox_shut(office: Cast) -> None:
    def faults(method: str, path: str) -> Fault | None:
        return Fault.DROP_REQUEST if (method, path) == ("POST", protocol.MESSAGES) else None

    with linked(office, faults) as link:
        queue()
        theirs = link.arrives(link.partner.edoc())
        assert link.worker().contact() is False  # what failed is told of all the same
        assert arrived() == [theirs]
        assert link.node.messages[theirs].recipient_receipt is not None
        assert peers.contact(NODE_CODE).failures == 1


def test_a_packet_that_the_node_has_no_room_for_yet_lets_an_unfinished_one_make_room(office: Cast) -> None:
    with linked(office) as link:
        slow, large = queue(LONG), queue(LONG[::-1], urgency=2)
        begin = link.node._begin_upload

        def with_quota(member: str, request: dict[str, str], tus: dict[str, str]) -> Answer:
            answer = begin(member, request, tus)
            if len(link.node.uploads) > 1 and slow not in link.node.messages:
                del link.node.uploads[answer.headers["Location"].rpartition("/")[2]]
                raise No(Refused.TRY_LATER, {"Retry-After": "40"})
            return answer

        link.node._begin_upload = with_quota  # type: ignore[method-assign, assignment]  # a node that plays up
        sha256 = database.row("SELECT packet_sha256 FROM outbox WHERE message_id = ?", (slow,))[0]
        link.node._begin_upload(OFFICE_CODE, _asking(sha256), {})  # it stepped aside once, unfinished
        assert bounded(link).contact() is False
        assert states() == {slow: "delivered", large: "ready"}
        again = peers.contact(NODE_CODE).next_attempt_at
        assert again is not None
        assert again - clock.now() > timedelta(seconds=30)  # as long as the node asked
        assert link.worker().contact()
        assert states()[large] == "delivered"


def _asking(sha256: str) -> dict[str, str]:
    told = f"sha256 {fields.to_base64(sha256.encode())},message x"
    return {"upload-metadata": told, "upload-length": str(len(LONG))}


def test_a_journal_that_the_node_refuses_is_offered_now_and_then_and_not_every_second(
    office: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    with linked(office) as link:
        worker = link.worker()
        assert worker.contact()
        mirror = link.node.mirrors[OFFICE_CODE]
        mirror.checkpoint = Checkpoint(mirror.checkpoint.size, "0" * 64)
        message_id = queue()
        link.wire.seen.clear()
        for _ in range(3):
            assert worker.contact()
        assert states()[message_id] == "delivered"  # the exchange goes on
        assert offered(link) == 1
        with clock.standing_at(clock.now()):
            assert not worker._wants_contact(peers.peer())
        monkeypatch.setattr(memory, "JOURNAL_AGAIN_SECONDS", 0.0)
        with clock.standing_at(clock.now()):
            assert worker._wants_contact(peers.peer())
        assert worker.contact()
        assert offered(link) == 2


def offered(link: Link) -> int:
    """How often the journal was handed over."""
    return sum((method, path) == ("POST", protocol.JOURNAL) for method, path, _ in link.wire.seen)
