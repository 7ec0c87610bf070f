"""`release install`: the first installation, an upgrade, or nothing to do; all refusals come before the first write."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

from commune_portal import settings
from commune_portal.errors import Malformed, RuleBroken, StoreDamaged, StoreRefused
from commune_portal.operations import engine, journal, record, registers, releases, requirements, services, steps
from commune_portal.operations.bundle import DAMAGED, ReleaseFacts, Stick, files_below
from commune_portal.operations.engine import Ended, Outcome, Site
from commune_portal.operations.journal import Kind, Operation
from commune_portal.operations.places import Places
from commune_portal.operations.requirements import Machine, Need
from commune_portal.settings import MEBIBYTE, Role

FIRST_PORT = 8080
PORTS_TRIED = 200
NAMES_TOLD = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person at the installer chose; a port of 0 means the first free one."""

    bundle: Path
    role: Role | None = None
    port: int = 0
    allow_downgrade: bool = False


def installed_program(places: Places, running: Path, stick: Path) -> list[str]:
    """The program that must judge a new stick: the installed one, where `running` is another's and it is there.

    A verifier that the stick itself carries proves nothing against an exchanged stick; and what interrupted an
    operation is cleared up by the release that began it. Only a damaged release is not asked about a stick that
    names the same version: it might not even start.
    """
    version = releases.pointed(places, releases.RESCUE)
    if not version or places.release(version).resolve() in running.resolve().parents:
        return []
    line = releases.command(places, version)
    named = _facts_if_readable(stick / "bundle")  # not verified: it only says who verifies
    is_its_own = named is not None and named.version == version
    if not Path(line[0]).is_file() or (is_its_own and not releases.is_whole(places.release(version))):
        return []
    return line


def verify(places: Places, wish: Wish, *, needs_administrator: bool = True) -> Stick:
    """Everything that can be refused before anything is written: computer, stick, signature, release, disks."""
    requirements.refuse_machine(Machine.here(), needs_administrator=needs_administrator)
    stick = steps.open_stick(places, wish.bundle)
    _refuse_older(places, wish, stick)
    requirements.refuse_disks(places, _needs(places, stick))
    stick.check_files()
    return stick


def _refuse_older(places: Places, wish: Wish, stick: Stick) -> None:
    installed = record.read(places)
    if installed is not None:
        if stick.facts.version != installed.current and not wish.allow_downgrade:
            there = releases.facts_of(places.release(installed.current))
            if stick.facts.release_seq < there.release_seq:
                raise RuleBroken(
                    f"Bộ cài này (bản {stick.facts.version}) cũ hơn bản đang dùng ({there.version}). Hãy dùng bộ cài"
                    " mới; muốn quay lại bản trước, chạy «commune-portal release rollback»."
                )
        if wish.role is not None and wish.role != installed.role:
            raise RuleBroken(f"Máy này đã cài vai trò «{installed.role}»; không đổi vai trò khi cài lại.")
    own = registers.founded(places)
    if own is not None:
        schema, _ = registers.facts(own.database_path)
        if schema > stick.facts.schema:
            raise StoreRefused(
                f"Dữ liệu trên máy thuộc phiên bản mới hơn bộ cài (lược đồ {schema}, bộ cài {stick.facts.schema}). Hãy"
                " dùng bộ cài mới hơn; dữ liệu không bị thay đổi."
            )


def _needs(places: Places, stick: Stick) -> list[Need]:
    if stick.payload is None:
        size = sum(path.stat().st_size for path in files_below(stick.plain)) if stick.plain.is_dir() else 0
    else:
        size = stick.payload.stat().st_size if stick.payload.exists() else 0
        try:
            with tarfile.open(stick.payload, "r:gz") as archive:
                size += sum(member.size for member in archive)
        except (tarfile.TarError, OSError, EOFError) as error:
            raise StoreDamaged(DAMAGED.format(stick.payload.name), detail=str(error)) from error
    data = registers.size_bytes(places)
    return [Need(places.program, size), Need(places.state, data + MEBIBYTE), Need(places.home, 2 * data + MEBIBYTE)]


def choose_port(places: Places, wished: int) -> int:
    """The port of a first installation: the settings file's, the wished one, or the first free one from 8080 on."""
    if places.config.exists():
        return settings.load(places.config).server.port
    if wished:
        if not services.port_is_free(wished):
            raise StoreRefused(f"Cổng {wished} đang có chương trình khác dùng. Hãy chọn cổng khác, hoặc bỏ --port.")
        return wished
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if services.port_is_free(port):
            return port
    raise StoreRefused(f"Không còn cổng trống từ {FIRST_PORT} trở đi. Hãy đóng bớt chương trình rồi làm lại.")


def install(site: Site, wish: Wish, stick: Stick, kind: str) -> Ended:
    """Installs or upgrades to a verified stick, under the lock; of the same release, damaged files are mended."""
    installed = record.read(site.places)
    version = stick.facts.version
    if installed is not None and installed.current == version:
        return _same(site, stick)
    role: Role = installed.role if installed else _role(site.places, wish)
    operation = journal.begin(
        Kind.UPGRADE if installed else Kind.INSTALL,
        installed.current if installed else "",
        version,
        bundle=str(stick.folder.resolve()),
        key=stick.key.text,
        role=role,
        port=site.port,
        services=kind,
        had_settings=site.places.config.exists(),
        target_was_there=site.places.release(version).exists(),
    )
    ended = engine.carry_out(site, operation, steps.STEPS[operation.kind], undo)
    if ended.outcome is Outcome.ROLLED_BACK:
        return Ended(ended.operation, steps.outcome_of_failure(ended.operation), ended.error)
    return ended


def undo(site: Site, operation: Operation) -> None:
    """Undoes an installation or upgrade and starts the old release again."""
    steps.undo(site, operation)


def _role(places: Places, wish: Wish) -> Role:
    if not places.config.exists():
        return wish.role or "office"
    there = settings.load(places.config).role
    if wish.role is not None and wish.role != there:
        raise RuleBroken(f"Máy này còn dữ liệu của vai trò «{there}»; không cài vai trò khác lên đó.")
    return there


def _facts_if_readable(folder: Path) -> ReleaseFacts | None:
    try:
        return releases.facts_of(folder)
    except (StoreDamaged, Malformed):
        return None


def _same(site: Site, stick: Stick) -> Ended:
    """The same release again: what is damaged is mended, a service that stood still is started, nothing else changes.

    No journal: half mended is as damaged as before, the service starts at the next boot, and the stick can be put in
    again.
    """
    folder = site.places.release(stick.facts.version)
    if _facts_if_readable(folder) not in (stick.facts, None):
        raise RuleBroken("Bộ cài mang cùng số phiên bản nhưng là bản khác. Hãy hỏi nơi cấp bộ cài.")
    operation = journal.read(site.places.journal) or journal.begin(Kind.INSTALL, "", stick.facts.version)
    if not releases.is_whole(folder):
        site.say("Bản đang cài có tệp hỏng hoặc mất. Đang dừng hệ thống và sửa từ bộ cài…")
        site.services.stop()
        services.wait_until_closed(site.port)
        mended = releases.mend(site.places, stick)
        more = f" và {len(mended) - NAMES_TOLD} tệp khác" if len(mended) > NAMES_TOLD else ""
        site.say(f"Đã sửa: {', '.join(mended[:NAMES_TOLD])}{more}.")
    site.services.install()
    site.services.start()
    return Ended(operation, Outcome.DONE)
