"""The offices of a node: adding one, its enrolment with a one-time token, its keys, closing it.

The token goes into a file that is carried by hand; here only its SHA-256 is kept. Enrolling again (after a restore,
or because a key is lost) needs a new file; the old keys are revoked in the same act.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from commune_portal import clock
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.node import contacts, subtrees
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.people import directory as organisations
from commune_portal.people.actors import Actor
from commune_portal.rules import chain
from commune_portal.rules.acts import Act
from commune_portal.rules.folding import clean_line
from commune_portal.rules.permissions import Verb
from commune_portal.rules.subtree import Subtree, read_subtree
from commune_portal.store import database, installation, journal
from commune_portal.store.register import Work
from commune_portal.wire import enrolment, fields, keys
from commune_portal.wire.enrolment import EnrolmentFile, EnrolmentRequest
from commune_portal.wire.protocol import Refused

TOKEN_DAYS = 14

_COLUMNS = "id, uid, code, code_legacy, name, epoch, added_at, enrolled_at, closed_at, enrolment_until, subtree"


@dataclass(frozen=True, slots=True)
class Member:
    """An office of this node, or a node below it; `epoch` counts its restores.

    `enrolment_until` is set while a token waits; a node below has the codes for which it may speak as `subtree`.
    """

    id: int
    uid: str
    code: str
    code_legacy: str
    name: str
    epoch: int
    added_at: datetime
    enrolled_at: datetime | None
    closed_at: datetime | None
    enrolment_until: datetime | None
    subtree: Subtree

    @property
    def is_node(self) -> bool:
        """True for a node below this one."""
        return bool(self.subtree)

    @property
    def about(self) -> str:
        """The member as a journal line's object and as its actor."""
        return f"members:{self.uid}"


@dataclass(frozen=True, slots=True)
class MemberKey:
    """A public key of a member; a revoked one still opens what it signed before."""

    id: int
    member_id: int
    key_id: str
    public_key: bytes
    box_public_key: bytes
    valid_from: datetime
    revoked_at: datetime | None


def add_office(
    actor: Actor,
    code: str,
    name: str,
    *,
    address: str,
    ca_pem: str | None = None,
    code_legacy: str = "",
    subtree: Subtree | None = None,
) -> bytes:
    """Adds an office, or renews the token of one that is there, and answers its enrolment file.

    With a subtree the member is a node; without one it stays what it was. Raises Malformed for a code, name or
    address that cannot be used, RuleBroken for an office that was closed, or a subtree that is another node's.
    """
    actor.require(Verb.NODE_ENROL)
    code, code_legacy, name = code.strip(), code_legacy.strip(), clean_line(name)
    own = installation.own()
    for field, value in (("code", code), ("code_legacy", code_legacy)):
        if (value or field == "code") and not fields.CODE.fullmatch(value):
            raise Malformed("Mã định danh chỉ gồm chữ cái, chữ số và dấu chấm, ví dụ H09.12.34.", field=field)
    if code == own.code:
        raise Malformed("Mã này là mã của chính nút liên thông.", field="code")
    if not name:
        raise Malformed("Chưa nhập tên cơ quan.", field="name")
    token = secrets.token_urlsafe(32)
    until = clock.now() + timedelta(days=TOKEN_DAYS)
    file = EnrolmentFile(
        token=token,
        office_code=code,
        office_name=name,
        node_code=own.code,
        node_name=own.name,
        node_public_key=bytes.fromhex(own.public_key),
        node_box_public_key=bytes.fromhex(own.box_public_key),
        address=address,
        ca_pem=ca_pem,
        expires_at=until,
    )
    written = enrolment.write(file)
    values: dict[str, str | None] = {
        "name": name,
        "code_legacy": code_legacy,
        "enrolment_sha256": _token_hash(token),
        "enrolment_until": clock.to_text(until),
    }
    with database.transaction() as work:
        if subtree is not None:
            subtrees.refuse_overlap(work, own.code, code, subtree)
            values["subtree"] = str(subtree)
        found = work.execute("SELECT id, closed_at FROM members WHERE code = ?", (code,)).fetchone()
        if found is None:
            row = work.insert("members", {**values, "code": code, "epoch": 0, "added_at": clock.now_text()})
        elif found[1] is not None:
            raise RuleBroken("Cơ quan này đã ngừng tham gia; không cấp lại tệp đăng ký.", field="code")
        else:
            row = work.update("members", found[0], values)
        _list_organisation(work, code, code_legacy, name)
        facts = {"code": code, "name": name, **({"subtree": str(subtree)} if subtree else {})}
        journal.write(work, Act.MEMBER_ADDED, actor.uid, about=f"members:{row.uid}", facts=facts)
    return written


def add_node(
    actor: Actor, code: str, name: str, *, subtree: str, address: str, ca_pem: str | None = None, code_legacy: str = ""
) -> bytes:
    """Adds a node below this one with the codes that it may speak for, and answers its enrolment file.

    Raises as `add_office` does, and Malformed for a subtree that cannot be read.
    """
    return add_office(
        actor, code, name, address=address, ca_pem=ca_pem, code_legacy=code_legacy, subtree=read_subtree(subtree)
    )


def enrol(request: EnrolmentRequest) -> Member:
    """Takes an office's public keys against its token; the caller has checked that the new key signed the request.

    The same request again (its answer was lost) is answered again. Raises ExchangeRefused: the token is wrong, used
    or expired, the epoch goes back, or the key is already somebody's.
    """
    now = clock.now()
    key_id = keys.key_id(request.public_key)
    with database.transaction() as work:
        found = work.execute(
            "SELECT id, enrolment_sha256, enrolment_until, epoch, closed_at, uid, code_legacy, name FROM members"
            " WHERE code = ?",
            (request.code,),
        ).fetchone()
        # The comparison runs for an unknown code too, so that the time of the answer does not tell which codes exist.
        matches = hmac.compare_digest(found[1] if found else "", _token_hash(request.token))
        if found is None or not matches or found[4] is not None:
            raise ExchangeRefused(Refused.TOKEN_USED, "unknown token")
        member_id, until, epoch, uid = found[0], found[2], found[3], found[5]
        held = work.execute("SELECT member_id, revoked_at FROM member_keys WHERE key_id = ?", (key_id,)).fetchone()
        if until is None:
            if held is not None and held[0] == member_id and held[1] is None:
                return by_id(member_id)
            raise ExchangeRefused(Refused.TOKEN_USED, "used before")
        if clock.from_text(until) < now:
            raise ExchangeRefused(Refused.TOKEN_USED, "expired")
        if held is not None or request.epoch < epoch or _is_used_up(work, member_id, request):
            raise ExchangeRefused(Refused.CONFLICT, "key known or epoch gone back")
        revoked = _revoke_all(work, member_id, now)
        work.insert(
            "member_keys",
            {
                "member_id": member_id,
                "key_id": key_id,
                "public_key": request.public_key.hex(),
                "box_public_key": request.box_public_key.hex(),
                "valid_from": clock.to_text(now),
            },
        )
        work.update(
            "members",
            member_id,
            {"enrolment_until": None, "enrolled_at": contacts.behind_every_fetch(work, now), "epoch": request.epoch},
        )
        _begin_mirror(work, member_id, request, now)
        _list_organisation(work, request.code, found[6], found[7], reachable=True)
        journal.write(
            work,
            Act.MEMBER_ENROLLED,
            f"members:{uid}",
            about=f"members:{uid}",
            facts={
                "code": request.code,
                "key": key_id,
                "epoch": request.epoch,
                "installation": request.installation_uid,
                "software": request.software,
                "revoked": revoked,
            },
        )
    return by_id(member_id)


def revoke_keys(actor: Actor, uid: str, reason: str) -> None:
    """Revokes every valid key of a member: from now on it is refused until it enrols with a new file."""
    actor.require(Verb.NODE_ENROL)
    reason = clean_line(reason)
    if len(reason) < 5:
        raise Malformed("Hãy ghi lý do thu hồi khóa.", field="reason")
    member = by_uid(uid)
    with database.transaction() as work:
        revoked = _revoke_all(work, member.id, clock.now())
        if not revoked:
            raise RuleBroken("Cơ quan này không có khóa nào đang hiệu lực.")
        work.update("members", member.id, {"enrolment_until": None, "enrolment_sha256": ""})
        work.execute("UPDATE organisations SET reachable = 0 WHERE code = ?", (member.code,))
        journal.write(
            work,
            Act.MEMBER_REVOKED,
            actor.uid,
            about=member.about,
            facts={"code": member.code, "revoked": revoked},
            texts={"reason": reason},
        )


def close(actor: Actor, uid: str, reason: str) -> None:
    """Ends a membership: keys revoked, nothing more is taken for it; what it was and had stays to be read."""
    actor.require(Verb.NODE_ENROL)
    member = by_uid(uid)
    now = clock.now()
    with database.transaction() as work:
        revoked = _revoke_all(work, member.id, now)
        work.update(
            "members",
            member.id,
            {"closed_at": clock.to_text(now), "enrolment_until": None, "enrolment_sha256": ""},
            expected={"closed_at": None},
        )
        work.execute(
            "UPDATE organisations SET reachable = 0, closed_at = ? WHERE code = ?", (clock.to_text(now), member.code)
        )
        journal.write(
            work,
            Act.MEMBER_REVOKED,
            actor.uid,
            about=member.about,
            facts={"code": member.code, "revoked": revoked, "closed": 1},
            texts={"reason": clean_line(reason)},
        )


def member_by_key(key_id: str) -> tuple[Member, MemberKey] | None:
    """The member that holds a key, and the key, revoked or not."""
    found = _keys("key_id = ?", key_id)
    return (by_id(found[0].member_id), found[0]) if found else None


def keys_of(member_id: int) -> list[MemberKey]:
    """Every key that a member has had, the oldest first."""
    return _keys("member_id = ?", member_id)


def by_id(member_id: int) -> Member:
    """A member by its number in the house; raises NotFound."""
    return _one("id = ?", member_id)


def by_uid(uid: str) -> Member:
    """A member by its uid; raises NotFound."""
    return _one("uid = ?", uid)


def by_code(code: str) -> Member:
    """A member by its code; raises NotFound."""
    return _one("code = ?", code)


def every_member() -> list[Member]:
    """All members, closed ones too, by code."""
    return [_member(row) for row in database.rows(f"SELECT {_COLUMNS} FROM members ORDER BY code")]


def _one(condition: str, value: object) -> Member:
    found = database.row(f"SELECT {_COLUMNS} FROM members WHERE {condition}", (value,))
    if found is None:
        raise NotFound("Không có cơ quan này trong danh sách thành viên của nút.")
    return _member(found)


def _member(row: tuple[object, ...]) -> Member:
    member_id, uid, code, legacy, name, epoch, *instants, subtree = row
    added, enrolled, closed, until = (clock.from_text(str(text)) if text else None for text in instants)
    assert added is not None
    return Member(
        int(str(member_id)),
        str(uid),
        str(code),
        str(legacy),
        str(name),
        int(str(epoch)),
        added,
        enrolled,
        closed,
        until,
        Subtree(tuple(str(subtree or "").split())),
    )


def _keys(condition: str, value: object) -> list[MemberKey]:
    found = database.rows(
        "SELECT id, member_id, key_id, public_key, box_public_key, valid_from, revoked_at FROM member_keys"
        f" WHERE {condition} ORDER BY id",
        (value,),
    )
    return [
        MemberKey(
            row[0],
            row[1],
            row[2],
            bytes.fromhex(row[3]),
            bytes.fromhex(row[4]),
            clock.from_text(row[5]),
            clock.from_text(row[6]) if row[6] else None,
        )
        for row in found
    ]


def _revoke_all(work: Work, member_id: int, now: datetime) -> list[str]:
    """Revokes the valid keys of a member in the caller's act and names them."""
    valid = work.execute(
        "SELECT id, key_id FROM member_keys WHERE member_id = ? AND revoked_at IS NULL ORDER BY id", (member_id,)
    ).fetchall()
    for row_id, _ in valid:
        work.update("member_keys", row_id, {"revoked_at": clock.to_text(now)}, expected={"revoked_at": None})
    return [key_id for _, key_id in valid]


def _is_used_up(work: Work, member_id: int, request: EnrolmentRequest) -> bool:
    """Whether a journal of this epoch was begun already: the same backup was restored twice, and must count on."""
    asked = "SELECT 1 FROM mirrors WHERE member_id = ? AND epoch = ? AND genesis = ? AND size > 0"
    return (
        work.execute(asked, (member_id, request.epoch, chain.genesis(request.installation_uid))).fetchone() is not None
    )


def _begin_mirror(work: Work, member_id: int, request: EnrolmentRequest, now: datetime) -> None:
    """Makes the empty mirror of a new journal: the first, or that of a new epoch or a new installation."""
    genesis = chain.genesis(request.installation_uid)
    rows = work.execute(
        "SELECT epoch, genesis FROM mirrors WHERE member_id = ? ORDER BY id DESC", (member_id,)
    ).fetchall()
    if rows and rows[0] == (request.epoch, genesis):
        return
    if (request.epoch, genesis) in rows:
        raise ExchangeRefused(Refused.CONFLICT, "an installation that was replaced comes back")
    work.insert(
        "mirrors",
        {"member_id": member_id, "epoch": request.epoch, "genesis": genesis, "size": 0, "head": genesis,
         "checked_at": clock.to_text(now)},
    )  # fmt: skip


def _list_organisation(work: Work, code: str, legacy: str, name: str, *, reachable: bool | None = None) -> None:
    """Keeps the list of organisations in step with the members."""
    work.execute(
        "INSERT INTO organisations (code, code_legacy, name, folded, reachable) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (code) DO UPDATE SET code_legacy = excluded.code_legacy, name = excluded.name,"
        " folded = excluded.folded, closed_at = NULL"
        + ("" if reachable is None else ", reachable = excluded.reachable"),
        (code, legacy, name, organisations.folded(code, legacy, name), int(bool(reachable))),
    )


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
