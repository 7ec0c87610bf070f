"""The signing token: does its driver load, is it there, how long do its certificates last; a trial key warns."""

from __future__ import annotations

import math

from commune_portal import clock
from commune_portal.errors import PortalError
from commune_portal.health.row import Level, Patient, Row, told
from commune_portal.settings import Settings
from commune_portal.signing import workshop
from commune_portal.signing.keys import CertificateInfo, TokenInfo

WHY = "Không có thiết bị ký số và chứng thư còn hạn thì không phát hành văn bản điện tử được."
WHY_TRIAL = "Khóa thử nghiệm chỉ để trình diễn; chữ ký không có giá trị pháp lý."
WARN_BELOW_DAYS = 45


def check(patient: Patient) -> list[Row]:
    """The row `token` and, where certificates can be read, `certificates`."""
    settings = patient.settings
    if not patient.is_office:
        return []
    if not settings.token.module:
        return [_without_module(settings)]
    if not patient.thorough:
        return [told("token", f"Trình điều khiển {settings.token.module} (kiểm tra kỹ để đọc thiết bị)", WHY)]
    bench = patient.bench or workshop.Workshop(settings)
    try:
        found = bench.list_tokens()
    except PortalError as error:
        return [
            Row(
                "token",
                Level.FAIL,
                error.sentence,
                WHY,
                "Cắm thiết bị; nếu vẫn lỗi, cài lại trình điều khiển của nhà cung cấp.",
            )
        ]
    finally:
        if patient.bench is None:
            bench.close()
    return [_tokens(found), *_certificates([item for token in found for item in token.certificates])]


def _without_module(settings: Settings) -> Row:
    if settings.token.trial:
        mend = "Ở cơ quan thật: đặt token.module là trình điều khiển của thiết bị và bỏ token.trial."
        return Row("token", Level.WARN, "Đang dùng KHÓA THỬ NGHIỆM", WHY_TRIAL, mend)
    mend = "Cài trình điều khiển thiết bị ký số và ghi đường dẫn vào token.module trong tệp cấu hình."
    return Row("token", Level.WARN, "Chưa cấu hình thiết bị ký số", WHY, mend)


def _tokens(found: tuple[TokenInfo, ...]) -> Row:
    if not found:
        return Row(
            "token", Level.WARN, "Không thấy thiết bị ký số nào đang cắm", WHY, "Cắm thiết bị (USB token) khi cần ký."
        )
    locked = [token.label for token in found if token.pin_locked]
    if locked:
        return Row("token", Level.FAIL, f"Thiết bị {locked[0]} đã bị khóa", WHY, "Liên hệ đơn vị cấp để mở khóa.")
    low = [token.label for token in found if token.pin_low or token.pin_final]
    if low:
        return Row(
            "token", Level.WARN, f"Thiết bị {low[0]} đã bị nhập sai mã PIN", WHY, "Nhập đúng mã PIN ở lần ký tới."
        )
    return told("token", f"{len(found)} thiết bị: {', '.join(token.label for token in found)}", WHY)


def _certificates(found: list[CertificateInfo]) -> list[Row]:
    if not found:
        return []
    soonest = min(found, key=lambda item: item.not_after)
    days = math.floor((soonest.not_after - clock.now()).total_seconds() / 86400)
    mend = "Liên hệ đơn vị cấp để gia hạn; gia hạn mất vài tuần."
    if days < 0:
        return [Row("certificates", Level.FAIL, f"Chứng thư «{soonest.common_name}» đã hết hạn", WHY, mend)]
    if days < WARN_BELOW_DAYS:
        return [Row("certificates", Level.WARN, f"Chứng thư «{soonest.common_name}» còn {days} ngày", WHY, mend)]
    return [told("certificates", f"{len(found)} chứng thư, sớm nhất còn {days} ngày", WHY)]
