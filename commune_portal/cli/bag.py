"""`commune-portal bag`: makes a bag on a USB stick, or takes one in, also while the portal is serving."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from commune_portal import cli, settings
from commune_portal.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """`export FOLDER`, `import FOLDER`."""
    below = parser.add_subparsers(dest="task", metavar="VIỆC", required=True)
    out = below.add_parser("export", help="làm túi thư trong thư mục của USB")
    out.add_argument("folder", type=Path, help="thư mục trên USB; túi là một thư mục con tui-thu-…")
    out.add_argument("--to", default="", metavar="MÃ", help="mã nơi nhận; ở cơ quan, bỏ trống là gửi nút liên thông")
    out.add_argument("--plain", action="store_true", help="không mã hóa túi này")
    out.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")
    into = below.add_parser("import", help="nhận các túi thư gửi cho máy này")
    into.add_argument("folder", type=Path, help="thư mục của túi, hoặc USB có một hay nhiều túi")
    into.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Exit code 0 when everything was taken, 1 when some things were refused, 2 when there is no bag to speak of."""
    from commune_portal import serve

    read = settings.load(chosen.config)
    with serve.opened(read):
        return _export(read, chosen) if chosen.task == "export" else _import(read, chosen)


def _export(read: Settings, chosen: argparse.Namespace) -> int:
    from commune_portal.people.actors import PORTAL
    from commune_portal.relay import packing

    made = packing.export(PORTAL, read, chosen.folder, chosen.to, plain=chosen.plain)
    cargo = made.cargo
    if chosen.json:
        answer = {
            "bag": made.manifest.bag_id,
            "path": str(made.path),
            "addressee": cargo.addressee.code,
            "encrypted": made.manifest.is_encrypted,
            "messages": len(cargo.messages),
            "receipts": len(cargo.receipts),
            "bytes": cargo.bytes,
            "left_behind": cargo.left_behind,
        }
        print(json.dumps(answer, ensure_ascii=False))
    else:
        form = "đã mã hóa cho riêng nơi nhận" if made.manifest.is_encrypted else "KHÔNG mã hóa"
        print(f"Đã làm túi thư {made.path} gửi {cargo.addressee.name} ({form}).")
        print(f"Trong túi: {len(cargo.messages)} gói tin, {len(cargo.receipts)} biên nhận.")
        print("Tháo USB an toàn rồi mang đi. Gói chỉ được tính là đã gửi khi biên nhận về.")
        if cargo.left_behind:
            print(f"Còn {cargo.left_behind} gói chưa cho vào túi (quá nhiều, hoặc thiếu tệp). Hãy làm túi nữa sau.")
    return cli.WARNED if cargo.left_behind else cli.DONE


def _import(read: Settings, chosen: argparse.Namespace) -> int:
    from commune_portal.people.actors import PORTAL
    from commune_portal.relay import unpacking
    from commune_portal.relay.bag import Round

    found: Round = unpacking.import_all(PORTAL, read, chosen.folder)
    if chosen.json:
        print(json.dumps(_told(found), ensure_ascii=False))
    else:
        _print(found)
    return cli.DONE if found.is_whole else cli.WARNED


def _told(found: Any) -> dict[str, Any]:
    from commune_portal.wire.cargo import Fate

    return {
        "bags": [
            {
                "bag": bag.manifest.bag_id,
                "path": str(bag.path),
                "maker": bag.manifest.maker,
                "taken": sum(outcome.fate is Fate.TAKEN for outcome in bag.outcomes),
                "known": sum(outcome.fate is Fate.KNOWN for outcome in bag.outcomes),
                "refused": len(bag.refused),
                "items": [outcome.to_json() for outcome in bag.outcomes],
            }
            for bag in found.opened
        ],
        "passed_over": list(found.passed_over),
    }


def _print(found: Any) -> None:
    from commune_portal.wire.bag import What
    from commune_portal.wire.cargo import Fate

    for bag in found.opened:
        print(f"Túi thư {bag.path.name} của {bag.manifest.maker}:")
        print(
            f"  gói tin: {bag.count(What.ENVELOPE, Fate.TAKEN)} mới, {bag.count(What.ENVELOPE, Fate.KNOWN)} đã có;"
            f" biên nhận: {bag.count(What.RECEIPT, Fate.TAKEN)} mới, {bag.count(What.RECEIPT, Fate.KNOWN)} đã có."
        )
        for outcome in bag.refused:
            print(f"  KHÔNG NHẬN {outcome.message_id or outcome.what.value}: {outcome.reason}")
    for sentence in found.passed_over:
        print(f"Bỏ qua một túi: {sentence}")
