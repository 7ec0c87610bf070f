"""Releases side by side, and the pointer to the one that is used. No file of a release is changed once it has its name,
but by `mend`, which gives back what was delivered.

`current` names the release that serves, `rescue` the one whose program finishes or undoes an interrupted operation:
while a release is being tried, that is the one that began the operation. On Linux they are relative symlinks, on
Windows small text files; both are replaced at once.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from commune_portal.errors import StoreDamaged
from commune_portal.operations import bundle
from commune_portal.operations.bundle import ReleaseFacts, Stick
from commune_portal.operations.places import IS_WINDOWS, Places
from commune_portal.store import files

CURRENT = "current"
RESCUE = "rescue"
MANIFEST = "FILES.sha256"
_FAILED = re.compile(r"(?P<version>.+)\.failed\.(?P<id>[0-9a-f]{8})")
_BROKEN = "Bản cài đặt trong {} không nguyên vẹn ({}). Hãy cài lại từ bộ cài."


def command(places: Places, version: str) -> list[str]:
    """How the program of a release is started, with the interpreter that the release carries."""
    folder = places.release(version)
    if IS_WINDOWS:
        return [str(folder / "python" / "python.exe"), "-m", "commune_portal"]
    return [str(folder / "bin" / "commune-portal")]


def facts_of(folder: Path) -> ReleaseFacts:
    """What an installed release says of itself; raises StoreDamaged where its folder is no release."""
    try:
        return ReleaseFacts.read((folder / bundle.RELEASE_FILE).read_bytes())
    except OSError as error:
        raise StoreDamaged(_BROKEN.format(folder, bundle.RELEASE_FILE), detail=str(error)) from error


# ---- pointers -----------------------------------------------------------------------------------------------------


def pointed(places: Places, name: str = CURRENT) -> str:
    """The version that a pointer names, empty where there is none."""
    try:
        if IS_WINDOWS:
            return (places.program / f"{name}.txt").read_text(encoding="utf-8").strip()
        return (places.program / name).readlink().name
    except OSError:
        return ""


def point(places: Places, version: str, name: str = CURRENT) -> None:
    """Lets a pointer name a version, at once and durably; without one the pointer is taken away."""
    with files.disk_errors():
        if IS_WINDOWS:
            _point_by_text(places.program / f"{name}.txt", version)
        else:
            _point_by_link(places.program / name, version)
        if places.program.is_dir():
            files.sync_folder(places.program)


def _point_by_text(path: Path, version: str) -> None:
    if version:
        files.write_durably(path, f"{version}\n".encode(), mode=0o644)
    else:
        path.unlink(missing_ok=True)


def _point_by_link(path: Path, version: str) -> None:
    if not version:
        path.unlink(missing_ok=True)
        return
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("releases") / version)
    fresh.replace(path)


# ---- staging ------------------------------------------------------------------------------------------------------


def part_of(places: Places, version: str) -> Path:
    """Where a release is put together before it has its name."""
    return places.releases / f".{version}.part"


def stage(places: Places, stick: Stick) -> None:
    """Copies the stick's release beside the others, hashed after the copying; one that is whole there stays."""
    final = places.release(stick.facts.version)
    if is_whole(final) and facts_of(final) == stick.facts:
        return
    with files.disk_errors():
        part = _put_together(places, stick)
        remove(final)
        part.rename(final)
        files.sync_folder(places.releases)


def mend(places: Places, stick: Stick) -> list[str]:
    """Gives an installed release the files of the same release on the stick, where they differ; answers their names.

    Each is replaced at once, so that an interruption leaves nothing worse than it was; doing it again goes on.
    """
    final = places.release(stick.facts.version)
    with files.disk_errors():
        part = _put_together(places, stick)
        mended = []
        if not _same_file(part / MANIFEST, final / MANIFEST):
            mended.append(MANIFEST)
            _replace(part / MANIFEST, final / MANIFEST)
        for name in [name for name, _ in _differing(final)]:
            mended.append(name)
            if (part / name).exists():
                _replace(part / name, final / name)
            else:
                (final / name).unlink()
        for problem in differences(final):
            raise StoreDamaged(_BROKEN.format(final, problem))
        remove(part)
        if hasattr(os, "sync"):
            os.sync()
    return mended


def _replace(source: Path, target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)


def _same_file(one: Path, other: Path) -> bool:
    return other.is_file() and files.digest_of(one).sha256 == files.digest_of(other).sha256


def _put_together(places: Places, stick: Stick) -> Path:
    """The stick's release in a folder that nothing starts, durable and compared with its manifest."""
    part = part_of(places, stick.facts.version)
    places.releases.mkdir(parents=True, exist_ok=True)
    remove(part)
    if stick.payload is None:
        _copy_plain(stick, part)
    else:
        _unpack(stick, stick.payload, part)
    for problem in differences(part):
        raise StoreDamaged(bundle.DAMAGED.format(problem))
    if hasattr(os, "sync"):
        os.sync()  # thousands of small files: one call for all is minutes sooner on a slow disk than one each
    return part


def _copy_plain(stick: Stick, part: Path) -> None:
    """Copies a plain folder; what was copied is compared with its manifest afterwards, so that must be the signed."""
    names = stick.plain_files()
    for parent in sorted({(part / name).parent for name in names}):
        parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        source = stick.plain / name
        try:
            is_program = name.startswith("bin/") or bool(source.stat().st_mode & stat.S_IXUSR)  # a stick knows no modes
            _write(part / name, files.pieces_of(source), 0o755 if is_program else 0o644)
        except FileNotFoundError as error:
            raise StoreDamaged(bundle.DAMAGED.format(f"thiếu tệp {name}")) from error
    if MANIFEST not in names or files.digest_of(part / MANIFEST).sha256 != names[MANIFEST]:
        raise StoreDamaged(bundle.DAMAGED.format(f"tệp {MANIFEST} không còn như khi phát hành"))


def _unpack(stick: Stick, payload: Path, part: Path) -> None:
    """Copies the packed release first and hashes the copy: what is unpacked is what was signed."""
    packed = part.with_name(part.name + ".tar.gz")
    try:
        _write(packed, files.pieces_of(payload), 0o600)
        name = payload.relative_to(stick.folder).as_posix()
        if files.digest_of(packed).sha256 != stick.sums[name]:
            raise StoreDamaged(bundle.DAMAGED.format(f"tệp {name} không còn như khi phát hành"))
        part.mkdir(parents=True)
        with tarfile.open(packed, "r:gz") as archive:
            for member in archive:
                _take(archive, member, part)
    except tarfile.TarError as error:
        raise StoreDamaged(bundle.DAMAGED.format(payload.name), detail=str(error)) from error
    finally:
        packed.unlink(missing_ok=True)


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, part: Path) -> None:
    """Writes one member: folders, files, and links that stay inside; anything else is no release of ours."""
    name = member.name.removeprefix("./").rstrip("/")
    if name in ("", "."):
        return
    target = part / name
    if not bundle.is_inside(name):
        raise StoreDamaged(bundle.DAMAGED.format(name))
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    data = archive.extractfile(member) if member.isreg() else None
    if data is not None:
        _write(target, iter(lambda: data.read(files.PIECE_BYTES), b""), member.mode)
    elif member.issym() and _stays_inside(name, member.linkname):
        target.symlink_to(member.linkname)
    else:
        raise StoreDamaged(bundle.DAMAGED.format(name))


def _stays_inside(name: str, link: str) -> bool:
    inside = os.path.normpath(str(Path(name).parent / link))
    return not Path(link).is_absolute() and not inside.startswith("..")


def _write(target: Path, pieces: Iterator[bytes], mode: int) -> None:
    with target.open("wb") as out:
        for piece in pieces:
            out.write(piece)
        if not hasattr(os, "sync"):
            out.flush()
            os.fsync(out.fileno())
    if not IS_WINDOWS:
        target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)


def differences(folder: Path) -> Iterator[str]:
    """What in a release folder is not as its manifest says, in words; nothing where it is whole."""
    for name, words in _differing(folder):
        yield words.format(name)


def _differing(folder: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
    except OSError:
        yield MANIFEST, "thiếu tệp {}"
        return
    named = {found[2].removeprefix("./"): found[1] for line in lines if (found := bundle.SUM_LINE.fullmatch(line))}
    there = {path.relative_to(folder).as_posix(): path for path in bundle.files_below(folder)}
    there.pop(MANIFEST, None)
    for name in sorted(named.keys() - there.keys()):
        yield name, "thiếu tệp {}"
    for name, path in sorted(there.items()):
        if name not in named:
            if not path.is_symlink() or not _stays_inside(name, str(path.readlink())):
                yield name, "có tệp lạ {}"
        elif files.digest_of(path).sha256 != named[name]:
            yield name, "tệp {} sai nội dung"


def is_whole(folder: Path) -> bool:
    """True when every file of a release is as its manifest says."""
    return folder.is_dir() and next(differences(folder), None) is None


# ---- keeping house ------------------------------------------------------------------------------------------------


def installed(places: Places) -> list[str]:
    """The versions that lie there whole or in use, oldest release number first; no failed and no unfinished ones."""
    if not places.releases.is_dir():
        return []
    found = []
    for folder in places.releases.iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and not _FAILED.fullmatch(folder.name):
            try:
                found.append((facts_of(folder).release_seq, folder.name))
            except (StoreDamaged, ValueError):
                continue
    return [name for _, name in sorted(found)]


def failed(places: Places) -> list[str]:
    """The names of folders whose release did not pass its health gate."""
    if not places.releases.is_dir():
        return []
    return sorted(folder.name for folder in places.releases.iterdir() if _FAILED.fullmatch(folder.name))


def mark_failed(places: Places, version: str, operation: str) -> None:
    """Gives a release that did not work a name that nothing starts; it stays to be looked at. Idempotent.

    Those that failed before it go: trying again and again must not fill the disk.
    """
    folder = places.release(version)
    if folder.is_dir():
        earlier = failed(places)
        with files.disk_errors():
            folder.rename(folder.with_name(f"{version}.failed.{operation}"))
            files.sync_folder(places.releases)
            for name in earlier:
                remove(places.releases / name)


def prune(places: Places, keep: set[str]) -> None:
    """Removes every release but those named, failed and unfinished ones too."""
    if not places.releases.is_dir():
        return
    for folder in sorted(places.releases.iterdir()):
        if folder.name not in keep:
            remove(folder)


def remove(folder: Path) -> None:
    """Removes a release folder; it loses its name first, so that half a release never bears one."""
    if not folder.is_symlink() and not folder.exists():
        return
    if folder.is_dir() and not folder.name.startswith("."):
        gone = folder.with_name(f".{folder.name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)
        folder = gone
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
