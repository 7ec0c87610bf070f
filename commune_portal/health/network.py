"""The portal's own port: does the portal answer there, and to whom is the port open."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from commune_portal import __version__
from commune_portal.health.row import Level, Patient, Row, told
from commune_portal.settings import is_loopback

WHY = "Người dùng vào hệ thống qua cổng này; cổng bị chương trình khác chiếm thì không ai vào được."
TIMEOUT_SECONDS = 2.0
EVERYWHERE = {"00000000", "0" * 32}
_LISTENING, _ESTABLISHED = "0A", "01"
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def check(patient: Patient) -> list[Row]:
    """The row `network`."""
    return [_port(patient)]


def _port(patient: Patient) -> Row:
    server = patient.settings.server
    at = f"{server.host}:{server.port}"
    if is_loopback(server.host) and is_open_to_network(server.port):
        mend = "Dừng hệ thống, xem chương trình nào giữ cổng này, sửa server.port hoặc server.host rồi mở lại."
        return Row("network", Level.FAIL, f"Cổng {server.port} đang mở ra mạng, cấu hình chỉ cho máy này", WHY, mend)
    if patient.in_service or server.port == 0:
        return told("network", f"Đang phục vụ tại {at}", WHY)
    try:
        found = _asked(server.host, server.port)
    except ConnectionError:
        mend = (
            "Mở lại dịch vụ: trên Windows mở «Services», chọn «Commune Portal», bấm Start;"
            " trên Linux chạy «systemctl start commune-portal»."
        )
        return Row("network", Level.WARN, f"Hệ thống không chạy: không gì trả lời tại {at}", WHY, mend)
    except TimeoutError:
        return Row(
            "network", Level.WARN, f"Cổng {at} trả lời quá chậm", WHY, "Đợi ít phút; vẫn vậy thì mở lại dịch vụ."
        )
    except (OSError, ValueError, http.client.HTTPException):
        found = ""
    if not found:
        mend = "Đổi server.port trong tệp cấu hình (bộ cài tự chọn cổng trống khi cài lại), rồi mở lại dịch vụ."
        return Row("network", Level.FAIL, f"Cổng {at} do chương trình khác giữ", WHY, mend)
    if found != __version__:
        mend = "Khởi động lại dịch vụ để bản mới chạy; đang nâng cấp thì đợi nâng cấp xong."
        return Row("network", Level.WARN, f"Bản đang chạy là {found}, lệnh này là {__version__}", WHY, mend)
    return told("network", f"Đang chạy tại {at}", WHY)


def _asked(host: str, port: int) -> str:
    """The version that answers at an address; empty where it is not a portal."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/alive")
        answer = connection.getresponse()
        document = json.loads(answer.read(4096))
    finally:
        connection.close()
    return str(document.get("version", "")) if isinstance(document, dict) else ""


def is_open_to_network(port: int) -> bool:
    """True when a socket of this computer listens at the port on every address (Linux tells, others do not)."""
    wanted = f"{port:04X}"
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address, _, found = fields[1].partition(":")
            if found == wanted and fields[3] == _LISTENING and address in EVERYWHERE:
                return True
    return False


def open_connections(port: int) -> int | None:
    """How many connections of others the port holds; None where the system does not tell."""
    wanted, found, is_known = f":{port:04X}", set(), False
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        is_known = True
        for fields in map(str.split, lines):
            if fields[1].endswith(wanted) and fields[3] == _ESTABLISHED:
                found.add((fields[1], fields[2]))  # a long table that changes may list one twice
    return len(found) if is_known else None
