"""The backups: how old the newest is, which was proved by restoring it, for whom they are closed, what a restore left.

What each run did is in `backup_runs`; a backup that was made by hand or elsewhere stands in the journal alone.
"""

from __future__ import annotations

import json

from commune_portal.documents.restoration import ABOUT
from commune_portal.health.row import Level, Patient, Row, age_in_days, told

WHY = "Ổ đĩa hỏng lúc nào không biết; chỉ bản sao lưu đã chứng minh mới cứu được sổ."
MEND = "Cắm USB có thư mục «sao-luu», mở trang Sao lưu và bấm «Sao lưu ngay»; hoặc chạy «commune-portal backup»."
MEND_PROOF = (
    "Mở trang Sao lưu, bấm «Chứng minh ngay»: hệ thống khôi phục thử bản mới nhất vào thư mục tạm rồi đọc lại"
    " tất cả; hoặc chạy «commune-portal drill»."
)
WHY_STICK = "Máy cháy, mất trộm hay hỏng ổ thì bản sao lưu nằm cùng máy mất theo."
WHY_KEY = (
    "Bản sao lưu được khóa bằng khóa phục hồi in trên giấy; không có tờ giấy đó, máy hỏng thì không mở được bản nào."
)
WHY_RESTORE = "Số đã cấp sau lần sao lưu có thể bị cấp lại; phải đối chiếu trước khi cấp số và gửi đi."
WARN_AFTER_DAYS = 2
FAIL_AFTER_DAYS = 14
PROVEN_AFTER_DAYS = 35
STICK_AFTER_DAYS = 8


def check(patient: Patient) -> list[Row]:
    """Rows `backup`, `backup-proven`, `recovery-key`; where they apply, `backup-stick` and `restoration`."""
    if patient.connection is None:
        return []
    newest, proven = _in_journal(patient)
    has_runs = _has(patient, "backup_runs")
    if has_runs:
        newest = _later(newest, patient.one("SELECT max(ended_at) FROM backup_runs WHERE outcome = 'written'"))
        proven = _later(proven, patient.one("SELECT max(proven_at) FROM backup_runs WHERE proven_at IS NOT NULL"))
    rows = [_newest(patient, newest, has_runs=has_runs), _proven(proven)]
    if has_runs:
        rows += _stick(patient)
    if _has(patient, "recovery_keys"):
        rows.append(_key(patient))
    if _has(patient, "restorations"):
        rows += _restoration(patient)
    return rows


def _has(patient: Patient, table: str) -> bool:
    return patient.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table) is not None


def _later(known: str | None, found: tuple[object, ...] | None) -> str | None:
    other = str(found[0]) if found and found[0] else None
    return max((text for text in (known, other) if text), default=None)


def _in_journal(patient: Patient) -> tuple[str | None, str | None]:
    """The newest backup and the newest proven one that the journal tells of."""
    assert patient.connection is not None
    newest = None
    for (body,) in patient.connection.execute("SELECT body FROM journal WHERE object = ? ORDER BY seq DESC", (ABOUT,)):
        fields = json.loads(body)
        newest = newest or fields["instant"]
        if fields["facts"].get("proven"):
            return newest, fields["instant"]
    return newest, None


def _newest(patient: Patient, instant: str | None, *, has_runs: bool) -> Row:
    failed = ""
    if has_runs:
        last = patient.one("SELECT outcome, error FROM backup_runs WHERE outcome <> 'gone' ORDER BY id DESC LIMIT 1")
        failed = str(last[1]) if last and last[0] == "failed" else ""
    mend = f"Lần gần nhất không thành: {failed} {MEND}" if failed else MEND
    if instant is None:
        return Row("backup", Level.WARN, "Chưa sao lưu lần nào", WHY, mend)
    days = age_in_days(instant)
    if days > WARN_AFTER_DAYS:
        level = Level.FAIL if days > FAIL_AFTER_DAYS else Level.WARN
        return Row("backup", level, f"Bản sao lưu mới nhất đã {days:.0f} ngày", WHY, mend)
    what = f"Bản sao lưu mới nhất {_ago(days)}"
    if failed:
        return Row("backup", Level.WARN, f"{what}, nhưng lần sau đó không thành", WHY, mend)
    if not patient.settings.backup.enabled:
        off = "Đặt backup.enabled = true trong tệp cấu hình rồi mở lại hệ thống."
        return Row("backup", Level.WARN, f"{what}; sao lưu tự động đang tắt", WHY, off)
    return told("backup", what, WHY)


def _proven(instant: str | None) -> Row:
    if instant is None:
        return Row("backup-proven", Level.WARN, "Chưa có bản sao lưu nào được chứng minh", WHY, MEND_PROOF)
    days = age_in_days(instant)
    if days > PROVEN_AFTER_DAYS:
        return Row("backup-proven", Level.WARN, f"Lần chứng minh gần nhất đã {days:.0f} ngày", WHY, MEND_PROOF)
    return told("backup-proven", f"Đã chứng minh {_ago(days)}", WHY)


def _ago(days: float) -> str:
    if days * 24 < 1:
        return "chưa quá một giờ trước"
    return f"{days * 24:.0f} giờ trước" if days < 2 else f"{days:.0f} ngày trước"


def _stick(patient: Patient) -> list[Row]:
    """Where sticks are used at all: how long none was there."""
    found = patient.one("SELECT max(ended_at) FROM backup_runs WHERE place = 'stick' AND outcome = 'written'")
    if not patient.settings.backup.sticks or found is None or not found[0]:
        return []
    days = age_in_days(str(found[0]))
    if days > STICK_AFTER_DAYS:
        what = f"Đã {days:.0f} ngày không có bản sao lưu nào ra USB"
        return [
            Row("backup-stick", Level.WARN, what, WHY_STICK, "Cắm USB sao lưu vào máy; hệ thống tự ghi khi tới giờ.")
        ]
    return [told("backup-stick", f"Bản trên USB mới nhất đã {days:.0f} ngày", WHY_STICK)]


def _key(patient: Patient) -> Row:
    mend = "Mở trang Sao lưu, bấm «Tạo khóa», in tờ giấy, gõ nhóm cuối để xác nhận, rồi cất giấy vào két."
    found = patient.one(
        "SELECT fingerprint FROM recovery_keys WHERE confirmed_at IS NOT NULL AND retired_at IS NULL ORDER BY id DESC"
    )
    if found is not None:
        return told("recovery-key", f"Khóa phục hồi {found[0]} đã in và xác nhận", WHY_KEY)
    waiting = patient.one("SELECT 1 FROM recovery_keys WHERE retired_at IS NULL")
    if waiting is not None:
        return Row("recovery-key", Level.WARN, "Khóa phục hồi đã tạo nhưng chưa xác nhận là đã in", WHY_KEY, mend)
    return Row("recovery-key", Level.WARN, "Chưa có khóa phục hồi", WHY_KEY, mend)


def _restoration(patient: Patient) -> list[Row]:
    found = patient.one("SELECT restored_at FROM restorations WHERE confirmed_at IS NULL ORDER BY id DESC")
    if found is None:
        return []
    what = "Đã khôi phục từ bản sao lưu, chưa đối chiếu số: chưa cấp số, chưa gửi đi được"
    mend = "Mở trang «Đối chiếu số sau khôi phục» và làm theo từng bước; cần sổ giấy hoặc bản in gần nhất."
    return [Row("restoration", Level.FAIL, what, WHY_RESTORE, mend)]
