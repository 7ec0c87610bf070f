"""`release uninstall`: the program goes, the data stay. It is never undone, only finished.

With the word typed the data are put aside too, so that an installation after it begins anew; a register is deleted by
nobody but a person.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from commune_portal.errors import RuleBroken
from commune_portal.operations import engine, journal, record, releases, stand_in
from commune_portal.operations.engine import Ended, Facts, Site, Step
from commune_portal.operations.journal import Kind, Operation
from commune_portal.operations.places import IS_WINDOWS, Places
from commune_portal.store import files

WORD = "GO BO DU LIEU"


def uninstall(site: Site, word: str) -> Ended:
    """Uninstalls, under the lock; raises RuleBroken where nothing is installed or another word was typed."""
    if word not in ("", WORD):
        raise RuleBroken(f"Muốn cất cả dữ liệu sang bên, hãy gõ đúng: «{WORD}». Chưa có gì thay đổi.")
    installed = record.read(site.places)
    if installed is None:
        raise RuleBroken("Máy này chưa cài phần mềm, hoặc đã gỡ rồi.")
    operation = journal.begin(
        Kind.UNINSTALL, installed.current, "", role=installed.role, port=installed.port,
        services=installed.services.value, with_data=bool(word),
    )  # fmt: skip
    return engine.carry_out(site, operation, STEPS, _never_undone)


def _never_undone(_: Site, operation: Operation) -> None:
    raise AssertionError(f"{operation.kind} is finished, not undone")


def _stop(site: Site, _: Operation) -> Facts:
    site.services.stop()
    return None


def _forget_service(site: Site, _: Operation) -> Facts:
    site.services.remove()
    return None


def _data(site: Site, operation: Operation) -> Facts:
    """Leaves the data, or puts everything of them aside."""
    if not operation.facts.get("with_data"):
        return {"data_at": str(site.places.home)}
    aside = aside_of(site.places, operation)
    with files.disk_errors(), stand_in.for_owner_of(site.places.home):
        aside.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sorted(site.places.home.iterdir()):
            if path not in (site.places.put_aside, site.places.state, site.places.backups):
                path.rename(aside / path.name)
        files.sync_folder(aside)
    site.places.first_run_code.unlink(missing_ok=True)
    return {"data_at": str(aside)}


def aside_of(places: Places, operation: Operation) -> Path:
    """Where an uninstallation puts the data."""
    return places.put_aside / f"uninstalled-{operation.id}"


def _program(site: Site, _: Operation) -> Facts:
    """Takes the program away. On Windows the running release is left to the uninstaller that started this one."""
    places = site.places
    running = Path(__file__).resolve()
    own = {folder.name for folder in (places.releases.iterdir() if places.releases.is_dir() else ())
           if IS_WINDOWS and folder.resolve() in running.parents}  # fmt: skip
    for name in (releases.CURRENT, releases.RESCUE):
        releases.point(places, "", name)
    releases.prune(places, own)
    places.record.unlink(missing_ok=True)
    if not IS_WINDOWS:
        shutil.rmtree(places.program, ignore_errors=True)
    return {"left": sorted(str(places.release(name)) for name in own)}


STEPS = (
    Step("stop", "Đang dừng hệ thống…", _stop),
    Step("forget", "Đang gỡ dịch vụ…", _forget_service),
    Step("data", "Đang cất dữ liệu…", _data),
    Step("program", "Đang gỡ chương trình…", _program),
)
