"""What our own hand signs, the real minisign and the installed release's verifier take, and nothing changed passes."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from commune_portal.errors import NotAllowed
from commune_portal.operations import publisher as verifier
from deploy.bundle import signature
from deploy.bundle.checkout import BundleError
from deploy.bundle.signature import Publisher

COMMENT = "commune-portal version=1.2.3 release_seq=7"


@pytest.fixture
def hand(tmp_path: Path) -> Publisher:
    return signature.make(tmp_path / "key.pem")


def signed(folder: Path, hand: Publisher) -> Path:
    folder.mkdir()
    path = folder / "SHA256SUMS"
    path.write_bytes(b"0" * 64 + b"  bundle/release.json\n")
    hand.sign_file(path, COMMENT)
    signature.write_public(folder, hand)
    return path


def minisign(path: Path) -> subprocess.CompletedProcess[str]:
    assert shutil.which("minisign"), "the Debian package minisign is missing"
    command = ["minisign", "-V", "-p", str(path.parent / "publisher.pub"), "-m", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_minisign_itself_takes_the_signature_and_tells_the_trusted_comment(tmp_path: Path, hand: Publisher) -> None:
    said = minisign(signed(tmp_path / "stick", hand))
    assert said.returncode == 0, said.stderr
    assert COMMENT in said.stdout


def test_the_installed_release_takes_the_same_signature(tmp_path: Path, hand: Publisher) -> None:
    path = signed(tmp_path / "stick", hand)
    key = verifier.key_of(path.parent, None)
    assert key == hand.public
    assert verifier.verify_file(path, path.read_bytes(), key) == COMMENT


def test_a_changed_byte_or_comment_is_refused_by_both(tmp_path: Path, hand: Publisher) -> None:
    path = signed(tmp_path / "stick", hand)
    written = path.with_name("SHA256SUMS.minisig")
    text = written.read_text(encoding="utf-8")
    written.write_text(text.replace("release_seq=7", "release_seq=8"), encoding="utf-8")
    assert minisign(path).returncode != 0
    with pytest.raises(NotAllowed):
        verifier.verify_file(path, path.read_bytes(), hand.public)
    written.write_text(text, encoding="utf-8")
    path.write_bytes(b"1" + path.read_bytes()[1:])
    assert minisign(path).returncode != 0
    with pytest.raises(NotAllowed):
        verifier.verify_file(path, path.read_bytes(), hand.public)


def test_the_same_key_gives_the_same_signature_each_time(hand: Publisher) -> None:
    assert hand.signature(b"text", COMMENT) == hand.signature(b"text", COMMENT)


def test_a_new_key_arrives_signed_by_the_one_before(tmp_path: Path, hand: Publisher) -> None:
    fresh = signature.make(tmp_path / "fresh.pem")
    stick = tmp_path / "stick"
    stick.mkdir()
    signature.write_public(stick, fresh, former=hand)
    assert verifier.key_of(stick, pinned=hand.public) == fresh.public
    stranger = signature.make(tmp_path / "stranger.pem")
    with pytest.raises(NotAllowed):
        verifier.key_of(stick, pinned=stranger.public)


def test_a_key_is_readable_by_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    made = signature.make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(BundleError, match="never overwritten"):
        signature.make(path)
    assert signature.load(path).public == made.public


def test_a_key_with_a_passphrase_opens_with_it_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.pem"
    made = signature.make(path, b"mot cau kho doan")
    monkeypatch.setattr("getpass.getpass", lambda _: "mot cau kho doan")
    assert signature.load(path).public == made.public
    monkeypatch.setattr("getpass.getpass", lambda _: "sai")
    with pytest.raises(BundleError, match="passphrase"):
        signature.load(path)


def test_a_key_made_by_openssl_is_taken_and_one_of_another_kind_is_not(tmp_path: Path) -> None:
    for algorithm, taken in (("ed25519", True), ("x25519", False)):
        path = tmp_path / algorithm
        command = ["openssl", "genpkey", "-algorithm", algorithm, "-out", str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        if taken:
            assert len(signature.load(path).public.raw) == 32
        else:
            with pytest.raises(BundleError, match="Ed25519"):
                signature.load(path)


def test_a_trial_key_is_made_once_and_says_that_it_is_one(tmp_path: Path) -> None:
    first, second = (signature.trial(tmp_path / "trial.pem") for _ in range(2))
    assert first.is_trial
    assert first.public == second.public
