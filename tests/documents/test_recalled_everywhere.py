"""The whole way: sent, handled, destroyed; then no word of it lies at the receiver or at the node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.documents import arrivals, attachments, dispatch, incoming, issuing, tasks, wiping
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
from tests.cast import OFFICE_CODE, PIN
from tests.documents import trio
from tests.documents.test_outgoing import signed
from tests.documents.trio import Trio
from tests.documents.wiped import DIRECTION, NOTE, RESULT, destroy, traces

SUBJECT = "Về việc khẩn trương rà soát chợ Hồ Lô"
SIGNER = "Zơrâm Wênh"
WORDS = (SUBJECT, SIGNER, "Wênh", "QĐ-UBND", DIRECTION, RESULT, NOTE)


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


def test_a_destroyed_document_is_nowhere_at_the_receiver_or_the_node_and_whole_at_its_sender(three: Trio) -> None:
    with three.at(three.sender) as office:
        workshop.configure(office.settings, in_process=True)
        accounts.change(PORTAL, office.leader.id, full_name=SIGNER, position="Chủ tịch", unit="", roles=[Role.LEADER])
        row_id = signed(office, subject=SUBJECT)
        issuing.number(office.clerk, row_id)
        issuing.seal(office.clerk, row_id, PIN)
        dispatch.dispatch(office.clerk, row_id, [OFFICE_CODE])
        sent = attachments.shown("outgoing", row_id)
        assert sent is not None
        data, name = sent.path.read_bytes(), sent.name
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
    words = (*WORDS, name)
    receiver, node = three.receiver.settings.data_folder, three.node.data_folder
    assert {word for _, word in traces(receiver, words)} == set(words)
    assert SUBJECT in {word for _, word in traces(node, words)}
    assert bytes_in(receiver, data)
    with three.at(three.receiver):
        destroy(document)
    three.carry()
    with three.at(three.receiver):
        wiping.finish()
    with three.at_node():
        erasure.finish()
        with pytest.raises(ExchangeRefused) as caught:
            mailbox.packet_for(members.by_code(OFFICE_CODE), _packet(document.message_id))
        assert caught.value.word is Refused.WIPED
    for folder in (receiver, node):
        assert traces(folder, words) == set()
        assert bytes_in(folder, data) == []
    assert three.receiver.settings.database_path.read_bytes().count(document.document_id.encode()) > 0
    assert is_sound(three.receiver.settings)
    assert is_sound(three.node)
    assert {word for _, word in traces(three.sender.settings.data_folder, words)} >= {SUBJECT, SIGNER, name}
    assert bytes_in(three.sender.settings.data_folder, data)
    three.mirror(three.sender)
    with three.at_node():
        kept = database.rows("SELECT direction, subject FROM mirror_entries WHERE subject <> ''")
    assert kept == [("outgoing", SUBJECT)], "the sender's book stays as it is, at the node too"
    assert is_sound(three.sender.settings)


def _packet(message_id: str) -> str:
    return str(database.row("SELECT packet_sha256 FROM mailbox WHERE message_id = ?", (message_id,))[0])
