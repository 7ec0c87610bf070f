"""`commune-portal backup`: writes a backup beside a running portal, proves it, notes it; `backup open` at a node.

`--due` is what the portal calls by itself: only the places whose set time has passed. `--why upgrade` is the
installer's. Without `--to` every chosen folder and every stick meant for backups gets one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commune_portal import cli, clock, settings
from commune_portal.errors import PortalError, SettingsWrong

if TYPE_CHECKING:
    from commune_portal.store.backup import Backup, Outcome


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, why, and how."""
    parser.add_argument(
        "open",
        nargs="*",
        metavar="open FILE",
        help="ở nút: mở bản sao lưu của đơn vị thành viên, đóng lại cho khóa mới",
    )
    parser.add_argument("--to", type=Path, metavar="DIR", help="chỉ thư mục (hoặc USB) này nhận bản sao lưu")
    parser.add_argument("--why", choices=("asked", "daily", "upgrade"), default="asked", help="vì sao sao lưu")
    parser.add_argument("--due", action="store_true", help="chỉ những nơi đã đến giờ sao lưu")
    parser.add_argument("--plain", action="store_true", help="không mã hóa: ai cầm tệp cũng đọc được")
    parser.add_argument("--out", type=Path, metavar="FILE", help="với open: tệp đóng lại")
    parser.add_argument("--for", dest="recipient", metavar="AGE1...", help="với open: khóa công khai của nơi nhận")
    parser.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Backs up: 0 written and proven everywhere, 1 written with a warning, 2 nothing under a final name."""
    own = settings.load(chosen.config)
    if chosen.open:
        return _open(own, chosen)
    from commune_portal.documents import backups
    from commune_portal.documents.backups import Place
    from commune_portal.people.actors import PORTAL
    from commune_portal.store import database
    from commune_portal.store.backup_runs import PlaceKind, Why

    unnoted = _opened(own)
    try:
        wanted = [Place(PlaceKind.FOLDER, chosen.to)] if chosen.to else backups.places(own)
        if chosen.due:
            wanted = [] if unnoted else backups.due(own)
        if not wanted:
            print(json.dumps({"ok": True, "places": []}) if chosen.json else "Chưa nơi nào đến giờ sao lưu.")
            return cli.DONE
        why = Why.DAILY if chosen.due else Why(chosen.why)
        outcomes = backups.back_up(PORTAL, own, why, wanted, plain=chosen.plain, is_noted=not unnoted)
        on_paper = chosen.plain or backups.has_paper_key(own)
    finally:
        database.close()
    made = [item.backup for item in outcomes if item.backup is not None]
    is_well = len(made) == len(outcomes) and all(item.is_proven for item in made) and not unnoted
    if chosen.json:
        print(json.dumps(_answer(outcomes, ok=is_well, unnoted=unnoted, on_paper=on_paper), ensure_ascii=False))
    else:
        _print(outcomes, unnoted, on_paper=on_paper)
    return cli.DONE if is_well else cli.WARNED if made else cli.FAILED


def _opened(own: settings.Settings) -> str:
    """Opens the register for notes; of a copied folder, or where the keys are lost, says why nothing can be noted."""
    from commune_portal.store import database, installation
    from commune_portal.wire import keys

    try:
        installation.open_(own)
        installation.refuse_copy(own.role, keys.load(own.secrets_folder).public_key.hex())
    except PortalError as error:
        database.close()
        return error.sentence
    return ""


def _answer(outcomes: list[Outcome], *, ok: bool, unnoted: str, on_paper: bool) -> dict[str, Any]:
    made = next((item.backup for item in outcomes if item.backup is not None), None)
    places = [
        {
            "folder": str(item.folder),
            "path": str(item.backup.path) if item.backup else None,
            "proven": bool(item.backup and item.backup.is_proven),
            "error": item.error.sentence if item.error else "",
        }
        for item in outcomes
    ]
    answer: dict[str, Any] = {"ok": ok, "places": places, "warning": unnoted, "recovery_key": on_paper}
    if made is not None:
        answer |= {
            "path": str(made.path),
            "bytes": made.bytes,
            "sha256": made.sha256,
            "encrypted": made.is_sealed,
            "proven": made.is_proven,
            "lines": made.manifest.size,
            "head": made.manifest.head,
            "files": len(made.manifest.members) - 1,
            "faults": [{"where": fault.where, "what": fault.what} for fault in made.faults],
            "last_wipe": made.last_wipe,
        }
    return answer


def _print(outcomes: list[Outcome], unnoted: str, *, on_paper: bool) -> None:
    for item in outcomes:
        if item.backup is not None:
            _print_made(item.backup)
        elif item.error is not None:
            print(f"KHÔNG sao lưu được vào {item.folder}: {item.error.sentence}")
    made = next((item.backup for item in outcomes if item.backup is not None), None)
    if made is not None and made.last_wipe:
        at = clock.from_text(made.last_wipe).astimezone(clock.VIETNAM).strftime("%H:%M ngày %d/%m/%Y")
        print(f"Các bản sao lưu làm trước {at} vẫn còn văn bản đã hủy theo thông báo thu hồi. Hãy cất giữ cẩn thận.")
    if not on_paper:
        print("LƯU Ý: chưa có khóa phục hồi in trên giấy. Nếu máy này hỏng hẳn, không ai mở được bản sao lưu này")
        print("(trừ nút liên thông, nếu đã kết nối). Hãy vào trang Sao lưu, tạo khóa phục hồi và in ra.")
    if unnoted:
        print(f"Chưa ghi vào nhật ký: {unnoted}")


def _print_made(made: Backup) -> None:
    closed = "đã mã hóa" if made.is_sealed else "KHÔNG mã hóa"
    print(f"Đã sao lưu vào {made.path} ({made.bytes} byte, {closed}, SHA-256 {made.sha256}).")
    if made.is_proven:
        print("Đã chứng minh: mở lại tệp vừa ghi, khôi phục thử, mọi dòng nhật ký, dòng sổ và tệp lưu đều nguyên vẹn.")
    for fault in made.faults[:10]:
        print(f"  KHÔNG NGUYÊN VẸN: {fault.where}: {fault.what}")


def _open(own: settings.Settings, chosen: argparse.Namespace) -> int:
    """At a node: opens a member's backup with the node's key and closes it for the key that the office will type."""
    from commune_portal.node import handing_back
    from commune_portal.people.actors import PORTAL
    from commune_portal.store import database

    if len(chosen.open) != 2 or chosen.open[0] != "open" or chosen.out is None:
        raise SettingsWrong("Cách dùng: «commune-portal backup open TỆP --out TỆP_MỚI» (có thể thêm --for age1…).")
    refused = _opened(own)
    if refused:
        raise SettingsWrong(refused)
    try:
        done = handing_back.close_again(PORTAL, own, Path(chosen.open[1]), chosen.out, chosen.recipient or "")
    finally:
        database.close()
    if chosen.json:
        answer = {"ok": True, "path": str(done.path), "code": done.code, "made_at": done.made_at, "secret": done.secret}
        print(json.dumps(answer, ensure_ascii=False))
        return cli.DONE
    print(f"Đã mở bản sao lưu của {done.name} ({done.code}), làm lúc {done.made_at}, và đóng lại vào {done.path}.")
    if done.secret:
        print("Khóa để mở tệp này, chỉ hiện một lần. Chép ra giấy, giao cho cơ quan cùng với tệp:")
        print(f"  {done.secret}")
    return cli.DONE
