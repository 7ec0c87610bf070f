"""What is limited, told at seventy percent: before somebody is refused, and while there is time to act.

Source: users-ask.md, row 20 (one outage must not stop everything; warn at 70 % of a limit).
"""

from __future__ import annotations

from dataclasses import dataclass

from commune_portal.health import network
from commune_portal.health.row import Level, Patient, Row, told

WHY = "Tới giới hạn thì việc mới bị từ chối; biết trước thì còn kịp dọn hoặc nới."
WARN_SHARE = 0.7
CONNECTIONS_AT_MOST = 400
"""The smaller of the two that `listening` allows; Windows has this one."""

OUTBOX_AT_MOST = 2000
QUARANTINE_AT_MOST = 100
MAILBOX_PER_MEMBER_AT_MOST = 2000
"""No hard limits, but amounts above which nobody looks after the items one by one any more."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One thing that fills: its name, how much of how much, and what to do about it."""

    name: str
    used: int
    limit: int
    mend: str

    @property
    def share(self) -> float:
        """How full it is, from 0; 1 is at its limit."""
        return self.used / self.limit if self.limit else 0.0


def check(patient: Patient) -> list[Row]:
    """The row `limits`."""
    gauges = [*(_office(patient) if patient.is_office else _node(patient)), *_connections(patient)]
    full = sorted((gauge for gauge in gauges if gauge.share >= WARN_SHARE), key=lambda gauge: -gauge.share)
    if not full:
        return [told("limits", "Mọi mức đều dưới 70% giới hạn", WHY)]
    what = "; ".join(f"{gauge.name}: {gauge.share:.0%} ({gauge.used}/{gauge.limit})" for gauge in full)
    level = Level.FAIL if full[0].share >= 1 else Level.WARN
    return [Row("limits", level, what, WHY, full[0].mend)]


def _office(patient: Patient) -> list[Gauge]:
    return [
        Gauge(
            "Gói chờ gửi", _count(patient, "SELECT count(*) FROM outbox WHERE state = 'ready'"), OUTBOX_AT_MOST,
            "Xem trang Liên thông vì sao chưa gửi được; mất mạng lâu thì chuyển bằng túi thư USB.",
        ),
        Gauge(
            "Gói cách ly chưa xem", _count(patient, "SELECT count(*) FROM quarantine WHERE seen_at IS NULL"),
            QUARANTINE_AT_MOST, "Xem các gói bị cách ly ở trang Liên thông và báo nơi gửi.",
        ),
    ]  # fmt: skip


def _node(patient: Patient) -> list[Gauge]:
    limits = patient.settings.limits
    unfinished = _count(patient, "SELECT max(total) FROM (SELECT sum(length) total FROM uploads GROUP BY member_id)")
    mailbox = _count(
        patient,
        "SELECT max(amount) FROM (SELECT count(*) amount FROM mailbox WHERE fetched_at IS NULL AND wiped_at IS NULL"
        " GROUP BY recipient_code)",
    )
    quarantine = _count(patient, "SELECT count(*) FROM quarantine WHERE seen_at IS NULL")
    return [
        Gauge(
            "Dung lượng gửi dở của một cơ quan (byte)", unfinished, limits.unfinished_bytes_per_member,
            "Nhắc cơ quan đó gửi nốt; phần gửi dở quá hạn tự được dọn.",
        ),
        Gauge(
            "Văn bản chưa lấy về của một cơ quan", mailbox, MAILBOX_PER_MEMBER_AT_MOST,
            "Gọi cơ quan đó: máy của họ có thể đã hỏng hoặc mất mạng; có thể mang túi thư USB tới.",
        ),
        Gauge("Gói cách ly chưa xem", quarantine, QUARANTINE_AT_MOST, "Xem các gói bị cách ly và báo nơi gửi."),
    ]  # fmt: skip


def _connections(patient: Patient) -> list[Gauge]:
    used = network.open_connections(patient.settings.server.port)
    if used is None:
        return []
    return [
        Gauge(
            "Kết nối đang mở", used, CONNECTIONS_AT_MOST,
            "Xem có máy nào mở quá nhiều kết nối không; khởi động lại dịch vụ để bỏ kết nối treo.",
        )
    ]  # fmt: skip


def _count(patient: Patient, statement: str) -> int:
    found = patient.one(statement)
    return int(str(found[0])) if found and found[0] is not None else 0
