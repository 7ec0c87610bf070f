"""Our verifier and the real minisign agree, and every altered byte of a signature is found."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import NotAllowed
from commune_portal.operations import publisher
from tests.operations.sticks import Publisher

COMMENT = "commune-portal version=1.2.3 release_seq=7"
OURS = Publisher()
DATA = b"what is signed\n"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that the real minisign has signed."""
    folder = tmp_path_factory.mktemp("minisign")
    (folder / "SHA256SUMS").write_bytes(DATA)
    _minisign("-G", "-W", "-p", str(folder / "k.pub"), "-s", str(folder / "k.key"))
    _minisign("-S", "-W", "-s", str(folder / "k.key"), "-m", str(folder / "SHA256SUMS"), "-t", COMMENT)
    return folder


def _minisign(*words: str) -> int:
    return subprocess.run(["minisign", *words], capture_output=True, timeout=60, check=False).returncode


def test_what_minisign_signs_we_verify(signed: Path) -> None:
    key = publisher.read_key_file(signed / "k.pub")
    assert publisher.verify_file(signed / "SHA256SUMS", DATA, key) == COMMENT
    assert (signed / "k.pub").read_text(encoding="utf-8").splitlines()[0] == key.text.splitlines()[0]


def test_what_we_write_minisign_verifies(tmp_path: Path) -> None:
    path = tmp_path / "SHA256SUMS"
    path.write_bytes(DATA)
    (tmp_path / "SHA256SUMS.minisig").write_text(OURS.sign(DATA, COMMENT), encoding="utf-8")
    (tmp_path / "publisher.pub").write_text(OURS.key.text, encoding="utf-8")
    assert _minisign("-V", "-p", str(tmp_path / "publisher.pub"), "-m", str(path)) == 0
    path.write_bytes(DATA + b" ")
    assert _minisign("-V", "-p", str(tmp_path / "publisher.pub"), "-m", str(path)) != 0


def test_the_older_unhashed_signature_is_refused(signed: Path, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    assert _minisign("-S", "-W", "-l", "-s", str(signed / "k.key"), "-m", str(path)) == 0
    with pytest.raises(NotAllowed, match="chữ ký"):
        publisher.verify_file(path, DATA, publisher.read_key_file(signed / "k.pub"))


def test_another_key_is_refused_as_another_publisher(signed: Path) -> None:
    with pytest.raises(NotAllowed, match="nơi phát hành khác"):
        publisher.verify_file(signed / "SHA256SUMS", DATA, OURS.key)


def test_a_comment_that_was_exchanged_is_refused() -> None:
    altered = OURS.sign(DATA, COMMENT).replace("release_seq=7", "release_seq=9")
    with pytest.raises(NotAllowed, match="chữ ký"):
        publisher.trusted_comment(DATA, altered, OURS.key)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(min_value=0, max_value=10_000), to=st.characters(codec="ascii", categories=["L", "N", "P"]))
def test_no_altered_character_of_a_signature_passes(at: int, to: str) -> None:
    whole = OURS.sign(DATA, COMMENT)
    lines = whole.split("\n", 1)
    place = len(lines[0]) + 1 + at % (len(lines[1]) - 1)
    altered = whole[:place] + to + whole[place + 1 :]
    try:
        said = publisher.trusted_comment(DATA, altered, OURS.key)
    except NotAllowed:
        return
    assert said == COMMENT  # the untrusted words before the colon, or a bit that base64 does not carry


def test_a_new_key_counts_only_when_the_old_one_has_signed_it(tmp_path: Path) -> None:
    new, stranger = Publisher(), Publisher()
    (tmp_path / "publisher.pub").write_text(new.key.text, encoding="utf-8")
    assert publisher.key_of(tmp_path, None) == new.key
    assert publisher.key_of(tmp_path, new.key) == new.key
    with pytest.raises(NotAllowed, match="nơi phát hành khác"):
        publisher.key_of(tmp_path, OURS.key)
    text = new.key.text.encode()
    (tmp_path / "publisher.pub.next").write_bytes(text)
    for signer, is_good in ((stranger, False), (OURS, True)):
        signature = signer.sign(text, "new key")
        (tmp_path / "publisher.pub.next.minisig").write_text(signature, encoding="utf-8")
        if is_good:
            assert publisher.key_of(tmp_path, OURS.key) == new.key
        else:
            with pytest.raises(NotAllowed):
                publisher.key_of(tmp_path, OURS.key)


def test_the_next_key_must_be_the_key_of_the_stick(tmp_path: Path) -> None:
    (tmp_path / "publisher.pub").write_text(Publisher().key.text, encoding="utf-8")
    text = Publisher().key.text.encode()
    (tmp_path / "publisher.pub.next").write_bytes(text)
    (tmp_path / "publisher.pub.next.minisig").write_text(OURS.sign(text, "new key"), encoding="utf-8")
    with pytest.raises(NotAllowed, match="nơi phát hành khác"):
        publisher.key_of(tmp_path, OURS.key)


def test_a_ruined_pinned_key_is_refused_and_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / "publisher.pub").write_text("???", encoding="utf-8")
    with pytest.raises(NotAllowed):
        publisher.pinned_key(tmp_path / "publisher.pub")
    assert publisher.pinned_key(tmp_path / "none") is None


def test_a_key_whose_name_begins_with_nought_is_written_as_minisign_writes_it() -> None:
    key = publisher.PublicKey(bytes.fromhex("47d20e1556db270b"), bytes(32))
    assert key.text.splitlines()[0] == "untrusted comment: minisign public key B27DB56150ED247"
