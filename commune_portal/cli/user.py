"""`commune-portal user`: accounts from the shell, for the first day and for the day nobody can log in."""

from __future__ import annotations

import argparse
import json

from commune_portal import cli, clock, settings
from commune_portal.errors import NotFound
from commune_portal.people import accounts
from commune_portal.people.accounts import Account
from commune_portal.people.actors import PORTAL
from commune_portal.rules.permissions import Role


def arguments(parser: argparse.ArgumentParser) -> None:
    """add, list, reset, disable, enable."""
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    add = acts.add_parser("add", help="thêm tài khoản, in mật khẩu một lần")
    add.add_argument("username", help="tên đăng nhập")
    add.add_argument("--name", required=True, help="họ và tên")
    add.add_argument(
        "--role", action="append", required=True, choices=[role.value for role in Role], help="vai trò; lặp lại được"
    )
    add.add_argument("--position", default="", help="chức vụ")
    add.add_argument("--unit", default="", help="đơn vị")
    shown = acts.add_parser("list", help="liệt kê tài khoản")
    changing = [
        acts.add_parser("reset", help="cấp mật khẩu mới, kết thúc mọi phiên"),
        acts.add_parser("disable", help="khóa tài khoản"),
        acts.add_parser("enable", help="mở lại tài khoản với mật khẩu mới"),
    ]
    for parser_of_act in changing:
        parser_of_act.add_argument("username", help="tên đăng nhập")
    for parser_of_act in (add, shown, *changing):
        parser_of_act.add_argument("--json", action="store_true", help="in kết quả dạng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Carries out one act on accounts."""
    configured = settings.load(chosen.config)
    if chosen.act == "list":
        # Reading works in a copied folder too, so neither keys nor ownership are asked for.
        from commune_portal.store import database, installation

        installation.open_(configured)
        try:
            return _list(chosen)
        finally:
            database.close()
    from commune_portal.serve import opened

    with opened(configured):
        return _change(chosen)


def _change(chosen: argparse.Namespace) -> int:
    if chosen.act == "add":
        made = accounts.add(
            PORTAL,
            username=chosen.username,
            full_name=chosen.name,
            roles=[Role(value) for value in chosen.role],
            position=chosen.position,
            unit=chosen.unit,
        )
        return _told(chosen, made.username, made.password)
    found = accounts.by_username(chosen.username)
    if found is None:
        raise NotFound(f"Không có tài khoản «{chosen.username}».")
    if chosen.act == "disable":
        accounts.disable(PORTAL, found.id)
        return _told(chosen, found.username, "")
    give = accounts.reset_password if chosen.act == "reset" else accounts.enable
    return _told(chosen, found.username, give(PORTAL, found.id))


def _told(chosen: argparse.Namespace, username: str, password: str) -> int:
    if chosen.json:
        print(json.dumps({"username": username, "password": password or None}, ensure_ascii=False))
    elif password:
        print(f"{username}: mật khẩu {password} (chỉ hiện một lần, phải đổi khi đăng nhập)")
    else:
        print(f"{username}: đã khóa, mọi phiên đăng nhập đã kết thúc")
    return cli.DONE


def _list(chosen: argparse.Namespace) -> int:
    found = accounts.everyone()
    if chosen.json:
        print(json.dumps([_as_json(item) for item in found], ensure_ascii=False))
        return cli.DONE
    for item in found:
        state = "đã khóa" if item.disabled_at else "chờ đổi mật khẩu" if item.must_change_password else "đang dùng"
        roles = ", ".join(sorted(role.label for role in item.roles))
        print(f"{item.username:<20} {item.full_name:<28} {roles:<24} {state}")
    return cli.DONE


def _as_json(item: Account) -> dict[str, object]:
    return {
        "username": item.username,
        "full_name": item.full_name,
        "position": item.position,
        "unit": item.unit,
        "roles": sorted(role.value for role in item.roles),
        "must_change_password": item.must_change_password,
        "disabled_at": clock.to_text(item.disabled_at) if item.disabled_at else None,
    }
