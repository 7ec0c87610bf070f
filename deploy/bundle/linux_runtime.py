"""The Linux interpreter: Debian's own packages, taken apart and put into one folder that runs anywhere.

`bin/python3.11`, `lib/python3.11/`, `lib/*.so.N` flat under the names the loader asks for, `nginx/`, `licences/`.
No symbolic link is left. libc and libm are the target's own.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from deploy.bundle.checkout import DEPLOY, BundleError
from deploy.bundle.debian import fetch_deb, members
from deploy.bundle.locks import Deb

LIBRARY = re.compile(r"(usr/)?lib/x86_64-linux-gnu/(?P<name>[^/]+\.so(\.[^/]*)?)")
STANDARD = "usr/lib/python3.11/"
COPYRIGHT = re.compile(r"usr/share/doc/(?P<package>[^/]+)/copyright")
PROGRAMS = {"usr/bin/python3.11": "bin/python3.11", "usr/sbin/nginx": "nginx/nginx"}
BESIDE_NGINX = {"libpcre2-8-0"}

# Extension modules that no line of the portal or of its libraries imports; seven libraries go with them.
EXTENSIONS_LEFT_OUT = re.compile(r"lib-dynload/(nis|_dbm|_curses|_curses_panel|readline|_tkinter)\.")
# Standard modules for developers: the 2-to-3 translator, the help texts of pydoc, pip's installer, turtle graphics.
MODULES_LEFT_OUT = re.compile(
    r"^(lib2to3|pydoc_data|ensurepip|idlelib|turtledemo|distutils|tkinter|test|unittest/test|curses|dbm|__pycache__)/"
    r"|^turtle\.py$"
)
WRAPPERS = ("commune-portal", "nginx")


def build(folder: Path, debs: tuple[Deb, ...]) -> None:
    """Fills an empty folder with the interpreter, its libraries, the proxy and the wrappers."""
    links: dict[str, str] = {}
    for deb in debs:
        for path, content, link in members(fetch_deb(deb)):
            target = _target(path, deb.name)
            if target is None:
                continue
            if link:
                links[target] = posixpath.normpath(posixpath.join(posixpath.dirname(target), link))
                continue
            _write(folder / target, content, executable=path in PROGRAMS)
    _resolve(folder, links)
    for name in WRAPPERS:
        _write(folder / "bin" / name, (DEPLOY / "linux" / name).read_bytes(), executable=True)
    if not (folder / "bin/python3.11").is_file() or not (folder / "nginx/nginx").is_file():
        raise BundleError("the Debian packages of deploy/runtime.lock hold no interpreter or no nginx")


def _target(path: str, package: str) -> str | None:
    """Where a file of a package goes in the runtime; None for what is left out."""
    if path in PROGRAMS:
        return PROGRAMS[path]
    if path.startswith(STANDARD):
        inside = path.removeprefix(STANDARD)
        if EXTENSIONS_LEFT_OUT.search(inside) or MODULES_LEFT_OUT.search(inside) or inside == "sitecustomize.py":
            return None
        return f"lib/python3.11/{inside}"
    if found := LIBRARY.fullmatch(path):
        return f"{'nginx' if package in BESIDE_NGINX else 'lib'}/{found['name']}"
    if found := COPYRIGHT.fullmatch(path):
        return f"licences/{found['package']}"
    return None


def _write(target: Path, content: bytes, *, executable: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    target.chmod(0o755 if executable else 0o644)


def _resolve(folder: Path, links: dict[str, str]) -> None:
    """Puts a library under the name it is linked as (its long name goes), drops links that lead nowhere."""
    for name, target in sorted(links.items()):
        source = folder / target
        if source.is_file():
            _write(folder / name, source.read_bytes(), executable=False)
    for target in sorted(set(links.values())):
        if (folder / target).is_file() and ".so." in target and target not in links:
            (folder / target).unlink()
