"""The shell verbs: `commune-portal [--config FILE] VERB …`, one module each, imported only when it is called.

Exit codes: 0 it did what it says, 1 warnings, 2 failure, 3 rolled back, 64 wrong use. A refusal is printed in
Vietnamese to the error stream; `--json` where a program may read.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from commune_portal import __version__
from commune_portal.errors import PortalError

DONE, WARNED, FAILED, ROLLED_BACK, WRONG_USE = 0, 1, 2, 3, 64


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb's name, the module that carries it out, and its line in the list of verbs."""

    name: str
    module: str
    summary: str


VERBS = (
    Verb("init", "init", "tạo một hệ thống mới: tệp cấu hình, khóa, sổ trống, người quản trị đầu tiên"),
    Verb("serve", "serve", "chạy hệ thống cho tới khi được yêu cầu dừng"),
    Verb("demo", "demo", "chạy bản trình diễn: một nút và hai xã với sổ một năm"),
    Verb("rehearse", "rehearse", "diễn tập toàn bộ đường đi của một văn bản, để kiểm tra bản cài đặt"),
    Verb("doctor", "doctor", "kiểm tra hệ thống có ổn không"),
    Verb("user", "user", "thêm, liệt kê, đặt lại mật khẩu tài khoản"),
    Verb("token", "token", "liệt kê thiết bị ký số và chứng thư"),
    Verb("register", "register", "đọc lại và kiểm tra, xuất, in sổ"),
    Verb("packet", "packet", "đọc một gói edXML"),
    Verb("bag", "bag", "làm túi thư trên USB, hoặc nhận túi thư"),
    Verb("node", "node", "ở nút: thêm cơ quan, liệt kê, nạp danh bạ; ở cơ quan: nạp tệp đăng ký"),
    Verb("lan", "lan", "mở, đóng cổng https cho các máy khác trong cơ quan; cấp lại chứng thư"),
    Verb("migrate", "migrate", "nâng cấp lược đồ dữ liệu"),
    Verb("backup", "backup", "sao lưu dữ liệu và chứng minh bản sao lưu"),
    Verb("drill", "drill", "chứng minh bản sao lưu: mở tệp đã lưu, khôi phục thử, đọc lại tất cả"),
    Verb("restore", "restore", "khôi phục từ bản sao lưu, hoặc nhận một bản sao làm hệ thống mới"),
    Verb("manual", "manual", "ghi sách hướng dẫn thành một tệp PDF"),
    Verb("release", "release", "cài đặt, nâng cấp, quay lại bản trước, gỡ"),
    Verb("service", "service", "đăng ký hoặc gỡ dịch vụ tự chạy khi bật máy"),
)

OF_ITS_OWNER = frozenset({"serve", "doctor", "user", "node", "migrate", "backup", "drill", "restore"})
"""Verbs that write among the data: what root's hand left there would shut the service out, and a link planted there
could lead root astray. So they are done with the rights of the folder's owner."""


class Parser(argparse.ArgumentParser):
    """argparse with our exit code for wrong use."""

    def error(self, message: str) -> NoReturn:
        """Prints how it is used and ends."""
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(WRONG_USE)


def run(arguments: Sequence[str]) -> int:
    """Carries out one command line and answers its exit code."""
    parser = Parser(prog="commune-portal", description="Sổ văn bản của UBND xã, và nút liên thông.")
    parser.add_argument("--version", action="version", version=f"commune-portal {__version__}")
    parser.add_argument("--config", type=Path, help="tệp cấu hình (mặc định portal.toml ở đây, hoặc của bản đã cài)")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    wanted = next((item for item in arguments if item in {verb.name for verb in VERBS}), None)
    carry_out: Callable[[argparse.Namespace], int] | None = None
    for verb in VERBS:
        below = verbs.add_parser(verb.name, help=verb.summary, description=verb.summary)
        if verb.name == wanted:
            module = importlib.import_module(f"commune_portal.cli.{verb.module}")
            module.arguments(below)
            carry_out = module.run
    chosen = parser.parse_args(arguments)
    if chosen.verb is None or carry_out is None:
        parser.print_help()
        return WRONG_USE
    chosen.config = chosen.config or _usual_config(chosen.verb)
    try:
        if chosen.verb in OF_ITS_OWNER and chosen.config.is_file():
            _become_its_owner(chosen.config)
        return carry_out(chosen)
    except PortalError as error:
        print(error.sentence, file=sys.stderr)
        if error.detail:
            print(f"({error.code}: {error.detail})", file=sys.stderr)
        return FAILED


def _become_its_owner(config: Path) -> None:
    from commune_portal.operations import stand_in

    stand_in.become_owner_of(config.resolve().parent)


def _usual_config(verb: str) -> Path:
    """The settings file of this folder; where there is none, that of the portal which is installed on this computer."""
    here = Path("portal.toml")
    if verb != "init" and not here.exists():
        from commune_portal.operations.places import Places

        installed = Places.here().config
        if os.path.lexists(installed):  # also without the right to look: then it is not for this person
            return installed
    return here


def main() -> None:
    """The `commune-portal` command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        raise SystemExit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(DONE) from None
