"""Every refusal as a page or a fragment: the one table from error class to HTTP status.

Nothing below the views knows HTTP. A browser gets a page with the sentence; htmx gets the fragment `_notice.html`
aimed at the notice region, so an error never lands inside a table.
"""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, make_response, render_template
from flask import request as flask_request
from werkzeug.exceptions import HTTPException

from commune_portal import errors
from commune_portal.views._page import ask_to_log_in, request

STATUS: dict[type[errors.PortalError], int] = {
    errors.RuleBroken: 409,
    errors.NotFound: 404,
    errors.NotAllowed: 403,
    errors.Malformed: 422,
    errors.Unauthenticated: 401,
    errors.Throttled: 429,
    errors.TooLarge: 413,
    errors.TokenUnavailable: 409,
    errors.TokenPinWrong: 422,
    errors.TokenLastTry: 409,
    errors.TokenLocked: 409,
    errors.SigningFailed: 422,
    errors.NodeUnreachable: 503,
    errors.NodeRefused: 502,
    errors.StoreDamaged: 503,
    errors.StoreRefused: 503,
    errors.StoreBusy: 503,
    errors.DiskFull: 507,
    errors.ClockDoubtful: 409,
    errors.SettingsWrong: 500,
}

TITLES = {
    400: "Yêu cầu chưa hợp lệ",
    401: "Cần đăng nhập",
    403: "Không có quyền",
    404: "Không tìm thấy",
    405: "Không mở được bằng cách này",
    409: "Chưa làm được việc này",
    413: "Tệp quá lớn",
    422: "Dữ liệu nhập chưa đúng",
    429: "Thử quá nhiều lần",
    502: "Nút liên thông từ chối",
    503: "Tạm thời chưa dùng được",
    507: "Ổ đĩa đã đầy",
}

SENTENCES = {
    400: "Phiên làm việc đã hết hạn hoặc yêu cầu không đầy đủ. Hãy tải lại trang rồi làm lại; chưa có gì thay đổi.",
    403: errors.NotAllowed.sentence,
    404: errors.NotFound.sentence,
    405: "Địa chỉ này chỉ nhận thao tác từ nút bấm trên trang. Hãy quay lại trang trước.",
    413: errors.TooLarge.sentence,
}

UNEXPECTED = (
    "Có lỗi ngoài dự kiến; việc vừa làm có thể chưa được lưu. Hãy thử lại; nếu vẫn lỗi, báo người quản trị kèm mã lỗi."
)


def status_of(error: errors.PortalError) -> int:
    """The HTTP status of an error: that of its class, or of the nearest class above it."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def register_errors(app: Flask, login_endpoint: str = "") -> None:
    """Answers every PortalError, HTTP error and unexpected exception of the app in Vietnamese.

    With `login_endpoint`, Unauthenticated leads to that page (HX-Redirect for htmx) instead of showing an error.
    """

    def portal_error(error: errors.PortalError) -> Response:
        if isinstance(error, errors.Unauthenticated) and login_endpoint:
            return ask_to_log_in(login_endpoint)
        status = status_of(error)
        if status >= 500 or error.detail:
            app.logger.warning("%s at %s: %s", error.code, flask_request.path, one_line(error.detail))
        if isinstance(error, errors.StoreDamaged | errors.StoreRefused | errors.StoreBusy):
            g.portal_bare_shell = True
        return _answer(status, error.sentence, error.code)

    def http_error(error: HTTPException) -> Response:
        if error.response is not None:
            return make_response(error.response)
        status = error.code or 500
        if 300 <= status < 400:
            return make_response(error.get_response())
        answer = _answer(status, SENTENCES.get(status, SENTENCES[400]), f"http-{status}")
        if status == 405:
            allowed = dict(error.get_headers()).get("Allow")
            if allowed:
                answer.headers["Allow"] = allowed
        return answer

    def unexpected(error: Exception) -> Response:
        # The code joins what the person reads out with the line in the technical log; it tells nothing else.
        number = secrets.token_hex(4)
        cause = getattr(error, "original_exception", None) or error
        app.logger.error("unexpected %s at %s", number, flask_request.path, exc_info=cause)
        g.portal_bare_shell = True
        return _answer(500, UNEXPECTED, number)

    app.register_error_handler(errors.PortalError, portal_error)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(500, unexpected)


def one_line(text: str) -> str:
    """Text for a log line: no CR, LF or other control characters that could forge another line."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def _answer(status: int, sentence: str, code: str) -> Response:
    title = TITLES.get(status, "Có lỗi xảy ra")
    if request.htmx and request.wants_fragment:
        answer = make_response(
            render_template("_notice.html", messages=(("bad", f"{title}. {sentence}"),), code=code), status
        )
        answer.headers["HX-Retarget"] = "#notice"
        answer.headers["HX-Reswap"] = "outerHTML"
        return answer
    return make_response(render_template("error.html", title=title, sentence=sentence, code=code), status)
