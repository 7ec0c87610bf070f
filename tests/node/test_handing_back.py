"""An office without computer and paper: the node opens its backup, closes it for a new key, and says so."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from commune_portal.documents import backups, restoration
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import Malformed, NotAllowed, StoreRefused
from commune_portal.node import handing_back, overview
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.permissions import Role
from commune_portal.settings import Paths, Settings
from commune_portal.store import backup, database, installation, sealing
from commune_portal.store.backup_runs import Why
from commune_portal.store.sealing import NotForUs
from commune_portal.wire import keys
from tests.store import full
from tests.store.backed import made, office
from tests.store.full import Full

__all__ = ["made", "office"]


@pytest.fixture
def saved(office: Settings) -> Path:
    """A backup of the full office, which is enrolled: closed for the node too."""
    installation.open_(office)
    (outcome,) = backups.back_up(PORTAL, office, Why.ASKED, backups.places(office)[:1])
    database.close()
    assert outcome.backup is not None
    return outcome.backup.path


@pytest.fixture
def node(made: Full, tmp_path: Path) -> Iterator[Settings]:
    settings = dataclasses.replace(full.copied(made.node, tmp_path / "nut"), paths=Paths(allow_any_disk=True))
    settings.secrets_folder.mkdir(mode=0o700)
    own, form = made.node_keys, (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = own.signing.private_bytes(*form) + own.box.private_bytes(*form)
    path = settings.secrets_folder / keys.FILE_NAME
    path.touch(mode=0o600)
    path.write_bytes(pem)
    installation.open_(settings)
    yield settings
    database.close()


def test_the_office_restores_from_what_the_node_closed_again(saved: Path, node: Settings, tmp_path: Path) -> None:
    done = handing_back.close_again(PORTAL, node, saved, tmp_path / "tra-lai.zip.age")
    assert done.secret
    assert done.secret not in repr(done)
    body = json.loads(database.row("SELECT body FROM journal ORDER BY seq DESC LIMIT 1")[0])
    assert (body["act"], body["facts"]["code"]) == ("exported", done.code)
    assert not list(node.work_folder.glob("backup-*"))
    database.close()
    assert verify_installation(node).ok
    elsewhere = Settings(folder=tmp_path / "may-moi", paths=Paths(allow_any_disk=True))
    restored = restoration.restore(PORTAL, elsewhere, done.path, recovery_key=done.secret)
    assert (restored.code, restored.faults) == (done.code, ())


def test_it_can_be_closed_for_a_key_that_the_office_sends(saved: Path, node: Settings, tmp_path: Path) -> None:
    theirs = sealing.new_secret()
    done = handing_back.close_again(PORTAL, node, saved, tmp_path / "a.zip.age", sealing.recipient_of(theirs))
    assert done.secret == ""
    assert backup.prove(done.path, tmp_path / "thu", [theirs]) == []
    with pytest.raises(Malformed, match="Đã có tệp"):
        handing_back.close_again(PORTAL, node, saved, done.path)
    with pytest.raises(Malformed, match="age1"):
        handing_back.close_again(PORTAL, node, saved, tmp_path / "b.zip.age", "age1rac")


def test_what_was_not_closed_for_this_node_or_is_a_nodes_own_is_refused(node: Settings, tmp_path: Path) -> None:
    stranger = sealing.recipient_of(sealing.new_secret())
    (own,) = backups.back_up(PORTAL, node, Why.ASKED, backups.places(node)[:1])
    assert own.backup is not None
    with pytest.raises(StoreRefused, match="của một nút"):
        handing_back.close_again(PORTAL, node, own.backup.path, tmp_path / "a.zip.age")
    foreign = backup.make(node, tmp_path / "usb", recipients=[stranger]).path
    with pytest.raises(NotForUs):
        handing_back.close_again(PORTAL, node, foreign, tmp_path / "b.zip.age")
    auditor = Actor(9, "a" * 32, "kiemtra", "Võ Văn Tám", "", "", frozenset({Role.AUDITOR}))
    with pytest.raises(NotAllowed):
        handing_back.close_again(auditor, node, foreign, tmp_path / "b.zip.age")
    assert not list(tmp_path.glob("*.part"))


def test_the_node_sees_when_each_office_backed_up_and_proved(node: Settings) -> None:
    line = next(item for item in overview.lines() if item.mirror_size)
    assert (line.backed_up_at, line.proven_at) == (None, None)
    (mirror,) = database.row("SELECT id FROM mirrors WHERE member_id = ?", (line.member.id,))
    wanted = [
        ("2026-11-20T04:30:00Z", "backed-up", 1), ("2026-11-21T04:30:00Z", "backup.proven", 1),
        ("2026-11-22T04:30:00Z", "backed-up", 0), ("2026-11-23T04:30:00Z", "backup.proven", 0),
    ]  # fmt: skip
    for seq, (at, act, proven) in enumerate(wanted, start=9000):
        body = json.dumps({"act": act, "instant": at, "object": "backup", "facts": {"proven": proven}})
        database.write_working(
            "INSERT INTO mirror_lines (mirror_id, seq, body, hash) VALUES (?, ?, ?, '')", (mirror, seq, body)
        )
    line = overview.line_of(line.member.uid)
    assert line.backed_up_at is not None
    assert line.proven_at is not None
    assert (line.backed_up_at.day, line.proven_at.day) == (22, 21)
