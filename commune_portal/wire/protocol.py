"""The names of the exchange: paths, headers, limits and the words of a refusal, as `docs/wire.md` fixes them."""

from __future__ import annotations

from enum import Enum

PREFIX = "/exchange/v1"
CLOCK = f"{PREFIX}/clock"
ENROLMENT = f"{PREFIX}/enrolment"
UPLOADS = f"{PREFIX}/uploads"
MESSAGES = f"{PREFIX}/messages"
MAILBOX = f"{PREFIX}/mailbox"
PACKETS = f"{PREFIX}/packets"
RECEIPTS = f"{PREFIX}/receipts"
JOURNAL = f"{PREFIX}/journal"
DIRECTORY = f"{PREFIX}/directory"
VECTOR = f"{PREFIX}/vector"
SUBTREE = f"{PREFIX}/subtree"
COMPARISON = f"{PREFIX}/comparison"
ORGANISATIONS = f"{PREFIX}/organisations"
LOST = f"{PREFIX}/lost"
SENT = f"{PREFIX}/sent"

NODE_TIME = "Node-Time"
CONTENT_DIGEST = "Content-Digest"
EXCHANGE_NODE = "Exchange-Node"
ENVELOPE_LENGTH = "Envelope-Length"
EXCHANGE_TRACE = "Exchange-Trace"
PACKET_PRESENT = "Packet-Present"
RECEIPT = "Receipt"
EXCHANGE_ERROR = "Exchange-Error"

TUS_RESUMABLE = "Tus-Resumable"
TUS_VERSION = "1.0.0"
TUS_EXTENSIONS = "creation,expiration,checksum,termination"
UPLOAD_OFFSET = "Upload-Offset"
UPLOAD_LENGTH = "Upload-Length"
UPLOAD_METADATA = "Upload-Metadata"
UPLOAD_CHECKSUM = "Upload-Checksum"
UPLOAD_EXPIRES = "Upload-Expires"
CHUNK_TYPE = "application/offset+octet-stream"
CHECKSUM_MISMATCH = 460

LARGEST_INLINE_BYTES = 64 * 1024
LARGEST_MAILBOX_PAGE = 200
LARGEST_CHUNK_BYTES = 4 * 1024 * 1024
LARGEST_JOURNAL_LINES = 500
LARGEST_JOURNAL_BYTES = 2 * 1024 * 1024


class Refused(Enum):
    """The word in the JSON of an answer that is not a success, and what a person reads of it."""

    UNAUTHENTICATED = "unauthenticated"
    STALE = "stale"
    REPLAYED = "replayed"
    KEY_REVOKED = "key-revoked"
    NOT_PERMITTED = "not-permitted"
    NOT_FOUND = "not-found"
    PACKET_MISSING = "packet-missing"
    WIPED = "wiped"
    MALFORMED = "malformed"
    UNSUPPORTED_VERSION = "unsupported-version"
    DIGEST_MISMATCH = "digest-mismatch"
    WRONG_OFFSET = "wrong-offset"
    CHECKSUM_MISMATCH = "checksum-mismatch"
    TOO_LARGE = "too-large"
    CONFLICT = "conflict"
    TOKEN_USED = "token-used"  # noqa: S105 - a word of the protocol
    JOURNAL_GAP = "journal-gap"
    JOURNAL_FORK = "journal-fork"
    TRY_LATER = "try-later"
    DISK_FULL = "disk-full"
    NOT_SUPPORTED = "not-supported"

    @property
    def status(self) -> int:
        """The HTTP status that goes with it."""
        return _ANSWERS[self][0]

    @property
    def sentence(self) -> str:
        """The Vietnamese sentence that goes with it."""
        return _ANSWERS[self][1]


_ANSWERS: dict[Refused, tuple[int, str]] = {
    Refused.UNAUTHENTICATED: (401, "Nút liên thông không nhận ra hệ thống này. Hãy kiểm tra việc đăng ký với nút."),
    Refused.STALE: (401, "Giờ của máy lệch quá mười phút so với nút liên thông."),
    Refused.REPLAYED: (401, "Yêu cầu này đã được gửi một lần rồi."),
    Refused.KEY_REVOKED: (403, "Khóa của hệ thống này đã bị thu hồi. Hãy xin tệp đăng ký mới từ nút liên thông."),
    Refused.NOT_PERMITTED: (403, "Hệ thống này không được phép làm việc đó. Hãy liên hệ người vận hành nút."),
    Refused.NOT_FOUND: (404, "Nút liên thông không có mục này."),
    Refused.PACKET_MISSING: (404, "Nút liên thông chưa có nội dung gói; cần tải gói lên trước."),
    Refused.WIPED: (410, "Gói này đã được thu hồi và xóa."),
    Refused.MALFORMED: (400, "Nút liên thông không đọc được yêu cầu."),
    Refused.UNSUPPORTED_VERSION: (400, "Nút liên thông chưa hỗ trợ phiên bản này. Hãy báo người vận hành nút."),
    Refused.DIGEST_MISMATCH: (400, "Dữ liệu bị sai lệch trên đường truyền; cần gửi lại."),
    Refused.WRONG_OFFSET: (409, "Phần tải lên không nối tiếp phần nút đã có."),
    Refused.CHECKSUM_MISMATCH: (460, "Phần tải lên bị sai lệch trên đường truyền; cần gửi lại."),
    Refused.TOO_LARGE: (413, "Gói lớn hơn mức nút liên thông cho phép."),
    Refused.CONFLICT: (409, "Nút liên thông đã có dữ liệu khác mang cùng mã."),
    Refused.TOKEN_USED: (403, "Mã đăng ký đã dùng, đã hết hạn hoặc không đúng. Hãy xin tệp đăng ký mới."),
    Refused.JOURNAL_GAP: (409, "Nhật ký gửi lên không nối tiếp phần nút đã có."),
    Refused.JOURNAL_FORK: (409, "Nhật ký gửi lên khác với phần nút đã có. Hãy báo người vận hành nút."),
    Refused.TRY_LATER: (429, "Nút liên thông đang bận; hệ thống sẽ tự gửi lại."),
    Refused.DISK_FULL: (503, "Nút liên thông tạm hết chỗ chứa; hệ thống sẽ tự gửi lại."),
    Refused.NOT_SUPPORTED: (501, "Nút liên thông chưa hỗ trợ việc này."),
}
