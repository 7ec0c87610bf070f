"""`commune-portal lan`: the door for the other computers of the house: open it, close it, renew its certificate."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from commune_portal import cli, settings
from commune_portal.errors import RuleBroken
from commune_portal.settings import Lan, Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """`enable`, `disable`, `renew`, `status`; each takes `--json`."""
    below = parser.add_subparsers(dest="task", metavar="VIỆC", required=True)
    enable = below.add_parser("enable", help="mở cổng https cho các máy khác trong cơ quan")
    enable.add_argument("--name", action="append", default=[], help="tên máy người dùng sẽ gõ; lặp lại được")
    enable.add_argument("--host", help="chỉ lắng nghe ở địa chỉ này của máy (mặc định mọi địa chỉ)")
    enable.add_argument("--port", type=int, help="cổng https (mặc định 8443)")
    enable.add_argument("--front", choices=("builtin", "nginx"), help="ai nói TLS: chính chương trình, hay nginx")
    below.add_parser("disable", help="đóng cổng https; chứng thư gốc được giữ để mở lại sau")
    enable.add_argument("--new-root", action="store_true", help="thay cả chứng thư gốc; mọi máy phải cài lại")
    renew = below.add_parser("renew", help="cấp lại chứng thư máy chủ ngay")
    renew.add_argument("--new-root", action="store_true", help="thay cả chứng thư gốc; mọi máy phải cài lại")
    below.add_parser("status", help="địa chỉ, chứng thư, cửa có mở không")
    for one in below.choices.values():
        one.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Carries out the task; needs no register, so it may come before the first run."""
    read = settings.load(chosen.config)
    tasks: dict[str, Callable[[Settings, argparse.Namespace], int]] = {
        "enable": _enable,
        "disable": _disable,
        "renew": _renew,
        "status": _status,
    }
    return tasks[chosen.task](read, chosen)


def _enable(read: Settings, chosen: argparse.Namespace) -> int:
    from commune_portal.operations import stand_in

    with stand_in.for_owner_of(read.folder):
        made = _enabled(read, chosen)
    _refresh_units(chosen.config)
    return _tell(made, chosen, restart=True)


def _enabled(read: Settings, chosen: argparse.Namespace) -> Settings:
    from commune_portal.operations import nginx
    from commune_portal.store import settings_file
    from commune_portal.wire import lan_addresses, lan_authority

    lan = Lan(
        enabled=True,
        host=lan_addresses.normal(chosen.host) if chosen.host else read.lan.host,
        port=read.lan.port if chosen.port is None else chosen.port,
        names=tuple(dict.fromkeys(lan_addresses.normal(name) for name in chosen.name)) or read.lan.names,
        front=chosen.front or (read.lan.front if read.lan.enabled else _usual_front()),
    )
    _refuse_what_cannot_be(read, lan)
    wanted = dataclasses.replace(read, lan=lan)
    if chosen.new_root:
        lan_authority.retire(read)
    authority = lan_authority.load(read)
    if authority is None:
        authority = lan_authority.found(wanted, _label(), lan_addresses.wanted_names(wanted))
    elif strange := [name for name in lan.names if not authority.permits(name)]:
        raise RuleBroken(
            f"Chứng thư gốc hiện có không dùng được cho: {', '.join(strange)}. Chọn tên nội bộ (ví dụ tên.local), hoặc"
            " chạy «lan enable» với thêm «--new-root»; khi đó mọi máy phải cài lại chứng thư gốc."
        )
    lan_authority.renew(wanted)
    nginx.write(wanted)
    changes: dict[str, dict[str, Any]] = {
        "lan": {item.name: getattr(lan, item.name) for item in dataclasses.fields(Lan)}
    }
    if read.role == "node":
        changes["node"] = _node_address(wanted)
    return settings_file.change(chosen.config, changes)


def _refresh_units(config: Path) -> None:
    """On an installed computer: the firewall's rule on Windows; under systemd the unit, which allows a low port."""
    from commune_portal.operations import record, systemd
    from commune_portal.operations.places import Places
    from commune_portal.operations.services import ServiceKind

    places = Places.here()
    if sys.platform == "win32" and config.resolve() == places.config.resolve():
        from commune_portal.operations import windows

        windows.allow(settings.load(config), settings.load(config).server.port)
        return
    is_installed = config.resolve() == places.config and (systemd.UNIT_FOLDER / systemd.SERVICE).exists()
    if is_installed and ServiceKind.here() is ServiceKind.SYSTEMD and (account := record.account_of(places)):
        systemd.SystemdServices(places, account).install()


def _refuse_what_cannot_be(read: Settings, lan: Lan) -> None:
    from commune_portal.operations import nginx

    if not 1 <= lan.port <= 65535:
        raise RuleBroken("Cổng https phải từ 1 đến 65535.", field="lan.port")
    if lan.port == read.server.port:
        raise RuleBroken(f"Cổng {lan.port} là cổng của trang trên máy này; hãy chọn cổng khác cho mạng nội bộ.")
    if not settings.is_loopback(read.server.host):
        raise RuleBroken('Trước khi mở mạng nội bộ, hãy đặt server.host = "127.0.0.1" trong tệp cấu hình.')
    if lan.front == "nginx" and nginx.binary(_release_folder()) is None:
        raise RuleBroken("Máy này không có nginx. Dùng «--front builtin».")


def _node_address(wanted: Settings) -> dict[str, str]:
    """What enrolment files will carry: this node's first name and its own root; an address set by hand stays."""
    from commune_portal.health import lan
    from commune_portal.wire import lan_addresses, lan_authority

    own_ca = f"{wanted.tls_folder.name}/{lan_authority.ROOT_FILE}"
    if wanted.node.address and wanted.node.ca != own_ca:
        print(f"Giữ nguyên node.address = {wanted.node.address}, vì đã đặt tay.", file=sys.stderr)
        return {}
    named = wanted.lan.names or lan_addresses.wanted_names(wanted)
    return {"address": lan.address_of(named[0], wanted.lan.port).rstrip("/"), "ca": own_ca}


def _disable(read: Settings, chosen: argparse.Namespace) -> int:
    from commune_portal.operations import nginx, stand_in
    from commune_portal.store import settings_file

    with stand_in.for_owner_of(read.folder):
        made = settings_file.change(chosen.config, {"lan": {"enabled": False}})
        nginx.write(made)
    _refresh_units(chosen.config)
    if read.role == "node":
        print("Các cơ quan không còn kết nối được tới nút này cho tới khi mở lại.", file=sys.stderr)
    return _tell(made, chosen, restart=True)


def _renew(read: Settings, chosen: argparse.Namespace) -> int:
    from commune_portal.operations import stand_in

    with stand_in.for_owner_of(read.folder):
        _renewed(read, chosen)
    return _tell(read, chosen, restart=False)


def _renewed(read: Settings, chosen: argparse.Namespace) -> None:
    from commune_portal.operations import nginx
    from commune_portal.wire import lan_addresses, lan_authority

    if chosen.new_root:
        lan_authority.required(read)
        lan_authority.retire(read)
        lan_authority.found(read, _label(), lan_addresses.wanted_names(read))
        print("Đã thay chứng thư gốc. Mọi máy khác phải cài lại chứng thư gốc mới.", file=sys.stderr)
        if read.role == "node":
            print("Mọi cơ quan phải nạp tệp đăng ký mới của nút này.", file=sys.stderr)
    lan_authority.renew(read)
    nginx.write(read)


def _status(read: Settings, chosen: argparse.Namespace) -> int:
    return _tell(read, chosen, restart=False)


def _tell(read: Settings, chosen: argparse.Namespace, *, restart: bool) -> int:
    from commune_portal import clock
    from commune_portal.health import lan

    found = lan.standing(read)
    if chosen.json:
        server = found.server
        answer = {
            "enabled": found.enabled,
            "front": found.front,
            "port": found.port,
            "addresses": found.addresses,
            "state": found.state.value,
            "sound": found.is_sound,
            "root": {"fingerprint": found.fingerprint, "ends": clock.to_text(found.root_ends)}
            if found.root_ends
            else None,
            "server": {
                "names": server.names,
                "begins": clock.to_text(server.not_before),
                "ends": clock.to_text(server.not_after),
                "days_left": found.days_left,
            }
            if server
            else None,
            "not_covered": found.not_covered,
            "restart_needed": restart,
        }
        print(json.dumps(answer, ensure_ascii=False))
    else:
        _print(found, restart=restart)
    return cli.DONE if found.is_sound or restart else cli.WARNED


def _print(found: Any, *, restart: bool) -> None:
    from commune_portal import clock

    if not found.enabled:
        print("Mạng nội bộ: tắt. Chỉ dùng được ngay trên máy này.")
    else:
        front = "nginx" if found.front == "nginx" else "chính chương trình này"
        print(f"Mạng nội bộ: bật, cổng https {found.port}, TLS do {front}.")
        if not restart:
            print(f"  Cửa: {found.state.label}")
        for address in found.addresses:
            print(f"  Địa chỉ: {address}")
        for name in found.not_covered:
            print(f"  Chứng thư KHÔNG dùng được cho: {name}")
    if found.server is not None:
        print(f"  Chứng thư máy chủ: đến {clock.civil(found.server.not_after):%d/%m/%Y}, tự cấp lại trước 30 ngày")
    if found.root_ends is not None:
        print(f"  Chứng thư gốc: đến {clock.civil(found.root_ends):%d/%m/%Y}")
        print(f"  Vân tay SHA-256 của chứng thư gốc: {found.fingerprint}")
    if restart:
        print("Khởi động lại để áp dụng:")
        if sys.platform == "win32":
            print("  sc stop CommunePortal   rồi   sc start CommunePortal")
        else:
            print("  systemctl restart commune-portal")


def _usual_front() -> Literal["builtin", "nginx"]:
    """Nginx where this release carries one, which is on Linux; else the portal itself."""
    from commune_portal.operations import nginx

    carried = nginx.binary(_release_folder())
    return "nginx" if carried is not None and _release_folder() in carried.parents else "builtin"


def _release_folder() -> Path:
    """The folder of the release that runs, as the installer lays it out: `site-packages/` stands in it."""
    return Path(__file__).resolve().parents[3]


def _label() -> str:
    """What a browser's list of authorities shows; never the same twice, since browsers find roots by their names."""
    import secrets

    from commune_portal import clock
    from commune_portal.wire import lan_addresses

    return f"{lan_addresses.machine_name() or 'cổng văn bản'} {clock.today():%d/%m/%Y} {secrets.token_hex(2)}"
