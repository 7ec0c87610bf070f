"""The rehearsal as an installer runs it, and its artefacts looked at by programs that are not ours."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.story

NAMESPACE = "{http://www.mic.gov.vn/TBT/QCVN_102_2016}"


@dataclass(frozen=True)
class Played:
    """A finished rehearsal: its folder and what it printed."""

    folder: Path
    report: dict[str, Any]

    def artefact(self, name: str) -> Path:
        return self.folder / str(self.report["artefacts"][name])


def portal(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "commune_portal", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("rehearsal") / "D"
    sheet = folder.parent / "biên bản.pdf"
    answer = portal("rehearse", "--dir", str(folder), "--json", "--sheet", str(sheet))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return Played(folder, json.loads(answer.stdout))


def test_the_acceptance_sheet_says_what_was_played_and_with_which_key(played: Played) -> None:
    sheet = played.folder.parent / "biên bản.pdf"
    said = subprocess.run(["pdftotext", str(sheet), "-"], capture_output=True, check=True, timeout=60).stdout.decode()
    assert "Kết quả diễn tập: ĐẠT" in said
    assert "KHÔNG CÓ GIÁ TRỊ PHÁP LÝ" in said
    assert "nút bị ngắt đột ngột" in said
    digest = hashlib.sha256(played.artefact("packet").read_bytes()).hexdigest()[:16]
    assert " ".join(digest[start : start + 4] for start in range(0, 16, 4)) in said


def test_every_step_held_with_softhsm(played: Played) -> None:
    assert played.report["ok"] is True
    assert played.report["token"] == "softhsm"
    assert all(step["ok"] for step in played.report["steps"])
    assert played.report["statuses"] == ["01", "03", "04", "05", "06", "01", "02"]
    assert played.report["bytes_of_packet"] > 0
    assert played.report["bytes_sent"] < 1.3 * played.report["bytes_of_packet"]
    for name in ("node", "sender", "receiver"):
        assert (played.folder / name / "portal.toml").is_file()


def test_sender_and_receiver_hold_the_same_bytes_with_two_valid_signatures(played: Played) -> None:
    sender, receiver = played.artefact("signed_pdf_sender"), played.artefact("signed_pdf_receiver")
    assert sender.read_bytes() == receiver.read_bytes()
    seen = subprocess.run(["pdfsig", "-nocert", str(sender)], capture_output=True, text=True, timeout=60, check=False)
    assert seen.stdout.count("Signature is Valid.") == 2, seen.stdout
    fonts = subprocess.run(["pdffonts", str(sender)], capture_output=True, text=True, timeout=60, check=True)
    lines = fonts.stdout.splitlines()
    at = lines[0].index("emb")
    assert all(line[at : at + 3] == "yes" for line in lines[2:]), fonts.stdout


def test_the_difference_policy_accepts_both_signatures(played: Played) -> None:
    from pyhanko.keys import load_cert_from_pemder
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    root = load_cert_from_pemder(str(played.folder / "sender" / "trust" / "root.pem"))
    context = ValidationContext(trust_roots=[root], allow_fetching=False)
    with played.artefact("signed_pdf_sender").open("rb") as file:
        reader = PdfFileReader(file)
        found = [validate_pdf_signature(signature, context) for signature in reader.embedded_signatures]
    assert [status.intact and status.valid for status in found] == [True, True]
    assert found[0].modification_level in (ModificationLevel.FORM_FILLING, ModificationLevel.LTA_UPDATES)
    assert found[1].modification_level is ModificationLevel.NONE


def test_the_packet_parses_with_a_plain_parser_and_holds_the_same_pdf(played: Played) -> None:
    root = ElementTree.parse(played.artefact("packet")).getroot()
    assert root.tag == f"{NAMESPACE}edXML"
    encoded = root.find(f".//{NAMESPACE}ContentTransferEncoded")
    assert encoded is not None
    import base64

    content = base64.b64decode(encoded.text or "")
    assert (
        hashlib.sha256(content).digest() == hashlib.sha256(played.artefact("signed_pdf_sender").read_bytes()).digest()
    )
    read = portal("packet", "read", str(played.artefact("packet")), "--json")
    assert read.returncode == 0, read.stdout
    assert json.loads(read.stdout)["kind"] == "edoc"


@pytest.mark.parametrize("name", ["sender", "receiver", "node"])
def test_each_register_verifies_also_as_a_copy(played: Played, name: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(played.folder / name, copy, ignore=shutil.ignore_patterns("softhsm", "secrets"))
    for folder in (played.folder / name, copy):
        answer = portal("--config", str(folder / "portal.toml"), "register", "verify", "--json")
        document = json.loads(answer.stdout)
        assert answer.returncode == 0, answer.stdout
        assert document["ok"] is True
        assert document["first_bad"] is None
        assert {"incoming", "outgoing"} <= set(document["tables"]["register"])


def test_a_chain_hashed_anew_from_the_middle_is_found_by_what_the_node_signed(played: Played, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(played.folder / "sender", copy, ignore=shutil.ignore_patterns("softhsm", "secrets"))
    database = sqlite3.connect(copy / "data" / "register.sqlite3", isolation_level=None)
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {trigger}")
    rows = database.execute("SELECT seq, body, hash FROM journal ORDER BY seq").fetchall()
    middle = len(rows) // 3
    previous = rows[middle - 1][2]
    for seq, body, _ in rows[middle:]:
        forged = body.replace('"actor":"', '"actor":"f', 1) if seq == rows[middle][0] else body
        previous = hashlib.sha256(bytes.fromhex(previous) + forged.encode()).hexdigest()
        database.execute("UPDATE journal SET body = ?, hash = ? WHERE seq = ?", (forged, previous, seq))
    database.close()
    answer = portal("--config", str(copy / "portal.toml"), "register", "verify", "--json")
    document = json.loads(answer.stdout)
    assert answer.returncode == 2
    assert document["ok"] is False
    assert document["first_bad"].startswith("journal:")


@pytest.mark.parametrize(("book", "words"), [("book_outgoing", "VĂN BẢN ĐI"), ("book_incoming", "VĂN BẢN ĐẾN")])
def test_the_printed_books_are_real_pages(played: Played, book: str, words: str) -> None:
    text = subprocess.run(
        ["pdftotext", "-layout", str(played.artefact(book)), "-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert words in text.upper()


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("đang dùng", encoding="utf-8")
    answer = portal("rehearse", "--dir", str(tmp_path))
    assert answer.returncode == 2
    assert "không trống" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
