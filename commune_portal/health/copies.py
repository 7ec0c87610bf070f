"""How old the newest backup is, and the newest that was proved by restoring it."""

from __future__ import annotations

import json

from commune_portal.documents.restoration import ABOUT
from commune_portal.health.row import Level, Patient, Row, age_in_days, told

WHY = "Ổ đĩa hỏng lúc nào không biết; chỉ bản sao lưu đã chứng minh mới cứu được sổ."
MEND = "Cắm USB rồi chạy «commune-portal backup --to <thư mục trên USB>»; nên làm hằng ngày."
WARN_AFTER_DAYS = 2
FAIL_AFTER_DAYS = 14
PROVEN_AFTER_DAYS = 35


def check(patient: Patient) -> list[Row]:
    """Rows `backup` and `backup-proven`."""
    if patient.connection is None:
        return []
    newest = proven = None
    for (body,) in patient.connection.execute("SELECT body FROM journal WHERE object = ? ORDER BY seq DESC", (ABOUT,)):
        fields = json.loads(body)
        newest = newest or fields["instant"]
        if fields["facts"].get("proven"):
            proven = fields["instant"]
            break
    return [_newest(newest), _proven(proven)]


def _newest(instant: str | None) -> Row:
    if instant is None:
        return Row("backup", Level.WARN, "Chưa sao lưu lần nào", WHY, MEND)
    days = age_in_days(instant)
    if days > WARN_AFTER_DAYS:
        level = Level.FAIL if days > FAIL_AFTER_DAYS else Level.WARN
        return Row("backup", level, f"Bản sao lưu mới nhất đã {days:.0f} ngày", WHY, MEND)
    return told("backup", f"Bản sao lưu mới nhất cách đây {days * 24:.0f} giờ", WHY)


def _proven(instant: str | None) -> Row:
    if instant is None:
        return Row("backup-proven", Level.WARN, "Chưa có bản sao lưu nào được chứng minh", WHY, MEND)
    days = age_in_days(instant)
    if days > PROVEN_AFTER_DAYS:
        return Row("backup-proven", Level.WARN, f"Lần chứng minh gần nhất đã {days:.0f} ngày", WHY, MEND)
    return told("backup-proven", f"Đã chứng minh cách đây {days:.0f} ngày", WHY)
