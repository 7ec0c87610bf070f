"""Running the rehearsal of an installation as a child process, hearing its steps, and noting the result.

One at a time. The child plays in a folder of its own inside the work folder, which is emptied before the next run;
it gets the PIN through its standard input, and its own group of processes, so that nothing of it stays behind.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess  # our own interpreter with our own module
import sys
import tempfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from commune_portal import __version__, clock
from commune_portal.errors import PortalError, RuleBroken
from commune_portal.health import examination
from commune_portal.paper.acceptance import Acceptance, Artefact, Finding, Step
from commune_portal.people import acceptance
from commune_portal.people.acceptance import Noted
from commune_portal.people.actors import Actor
from commune_portal.settings import MEBIBYTE, Settings
from commune_portal.signing.workshop import Bench
from commune_portal.store import database, files, installation
from commune_portal.wire import keys

log = logging.getLogger(__name__)

FOLDER = "acceptance"
TIMEOUT_SECONDS = 1200.0
NEEDED_BYTES = 800 * MEBIBYTE
"""What nine processes of a rehearsal take at their peak (635 MB measured), and the portal beside them."""
CONTROL_GROUPS = Path("/sys/fs/cgroup")

_MADE = {
    "signed_pdf_sender": "Văn bản đã ký, nơi gửi",
    "signed_pdf_receiver": "Văn bản đã ký, nơi nhận",
    "packet": "Gói tin",
    "book_outgoing": "Sổ văn bản đi",
    "book_incoming": "Sổ văn bản đến",
    "sqlite_node": "Dữ liệu của nút",
    "sqlite_sender": "Dữ liệu nơi gửi",
    "sqlite_receiver": "Dữ liệu nơi nhận",
}
"""The rehearsal's names of what it leaves, in words."""


@dataclass(frozen=True, slots=True, repr=False)
class OwnToken:
    """The office's token as typed: the certificate that signs the rehearsal's pages, and its PIN."""

    certificate_sha256: str
    pin: str


@dataclass(slots=True)
class Run:
    """A rehearsal that goes on or has just ended; `noted` is there once its result is in the journal."""

    began: float
    steps: list[Step] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    trouble: str = ""
    noted: Noted | None = None
    ended: bool = False
    child: subprocess.Popen[bytes] | None = None

    @property
    def seconds(self) -> int:
        """How long it has been going."""
        return int(clock.monotonic() - self.began)


_turn = threading.Lock()
_run: Run | None = None


def latest() -> Run | None:
    """The run of this process, if any; a restart of the portal forgets it, the result stays."""
    return _run


def start(by: Actor, settings: Settings, bench: Bench | None, token: OwnToken | None) -> Run:
    """Starts a rehearsal in the background; raises RuleBroken while one goes on."""
    global _run
    refuse_small_limit()
    with _turn:
        if _run is not None and not _run.ended:
            raise RuleBroken("Đang chạy nghiệm thu rồi; hãy đợi lần đó xong.")
        made = Run(clock.monotonic())
        _run = made
    thread = threading.Thread(target=_play, args=(made, by, settings, bench, token), name="acceptance", daemon=True)
    thread.start()
    return made


def refuse_small_limit(groups: Path = CONTROL_GROUPS, own: Path = Path("/proc/self/cgroup")) -> None:
    """Raises RuleBroken where the service may take less memory than a rehearsal needs: the system would end both."""
    limit = _limit_bytes(groups, own)
    if limit is not None and limit < NEEDED_BYTES:
        raise RuleBroken(
            f"Dịch vụ chỉ được dùng {limit // MEBIBYTE} MB bộ nhớ, nghiệm thu cần {NEEDED_BYTES // MEBIBYTE} MB. Hãy"
            " chạy «commune-portal rehearse» từ dòng lệnh, hoặc nâng MemoryMax của dịch vụ rồi thử lại."
        )


def _limit_bytes(groups: Path, own: Path) -> int | None:
    """The smallest memory limit on the way from our control group up to the root; None where there is none."""
    try:
        line = next(text for text in own.read_text(encoding="ascii").splitlines() if text.startswith("0::"))
    except (OSError, StopIteration):
        return None
    place = groups / line[3:].lstrip("/")
    found = []
    for folder in (place, *place.parents):
        if folder != groups and groups not in folder.parents:
            break
        try:
            text = (folder / "memory.max").read_text(encoding="ascii").strip()
        except OSError:  # the root has no such file
            continue
        found += [int(text)] if text.isdigit() else []
    return min(found, default=None)


def stop() -> None:
    """Ends a rehearsal that goes on: the portal closes."""
    found = _run
    if found is not None and found.child is not None and not found.ended:
        found.trouble = "Cổng dừng giữa chừng."
        _kill(found.child)


def _play(run: Run, by: Actor, settings: Settings, bench: Bench | None, token: OwnToken | None) -> None:
    try:
        folder = _fresh_folder(settings)
        with tempfile.TemporaryFile() as noise:
            run.child = _child(settings, folder, token, noise)
            _listen(run, run.child, noise)
        found = _accepted(run, by, settings, bench, folder, is_own=token is not None)
        run.noted = acceptance.note(by, settings, found)
        shutil.rmtree(folder, ignore_errors=True)
    except (PortalError, OSError, ValueError, KeyError) as error:
        log.exception("the acceptance could not be brought to its end")
        run.trouble = error.sentence if isinstance(error, PortalError) else f"{type(error).__name__}: {error}"
    finally:
        run.ended = True
        database.close()


def _fresh_folder(settings: Settings) -> Path:
    """A new folder for this run; what earlier ones left is taken away."""
    home = settings.work_folder / FOLDER
    shutil.rmtree(home, ignore_errors=True)
    made = home / f"{clock.now():%Y%m%dT%H%M%SZ}"
    made.mkdir(parents=True, mode=0o700)
    return made


def command(settings: Settings, folder: Path, token: OwnToken | None) -> list[str]:
    """The child's command line; the PIN is never part of it."""
    base = [sys.executable, "-m", "commune_portal", "rehearse", "--dir", str(folder / "play"), "--json-lines"]
    if token is None:
        return base
    settings.trust_folder.mkdir(exist_ok=True)
    own = ["--pkcs11-module", settings.token.module, "--trust", str(settings.trust_folder), "--pin-fd", "0"]
    return base + own + (["--certificate", token.certificate_sha256] if token.certificate_sha256 else [])


def _child(settings: Settings, folder: Path, token: OwnToken | None, noise: IO[bytes]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(  # noqa: S603 -- our own interpreter with our own module
        command(settings, folder, token),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=noise,
        env={**os.environ, "PYTHONUTF8": "1"},
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    assert child.stdin is not None
    with contextlib.suppress(OSError):  # a child that died says why itself
        child.stdin.write((token.pin if token else "").encode() + b"\n")
        child.stdin.close()
    return child


def _listen(run: Run, child: subprocess.Popen[bytes], noise: IO[bytes]) -> None:
    late = threading.Timer(TIMEOUT_SECONDS, _kill, (child,))
    late.daemon = True
    late.start()
    assert child.stdout is not None
    try:
        for line in child.stdout:
            heard = json.loads(line)
            if "step" in heard:
                run.steps.append(Step(**heard["step"]))
            else:
                run.report = heard["report"]
        child.wait()
    finally:
        late.cancel()
        _kill(child)
        child.stdout.close()
    if not run.report and not run.trouble:
        noise.seek(0)
        said = noise.read()[-600:].decode("utf-8", "replace").strip().splitlines()
        run.trouble = said[0] if said else f"Diễn tập dừng đột ngột (mã {child.returncode})."


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Ends the child and everything that it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        subprocess.run(  # noqa: S603 -- Windows' own tool, with a number
            ["taskkill", "/T", "/F", "/PID", str(child.pid)], capture_output=True, check=False, timeout=60,  # noqa: S607
        )  # fmt: skip
    child.wait()


def _accepted(
    run: Run, by: Actor, settings: Settings, bench: Bench | None, folder: Path, *, is_own: bool
) -> Acceptance:
    return replace(
        gathered(settings, run.report, folder / "play", bench, in_service=True),
        made_by=by.full_name,
        token=run.report.get("token") or ("pkcs11" if is_own else "trial"),
        steps=tuple(run.steps),
        trouble=run.trouble,
    )


def gathered(
    settings: Settings, report: dict[str, Any], folder: Path, bench: Bench | None, *, in_service: bool = False
) -> Acceptance:
    """What the sheet prints of a rehearsal's report, with the present findings about the installation."""
    own = installation.own()
    rows = examination.examine(settings, bench=bench, in_service=in_service)
    return replace(
        of_no_installation(report, folder),
        office_code=own.code,
        office_name=own.name,
        key_id=keys.key_id(bytes.fromhex(own.public_key)),
        findings=tuple(Finding(row.title, row.level.value, row.what, row.mend) for row in rows),
    )


def of_no_installation(report: dict[str, Any], folder: Path) -> Acceptance:
    """What the sheet prints of a rehearsal on a computer where no office was founded yet."""
    return Acceptance(
        made_at=clock.now().replace(microsecond=0),
        made_by="",
        ok=bool(report.get("ok")),
        token=str(report.get("token") or "trial"),
        release=__version__,
        office_code="",
        office_name="Máy chưa lập cơ quan",
        key_id="",
        steps=tuple(Step(**item) for item in report.get("steps", ())),
        artefacts=artefacts(report, folder),
        findings=(),
    )


def artefacts(report: dict[str, Any], folder: Path) -> tuple[Artefact, ...]:
    """The files that a rehearsal left, with their hashes."""
    found = []
    for name, path in report.get("artefacts", {}).items():
        if (folder / path).is_file():
            stored = files.digest_of(folder / path)
            found.append(Artefact(f"{_MADE.get(name, name)}: {Path(path).name}", stored.bytes, stored.sha256))
    return tuple(found)
