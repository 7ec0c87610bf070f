"""What the operator sees at a glance: each member's last contact, queue, clock and mirror."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from commune_portal import clock
from commune_portal.node import members, routes
from commune_portal.node.members import Member
from commune_portal.store import database

SILENT_HOURS = 24
SKEWED_SECONDS = 120
PROVEN_AFTER_DAYS = 35


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One member; `waiting` packages lie here for it, the oldest since `oldest_waiting`."""

    member: Member
    last_contact_at: datetime | None
    skew_seconds: int
    waiting: int
    oldest_waiting: datetime | None
    mirror_size: int
    mirror_checked_at: datetime | None
    disagreement: str
    backed_up_at: datetime | None = None
    proven_at: datetime | None = None

    @property
    def backup_is_old(self) -> bool:
        """True for an enrolled member whose mirrored journal tells of no proven backup for five weeks."""
        if self.member.closed_at is not None or self.member.enrolled_at is None or self.member.is_node:
            return False
        return (clock.now() - (self.proven_at or self.member.enrolled_at)).days > PROVEN_AFTER_DAYS

    @property
    def is_silent(self) -> bool:
        """True for an enrolled member that has not been heard of for a day."""
        if self.member.closed_at is not None or self.member.enrolled_at is None:
            return False
        last = self.last_contact_at or self.member.enrolled_at
        return (clock.now() - last).total_seconds() > SILENT_HOURS * 3600

    @property
    def is_skewed(self) -> bool:
        """True when the member's clock is further off than a person would bear."""
        return abs(self.skew_seconds) > SKEWED_SECONDS


def lines() -> list[MemberLine]:
    """All members by code: six reads, however many there are."""
    contacts = {row[0]: row[1:] for row in database.rows("SELECT * FROM member_contacts")}
    waiting = {
        row[0]: row[1:]
        for row in database.rows(
            "SELECT recipient_code, count(*), min(taken_at) FROM mailbox WHERE fetched_at IS NULL"
            " GROUP BY recipient_code"
        )
    }
    mirrors = {
        row[0]: row[1:]
        for row in database.rows(
            "SELECT m.member_id, m.size, m.checked_at, m.disagreement FROM mirrors m"
            " WHERE m.id = (SELECT max(n.id) FROM mirrors n WHERE n.member_id = m.member_id)"
        )
    }
    backed_up, proven = _last_told("mirror_backups", _BACKED_UP), _last_told("mirror_proofs", _PROVEN)
    found = []
    everybody = members.every_member()
    for member in everybody:
        if member.is_node:
            waiting[member.code] = _below(member, waiting)
    for member in everybody:
        contact = contacts.get(member.id)
        queue = waiting.get(member.code, (0, None))
        size, checked_at, disagreement = mirrors.get(member.id, (0, None, ""))
        found.append(
            MemberLine(
                member,
                _instant(contact[0]) if contact else None,
                contact[1] if contact else 0,
                queue[0],
                _instant(queue[1]),
                size,
                _instant(checked_at),
                disagreement,
                _instant(backed_up.get(member.id)),
                _instant(proven.get(member.id)),
            )
        )
    return found


_BACKED_UP = "json_extract(body, '$.act') = 'backed-up'"
_PROVEN = "json_extract(body, '$.object') = 'backup' AND json_extract(body, '$.facts.proven') = 1"
"""As the indexes of migration 0003 have them; named, or SQLite would read a whole mirror backwards for one line."""


def _last_told(index: str, which: str) -> dict[int, str]:
    """When each member's newest mirrored line of a kind was written, by the member's row."""
    return {
        row[0]: row[1]
        for row in database.rows(
            f"SELECT m.member_id, (SELECT json_extract(body, '$.instant') FROM mirror_lines INDEXED BY {index}"
            f" WHERE mirror_id = m.id AND {which} ORDER BY seq DESC LIMIT 1)"
            " FROM mirrors m WHERE m.id = (SELECT max(n.id) FROM mirrors n WHERE n.member_id = m.member_id)"
        )
    }


def names(codes: Iterable[str]) -> dict[str, str]:
    """What these codes are called, members or whoever a directory from below or above named."""
    wanted = sorted(set(codes))
    marks = ", ".join("?" * len(wanted))
    listed = database.rows(f"SELECT code, name FROM organisations WHERE code IN ({marks})", wanted) if wanted else []
    return {**{row[0]: row[1] for row in listed}, **{member.code: member.name for member in members.every_member()}}


def _below(member: Member, waiting: dict[str, tuple[int, str | None]]) -> tuple[int, str | None]:
    """What waits for a node below: everything for its subtree, unless its addressee is a member here."""
    lines = [queue for code, queue in waiting.items() if routes.speaks_for(member, code)]
    return sum(amount for amount, _ in lines), min((oldest for _, oldest in lines if oldest), default=None)


def line_of(uid: str) -> MemberLine:
    """One member's line; raises NotFound."""
    member = members.by_uid(uid)
    return next(line for line in lines() if line.member.id == member.id)


def _instant(text: str | None) -> datetime | None:
    return clock.from_text(text) if text else None
