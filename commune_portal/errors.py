"""Everything that can be refused, said once: a stable code, a sentence for the person, who can act.

`sentence` is Vietnamese and says what to do next. A raise may give a more exact sentence:
`raise RuleBroken("Lý do từ chối cần ít nhất 10 ký tự.")`. `detail` is for the technical log only: no document
text, no PIN, no password.
"""

from __future__ import annotations


class PortalError(Exception):
    """The root; never raised itself. Each leaf's docstring says who can act."""

    code = "portal"
    sentence = "Có lỗi xảy ra. Hãy thử lại; nếu vẫn lỗi, báo người quản trị."

    def __init__(self, sentence: str | None = None, *, field: str | None = None, detail: str = "") -> None:
        self.sentence = sentence or type(self).sentence
        self.field = field
        self.detail = detail
        super().__init__(f"{self.code}: {self.sentence}" + (f" ({detail})" if detail else ""))


class RuleBroken(PortalError):
    """The act is not allowed in this state; the person who acts can choose another act."""

    code = "rule-broken"
    sentence = "Việc này không làm được ở trạng thái hiện tại. Hãy tải lại trang để xem trạng thái mới nhất."


class NotFound(PortalError):
    """There is no such thing, or the person may not know of it; the person can search."""

    code = "not-found"
    sentence = "Không tìm thấy. Có thể đường dẫn sai hoặc bạn không có quyền xem."


class NotAllowed(PortalError):
    """The person's roles do not carry this act; the administrator can change roles."""

    code = "not-allowed"
    sentence = "Bạn không có quyền làm việc này. Nếu cần, đề nghị người quản trị cấp quyền."


class Malformed(PortalError):
    """What was typed or sent cannot be read; whoever made it can correct it."""

    code = "malformed"
    sentence = "Dữ liệu nhập chưa đúng. Hãy sửa các ô được đánh dấu rồi gửi lại."


class UnsupportedVersion(Malformed):
    """A newer portal wrote this message; the receiver's administrator can upgrade."""

    code = "unsupported-version"
    sentence = "Bên gửi dùng phiên bản mới hơn. Hãy nâng cấp hệ thống rồi nhận lại."


class Unauthenticated(PortalError):
    """A machine's request carries no valid signature, or a person's name and password do not match."""

    code = "unauthenticated"
    sentence = "Tên đăng nhập hoặc mật khẩu không đúng."


class Throttled(PortalError):
    """Too many attempts; time mends it, or the administrator resets the password."""

    code = "throttled"
    sentence = "Đăng nhập sai quá nhiều lần. Hãy đợi ít phút rồi thử lại, hoặc nhờ người quản trị đặt lại mật khẩu."


class TooLarge(PortalError):
    """What was sent is above the limit of this installation; the sender can split or compress it."""

    code = "too-large"
    sentence = "Tệp quá lớn so với giới hạn của hệ thống. Hãy giảm dung lượng rồi gửi lại."


class TokenUnavailable(PortalError):
    """The token cannot be used now; the clerk can plug it in, the administrator can mend the driver."""

    code = "token-unavailable"
    sentence = "Chưa dùng được thiết bị ký số. Hãy cắm thiết bị rồi thử lại."


class TokenMissing(TokenUnavailable):
    """No token with the expected serial or certificate is plugged in; the holder can plug it in."""

    code = "token-missing"
    sentence = "Không thấy thiết bị ký số. Hãy cắm đúng thiết bị (USB token) rồi thử lại."


class TokenGone(TokenUnavailable):
    """The token was pulled while it was used; the holder plugs it in and types the PIN again."""

    code = "token-gone"
    sentence = "Thiết bị ký số bị rút ra khi đang ký; văn bản chưa được ký. Hãy cắm lại rồi ký lại."


class TokenHasNoUsableCertificate(TokenUnavailable):
    """The token holds no certificate with its key that fits this signer; the provider can issue one."""

    code = "token-no-certificate"
    sentence = "Thiết bị không có chứng thư số phù hợp với người ký. Hãy kiểm tra đã cắm đúng thiết bị chưa."


class TokenCertificateExpired(TokenUnavailable):
    """The certificate is outside its validity; the provider can renew it."""

    code = "token-certificate-expired"
    sentence = "Chứng thư số đã hết hạn hoặc chưa đến hạn dùng. Hãy liên hệ đơn vị cấp để gia hạn."


class TokenDriverFailed(TokenUnavailable):
    """The PKCS#11 module cannot be loaded or fails; the administrator can install the right driver."""

    code = "token-driver"
    sentence = "Không nạp được trình điều khiển thiết bị ký số. Hãy báo người quản trị kiểm tra phần Thiết bị ký số."


class TokenPinWrong(PortalError):
    """The PIN is wrong; the holder types it again, with care: three wrong ones lock many tokens."""

    code = "token-pin-wrong"
    sentence = "Mã PIN không đúng. Văn bản chưa được ký. Hãy nhập lại cẩn thận: sai nhiều lần thiết bị sẽ bị khóa."


class TokenLastTry(PortalError):
    """One more wrong PIN locks the token; the holder confirms that the PIN at hand is the right one."""

    code = "token-last-try"
    sentence = "Chỉ còn MỘT lần nhập mã PIN, sai nữa thiết bị sẽ bị khóa. Hãy kiểm tra kỹ rồi xác nhận để nhập."


class TokenLocked(PortalError):
    """The token has locked itself; only its provider can unlock it."""

    code = "token-locked"
    sentence = "Thiết bị ký số đã bị khóa vì nhập sai mã PIN nhiều lần. Hãy liên hệ đơn vị cấp để mở khóa."


class SigningFailed(PortalError):
    """The PDF cannot be signed as it is, or our own check of the result failed; the drafter can upload another."""

    code = "signing-failed"
    sentence = "Không ký được tệp PDF này. Hãy kiểm tra tệp rồi thử lại; văn bản vẫn ở trạng thái cũ."


class NodeUnreachable(PortalError):
    """The node does not answer; nobody need act, the queue waits and goes on."""

    code = "node-unreachable"
    sentence = "Chưa liên lạc được với nút liên thông. Văn bản vẫn nằm trong hàng chờ và sẽ tự gửi khi có mạng."


class NodeRefused(PortalError):
    """The node gave a typed refusal; the clerk or the node's operator can act on its reason."""

    code = "node-refused"
    sentence = "Nút liên thông từ chối. Xem lý do trong trang Liên thông và liên hệ người vận hành nút."


class StoreDamaged(PortalError):
    """The register or a stored file is not what it should be; stop and call the administrator."""

    code = "store-damaged"
    sentence = "Dữ liệu bị hỏng hoặc bị sửa ngoài hệ thống. Hãy dừng lại và báo người quản trị; không xóa gì cả."


class StoreRefused(PortalError):
    """The data folder cannot be served as it is (wrong disk, newer schema, a copy); the administrator can act."""

    code = "store-refused"
    sentence = "Không mở được dữ liệu ở chỗ này. Xem lý do kèm theo."


class StoreBusy(PortalError):
    """Another act holds the register for too long; trying again mends it."""

    code = "store-busy"
    sentence = "Hệ thống đang bận. Chưa có gì thay đổi; hãy thử lại sau giây lát."


class DiskFull(PortalError):
    """The disk is full or read-only; the administrator frees space. Nothing was half written."""

    code = "disk-full"
    sentence = "Ổ đĩa đã đầy hoặc không ghi được; chưa có gì được lưu. Hãy báo người quản trị giải phóng dung lượng."


class ClockDoubtful(PortalError):
    """The computer's clock cannot be right; the clerk confirms the date or the clock is set."""

    code = "clock-doubtful"
    sentence = "Đồng hồ máy tính có thể sai. Hãy kiểm tra ngày giờ; nếu đúng, xác nhận ngày rồi làm lại."


class SettingsWrong(PortalError):
    """The settings file cannot be used; the administrator corrects the line that is named."""

    code = "settings-wrong"
    sentence = "Tệp cấu hình chưa đúng."
