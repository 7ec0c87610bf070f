"""Accounts: who may log in, with which roles; every change is one transaction and one journal line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from commune_portal import clock
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.people import passwords, sessions
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules import permissions
from commune_portal.rules.acts import Act
from commune_portal.rules.folding import clean_line, nfc
from commune_portal.rules.permissions import Relation, Role, Verb
from commune_portal.store import database, installation, journal
from commune_portal.store.register import Work

_USERNAME = re.compile(r"[a-z0-9à-ỹđ](?:[a-z0-9à-ỹđ._-]{0,38}[a-z0-9à-ỹđ])?")


@dataclass(frozen=True, slots=True)
class Account:
    """An account as lists and forms show it; never the hash of its password."""

    id: int
    uid: str
    username: str
    full_name: str
    position: str
    unit: str
    roles: frozenset[Role]
    must_change_password: bool
    disabled_at: datetime | None
    made_at: datetime

    @property
    def actor(self) -> Actor:
        """The same person as verbs see one."""
        return Actor(self.id, self.uid, self.username, self.full_name, self.position, self.unit, self.roles)


@dataclass(frozen=True, slots=True, repr=False)
class FirstPassword:
    """An account and the random password that is shown once."""

    account_id: int
    username: str
    password: str


def add(
    by: Actor,
    *,
    username: str,
    full_name: str,
    roles: Iterable[Role],
    position: str = "",
    unit: str = "",
    password: str | None = None,
) -> FirstPassword:
    """Makes an account with a random first password that must be changed; raises Malformed, RuleBroken.

    `password` is for the demonstration and for tests: it is taken as it is and need not be changed.
    """
    by.require(Verb.ADMINISTRATION_USERS)
    username, full_name = as_username(username), _as_name(full_name)
    chosen = _as_roles(roles)
    first = password or passwords.random_password()
    password_hash = passwords.hashed(first)
    with database.transaction() as work:
        if work.execute("SELECT 1 FROM accounts WHERE username = ?", (username,)).fetchone():
            raise Malformed(f"Tên đăng nhập «{username}» đã có người dùng. Hãy chọn tên khác.", field="username")
        row = work.insert(
            "accounts",
            {
                "username": username,
                "full_name": full_name,
                "position": clean_line(position),
                "unit": clean_line(unit),
                "roles": _stored(chosen),
                "password_hash": password_hash,
                "must_change_password": 0 if password else 1,
                "made_at": clock.now_text(),
            },
        )
        _tell(work, Act.ACCOUNT_MADE, by, uid=row.uid, roles=chosen, full_name=full_name, how="made")
    return FirstPassword(row.id, username, first)


def change(by: Actor, account_id: int, *, full_name: str, position: str, unit: str, roles: Iterable[Role]) -> None:
    """Changes a person's name, post, unit and roles; raises RuleBroken when no administrator would remain."""
    by.require(Verb.ADMINISTRATION_USERS)
    full_name, chosen = _as_name(full_name), _as_roles(roles)
    with database.transaction() as work:
        row = work.update(
            "accounts",
            account_id,
            {
                "full_name": full_name,
                "position": clean_line(position),
                "unit": clean_line(unit),
                "roles": _stored(chosen),
            },
        )
        _refuse_without_administrator(work)
        if work.pending:
            _tell(work, Act.ACCOUNT_CHANGED, by, uid=row.uid, roles=chosen, full_name=full_name, how="changed")


def disable(by: Actor, account_id: int) -> None:
    """Ends an account and all its sessions; what the person did stays. Raises RuleBroken for the last administrator."""
    by.require(Verb.ADMINISTRATION_USERS)
    before = account(account_id)
    if before.disabled_at is not None:
        raise RuleBroken("Tài khoản này đã khóa rồi.")
    with database.transaction() as work:
        row = work.update("accounts", account_id, {"disabled_at": clock.now_text()}, expected={"disabled_at": None})
        _refuse_without_administrator(work)
        sessions.end_all(work, account_id)
        _tell(
            work, Act.ACCOUNT_CHANGED, by, uid=row.uid, roles=before.roles, full_name=before.full_name, how="disabled"
        )


def enable(by: Actor, account_id: int) -> str:
    """Opens a disabled account again, with a new random password that is answered and must be changed."""
    by.require(Verb.ADMINISTRATION_USERS)
    before = account(account_id)
    if before.disabled_at is None:
        raise RuleBroken("Tài khoản này đang mở.")
    return _give_password(by, before, "enabled")


def reset_password(by: Actor, account_id: int) -> str:
    """Gives a new random password, ends all sessions and forgets failed log-ins; answers it, to be shown once."""
    by.require(Verb.ADMINISTRATION_USERS)
    before = account(account_id)
    if before.disabled_at is not None:
        raise RuleBroken("Tài khoản đang khóa. Hãy mở khóa; khi đó mật khẩu mới được cấp luôn.")
    return _give_password(by, before, "reset")


def _give_password(by: Actor, before: Account, how: str) -> str:
    fresh = passwords.random_password()
    password_hash = passwords.hashed(fresh)
    with database.transaction() as work:
        work.update(
            "accounts",
            before.id,
            {"password_hash": password_hash, "must_change_password": 1, "disabled_at": None},
        )
        sessions.end_all(work, before.id)
        work.execute("DELETE FROM login_failures WHERE username = ?", (before.username,))
        _tell(work, Act.PASSWORD_CHANGED, by, uid=before.uid, roles=before.roles, full_name=before.full_name, how=how)
    return fresh


def change_own_password(by: Actor, old: str, new: str) -> None:
    """A person's own change; ends all sessions, this one too (the page begins a new one). Raises Malformed."""
    by.require(Verb.OWN_PASSWORD, Relation.OWN)
    stored = _password_hash(by.id)
    if not passwords.is_right(old, stored):
        raise Malformed("Mật khẩu hiện tại không đúng.", field="old_password")
    new = passwords.check_strength(new, by.username)
    if passwords.is_right(new, stored):
        raise Malformed("Mật khẩu mới phải khác mật khẩu cũ.", field="new_password")
    password_hash = passwords.hashed(new)
    with database.transaction() as work:
        work.update(
            "accounts",
            by.id,
            {"password_hash": password_hash, "must_change_password": 0},
            expected={"password_hash": stored, "disabled_at": None},
        )
        sessions.end_all(work, by.id)
        _tell(work, Act.PASSWORD_CHANGED, by, uid=by.uid, roles=by.roles, full_name=by.full_name, how="own")


def account(account_id: int) -> Account:
    """One account; raises NotFound."""
    found = _select("WHERE id = ?", (account_id,))
    if not found:
        raise NotFound("Không tìm thấy tài khoản này.")
    return found[0]


def actor(account_id: int) -> Actor:
    """The person with this account, for verbs; raises NotFound when there is none or it is disabled."""
    if account_id == PORTAL.id:
        return PORTAL
    found = account(account_id)
    if found.disabled_at is not None:
        raise NotFound("Tài khoản này đã khóa.")
    return found.actor


def by_username(username: str) -> Account | None:
    """The account of a name as typed, if any."""
    found = _select("WHERE username = ?", (nfc(username).strip().lower(),))
    return found[0] if found else None


def by_roles(role: Role) -> list[Actor]:
    """Everybody who holds a role and may log in, by name, for the lists of choices."""
    return [item.actor for item in _select("WHERE disabled_at IS NULL ORDER BY full_name, id") if role in item.roles]


def everyone() -> list[Account]:
    """All accounts, the open ones first, by name."""
    return _select("ORDER BY disabled_at IS NOT NULL, full_name, id")


def names(account_ids: Iterable[int]) -> dict[int, str]:
    """Full names by account, in one query, for lists."""
    wanted = sorted(set(account_ids))
    marks = ", ".join("?" for _ in wanted)
    return dict(database.rows(f"SELECT id, full_name FROM accounts WHERE id IN ({marks})", wanted)) if wanted else {}


def password_hash_of(username: str) -> tuple[int, str, bool] | None:
    """Account, stored hash and whether it is open, for the log-in alone."""
    found = database.row(
        "SELECT id, password_hash, disabled_at IS NULL FROM accounts WHERE username = ?",
        (nfc(username).strip().lower(),),
    )
    return (int(found[0]), str(found[1]), bool(found[2])) if found else None


def as_username(text: str) -> str:
    """A name to log in with: NFC, lower case, letters, digits, dot, dash; raises Malformed."""
    username = nfc(text).strip().lower()
    if not _USERNAME.fullmatch(username):
        raise Malformed(
            "Tên đăng nhập chỉ gồm chữ, số, dấu chấm và gạch nối, tối đa 40 ký tự, không có dấu cách.", field="username"
        )
    return username


def _select(clause: str, parameters: tuple[object, ...] = ()) -> list[Account]:
    found = database.rows(
        "SELECT id, uid, username, full_name, position, unit, roles, must_change_password, disabled_at, made_at"
        f" FROM accounts {clause}",
        parameters,
    )
    return [
        Account(
            id=row[0],
            uid=row[1],
            username=row[2],
            full_name=row[3],
            position=row[4],
            unit=row[5],
            roles=_read_roles(row[6]),
            must_change_password=bool(row[7]),
            disabled_at=clock.from_text(row[8]) if row[8] else None,
            made_at=clock.from_text(row[9]),
        )
        for row in found
    ]


def _password_hash(account_id: int) -> str:
    found = database.row("SELECT password_hash FROM accounts WHERE id = ? AND disabled_at IS NULL", (account_id,))
    if found is None:
        raise NotFound("Không tìm thấy tài khoản này.")
    return str(found[0])


def _as_name(text: str) -> str:
    name = clean_line(text)
    if not name or len(name) > 100:
        raise Malformed("Họ và tên cần từ 1 đến 100 ký tự.", field="full_name")
    return name


def _as_roles(roles: Iterable[Role]) -> frozenset[Role]:
    chosen = frozenset(roles)
    fitting = permissions.NODE_ROLES if installation.own().role == "node" else permissions.OFFICE_ROLES
    if not chosen or not chosen <= fitting:
        raise Malformed("Hãy chọn ít nhất một vai trò dùng được ở đây.", field="roles")
    return chosen


def _stored(roles: frozenset[Role]) -> str:
    return ",".join(sorted(role.value for role in roles))


def _read_roles(text: str) -> frozenset[Role]:
    return frozenset(Role(part) for part in text.split(",") if part)


def _refuse_without_administrator(work: Work) -> None:
    """Refuses a state in which nobody could mend accounts any more, and rolls the act back."""
    found = work.execute("SELECT roles FROM accounts WHERE disabled_at IS NULL").fetchall()
    if not any(permissions.allowed(_read_roles(row[0]), Verb.ADMINISTRATION_USERS) for row in found):
        raise RuleBroken("Phải còn ít nhất một tài khoản quản trị. Hãy giao vai trò này cho người khác trước.")


def _tell(work: Work, act: Act, by: Actor, *, uid: str, roles: frozenset[Role], full_name: str, how: str) -> None:
    journal.write(
        work,
        act,
        by.uid,
        about=f"account:{uid}",
        facts={"roles": sorted(role.value for role in roles), "how": how},
        texts={"account_name": full_name},
    )
