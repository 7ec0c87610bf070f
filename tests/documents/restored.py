"""An office whose disk died after its backup, and a node in memory that has what the office wrote since."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from commune_portal.documents import incoming, issuing, outgoing, restoration
from commune_portal.documents.incoming import Arrival
from commune_portal.people.actors import PORTAL
from commune_portal.relay import recovery
from commune_portal.relay.client import NodeClient
from commune_portal.rules.chain import Checkpoint
from commune_portal.signing import workshop
from commune_portal.store import database, installation, journal
from commune_portal.wire import keys
from commune_portal.wire.extract import JournalExtract, JournalLine
from commune_portal.wire.lost import LostJournal, SentPage
from tests.cast import Cast, settings_at
from tests.documents.test_outgoing import signed


def numbered(office: Cast, **changes: object) -> int:
    """A document with a number, not yet sealed."""
    row_id = signed(office, **changes)
    issuing.number(office.clerk, row_id)
    return row_id


def by_hand(office: Cast, subject: str = "Giấy mời họp") -> int:
    """A paper in the book of arrivals."""
    return incoming.register(office.clerk, Arrival(sender_name="Sở Nội vụ", subject=subject, on_paper=True))


@dataclass
class Told(NodeClient):
    """A node that tells of one lost journal; a test may change what it says."""

    shared: int
    lines: list[JournalLine]
    end: Checkpoint
    at_most: int = 3

    def lost(self, stated: Checkpoint) -> tuple[LostJournal, ...]:
        return (LostJournal(0, self.end, min(self.shared, stated.size), b""),) if self.lines else ()

    def lost_lines(self, epoch: int, after: int) -> JournalExtract:
        start = after - self.shared
        found = tuple(self.lines[start : start + self.at_most])
        return JournalExtract("-", epoch, after + 1, found, self.end)

    def sent(self, since: datetime, after: int) -> SentPage:
        return SentPage((), after, more=False)


def restored(office: Cast, folder: Path, since: Callable[[Cast], Any]) -> tuple[Cast, Told]:
    """The office as it comes out of a copy made before `since` was done, and the node that has what was done."""
    size = journal.checkpoint().size
    database.close()
    shutil.copytree(office.settings.folder, folder)
    installation.open_(office.settings)
    since(office)
    lines = [JournalLine(line.body, line.salt, line.leaf) for line in journal.lines(size, 100_000)]
    told = Told(size, lines, journal.checkpoint())
    database.close()
    settings = settings_at(folder)
    restoration.adopt(PORTAL, settings)
    installation.open_(settings)
    keys.use(keys.load(settings.secrets_folder))
    workshop.configure(settings, in_process=True)
    return dataclasses.replace(office, settings=settings), told


def opened(office: Cast, source: Path, folder: Path) -> Cast:
    """A copy of an office, keys and all, open in this process."""
    database.close()
    shutil.copytree(source, folder)
    settings = settings_at(folder)
    installation.open_(settings)
    keys.use(keys.load(settings.secrets_folder))
    workshop.configure(settings, in_process=True)
    return dataclasses.replace(office, settings=settings)


def hear(told: NodeClient, folder: Path) -> None:
    """What the relay does in its next contact."""
    recovery.ask(told, folder, lambda: False)


def book(table: str = "outgoing") -> list[tuple[int, str]]:
    """The numbers of the books with the subjects that they stand for."""
    return [
        (row[0], row[1])
        for row in database.rows(f"SELECT number, subject FROM {table} WHERE number IS NOT NULL ORDER BY number")
    ]


def voided(office: Cast) -> None:
    """A number that was given and voided."""
    outgoing.void(office.clerk, numbered(office, subject="Văn bản cấp nhầm số"), "Cấp nhầm số, không ban hành")
