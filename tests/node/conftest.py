"""A real node in a temporary folder, with two enrolled offices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from commune_portal.people import accesses
from commune_portal.settings import Limits, Paths, Settings
from commune_portal.store import database, installation, verify
from commune_portal.wire import keys
from tests.node.cast import NODE_CODE, Office, enrol, new_keys, new_office


@dataclass(frozen=True)
class Node:
    """The node's settings and its two offices."""

    settings: Settings
    first: Office
    second: Office

    @property
    def limits(self) -> Limits:
        """The caps of this node."""
        return self.settings.limits

    def verified(self) -> verify.Verification:
        """The node's own register, read again from the disk."""
        connection = verify.open_for_reading(self.settings.database_path)
        try:
            return verify.verify(connection, self.settings.files_folder)
        finally:
            connection.close()


@pytest.fixture
def empty_node(tmp_path: Path) -> Iterator[Settings]:
    """A node without members."""
    settings = Settings(
        folder=tmp_path,
        role="node",
        paths=Paths(allow_any_disk=True),
        limits=Limits(packet_bytes=400_000, unfinished_bytes_per_member=600_000, disk_floor_bytes=1),
    )
    own = new_keys(0)
    installation.found(
        settings,
        code=NODE_CODE,
        name="Nút liên thông tỉnh Lam Giang",
        place="Lam Giang",
        public_key=own.public_key.hex(),
        box_public_key=own.box_public_key.hex(),
    )
    keys.use(own)
    yield settings
    accesses.forget_waiting()
    keys.use(None)
    database.close()


@pytest.fixture
def node(empty_node: Settings) -> Iterator[Node]:
    """A node with two enrolled offices; its register must be sound when the test is over."""
    made = Node(empty_node, enrol(new_office(1)), enrol(new_office(2)))
    yield made
    found = made.verified()
    assert found.ok, found.faults
