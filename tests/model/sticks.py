"""The bag in the model: made at one party, carried on a stick that may be damaged, taken in at another, even twice."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from commune_portal.errors import PortalError
from commune_portal.people.actors import PORTAL
from commune_portal.relay import packing, unpacking
from tests.model.party import Party
from tests.model.tally import Tally
from tests.stories.killing import CODES

BAGS = "bags"


class Stick:
    """A USB stick that goes from party to party."""

    def __init__(self, folder: Path, source: random.Random, tally: Tally) -> None:
        self.folder, self.source, self.tally = folder, source, tally
        self.wipe()

    def wipe(self) -> None:
        """Empties it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def carry(self, maker: Party, addressee: Party) -> None:
        """One bag from party to party, unless the stick comes to harm."""
        try:
            maker.do(lambda: packing.export(PORTAL, maker.settings, self.folder, CODES[addressee.key]))
            self.tally.add(BAGS, f"made at {_role(maker)}")
        except PortalError as error:
            self.tally.add(BAGS, f"not made: {error.code}")
            return
        if self.source.random() < 0.3:
            self._damage()
        if self.source.random() < 0.8:
            self.take_in(addressee)
            if self.source.random() < 0.3:
                self.take_in(addressee)

    def take_in(self, party: Party) -> None:
        """Every bag on the stick that is for a party."""
        try:
            found = party.do(lambda: unpacking.import_all(PORTAL, party.settings, self.folder))
        except PortalError as error:
            self.tally.add(BAGS, f"not taken: {error.code}")
            return
        for bag in found.opened:
            self.tally.add(BAGS, f"taken at {_role(party)}")
            for outcome in bag.outcomes:
                self.tally.add(BAGS, f"item {outcome.what.value} {outcome.fate.value}")

    def _damage(self) -> None:
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        if not files:
            return
        path = self.source.choice(files)
        data = path.read_bytes()
        if self.source.random() < 0.5:
            path.write_bytes(data[: len(data) // 2])
            self.tally.add(BAGS, "file truncated")
        else:
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
            self.tally.add(BAGS, "file altered")


def _role(party: Party) -> str:
    return "node" if party.key == "node" else "office"
