"""A node and two communes in one process, one of them open at a time, and a stick and a link between them.

The link here is the verbs of the link without its wire: what is tested is that a bag and a link agree.
"""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commune_portal import clock
from commune_portal.documents import arrivals, dispatch, issuing, outbox, outgoing
from commune_portal.documents.outgoing import Draft, LetterText
from commune_portal.documents.verification import verify_installation
from commune_portal.node import directory, mailbox, members
from commune_portal.people import accesses, peers, trail
from commune_portal.people.actors import PORTAL
from commune_portal.relay import packing, unpacking
from commune_portal.relay.bag import Made, Opened
from commune_portal.settings import Limits, Paths, Settings
from commune_portal.signing import workshop
from commune_portal.store import database, files, installation
from commune_portal.wire import directory as wire_directory
from commune_portal.wire import envelope, keys
from commune_portal.wire.enrolment import EnrolmentRequest
from tests import cast
from tests.cast import NODE_CODE, OFFICE_CODE, OFFICE_NAME, OTHER_CODE, OTHER_NAME, PIN, Cast

NODE_LIMITS = Limits(disk_floor_bytes=1)
CODES = {"a": OFFICE_CODE, "b": OTHER_CODE, "node": NODE_CODE}
DOCUMENTS = 3


@dataclasses.dataclass
class World:
    """The three parties in their folders, and a stick."""

    folder: Path
    casts: dict[str, Cast]
    documents: list[int]

    @property
    def stick(self) -> Path:
        path = self.folder / "usb"
        path.mkdir(exist_ok=True)
        return path

    def settings(self, key: str) -> Settings:
        if key == "node":
            return node_settings(self.folder / "node")
        return cast.settings_at(self.folder / key)

    @contextmanager
    def at(self, key: str) -> Iterator[Settings]:
        """Sits down at one of the parties."""
        database.close()
        accesses.forget_waiting()
        settings = self.settings(key)
        installation.open_(settings)
        keys.use(keys.load(settings.secrets_folder))
        try:
            yield settings
        finally:
            database.close()

    def send(self, document: int, to: str = "b") -> str:
        """A sends an issued document; gives the message id."""
        with self.at("a"):
            dispatch.dispatch(self.casts["a"].clerk, document, [CODES[to]])
            return str(database.row("SELECT message_id FROM outbox ORDER BY id DESC")[0])

    def export(self, key: str, to: str = "", *, plain: bool = False, folder: Path | None = None) -> Made:
        with self.at(key) as settings:
            return packing.export(PORTAL, settings, folder or self.stick, CODES.get(to, to), plain=plain)

    def take_in(self, key: str, path: Path) -> Opened:
        with self.at(key) as settings:
            return unpacking.import_all(PORTAL, settings, path).opened[0]

    def carry(self, sender: str, receiver: str) -> Opened:
        """One stick from one party to another."""
        made = self.export(sender, "" if receiver == "node" else receiver)
        return self.take_in(receiver, made.path)

    def link(self, key: str, *, up: bool = True, down: bool = True) -> None:
        """One contact of an office by link, or half of one."""
        if up:
            with self.at(key):
                items = outbox.waiting(clock.now() + outbox.LONGEST_PAUSE, 200)
                packets = {item.message_id: files.path_of(item.packet_sha256).read_bytes() for item in items}
            with self.at("node"):
                member = members.by_code(CODES[key])
                answers = {
                    item.message_id: mailbox.take(member, item.envelope, packets[item.message_id], NODE_LIMITS).receipt
                    for item in items
                }
            with self.at(key):
                for message_id, receipt in answers.items():
                    outbox.delivered(message_id, receipt)
        if down:
            with self.at(key):
                cursor = peers.contact(NODE_CODE).mailbox_cursor
            with self.at("node"):
                page = mailbox.waiting(members.by_code(CODES[key]), cursor, 200)
                found = [
                    (item, files.path_of(envelope.parse_unverified(item.envelope).packet_sha256).read_bytes())
                    if item.envelope
                    else (item, b"")
                    for item in page.items
                ]
            given: list[bytes] = []
            with self.at(key):
                for item, packet in found:
                    if item.receipt is not None:
                        outbox.receiver_took(item.receipt)
                    elif item.envelope is not None:
                        path = files.temporary(".edxml")
                        path.write_bytes(packet)
                        given.append(arrivals.receive(item.envelope, path))
                        path.unlink(missing_ok=True)
                peers.move_cursor(NODE_CODE, page.next_after)
            with self.at("node"):
                for receipt in given:
                    mailbox.acknowledge(members.by_code(CODES[key]), receipt)

    def rows(self, key: str, statement: str) -> list[tuple[object, ...]]:
        """Reads somebody's register."""
        connection = sqlite3.connect(self.settings(key).database_path)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def arrived(self, key: str = "b") -> list[object]:
        return [row[0] for row in self.rows(key, "SELECT message_id FROM incoming ORDER BY id")]

    def outbox(self, key: str = "a") -> dict[object, object]:
        return dict(self.rows(key, "SELECT message_id, state FROM outbox"))  # type: ignore[arg-type] # pairs

    def assert_sound(self) -> None:
        """Every register verifies, and what one party says of another is what that one says itself."""
        for key in CODES:
            with self.at(key) as settings:
                found = verify_installation(settings)
                assert found.ok, (key, found.faults)

    def assert_at_rest(self, sent: list[str]) -> None:
        """Each document once, everything sent has its receipts, and every receipt is the one that was given."""
        self.assert_sound()
        assert sorted(map(str, self.arrived())) == sorted(sent)
        home = set(self.rows("a", "SELECT message_id, peer_code FROM receipts WHERE given = 0"))
        assert {(message_id, code) for message_id in sent for code in (NODE_CODE, OTHER_CODE)} <= home
        for key in ("a", "b"):
            assert set(self.outbox(key).values()) <= {"delivered"}, key
            kept = self.rows(key, "SELECT message_id, peer_code, bytes FROM receipts WHERE given = 0")
            assert len({(row[0], row[1]) for row in kept}) == len(kept)
            given: dict[str, dict[object, object]] = {
                code: dict(self.rows(name, "SELECT message_id, bytes FROM receipts_given"))  # type: ignore[arg-type] # pairs
                for name, code in CODES.items()
            }
            for message_id, code, sealed in kept:
                assert given[str(code)][message_id] == sealed


def node_settings(folder: Path) -> Settings:
    return Settings(folder=folder, role="node", paths=Paths(allow_any_disk=True), limits=NODE_LIMITS)


def found_world(folder: Path) -> World:
    """Founds all three, enrols both communes, and issues documents at the first, ready to be sent."""
    cast.cheap_passwords()
    settings = node_settings(folder / "node")
    own = keys.create(settings.secrets_folder)
    keys.use(own)
    installation.found(
        settings, code=NODE_CODE, name="Nút liên thông tỉnh Lam Giang", place="Lam Giang",
        public_key=own.public_key.hex(), box_public_key=own.box_public_key.hex(),
    )  # fmt: skip
    casts = {}
    for key, name in (("a", OFFICE_NAME), ("b", OTHER_NAME)):
        database.close()
        casts[key] = cast.office_at(folder / key, CODES[key], name)
    world = World(folder, casts, [])
    for key, name in (("a", OFFICE_NAME), ("b", OTHER_NAME)):
        _enrol(world, key, name)
    with world.at("node"):
        whole = directory.signed_directory().bytes
    for key in ("a", "b"):
        with world.at(key):
            read = wire_directory.open_(whole, lambda _code, _key: peers.peer().public_key)
            peers.directory_arrived(NODE_CODE, read, "")
    with world.at("a") as settings:
        workshop.configure(settings, in_process=True)
        world.documents += [_issued(casts["a"], number) for number in range(DOCUMENTS)]
    return world


def _enrol(world: World, key: str, name: str) -> None:
    with world.at("node"):
        file = members.add_office(PORTAL, CODES[key], name, address="http://127.0.0.1:9")
    with world.at(key) as settings:
        peers.introduce(PORTAL, file, settings.secrets_folder)
        pending = peers.pending_enrolment(settings.secrets_folder)
        assert pending is not None
        mine, own = installation.own(), keys.own()
        asked = EnrolmentRequest(
            token=pending.token, code=mine.code, installation_uid=mine.uid, epoch=mine.epoch,
            public_key=own.public_key, box_public_key=own.box_public_key, software="test",
        )  # fmt: skip
    with world.at("node"):
        answer = directory.answer_to_enrolment(members.enrol(asked).id).bytes
        node_key = keys.own().public_key
    with world.at(key) as settings:
        peers.enrolled(settings.secrets_folder, wire_directory.open_(answer, lambda _code, _key: node_key))


def _issued(office: Cast, number: int) -> int:
    row_id = outgoing.draft(
        office.specialist,
        Draft(
            issuer_id=office.issuer_id, type_code="TB", subject=f"Về việc tuần tra rừng lần {number + 1}",
            signer_id=office.leader.id, unit="VP", letter=LetterText((), "Thông báo lịch tuần tra rừng."),
        ),
    )  # fmt: skip
    outgoing.submit(office.specialist, row_id)
    outgoing.approve(office.leader, row_id)
    issuing.sign(office.leader, row_id, PIN)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    return row_id


def copied(world: World, folder: Path) -> World:
    """The same world in a folder of its own."""
    for key in CODES:
        shutil.copytree(world.folder / key, folder / key)
    return World(folder, world.casts, world.documents)


def journal_size(world: World, key: str) -> int:
    with world.at(key):
        return trail.journal_size()
