"""The recovery key: shown once, in force when its sheet was proved to be on paper, its secret kept nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.errors import Malformed, NotAllowed, RuleBroken
from commune_portal.paper.recovery_sheet import KeySheet, print_recovery_sheet
from commune_portal.people import recovery
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.store import database, journal, sealing
from tests.paper.test_letter import text_of


def test_a_key_is_in_force_once_its_last_group_was_typed(office: Settings) -> None:
    assert (recovery.current(), recovery.pending()) == (None, None)
    sheet = recovery.make(PORTAL)
    assert recovery.current() is None
    waiting = recovery.pending()
    assert waiting is not None
    assert waiting.recipient == sheet.recipient == sealing.recipient_of(sheet.secret)
    for wrong in ("", "AAAAA", sheet.secret[-5:]):
        with pytest.raises(Malformed, match="Nhóm cuối"):
            recovery.confirm(PORTAL, wrong)
    recovery.confirm(PORTAL, f" {sheet.confirm_group.lower()} ")
    found = recovery.current()
    assert found is not None
    assert (found.fingerprint, recovery.pending()) == (sheet.fingerprint, None)
    with pytest.raises(RuleBroken, match="chờ xác nhận"):
        recovery.confirm(PORTAL, sheet.confirm_group)


def test_the_key_before_stays_in_force_until_the_new_one_is_confirmed(office: Settings) -> None:
    first = recovery.make(PORTAL)
    recovery.confirm(PORTAL, first.confirm_group)
    given_up = recovery.make(PORTAL)
    second = recovery.make(PORTAL)
    found = recovery.current()
    assert found is not None
    assert found.recipient == first.recipient
    with pytest.raises(Malformed):
        recovery.confirm(PORTAL, given_up.confirm_group)
    recovery.confirm(PORTAL, second.confirm_group)
    found = recovery.current()
    assert found is not None
    assert found.recipient == second.recipient
    retired = database.rows("SELECT recipient FROM recovery_keys WHERE retired_at IS NOT NULL ORDER BY id")
    assert [row[0] for row in retired] == [first.recipient, given_up.recipient]


def test_the_secret_is_in_no_row_no_line_and_no_representation(office: Settings) -> None:
    sheet = recovery.make(PORTAL)
    recovery.confirm(PORTAL, sheet.confirm_group)
    letters = sheet.secret.removeprefix(sealing.SECRET_PREFIX)
    database.close()
    for path in office.data_folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes().upper()
            assert letters.encode() not in data
            assert letters[:20].encode() not in data
    assert letters not in repr(sheet)
    acts = [line.fields["act"] for line in journal.lines(journal.checkpoint().size - 2)]
    assert acts == ["recovery-key.set", "recovery-key.set"]


def test_only_who_may_change_settings_makes_or_confirms_one(office: Settings) -> None:
    roles = frozenset({Role.CLERK, Role.LEADER, Role.SPECIALIST})
    person = Actor(7, "a" * 32, "vanthu", "Lê Thị Mơ", "", "", roles)
    with pytest.raises(NotAllowed):
        recovery.make(person)
    with pytest.raises(NotAllowed):
        recovery.confirm(person, "AAAAA")


def test_the_sheet_carries_every_letter_and_the_last_group(office: Settings, tmp_path: Path) -> None:
    made = recovery.make(PORTAL)
    sheet = KeySheet(
        "Ủy ban nhân dân xã An Phú", "H99.01.02", made.secret, made.confirm_group, made.fingerprint, clock.now()
    )
    path = tmp_path / "to.pdf"
    print_recovery_sheet(sheet, path)
    text = text_of(path)
    assert "KHÓA PHỤC HỒI" in text
    assert all(group in text for group in sheet.groups)
    assert "".join(sheet.groups) == made.secret.removeprefix("AGE-SECRET-KEY-1")
    assert made.confirm_group in text
    assert made.fingerprint in " ".join(text.split())
    assert made.secret not in repr(sheet)
