"""`commune-portal doctor`: is this installation sound; what is not, why it matters, what to do."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from commune_portal import cli, settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """How it answers, and whether it may mend."""
    parser.add_argument("--fix", action="store_true", help="tự sửa những gì an toàn: quyền thư mục, tệp dở dang")
    parser.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Examines: 0 all is well, 1 warnings, 2 something is broken."""
    from commune_portal.health import examination
    from commune_portal.health.row import Level

    own = settings.load(chosen.config)
    fixed = examination.fix(own) if chosen.fix else []
    rows = examination.examine(own)
    worst = examination.worst(rows)
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
        for row in rows:
            print(f"[{row.level.label:^9}] {row.title} ({row.id}): {row.what}")
            if row.level is not Level.OK:
                print(f"            Vì sao cần: {row.why}")
                print(f"            Cách xử lý: {row.mend}")
    return {Level.OK: cli.DONE, Level.WARN: cli.WARNED, Level.FAIL: cli.FAILED}[worst]
