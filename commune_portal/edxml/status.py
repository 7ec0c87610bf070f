"""Status messages out: the six statuses and the dialogue of taking back.

Source: edxml.md §2; QĐ 28/2018, Điều 6.3. A status goes from the receiver to the sender of the document, except
13 (yêu cầu lấy lại), which goes from the sender to a receiver; both ways `response_for.organ_id` is the addressee.
"""

from __future__ import annotations

import io

from commune_portal.edxml.markup import Markup
from commune_portal.edxml.package import Status
from commune_portal.edxml.scalars import is_organ_id, writable
from commune_portal.errors import Malformed
from commune_portal.rules.statuses import StatusCode

EMITTED = frozenset(code.value for code in StatusCode)
_WITH_REASON = frozenset({StatusCode.REFUSED, StatusCode.TAKE_BACK_ASKED, StatusCode.TAKE_BACK_DECLINED})


def write_status(status: Status) -> bytes:
    """A status message's bytes, the same for the same values; raises Malformed for what may not be sent."""
    _check(status)
    out = io.BytesIO()
    markup = Markup(out)
    with markup.packet(), markup.envelope(), markup.header(), markup.within("MessageHeader"):
        markup.organ("From", status.sender)
        markup.response_for(status.response_for)
        markup.staff(status.staff)
        markup.text("StatusCode", status.status_code)
        markup.text("Description", status.description)
        markup.instant("Timestamp", status.timestamp)
    return out.getvalue()


def _check(status: Status) -> None:
    if not is_organ_id(status.sender.organ_id):
        raise Malformed("Thiếu hoặc sai mã định danh của cơ quan gửi trạng thái. Hãy khai trong phần Đơn vị.")
    if not is_organ_id(status.response_for.organ_id):
        raise Malformed("Thiếu hoặc sai mã định danh của cơ quan nhận trạng thái.")
    if not writable(status.response_for.document_id).strip():
        raise Malformed("Trạng thái phải nêu mã định danh của văn bản.")
    if status.status_code not in EMITTED:
        raise Malformed(f"Không có mã trạng thái «{writable(status.status_code)}» để gửi.")
    if status.status_code in _WITH_REASON and not writable(status.description).strip():
        raise Malformed("Trạng thái này phải kèm lý do. Hãy nhập lý do.")
    if status.timestamp is None:
        raise Malformed("Trạng thái phải ghi thời điểm.")
