"""`commune-portal init`: a new installation: settings file, keys, empty register, first administrator.

Everything is made or nothing: what a founding made that failed or was cut off is taken away again, and nothing that
was there before is ever touched. A settings file without a register, as the installer leaves one, is taken as it is.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from commune_portal import cli
from commune_portal.errors import SettingsWrong
from commune_portal.settings import Settings, load


def arguments(parser: argparse.ArgumentParser) -> None:
    """Who this installation is; an enrolment file already knows code and name."""
    parser.add_argument("--role", choices=("office", "node"), help="cơ quan (mặc định) hay nút liên thông")
    parser.add_argument("--code", default="", help="mã định danh, ví dụ H99.12")
    parser.add_argument("--name", default="", help="tên cơ quan, đúng như in trên văn bản")
    parser.add_argument("--place", default="", help="địa danh ghi trước ngày tháng")
    parser.add_argument("--abbreviation", default="UBND", help="chữ viết tắt trong ký hiệu (mặc định UBND)")
    parser.add_argument("--parent", default="", help="cơ quan chủ quản in phía trên tên cơ quan")
    parser.add_argument("--node", type=Path, metavar="ENROLMENT_FILE", help="tệp đăng ký nhận từ nút liên thông")
    parser.add_argument("--admin", default="quantri", help="tên đăng nhập của người quản trị đầu tiên")
    parser.add_argument("--admin-name", default="Quản trị hệ thống", help="họ tên của người đó")
    parser.add_argument("--port", type=int, help="cổng (mặc định 8080)")
    parser.add_argument("--pkcs11-module", default="", help="thư viện PKCS#11 của thiết bị ký số")
    parser.add_argument("--json", action="store_true", help="in kết quả dạng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Founds the installation and prints the first password, which is kept nowhere."""
    from commune_portal.people import founding

    config: Path = chosen.config
    present = load(config) if config.exists() else None
    if present is not None and founding.is_founded(present):
        raise SettingsWrong(f"Đã có {config} với dữ liệu của một hệ thống; không khởi tạo đè lên.")
    enrolment_bytes = _take_enrolment(chosen)
    role = chosen.role or (present.role if present else "office")
    if not chosen.code or not chosen.name:
        raise SettingsWrong("Hãy cho biết --code và --name (hoặc --node TỆP_ĐĂNG_KÝ).")
    if role == "office" and not chosen.place:
        raise SettingsWrong("Hãy cho biết --place: địa danh ghi trước ngày tháng, ví dụ «An Phú».")
    settings = _settle(config, present, role, chosen)
    try:
        told = _found(settings, chosen, enrolment_bytes)
    except BaseException:
        if present is None:
            config.unlink(missing_ok=True)
        raise
    told = {"config": str(config), "address": f"http://{settings.server.host}:{settings.server.port}/", **told}
    if chosen.json:
        print(json.dumps(told, ensure_ascii=False))
        return cli.DONE
    print(f"Đã khởi tạo {chosen.name} ({chosen.code}) trong {settings.folder}.")
    print(f"  Tệp cấu hình:  {config}")
    print(f"  Người quản trị: {told['username']}")
    print(f"  Mật khẩu:       {told['password']}   (chỉ hiện một lần, phải đổi khi đăng nhập)")
    print(f"Tiếp theo: commune-portal --config {config} serve, rồi mở {told['address']}")
    return cli.DONE


def _settle(config: Path, present: Settings | None, role: str, chosen: argparse.Namespace) -> Settings:
    """The settings file as it is to be: a new one, or the present one with what the command line says."""
    from commune_portal.store import settings_file

    token = {"token": {"module": chosen.pkcs11_module}} if chosen.pkcs11_module else {}
    if present is None:
        document: dict[str, Any] = {"role": role, "server": {"port": chosen.port if chosen.port is not None else 8080}}
        return settings_file.write_new(config, document | token)
    if role != present.role:
        raise SettingsWrong(f"Tệp {config} ghi vai trò «{present.role}», không phải «{role}».", field="role")
    if chosen.port not in (None, present.server.port):
        raise SettingsWrong(f"Tệp {config} đã ghi cổng {present.server.port}. Hãy sửa trong tệp.", field="server.port")
    return settings_file.change(config, token) if token else present


def _take_enrolment(chosen: argparse.Namespace) -> bytes | None:
    """Reads the enrolment file, and from it what the command line left out."""
    if chosen.node is None:
        return None
    from commune_portal.wire import enrolment

    try:
        data: bytes = chosen.node.read_bytes()
    except OSError as error:
        raise SettingsWrong(f"Không đọc được tệp đăng ký {chosen.node}.") from error
    file = enrolment.read(data)
    chosen.code = chosen.code or file.office_code
    chosen.name = chosen.name or file.office_name
    return data


def _found(settings: Settings, chosen: argparse.Namespace, enrolment_bytes: bytes | None) -> dict[str, str]:
    from commune_portal.people import founding
    from commune_portal.rules.permissions import Role

    first = founding.FirstPerson(
        username=chosen.admin,
        full_name=chosen.admin_name,
        roles=(Role.ADMINISTRATOR if settings.role == "office" else Role.OPERATOR,),
    )
    plan = founding.Plan(
        code=chosen.code,
        name=chosen.name,
        place=chosen.place,
        people=(first,),
        abbreviation=chosen.abbreviation,
        parent_name=chosen.parent,
        enrolment=enrolment_bytes,
    )
    made = founding.found(settings, plan)
    (username, password), *_ = made.passwords.items()
    return {"role": settings.role, "code": chosen.code, "username": username, "password": password, "key": made.key_id}
