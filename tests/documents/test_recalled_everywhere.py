"""The whole way: sent, handled, destroyed; then no word of it lies at the receiver or at the node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.documents import arrivals, attachments, dispatch, incoming, issuing, recalls, tasks, wiping
from commune_portal.documents.verification import verify_installation
from commune_portal.node import mailbox, members
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.people import accesses, accounts
from commune_portal.people.actors import PORTAL
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.signing import workshop
from commune_portal.store import database, erasure
from commune_portal.wire import keys
from commune_portal.wire.protocol import Refused
from tests.cast import OFFICE_CODE, PIN, Cast
from tests.documents import trio
from tests.documents.test_outgoing import signed
from tests.documents.trio import Trio
from tests.documents.wiped import DIRECTION, NOTE, RESULT, traces

SUBJECT = "Về việc khẩn trương rà soát chợ Hồ Lô"
SIGNER = "Zơrâm Wênh"
WORDS = (SUBJECT, SIGNER, "Wênh", DIRECTION, RESULT, NOTE)
"""Not the symbol: the notice cites it, and the notice stays."""


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Trio]:
    yield trio.build(tmp_path)
    accesses.forget_waiting()
    keys.use(None)
    database.close()


def bytes_in(folder: Path, data: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and data in path.read_bytes()]


def is_sound(settings: Settings) -> bool:
    found = verify_installation(settings)
    assert found.ok, found.faults
    return True


def rename(office: Cast, name: str) -> None:
    accounts.change(PORTAL, office.leader.id, full_name=name, position="Chủ tịch", unit="", roles=[Role.LEADER])


def issued(office: Cast, **changes: object) -> int:
    row_id = signed(office, **changes)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    return row_id


def test_a_recalled_document_is_nowhere_at_the_receiver_or_the_node_and_whole_at_its_sender(three: Trio) -> None:
    with three.at(three.sender) as office:
        workshop.configure(office.settings, in_process=True)
        rename(office, SIGNER)
        row_id = issued(office, subject=SUBJECT)
        dispatch.dispatch(office.clerk, row_id, [OFFICE_CODE])
        rename(office, "Nguyễn Văn An")
        sent = attachments.shown("outgoing", row_id)
        assert sent is not None
        data = sent.path.read_bytes()
    three.carry()
    with three.at(three.receiver) as office:
        workshop.configure(office.settings, in_process=True)
        (found,) = database.row("SELECT id FROM incoming")
        arrivals.check(found)
        incoming.accept(office.clerk, found, note=NOTE, recipient_name="Văn phòng", without_check=True)
        tasks.assign(office.leader, found, lead=office.specialist.id, direction=DIRECTION)
        tasks.start(office.specialist, found)
    three.carry()
    with three.at(three.receiver) as office:
        tasks.complete(office.specialist, found, result=RESULT)  # its status is still here when the end comes
        document = incoming.get(found)
        assert document.subject == SUBJECT
    receiver, node = three.receiver.settings.data_folder, three.node.data_folder
    assert {word for _, word in traces(receiver, WORDS)} == set(WORDS)
    assert SUBJECT in {word for _, word in traces(node, WORDS)}
    assert bytes_in(receiver, data)
    with three.at(three.sender) as office:
        workshop.configure(office.settings, in_process=True)
        notice = issued(office, subject="Thông báo thu hồi văn bản", type_code="TB")
        recalls.recall(office.clerk, row_id, notice, "Ban hành chưa đúng thẩm quyền")
    three.carry()
    with three.at(three.receiver) as office:
        assert SUBJECT in {word for _, word in traces(receiver, WORDS)}, "nothing goes before the clerk says so"
        recalls.destroy(office.clerk, found)
    three.carry()
    with three.at(three.receiver):
        wiping.finish()
        assert incoming.get(found).number == document.number
    with three.at_node():
        erasure.finish()
        with pytest.raises(ExchangeRefused) as caught:
            mailbox.packet_for(members.by_code(OFFICE_CODE), _packet(document.message_id))
        assert caught.value.word is Refused.WIPED
    for folder in (receiver, node):
        assert traces(folder, WORDS) == set()
        assert bytes_in(folder, data) == []
    assert is_sound(three.receiver.settings)
    assert is_sound(three.node)
    assert {word for _, word in traces(three.sender.settings.data_folder, WORDS)} >= {SUBJECT, SIGNER}
    assert bytes_in(three.sender.settings.data_folder, data)
    with three.at(three.sender):
        assert database.rows("SELECT state FROM amendments") == [("agreed",)]
    assert is_sound(three.sender.settings)
    three.mirror(three.sender)
    with three.at_node():
        kept = database.rows("SELECT subject FROM mirror_entries WHERE direction = 'outgoing'")
    assert (SUBJECT,) in kept, "the sender's book stays as it is, at the node too"


def _packet(message_id: str) -> str:
    return str(database.row("SELECT packet_sha256 FROM mailbox WHERE message_id = ?", (message_id,))[0])
