"""The bag: the relay's messages and receipts carried on a USB stick, both ways, in any order, any number of times.

`relay.packing` makes one, `relay.unpacking` takes one in. What is in a bag is taken by the very verbs that take it
from the link; making one marks nothing as sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from commune_portal.documents import bags as office_bags
from commune_portal.errors import RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.settings import Limits, Settings
from commune_portal.wire.bag import BagVector, Manifest, What
from commune_portal.wire.cargo import Cargo, Fate, Outcome, Party
from commune_portal.wire.envelope import Envelope


class Side(Protocol):
    """What a bag needs of the house: an office's documents or a node's mailbox."""

    def addressees(self, actor: Actor, /) -> list[Party]:
        """Whom a bag can be made for."""

    def cargo(self, actor: Actor, code: str, /, *, preview: bool = False) -> Cargo:
        """Everything that an addressee may lack; a preview is for counting."""

    def maker_key(self, code: str, key_id: str, /) -> bytes | None:
        """The key of somebody whose bags are taken."""

    def take_message(self, maker: str, sealed: bytes, packet: Callable[[Envelope], Path], limits: Limits, /) -> Outcome:
        """Takes an envelope and its packet."""

    def take_receipt(self, maker: str, receipt_bytes: bytes, /) -> Outcome:
        """Takes a receipt."""

    def take_other(self, maker: str, what: What, content: bytes, /) -> Outcome | None:
        """Takes a directory, a note or a stretch of journal."""

    def converged(self, maker: str, vector: BagVector, /) -> None:
        """Everything that the vector covers was taken."""


@dataclass(frozen=True, slots=True)
class Made:
    """A bag that lies whole on its stick."""

    path: Path
    manifest: Manifest
    cargo: Cargo
    row_id: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A bag that was taken in: who made it and what became of everything in it."""

    path: Path
    manifest: Manifest
    outcomes: tuple[Outcome, ...]
    row_id: int

    def count(self, what: What, *fates: Fate) -> int:
        """How many things of a kind had one of these fates."""
        return sum(outcome.what is what and outcome.fate in fates for outcome in self.outcomes)

    @property
    def refused(self) -> list[Outcome]:
        """What was not taken, with reasons."""
        return [outcome for outcome in self.outcomes if outcome.fate is Fate.REFUSED]


@dataclass(frozen=True, slots=True)
class Round:
    """What a folder brought: the bags that were taken in, and why others beside them were not."""

    opened: tuple[Opened, ...]
    passed_over: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """True when nothing in the bags that were taken in was refused."""
        return not any(bag.refused for bag in self.opened)


def side_of(settings: Settings) -> Side:
    """The side of this installation."""
    if settings.role == "office":
        return office_bags
    from commune_portal.node import bags as node_bags

    return node_bags


def refuse_own_folders(settings: Settings, place: Path) -> None:
    """A bag is never made or read inside the installation's own folders."""
    real = place.resolve()
    for own in (settings.data_folder, settings.secrets_folder):
        inside = own.resolve() in (real, *real.parents) and real.parent != settings.work_folder.resolve()
        if inside:
            raise RuleBroken("Không đặt túi thư trong thư mục dữ liệu của phần mềm. Hãy chọn USB.", field="folder")
