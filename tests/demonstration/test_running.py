"""The demonstration as a person starts it: built, served, verified, stopped, started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from commune_portal.demonstration.building import BUILDING, MADE
from commune_portal.demonstration.cast import AN_PHU, BINH_LOI, PLANS, PROVINCE
from commune_portal.documents import verification
from commune_portal.parties import supervisor
from commune_portal.settings import load

pytestmark = pytest.mark.story

BUILD_SECONDS = 400
SETTLING_SECONDS = 90
FIRST_PORT = 9480


@dataclass
class Running:
    """A demonstration that runs: its folder, its process and what it printed."""

    folder: Path
    process: subprocess.Popen[str]
    said: dict[str, Any]

    def ports(self) -> list[int]:
        return [int(party["address"].rsplit(":", 1)[1].strip("/")) for party in self.said["parties"]]


def start(folder: Path, *options: str, environment: dict[str, str] | None = None) -> Running:
    port = supervisor.free_port(FIRST_PORT)
    words = folder.with_name("said.txt")
    with words.open("wb") as said:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "commune_portal", "demo", "--dir", str(folder), "--small", "--json",
                "--port", str(port), *options,
            ],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            encoding="utf-8",
            env=environment,
            start_new_session=True,
        )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.stdout.close()
        pytest.fail(f"the demonstration ended with {process.wait()}: {words.read_text(encoding='utf-8')[-1500:]}")
    return Running(folder, process, json.loads(line))


def stop(running: Running) -> int:
    running.process.send_signal(signal.SIGTERM)
    code = running.process.wait(60)
    assert running.process.stdout is not None
    running.process.stdout.close()
    return code


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    shown = start(tmp_path_factory.mktemp("demonstration") / "demo")
    yield shown
    if shown.process.poll() is None:
        stop(shown)


def rows(running: Running, party: str, statement: str) -> list[Any]:
    path = running.folder / party / "data" / "register.sqlite3"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return connection.execute(statement).fetchall()


def unfetched(running: Running) -> list[Any]:
    return rows(running, "node", "SELECT DISTINCT recipient_code FROM mailbox WHERE fetched_at IS NULL")


def test_every_party_serves_its_log_in_page_and_names_an_account_of_each_role(running: Running) -> None:
    roles = set()
    for party in running.said["parties"]:
        with urllib.request.urlopen(party["address"] + "login", timeout=10) as answer:
            assert answer.status == 200
        roles |= {account["role"] for account in party["accounts"]}
        assert all(account["username"] and account["password"] for account in party["accounts"])
    assert roles == {"clerk", "leader", "specialist", "administrator", "operator", "auditor"}
    assert running.said["token"] == "softhsm"


def test_every_register_verifies(running: Running) -> None:
    for party in PLANS:
        found = verification.verify_installation(load(running.folder / party / supervisor.CONFIG))
        assert found.ok, (party, found.faults[:3])
        assert found.lines > 100


def test_documents_stand_in_every_state(running: Running) -> None:
    for party in (AN_PHU, BINH_LOI):
        incoming = {row[0] for row in rows(running, party, "SELECT DISTINCT state FROM incoming")}
        assert incoming == {"arrived", "registered", "assigned", "in-progress", "completed", "refused"}
        outgoing = {row[0] for row in rows(running, party, "SELECT DISTINCT state FROM outgoing")}
        assert outgoing == {
            "draft", "submitted", "returned", "approved", "signed", "numbered", "issued", "voided",
            "replaced" if party == AN_PHU else "recalled",
        }  # fmt: skip


def test_all_six_statuses_came_home_and_every_signature_is_sound(running: Running) -> None:
    came = {row[0] for party in (AN_PHU, BINH_LOI) for row in rows(running, party, "SELECT code FROM statuses")}
    assert came == {"01", "02", "03", "04", "05", "06"}
    for party in (AN_PHU, BINH_LOI):
        verdicts = rows(running, party, "SELECT DISTINCT check_verdict FROM incoming WHERE origin = 'exchange'")
        assert verdicts == [("sound",)]


def test_the_node_keeps_what_was_not_fetched_and_mirrors_every_journal(running: Running) -> None:
    # What the making left to send crosses at the first contacts of the offices that are served.
    deadline = time.monotonic() + SETTLING_SECONDS
    while (waiting := unfetched(running)) != [(PLANS[PROVINCE].code,)] and time.monotonic() < deadline:
        time.sleep(0.5)
    assert waiting == [(PLANS[PROVINCE].code,)]
    mirrored = rows(
        running, "node", "SELECT m.size FROM mirrors m JOIN members o ON o.id = m.member_id ORDER BY o.code"
    )
    assert len(mirrored) == 3
    assert all(size > 100 for (size,) in mirrored)


def test_numbers_have_no_gap(running: Running) -> None:
    for table in ("incoming", "outgoing"):
        for party in (AN_PHU, BINH_LOI):
            books = rows(
                running, party,
                f"SELECT max(number) - min(number) + 1 - count(*) FROM {table} WHERE number IS NOT NULL"
                " GROUP BY book_id",
            )  # fmt: skip
            assert books
            assert all(missing == 0 for (missing,) in books)


def test_nothing_of_the_making_is_left_behind(running: Running) -> None:
    assert sorted(path.name for path in running.folder.iterdir()) == sorted([*PLANS, MADE])
    assert not list(running.folder.glob("*/filling.log"))


def test_a_second_start_of_the_same_folder_is_refused(running: Running) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "commune_portal", "demo", "--dir", str(running.folder)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert second.returncode == 2
    assert "đang bận" in second.stderr


# The last one: it ends what the others look at.
def test_it_stops_in_order_and_starts_again_with_what_it_had(running: Running) -> None:
    before = rows(running, AN_PHU, "SELECT count(*) FROM journal")
    ports = running.ports()
    assert stop(running) == 0
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", ports[0]))
        stranger.listen()
        began = time.monotonic()
        again = start(running.folder)
        seconds = time.monotonic() - began
    try:
        assert again.ports()[0] != ports[0], "an office moves aside for a stranger at its port"
        assert again.ports()[1:] == ports[1:]
        assert rows(again, AN_PHU, "SELECT count(*) FROM journal") >= before
        # A few seconds on an idle machine; building takes many times longer.
        assert seconds < 30
    finally:
        assert stop(again) == 0


def test_a_termination_in_the_middle_of_the_building_ends_every_process(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    process = subprocess.Popen(
        [sys.executable, "-m", "commune_portal", "demo", "--dir", str(folder), "--small", "--port", "9780"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + BUILD_SECONDS
    while not list(folder.glob("*/data/register.sqlite3")):
        assert time.monotonic() < end
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    while True:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        assert time.monotonic() < end, "a process of the demonstration lives on"
        time.sleep(0.1)


def test_a_start_that_was_cut_short_is_built_anew_without_softhsm_by_the_trial_key_which_it_says(
    tmp_path: Path,
) -> None:
    folder, only = tmp_path / "demo", tmp_path / "bin"
    only.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "commune_portal", "demo", "--dir", str(folder), "--small", "--json", "--port", "9680"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + BUILD_SECONDS
    while not list(folder.glob("*/data/register.sqlite3")):
        assert time.monotonic() < end
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert (folder / BUILDING).exists()
    shown = start(folder, environment={**os.environ, "PATH": str(only)})
    try:
        assert not (folder / BUILDING).exists()
        assert len(shown.said["parties"]) == 3
        assert shown.said["token"] == "trial"
        for party in (AN_PHU, BINH_LOI):
            assert "trial = true" in (shown.folder / party / supervisor.CONFIG).read_text(encoding="utf-8")
            found = verification.verify_installation(load(shown.folder / party / supervisor.CONFIG))
            assert found.ok, found.faults[:3]
    finally:
        assert stop(shown) == 0
