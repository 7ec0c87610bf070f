"""`commune-portal demo`: a node and two communes with a year of fictional register, until it is asked to stop."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from commune_portal import cli, clock

FIRST_PORT = 8080
TOKENS = {
    "softhsm": "Chữ ký số: thiết bị mô phỏng SoftHSM2, mã PIN {pin}. Chứng thư chỉ dùng để trình diễn.",
    "trial": "Chữ ký số: KHÓA THỬ NGHIỆM, không có giá trị pháp lý, mã PIN {pin} (máy này chưa cài SoftHSM2).",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where, from which port on, and how much."""
    parser.add_argument("--dir", type=Path, default=Path("demo"), help="thư mục của bản trình diễn (mặc định demo)")
    parser.add_argument(
        "--port", type=int, default=FIRST_PORT, help="cổng đầu tiên khi dựng lần đầu; các cổng sau lấy kế tiếp"
    )
    parser.add_argument("--json", action="store_true", help="in địa chỉ và tài khoản thành một đối tượng JSON")
    parser.add_argument("--small", action="store_true", help="dựng ít văn bản hơn, cho nhanh")
    parser.epilog = "Lần chạy sau dùng lại thư mục đã dựng; xóa thư mục để dựng lại từ đầu."


def run(chosen: argparse.Namespace) -> int:
    """Builds the folder where it is not there yet, serves it, and waits."""
    from commune_portal.demonstration import building, running, year

    folder: Path = chosen.dir.resolve()
    began = clock.monotonic()
    running.end_on_signals()
    try:
        if not building.require_ours(folder):
            print(f"Dựng bản trình diễn ở {folder} …", file=sys.stderr)
            building.build(folder, chosen.port, year.SMALL if chosen.small else year.FULL, _tell)
        with running.served(folder) as servers:
            made = running.made(folder)
            print(json.dumps(made, ensure_ascii=False) if chosen.json else _table(made), flush=True)
            seconds = clock.monotonic() - began
            print(f"Sẵn sàng sau {seconds:.0f} giây. Nhấn Ctrl+C để dừng.", file=sys.stderr, flush=True)
            running.watch(servers)
    except KeyboardInterrupt:
        print("\nĐã dừng.", file=sys.stderr, flush=True)
    return cli.DONE


def _tell(text: str) -> None:
    """Progress on one line of a terminal; nothing where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="" if text else "\r", file=sys.stderr, flush=True)


def _table(made: dict[str, Any]) -> str:
    """Addresses and accounts for a person."""
    from commune_portal.parties.founding import PIN
    from commune_portal.rules.permissions import Role

    lines = ["", "BẢN TRÌNH DIỄN: mọi người, mọi đơn vị đều hư cấu.", TOKENS[made["token"]].format(pin=PIN)]
    for party in made["parties"]:
        lines += ["", f"{party['name']}: {party['address']}"]
        lines.append(f"  {'Vai trò':<14}{'Họ tên':<18}{'Chức vụ':<21}{'Tên đăng nhập':<15}Mật khẩu")
        for account in party["accounts"]:
            role = Role(account["role"]).label
            lines.append(
                f"  {role:<14}{account['full_name']:<18}{account['position']:<21}{account['username']:<15}"
                f"{account['password']}"
            )
    lines += ["", "Văn bản gửi Ủy ban nhân dân tỉnh Đông Hòa nằm chờ ở nút: máy của tỉnh không bật.", ""]
    return "\n".join(lines)
