"""Root in the service's place: what lies in the service's folders is read and written with the service's rights alone.

The service owns its home, so whoever has taken it over may plant links there, or let the settings point elsewhere. With
its rights root is led to nothing that the service could not reach by itself. Only effective rights change, in this
process; a program started meanwhile could take root back, so none may be.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def for_owner_of(folder: Path) -> Iterator[None]:
    """Works with the rights of a folder's owner where root does; changes nothing for anybody else."""
    owner = _owner_of(folder)
    if owner is None:
        yield
        return
    group, groups = os.getegid(), os.getgroups()
    os.setgroups([owner.st_gid])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def is_one() -> bool:
    """True while this process works with somebody else's rights."""
    return os.name == "posix" and os.geteuid() != os.getuid()


def become_owner_of(folder: Path) -> None:
    """Gives root's rights up for good, for those of a folder's owner; changes nothing for anybody else."""
    owner = _owner_of(folder)
    if owner is not None:
        os.setgroups([owner.st_gid])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
        os.umask(0o027)


def move_in(source: Path, target: Path, home: Path) -> None:
    """Root's own file takes a name in a folder that the owner of `home` may write to, and becomes theirs."""
    owner = _owner_of(home)
    if owner is None:
        source.rename(target)
        return
    with for_owner_of(home):
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with for_owner_of(home):
            if not os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=True):
                raise PermissionError(f"{target.parent}: không phải thư mục của dịch vụ")
        os.chown(source, owner.st_uid, owner.st_gid, follow_symlinks=False)
        os.rename(source, target.name, dst_dir_fd=folder)
    finally:
        os.close(folder)


def _owner_of(folder: Path) -> os.stat_result | None:
    """Whose rights root should take; None where that is root itself, and for everybody but root."""
    if os.name != "posix" or os.geteuid() != 0 or not folder.is_dir():
        return None
    found = folder.stat()
    return found if found.st_uid != 0 else None
