"""The acts that a journal line can record, with the words that the trail and the auditor read."""

from __future__ import annotations

from enum import StrEnum


class Act(StrEnum):
    """What was done. The value stands in journal bodies for ever; never rename one."""

    INSTALLATION_MADE = "installation.made"
    INSTALLATION_RESTORED = "installation.restored"
    KEYS_CHANGED = "keys.changed"
    ENROLLED = "enrolled"
    RULE_SET = "rule.set"
    ISSUER_SET = "issuer.set"
    UNIT_SET = "unit.set"
    ACCOUNT_MADE = "account.made"
    ACCOUNT_CHANGED = "account.changed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 -- an act, not a password
    MANDATE_SET = "mandate.set"
    BOOK_OPENED = "book.opened"
    BOOK_CLOSED = "book.closed"
    BOOK_PRINTED = "book.printed"
    CLOCK_CONFIRMED = "clock.confirmed"
    INCOMING_ARRIVED = "incoming.arrived"
    INCOMING_CHECKED = "incoming.checked"
    INCOMING_REGISTERED = "incoming.registered"
    INCOMING_REFUSED = "incoming.refused"
    INCOMING_ASSIGNED = "incoming.assigned"
    INCOMING_STARTED = "incoming.started"
    INCOMING_COMPLETED = "incoming.completed"
    OUTGOING_DRAFTED = "outgoing.drafted"
    OUTGOING_EDITED = "outgoing.edited"
    OUTGOING_SUBMITTED = "outgoing.submitted"
    OUTGOING_RETURNED = "outgoing.returned"
    OUTGOING_APPROVED = "outgoing.approved"
    OUTGOING_SIGNED = "outgoing.signed"
    OUTGOING_NUMBERED = "outgoing.numbered"
    OUTGOING_SEALED = "outgoing.sealed"
    OUTGOING_DISPATCHED = "outgoing.dispatched"
    OUTGOING_DELIVERED = "outgoing.delivered"
    OUTGOING_REFUSED_BY_NODE = "outgoing.refused-by-node"
    RECEIPT_KEPT = "receipt.kept"
    PACKET_QUARANTINED = "packet.quarantined"
    QUARANTINE_SEEN = "quarantine.seen"
    SENT_AGAIN = "sent-again"
    NUMBER_VOIDED = "number.voided"
    STATUS_ARRIVED = "status.arrived"
    EXPORTED = "exported"
    BACKED_UP = "backed-up"
    ACCESSES_DIGESTED = "accesses.digested"
    MEMBER_ADDED = "member.added"
    MEMBER_ENROLLED = "member.enrolled"
    MEMBER_REVOKED = "member.revoked"
    PACKAGE_TAKEN = "package.taken"
    PACKAGE_REFUSED = "package.refused"
    PACKAGE_FETCHED = "package.fetched"
    EXTRACT_TAKEN = "extract.taken"
    EXTRACT_DISAGREES = "extract.disagrees"
    AUDIT_OPENED = "audit.opened"
    DIRECTORY_CHANGED = "directory.changed"
    OUTGOING_RECALLED = "outgoing.recalled"
    OUTGOING_REPLACED = "outgoing.replaced"
    OUTGOING_UPDATED = "outgoing.updated"
    OUTGOING_CORRECTED = "outgoing.corrected"
    OUTGOING_WITHDRAWN = "outgoing.withdrawn"
    TAKE_BACK_ASKED = "take-back.asked"
    AMENDMENT_ARRIVED = "amendment.arrived"
    AMENDMENT_ANSWERED = "amendment.answered"
    INCOMING_DESTROYED = "incoming.destroyed"
    INCOMING_TAKEN_BACK = "incoming.taken-back"
    TAKE_BACK_DECLINED = "take-back.declined"
    INCOMING_UPDATED = "incoming.updated"
    UPDATE_DECLINED = "update.declined"
    INCOMING_REPLACED = "incoming.replaced"
    CLASSIFIED_REFUSED = "classified.refused"
    CLASSIFIED_REPORTED = "classified.reported"
    CALLED = "called"
    PAPER_SENT = "paper.sent"
    GROUP_SET = "group.set"
    BAG_EXPORTED = "bag.exported"
    BAG_IMPORTED = "bag.imported"
    PACKAGE_FORWARDED = "package.forwarded"
    PACKAGE_WIPED = "package.wiped"
    RECOVERY_KEY_SET = "recovery-key.set"
    BACKUP_PROVEN = "backup.proven"
    NUMBERS_RECONCILED = "numbers.reconciled"
    REHEARSED = "rehearsed"
    SOFTWARE_CHANGED = "software.changed"

    @property
    def label(self) -> str:
        """The act in Vietnamese, as a sentence's predicate."""
        return _LABELS[self]


_LABELS: dict[Act, str] = {
    Act.INSTALLATION_MADE: "Khởi tạo hệ thống",
    Act.INSTALLATION_RESTORED: "Khôi phục từ bản sao lưu",
    Act.KEYS_CHANGED: "Đổi khóa của hệ thống",
    Act.ENROLLED: "Kết nối với nút liên thông",
    Act.RULE_SET: "Đặt quy định của cơ quan",
    Act.ISSUER_SET: "Khai báo cơ quan ban hành",
    Act.UNIT_SET: "Khai báo đơn vị",
    Act.ACCOUNT_MADE: "Tạo tài khoản",
    Act.ACCOUNT_CHANGED: "Thay đổi tài khoản hoặc quyền",
    Act.PASSWORD_CHANGED: "Đổi mật khẩu",
    Act.MANDATE_SET: "Giao thẩm quyền ký",
    Act.BOOK_OPENED: "Mở sổ",
    Act.BOOK_CLOSED: "Khóa sổ",
    Act.BOOK_PRINTED: "In sổ",
    Act.CLOCK_CONFIRMED: "Xác nhận ngày giờ",
    Act.INCOMING_ARRIVED: "Văn bản đến hệ thống",
    Act.INCOMING_CHECKED: "Kiểm tra chữ ký số",
    Act.INCOMING_REGISTERED: "Tiếp nhận, vào sổ",
    Act.INCOMING_REFUSED: "Từ chối tiếp nhận",
    Act.INCOMING_ASSIGNED: "Phân công xử lý",
    Act.INCOMING_STARTED: "Bắt đầu xử lý",
    Act.INCOMING_COMPLETED: "Hoàn thành xử lý",
    Act.OUTGOING_DRAFTED: "Soạn dự thảo",
    Act.OUTGOING_EDITED: "Sửa dự thảo",
    Act.OUTGOING_SUBMITTED: "Trình lãnh đạo",
    Act.OUTGOING_RETURNED: "Trả lại dự thảo",
    Act.OUTGOING_APPROVED: "Duyệt dự thảo",
    Act.OUTGOING_SIGNED: "Ký số",
    Act.OUTGOING_NUMBERED: "Cấp số",
    Act.OUTGOING_SEALED: "Ký số của cơ quan, phát hành",
    Act.OUTGOING_DISPATCHED: "Gửi đi",
    Act.OUTGOING_DELIVERED: "Nút liên thông đã nhận",
    Act.OUTGOING_REFUSED_BY_NODE: "Nút liên thông từ chối",
    Act.RECEIPT_KEPT: "Lưu biên nhận của nút liên thông",
    Act.PACKET_QUARANTINED: "Cách ly gói tin không đọc được",
    Act.QUARANTINE_SEEN: "Đã xem gói tin bị cách ly",
    Act.SENT_AGAIN: "Gửi lại gói tin mà nút làm mất",
    Act.NUMBER_VOIDED: "Hủy số",
    Act.STATUS_ARRIVED: "Nhận trạng thái từ nơi nhận",
    Act.EXPORTED: "Xuất dữ liệu",
    Act.BACKED_UP: "Sao lưu",
    Act.ACCESSES_DIGESTED: "Chốt nhật ký truy cập",
    Act.MEMBER_ADDED: "Thêm đơn vị thành viên",
    Act.MEMBER_ENROLLED: "Đơn vị thành viên kết nối",
    Act.MEMBER_REVOKED: "Thu hồi khóa của đơn vị",
    Act.PACKAGE_TAKEN: "Nhận gói tin",
    Act.PACKAGE_REFUSED: "Từ chối gói tin",
    Act.PACKAGE_FETCHED: "Nơi nhận đã lấy gói tin",
    Act.EXTRACT_TAKEN: "Nhận trích lục nhật ký",
    Act.EXTRACT_DISAGREES: "Trích lục nhật ký không khớp",
    Act.AUDIT_OPENED: "Kiểm tra viên mở sổ",
    Act.DIRECTORY_CHANGED: "Thay đổi danh bạ",
    Act.OUTGOING_RECALLED: "Thu hồi văn bản",
    Act.OUTGOING_REPLACED: "Thay thế văn bản",
    Act.OUTGOING_UPDATED: "Cập nhật thông tin văn bản đã gửi",
    Act.OUTGOING_CORRECTED: "Gắn công văn đính chính",
    Act.OUTGOING_WITHDRAWN: "Rút khỏi hàng chờ gửi",
    Act.TAKE_BACK_ASKED: "Yêu cầu lấy lại văn bản",
    Act.AMENDMENT_ARRIVED: "Nhận yêu cầu của nơi gửi",
    Act.AMENDMENT_ANSWERED: "Nơi nhận trả lời yêu cầu",
    Act.INCOMING_DESTROYED: "Hủy văn bản theo thông báo thu hồi",
    Act.INCOMING_TAKEN_BACK: "Đồng ý cho lấy lại",
    Act.TAKE_BACK_DECLINED: "Từ chối cho lấy lại",
    Act.INCOMING_UPDATED: "Cập nhật theo nơi gửi",
    Act.UPDATE_DECLINED: "Từ chối cập nhật",
    Act.INCOMING_REPLACED: "Văn bản được thay thế",
    Act.CLASSIFIED_REFUSED: "Từ chối văn bản mật",
    Act.CLASSIFIED_REPORTED: "Ghi đã báo cáo văn bản mật",
    Act.PAPER_SENT: "Đã gửi kèm bản giấy",
    Act.CALLED: "Ghi cuộc gọi về văn bản hỏa tốc",
    Act.GROUP_SET: "Đặt nhóm nơi nhận",
    Act.BAG_EXPORTED: "Xuất túi thư",
    Act.BAG_IMPORTED: "Nhập túi thư",
    Act.PACKAGE_FORWARDED: "Chuyển gói tin lên nút trên",
    Act.PACKAGE_WIPED: "Hủy gói tin đã thu hồi",
    Act.RECOVERY_KEY_SET: "Đặt khóa phục hồi bản sao lưu",
    Act.BACKUP_PROVEN: "Chứng minh bản sao lưu bằng khôi phục thử",
    Act.NUMBERS_RECONCILED: "Đối chiếu số văn bản sau khôi phục",
    Act.REHEARSED: "Diễn tập sau cài đặt",
    Act.SOFTWARE_CHANGED: "Đổi phiên bản phần mềm",
}
