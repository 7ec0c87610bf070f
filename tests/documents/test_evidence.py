"""A bundle of evidence is checked on another computer with `cryptography` alone, and every changed byte is found."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from commune_portal.documents import evidence, outbox
from commune_portal.errors import NotAllowed, NotFound, RuleBroken
from commune_portal.people import trail
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database, files, journal
from commune_portal.wire import checkpoint as checkpoints
from commune_portal.wire import keys
from commune_portal.wire.checkpoint import Note
from tests.cast import NODE_CODE, OFFICE_CODE, Cast
from tests.documents.partner import Node, Partner
from tests.documents.test_arrivals import dispatched

IMPORTS = (
    "import sys\nclass No:\n def find_spec(self, name, *_):\n  assert not name.startswith('commune_portal'), name\n"
)


@pytest.fixture
def message(office: Cast) -> str:
    """A document that the node and the neighbour have taken, with the node's note on the journal behind it."""
    node, partner = Node().introduce(office), Partner().introduce()
    own = keys.own()
    database.write_working(
        "INSERT INTO organisation_keys (key_id, organ_code, public_key, box_public_key, valid_from)"
        " VALUES (?, ?, ?, ?, '2026-01-01T00:00:00Z')",
        (own.key_id, OFFICE_CODE, own.public_key.hex(), own.box_public_key.hex()),
    )
    dispatched(office)
    message_id, sealed = database.row("SELECT message_id, envelope FROM outbox")
    with pytest.raises(RuleBroken, match="chưa ký biên nhận"):
        evidence.bundle(office.clerk, message_id)
    outbox.delivered(message_id, node.receipt(sealed.encode()))
    outbox.receiver_took(partner.receipt(sealed.encode()))
    head = journal.checkpoint()
    from commune_portal import clock

    note = checkpoints.seal(
        Note(f"{OFFICE_CODE}/journal", Checkpoint(head.size, head.head), clock.now()), NODE_CODE, node.own
    )
    trail.mirrored(NODE_CODE, head, note)
    return str(message_id)


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    return folder


def checked(folder: Path, *arguments: str) -> tuple[int, str]:
    """What check.py says in a Python that cannot import the portal."""
    start = folder / "start.py"
    start.write_text(
        f"{IMPORTS}sys.meta_path.insert(0, No())\nsys.argv[0] = 'check.py'\n"
        f"import runpy\nrunpy.run_path({str(folder / 'check.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, str(start), *arguments], capture_output=True, text=True, timeout=60, check=False, cwd="/",
        env={"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout


def test_a_bundle_proves_itself_elsewhere(office: Cast, message: str, tmp_path: Path) -> None:
    name, data = evidence.bundle(office.clerk, message)
    assert name == f"bang-chung-{message}.zip"
    folder = unpacked(data, tmp_path / "b")
    (sha256,) = database.row("SELECT packet_sha256 FROM outbox")
    status, said = checked(folder, str(folder), "--packet", str(files.path_of(sha256)))
    assert status == 0, said
    assert "SAI" not in said
    for word in ("envelope.txt", "receipt-node.txt", "receipt-receiver.txt", "note.txt", "journal.jsonl", "gói tin"):
        assert word in said
    (tmp_path / "goi.zip").write_bytes(data)
    assert checked(folder, str(tmp_path / "goi.zip"))[0] == 0
    words = [row[0] for row in database.rows("SELECT subject FROM outgoing")]
    assert all(word.encode() not in part.read_bytes() for word in words for part in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("envelope.txt", b'"urgency":', b'"urgency": '),
        ("receipt-node.txt", b'"accepted"', b'"refused"'),
        ("receipt-receiver.txt", b'"accepted"', b'"refused"'),
        ("note.txt", b"/journal\n", b"/journal\n1"),
        ("journal.jsonl", b'"seq":', b'"seq": '),
    ],
)
def test_a_changed_file_is_found(office: Cast, message: str, tmp_path: Path, name: str, old: bytes, new: bytes) -> None:
    folder = unpacked(evidence.bundle(office.clerk, message)[1], tmp_path / "b")
    data = (folder / name).read_bytes()
    assert old in data
    (folder / name).write_bytes(data.replace(old, new, 1))
    status, said = checked(folder, str(folder))
    assert status == 1
    assert any(line.startswith("SAI") and name in line for line in said.splitlines())


def test_a_receipt_that_was_signed_with_a_key_after_its_revocation_is_found(
    office: Cast, message: str, tmp_path: Path
) -> None:
    folder = unpacked(evidence.bundle(office.clerk, message)[1], tmp_path / "b")
    listed = json.loads((folder / "keys.json").read_text())
    for key in listed:
        key["revoked_at"] = "2026-01-01T00:00:00Z" if key["code"] == NODE_CODE else None
    (folder / "keys.json").write_text(json.dumps(listed))
    status, said = checked(folder, str(folder))
    assert status == 1
    assert "SAI  receipt-node.txt: khóa" in said


def test_another_packet_is_not_the_one_of_the_envelope(office: Cast, message: str, tmp_path: Path) -> None:
    folder = unpacked(evidence.bundle(office.clerk, message)[1], tmp_path / "b")
    (tmp_path / "khac").write_bytes(b"khac")
    status, said = checked(folder, str(folder), "--packet", str(tmp_path / "khac"))
    assert status == 1
    assert "SAI  gói tin khac" in said


def test_who_may_not_see_the_exchange_gets_no_evidence(office: Cast, message: str) -> None:
    with pytest.raises(NotAllowed):
        evidence.bundle(office.specialist, message)
    with pytest.raises(NotFound):
        evidence.bundle(office.clerk, "khong-co")
    assert evidence.proofs([message, "khong-co"]) == {message: evidence.Proof(message, by_node=True, by_receiver=True)}
