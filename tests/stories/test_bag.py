"""The bag between real processes: office, stick, node, stick, office, by the command line beside running portals."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commune_portal.documents.verification import verify_installation
from commune_portal.parties import supervisor
from commune_portal.parties.supervisor import wait_until
from tests.stories.killing import CODES, PROJECT
from tests.stories.test_exchange import Exchange

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    made = Exchange(tmp_path_factory.mktemp("bag"))
    try:
        made.found()
        yield made
    finally:
        made.close()
    for key, party in made.parties.items():
        found = verify_installation(party.settings)
        assert found.ok, (key, found.faults)


def bag(exchange: Exchange, key: str, *arguments: str, code: int = 0) -> Any:
    """`commune-portal bag …` of one party, in a process of its own."""
    settings = exchange.parties[key].settings
    done = subprocess.run(
        [sys.executable, "-m", "commune_portal", "--config", str(settings.folder / supervisor.CONFIG), "bag",
         *arguments, "--json"],
        capture_output=True, text=True, timeout=120, cwd=PROJECT, check=False,
        env=supervisor.environment(settings),
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def test_a_document_goes_round_by_stick_while_the_link_is_dark_and_the_link_agrees_afterwards(
    exchange: Exchange, tmp_path: Path
) -> None:
    exchange.node.stop()
    row, document_id = exchange.issued()
    exchange.send(row)
    up = bag(exchange, "a", "export", str(tmp_path))
    assert (up["addressee"], up["messages"], up["encrypted"]) == (CODES["node"], 1, True)
    assert bag(exchange, "node", "import", str(tmp_path))["bags"][0]["refused"] == 0
    usb = tmp_path / "xuong"
    usb.mkdir()
    down = bag(exchange, "node", "export", str(usb), "--to", CODES["b"])
    assert down["messages"] == 1
    assert "gửi cho" in bag(exchange, "a", "import", str(usb), code=2)
    brought = bag(exchange, "b", "import", str(usb))["bags"][0]
    assert brought["refused"] == 0
    assert bag(exchange, "b", "import", str(usb))["bags"][0]["known"] >= 1
    there = exchange.arrived(document_id)
    exchange.at("b", "accept", by="vanthu", document=there, without_check=True)
    home = tmp_path / "ve"
    home.mkdir()
    bag(exchange, "b", "export", str(home))
    bag(exchange, "node", "import", str(home))
    last = tmp_path / "cuoi"
    last.mkdir()
    bag(exchange, "node", "export", str(last), "--to", CODES["a"])
    bag(exchange, "a", "import", str(last))
    exchange.statuses(row, "01", "03")
    assert sorted(exchange.at("a", "receipts_of", document=row)) == [CODES["node"], CODES["b"]]
    exchange.node.start()
    wait_until("hàng chờ", lambda: exchange.at("a", "queue")["waiting"] == exchange.at("b", "queue")["waiting"] == 0)
    wait_until("nhật ký ở nút", lambda: exchange.at("a", "mirrored") and exchange.at("b", "mirrored"))
    assert exchange.rows("b", f"SELECT count(*) FROM incoming WHERE document_id = '{document_id}'") == [(1,)]
    assert exchange.at("a", "statuses", document=row) == ["01", "03"]


def test_a_damaged_bag_is_told_by_the_exit_code(exchange: Exchange, tmp_path: Path) -> None:
    exchange.node.stop()
    try:
        row, _ = exchange.issued()
        exchange.send(row)
        made = Path(bag(exchange, "a", "export", str(tmp_path))["path"])
        longest = max(made.iterdir(), key=lambda path: path.stat().st_size)
        longest.write_bytes(longest.read_bytes()[:-100])
        told = bag(exchange, "node", "import", str(tmp_path), code=1)
        assert told["bags"][0]["refused"] == 1
    finally:
        exchange.node.start()
    exchange.statuses(row, "01")  # the link brings what the stick did not
