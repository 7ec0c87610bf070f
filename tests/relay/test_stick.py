"""The stick: full, locked, pulled, of a system without case or links; nothing is left half done under a bag's name."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from commune_portal import settings
from commune_portal.errors import DiskFull, Malformed, NotFound, PortalError, RuleBroken
from commune_portal.people.actors import PORTAL
from commune_portal.relay import packing, stick, unpacking
from commune_portal.relay.stick import Packing
from commune_portal.rules.acts import Act
from commune_portal.store import database, journal
from commune_portal.wire.bag import MANIFEST
from tests.cast import Cast
from tests.documents.partner import Node, keys_of
from tests.relay.linked import queue


def ready(office: Cast) -> None:
    """The office has met its node once, and something waits."""
    Node(keys_of("node")).introduce(office)
    queue(b"x" * 5000)
    row = database.row("SELECT id FROM peers")[0]
    with database.transaction() as work:
        work.update("peers", row, {"enrolled_at": "2026-11-20T01:00:00Z"})
        journal.write(work, Act.ENROLLED, journal.SYSTEM, about="peers:thu")


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, DiskFull, "đã đầy"),
        (errno.EROFS, DiskFull, "khóa chống ghi"),
        (errno.EIO, RuleBroken, "rút ra"),
        (errno.ENODEV, RuleBroken, "rút ra"),
    ],
)
@pytest.mark.parametrize("nth", [1, 3, 4])
def test_a_stick_that_fails_while_it_is_written_leaves_no_bag_and_no_line(
    office: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[PortalError], words: str,
    nth: int,
) -> None:  # fmt: skip
    ready(office)
    usb = tmp_path / "usb"
    usb.mkdir()
    done, real = [0], os.fsync

    def failing(handle: int) -> None:
        place = str(Path(f"/proc/self/fd/{handle}").readlink())
        if place.startswith(str(usb)):
            done[0] += 1
            if done[0] == nth:
                raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(kind, match=words):
        packing.export(PORTAL, office.settings, usb)
    assert list(usb.iterdir()) == []
    assert database.rows("SELECT * FROM bags") == []
    assert database.rows("SELECT * FROM journal WHERE body LIKE '%bag.exported%'") == []
    monkeypatch.undo()
    assert packing.export(PORTAL, office.settings, usb).path.is_dir()
    assert database.row("SELECT count(*) FROM bags WHERE went = 'out'")[0] == 1


def test_a_stick_with_too_little_room_is_told_before_anything_is_written(
    office: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(office)
    usage: Any = type("Usage", (), {"free": 20_000, "total": 10**6})()
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    with pytest.raises(DiskFull, match=r"cần .* MB, còn 0,0 MB"):
        packing.export(PORTAL, office.settings, tmp_path)
    assert [path for path in tmp_path.iterdir() if path.name.startswith("tui-thu")] == []


def test_a_bag_needs_a_real_folder_that_is_not_the_portals_own(office: Cast, tmp_path: Path) -> None:
    ready(office)
    link = tmp_path / "lien-ket"
    link.symlink_to(tmp_path)
    for place in (tmp_path / "khong-co", link):
        with pytest.raises(RuleBroken, match="cắm USB"):
            packing.export(PORTAL, office.settings, place)
    for place in (office.settings.data_folder, office.settings.secrets_folder, office.settings.files_folder):
        with pytest.raises(RuleBroken, match="thư mục dữ liệu"):
            packing.export(PORTAL, office.settings, place)


def test_an_office_that_never_met_its_node_is_told_to_meet_it(office: Cast, tmp_path: Path) -> None:
    with pytest.raises(RuleBroken, match="kết nối một lần"):
        packing.export(PORTAL, office.settings, tmp_path)
    ready(office)
    with pytest.raises(RuleBroken, match=r"H99\.77"):
        packing.export(PORTAL, office.settings, tmp_path, "H99.77")


def test_an_empty_stick_and_an_unfinished_bag_are_told_apart(office: Cast, tmp_path: Path) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    with pytest.raises(NotFound, match="Không thấy túi thư"):
        unpacking.import_all(PORTAL, office.settings, usb)
    (usb / "tui-thu-0123456789abcdef.part").mkdir()
    with pytest.raises(NotFound, match="ghi dở"):
        unpacking.import_all(PORTAL, office.settings, usb)
    (usb / "tui-thu-0123456789abcdef").mkdir()
    with pytest.raises(NotFound, match="ghi dở"):
        unpacking.import_all(PORTAL, office.settings, usb)


def test_names_are_found_in_whatever_case_the_stick_keeps_them(tmp_path: Path) -> None:
    packed = Packing(tmp_path, "tui-thu-0123456789abcdef", 100, 1)
    sha256, size = packed.add([b"noi ", b"dung"])
    bag = packed.finish(b"danh muc", lambda: None)
    for path in list(bag.iterdir()):
        path.rename(bag / path.name.upper())
    bag = bag.rename(tmp_path / bag.name.upper())
    assert stick.bags_in(tmp_path) == [bag]
    assert stick.read_manifest(bag) == b"danh muc"
    assert b"".join(stick.pieces_of(stick.file_of(bag, sha256[:32]), size)) == b"noi dung"


def test_a_link_a_folder_a_pipe_and_a_long_file_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "khoa"
    secret.write_bytes(b"bi mat")
    (tmp_path / "link").symlink_to(secret)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe"):
        with pytest.raises((Malformed, RuleBroken)):
            list(stick.pieces_of(tmp_path / name, 100))
    with pytest.raises(Malformed, match="lớn hơn"):
        list(stick.pieces_of(secret, 5))
    bag = tmp_path / "tui-thu-0123456789abcdef"
    bag.mkdir()
    (bag / MANIFEST).symlink_to(secret)
    with pytest.raises(Malformed, match="liên kết"):
        stick.read_manifest(bag)


def test_drives_that_can_be_taken_out_are_found(tmp_path: Path) -> None:
    mounts, blocks = tmp_path / "mounts", tmp_path / "blocks"
    disks = tmp_path / "devices"
    for name, removable in (("sda", "0"), ("sdb", "1")):
        (disks / name / f"{name}1").mkdir(parents=True)
        (disks / name / "removable").write_text(removable + "\n", encoding="ascii")
    blocks.mkdir()
    for name in ("sda", "sdb"):
        (blocks / f"{name}1").symlink_to(disks / name / f"{name}1")
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /mnt/USB\\040c\u1ee7a\\040x\u00e3 vfat rw 0 0\nproc /proc proc rw 0 0\n"
        "/dev/sdz9 /media/vanthu/THE vfat rw 0 0\nhong\n",
        encoding="utf-8",
    )
    assert stick._linux_places(mounts, blocks) == [Path("/media/vanthu/THE"), Path("/mnt/USB của xã")]
    assert stick._linux_places(tmp_path / "khong-co", blocks) == []
    assert all(drive.path.is_dir() for drive in stick.drives())


def test_the_setting_decides_whether_a_bag_is_encrypted(office: Cast, tmp_path: Path) -> None:
    ready(office)
    assert settings.Relay().bag_encryption
    assert packing.export(PORTAL, office.settings, tmp_path).manifest.is_encrypted
    assert not packing.export(PORTAL, office.settings, tmp_path, plain=True).manifest.is_encrypted
