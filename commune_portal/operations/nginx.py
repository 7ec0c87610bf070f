"""Nginx as the TLS door of an installation on Linux: its configuration and its service unit, as the installer writes
them.

`wanted` says whether there is one, `write` puts the configuration into `tls/` beside `portal.toml`. The unit starts
only where that file is, so it may be installed everywhere.
"""

from __future__ import annotations

import re
import shutil
from importlib import resources
from pathlib import Path

from commune_portal.errors import RuleBroken, SettingsWrong
from commune_portal.settings import MEBIBYTE, Settings, load
from commune_portal.store import files
from commune_portal.wire import lan_addresses

CONFIGURATION_FILE = "nginx.conf"
UNIT_NAME = "commune-portal-tls.service"
PRIVILEGED_BELOW = 1024
UNITS = resources.files("commune_portal.operations") / "units"

WRONG_NAME = "Địa chỉ máy chủ không đúng. Hãy gõ đúng tên ghi trên tờ hướng dẫn dán cạnh máy chủ."
TOO_LARGE = "Tệp gửi lên lớn hơn mức cho phép. Hãy quét lại ở độ phân giải thấp hơn, hoặc chia thành nhiều tệp."
DOWN = "Cổng văn bản đang khởi động hoặc đã dừng. Chờ một phút rồi tải lại trang; vẫn vậy thì báo người quản trị."

_ADDRESSES = r"~^\d+\.\d+\.\d+\.\d+$ ~^\[[0-9a-f:.]+\]$"
"""Any literal address: a router may give this PC another one any day, and no foreign page is called by one."""


def wanted(settings: Settings) -> bool:
    """True where nginx is to speak TLS for this installation."""
    return settings.lan.enabled and settings.lan.front == "nginx"


def binary(release_folder: Path) -> Path | None:
    """The nginx of a release, else the system's; None where there is neither."""
    carried = release_folder / "bin" / "nginx"
    if carried.is_file():
        return carried
    found = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").is_file() else None)
    return Path(found) if found else None


def configuration_path(settings: Settings) -> Path:
    """Where the unit looks for the configuration."""
    return settings.tls_folder / CONFIGURATION_FILE


def render(settings: Settings, release_folder: Path | None = None) -> str:  # noqa: ARG001 -- the installer's call
    """The configuration for these settings; `release_folder` is where the binary lies and changes nothing in it."""
    # Asked at every start, but wanted by few: what TLS takes in memory is theirs alone.
    from commune_portal.tls_front import CIPHERS
    from commune_portal.wire import lan_authority

    lan, server = settings.lan, settings.server
    is_node = settings.role == "node"
    own = lan_addresses.machine_name()
    names = [lan_addresses.normal(name) for name in lan.names]
    named = [name for name in (*names, *([own] if own else []), "localhost") if not lan_addresses.is_address(name)]
    listen = f"[{lan.host}]:{lan.port}" if ":" in lan.host else f"{lan.host}:{lan.port}"
    per_client = (
        "" if is_node else "    limit_conn_zone $binary_remote_addr zone=clients:1m;\n    limit_conn clients 64;\n"
    )
    return (UNITS / "nginx.conf").read_text(encoding="utf-8").format(
        worker_processes=2 if is_node else 1,
        worker_connections=8192 if is_node else 1024,
        open_files=20480 if is_node else 4096,
        keepalive_seconds=300 if is_node else 75,
        largest_body=settings.limits.packet_bytes + MEBIBYTE,
        limits=per_client,
        ciphers=CIPHERS,
        server_pem=_quotable(str(lan_authority.server_path(settings).resolve())),
        behind=f"{server.host}:{server.port}",
        listen=listen,
        names=" ".join([*dict.fromkeys(named), _ADDRESSES]),
        secret=lan_authority.front_secret(settings),
        plain=lan_addresses.PLAIN_SENTENCE.strip(),
        wrong_name=WRONG_NAME,
        too_large=TOO_LARGE,
        down=DOWN,
    )  # fmt: skip


def write(settings: Settings, release_folder: Path | None = None) -> Path | None:
    """Writes the configuration where nginx is wanted and takes it away where it is not; answers its path."""
    path = configuration_path(settings)
    if not wanted(settings):
        path.unlink(missing_ok=True)
        return None
    settings.tls_folder.mkdir(parents=True, exist_ok=True)
    files.write_durably(path, render(settings, release_folder).encode(), mode=0o600)
    return path


def capabilities(config: Path) -> str:
    """What the unit of this installation must be allowed: one thing, for a port below 1024, and otherwise nothing."""
    try:
        read = load(config)
    except SettingsWrong:
        return ""  # not written yet
    return "CAP_NET_BIND_SERVICE" if wanted(read) and read.lan.port < PRIVILEGED_BELOW else ""


def _quotable(path: str) -> str:
    if re.search(r"[\"$;{}\\\n]", path):
        raise RuleBroken(f"nginx không đọc được đường dẫn «{path}». Hãy đặt dữ liệu trong thư mục có tên đơn giản.")
    return path
