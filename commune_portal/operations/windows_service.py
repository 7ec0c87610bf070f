"""The host of both Windows services; a copy of this file is `svc\\host.py`, started by the service control manager.

`pythonw.exe host.py CommunePortal` serves the release that `current.txt` names, in this very process;
`… CommunePortalResume` settles an interrupted operation with the release that `rescue.txt` names, then ends. It imports
nothing of ours before it has chosen the release, so that it fits every release with the same interpreter.
"""

from __future__ import annotations

import runpy
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

SERVICE = "CommunePortal"
RESUME = "CommunePortalResume"
POINTERS = {SERVICE: "current.txt", RESUME: "rescue.txt"}
WAIT_HINT_MILLISECONDS = 600_000
SETTLED_SECONDS = 60.0
LOG_BYTES = 1_000_000
COMMON_DATA = 0x23


def home() -> Path:
    """The data folder of this computer's installation."""
    import ctypes  # not the variable: a service's may name another folder

    found = ctypes.create_unicode_buffer(260)
    ctypes.windll.shell32.SHGetFolderPathW(None, COMMON_DATA, None, 0, found)  # type: ignore[attr-defined,unused-ignore] # Windows only
    return Path(found.value) / "CommunePortal"


def redirect(name: str) -> None:
    """Gives the process standard streams: a service has none, and a print would end it."""
    folder = home() / "logs" if name == SERVICE else home() / "state"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".old.log"))
    sys.stdout = sys.stderr = path.open("a", encoding="utf-8", errors="replace", buffering=1)


def choose(name: str, program: Path) -> Path:
    """The release that a service runs; its packages come first on the path of modules."""
    version = (program / POINTERS[name]).read_text(encoding="utf-8").strip()
    release = program / "releases" / version
    sys.executable = str(release / "python" / "pythonw.exe")  # what children are started with: it knows its packages
    packages = release / "site-packages"
    sys.path[:0] = [str(packages), str(packages / "win32"), str(packages / "win32" / "lib")]
    return release


def main(name: str) -> None:
    """Hands the process to the service control manager."""
    redirect(name)
    program = Path(__file__).resolve().parent.parent
    choose(name, program)
    import servicemanager
    import win32serviceutil

    kind = type(name, (win32serviceutil.ServiceFramework,), members(name))
    servicemanager.Initialize()
    servicemanager.PrepareToHostSingle(kind)
    servicemanager.StartServiceCtrlDispatcher()


def members(name: str) -> dict[str, Any]:
    """The members of the service's class; it is made where pywin32 has been found, and nowhere else."""
    run = _run_portal if name == SERVICE else _run_resume
    return {
        "_svc_name_": name, "_svc_display_name_": name, "SvcDoRun": run, "SvcStop": _stop, "portal": None,
        "ending": threading.Event(),
    }  # fmt: skip


def _run_resume(service: Any) -> None:
    """Stays START_PENDING while an interrupted operation is settled: the portal, which depends on it, waits."""
    import win32service

    service.ReportServiceStatus(win32service.SERVICE_START_PENDING, waitHint=WAIT_HINT_MILLISECONDS)
    before = _last_operation()
    sys.argv = ["commune-portal", "release", "resume", "--boot"]
    try:
        runpy.run_module("commune_portal", run_name="__main__")
    except SystemExit as ended:
        print(f"release resume: {ended.code}")  # noqa: T201 -- into the service's log
    service.ReportServiceStatus(win32service.SERVICE_RUNNING)
    if _last_operation() != before:
        _start_portal()
    service.ending.wait(SETTLED_SECONDS)  # whoever depends on it must see it running


def _last_operation() -> bytes:
    """What the journal of operations says now."""
    path = home() / "state" / "ops-state.json"
    return path.read_bytes() if path.is_file() else b""


def _start_portal() -> None:
    """Starts the portal where settling stopped one that had been started too early; mostly the system is about to."""
    import pywintypes
    import win32serviceutil

    try:
        win32serviceutil.StartService(SERVICE)
    except pywintypes.error as error:
        print(f"start of {SERVICE}: {error}")  # noqa: T201 -- into the service's log


def _run_portal(service: Any) -> None:
    """Serves in this process until the service is stopped."""
    from commune_portal import serve, settings

    def ready(portal: Any) -> None:
        service.portal = portal
        if service.ending.is_set():
            portal.stop()

    try:
        serve.run(settings.load(home() / "portal.toml"), ready)
    except Exception:
        traceback.print_exc()  # Windows keeps it in its event log, where nobody here will look
        raise


def _stop(service: Any) -> None:
    """Ends the web server; the service reports its end when everything is closed."""
    import win32service

    service.ReportServiceStatus(win32service.SERVICE_STOP_PENDING)
    service.ending.set()
    if service.portal is not None:
        service.portal.stop()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else SERVICE)
