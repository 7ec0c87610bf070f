"""The installation's keys: made once, readable by their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from commune_portal.errors import StoreRefused
from commune_portal.wire import keys


def test_keys_are_the_same_after_a_restart(tmp_path: Path) -> None:
    made = keys.create(tmp_path / "secrets")
    read = keys.load(tmp_path / "secrets")
    assert (read.key_id, read.public_key, read.box_public_key) == (made.key_id, made.public_key, made.box_public_key)
    assert keys.verify(made.public_key, read.sign(b"text"), b"text")
    assert not keys.verify(made.public_key, read.sign(b"text"), b"texT")


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_only_the_owner_can_read_the_secrets(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    keys.create(secrets)
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()] == [0o600]
    (secrets / keys.FILE_NAME).chmod(0o640)
    with pytest.raises(StoreRefused, match="chmod"):
        keys.load(secrets)


def test_keys_are_never_replaced_by_making_new_ones(tmp_path: Path) -> None:
    first = keys.create(tmp_path).key_id
    with pytest.raises(StoreRefused):
        keys.create(tmp_path)
    assert keys.load(tmp_path).key_id == first
    assert keys.retire(tmp_path) == first
    assert keys.create(tmp_path).key_id != first


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_file_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    keys.create(tmp_path)
    (tmp_path / keys.FILE_NAME).write_bytes(content)
    with pytest.raises(StoreRefused, match="khóa"):
        keys.load(tmp_path)


def test_a_copied_folder_without_secrets_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="restore"):
        keys.load(tmp_path / "secrets")


def test_a_key_is_not_shown_when_printed() -> None:
    assert repr(keys.from_seeds(bytes(32), bytes(32))) == "InstallationKeys(139e3940e64b5491)"


def test_two_parties_share_one_box_secret() -> None:
    one, other = keys.from_seeds(bytes(32), bytes(range(32))), keys.from_seeds(bytes(32), bytes(range(1, 33)))
    assert one.exchange(other.box_public_key) == other.exchange(one.box_public_key)


def test_the_process_knows_its_own_keys_only_after_use() -> None:
    keys.use(None)
    with pytest.raises(StoreRefused):
        keys.own()
    mine = keys.from_seeds(bytes(32), bytes(32))
    keys.use(mine)
    try:
        assert keys.own() is mine
    finally:
        keys.use(None)
