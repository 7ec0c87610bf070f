"""Three installations whose processes are killed at named points, and what must hold after each kill."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commune_portal.documents.verification import verify_installation
from commune_portal.parties import supervisor
from commune_portal.parties.founding import PartyPlan, PersonPlan
from commune_portal.settings import Settings, load
from tests.stories.nursery import INCOMING, OUTGOING

PROJECT = Path(__file__).parents[2]
CODES = {"node": "H99", "a": "H99.01", "b": "H99.02", "c": "H99.03"}
NAMES = {
    "node": "Nút liên thông", "a": "Ủy ban nhân dân xã An Phú", "b": "Ủy ban nhân dân xã Bình Lợi",
    "c": "Ủy ban nhân dân xã Cao Sơn",
}  # fmt: skip
PARTIES = ("node", "a", "b")
OTHER = {"a": "b", "b": "a"}

Arm = tuple[str, int, str]
"""Where a child kills itself: the named point, at which reach of it, and out of which module (or any)."""


@dataclass(frozen=True)
class Told:
    """What a child said before it ended."""

    acknowledged: list[dict[str, Any]]
    killed: str
    error: str

    @property
    def last(self) -> dict[str, Any]:
        """Its last word."""
        return self.acknowledged[-1] if self.acknowledged else {}


class Nursery:
    """The process that forks the children; see `tests.stories.nursery`."""

    def __init__(self, log: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stories.nursery", str(log)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT,
        )  # fmt: skip

    def ask(self, task: str, arm: Arm | None = None, **values: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"task": task, "with": values, "arm": arm}), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def do(self, task: str, arm: Arm | None = None, **values: Any) -> Told:
        """Does one task in a child and waits for its end."""
        return told(self.ask(task, arm, **values)["said"])

    def close(self) -> None:
        """Ends it, and with it every child that is left."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def told(said: list[dict[str, Any]]) -> Told:
    """Sorts what a child said."""
    killed = next((item["killed"] for item in said if "killed" in item), "")
    error = next((item["error"] for item in said if "error" in item), "")
    return Told([item for item in said if "killed" not in item and "error" not in item], killed, error)


@dataclass
class World:
    """A node, two offices, what was acknowledged to their people, and the kills so far."""

    folder: Path
    nursery: Nursery
    source: random.Random
    node_process: int = 0
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    numbers: dict[tuple[str, str, int], int] = field(default_factory=dict)
    sealed: set[tuple[str, int]] = field(default_factory=set)
    dispatched: set[tuple[str, int]] = field(default_factory=set)

    def settings(self, party: str) -> Settings:
        return load(self.folder / party / supervisor.CONFIG)

    # ── the parties ───────────────────────────────────────────────────────────────────────────────────────────

    def found(self) -> None:
        """Founds all three and makes them known to each other."""
        for party in PARTIES:
            settings = supervisor.write_settings(
                self.folder / party, "node" if party == "node" else "office", supervisor.free_port()
            )
            self.expect(self.nursery.do("found", folder=str(settings.folder), plan=plan_of(party).to_json(),
                                        authority=str(self.folder / "authority")))  # fmt: skip
        for party in OTHER:
            file = str(self.folder / f"{party}.json")
            self.do("node", "add_office", code=CODES[party], name=NAMES[party], out=file)
            self.do(party, "introduce", file=file)
        self.scan.write_bytes(b"%PDF-1.7\n% ban quet\n" + self.source.randbytes(3000) + b"\n%%EOF\n")
        self.photograph.write_bytes(b"\xff\xd8\xff\xe0" + self.source.randbytes(170_000))
        self.start_node()
        for party in ("a", "b", "a"):
            assert self.contact(party)

    @property
    def scan(self) -> Path:
        return self.folder / "scan.pdf"

    @property
    def photograph(self) -> Path:
        return self.folder / "anh.jpg"

    def do(self, party: str, task: str, arm: Arm | None = None, **values: Any) -> Told:
        """One task at a party; what it acknowledged is remembered for ever."""
        found = self.nursery.do(task, arm, folder=str(self.folder / party), **values)
        for item in found.acknowledged:
            if "done" not in item:
                continue
            key = (party, item["table"], item["row"])
            if item["number"] is not None:
                assert self.numbers.setdefault(key, item["number"]) == item["number"], item
            if item["done"] == "seal":
                self.sealed.add((party, item["row"]))
            if item["done"] == "dispatch":
                self.dispatched.add((party, item["row"]))
        if arm is None:
            self.expect(found)
        else:
            assert found.error == "", found
        return found

    def expect(self, found: Told) -> None:
        """A child that nobody armed ends well."""
        assert (found.killed, found.error) == ("", ""), found

    def work(self, party: str, only: Sequence[str], amount: int, arm: Arm | None = None) -> Told:
        return self.do(party, "work", arm, only=list(only), amount=amount, scan=str(self.scan), to=CODES[OTHER[party]])

    def contact(self, party: str, arm: Arm | None = None) -> bool:
        """One round of the relay; True when nothing is left to be carried."""
        return bool(self.do(party, "contact", arm).last.get("quiet"))

    def start_node(self, arm: Arm | None = None) -> None:
        answer = self.nursery.ask("serve_node", arm, folder=str(self.folder / "node"))
        assert "ready" in answer["ready"], answer
        self.node_process = answer["process"]

    def stop_node(self, end: bool = True) -> Told | None:
        """What the node said when it has ended; None while it runs and is not to be ended."""
        answer = self.nursery.ask("reap", process=self.node_process, end=end)
        return told(answer["said"]) if answer["ended"] else None

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, party: str, statement: str) -> list[Any]:
        connection = sqlite3.connect(f"file:{self.settings(party).database_path}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def check(self, party: str) -> None:
        """After a kill: the journal, every row, number and file verify, and nothing acknowledged is gone."""
        found = verify_installation(self.settings(party))
        assert found.ok, (party, found.faults)
        for table in ("incoming", "outgoing") if party != "node" else ():
            present = dict(self.rows(party, f"SELECT id, number FROM {table}"))
            for (whose, where, row_id), number in self.numbers.items():
                if (whose, where) == (party, table):
                    assert present[row_id] == number, (party, table, row_id, number)
        if party != "node":
            states = dict(self.rows(party, "SELECT id, state FROM outgoing"))
            sent = {row[0] for row in self.rows(party, "SELECT outgoing_id FROM recipients")}
            assert all(states[row_id] == "issued" for whose, row_id in self.sealed if whose == party)
            assert {row_id for whose, row_id in self.dispatched if whose == party} <= sent

    def settle(self) -> None:
        """Works on until nothing is left to be done or carried."""
        for _ in range(40):
            done = sum(len(self.work(party, (*OUTGOING, *INCOMING), 200).acknowledged) for party in OTHER)
            quiet = [self.contact(party) for party in ("a", "b", "a", "b")]
            if not done and all(quiet):
                return
        raise AssertionError("it never came to rest")

    def check_agreement(self) -> None:
        """At quiet: every document once at its addressee, every status once at home, all receipts the same bytes."""
        boxes = {
            row[0]: row
            for row in self.rows(
                "node",
                "SELECT message_id, sender_code, recipient_code, envelope, recipient_receipt, fetched_at, packet_sha256"
                " FROM mailbox WHERE kind <> 'receipt'",
            )
        }
        given = {row[0]: row[1] for row in self.rows("node", "SELECT message_id, bytes FROM receipts_given")}
        seen: set[str] = set()
        for party, other in OTHER.items():
            outbox = self.rows(party, "SELECT message_id, state, envelope, kind FROM outbox")
            took = dict(self.rows(other, "SELECT message_id, bytes FROM receipts_given"))
            kept = {
                (row[0], row[1]): row[2]
                for row in self.rows(party, "SELECT message_id, peer_code, bytes FROM receipts")
            }
            arrived = Counter(
                row[0] for row in self.rows(other, "SELECT message_id FROM incoming WHERE origin = 'exchange'")
            )
            told_ = Counter(row[0] for row in self.rows(other, "SELECT message_id FROM statuses"))
            for message_id, state, envelope, kind in outbox:
                seen.add(message_id)
                assert state == "delivered", message_id
                box = boxes[message_id]
                assert box[3] == envelope
                assert box[5] is not None
                assert kept[message_id, CODES["node"]] == given[message_id]
                assert kept[message_id, CODES[other]] == box[4] == took[message_id]
                assert (arrived if kind == "edoc" else told_)[message_id] == 1
            assert set(arrived) | set(told_) == {row[0] for row in outbox}
            documents = Counter(
                row[0] for row in self.rows(other, "SELECT document_id FROM incoming WHERE origin = 'exchange'")
            )
            sent = Counter(
                row[0]
                for row in self.rows(
                    party, "SELECT o.document_id FROM recipients r JOIN outgoing o ON o.id = r.outgoing_id"
                )
            )
            assert documents == sent
            assert set(sent.values()) <= {1}
            for document_id in sent:
                codes = [
                    row[0] for row in self.rows(party, f"SELECT code FROM statuses WHERE document_id = '{document_id}'")
                ]
                assert len(codes) == len(set(codes))
                assert sorted(codes) in (["01", "02"], ["01", "03", "04", "05", "06"]), (document_id, codes)
            mirror = self.rows(
                "node",
                "SELECT m.size, m.disagreement FROM mirrors m JOIN members x ON x.id = m.member_id"
                f" WHERE x.code = '{CODES[party]}'",
            )
            assert mirror == [(self.rows(party, "SELECT max(seq) FROM journal")[0][0], "")]
        assert seen == set(boxes)
        for party in PARTIES:
            self.check(party)


def plan_of(party: str) -> PartyPlan:
    if party == "node":
        operator = PersonPlan("vanhanh", "Phạm Gia Huy", ("operator",))
        return PartyPlan("node", CODES[party], NAMES[party], "", "", (operator,), "thu-nghiem-2026")
    people = (
        PersonPlan("quantri", "Đỗ Minh Quân", ("administrator",)),
        PersonPlan("vanthu", "Trần Thị Bình", ("clerk",), "Văn thư", "VP"),
        PersonPlan("chutich", "Nguyễn Văn An", ("leader",), "Chủ tịch", "", "TM", "CHỦ TỊCH"),
        PersonPlan("chuyenvien", "Lê Hoàng Yến", ("specialist",), "Chuyên viên", "VHXH"),
    )
    place = NAMES[party].rpartition("xã ")[2]
    return PartyPlan("office", CODES[party], NAMES[party], place, "UBND TỈNH ĐÔNG HÒA", people, "thu-nghiem-2026")
