"""Facts of the machine and of the interpreter, its load, and what single processes cost."""

from __future__ import annotations

import importlib.util
import os
import platform
import sqlite3
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import commune_portal

OTHERS_AT_MOST = 1.0
"""How many cores other programs may keep busy on the average while a ratio is measured."""

_TICKS = os.sysconf("SC_CLK_TCK")
PACKAGES = ("peewee", "flask", "waitress", "pyhanko", "reportlab", "cryptography")


def load() -> float:
    """The load of the last minute."""
    return os.getloadavg()[0]


def settled_load(at_most: float, patience_seconds: float) -> float:
    """The load once it is low enough, or as it is when patience is over: the bench before leaves some behind."""
    deadline = time.monotonic() + patience_seconds
    while load() > at_most and time.monotonic() < deadline:
        time.sleep(1.0)
    return load()


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time until now: of the whole machine, and of this process and its children."""

    at: float
    busy_seconds: float
    own_seconds: float

    @classmethod
    def now(cls) -> Usage:
        """Reads both."""
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields)
        return cls(time.monotonic(), (user + nice + system + irq + softirq + steal) / _TICKS, tree_seconds())

    def others_since(self, earlier: Usage) -> float:
        """How many cores were busy with other things since then, on the average."""
        others = (self.busy_seconds - earlier.busy_seconds) - (self.own_seconds - earlier.own_seconds)
        return max(0.0, others / max(0.001, self.at - earlier.at))


def tree_seconds() -> float:
    """Processor time of this process and all its children, those that are gone included."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system + sum(map(cpu_seconds, _living()))


def _living() -> list[int]:
    found, pending = [], [os.getpid()]
    while pending:
        folder = Path(f"/proc/{pending.pop()}/task")
        for path in folder.glob("*/children"):
            children = [int(item) for item in _read(path).split()]
            found += children
            pending += children
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # a process that ended meanwhile
        return ""


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and of its children that ended; 0 when it is gone."""
    after_name = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(map(int, after_name[11:15])) / _TICKS


def proportional_mib(*pids: int) -> float:
    """Proportional memory of processes in MiB: shared pages are counted in parts, so that the sum is honest."""
    return sum(_field(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in pids) / 1024


def resident_mib(pid: int) -> float:
    """Resident memory of a process in MiB, shared pages whole; 0 when it is gone."""
    return next((_field(path, "VmRSS:") for path in [Path(f"/proc/{pid}/status")] if "VmRSS:" in _read(path)), 0) / 1024


def high_water_mib(pid: int) -> float:
    """The most resident memory that a process ever had, in MiB."""
    return _field(Path(f"/proc/{pid}/status"), "VmHWM:") / 1024


def _field(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in _read(path).splitlines() if line.startswith(name))


def children_of(pid: int) -> list[int]:
    """The living children of a process."""
    return [int(item) for path in Path(f"/proc/{pid}/task").glob("*/children") for item in _read(path).split()]


def processor() -> str:
    """The processor's model and the number of its cores."""
    names = [line for line in _read(Path("/proc/cpuinfo")).splitlines() if line.startswith("model name")]
    model = names[0].partition(":")[2].strip() if names else platform.machine()
    return f"{model} × {os.cpu_count()}"


def compiled_share() -> float:
    """Which part of the portal's modules lies compiled beside its source: an import compiles the others anew."""
    modules = list(Path(commune_portal.__path__[0]).rglob("*.py"))
    compiled = 0
    for module in modules:
        cached = Path(importlib.util.cache_from_source(str(module)))
        compiled += cached.exists() and cached.stat().st_mtime >= module.stat().st_mtime
    return compiled / len(modules)


def facts() -> str:
    """One line: processor, system, versions, state of the bytecode."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return (
        f"{processor()}; Linux {platform.release()}; Python {platform.python_version()}; SQLite"
        f" {sqlite3.sqlite_version}; {versions}; bytecode {compiled_share():.0%}"
    )
