"""The journal of operations: `ops-state.json`, written before each step, and the lock under which it is written.

Whoever starts after a crash reads it first. What is written before the step `commit` is undone, what is written from
there on is finished; so an interrupted operation ends in exactly the old or exactly the new state.
"""

from __future__ import annotations

import json
import secrets
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.errors import StoreDamaged
from commune_portal.store import files, locking

FORMAT = 1
COMMIT = "commit"
OPEN_TO_SERVICE = 0o640


class Kind(StrEnum):
    """What an operation does."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    ROLLBACK = "rollback"
    UNINSTALL = "uninstall"

    @property
    def label(self) -> str:
        """What a person reads."""
        return {
            "install": "cài đặt", "upgrade": "nâng cấp", "rollback": "quay lại bản trước", "uninstall": "gỡ cài đặt",
        }[self.value]  # fmt: skip


class State(StrEnum):
    """How far an operation has come."""

    RUNNING = "running"
    DONE = "done"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as its journal tells it; `facts` are what its steps learnt and its undoing needs."""

    id: str
    kind: Kind
    source: str
    target: str
    step: str
    state: State
    begun_at: str
    written_at: str
    facts: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def is_pending(self) -> bool:
        """True when it was begun and neither finished nor undone."""
        return self.state is State.RUNNING

    @property
    def is_committed(self) -> bool:
        """True when it can only be finished: an uninstallation from its first step on."""
        return self.kind is Kind.UNINSTALL or self.step == COMMIT

    def knowing(self, facts: dict[str, Any]) -> Operation:
        """The same operation with more facts."""
        return replace(self, facts={**self.facts, **facts})


def begin(kind: Kind, source: str, target: str, **facts: Any) -> Operation:
    """A new operation, not yet written."""
    now = clock.now_text()
    return Operation(secrets.token_hex(4), kind, source, target, "begin", State.RUNNING, now, now, facts)


def write(path: Path, operation: Operation) -> Operation:
    """Writes the journal durably and answers it with its time."""
    written = replace(operation, written_at=clock.now_text())
    document = {"format": FORMAT, **asdict(written)}
    text = json.dumps(document, ensure_ascii=False, indent=1)
    files.write_durably(path, text.encode(), mode=OPEN_TO_SERVICE)
    return written


def read(path: Path) -> Operation | None:
    """The operation that runs or ran last; None where there was none; raises StoreDamaged for a ruined file."""
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _ruined(path) from error
    try:
        if document.pop("format") != FORMAT:
            raise ValueError("another format")
        return Operation(**{**document, "kind": Kind(document["kind"]), "state": State(document["state"])})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _ruined(path) from error


def _ruined(path: Path) -> StoreDamaged:
    return StoreDamaged(
        f"Không đọc được {path}, tệp ghi trạng thái cài đặt. Dữ liệu không bị đụng tới; đừng xóa gì, hãy gửi tệp này"
        " cho nơi cung cấp phần mềm."
    )


def alone(path: Path) -> AbstractContextManager[None]:
    """Holds the lock of operations; raises StoreBusy while another process does. A dead process holds nothing."""
    return locking.alone(
        path, "Một lệnh cài đặt, nâng cấp hoặc gỡ khác đang chạy trên máy này. Hãy đợi nó xong rồi làm lại."
    )
