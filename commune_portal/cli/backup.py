"""`commune-portal backup`: writes a backup beside a running portal, proves it, notes it in the journal."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from commune_portal import cli, clock, settings
from commune_portal.errors import PortalError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, and how many are kept."""
    parser.add_argument("--to", type=Path, metavar="DIR", help="thư mục (hoặc USB) nhận bản sao lưu")
    parser.add_argument("--keep", type=int, default=14, help="giữ lại bao nhiêu bản mới nhất (mặc định 14)")
    parser.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Backs up: 0 written and proven, 1 written with a warning, 2 nothing under a final name."""
    from commune_portal.store import backup

    own = settings.load(chosen.config)
    made = backup.make(own, chosen.to or own.backups_folder, keep=chosen.keep)
    unnoted = _note(own, made)
    if chosen.json:
        answer = {
            "ok": made.is_proven and not unnoted,
            "path": str(made.path),
            "bytes": made.bytes,
            "sha256": made.sha256,
            "proven": made.is_proven,
            "lines": made.manifest.size,
            "head": made.manifest.head,
            "files": len(made.manifest.members) - 1,
            "faults": [{"where": fault.where, "what": fault.what} for fault in made.faults],
            "warning": unnoted,
            "last_wipe": made.last_wipe,
        }
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print(f"Đã sao lưu vào {made.path} ({made.bytes} byte, SHA-256 {made.sha256}).")
        if made.is_proven:
            print("Đã chứng minh: khôi phục thử, mọi dòng nhật ký, dòng sổ và tệp lưu đều nguyên vẹn.")
        if made.last_wipe:
            at = clock.from_text(made.last_wipe).astimezone(clock.VIETNAM).strftime("%H:%M ngày %d/%m/%Y")
            print(
                f"Các bản sao lưu làm trước {at} vẫn còn văn bản đã hủy theo thông báo thu hồi. Hãy cất giữ cẩn thận."
            )
        for fault in made.faults[:10]:
            print(f"  KHÔNG NGUYÊN VẸN: {fault.where}: {fault.what}")
        if unnoted:
            print(f"Chưa ghi vào nhật ký: {unnoted}")
    return cli.DONE if made.is_proven and not unnoted else cli.WARNED


def _note(own: settings.Settings, made: object) -> str:
    """Journals the backup; of a copied folder, or where the keys are lost, only says why it could not."""
    from commune_portal.documents import restoration
    from commune_portal.people.actors import PORTAL
    from commune_portal.store import database, installation
    from commune_portal.store.backup import Backup
    from commune_portal.wire import keys

    assert isinstance(made, Backup)
    try:
        installation.open_(own)
        installation.refuse_copy(own.role, keys.load(own.secrets_folder).public_key.hex())
        restoration.backed_up(PORTAL, made)
    except PortalError as error:
        return error.sentence
    finally:
        database.close()
    return ""
