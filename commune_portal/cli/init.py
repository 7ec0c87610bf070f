"""`commune-portal init`: a new installation: settings file, keys, empty register, first administrator.

Everything is made or nothing: what an interrupted founding made is taken away again, and nothing that was there
before is ever touched.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from commune_portal import cli
from commune_portal.errors import SettingsWrong, StoreRefused
from commune_portal.settings import Settings, from_document


def arguments(parser: argparse.ArgumentParser) -> None:
    """Who this installation is; an enrolment file already knows code and name."""
    parser.add_argument("--role", choices=("office", "node"), default="office", help="cơ quan hay nút liên thông")
    parser.add_argument("--code", default="", help="mã định danh, ví dụ H99.12")
    parser.add_argument("--name", default="", help="tên cơ quan, đúng như in trên văn bản")
    parser.add_argument("--place", default="", help="địa danh ghi trước ngày tháng")
    parser.add_argument("--abbreviation", default="UBND", help="chữ viết tắt trong ký hiệu (mặc định UBND)")
    parser.add_argument("--parent", default="", help="cơ quan chủ quản in phía trên tên cơ quan")
    parser.add_argument("--node", type=Path, metavar="ENROLMENT_FILE", help="tệp đăng ký nhận từ nút liên thông")
    parser.add_argument("--admin", default="quantri", help="tên đăng nhập của người quản trị đầu tiên")
    parser.add_argument("--admin-name", default="Quản trị hệ thống", help="họ tên của người đó")
    parser.add_argument("--port", type=int, default=8080, help="cổng (mặc định 8080)")
    parser.add_argument("--pkcs11-module", default="", help="thư viện PKCS#11 của thiết bị ký số")
    parser.add_argument("--json", action="store_true", help="in kết quả dạng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Founds the installation and prints the first password, which is kept nowhere."""
    config: Path = chosen.config
    if config.exists():
        raise SettingsWrong(f"Đã có {config}; không khởi tạo đè lên.")
    enrolment_bytes = _take_enrolment(chosen)
    if not chosen.code or not chosen.name:
        raise SettingsWrong("Hãy cho biết --code và --name (hoặc --node TỆP_ĐĂNG_KÝ).")
    if chosen.role == "office" and not chosen.place:
        raise SettingsWrong("Hãy cho biết --place: địa danh ghi trước ngày tháng, ví dụ «An Phú».")
    document: dict[str, Any] = {"role": chosen.role, "server": {"port": chosen.port}}
    if chosen.pkcs11_module:
        document["token"] = {"module": chosen.pkcs11_module}
    folder = config.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    settings = from_document(document, folder)
    told = _found(settings, chosen, enrolment_bytes)
    from commune_portal.store import files

    files.write_durably(config, _as_toml(document).encode(), mode=0o644)
    told = {"config": str(config), "address": f"http://{settings.server.host}:{settings.server.port}/", **told}
    if chosen.json:
        print(json.dumps(told, ensure_ascii=False))
        return cli.DONE
    print(f"Đã khởi tạo {chosen.name} ({chosen.code}) trong {folder}.")
    print(f"  Tệp cấu hình:  {config}")
    print(f"  Người quản trị: {told['username']}")
    print(f"  Mật khẩu:       {told['password']}   (chỉ hiện một lần, phải đổi khi đăng nhập)")
    print(f"Tiếp theo: commune-portal --config {config} serve, rồi mở {told['address']}")
    return cli.DONE


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
    from commune_portal.people import accesses, accounts, issuers, peers
    from commune_portal.people.actors import PORTAL
    from commune_portal.rules.permissions import Role
    from commune_portal.store import database, installation
    from commune_portal.wire import keys

    if settings.database_path.exists():
        raise StoreRefused(f"Đã có dữ liệu ở {settings.database_path}; không khởi tạo đè lên.")
    own = keys.create(settings.secrets_folder)
    try:
        settings.data_folder.mkdir(mode=0o700, exist_ok=True)
        keys.use(own)
        installation.found(
            settings,
            code=chosen.code,
            name=chosen.name,
            place=chosen.place,
            public_key=own.public_key.hex(),
            box_public_key=own.box_public_key.hex(),
        )
        first = accounts.add(
            PORTAL,
            username=chosen.admin,
            full_name=chosen.admin_name,
            roles=[Role.ADMINISTRATOR if settings.role == "office" else Role.OPERATOR],
        )
        if settings.role == "office":
            issuers.add(
                PORTAL,
                code=chosen.code,
                name=chosen.name,
                abbreviation=chosen.abbreviation,
                place=chosen.place,
                parent_name=chosen.parent,
            )
        if enrolment_bytes is not None:
            peers.introduce(PORTAL, enrolment_bytes, settings.secrets_folder)
        installation.session_secret(settings.secrets_folder)
    except BaseException:
        accesses.forget_waiting()
        database.close()
        _take_away(settings)
        raise
    accesses.flush()
    database.close()
    return {
        "role": settings.role,
        "code": chosen.code,
        "username": first.username,
        "password": first.password,
        "key": own.key_id,
    }


def _take_away(settings: Settings) -> None:
    """Removes the register and the keys that this founding made and could not finish."""
    for suffix in ("", "-wal", "-shm"):
        settings.database_path.with_name(settings.database_path.name + suffix).unlink(missing_ok=True)
    for name in ("installation.pem", "session.key", "enrolment.ghinoi.json"):
        (settings.secrets_folder / name).unlink(missing_ok=True)


def _as_toml(document: dict[str, Any]) -> str:
    lines = [
        "# Cấu hình của máy này; ý nghĩa từng dòng ở trang Trợ giúp. Sửa xong phải khởi động lại.",
        f"role = {_value(document['role'])}",
    ]
    for section, values in document.items():
        if isinstance(values, dict):
            lines += ["", f"[{section}]", *(f"{name} = {_value(value)}" for name, value in values.items())]
    return "\n".join(lines) + "\n"


def _value(value: str | int) -> str:
    """A TOML value; JSON's strings and whole numbers are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
