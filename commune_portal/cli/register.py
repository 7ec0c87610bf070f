"""`commune-portal register verify|books|export|print`: read it all again; a book as a table or on paper.

`verify` needs no keys and writes nothing, so it works in a copied folder and beside a running portal.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from commune_portal import cli, settings
from commune_portal.errors import Malformed, StoreRefused

SHOWN_FAULTS = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    """Four acts, each with its own arguments."""
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    verify = acts.add_parser("verify", help="đọc lại toàn bộ sổ, nhật ký, tệp lưu và biên nhận của nút")
    verify.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")
    verify.add_argument("--no-files", action="store_true", help="không đọc lại các tệp lưu (nhanh hơn)")
    books = acts.add_parser("books", help="liệt kê các sổ")
    books.add_argument("--json", action="store_true", help="trả lời bằng một mảng JSON")
    export = acts.add_parser("export", help="xuất một sổ ra bảng tính (ghi vào nhật ký)")
    export.add_argument("book", type=int, metavar="BOOK", help="mã sổ, xem «register books»")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="tệp .csv hoặc .xlsx; không ghi đè")
    printed = acts.add_parser("print", help="in một sổ ra PDF (ghi vào nhật ký)")
    printed.add_argument("book", type=int, metavar="BOOK", help="mã sổ, xem «register books»")
    printed.add_argument("--out", type=Path, required=True, metavar="FILE", help="tệp .pdf; không ghi đè")
    printed.add_argument("--tracking", action="store_true", help="sổ theo dõi giải quyết văn bản đến")


def run(chosen: argparse.Namespace) -> int:
    """Does the chosen act."""
    own = settings.load(chosen.config)
    if chosen.act == "verify":
        return _verify(own, as_json=chosen.json, with_files=not chosen.no_files)
    from commune_portal import serve

    with serve.opened(own):
        if chosen.act == "books":
            return _books(as_json=chosen.json)
        if chosen.act == "export":
            return _export(chosen.book, chosen.out)
        return _print(own, chosen.book, chosen.out, tracking=chosen.tracking)


def _books(*, as_json: bool) -> int:
    from commune_portal.documents import books
    from commune_portal.people.actors import PORTAL

    found = books.books(PORTAL)
    if as_json:
        lines = [
            {"id": of.id, "direction": of.direction, "name": of.name, "year": of.year, "numbers": of.amount}
            for of in found
        ]
        print(json.dumps(lines, ensure_ascii=False))
        return cli.DONE
    for of in found:
        print(f"{of.id:>4}  {of.year}  {of.name} ({of.amount} số)")
    return cli.DONE


def _export(book_id: int, out: Path) -> int:
    from commune_portal.documents import exporting
    from commune_portal.people.actors import PORTAL

    form = {f".{item.value}": item for item in exporting.Form}.get(out.suffix.lower())
    if form is None:
        raise Malformed("Tên tệp phải kết thúc bằng .csv hoặc .xlsx.")
    made = exporting.export_book(PORTAL, book_id, out, form)
    print(f"Đã xuất {made.lines} dòng vào {made.path} (SHA-256 {made.sha256}).")
    return cli.DONE


def _print(own: settings.Settings, book_id: int, out: Path, *, tracking: bool) -> int:
    from commune_portal.documents import printing
    from commune_portal.people.actors import PORTAL
    from commune_portal.store import files

    if out.exists():
        raise StoreRefused(f"Đã có tệp {out}; không ghi đè. Hãy chọn tên khác.")
    form = printing.Form.TRACKING if tracking else printing.Form.REGISTER
    with printing.print_book(PORTAL, book_id, form, folder=own.fonts.folder) as printed, files.disk_errors():
        shutil.copyfile(printed.path, out)
    print(f"Đã in {printed.pages} trang vào {out} (SHA-256 {printed.sha256}).")
    return cli.DONE


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
