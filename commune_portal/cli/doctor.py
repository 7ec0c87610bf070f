"""`commune-portal doctor`: is this installation sound; what is not, why it matters, what to do."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal import cli, settings

if TYPE_CHECKING:
    from commune_portal.health.row import Row


def arguments(parser: argparse.ArgumentParser) -> None:
    """How it answers, whether it may mend, and where a support file goes."""
    parser.add_argument("--fix", action="store_true", help="tự sửa những gì an toàn: quyền, thư mục, tệp dở dang")
    parser.add_argument("--quick", action="store_true", help="kiểm tra nhanh: phần cuối nhật ký, một số tệp")
    parser.add_argument("--support", type=Path, metavar="TỆP.zip", help="ghi tệp hỗ trợ, không có nội dung văn bản")
    parser.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Examines: 0 all is well, 1 warnings, 2 something is broken."""
    from commune_portal.health import examination, mending
    from commune_portal.health.row import Level

    own = settings.load(chosen.config)
    fixed = examination.fix(own) if chosen.fix else []
    rows = examination.examine(own, thorough=not chosen.quick)
    worst = examination.worst(rows)
    if chosen.support is not None:
        _write_support(own, rows, chosen.support)
    if chosen.json:
        answer = {
            "ok": worst is Level.OK,
            "level": worst.value,
            "rows": [asdict(row) for row in rows],
            "fixed": fixed,
        }
        print(json.dumps(answer, ensure_ascii=False))
    else:
        for done in fixed:
            print(done)
        for left in mending.still_to_do(own) if chosen.fix else []:
            print(left)
        for row in rows:
            print(f"[{row.level.label:^9}] {row.title} ({row.id}): {row.what}")
            if row.level is not Level.OK:
                print(f"            Vì sao cần: {row.why}")
                print(f"            Cách xử lý: {row.mend}")
        if chosen.support is not None:
            print(f"Đã ghi tệp hỗ trợ {chosen.support}. Trong đó không có nội dung văn bản; xem trước khi gửi nếu cần.")
    return {Level.OK: cli.DONE, Level.WARN: cli.WARNED, Level.FAIL: cli.FAILED}[worst]


def _write_support(own: settings.Settings, rows: list[Row], target: Path) -> None:
    from commune_portal.health import support
    from commune_portal.store import files

    with files.disk_errors():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(support.pack(support.parts(own, rows)))
