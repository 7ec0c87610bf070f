"""`commune-portal node`: at a node, offices, nodes below and above, organisations; at an office, the enrolment file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from commune_portal import cli, settings
from commune_portal.errors import RuleBroken
from commune_portal.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """`add-office CODE NAME --out FILE`, `add-node` with `--subtree CODES`, `join FILE`, `offices`, `import FILE`."""
    below = parser.add_subparsers(dest="task", metavar="VIỆC", required=True)
    add = below.add_parser("add-office", help="thêm cơ quan (hoặc cấp lại) và ghi tệp đăng ký")
    add.add_argument("code", help="mã định danh, ví dụ H09.12.34")
    add.add_argument("name", help="tên cơ quan")
    add.add_argument("--out", type=Path, required=True, help="nơi ghi tệp đăng ký; không ghi đè")
    add.add_argument("--code-legacy", default="", help="mã định danh cũ, nếu có")
    under = below.add_parser("add-node", help="thêm nút cấp dưới (hoặc cấp lại) và ghi tệp đăng ký")
    under.add_argument("code", help="mã định danh của nút cấp dưới, ví dụ H09.12")
    under.add_argument("name", help="tên nút cấp dưới")
    under.add_argument("--subtree", required=True, help='phạm vi mã của nút đó, ví dụ "H09.12.* H09.15"')
    under.add_argument("--out", type=Path, required=True, help="nơi ghi tệp đăng ký; không ghi đè")
    under.add_argument("--code-legacy", default="", help="mã định danh cũ, nếu có")
    join = below.add_parser("join", help="ở nút: nạp tệp đăng ký do nút cấp trên cấp")
    join.add_argument("file", type=Path)
    offices = below.add_parser("offices", help="liệt kê các cơ quan và tình trạng")
    offices.add_argument("--json", action="store_true", help="in ra JSON")
    load = below.add_parser("import", help="ở nút: nạp danh bạ CSV; ở cơ quan: nạp tệp đăng ký của nút")
    load.add_argument("file", type=Path)


def run(chosen: argparse.Namespace) -> int:
    """Carries out the task on an installation whose keys are beside it."""
    from commune_portal import serve

    read = settings.load(chosen.config)
    tasks: dict[str, Callable[[Settings, argparse.Namespace], int]] = {
        "add-office": _add_office,
        "add-node": _add_office,
        "join": _join,
        "offices": _offices,
        "import": _import,
    }
    with serve.opened(read):
        return tasks[chosen.task](read, chosen)


def _add_office(read: Settings, chosen: argparse.Namespace) -> int:
    from commune_portal.node import members
    from commune_portal.people.actors import PORTAL
    from commune_portal.store import files

    _require_node(read)
    if chosen.out.exists():
        raise RuleBroken(f"Đã có tệp {chosen.out}; không ghi đè.")
    if not chosen.out.parent.is_dir():
        raise RuleBroken(f"Không có thư mục {chosen.out.parent}.")
    reached: dict[str, Any] = {
        "address": read.node_address,
        "ca_pem": read.read_node_ca(),
        "code_legacy": chosen.code_legacy,
    }
    if chosen.task == "add-node":
        data = members.add_node(PORTAL, chosen.code, chosen.name, subtree=chosen.subtree, **reached)
    else:
        data = members.add_office(PORTAL, chosen.code, chosen.name, **reached)
    files.write_durably(chosen.out, data)
    print(
        f"Đã ghi tệp đăng ký {chosen.out}. Tệp dùng một lần, hết hạn sau {members.TOKEN_DAYS} ngày; giữ như mật khẩu."
    )
    return cli.DONE


def _join(read: Settings, chosen: argparse.Namespace) -> int:
    from commune_portal.node import upward
    from commune_portal.people.actors import PORTAL

    _require_node(read)
    above = upward.introduce(PORTAL, _read_file(chosen.file), read.secrets_folder)
    print(f"Đã nạp tệp đăng ký của {above.name} ({above.code}). Nút này sẽ kết nối lên đó ở lần liên lạc đầu.")
    return cli.DONE


def _offices(read: Settings, chosen: argparse.Namespace) -> int:
    from commune_portal import clock
    from commune_portal.node import overview

    _require_node(read)
    lines = overview.lines()
    if chosen.json:
        found = [
            {
                "code": line.member.code,
                "name": line.member.name,
                "enrolled": line.member.enrolled_at is not None,
                "closed": line.member.closed_at is not None,
                "subtree": str(line.member.subtree),
                "last_contact_at": clock.to_text(line.last_contact_at) if line.last_contact_at else None,
                "skew_seconds": line.skew_seconds,
                "waiting": line.waiting,
                "mirrored_lines": line.mirror_size,
                "disagreement": line.disagreement,
            }
            for line in lines
        ]
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for line in lines:
            last = clock.to_text(line.last_contact_at) if line.last_contact_at else "chưa liên lạc"
            trouble = "  NHẬT KÝ KHÔNG KHỚP" if line.disagreement else ""
            print(
                f"{line.member.code:<16} {line.member.name}: {last}, {line.waiting} gói chờ,"
                f" {line.mirror_size} dòng nhật ký{trouble}"
            )
        if not lines:
            print("Chưa có cơ quan nào. Thêm bằng: commune-portal node add-office MÃ TÊN --out TỆP")
    return cli.WARNED if any(line.disagreement for line in lines) else cli.DONE


def _import(read: Settings, chosen: argparse.Namespace) -> int:
    from commune_portal.people.actors import PORTAL

    data = _read_file(chosen.file)
    if read.role == "office":
        from commune_portal.people import peers

        node = peers.introduce(PORTAL, data, read.secrets_folder)
        print(f"Đã nạp tệp đăng ký của {node.name}. Lần liên lạc đầu sẽ gửi khóa của cơ quan này tới nút.")
        return cli.DONE
    from commune_portal.node import organisations

    amount = organisations.import_organisations(PORTAL, data, lambda done: print(f"… {done}", end="\r", flush=True))
    print(f"Đã nạp {amount} cơ quan vào danh bạ.")
    return cli.DONE


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RuleBroken(f"Không đọc được tệp {path}.", detail=str(error)) from error


def _require_node(read: Settings) -> None:
    if read.role != "node":
        raise RuleBroken('Việc này chỉ làm ở nút liên thông (role = "node" trong tệp cấu hình).')
