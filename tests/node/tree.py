"""Nodes above nodes in one process: one register is open at a time, and bytes go from one to the next by hand.

H99 is the province; below it stand the districts H99.10 and H99.20, each with one commune.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from commune_portal.node import announcements, directory, mailbox, members, upward
from commune_portal.node.mailbox import Answer
from commune_portal.people import accesses, peers
from commune_portal.people.actors import PORTAL
from commune_portal.settings import Limits, Paths, Settings
from commune_portal.store import database, files, installation, verify
from commune_portal.wire import directory as wire
from commune_portal.wire import enrolment, keys
from commune_portal.wire.announcement import Heard
from commune_portal.wire.directory import Directory
from commune_portal.wire.enrolment import EnrolmentRequest
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.mailbox import MailboxItem
from commune_portal.wire.queued import Item
from tests.node.cast import ADDRESS, Journal, Office, enrol, new_keys

PROVINCE, FIRST, SECOND = "H99", "H99.10", "H99.20"
ABOVE = {FIRST: PROVINCE, SECOND: PROVINCE}
SEEDS = {PROVINCE: 100, FIRST: 101, SECOND: 102}
A = Office("H99.10.01", new_keys(11), Journal("commune-a"))
B = Office("H99.20.01", new_keys(21), Journal("commune-b"))
PACKET = b"<edXML/>" * 40


@dataclass
class Tree:
    """The nodes' folders, and which of them is open."""

    folder: Path
    settings: dict[str, Settings] = field(default_factory=dict)
    opened: str = ""

    def found(self) -> None:
        """Makes the nodes, enrols the districts above and a commune at each."""
        for code in (PROVINCE, FIRST, SECOND):
            made = Settings(
                folder=self.folder / code, role="node", paths=Paths(allow_any_disk=True),
                limits=Limits(packet_bytes=400_000, disk_floor_bytes=1),
            )  # fmt: skip
            made.folder.mkdir()
            self.settings[code] = made
            self.close()
            own = new_keys(SEEDS[code])
            installation.found(
                made, code=code, name=f"Nút {code}", place="Lam Giang", public_key=own.public_key.hex(),
                box_public_key=own.box_public_key.hex(),
            )  # fmt: skip
            keys.use(own)
            self.opened = code
        for code in (FIRST, SECOND):
            self.join(code)
            with self.at(code):
                enrol(A if code == FIRST else B)
        self.settle_directories()

    def join(self, code: str, subtree: str = "") -> None:
        """Adds a district at the province and enrols it there."""
        above = ABOVE[code]
        with self.at(above):
            file = members.add_node(PORTAL, code, f"Nút {code}", subtree=subtree or f"{code}.*", address=ADDRESS)
        with self.at(code):
            upward.introduce(PORTAL, file, self.settings[code].secrets_folder)
            mine, own = installation.own(), keys.own()
        with self.at(above):
            members.enrol(
                EnrolmentRequest(
                    token=enrolment.read(file).token, code=code, installation_uid=mine.uid, epoch=mine.epoch,
                    public_key=own.public_key, box_public_key=own.box_public_key, software="test",
                )
            )  # fmt: skip
            answer = directory.answer_to_enrolment(members.by_code(code).id).bytes
        with self.at(code):
            peers.enrolled(self.settings[code].secrets_folder, wire.open_(answer, self.key_of_node))

    def key_of_node(self, code: str, key_id: str) -> bytes | None:
        own = new_keys(SEEDS[code])
        return own.public_key if own.key_id == key_id else None

    @contextmanager
    def at(self, code: str) -> Iterator[Settings]:
        """Opens one node's register; whoever was open before is open again afterwards."""
        before = self.opened
        self._open(code)
        try:
            yield self.settings[code]
        finally:
            if before:
                self._open(before)

    def _open(self, code: str) -> None:
        if code == self.opened:
            return
        self.close()
        installation.open_(self.settings[code])
        keys.use(new_keys(SEEDS[code]))
        self.opened = code

    def close(self) -> None:
        """Closes whichever is open."""
        accesses.forget_waiting()
        keys.use(None)
        database.close()
        self.opened = ""

    # ── what the relay does, by hand ──

    def announce(self, code: str) -> Heard:
        """A district tells the province who is below it."""
        with self.at(code):
            told = announcements.own()
        with self.at(ABOVE[code]):
            return announcements.hear(members.by_code(code), told)

    def directory_down(self, code: str) -> Directory:
        """A district takes the province's directory over."""
        with self.at(ABOVE[code]):
            signed = directory.signed_directory()
        found = wire.open_(signed.bytes, self.key_of_node)
        with self.at(code):
            upward.directory_arrived(ABOVE[code], found, signed.etag)
        return found

    def settle_directories(self) -> None:
        """Everybody has heard of everybody."""
        for code in (FIRST, SECOND):
            self.announce(code)
        for code in (FIRST, SECOND):
            self.directory_down(code)

    def send(self, office: Office, value: Envelope, at: str) -> Answer:
        """A commune hands a message to its district."""
        with self.at(at) as settings:
            return mailbox.take(office.member, office.seal(value), PACKET, settings.limits)

    def waiting_up(self, code: str) -> list[Item]:
        """What a district has to hand to the province."""
        from commune_portal import clock

        with self.at(code):
            return upward.waiting(clock.now(), 50)

    def hand_up(self, code: str, item: Item) -> bytes:
        """The province takes one item of a district; its answer is not yet known there."""
        with self.at(ABOVE[code]) as settings:
            member = members.by_code(code)
            if item.kind.value == "receipt":
                mailbox.acknowledge(member, item.envelope)
                return b""
            return mailbox.take(member, item.envelope, PACKET, settings.limits, item.trace).receipt

    def go_up(self, code: str) -> int:
        """Everything that waits at a district goes to the province; how much that was."""
        items = self.waiting_up(code)
        for item in items:
            answer = self.hand_up(code, item)
            with self.at(code):
                upward.delivered(item, answer)
        return len(items)

    def mailbox_of(self, code: str) -> list[MailboxItem]:
        """What the province has for a district."""
        with self.at(ABOVE[code]):
            return list(mailbox.waiting(members.by_code(code), 0, 200).items)

    def take_down(self, code: str, item: MailboxItem) -> bytes:
        """A district takes one item of its mailbox; its receipt, not yet posted."""
        with self.at(code) as settings:
            if item.receipt is not None:
                upward.receiver_took(item.receipt)
                return b""
            assert item.envelope is not None
            path = files.temporary(".edxml")
            path.write_bytes(PACKET)
            return upward.receive(item.envelope, path, settings.limits)

    def go_down(self, code: str) -> int:
        """Everything that the province has for a district goes there."""
        items = self.mailbox_of(code)
        for item in items:
            receipt = self.take_down(code, item)
            if receipt:
                with self.at(ABOVE[code]):
                    mailbox.acknowledge(members.by_code(code), receipt)
        return len(items)

    def fetched(self, office: Office, at: str) -> list[MailboxItem]:
        """What a commune finds at its district."""
        with self.at(at):
            return list(mailbox.waiting(office.member, 0, 200).items)

    def acknowledge(self, office: Office, value: Envelope, at: str) -> bytes:
        """A commune receipts a message at its district."""
        given = office.receipt(value)
        with self.at(at):
            mailbox.acknowledge(office.member, given)
        return given

    def are_sound(self) -> bool:
        """Every node's register, read again from the disk."""
        for code, settings in self.settings.items():
            self._open(code)
            connection = verify.open_for_reading(settings.database_path)
            try:
                found = verify.verify(connection, settings.files_folder)
            finally:
                connection.close()
            assert found.ok, (code, found.faults)
        return True


__all__ = ["ABOVE", "FIRST", "PACKET", "PROVINCE", "SECOND", "A", "B", "Tree"]
