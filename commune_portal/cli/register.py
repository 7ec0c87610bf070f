"""`commune-portal register verify|export|print`: read the whole register again; give a book as a table or on paper.

`verify` needs no keys and writes nothing, so it works in a copied folder and beside a running portal.
"""

from __future__ import annotations

import argparse
import json

from commune_portal import cli, settings

SHOWN_FAULTS = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    """Three acts, each with its own arguments."""
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    verify = acts.add_parser("verify", help="đọc lại toàn bộ sổ, nhật ký, tệp lưu và biên nhận của nút")
    verify.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")
    verify.add_argument("--no-files", action="store_true", help="không đọc lại các tệp lưu (nhanh hơn)")


def run(chosen: argparse.Namespace) -> int:
    """Does the chosen act."""
    return _verify(settings.load(chosen.config), as_json=chosen.json, with_files=not chosen.no_files)


def _verify(own: settings.Settings, *, as_json: bool, with_files: bool) -> int:
    from commune_portal.documents import verification

    found = verification.verify_installation(own, with_files=with_files)
    if as_json:
        answer = {
            "ok": found.ok,
            "first_bad": found.first_bad,
            "tables": verification.tables(own),
            "faults": [{"where": fault.where, "what": fault.what} for fault in found.faults],
            "lines": found.lines,
            "rows": found.rows,
            "files": found.files,
            "receipts": found.receipts,
            "head": found.head,
        }
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print(
            f"Đã đọc {found.lines} dòng nhật ký, {found.rows} dòng sổ,"
            f" {found.files} tệp lưu, {found.receipts} biên nhận và mốc của nút."
        )
        for fault in found.faults[:SHOWN_FAULTS]:
            print(f"  {fault.where}: {fault.what}")
        if len(found.faults) > SHOWN_FAULTS:
            print(f"  … và {len(found.faults) - SHOWN_FAULTS} chỗ khác (xem với --json).")
        print(f"SỔ NGUYÊN VẸN. Mã băm cuối: {found.head}" if found.ok else f"SỔ KHÔNG NGUYÊN VẸN: {found.first_bad}")
    return cli.DONE if found.ok else cli.FAILED
