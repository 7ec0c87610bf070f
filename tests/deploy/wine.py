"""A Windows of our own for the tests: a fresh Wine prefix, every call with a time limit, pipes and nothing else.

What is peculiar here is Wine's, not the product's: standard handles must be pipes, services live only while a user
process does, and Wine 8 lacks the library from which Windows 10 takes random numbers, so a stand-in is built here and
put into the prefix alone. Source: Wine 8.0 and Windows 10 as measured.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SECONDS = 120
SHIM = r"""
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
  while (length) {
    ULONG piece = length > 65536 ? 65536 : (ULONG)length;
    if (!SystemFunction036(buffer, piece)) return FALSE;
    buffer += piece; length -= piece;
  }
  return TRUE;
}
"""
SHIM_NAME = "bcryptprimitives.dll"
COMPILER = "x86_64-w64-mingw32-gcc"


class TookTooLong(AssertionError):
    """A call under Wine did not end in its time."""


@dataclass(frozen=True)
class Said:
    """What a program answered; consoles lose Vietnamese letters, so assert on files and JSON."""

    code: int
    out: str


class _Listener(threading.Thread):
    """Reads a pipe whose other end Wine's own servers inherit and never close."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._pipe, self._pieces = pipe, b""
        self.start()

    def run(self) -> None:
        with self._pipe:
            while piece := os.read(self._pipe.fileno(), 65536):
                self._pieces += piece

    def text(self) -> str:
        """What was heard until shortly after the program's end."""
        self.join(0.5)
        return self._pieces.decode("utf-8", "replace")


class Wine:
    """One fresh prefix and what runs in it."""

    def __init__(self, folder: Path, *, version: str = "win10") -> None:
        self.prefix = folder / "prefix"
        self.folder = folder
        self._keeper: subprocess.Popen[bytes] | None = None
        self._silence: tuple[int, int] | None = None
        self._heard: list[_Listener] = []
        self.call("wineboot", "--init", seconds=180, program="")
        self.call("winecfg", "/v", version)
        self._put_shim()
        self.shut_down()  # what started before the version was set has the folders of another Windows in its variables

    @property
    def drive(self) -> Path:
        """Where drive C: lies."""
        return self.prefix / "drive_c"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of every call."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DISPLAY", "WINE"))}
        return {**kept, "WINEPREFIX": str(self.prefix), "WINEDEBUG": "-all", "WINEARCH": "win64", "LC_ALL": "C.UTF-8"}

    def _put_shim(self) -> None:
        source = self.folder / "shim.c"
        source.write_text(SHIM, encoding="ascii")
        target = self.drive / "windows" / "system32" / SHIM_NAME
        subprocess.run(
            [COMPILER, "-shared", "-O2", "-o", str(target), str(source), "-ladvapi32"], check=True, timeout=120
        )

    def call(
        self, *words: str, seconds: float = SECONDS, codes: tuple[int, ...] | None = None, program: str = "wine",
        more: dict[str, str] | None = None,
    ) -> Said:  # fmt: skip
        """Carries out a program to its end; its own exit code, its output through pipes."""
        line = [program, *words] if program else list(words)
        began = subprocess.Popen(
            line,
            stdin=self._stdin(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**self.environment, **(more or {})},
            start_new_session=True,
        )
        assert began.stdout is not None
        heard = _Listener(began.stdout)
        self._heard.append(heard)
        try:
            began.wait(seconds)
        except subprocess.TimeoutExpired as late:
            os.killpg(began.pid, 9)
            raise TookTooLong(f"{' '.join(words)}: longer than {seconds:.0f} s; {heard.text()[-500:]}") from late
        said = Said(began.returncode, heard.text())
        if codes is not None and said.code not in codes:
            raise AssertionError(f"{' '.join(words)}: {said.code}\n{said.out[-4000:]}")
        return said

    @contextmanager
    def beginning(self, *words: str) -> Iterator[None]:
        """A program that runs meanwhile and is ended at the latest with the block."""
        shell = 'wine "$@" 2>&1 | cat > /dev/null'  # pipes alone
        quiet = subprocess.DEVNULL
        running = subprocess.Popen(
            ["sh", "-c", shell, "sh", *words],
            stdin=self._stdin(), stdout=quiet, stderr=quiet, env=self.environment, start_new_session=True,
        )  # fmt: skip
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, 9)
            running.wait(20)

    def _stdin(self) -> int:
        """A pipe that nobody writes to and that stays open: the null device kills python.exe."""
        if self._silence is None:
            self._silence = os.pipe()
        return self._silence[0]

    def keep_alive(self) -> None:
        """Holds one user process open, without which services end."""
        self._keeper = subprocess.Popen(
            ["wine", "cmd", "/k", "echo keep"],
            stdin=self._stdin(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
            start_new_session=True,
        )

    def windows_path(self, path: Path) -> str:
        """How a program inside names a file of this computer."""
        if path.is_relative_to(self.drive):
            return "C:\\" + str(path.relative_to(self.drive)).replace("/", "\\")
        return "Z:" + str(path).replace("/", "\\")

    def processes(self) -> Iterator[tuple[int, bytes]]:
        """Every process of the prefix but its server: process id on this computer and command line."""
        own = f"WINEPREFIX={self.prefix}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if own in (folder / "environ").read_bytes().split(b"\0"):
                    line = (folder / "cmdline").read_bytes().rstrip(b"\0")
                    if b"wineserver" not in line:
                        yield int(folder.name), line
            except OSError:
                continue

    def shut_down(self) -> None:
        """Ends every process of the prefix at once, as a power cut would; the next call boots it again.

        The server ends last and in order: it keeps the registry, which Windows would have on its disk.
        """
        for process, _ in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, 9)
        if self._keeper is not None:
            self._keeper.wait(20)
            self._keeper = None
        for word in ("-k", "-w"):
            subprocess.run(["wineserver", word], env=self.environment, timeout=60, check=False)

    def close(self) -> None:
        """Ends everything in the prefix and removes it."""
        self.shut_down()
        for heard in self._heard:
            heard.join(20)  # nothing holds its pipe any more
        for end in self._silence or ():
            os.close(end)
        shutil.rmtree(self.prefix, ignore_errors=True)
