"""The real office of the documents' tests, for the relay that works for it, and a real node for it to speak with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.cast import Cast
from tests.documents.conftest import founded, office
from tests.fakes.wire import Faults, faultless
from tests.relay.real import RealLink, founded_node, really_linked
from tests.stories.killing import Arm, Nursery

__all__ = ["founded", "office"]

Linking = Callable[..., AbstractContextManager[RealLink]]
"""`really_linked` with its first arguments given: faults and arm are left."""


@pytest.fixture(scope="module")
def real_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Nursery]]:
    """A node's folder and the process that forks its children."""
    with founded_node(tmp_path_factory.mktemp("node")) as found:
        yield found


@pytest.fixture
def really(real_node: tuple[Path, Nursery], office: Cast, tmp_path: Path) -> Linking:
    """Links this test's office with a real node of its own."""

    def link(faults: Faults = faultless, arm: Arm | None = None) -> AbstractContextManager[RealLink]:
        return really_linked(real_node, office, tmp_path, faults, arm)

    return link
