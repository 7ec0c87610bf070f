"""The recovery key: backups are closed for its public half; its secret half is on paper in the safe, nowhere else.

`make` answers the secret once and keeps only what is public. Until the person has typed the last group from the
paper, backups go on being closed for the key before: a sheet that was never printed must not be the only key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commune_portal import clock
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal, sealing

GROUP_LETTERS = 5


@dataclass(frozen=True, slots=True, repr=False)
class RecoverySheet:
    """What the paper says: shown once, kept nowhere; `confirm_group` is its last group."""

    recipient: str
    secret: str
    fingerprint: str
    confirm_group: str

    def __repr__(self) -> str:
        return f"RecoverySheet({self.fingerprint})"


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """A key as the register knows it: its public half."""

    recipient: str
    fingerprint: str
    made_at: datetime
    confirmed_at: datetime | None


def make(actor: Actor) -> RecoverySheet:
    """Makes a key and answers its sheet; one that waits for its confirmation since before is given up."""
    actor.require(Verb.ADMINISTRATION_SETTINGS)
    secret = sealing.new_secret()
    recipient = sealing.recipient_of(secret)
    fingerprint = sealing.fingerprint(recipient)
    now = clock.now_text()
    with database.transaction() as work:
        waiting = work.execute("SELECT id FROM recovery_keys WHERE confirmed_at IS NULL AND retired_at IS NULL")
        for (row_id,) in waiting.fetchall():
            work.update("recovery_keys", row_id, {"retired_at": now})
        row = work.insert(
            "recovery_keys",
            {
                "recipient": recipient,
                "fingerprint": fingerprint,
                "made_at": now,
                "made_by": None if actor.is_portal else actor.id,
            },
        )
        journal.write(
            work, Act.RECOVERY_KEY_SET, actor.uid, about=f"recovery_keys:{row.uid}", after="made",
            facts={"fingerprint": fingerprint},
        )  # fmt: skip
    return RecoverySheet(recipient, secret, fingerprint, confirm_group(recipient))


def confirm(actor: Actor, group: str) -> RecoveryKey:
    """Puts the waiting key in force once its sheet is proved to be on paper, and retires the one before.

    Raises RuleBroken when no key waits, Malformed when the group is not that of its sheet.
    """
    actor.require(Verb.ADMINISTRATION_SETTINGS)
    waiting = pending()
    if waiting is None:
        raise RuleBroken("Không có khóa phục hồi nào đang chờ xác nhận. Hãy tạo khóa mới và in tờ giấy.")
    if "".join(group.split()).upper() != confirm_group(waiting.recipient):
        raise Malformed(
            "Nhóm cuối chưa đúng. Hãy gõ đúng 5 chữ và số ở ô «Nhóm cuối» trên tờ giấy vừa in;"
            " nếu chưa in được, hãy tạo khóa mới.",
            field="group",
        )
    now = clock.now_text()
    with database.transaction() as work:
        before = work.execute("SELECT id FROM recovery_keys WHERE confirmed_at IS NOT NULL AND retired_at IS NULL")
        for (row_id,) in before.fetchall():
            work.update("recovery_keys", row_id, {"retired_at": now})
        row_id = work.execute("SELECT id FROM recovery_keys WHERE recipient = ?", (waiting.recipient,)).fetchone()[0]
        row = work.update(
            "recovery_keys", row_id, {"confirmed_at": now}, expected={"confirmed_at": None, "retired_at": None}
        )
        journal.write(
            work, Act.RECOVERY_KEY_SET, actor.uid, about=f"recovery_keys:{row.uid}", before="made", after="confirmed",
            facts={"fingerprint": waiting.fingerprint},
        )  # fmt: skip
    return RecoveryKey(waiting.recipient, waiting.fingerprint, waiting.made_at, clock.from_text(now))


def current() -> RecoveryKey | None:
    """The key in force, None before one was confirmed."""
    return _newest("confirmed_at IS NOT NULL AND retired_at IS NULL")


def pending() -> RecoveryKey | None:
    """The key whose sheet waits for its confirmation."""
    return _newest("confirmed_at IS NULL AND retired_at IS NULL")


def confirm_group(recipient: str) -> str:
    """The last group on the sheet. It is no secret: that it was typed proves that the whole sheet was printed and read.

    It follows from the public half, so that nothing about the secret half need be kept to check it.
    """
    digest = hashlib.sha256(b"commune-portal/recovery sheet\n" + recipient.encode()).digest()
    return "".join(sealing.LETTERS[byte & 31] for byte in digest[:GROUP_LETTERS]).upper()


def _newest(where: str) -> RecoveryKey | None:
    found: Any = database.row(
        "SELECT recipient, fingerprint, made_at, confirmed_at FROM recovery_keys"
        f" WHERE {where} ORDER BY id DESC LIMIT 1"
    )
    if found is None:
        return None
    confirmed = clock.from_text(found[3]) if found[3] else None
    return RecoveryKey(found[0], found[1], clock.from_text(found[2]), confirmed)
