"""`commune-portal manual`: the manual as one PDF to print and to put on the stick."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from commune_portal import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where it is written, and where the pictures of screens lie."""
    parser.add_argument("--out", type=Path, required=True, metavar="TỆP.pdf", help="tệp PDF sẽ ghi")
    parser.add_argument("--pictures", type=Path, metavar="THƯ-MỤC", help="thư mục hình màn hình; không có thì bỏ hình")
    parser.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Writes the manual; needs no settings file and no register."""
    from commune_portal.paper import manual
    from commune_portal.store import files

    with files.disk_errors():
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        pages = manual.print_manual(chosen.out, chosen.pictures)
    if chosen.json:
        print(json.dumps({"ok": True, "file": str(chosen.out), "pages": pages}, ensure_ascii=False))
    else:
        print(f"Đã ghi {chosen.out}, {pages} trang.")
    return cli.DONE
