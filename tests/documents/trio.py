"""Two offices and the node between them in one process, each in its own folder; messages are carried by the verbs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commune_portal import clock
from commune_portal.documents import arrivals, outbox
from commune_portal.node import directory, mailbox, members, mirrors
from commune_portal.people import peers, trail
from commune_portal.people.actors import PORTAL
from commune_portal.settings import Settings
from commune_portal.store import files, installation
from commune_portal.wire import keys
from commune_portal.wire.directory import open_ as open_directory
from commune_portal.wire.enrolment import EnrolmentRequest
from commune_portal.wire.enrolment import read as read_enrolment
from commune_portal.wire.envelope import parse_unverified
from commune_portal.wire.keys import InstallationKeys
from tests import cast
from tests.cast import Cast
from tests.node.cast import new_keys
from tests.store.full import node_settings, standing_in

ADDRESS = "http://127.0.0.1:8400"


@dataclasses.dataclass
class Party:
    """An office, its keys, and how far it has read its mailbox."""

    cast: Cast
    code: str
    own: InstallationKeys
    uid: str
    cursor: int = 0

    @property
    def settings(self) -> Settings:
        """Where it lies."""
        return self.cast.settings


@dataclasses.dataclass
class Trio:
    """The sender, the receiver, and the node."""

    sender: Party
    receiver: Party
    node: Settings
    node_keys: InstallationKeys

    @contextmanager
    def at(self, party: Party) -> Iterator[Cast]:
        """This process as one of the offices."""
        with standing_in(party.settings, party.own):
            yield party.cast

    @contextmanager
    def at_node(self) -> Iterator[None]:
        """This process as the node."""
        with standing_in(self.node, self.node_keys):
            yield

    def carry(self) -> None:
        """What the relay does, for both, until nothing more moves; of the journals it takes the receiver's."""
        for party in (self.sender, self.receiver, self.sender, self.receiver):
            self._up(party)
            self._down(party)
            if party is self.receiver:
                self.mirror(party)

    def _up(self, party: Party) -> None:
        with self.at(party):
            queued = [(item, files.path_of(item.packet_sha256).read_bytes()) for item in outbox.waiting(clock.now())]
        with self.at_node():
            member = members.by_code(party.code)
            receipts = [
                (item.message_id, mailbox.take(member, item.envelope, packet, self.node.limits).receipt)
                for item, packet in queued
            ]
        with self.at(party):
            for message_id, receipt in receipts:
                outbox.delivered(message_id, receipt)

    def _down(self, party: Party) -> None:
        with self.at_node():
            member = members.by_code(party.code)
            page = mailbox.waiting(member, party.cursor, 50)
            came = [
                (item, mailbox.packet_for(member, parse_unverified(item.envelope).packet_sha256).read_bytes())
                for item in page.items
                if item.envelope is not None
            ]
            home = [item.receipt for item in page.items if item.receipt is not None]
        party.cursor = page.next_after
        given = []
        with self.at(party):
            for item, packet in came:
                path = files.temporary(".edxml")
                path.write_bytes(packet)
                assert item.envelope is not None
                given.append(arrivals.receive(item.envelope, path))
                path.unlink(missing_ok=True)
            for receipt in home:
                outbox.receiver_took(receipt)
        with self.at_node():
            for receipt in given:
                mailbox.acknowledge(members.by_code(party.code), receipt)

    def mirror(self, party: Party) -> None:
        """Hands an office's journal to the node; the sender's own book is another matter than the receiver's."""
        with self.at_node():
            known = mirrors.mirrored(members.by_code(party.code)).checkpoint.size
        with self.at(party):
            extract = trail.extract_after(known)
        if extract is None:
            return
        with self.at_node():
            note = mirrors.take_extract(members.by_code(party.code), extract)
        with self.at(party):
            trail.mirrored(cast.NODE_CODE, extract.checkpoint, note)


def build(folder: Path) -> Trio:
    """Founds all three and makes them known to each other."""
    cast.cheap_passwords()
    parties = []
    for code, name in ((cast.OTHER_CODE, cast.OTHER_NAME), (cast.OFFICE_CODE, cast.OFFICE_NAME)):
        made = cast.office_at(folder / code, code, name)
        parties.append(Party(made, code, keys.own(), installation.own().uid))
    node, node_keys = node_settings(folder / "node"), new_keys(0)
    with standing_in(node, node_keys):
        installation.found(
            node, code=cast.NODE_CODE, name="Nút liên thông tỉnh Lam Giang", place="Lam Giang",
            public_key=node_keys.public_key.hex(), box_public_key=node_keys.box_public_key.hex(),
        )  # fmt: skip
        invitations = []
        for party in parties:
            invitations.append(members.add_office(PORTAL, party.code, f"UBND {party.code}", address=ADDRESS))
            members.enrol(
                EnrolmentRequest(
                    token=read_enrolment(invitations[-1]).token, code=party.code, installation_uid=party.uid, epoch=0,
                    public_key=party.own.public_key, box_public_key=party.own.box_public_key, software="test",
                )
            )  # fmt: skip
        listed = directory.signed_directory()
    for party, invitation in zip(parties, invitations, strict=True):
        with standing_in(party.settings, party.own):
            peers.introduce(PORTAL, invitation, party.settings.secrets_folder)
            found = open_directory(listed.bytes, lambda _code, _key: node_keys.public_key)
            peers.enrolled(party.settings.secrets_folder, found)
            peers.directory_arrived(cast.NODE_CODE, found, "etag")
    return Trio(parties[0], parties[1], node, node_keys)
