"""`commune-portal drill [FILE]`: proves a backup: opens the stored file, restores it aside and reads all of it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from commune_portal import cli, settings
from commune_portal.errors import NotFound


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which file; without one the newest at each place."""
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="tệp sao lưu; bỏ trống: bản mới nhất mỗi nơi"
    )
    parser.add_argument("--due", action="store_true", help="chỉ những nơi đã lâu chưa chứng minh")
    parser.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Proves: 0 everything that was read is sound (or nothing was due), 2 something is not."""
    from commune_portal.documents import backups
    from commune_portal.people.actors import PORTAL
    from commune_portal.store import database, installation
    from commune_portal.wire import keys

    own = settings.load(chosen.config)
    installation.open_(own)
    try:
        installation.refuse_copy(own.role, keys.load(own.secrets_folder).public_key.hex())
        if chosen.file is not None and not chosen.file.is_file():
            raise NotFound(f"Không thấy tệp {chosen.file}. Hãy kiểm tra lại đường dẫn.")
        wanted = backups.drills_due(own) if chosen.due else backups.places(own)
        path = chosen.file.resolve() if chosen.file is not None else None
        done = [] if chosen.due and not wanted else backups.drill(PORTAL, own, wanted, path)
    finally:
        database.close()
    if chosen.json:
        told = [
            {
                "path": str(item.path),
                "backup_made_at": item.made_at,
                "proven": not item.faults,
                "faults": [{"where": fault.where, "what": fault.what} for fault in item.faults],
            }
            for item in done
        ]
        print(json.dumps({"ok": not any(item.faults for item in done), "proven": told}, ensure_ascii=False))
    elif not done:
        print("Chưa nơi nào đến hạn chứng minh.")
    for item in [] if chosen.json else done:
        if item.faults:
            print(f"KHÔNG NGUYÊN VẸN: {item.path}")
            for fault in item.faults[:10]:
                print(f"  {fault.where}: {fault.what}")
        else:
            print(f"Đã chứng minh: {item.path} (bản sao lưu lúc {item.made_at}).")
    return cli.FAILED if any(item.faults for item in done) else cli.DONE
