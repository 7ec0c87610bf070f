"""The standstill after a restore: no number is given and nothing leaves until somebody settled what was issued since.

A number given after the backup may stand on paper or lie with a recipient; given again it would name two documents.
`recovering` settles it. Source: decisions 9; deploy.md §9; NĐ 30/2020, Điều 15.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from commune_portal import clock
from commune_portal.errors import RuleBroken
from commune_portal.store import database
from commune_portal.store.register import Work

PAGE = "/recovering"
SENTENCE = (
    "Hệ thống vừa được khôi phục từ bản sao lưu nên chưa cấp số và chưa gửi đi: số đã cấp sau bản sao lưu có thể bị cấp"
    " lại. Văn thư hãy mở trang «Đối chiếu số sau khôi phục» (địa chỉ /recovering), làm hết các bước rồi làm lại việc"
    " này."
)

_OPEN = "SELECT 1 FROM restorations WHERE confirmed_at IS NULL LIMIT 1"


@dataclass(frozen=True, slots=True)
class Restoration:
    """One restore: which backup, when, and what was said of it until now (`said`, see `recovering`)."""

    id: int
    uid: str
    epoch: int
    backup_made_at: datetime | None
    backup_head: str
    restored_at: datetime
    confirmed_at: datetime | None
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """What journal lines call it."""
        return f"restorations:{self.uid}"


def is_on() -> bool:
    """True while a restore waits to be settled: one look into an index that is nearly always empty."""
    return database.row(_OPEN) is not None


def require_over(work: Work) -> None:
    """Raises RuleBroken while a restore waits to be settled."""
    if work.execute(_OPEN).fetchone() is not None:
        raise RuleBroken(SENTENCE, detail="standstill")


def restorations() -> list[Restoration]:
    """Every restore of this register, the newest first."""
    found = database.rows(
        "SELECT id, uid, epoch, backup_made_at, backup_head, restored_at, confirmed_at, report FROM restorations"
        " ORDER BY id DESC"
    )
    return [
        Restoration(
            row[0], row[1], row[2], _instant(row[3]), row[4], clock.from_text(row[5]), _instant(row[6]),
            json.loads(row[7]) if row[7] else {},
        )
        for row in found
    ]  # fmt: skip


def _instant(text: str | None) -> datetime | None:
    return clock.from_text(text) if text else None
