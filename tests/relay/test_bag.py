"""The bag: what a stick brings takes effect once, whatever happens to it on its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.store import database
from commune_portal.wire import keys
from commune_portal.wire.bag import MANIFEST, What
from commune_portal.wire.cargo import Fate
from tests.relay.carried import World, copied, found_world


@pytest.fixture(scope="module")
def founded_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def world(founded_world: World, tmp_path: Path) -> Iterator[World]:
    yield copied(founded_world, tmp_path)
    keys.use(None)
    database.close()


def test_a_document_goes_by_stick_alone_and_its_receipts_come_home_by_stick(world: World) -> None:
    sent = [world.send(document) for document in world.documents]
    assert world.carry("a", "node").count(What.ENVELOPE, Fate.TAKEN) == 3
    assert world.outbox() == dict.fromkeys(sent, "ready")  # making a bag marks nothing as sent
    brought = world.carry("node", "b")
    assert brought.count(What.ENVELOPE, Fate.TAKEN) == 3
    assert brought.refused == []
    assert sorted(map(str, world.arrived())) == sorted(sent)
    world.carry("b", "node")  # receipts of b, and its statuses 01
    world.carry("node", "a")
    assert world.outbox() == dict.fromkeys(sent, "delivered")
    assert len(world.rows("a", "SELECT 1 FROM receipts WHERE given = 0")) == 6  # the node's and b's for each
    assert len(world.rows("a", "SELECT 1 FROM statuses")) == 3
    world.carry("a", "node")
    world.carry("node", "b")
    world.assert_at_rest(sent)
