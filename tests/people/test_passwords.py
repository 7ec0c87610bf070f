"""Passwords: cost, form, strength. Source: ASVS 5.0, 6.2 and 11.4.2."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.people import passwords


@settings(deadline=None, max_examples=25)
@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_a_password_opens_its_own_hash_alone(one: str, other: str) -> None:
    stored = passwords.hashed(one)
    assert passwords.is_right(one, stored)
    same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    assert passwords.is_right(other, stored) is same


def test_two_hashes_of_one_password_differ() -> None:
    assert passwords.hashed("một câu vài từ") != passwords.hashed("một câu vài từ")


def test_the_two_forms_of_vietnamese_letters_are_one_password() -> None:
    stored = passwords.hashed(unicodedata.normalize("NFD", "sông Hồng đỏ nặng"))
    assert passwords.is_right(unicodedata.normalize("NFC", "sông Hồng đỏ nặng"), stored)


def test_a_hash_of_another_cost_still_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = passwords.hashed("một câu vài từ")
    monkeypatch.setattr(passwords, "COST", passwords.Cost(log_n=5, p=2))
    assert passwords.is_right("một câu vài từ", stored)


def test_the_real_cost_is_what_the_reference_asks_for() -> None:
    real = passwords.Cost()
    assert (real.log_n, real.p) == (15, 3)


@pytest.mark.parametrize("stored", ["", "plain", "scrypt$1$2", "md5$a$b$c$d"])
def test_a_hash_of_unknown_form_opens_to_nothing(stored: str) -> None:
    assert not passwords.is_right("x", stored)


@pytest.mark.parametrize(
    "password",
    ["ngắn", "123456789", "1234567890", "Matkhau123", "mật khẩu 123", "aaaaaaaaaaaa", "nguyenthihoa1", "x" * 129],
)
def test_what_is_short_or_obvious_is_refused(password: str) -> None:
    with pytest.raises(Malformed):
        passwords.check_strength(password, "nguyenthihoa")


@pytest.mark.parametrize("password", ["ruộng lúa chín vàng", "correct horse", "tám con trâu", "k7mp-w3xd-9rtf"])
def test_length_is_enough_and_no_signs_are_prescribed(password: str) -> None:
    assert passwords.check_strength(password, "hoa") == password


def test_length_is_counted_in_letters_as_people_see_them() -> None:
    spread = unicodedata.normalize("NFD", "ấ ề ộ ữ")
    assert len(spread) > passwords.SHORTEST
    with pytest.raises(Malformed):
        passwords.check_strength(spread)


def test_random_passwords_are_strong_and_readable() -> None:
    made = {passwords.random_password() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        assert passwords.check_strength(password) == password
        assert not set(password) & set("ilo01")
