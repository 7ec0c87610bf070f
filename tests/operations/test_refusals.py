"""What is refused before anything is written: the stick, the computer, the disk, an older release."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from commune_portal.errors import DiskFull, NotAllowed, PortalError, RuleBroken, StoreDamaged, StoreRefused
from commune_portal.operations import installing, record, requirements
from commune_portal.operations.bundle import Stick
from commune_portal.operations.installing import Wish
from commune_portal.operations.places import Places
from commune_portal.operations.record import Record
from commune_portal.operations.requirements import Machine, Need
from commune_portal.operations.services import ServiceKind
from commune_portal.store import database
from tests.operations.sticks import Publisher, make_stick, sign_stick

OURS = Publisher()
GOOD = Machine(64, (2, 36), 0, True)


def tiny_release(folder: Path, version: str = "2.0.0", seq: int = 5, schema: int = 3) -> Path:
    """A release folder with next to nothing in it."""
    import hashlib

    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "commune-portal").write_text("#!/bin/sh\n", encoding="utf-8")
    (folder / "bin" / "commune-portal").chmod(0o755)
    facts = {"version": version, "release_seq": seq, "schema": schema, "python": {"linux": "3.11"}}
    (folder / "release.json").write_text(json.dumps(facts), encoding="utf-8")
    names = ("bin/commune-portal", "release.json")
    sums = "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (folder / "FILES.sha256").write_text(sums, encoding="utf-8")
    return folder


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    return make_stick(tmp_path / "stick", tiny_release(tmp_path / "release"), OURS, packed=True)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.under(tmp_path / "root")


def refuse(places: Places, stick: Path) -> PortalError:
    """The refusal of an installation, which has written nothing."""
    before = _everything(places.root)
    with pytest.raises(PortalError) as refused:
        installing.verify(places, Wish(stick), needs_administrator=False)
    assert _everything(places.root) == before
    assert refused.value.sentence.rstrip().endswith(".")
    return refused.value


def _everything(root: Path | None) -> list[str]:
    assert root is not None
    return sorted(str(path) for path in root.rglob("*")) if root.exists() else []


def test_a_good_stick_is_taken(places: Places, stick: Path) -> None:
    found = installing.verify(places, Wish(stick), needs_administrator=False)
    assert (found.facts.version, found.facts.release_seq) == ("2.0.0", 5)
    assert not (places.root or Path()).exists()


def flipped(stick: Path) -> None:
    path = stick / "bundle" / "linux" / "payload.tar.gz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def flipped_manual(stick: Path) -> None:
    (stick / "HUONG-DAN.pdf").write_bytes(b"%PDF-1.6\n")


def missing(stick: Path) -> None:
    (stick / "HUONG-DAN.pdf").unlink()


def missing_sums(stick: Path) -> None:
    (stick / "SHA256SUMS").unlink()


def missing_signature(stick: Path) -> None:
    (stick / "SHA256SUMS.minisig").unlink()


def more(stick: Path) -> None:
    (stick / "bundle" / "linux" / "more.so").write_bytes(b"?")


def more_at_the_root(stick: Path) -> None:
    (stick / "autorun.inf").write_bytes(b"[autorun]\n")


def other_release(stick: Path) -> None:
    path = stick / "bundle" / "release.json"
    path.write_text(path.read_text(encoding="utf-8").replace("2.0.0", "9.0.0"), encoding="utf-8")


def climbing(stick: Path) -> None:
    sums = stick / "SHA256SUMS"
    text = f"{'0' * 64}  ../etc/passwd\n" + sums.read_text(encoding="utf-8")
    sums.write_text(text, encoding="utf-8")
    signature = OURS.sign(text.encode(), "commune-portal version=2.0.0 release_seq=5")
    (stick / "SHA256SUMS.minisig").write_text(signature, encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (flipped, "payload.tar.gz"), (flipped_manual, "HUONG-DAN.pdf không còn như khi phát hành"),
        (missing, "thiếu tệp HUONG-DAN.pdf"), (missing_sums, "thiếu tệp SHA256SUMS"),
        (missing_signature, "chữ ký"), (more, "có tệp lạ bundle/linux/more.so"),
        (more_at_the_root, "có tệp lạ autorun.inf"), (other_release, "bundle/release.json"), (climbing, "SHA256SUMS"),
    ],
)  # fmt: skip
def test_a_damaged_stick_is_refused_and_nothing_is_written(
    places: Places, stick: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(stick)
    assert words in refuse(places, stick).sentence


def test_what_an_office_and_its_system_write_on_a_stick_is_no_damage(places: Places, stick: Path) -> None:
    (stick / "sao-luu" / "saoluu-H99.01-20261122-010203.zip.age").write_bytes(b"age")
    (stick / "System Volume Information").mkdir()
    (stick / "System Volume Information" / "IndexerVolumeGuid").write_bytes(b"{}")
    assert installing.verify(places, Wish(stick), needs_administrator=False).facts.version == "2.0.0"


def test_a_signature_for_another_release_is_refused(places: Places, stick: Path) -> None:
    sums = (stick / "SHA256SUMS").read_bytes()
    signature = OURS.sign(sums, "commune-portal version=2.0.0 release_seq=6")
    (stick / "SHA256SUMS.minisig").write_text(signature, encoding="utf-8")
    assert "bản khác" in refuse(places, stick).sentence


def installed(places: Places, folder: Path, seq: int) -> None:
    """Something that looks installed: a release, its record, the publisher's key."""
    tiny_release(places.releases / "1.5.0", "1.5.0", seq)
    places.state.mkdir(parents=True)
    places.pinned_key.write_text(OURS.key.text, encoding="utf-8")
    record.write(places, Record("office", 8080, ServiceKind.FOREGROUND, "1.5.0"))


def test_an_older_release_is_refused_unless_it_is_wanted(places: Places, stick: Path, tmp_path: Path) -> None:
    installed(places, tmp_path, seq=6)
    assert isinstance(refuse(places, stick), RuleBroken)
    wanted = Wish(stick, allow_downgrade=True)
    assert installing.verify(places, wanted, needs_administrator=False).facts.release_seq == 5


def test_another_publisher_is_refused_on_an_upgrade(places: Places, stick: Path, tmp_path: Path) -> None:
    installed(places, tmp_path, seq=4)
    sign_stick(stick, Publisher())
    found = refuse(places, stick)
    assert isinstance(found, NotAllowed)
    assert "nơi phát hành khác" in found.sentence


def test_another_role_is_refused(places: Places, stick: Path, tmp_path: Path) -> None:
    installed(places, tmp_path, seq=4)
    with pytest.raises(RuleBroken, match="vai trò"):
        installing.verify(places, Wish(stick, role="node"), needs_administrator=False)


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (Machine(32, (2, 36), 0, True), "32 bit"), (Machine(64, (), 6, True), "Windows quá cũ để làm máy chủ"),
        (Machine(64, (2, 35), 0, True), "glibc 2.35"), (Machine(64, (), 0, True), "glibc không rõ"),
        (Machine(64, (2, 36), 0, False), "sudo"), (Machine(64, (), 10, False), "Run as administrator"),
    ],
)  # fmt: skip
def test_a_computer_that_cannot_carry_it_is_refused_with_what_to_do(machine: Machine, words: str) -> None:
    with pytest.raises(PortalError, match=words):
        requirements.refuse_machine(machine, needs_administrator=True)


def test_this_computer_and_both_systems_of_the_targets_are_taken() -> None:
    requirements.refuse_machine(Machine.here(), needs_administrator=False)
    requirements.refuse_machine(GOOD, needs_administrator=True)
    requirements.refuse_machine(Machine(64, (), 10, True), needs_administrator=True)


def test_a_disk_without_room_is_refused_with_how_much_is_missing(places: Places) -> None:
    with pytest.raises(DiskFull, match="cần ít nhất"):
        requirements.refuse_disks(places, [Need(places.program, 1 << 60)])


def test_a_network_share_is_refused(places: Places, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = {line.split()[2] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()}
    monkeypatch.setattr(database, "NETWORK_FILE_SYSTEMS", frozenset(here))
    assert "ổ mạng" in refuse(places, stick).sentence
    with pytest.raises(StoreRefused, match="ổ mạng"):
        requirements.refuse_disks(Places(*[Path("//server/share")] * 4), [])


def test_a_read_only_target_is_refused(places: Places, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))
    assert "chỉ đọc" in refuse(places, stick).sentence


def test_a_folder_that_is_no_stick_is_refused(places: Places, tmp_path: Path) -> None:
    assert "--bundle" in refuse(places, tmp_path / "nowhere").sentence


def test_a_stick_that_changes_after_it_was_verified_is_found_while_it_is_copied(stick: Path, places: Places) -> None:
    from commune_portal.operations import releases

    found = Stick.open(stick, None)
    flipped(stick)
    with pytest.raises(StoreDamaged):
        releases.stage(places, found)
    assert not (places.releases / "2.0.0").exists()
