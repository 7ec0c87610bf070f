"""The offices of the model and their node, founded once with the real verbs and a stock of issued documents each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

from commune_portal import clock
from commune_portal.documents import issuing, outgoing
from commune_portal.documents.attachments import Upload
from commune_portal.documents.outgoing import Draft
from commune_portal.node import members
from commune_portal.parties import founding, supervisor
from commune_portal.people import accounts, peers
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.kinds import Urgency
from commune_portal.settings import Role, Settings, load
from commune_portal.store import database, installation
from commune_portal.wire import keys
from tests import cast
from tests.fakes import inkpad
from tests.stories.killing import CODES, NAMES, plan_of

OFFICES = ("a", "b", "c")
PARTIES = ("node", *OFFICES)
LARGEST_PACKET_BYTES = 100_000
"""What the node of the model takes at most; one document of each stock is larger, and refused for good."""
ANNEXES = (0, 0, 55_000, 0, 20_000, 0, 80_000)
"""Bytes of the annex, in turn: the first packets go inline, the others in chunks, the last one is too large."""


def found(
    folder: Path, at: datetime, stock: int, port: int = 0, poll_seconds: float = 5.0, **relay: str
) -> dict[str, Settings]:
    """Founds all of them below a folder, so many issued documents at each office; the node is reached at `port`."""
    cast.cheap_passwords()
    more = "\n".join(f"{name} = {value}" for name, value in relay.items())
    made = {}
    for key in PARTIES:
        role: Role = "node" if key == "node" else "office"
        supervisor.write_settings(folder / key, role, port or 1, poll_seconds=poll_seconds, more_relay=more)
        config = folder / key / supervisor.CONFIG
        limits = f"[limits]\npacket_bytes = {LARGEST_PACKET_BYTES}\ndisk_floor_bytes = 1000000\n"
        config.write_text(config.read_text(encoding="utf-8") + limits, encoding="utf-8")
        made[key] = load(config)
        with clock.standing_at(at - timedelta(days=1)):
            founding.found(made[key], plan_of(key), folder / "authority", date(2026, 1, 1))
        database.close()
    for key in OFFICES:
        with opened(made["node"]), clock.standing_at(at):
            file = members.add_office(PORTAL, CODES[key], NAMES[key], address=f"http://127.0.0.1:{port or 1}")
        with opened(made[key]) as settings, clock.standing_at(at):
            peers.introduce(PORTAL, file, settings.secrets_folder)
            inkpad.use(settings)
            _issue(settings, stock, random.Random(key))
    return made


@contextmanager
def opened(settings: Settings) -> Iterator[Settings]:
    """This process as one of the installations, for the time of a block."""
    installation.open_(settings)
    keys.use(keys.load(settings.secrets_folder))
    try:
        yield settings
    finally:
        database.close()


def person(username: str) -> Actor:
    """One of the people of the installation that is open."""
    found_ = accounts.by_username(username)
    assert found_ is not None
    return found_.actor


def _issue(settings: Settings, stock: int, source: random.Random) -> None:
    """Issues the stock."""
    handler, leader, clerk = (person(name) for name in ("chuyenvien", "chutich", "vanthu"))
    for ordinal in range(stock):
        size = ANNEXES[ordinal % len(ANNEXES)]
        paper = settings.folder / "van-ban.pdf"
        paper.write_bytes(b"%PDF-1.7\n% " + source.randbytes(40).hex().encode() + b"\n%%EOF\n")
        annex = settings.folder / "phu-luc.jpg"
        annex.write_bytes(b"\xff\xd8\xff\xe0" + source.randbytes(size))
        wanted = Draft(
            issuer_id=1, type_code="QD", subject=f"Về việc thử sức bền của liên thông lần {ordinal}",
            signer_id=leader.id, urgency=Urgency(source.choice((0, 0, 0, 1, 3))), unit="VP",
        )  # fmt: skip
        files = (Upload(annex, "phu-luc.jpg"),) if size else ()
        row_id = outgoing.draft(handler, wanted, Upload(paper, "van-ban.pdf"), files)
        outgoing.submit(handler, row_id)
        outgoing.approve(leader, row_id)
        issuing.sign(leader, row_id, "")
        issuing.number(clerk, row_id, confirmed=True)
        issuing.seal(clerk, row_id, "")
