"""The steps of installing, upgrading and rolling back, each able to be done again, and how they are undone.

Between `stop` and `commit` the mark `upgrading` lies beside the settings file: a portal that is tried meanwhile shows
its pages and takes nothing, so that rolling back to the snapshot loses nothing that anybody was told.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from commune_portal import points
from commune_portal.errors import PortalError, RuleBroken, StoreDamaged, StoreRefused
from commune_portal.operations import children, publisher, record, registers, releases, services, stand_in
from commune_portal.operations.bundle import Stick
from commune_portal.operations.engine import Facts, Outcome, Site, Step
from commune_portal.operations.journal import Kind, Operation
from commune_portal.operations.places import Places
from commune_portal.operations.record import Record
from commune_portal.operations.registers import Snapshot
from commune_portal.operations.services import ServiceKind
from commune_portal.settings import Settings
from commune_portal.store import files, settings_file

VERB_SECONDS = 3600.0
START_SECONDS = 120.0
REHEARSED_ROWS = {"database", "schema", "guards", "chain"}
"""The rows of `doctor` that a copy of the database alone can answer."""


def stage(site: Site, operation: Operation) -> Facts:
    """Copies the stick's release beside the others; the release that does this stays the one that would undo it."""
    if operation.source:
        releases.point(site.places, operation.source, releases.RESCUE)
    releases.stage(site.places, open_stick(site.places, Path(operation.facts["bundle"])))
    if not operation.source:
        releases.point(site.places, operation.target, releases.RESCUE)
    return None


def open_stick(places: Places, folder: Path) -> Stick:
    """The stick, its signature verified under the key that was met first."""
    return Stick.open(folder, publisher.pinned_key(places.pinned_key))


def prepare(site: Site, operation: Operation) -> Facts:
    """Makes account, folders, settings file and the first-run code of a first installation."""
    places = site.places
    record.make_account(places)
    record.make_folders(places)
    if not places.config.exists():
        code = record.make_first_run_code(places)
        paths: dict[str, Any] = {"backups": str(places.backups), "first_run_code": str(places.first_run_code)}
        if places.root is not None:
            paths["allow_any_disk"] = True
        document = {"role": operation.facts["role"], "server": {"port": site.port}, "paths": paths}
        with stand_in.for_owner_of(places.home):
            settings_file.write_new(places.config, document)
            places.config.chmod(0o640)
        return {"made_settings": True, "code": code}
    return None


def rehearse(site: Site, operation: Operation) -> Facts:
    """The staged release brings a copy of the register to its schema and examines it; the old one still serves."""
    own = registers.founded(site.places)
    if own is None:
        return None
    before = _fails(site, operation.source, own.folder / site.places.config.name) if operation.source else None
    folder = _rehearsal(site.places)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with stand_in.for_owner_of(site.places.home):
            registers.copy(site.places, own.database_path, folder / "data" / own.database_path.name)
            text = f'role = "{own.role}"\n\n[paths]\nallow_any_disk = true\n'
            files.write_durably(folder / "portal.toml", text.encode())
        done = _ask(site, operation.target, folder / "portal.toml", "migrate", "--without-copy", "--json")
        if done.code:
            raise StoreRefused(
                f"Bản {operation.target} không nâng cấp được bản sao của dữ liệu; bản đang dùng vẫn chạy, không có gì"
                " thay đổi. Hãy báo nơi cung cấp.",
                detail=done.last_words,
            )
        after = _fails(site, operation.target, folder / "portal.toml")
        _refuse_new_fails(operation.target, before or set(), after & REHEARSED_ROWS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"fails_before": sorted(before)} if before is not None else None


def back_up(site: Site, operation: Operation) -> Facts:
    """The installed release writes and proves a backup, as it does every night."""
    if registers.founded(site.places) is None:
        return None
    done = _ask(site, operation.source, site.places.config, "backup", "--why", "upgrade", "--json")
    if done.code > 1:
        raise StoreRefused(
            "Không sao lưu được trước khi đổi phiên bản, nên không đổi; bản đang dùng vẫn chạy. Hãy xem lý do rồi làm"
            " lại.",
            detail=done.last_words,
        )
    return {"backup": str(done.document.get("path", ""))}


def stop(site: Site, operation: Operation) -> Facts:
    """Stops the service, waits for its port, and lays the mark under which nothing is taken."""
    site.services.stop()
    services.wait_until_closed(site.port)
    own = registers.founded(site.places)
    if own is not None:
        with stand_in.for_owner_of(site.places.home):
            files.write_durably(own.pause_mark, f"{operation.id}\n".encode(), mode=0o644)
    return None


def snapshot(site: Site, operation: Operation) -> Facts:
    """Keeps the register as it is now."""
    own = registers.founded(site.places)
    if own is None:
        return None
    return {"snapshot": registers.as_facts(registers.take_snapshot(site.places, own, operation.id))}


def switch(site: Site, operation: Operation) -> Facts:
    """Lets the pointer name the new release."""
    releases.point(site.places, operation.target)
    return None


def service(site: Site, operation: Operation) -> Facts:
    """The new release makes its service known: its units may differ from the old one's."""
    arguments = ["service", "install", "--within-operation", "--json"]
    if site.places.root is not None:
        arguments += ["--root", str(site.places.root)]
    arguments += ["--services", operation.facts["services"]]
    line = [*releases.command(site.places, operation.target), *arguments]
    done = children.run(line, VERB_SECONDS)
    if done.code:
        raise StoreRefused(f"Bản {operation.target} không đăng ký được dịch vụ.", detail=done.last_words)
    return None


def migrate(site: Site, operation: Operation) -> Facts:
    """The new release brings the register to its schema, with the snapshot in hand."""
    if registers.founded(site.places) is None:
        return None
    done = _ask(site, operation.target, site.places.config, "migrate", "--without-copy", "--json")
    if done.code:
        raise StoreRefused(f"Bản {operation.target} không nâng cấp được dữ liệu.", detail=done.last_words)
    return None


def exchange(site: Site, operation: Operation) -> Facts:
    """On a roll-back that was asked for: the register of before, where the person chose it."""
    own = registers.founded(site.places)
    chosen = operation.facts.get("older_snapshot")
    if own is None or not chosen:
        return None
    aside = registers.exchange(site.places, own, Snapshot(**chosen), operation.id)
    return {"put_aside": str(aside or "")}


def health(site: Site, operation: Operation) -> Facts:
    """Starts the service; it must name the version, serve what it served, and have nothing broken that was whole."""
    site.services.start()
    try:
        found = services.wait_until_alive(site.services, site.port, operation.target, START_SECONDS)
    except StoreRefused as error:
        error.detail = _last_words(site.places)
        raise
    if registers.founded(site.places) is None:
        return None
    if found.state != "serving":
        raise StoreRefused(f"Bản {operation.target} chạy nhưng không mở được dữ liệu.", detail=found.state)
    before = operation.facts.get("fails_before")
    if before is not None:
        _refuse_new_fails(operation.target, set(before), _fails(site, operation.target, site.places.config))
    return None


def _last_words(places: Places) -> str:
    """What a service that did not answer wrote last."""
    console = places.state / "service.log"
    if console.is_file():
        return console.read_text(encoding="utf-8", errors="replace")[-600:].strip()
    with suppress(OSError), stand_in.for_owner_of(places.home):
        return (places.home / "logs" / "portal.log").read_text(encoding="utf-8", errors="replace")[-600:].strip()
    return ""


def commit(site: Site, operation: Operation) -> Facts:
    """Writes what is installed now, lets go of what was kept for undoing, and tells the register's journal."""
    places = site.places
    previous = operation.source if operation.kind is Kind.UPGRADE else ""
    own = registers.founded(places)
    kept = operation.facts.get("snapshot") or {}
    record.write(
        places,
        Record(
            operation.facts["role"], site.port, ServiceKind(operation.facts["services"]), operation.target, previous,
            kept if previous else {},
        ),
    )  # fmt: skip
    if key := operation.facts.get("key"):
        files.write_durably(places.pinned_key, key.encode(), mode=0o644)
    releases.point(places, operation.target, releases.RESCUE)
    releases.prune(places, {operation.target, operation.source})
    for folder in places.snapshots.glob("*") if places.snapshots.is_dir() else ():
        if folder.name != operation.id:
            shutil.rmtree(folder)
    mark_of(places).unlink(missing_ok=True)
    if own is not None:
        places.first_run_code.unlink(missing_ok=True)
        _tell_register(site, operation)
    return None


def _tell_register(site: Site, operation: Operation) -> None:
    """One line in the register's own journal; where it cannot be written, the change stands nevertheless."""
    arguments = ("release", "note", "--operation", operation.id, "--from", operation.source, "--to", operation.target)
    try:
        done = _ask(site, operation.target, site.places.config, *arguments)
        complaint = done.last_words if done.code else ""
    except PortalError as error:
        complaint = error.sentence
    if complaint:
        site.say(f"Chưa ghi được việc đổi phiên bản vào nhật ký của sổ: {complaint}")


# ---- the lists ----------------------------------------------------------------------------------------------------

_STAGE = Step("stage", "Đang chép bản mới từ bộ cài…", stage)
_REHEARSE = Step("rehearse", "Đang thử bản mới trên bản sao của dữ liệu…", rehearse)
_STOP = Step("stop", "Đang dừng hệ thống…", stop)
_SNAPSHOT = Step("snapshot", "Đang chụp lại dữ liệu…", snapshot)
_SWITCH = Step("switch", "Đang chuyển sang bản mới…", switch)
_SERVICE = Step("service", "Đang đăng ký dịch vụ…", service)
_MIGRATE = Step("migrate", "Đang nâng cấp dữ liệu…", migrate)
_HEALTH = Step("health", "Đang khởi động và kiểm tra…", health)
_COMMIT = Step("commit", "Đang hoàn tất…", commit)
_BACK_UP = Step("backup", "Đang sao lưu…", back_up)

STEPS: dict[Kind, tuple[Step, ...]] = {
    Kind.INSTALL: (
        _STAGE, Step("prepare", "Đang tạo tài khoản và thư mục…", prepare), _REHEARSE, _STOP, _SNAPSHOT, _SWITCH,
        _SERVICE, _MIGRATE, _HEALTH, _COMMIT,
    ),
    Kind.UPGRADE: (
        _STAGE, _REHEARSE, _BACK_UP, _STOP, _SNAPSHOT, _SWITCH, _SERVICE, _MIGRATE, _HEALTH, _COMMIT,
    ),
    Kind.ROLLBACK: (
        _BACK_UP, _STOP, _SNAPSHOT, _SWITCH, _SERVICE, Step("exchange", "Đang đưa dữ liệu cũ trở lại…", exchange),
        _HEALTH, _COMMIT,
    ),
}  # fmt: skip


def has_reached(operation: Operation, name: str) -> bool:
    """True when the journal says that a step was begun."""
    names = [step.name for step in STEPS[operation.kind]]
    return operation.step in names and names.index(operation.step) >= names.index(name)


def undo(site: Site, operation: Operation, *, starts: bool = True) -> None:
    """Brings back what was there before the operation, from wherever it stopped. May be repeated.

    With `starts` false the service is left to the system, which starts it after this (at boot).
    """
    places = site.places
    shutil.rmtree(_rehearsal(places), ignore_errors=True)
    if has_reached(operation, "stop"):
        site.services.stop()
        points.reach("operation-undoing")
        releases.point(places, operation.source)
        points.reach("operation-undoing")
        if has_reached(operation, "service"):
            site.services.install() if operation.source else site.services.remove()
        aside = _register_back(places, operation)
        points.reach("operation-undoing")
        if aside is not None:
            site.say(f"Dữ liệu của bản {operation.target} được để ở {aside} (không xóa).")
        mark_of(places).unlink(missing_ok=True)
    _target_away(places, operation)
    points.reach("operation-undoing")
    if not operation.source:
        _fresh_start_away(places, operation)
    elif has_reached(operation, "stop") and starts:
        _start_old(site, operation)
    releases.point(places, operation.source, releases.RESCUE)


def mark_of(places: Places) -> Path:
    """The mark under which nothing is taken, also where the settings file is gone."""
    return places.home / "upgrading"


def _start_old(site: Site, operation: Operation) -> None:
    """Starts the old release again. Where it does not start, everything is as it was nevertheless, and that is said."""
    try:
        site.services.start()
        services.wait_until_alive(site.services, site.port, operation.source, START_SECONDS)
    except PortalError as error:
        site.say(f"Dữ liệu và chương trình đã trở lại như trước, nhưng hệ thống chưa chạy: {error.sentence}")


def _register_back(places: Places, operation: Operation) -> Path | None:
    """The snapshot takes the register's place again where the new release may have written to it."""
    touching = "exchange" if operation.kind is Kind.ROLLBACK else "migrate"
    if not has_reached(operation, touching):
        shutil.rmtree(places.snapshots / operation.id, ignore_errors=True)  # the register itself is still there
        return None
    kept = operation.facts.get("snapshot")
    if not kept or not places.config.exists():
        return None
    from commune_portal import settings

    with stand_in.for_owner_of(places.home):
        own = settings.load(places.config)
    before = Snapshot(**kept)
    if _has_grown(own, before):
        return None
    return registers.put_back(places, own, before, operation.id)


def _has_grown(own: Settings, before: Snapshot) -> bool:
    """True when the register of the same schema holds lines that the snapshot lacks: then nothing is given back.

    The mark keeps pages and relay from writing; whoever wrote by the command line meanwhile loses nothing either.
    """
    if not own.database_path.is_file() or not Path(before.path).is_file():
        return False
    try:
        schema, lines = registers.facts(own.database_path)
    except PortalError:
        return False
    return schema == before.schema and lines > before.lines


def _target_away(places: Places, operation: Operation) -> None:
    """A release that failed gets a name that nothing starts; one that was only cut off goes, if it came with us."""
    if operation.kind is Kind.ROLLBACK or operation.target == operation.source:
        return
    releases.remove(releases.part_of(places, operation.target))
    releases.remove(releases.part_of(places, operation.target).with_name(f".{operation.target}.part.tar.gz"))
    if operation.error and has_reached(operation, "switch"):
        releases.mark_failed(places, operation.target, operation.id)
    elif not operation.facts.get("target_was_there"):
        releases.remove(places.release(operation.target))


def _fresh_start_away(places: Places, operation: Operation) -> None:
    """After a first installation that did not work: its settings file, unless a register was founded with it."""
    made = operation.facts.get("made_settings") or has_reached(operation, "prepare")
    if made and not operation.facts.get("had_settings") and registers.founded(places) is None:
        places.config.unlink(missing_ok=True)
        places.first_run_code.unlink(missing_ok=True)


def outcome_of_failure(operation: Operation) -> Outcome:
    """Rolled back where the old release had been stopped; before that the old state was only kept."""
    return Outcome.ROLLED_BACK if operation.source and has_reached(operation, "stop") else Outcome.KEPT


# ---- what the steps ask of a release ------------------------------------------------------------------------------


def _rehearsal(places: Places) -> Path:
    return places.home / "rehearsal"


def _ask(site: Site, version: str, config: Path, *arguments: str) -> children.Answer:
    return children.ask_release(site.places, version, site.account, config, arguments, VERB_SECONDS)


def _fails(site: Site, version: str, config: Path) -> set[str]:
    """The rows of a release's `doctor` that are broken."""
    done = _ask(site, version, config, "doctor", "--json")
    try:
        rows = json.loads(done.said.strip().splitlines()[-1])["rows"]
        return {str(row["id"]) for row in rows if row["level"] == "fail"}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise StoreDamaged(
            f"Bản {version} không tự kiểm tra được (doctor).", detail=f"{done.code}: {done.last_words}"
        ) from error


def _refuse_new_fails(version: str, before: set[str], after: set[str]) -> None:
    if new := sorted(after - before):
        raise RuleBroken(
            f"Bản {version} làm hỏng mục {', '.join(new)} của kiểm tra sức khỏe. Hãy báo nơi cung cấp kèm dòng này."
        )
