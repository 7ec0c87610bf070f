"""`commune-portal service …`: makes the installed portal a service of this computer, or no longer one."""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from pathlib import Path

from commune_portal import cli
from commune_portal.errors import RuleBroken


def arguments(parser: argparse.ArgumentParser) -> None:
    """Install or remove; and what trying out needs."""
    acts = parser.add_subparsers(dest="act", metavar="VIỆC", required=True)
    for name, told in (("install", "đăng ký dịch vụ để tự chạy khi bật máy"), ("remove", "dừng và gỡ dịch vụ")):
        act = acts.add_parser(name, help=told)
        act.add_argument("--json", action="store_true", help="in kết quả dạng JSON")
        act.add_argument("--root", type=Path, help="bản cài dưới một thư mục gốc khác (để thử)")
        act.add_argument("--services", choices=("systemd", "windows", "foreground"), help="cách chạy dịch vụ")
        act.add_argument("--start", action="store_true", help="chạy luôn")
        act.add_argument("--within-operation", action="store_true", help=argparse.SUPPRESS)


def run(chosen: argparse.Namespace) -> int:
    """Registers or removes the service of what is installed; may be repeated."""
    from commune_portal import settings
    from commune_portal.operations import journal, record, requirements
    from commune_portal.operations.places import Places
    from commune_portal.operations.services import ServiceKind, services_for

    places = Places.under(chosen.root) if chosen.root else Places.here()
    requirements.refuse_machine(requirements.Machine.here(), needs_administrator=chosen.root is None)
    if not places.config.exists():
        raise RuleBroken("Máy này chưa cài phần mềm. Hãy cài từ bộ cài trước.")
    installed = record.read(places)
    kind = ServiceKind(chosen.services) if chosen.services else installed.services if installed else ServiceKind.here()
    port = settings.load(places.config).server.port
    services = services_for(kind, places, port, record.account_of(places))
    with nullcontext() if chosen.within_operation else journal.alone(places.lock):
        if chosen.act == "remove":
            services.remove()
        else:
            services.install()
            if chosen.start:
                services.start()
    done = "Đã gỡ dịch vụ." if chosen.act == "remove" else "Đã đăng ký dịch vụ; hệ thống tự chạy khi bật máy."
    print(json.dumps({"ok": True, "services": kind.value, "running": services.is_running()}) if chosen.json else done)
    return cli.DONE
