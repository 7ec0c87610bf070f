"""`commune-portal restore FILE` and `restore --adopt`: a backup, or a copied folder, becomes the installation here."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal import cli, settings
from commune_portal.errors import SettingsWrong

if TYPE_CHECKING:
    from commune_portal.documents.restoration import Restored


def arguments(parser: argparse.ArgumentParser) -> None:
    """A backup, or the folder as it lies here."""
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="tệp sao lưu (.zip.age hoặc .zip)")
    parser.add_argument("--into", type=Path, metavar="DIR", help="khôi phục thành hệ thống mới trong thư mục này")
    parser.add_argument("--recovery-key-file", type=Path, metavar="FILE", help="tệp chứa khóa phục hồi; nếu không, hỏi")
    parser.add_argument("--adopt", action="store_true", help="nhận thư mục đã chép sang làm hệ thống riêng")
    parser.add_argument("--despite-faults", action="store_true", help="vẫn làm dù bản này không nguyên vẹn")
    parser.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Restores: 0 done, 1 done though something in it is damaged, 2 refused and nothing changed."""
    from commune_portal.documents import restoration
    from commune_portal.people.actors import PORTAL

    if (chosen.file is None) != chosen.adopt:
        raise SettingsWrong("Hãy cho biết tệp sao lưu, hoặc --adopt để nhận thư mục đã chép sang.")
    if chosen.adopt:
        if chosen.into is not None:
            raise SettingsWrong("--into chỉ đi với tệp sao lưu; với --adopt hãy dùng --config của thư mục đã chép.")
        own = settings.load(chosen.config)
        done = restoration.adopt(PORTAL, own, despite_faults=chosen.despite_faults)
    else:
        own, done = _restored(chosen)
    _print(own, done, as_json=chosen.json)
    return cli.WARNED if done.faults else cli.DONE


def _restored(chosen: argparse.Namespace) -> tuple[settings.Settings, Restored]:
    """Restores with the keys that lie here; where they do not open it, with the one on paper."""
    from commune_portal.documents import restoration
    from commune_portal.people.actors import PORTAL
    from commune_portal.store.sealing import NotForUs

    key = _key_in(chosen.recovery_key_file) if chosen.recovery_key_file else ""
    while True:
        try:
            own = settings.load(_prepared(chosen.file, chosen.into, key) if chosen.into else chosen.config)
            return own, restoration.restore(
                PORTAL, own, chosen.file, recovery_key=key, despite_faults=chosen.despite_faults
            )
        except NotForUs:
            if key or not sys.stdin.isatty():
                raise
            print("Bản sao lưu này đã mã hóa. Hãy gõ khóa trên tờ «Khóa phục hồi» (AGE-SECRET-KEY-1…), rồi Enter:")
            key = input("> ")


def _key_in(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"Không đọc được tệp khóa phục hồi {path}.") from error


def _prepared(file: Path, folder: Path, key: str) -> Path:
    """A folder with the settings file that the backup carries, where it has none of its own."""
    from commune_portal.store import archive, backup, sealing

    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("opened-*.zip"):
        left.unlink()  # a power cut left it there, open to everybody
    if not (folder / backup.CONFIG).exists():
        with backup.opened(file, folder, [sealing.read_secret(key)] if key else []) as plain:
            archive.unpack_settings(plain, folder)
    return folder / backup.CONFIG


def _print(own: settings.Settings, done: Restored, *, as_json: bool) -> None:
    if as_json:
        answer = {
            "ok": not done.faults,
            "folder": str(own.folder),
            "code": done.code,
            "name": done.name,
            "backup_made_at": done.made_at,
            "epoch": done.epoch,
            "lines": done.lines,
            "rows": done.rows,
            "files": done.files,
            "head": done.head,
            "put_aside": str(done.put_aside) if done.put_aside else None,
            "must_enrol": done.must_enrol,
            "faults": [{"where": fault.where, "what": fault.what} for fault in done.faults],
            "books": [
                {"name": book.name, "year": book.year, "restored": book.restored, "before": book.before}
                for book in done.books
            ],
        }
        print(json.dumps(answer, ensure_ascii=False))
        return
    print(f"BIÊN BẢN KHÔI PHỤC – {done.name} ({done.code})")
    print(f"  Bản sao lưu lúc:   {done.made_at}")
    print(f"  Đời hệ thống:      {done.epoch} (khóa mới, khóa cũ đã bỏ)")
    print(f"  Đã đọc lại:        {done.lines} dòng nhật ký, {done.rows} dòng sổ, {done.files} tệp")
    print(f"  Mã băm cuối:       {done.head}")
    if done.put_aside:
        print(f"  Dữ liệu cũ để ở:   {done.put_aside} (không xóa)")
    for book in done.books:
        was = "" if book.before is None else f"; trước khi khôi phục: {book.before}"
        print(f"  {book.name} năm {book.year}: số cuối {book.restored}{was}")
    for fault in done.faults[:10]:
        print(f"  KHÔNG NGUYÊN VẸN: {fault.where}: {fault.what}")
    print("Việc phải làm tiếp:")
    print("  1. Đối chiếu số cuối của từng sổ với bản giấy: số đã cấp sau lúc sao lưu không có trong dữ liệu này.")
    if done.must_enrol:
        print("  2. Xin nút liên thông tệp đăng ký mới rồi nạp bằng «commune-portal node import»; trước đó không gửi,")
        print("     không nhận được.")
    if own.role == "node":
        print("  2. Khóa của nút đã đổi: cấp lại tệp đăng ký cho mọi cơ quan thành viên («node add-office»).")
