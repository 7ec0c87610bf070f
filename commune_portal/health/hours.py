"""The computer's clock: plausible, not before the last journal line, close to the node's."""

from __future__ import annotations

import json
from datetime import timedelta

from commune_portal import clock
from commune_portal.health.row import Level, Patient, Row, told

WHY = "Ngày văn bản, hạn xử lý và chữ ký lấy từ đồng hồ máy; đồng hồ sai thì số và ngày sai."
MEND = "Chỉnh lại ngày giờ của máy (bật đồng bộ giờ nếu có mạng), rồi mở lại hệ thống."
RELEASE_YEAR = 2026
SLACK = timedelta(minutes=2)
SKEW_WARN_SECONDS = 60
SKEW_FAIL_SECONDS = 300


def check(patient: Patient) -> list[Row]:
    """The row `clock`."""
    now = clock.now()
    here = now.astimezone(clock.VIETNAM).strftime("%d/%m/%Y %H:%M")
    if not RELEASE_YEAR <= now.year <= RELEASE_YEAR + 20:
        return [Row("clock", Level.FAIL, f"Đồng hồ máy là {here}: không thể đúng", WHY, MEND)]
    last = patient.one("SELECT body FROM journal ORDER BY seq DESC LIMIT 1")
    if last is not None:
        written = clock.from_text(json.loads(str(last[0]))["instant"])
        if written > now + SLACK:
            after = written.astimezone(clock.VIETNAM).strftime("%d/%m/%Y %H:%M")
            what = f"Đồng hồ máy là {here}, chậm hơn dòng nhật ký cuối ({after})"
            return [Row("clock", Level.FAIL, what, WHY, MEND)]
    skew = patient.one(
        "SELECT skew_seconds FROM contacts WHERE last_contact_at IS NOT NULL ORDER BY last_contact_at DESC"
    )
    seconds = abs(int(str(skew[0]))) if skew else 0
    if seconds > SKEW_WARN_SECONDS:
        level = Level.FAIL if seconds > SKEW_FAIL_SECONDS else Level.WARN
        return [Row("clock", level, f"Đồng hồ máy lệch {seconds} giây so với nút liên thông", WHY, MEND)]
    return [told("clock", f"Đồng hồ máy là {here}" + (f", lệch nút {seconds} giây" if skew else ""), WHY)]
