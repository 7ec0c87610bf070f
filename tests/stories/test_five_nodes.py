"""Commune A → district 1 → province → district 2 → commune B and back, in five real processes."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from commune_portal import clock
from commune_portal.documents.verification import verify_installation
from commune_portal.parties import founding, supervisor
from commune_portal.parties.supervisor import Party, wait_until
from commune_portal.relay.client import NodeClient, NodeIdentity, RefusedByNode
from commune_portal.rules.chain import Checkpoint, genesis
from commune_portal.wire import envelope, keys, receipt
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.keys import InstallationKeys
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import Verdict
from tests.stories.killing import plan_of
from tests.stories.scans import a_long_pdf

pytestmark = pytest.mark.story

PIN = founding.PIN
CODES = {"p": "H99", "d1": "H99.10", "d2": "H99.20", "a": "H99.10.01", "b": "H99.20.01"}
NAMES = {
    "p": "Nút liên thông tỉnh Lam Giang", "d1": "Nút khu vực Suối Vàng", "d2": "Nút khu vực Đèo Gió",
    "a": "Ủy ban nhân dân xã An Phú", "b": "Ủy ban nhân dân xã Bình Lợi",
}  # fmt: skip
NODES = ("p", "d1", "d2")
ABOVE = {"d1": "p", "d2": "p", "a": "d1", "b": "d2"}
BALLAST_BYTES = 900_000
HALF_WAY_BYTES = 256 * 1024
FIVE = ["01", "03", "04", "05", "06"]


class Province:
    """The five installations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parties: dict[str, Party] = {}

    def found(self) -> None:
        """Founds all, enrols from the top down, starts all, and waits until A and B know each other."""
        for key, code in CODES.items():
            role: Any = "node" if key in NODES else "office"
            settings = supervisor.write_settings(self.folder / key, role, supervisor.free_port(), poll_seconds=1)
            config = settings.folder / supervisor.CONFIG
            small = "[relay]\nchunk_bytes = 32768\nlargest_chunk_bytes = 32768\n"
            config.write_text(config.read_text(encoding="utf-8").replace("[relay]\n", small), encoding="utf-8")
            self.parties[key] = supervisor.party(key, settings)
            plan = replace(plan_of("node" if key in NODES else key), code=code, name=NAMES[key])
            self.at(key, "found", plan=plan.to_json(), authority=str(self.folder / "ca"), since="2026-01-01")
        for key in NODES:
            self.parties[key].server.start()
        for key in ("d1", "d2"):
            file = str(self.folder / f"{key}.json")
            self.node_verb("p", "add-node", CODES[key], NAMES[key], "--subtree", f"{CODES[key]}.*", "--out", file)
            self.node_verb(key, "join", file)
        for key in ("a", "b"):
            file = str(self.folder / f"{key}.json")
            self.node_verb(ABOVE[key], "add-office", CODES[key], NAMES[key], "--out", file)
            self.node_verb(key, "import", file)
            self.parties[key].server.start()
        wait_until("danh bạ của A", lambda: CODES["b"] in self.at("a", "queue")["reachable"], 90)
        wait_until("danh bạ của B", lambda: CODES["a"] in self.at("b", "queue")["reachable"], 90)

    def node_verb(self, key: str, *words: str) -> None:
        """`commune-portal node …` in a process of its own."""
        settings = self.parties[key].settings
        command = [sys.executable, "-m", "commune_portal", "--config", str(settings.folder / supervisor.CONFIG), "node"]
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def at(self, key: str, act: str, **values: Any) -> Any:
        return self.parties[key].desk(act, **values)

    def rows(self, key: str, statement: str) -> list[Any]:
        path = self.parties[key].settings.database_path
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def own(self, key: str) -> InstallationKeys:
        return keys.load(self.parties[key].settings.secrets_folder)

    def signer(self, code: str, key_id: str) -> bytes | None:
        """The real keys, not what anybody says of them."""
        for key, of in CODES.items():
            if of == code and self.own(key).key_id == key_id:
                return self.own(key).public_key
        return None

    def sent(self, key: str, to: str, file: str = "") -> tuple[int, str]:
        """A document from the draft to the dispatch: its number in the house and its document id."""
        row = self.at(
            key, "draft", by="chuyenvien", type_code="QD", subject="Về việc thử liên thông ba cấp", signer="chutich",
            body="" if file else "Điều 1. Thành lập.\nĐiều 2. Thi hành.", file=file,
        )  # fmt: skip
        self.at(key, "submit", by="chuyenvien", document=row)
        self.at(key, "approve", by="chutich", document=row)
        self.at(key, "sign", by="chutich", document=row, pin=PIN)
        self.at(key, "number", by="vanthu", document=row)
        document_id = self.at(key, "seal", by="vanthu", document=row, pin=PIN)
        self.at(key, "send", by="vanthu", document=row, to=[CODES[to]])
        return row, document_id

    def arrived(self, key: str, document_id: str) -> int:
        wait_until("văn bản đến", lambda: self.at(key, "arrived", document_id=document_id) is not None, 90)
        row: int = self.at(key, "arrived", document_id=document_id)
        return row

    def handled(self, key: str, row: int) -> None:
        """The receiver accepts, assigns, starts and completes it."""
        self.at(key, "accept", by="vanthu", document=row, without_check=True)
        self.at(key, "assign", by="chutich", document=row, lead="chuyenvien")
        self.at(key, "start", by="chuyenvien", document=row)
        self.at(key, "complete", by="chuyenvien", document=row, result="Đã xong")

    def close(self) -> None:
        for party in self.parties.values():
            party.close()


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    made = Province(tmp_path_factory.mktemp("province"))
    try:
        made.found()
        yield made
    finally:
        made.close()
    for key, party in made.parties.items():
        found = verify_installation(party.settings)
        assert found.ok, (key, found.faults)


def evidence(province: Province, sender: str, receiver: str, row: int) -> None:
    """Every receipt of a document's message, at every party on its way, opened with the signer's real key."""
    (message_id,) = province.rows(sender, f"SELECT message_id FROM recipients WHERE outgoing_id = {row}")[0]
    named = f"message_id = '{message_id}'"
    held = province.rows(sender, f"SELECT peer_code, bytes FROM receipts WHERE given = 0 AND {named}")
    opened = {code: receipt.open_(sealed.encode(), province.signer) for code, sealed in held}
    assert set(opened) == {CODES[ABOVE[sender]], CODES[receiver]}
    final = dict(held)[CODES[receiver]]
    for key in NODES:
        found = province.rows(key, f"SELECT recipient_receipt, handed_by FROM mailbox WHERE {named}")
        by = {ABOVE[sender]: None, "p": CODES[ABOVE[sender]], ABOVE[receiver]: CODES["p"]}[key]
        assert found == [(final, by)], key
    (up,) = province.rows(ABOVE[sender], f"SELECT receipt FROM upward WHERE {named}")
    above = receipt.open_(up[0].encode(), province.signer)
    assert (above.receiver, above.verdict, above.message_id) == (CODES["p"], Verdict.ACCEPTED, message_id)
    assert above.packet_sha256 == opened[CODES[receiver]].packet_sha256


def test_a_document_crosses_three_nodes_and_its_statuses_come_back(province: Province) -> None:
    row, document_id = province.sent("a", "b")
    there = province.arrived("b", document_id)
    province.handled("b", there)
    wait_until("trạng thái", lambda: sorted(province.at("a", "statuses", document=row)) == FIVE, 90)
    receivers = sorted((CODES["d1"], CODES["b"]))
    wait_until("biên nhận", lambda: sorted(province.at("a", "receipts_of", document=row)) == receivers, 60)
    evidence(province, "a", "b", row)
    mine, theirs = (
        Path(province.at(key, "main_file", table=table, document=number))
        for key, table, number in (("a", "outgoing", row), ("b", "incoming", there))
    )
    assert mine.read_bytes() == theirs.read_bytes()


def test_a_province_that_is_killed_in_the_middle_loses_and_doubles_nothing(province: Province) -> None:
    row, document_id = province.sent("b", "a", file=str(a_long_pdf(province.folder, BALLAST_BYTES)))
    work = province.parties["p"].settings.work_folder
    wait_until("đang lên", lambda: sum(path.stat().st_size for path in work.glob("*.upload")) >= HALF_WAY_BYTES, 90)
    province.parties["p"].server.kill()
    held = sum(path.stat().st_size for path in work.glob("*.upload"))
    assert held >= HALF_WAY_BYTES
    assert province.at("a", "arrived", document_id=document_id) is None
    assert province.rows("b", "SELECT count(*) FROM outbox WHERE state = 'ready'") == [(0,)]  # the district has it
    province.parties["p"].server.start()
    there = province.arrived("a", document_id)
    province.handled("a", there)
    wait_until("trạng thái", lambda: sorted(province.at("b", "statuses", document=row)) == FIVE, 90)
    evidence_at = sorted((CODES["d2"], CODES["a"]))
    wait_until("biên nhận", lambda: sorted(province.at("b", "receipts_of", document=row)) == evidence_at, 60)
    evidence(province, "b", "a", row)
    assert province.rows("a", f"SELECT count(*) FROM incoming WHERE document_id = '{document_id}'") == [(1,)]
    for key in NODES:
        doubled = "SELECT message_id FROM mailbox GROUP BY message_id HAVING count(*) > 1"
        assert province.rows(key, doubled) == []
    wait_until("hàng chờ", lambda: all(nothing_waits(province, key) for key in NODES))


def nothing_waits(province: Province, key: str) -> bool:
    return province.rows(key, "SELECT count(*) FROM upward WHERE state = 'ready'") == [(0,)]


def test_a_district_cannot_hand_over_what_another_districts_commune_signed(province: Province) -> None:
    own, address = province.own("p"), province.parties["p"].server.address
    identity = NodeIdentity(CODES["p"], address.rstrip("/"), None, {own.key_id: own.public_key})
    client = NodeClient(identity, province.own("d1"), CODES["d1"], timeout_seconds=10)
    packet = b"<edXML/>"
    sealed = envelope.seal(
        Envelope(
            message_id=str(uuid.uuid4()), sender=CODES["b"], recipient=CODES["a"], kind=Kind.EDOC, urgency=0,
            created=clock.now(), packet_sha256=hashlib.sha256(packet).hexdigest(), packet_bytes=len(packet),
            checkpoint=Checkpoint(0, genesis("b")), key_id=province.own("b").key_id,
        ),
        province.own("b"),
    )  # fmt: skip
    try:
        with pytest.raises(RefusedByNode) as caught:
            client.commit(sealed, packet, (CODES["d1"],))
    finally:
        client.close()
    assert caught.value.reason is Refused.NOT_PERMITTED
    message_id = envelope.parse_unverified(sealed).message_id
    assert province.rows("p", f"SELECT 1 FROM mailbox WHERE message_id = '{message_id}'") == []


def test_a_journal_of_a_district_is_mirrored_at_the_province(province: Province) -> None:
    def mirrored() -> bool:
        found = province.rows(
            "p", f"SELECT r.size FROM mirrors r JOIN members m ON m.id = r.member_id WHERE m.code = '{CODES['d1']}'"
        )
        anchors = province.rows("d1", "SELECT max(size) FROM anchors")
        return bool(found) and bool(anchors[0][0]) and found[0][0] >= anchors[0][0]

    wait_until("nhật ký của nút khu vực", mirrored, 60)
