"""The hour by which a hỏa tốc document must be there (hỏa tốc hẹn giờ), and its form in the packet.

edXML has priority 4 for it and no element for the hour. We write a line that both a person and a program read into
`OtherInfo/Appendixes/Appendix`; see docs/wire.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from commune_portal.errors import Malformed
from commune_portal.rules.deadlines import VIETNAM
from commune_portal.rules.kinds import Urgency

_MACHINE = re.compile(r"\[deliver-by=(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2}))\]")


def deliver_by_text(deliver_by: datetime) -> str:
    """The line in the packet: `Hẹn giờ đến: 14:30 ngày 22/11/2026 [deliver-by=2026-11-22T14:30:00+07:00]`.

    Source: QCVN 102:2016 (Priority 4, no element for the hour); NĐ 30/2020, Phụ lục I knows no fourth level.
    """
    local = deliver_by.astimezone(VIETNAM).replace(microsecond=0)
    return f"Hẹn giờ đến: {local:%H:%M} ngày {local:%d/%m/%Y} [deliver-by={local.isoformat()}]"


def deliver_by_in(texts: Iterable[str]) -> datetime | None:
    """The hour that a packet's texts name, as UTC; the first that is one, None where there is none.

    Source: QCVN 102:2016 (Priority 4); the line is ours.
    """
    for text in texts:
        found = _MACHINE.search(text)
        if found is None:
            continue
        try:
            return datetime.fromisoformat(found[1]).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def check_deliver_by(urgency: Urgency, deliver_by: datetime | None) -> None:
    """Raises Malformed for an hour on a document that is not hỏa tốc.

    Source: NĐ 30/2020, Phụ lục I; QCVN 102:2016 (Priority 4).
    """
    if deliver_by is not None and urgency is not Urgency.FLASH:
        raise Malformed("Hẹn giờ đến chỉ dùng cho văn bản hỏa tốc. Hãy chọn độ khẩn hỏa tốc hoặc bỏ giờ.",
                        field="deliver_by")  # fmt: skip
