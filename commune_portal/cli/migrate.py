"""`commune-portal migrate`: brings the register to this release's schema, after a copy of it was written."""

from __future__ import annotations

import argparse
import json
import sqlite3

from commune_portal import cli, clock, settings
from commune_portal.errors import StoreRefused
from commune_portal.store import migrate


def arguments(parser: argparse.ArgumentParser) -> None:
    """The form of the answer, and whether somebody else holds a copy."""
    parser.add_argument("--without-copy", action="store_true", help="không ghi bản trước (bộ cài đã chụp lại dữ liệu)")
    parser.add_argument("--json", action="store_true", help="in kết quả dạng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Migrates; what was there stays as a file in the backups folder until somebody removes it."""
    configured = settings.load(chosen.config)
    if not configured.database_path.is_file():
        raise StoreRefused(f"Không thấy tệp dữ liệu {configured.database_path}. Hãy chạy «commune-portal init».")
    connection = sqlite3.connect(configured.database_path)
    try:
        before = migrate.current_version(connection)
    finally:
        connection.close()
    stamp = clock.now_text().replace(":", "").replace("-", "")
    copy = configured.backups_folder / f"before-schema-{len(migrate.migrations())}-{stamp}.sqlite3"
    after = migrate.migrate(configured.database_path, backup=None if chosen.without_copy else copy)
    kept = str(copy) if copy.exists() else None
    if chosen.json:
        print(json.dumps({"before": before, "after": after, "copy": kept}))
    elif before == after:
        print(f"Dữ liệu đã ở lược đồ {after}; không có gì phải làm.")
    else:
        print(f"Đã nâng cấp lược đồ {before} -> {after}. Bản trước khi nâng cấp: {kept}")
    return cli.DONE
