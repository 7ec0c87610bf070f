"""`commune-portal release …`: install or upgrade from a stick, roll back, look, resume after a crash, uninstall."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commune_portal import cli
from commune_portal.errors import PortalError, RuleBroken

if TYPE_CHECKING:
    from commune_portal.operations.engine import Ended, Site
    from commune_portal.operations.journal import Operation
    from commune_portal.operations.places import Places
    from commune_portal.operations.services import ServiceKind


def arguments(parser: argparse.ArgumentParser) -> None:
    """The acts, and for trying out: another root, and a service without a service manager."""
    acts = parser.add_subparsers(dest="act", metavar="VIỆC", required=True)
    install = acts.add_parser("install", help="cài mới hoặc nâng cấp từ bộ cài trên USB")
    install.add_argument("--bundle", type=Path, required=True, metavar="DIR", help="thư mục bộ cài (gốc của USB)")
    install.add_argument("--role", choices=("office", "node"), help="vai trò khi cài mới (mặc định office)")
    install.add_argument("--port", type=int, default=0, help="cổng khi cài mới (mặc định: cổng trống đầu tiên từ 8080)")
    install.add_argument("--allow-downgrade", action="store_true", help="cho phép cài bản cũ hơn")
    rollback = acts.add_parser("rollback", help="quay lại bản trước")
    rollback.add_argument("--old-data", action="store_true", help="lấy lại cả dữ liệu lúc trước khi nâng cấp")
    rollback.add_argument("--accept-loss", action="store_true", help="chấp nhận mất những việc ghi sau đó")
    status = acts.add_parser("status", help="bản đang dùng, bản trước, lần cài gần nhất")
    resume = acts.add_parser("resume", help="hoàn tất hoặc hủy lần cài đặt bị ngắt")
    resume.add_argument("--boot", action="store_true", help="chạy lúc bật máy: không tự khởi động hệ thống")
    uninstall = acts.add_parser("uninstall", help="gỡ chương trình, giữ dữ liệu")
    uninstall.add_argument(
        "--purge-word", default="", metavar="CHỮ", help="gõ «GO BO DU LIEU» để cất cả dữ liệu sang bên"
    )
    note = acts.add_parser("note", help="ghi việc đổi phiên bản vào nhật ký (bộ cài tự gọi)")
    for name in ("operation", "from", "to"):
        note.add_argument(f"--{name}", dest=f"noted_{name}", default="")
    for act in (install, rollback, status, resume, uninstall):
        act.add_argument("--json", action="store_true", help="in kết quả dạng JSON")
        act.add_argument("--root", type=Path, help="cài dưới một thư mục gốc khác (để thử)")
        act.add_argument("--services", choices=("systemd", "windows", "foreground"), help="cách chạy dịch vụ")


def run(chosen: argparse.Namespace) -> int:
    """Carries out one act: 0 done, 1 done with warnings, 2 failed and the old state kept, 3 rolled back."""
    if chosen.act == "note":
        return _note(chosen)
    from commune_portal.operations.places import Places

    os.umask(0o022)  # what root makes here the service must read, and nobody else may write
    places = Places.under(chosen.root) if chosen.root else Places.here()
    acts = {
        "install": _install, "rollback": _roll_back, "status": _status, "resume": _resume, "uninstall": _uninstall,
    }  # fmt: skip
    return acts[chosen.act](chosen, places)


def _install(chosen: argparse.Namespace, places: Places) -> int:
    from commune_portal.operations import children, installing, journal, record

    if chosen.root is None and (program := installing.installed_program(places, Path(__file__), chosen.bundle)):
        return children.pass_on([*program, *_again(chosen)])
    wish = installing.Wish(chosen.bundle, chosen.role, chosen.port, chosen.allow_downgrade)
    with ExitStack() as held:
        if places.state.is_dir():
            _administrator(chosen)
            held.enter_context(journal.alone(places.lock))
            _settle(chosen, places)
        stick = installing.verify(places, wish, needs_administrator=chosen.root is None)
        fingerprint = stick.key.fingerprint
        installed = record.read(places)
        port = installed.port if installed else installing.choose_port(places, chosen.port)
        if not places.state.is_dir():
            held.enter_context(journal.alone(places.lock))
        _say(chosen, f"Bộ cài {stick.facts.version}, dấu vân tay nơi phát hành: {fingerprint}")
        site = _site(chosen, places, port, _kind(chosen, places))
        ended = installing.install(site, wish, stick, _kind(chosen, places).value)
    more: dict[str, Any] = {"fingerprint": fingerprint, "port": port}
    if _went_well(ended):
        more |= _address(places, port)
    return _told(chosen, ended, more)


def _roll_back(chosen: argparse.Namespace, places: Places) -> int:
    from commune_portal.operations import journal, rolling_back

    _administrator(chosen)
    with journal.alone(places.lock):
        _settle(chosen, places)
        plan = rolling_back.plan(places, wants_old_data=chosen.old_data)
        warning = rolling_back.warning(plan)
        if warning and not chosen.accept_loss:
            raise RuleBroken(warning)
        if warning:
            _say(chosen, warning)
        site = _site(chosen, places, plan.record.port, plan.record.services)
        ended = rolling_back.roll_back(site, plan)
    return _told(chosen, ended, {"lost": list(plan.lost), "keeps_data": plan.keeps_data})


def _resume(chosen: argparse.Namespace, places: Places) -> int:
    from commune_portal.errors import StoreBusy
    from commune_portal.operations import journal

    if not places.state.is_dir():
        return _nothing(chosen, "Không có lần cài đặt nào bị ngắt.")
    _administrator(chosen)
    try:
        with journal.alone(places.lock):
            ended = _settle(chosen, places)
    except StoreBusy:
        if not chosen.boot:
            raise
        return _nothing(chosen, "Một lệnh cài đặt đang chạy; không có gì phải làm.")
    if ended is None:
        return _nothing(chosen, "Không có lần cài đặt nào bị ngắt.")
    if chosen.json:
        print(json.dumps({"ok": True, "outcome": "resumed", **_as_document(ended)}, ensure_ascii=False))
    return cli.DONE if ended.error is None else cli.WARNED


def _uninstall(chosen: argparse.Namespace, places: Places) -> int:
    from commune_portal.operations import journal, record, uninstalling

    _administrator(chosen)
    with journal.alone(places.lock) if places.state.is_dir() else ExitStack():
        _settle(chosen, places)
        installed = record.read(places)
        site = _site(chosen, places, installed.port if installed else 0, _kind(chosen, places))
        ended = uninstalling.uninstall(site, chosen.purge_word)
    facts = ended.operation.facts
    _say(chosen, f"Dữ liệu vẫn còn ở {facts.get('data_at', places.home)}; bản sao lưu ở {places.backups}.")
    return _told(chosen, ended, {"backups": str(places.backups)})


def _status(chosen: argparse.Namespace, places: Places) -> int:
    from commune_portal.operations import status

    found = status.status(places)
    if chosen.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(status.in_words(found))
    return cli.WARNED if found["pending"] else cli.DONE


def _note(chosen: argparse.Namespace) -> int:
    from commune_portal import settings
    from commune_portal.people import software
    from commune_portal.people.actors import PORTAL
    from commune_portal.store import database, installation
    from commune_portal.wire import keys

    own = settings.load(chosen.config)
    try:
        installation.open_(own)
        installation.refuse_copy(own.role, keys.load(own.secrets_folder).public_key.hex())
        software.changed(PORTAL, chosen.noted_operation, chosen.noted_from, chosen.noted_to)
    finally:
        database.close()
    return cli.DONE


def _again(chosen: argparse.Namespace) -> list[str]:
    """The same wish as a command line."""
    words = ["release", "install", "--bundle", str(chosen.bundle.resolve()), "--port", str(chosen.port)]
    words += ["--role", chosen.role] if chosen.role else []
    words += ["--allow-downgrade"] if chosen.allow_downgrade else []
    return words + (["--json"] if chosen.json else [])


# ---- shared by the acts -------------------------------------------------------------------------------------------


def _administrator(chosen: argparse.Namespace) -> None:
    from commune_portal.operations import requirements

    requirements.refuse_machine(requirements.Machine.here(), needs_administrator=chosen.root is None)


def _kind(chosen: argparse.Namespace, places: Places) -> ServiceKind:
    """How the service runs: as it was installed, as asked for, or as this computer does it."""
    from commune_portal.operations import record
    from commune_portal.operations.services import ServiceKind

    installed = record.read(places)
    if installed is not None:
        return installed.services
    if chosen.services:
        return ServiceKind(chosen.services)
    return ServiceKind.FOREGROUND if places.root is not None else ServiceKind.here()


def _site(chosen: argparse.Namespace, places: Places, port: int, kind: ServiceKind) -> Site:
    from commune_portal.operations import record
    from commune_portal.operations.engine import Site
    from commune_portal.operations.services import services_for

    account = record.account_of(places)
    return Site(places, services_for(kind, places, port, account), account, port, lambda line: _say(chosen, line))


def _settle(chosen: argparse.Namespace, places: Places) -> Ended | None:
    """Under the lock: brings an interrupted operation to its end before anything new is begun."""
    from commune_portal.operations import resuming
    from commune_portal.operations.services import ServiceKind

    pending: Operation | None = resuming.pending(places)
    if pending is None:
        resuming.tidy(places)
        return None
    site = _site(chosen, places, int(pending.facts["port"]), ServiceKind(pending.facts["services"]))
    ended = resuming.resume(site, pending, starts=not getattr(chosen, "boot", False))
    if ended.error is not None:
        raise ended.error
    _say(chosen, f"Đã giải quyết xong lần {pending.kind.label} bị ngắt.")
    return ended


def _address(places: Places, port: int) -> dict[str, Any]:
    code = places.first_run_code.read_text(encoding="ascii").strip() if places.first_run_code.exists() else ""
    return {"address": f"http://127.0.0.1:{port}/", "first_run_code": code}


def _went_well(ended: Ended) -> bool:
    from commune_portal.operations.engine import Outcome

    return ended.outcome in (Outcome.DONE, Outcome.WARNED)


def _say(chosen: argparse.Namespace, line: str) -> None:
    print(line, file=sys.stderr if chosen.json else sys.stdout, flush=True)


def _nothing(chosen: argparse.Namespace, line: str) -> int:
    if chosen.json:
        print(json.dumps({"ok": True, "outcome": "nothing"}))
    else:
        print(line)
    return cli.DONE


def _as_document(ended: Ended) -> dict[str, Any]:
    operation = ended.operation
    return {
        "operation": operation.id, "kind": operation.kind.value, "from": operation.source, "to": operation.target,
        "step": operation.step, "state": operation.state.value, "error": ended.error.sentence if ended.error else "",
        "put_aside": operation.facts.get("put_aside", ""), "data_at": operation.facts.get("data_at", ""),
        "left": operation.facts.get("left", []),
    }  # fmt: skip


def _told(chosen: argparse.Namespace, ended: Ended, more: dict[str, Any]) -> int:
    """Says how it ended; answers the exit code."""
    from commune_portal.operations.engine import Outcome

    well = _went_well(ended)
    error: PortalError | None = ended.error
    if chosen.json:
        print(
            json.dumps({"ok": well, "outcome": ended.outcome.value, **_as_document(ended), **more}, ensure_ascii=False)
        )
    elif error is not None:
        print(error.sentence, file=sys.stderr)
        if error.detail:
            print(f"({error.code}: {error.detail})", file=sys.stderr)
    words = {
        Outcome.DONE: f"Xong: {ended.operation.kind.label} {ended.operation.target}".rstrip() + ".",
        Outcome.WARNED: "Đã chuyển sang bản mới nhưng chưa dọn xong; hãy chạy «commune-portal release resume».",
        Outcome.KEPT: "Không làm được; máy vẫn như trước.",
        Outcome.ROLLED_BACK: f"Đã quay lại bản {ended.operation.source}; dữ liệu nguyên vẹn.",
    }
    _say(chosen, words[ended.outcome])
    if well and more.get("address"):
        _say(chosen, f"Mở trình duyệt trên máy này: {more['address']}")
        if more.get("first_run_code"):
            _say(chosen, f"Mã cài đặt lần đầu: {more['first_run_code']}")
    return {
        Outcome.DONE: cli.DONE,
        Outcome.WARNED: cli.WARNED,
        Outcome.KEPT: cli.FAILED,
        Outcome.ROLLED_BACK: cli.ROLLED_BACK,
    }[ended.outcome]
