"""The exchange: enrolled, the age of what waits, the relay's heartbeat."""

from __future__ import annotations

from commune_portal.health.row import Level, Patient, Row, age_in_days, told

WHY_NODE = "Chưa kết nối nút thì văn bản đi nằm trong hàng chờ, văn bản đến không về."
WHY_OUTBOX = "Văn bản nằm lâu trong hàng chờ là nơi nhận chưa có; văn bản khẩn có thể đã trễ."
WHY_RELAY = "Bộ phận chuyển gửi chạy nền; khi nó dừng, không gì đi và về."
WAITING_WARN_DAYS = 1
WAITING_FAIL_DAYS = 7
SILENT_MINUTES = 10


def check(patient: Patient) -> list[Row]:
    """Rows `node`, `outbox` and `relay`, at an office."""
    if not patient.is_office or patient.connection is None:
        return []
    return [_node(patient), _outbox(patient), _relay(patient)]


def _node(patient: Patient) -> Row:
    peer = patient.one("SELECT name, enrolled_at FROM peers ORDER BY id DESC LIMIT 1")
    mend = "Xin nút liên thông tệp đăng ký rồi nạp ở trang Kết nối nút, hoặc bằng «commune-portal node import»."
    if peer is None:
        return Row("node", Level.WARN, "Chưa khai báo nút liên thông", WHY_NODE, mend)
    if peer[1] is None:
        return Row("node", Level.WARN, f"Chưa được {peer[0]} chấp nhận", WHY_NODE, mend)
    return told("node", f"Đã kết nối {peer[0]}", WHY_NODE)


def _outbox(patient: Patient) -> Row:
    found = patient.one("SELECT count(*), min(queued_at) FROM outbox WHERE state = 'ready'")
    amount, oldest = found or (0, None)
    if not oldest:
        return told("outbox", "Không có gì chờ gửi", WHY_OUTBOX)
    days = age_in_days(str(oldest))
    what = f"{amount} gói chờ gửi, lâu nhất đã {days:.0f} ngày"
    reason = patient.one("SELECT last_reason FROM contacts ORDER BY last_attempt_at DESC")
    mend = f"Xem trang Liên thông. Lý do gần nhất: {reason[0]}" if reason and reason[0] else "Xem trang Liên thông."
    if days > WAITING_WARN_DAYS:
        return Row("outbox", Level.FAIL if days > WAITING_FAIL_DAYS else Level.WARN, what, WHY_OUTBOX, mend)
    return told("outbox", what, WHY_OUTBOX)


def _relay(patient: Patient) -> Row:
    if _is_paused(patient):
        mend = "Đối chiếu số sau khôi phục cho xong; bộ chuyển gửi tự chạy lại ngay sau đó."
        return Row("relay", Level.WARN, "Bộ chuyển gửi tạm ngừng vì chưa đối chiếu số sau khôi phục", WHY_RELAY, mend)
    if not patient.settings.relay.enabled:
        return Row(
            "relay", Level.WARN, "Bộ chuyển gửi bị tắt trong tệp cấu hình", WHY_RELAY, "Đặt relay.enabled = true."
        )
    beat = patient.one("SELECT max(heartbeat_at) FROM contacts")
    if beat is None or beat[0] is None:
        return told("relay", "Bộ chuyển gửi chưa chạy lần nào", WHY_RELAY)
    minutes = age_in_days(str(beat[0])) * 24 * 60
    if minutes > SILENT_MINUTES:
        mend = "Nếu hệ thống đang chạy, hãy dừng và mở lại; xem nhật ký kỹ thuật trong thư mục logs."
        return Row("relay", Level.WARN, f"Bộ chuyển gửi im lặng {minutes:.0f} phút", WHY_RELAY, mend)
    return told("relay", "Bộ chuyển gửi đang chạy", WHY_RELAY)


def _is_paused(patient: Patient) -> bool:
    if patient.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'restorations'") is None:
        return False
    return patient.one("SELECT 1 FROM restorations WHERE confirmed_at IS NULL") is not None
