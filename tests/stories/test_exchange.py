"""The exchange in real processes: a node and two offices that are killed, stopped, refused, and come back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commune_portal import clock
from commune_portal.documents.verification import verify_installation
from commune_portal.parties import founding, supervisor
from commune_portal.parties.supervisor import Party, wait_until
from tests.stories.killing import CODES, NAMES, plan_of
from tests.stories.scans import a_long_pdf

pytestmark = pytest.mark.story

PHOTOGRAPH_BYTES = 1_500_000
HALF_WAY_BYTES = 512 * 1024
PIN = founding.PIN
OFFICES = ("a", "b", "c")


class Exchange:
    """A node and three offices: what people do at their desks while the servers come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parties: dict[str, Party] = {}

    def found(self) -> None:
        for key in CODES:
            role: Any = "node" if key == "node" else "office"
            settings = supervisor.write_settings(self.folder / key, role, supervisor.free_port(), poll_seconds=1)
            config = settings.folder / supervisor.CONFIG
            small = "[relay]\nchunk_bytes = 32768\nlargest_chunk_bytes = 32768\n"  # so that a kill falls between two
            config.write_text(config.read_text(encoding="utf-8").replace("[relay]\n", small), encoding="utf-8")
            self.parties[key] = supervisor.party(key, settings)
            self.at(key, "found", plan=plan_of(key).to_json(), authority=str(self.folder / "ca"), since="2026-01-01")
        self.node.start()
        for key in OFFICES:
            file = str(self.folder / f"{key}.json")
            self.at("node", "add_office", code=CODES[key], name=NAMES[key], address=self.node.address, out=file)
            self.at(key, "introduce", file=file, secrets=str(self.parties[key].settings.secrets_folder))
            self.parties[key].server.start()
        wait_until("danh bạ", lambda: {CODES["b"], CODES["c"]} <= set(self.at("a", "queue")["reachable"]))
        wait_until("danh bạ", lambda: CODES["a"] in self.at("b", "queue")["reachable"])

    @property
    def node(self) -> supervisor.Server:
        return self.parties["node"].server

    def at(self, key: str, act: str, **values: Any) -> Any:
        return self.parties[key].desk(act, **values)

    def close(self) -> None:
        for party in self.parties.values():
            party.close()

    def issued(self, key: str = "a", file: str = "", urgency: int = 0) -> tuple[int, str]:
        """A document on its way from the draft to the seal; its number in the house and its document id."""
        body = "" if file else "Điều 1. Thành lập.\nĐiều 2. Thi hành."
        row = self.at(
            key, "draft", by="chuyenvien", type_code="QD", subject="Về việc thử liên thông", signer="chutich",
            body=body, file=file, urgency=urgency,
        )  # fmt: skip
        self.at(key, "submit", by="chuyenvien", document=row)
        self.at(key, "approve", by="chutich", document=row)
        self.at(key, "sign", by="chutich", document=row, pin=PIN)
        self.at(key, "number", by="vanthu", document=row)
        return row, self.at(key, "seal", by="vanthu", document=row, pin=PIN)

    def send(self, row: int, key: str = "a", to: str = "b") -> None:
        self.at(key, "send", by="vanthu", document=row, to=[CODES[to]])

    def arrived(self, document_id: str, key: str = "b", seconds: float = 60) -> int:
        wait_until("văn bản đến", lambda: self.at(key, "arrived", document_id=document_id) is not None, seconds)
        row: int = self.at(key, "arrived", document_id=document_id)
        return row

    def statuses(self, row: int, *wanted: str, key: str = "a") -> None:
        wait_until(f"trạng thái {wanted}", lambda: self.at(key, "statuses", document=row) == list(wanted))

    def rows(self, key: str, statement: str) -> list[Any]:
        path = self.parties[key].settings.database_path
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def uploaded_bytes(self) -> int:
        """How much of an unfinished upload lies on the node's disk."""
        work = self.parties["node"].settings.work_folder
        return sum(path.stat().st_size for path in work.glob("*.upload"))


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    made = Exchange(tmp_path_factory.mktemp("exchange"))
    try:
        made.found()
        yield made
    finally:
        made.close()
    for key, party in made.parties.items():
        found = verify_installation(party.settings)
        assert found.ok, (key, found.faults)


def test_all_statuses_come_home_and_both_receipts_are_kept(exchange: Exchange) -> None:
    row, document_id = exchange.issued()
    exchange.send(row)
    there = exchange.arrived(document_id)
    wait_until("kiểm tra", lambda: exchange.at("b", "verdict", document=there) != "")
    assert exchange.at("b", "verdict", document=there) in ("sound", "valid")
    exchange.at("b", "accept", by="vanthu", document=there)
    exchange.at("b", "assign", by="chutich", document=there, lead="chuyenvien")
    exchange.at("b", "start", by="chuyenvien", document=there)
    exchange.at("b", "complete", by="chuyenvien", document=there, result="Đã xong")
    exchange.statuses(row, "01", "03", "04", "05", "06")
    wait_until(
        "biên nhận", lambda: sorted(exchange.at("a", "receipts_of", document=row)) == [CODES["node"], CODES["b"]]
    )
    mine, theirs = (Path(exchange.at(key, "main_file", table=table, document=number)) for key, table, number in (
        ("a", "outgoing", row), ("b", "incoming", there),
    ))  # fmt: skip
    assert mine.read_bytes() == theirs.read_bytes()
    wait_until("nhật ký ở nút", lambda: exchange.at("a", "mirrored") and exchange.at("b", "mirrored"))


def test_a_refusal_with_its_reason_comes_home(exchange: Exchange) -> None:
    row, document_id = exchange.issued()
    exchange.send(row)
    there = exchange.arrived(document_id)
    exchange.at("b", "refuse", by="vanthu", document=there, reason="Gửi nhầm nơi nhận, đề nghị gửi lại")
    exchange.statuses(row, "01", "02")
    assert exchange.rows("a", f"SELECT status, status_reason FROM recipients WHERE outgoing_id = {row}") == [
        ("02", "Gửi nhầm nơi nhận, đề nghị gửi lại")
    ]
    assert exchange.rows("b", f"SELECT number FROM incoming WHERE id = {there}") == [(None,)]


def test_a_node_that_is_killed_in_the_middle_of_an_upload_goes_on_where_it_was(exchange: Exchange) -> None:
    row, document_id = exchange.issued(file=str(a_long_pdf(exchange.folder, PHOTOGRAPH_BYTES)))
    before = exchange.at("a", "queue")["bytes_sent"]
    exchange.send(row)
    wait_until("đang gửi", lambda: exchange.uploaded_bytes() >= HALF_WAY_BYTES)
    exchange.node.kill()
    held = exchange.uploaded_bytes()
    packet = Path(exchange.at("a", "packet_file", document=row)).stat().st_size
    assert HALF_WAY_BYTES <= held < packet
    assert exchange.at("a", "queue")["waiting"] >= 1
    exchange.node.start()
    there = exchange.arrived(document_id)
    sent = exchange.at("a", "queue")["bytes_sent"] - before
    assert packet <= sent <= packet + HALF_WAY_BYTES // 2  # never from zero again
    assert exchange.rows("b", f"SELECT count(*) FROM incoming WHERE document_id = '{document_id}'") == [(1,)]
    exchange.at("b", "accept", by="vanthu", document=there, without_check=True)
    exchange.statuses(row, "01", "03")


def test_an_office_that_is_killed_while_it_sends_or_fetches_goes_on(exchange: Exchange) -> None:
    row, document_id = exchange.issued(file=str(a_long_pdf(exchange.folder, PHOTOGRAPH_BYTES)))
    exchange.send(row)
    wait_until("đang gửi", lambda: exchange.uploaded_bytes() >= 64 * 1024)
    for key in ("a", "b"):
        exchange.parties[key].server.kill()
    for key in ("a", "b"):
        exchange.parties[key].server.start()
    exchange.arrived(document_id)
    exchange.statuses(row, "01")
    count = f"SELECT count(*) FROM incoming WHERE document_id = '{document_id}'"
    assert exchange.rows("b", count) == [(1,)]


def test_a_node_that_was_away_for_a_month_loses_nothing(exchange: Exchange) -> None:
    exchange.node.stop()
    documents = [exchange.issued(), exchange.issued(urgency=3)]
    for row, _ in documents:
        exchange.send(row)
    there, back = exchange.issued("b")
    exchange.send(there, "b", "a")
    wait_until("nút đi vắng", lambda: exchange.at("a", "queue")["reason"] != "")
    assert exchange.at("a", "queue")["waiting"] == 2
    in_a_month = clock.to_text(clock.now().replace(year=clock.now().year + 1))
    for key in ("a", "b"):  # after a month of failures the computers are switched on: the next attempt lies far ahead
        exchange.parties[key].server.stop()
        connection = sqlite3.connect(exchange.parties[key].settings.database_path, timeout=10)
        connection.execute("UPDATE outbox SET attempts = 200, next_attempt_at = ? WHERE state = 'ready'", (in_a_month,))
        connection.execute("UPDATE contacts SET failures = 900, next_attempt_at = ?", (in_a_month,))
        connection.commit()
        connection.close()
    exchange.node.start()
    for key in ("a", "b"):
        exchange.parties[key].server.start()
    for _, document_id in documents:
        exchange.arrived(document_id)
    exchange.arrived(back, "a")
    newest = "SELECT urgency FROM mailbox WHERE sender_code = 'H99.01' AND kind = 'edoc' ORDER BY id DESC LIMIT 2"
    assert exchange.rows("node", newest) == [(0,), (3,)]  # the urgent one went first
    for row, _ in documents:
        exchange.statuses(row, "01")
    wait_until("hàng chờ", lambda: exchange.at("a", "queue")["waiting"] == 0 == exchange.at("b", "queue")["waiting"])
    assert exchange.at("a", "queue")["reason"] == ""


def test_one_document_to_several_offices_goes_up_once(exchange: Exchange) -> None:
    row, document_id = exchange.issued(file=str(a_long_pdf(exchange.folder, PHOTOGRAPH_BYTES)))
    wait_until("hàng chờ", lambda: exchange.at("a", "queue")["waiting"] == 0)
    before = exchange.at("a", "queue")["bytes_sent"]
    exchange.at("a", "send", by="vanthu", document=row, to=[CODES["b"], CODES["c"]])
    for key in ("b", "c"):
        exchange.arrived(document_id, key)
    exchange.statuses(row, "01", "01")
    packet = Path(exchange.at("a", "packet_file", document=row))
    assert packet.stat().st_size <= exchange.at("a", "queue")["bytes_sent"] - before < 1.3 * packet.stat().st_size
    wait_until("biên nhận", lambda: len(exchange.at("a", "receipts_of", document=row)) == 4)
    assert exchange.rows("node", f"SELECT count(*) FROM mailbox WHERE packet_sha256 = '{packet.name}'") == [(2,)]
    assert exchange.uploaded_bytes() == 0
