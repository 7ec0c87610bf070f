"""Power cuts: kill -9 at every named point, at offices and node, two hundred times, and nothing is lost or doubled."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.documents.verification import verify_installation
from commune_portal.parties.supervisor import CONFIG
from commune_portal.settings import load
from commune_portal.store.migrate import migrations
from tests.stories.killing import Nursery, World
from tests.stories.nursery import INCOMING, OUTGOING

pytestmark = pytest.mark.story

ROUNDS = 14
OFFICE_POINTS = (
    "file-synced", "inside-transaction", "after-commit", "between-number-and-seal", "between-seal-and-store",
    "before-answer", "inside-chunk", "between-fetch-and-receipt", "inside-migration",
)  # fmt: skip
NODE_POINTS = (
    "file-synced", "inside-transaction", "after-commit", "before-answer", "inside-chunk", "inside-migration",
)  # fmt: skip
BY_HAND = ("documents.incoming", "documents.issuing", "documents.outgoing", "documents.tasks")
BY_RELAY = ("documents.outbox", "documents.arrivals", "people.trail", "people.peers")
AT_NODE = ("node.mailbox", "node.mirrors", "node.mailbox", "node.contacts", "node.mailbox")
"""Whose transactions are cut, in turn: so that each kind is, and not those alone that come often."""
DEEPEST = {"file-synced": 3, "inside-chunk": 4, "before-answer": 2}
HERE = (*OUTGOING[:5], *INCOMING, "register")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, Nursery(tmp_path / "children.log"), random.Random(2026))
    try:
        made.found()
        yield made
    finally:
        made.nursery.close()


def feed(world: World, party: str) -> None:
    """Lets the other office do its work, so that something waits for this one; begins a document when nothing does."""
    other = "b" if party == "a" else "a"
    if not world.work(other, (*OUTGOING, *INCOMING), 2).acknowledged:
        long = world.source.random() < 0.3
        world.do(other, "draft", amount=1, annex=str(world.photograph) if long else "")
        world.work(other, OUTGOING, 6)
    world.contact(other)


def prepare(world: World, party: str, step: str) -> None:
    """Brings one document so far that the step can be done to it."""
    before = OUTGOING[: OUTGOING.index(step)]
    numbered = {"number": "signed", "seal": "numbered", "dispatch": "issued"}[step]
    extra = " AND dispatched_at IS NULL" if step == "dispatch" else ""
    if not world.rows(party, f"SELECT 1 FROM outgoing WHERE state = '{numbered}'{extra}"):
        world.do(party, "draft", amount=1)
        world.work(party, before, len(before))


def kill_office(world: World, point: str) -> None:
    """One attempt to kill an office at a point; counted when it dies there."""
    source = world.source
    party = source.choice(("a", "b"))
    arm = (point, source.randint(1, DEEPEST.get(point, 1)), "")
    if point in ("between-number-and-seal", "between-seal-and-store"):
        prepare(world, party, "seal")
        found = world.work(party, ("seal",), 1, arm)
    elif point == "inside-chunk":
        if source.random() < 0.5:  # on the way up
            world.do(party, "draft", amount=1, annex=str(world.photograph))
            world.work(party, OUTGOING, 6)
        else:
            feed(world, party)
        found = world.do(party, "contact", arm)
    elif point in ("before-answer", "between-fetch-and-receipt"):
        feed(world, party)
        found = world.do(party, "contact", (point, 1, ""))
    elif world.kills["office", point] % 2:
        feed(world, party)
        world.work(party, (*INCOMING, "dispatch"), 1)
        where = "" if point == "file-synced" else BY_RELAY[world.kills["office", point] // 2 % len(BY_RELAY)]
        found = world.do(party, "contact", (point, 1, where))
    else:
        where = "" if point == "file-synced" else BY_HAND[world.kills["office", point] // 2 % len(BY_HAND)]
        if not world.rows(party, "SELECT 1 FROM outgoing WHERE state NOT IN ('issued', 'voided')"):
            world.do(party, "draft", amount=1)
        found = world.work(party, HERE, 8, (point, 1, where))
    if found.killed:
        world.kills["office", point] += 1
        world.check(party)


def kill_node(world: World, point: str) -> None:
    """One attempt to kill the node at a point while both offices talk to it."""
    source = world.source
    party = source.choice(("a", "b"))
    if point == "inside-chunk":
        if not world.rows(party, "SELECT 1 FROM outbox WHERE state = 'ready' AND packet_bytes > 65536"):
            world.do(party, "draft", amount=1, annex=str(world.photograph))
            world.work(party, OUTGOING, 6)
    elif not world.work(party, (*INCOMING, "dispatch"), 2).acknowledged and point == "file-synced":
        feed(world, "b" if party == "a" else "a")
    world.stop_node()
    where = ""
    if point in ("inside-transaction", "after-commit"):
        where = AT_NODE[world.kills["node", point] % len(AT_NODE)]
    world.start_node((point, source.randint(1, 2 if where else DEEPEST.get(point, 1)), where))
    for who in (party, "b" if party == "a" else "a"):
        world.do(who, "contact")
        ended = world.stop_node(end=False)
        if ended is not None:
            assert (ended.killed, ended.error) == (point, "")
            world.kills["node", point] += 1
            world.check("node")
            world.start_node()
            break


def kill_migration(world: World, party: str, copy: Path) -> None:
    """Kills the upgrade of a copied installation until its rounds are done, then lets it end."""
    if copy.exists():
        shutil.rmtree(copy)
    shutil.copytree(world.folder / party, copy)
    settings = world.settings(party)
    copied = copy / settings.database_path.relative_to(settings.folder)
    before = verify_installation(world.settings(party)).lines
    for ordinal in range(ROUNDS):
        backup = str(copy / "backups" / f"{ordinal}.sqlite3")
        arm = ("inside-migration", 1 + ordinal, "")
        found = world.nursery.do("upgrade", arm, folder=str(copy), backup=backup)
        assert (found.killed, found.error) == ("inside-migration", ""), found
        world.kills["office" if party != "node" else "node", "inside-migration"] += 1
        again = verify_installation(load(copy / CONFIG))
        assert again.ok, again.faults
        assert again.lines == before
        assert version(copied) == len(migrations())
    found = world.nursery.do("upgrade", folder=str(copy), backup=str(copy / "backups" / "last.sqlite3"))
    assert found.last == {"version": len(migrations()) + 1}, found
    again = verify_installation(load(copy / CONFIG))
    assert again.ok, again.faults
    assert again.lines == before


def version(path: Path) -> int:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def histogram(world: World) -> str:
    lines = [f"{'point':<28}{'office':>8}{'node':>8}"]
    for point in OFFICE_POINTS:
        node = world.kills["node", point] if point in NODE_POINTS else "–"
        lines.append(f"{point:<28}{world.kills['office', point]:>8}{node:>8}")
    lines.append(f"{'together':<28}{sum(world.kills.values()):>8}")
    return "\n".join(lines)


def test_two_hundred_power_cuts_lose_nothing_and_double_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [("office", point) for point in OFFICE_POINTS[:-1]] + [("node", point) for point in NODE_POINTS[:-1]]
    for _ in range(3000):
        open_ = [target for target in wanted if world.kills[target] < ROUNDS]
        if not open_:
            break
        side, point = world.source.choice(open_)
        (kill_office if side == "office" else kill_node)(world, point)
    for party in ("a", "node"):
        kill_migration(world, party, world.folder / f"copy-{party}")
    with capsys.disabled():
        print(f"\n{histogram(world)}")
    world.settle()
    world.check_agreement()
    assert min(world.kills[side, point] for side, point in wanted) >= 10
    assert sum(world.kills.values()) >= 200
