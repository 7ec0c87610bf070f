"""The door for other computers: whether it is open, whose certificate it shows, and until when that holds."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from commune_portal import clock
from commune_portal.health.row import Level, Patient, Row, told
from commune_portal.settings import Settings
from commune_portal.wire import lan_addresses

if TYPE_CHECKING:
    from commune_portal.wire.lan_authority import ServerCertificate

WHY = "Các máy khác trong cơ quan làm việc qua cửa này; cửa đóng hoặc chứng thư sai thì họ không vào được."
MEND_OPEN = (
    "Xem dịch vụ commune-portal (và commune-portal-tls trên Linux) có chạy không; xem nhật ký trong thư mục logs."
)
PROBE_SECONDS = 3.0
AUTHORITY_WARN_DAYS = 180


class DoorState(StrEnum):
    """What answers at the door's port."""

    OPEN = "open"
    CLOSED = "closed"
    STRANGE = "strange"

    @property
    def label(self) -> str:
        """What a person reads."""
        return {"open": "Đang mở", "closed": "Không mở", "strange": "Chứng thư lạ"}[self.value]


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything there is to tell about the door, for the page, the shell and the health row."""

    enabled: bool
    front: str
    port: int
    addresses: tuple[str, ...]
    state: DoorState
    fingerprint: str
    root_ends: datetime | None
    server: ServerCertificate | None
    not_covered: tuple[str, ...]

    @property
    def days_left(self) -> int | None:
        """Whole days until the server certificate ends."""
        return (self.server.not_after - clock.now()).days if self.server else None

    @property
    def is_sound(self) -> bool:
        """True when the door is as the settings want it."""
        if not self.enabled:
            return True
        return self.state is DoorState.OPEN and self.server is not None and not self.server.is_due(clock.now())


def standing(settings: Settings, *, knock: bool = True) -> Standing:
    """Reads the certificates and, unless `knock` is false, asks the door itself."""
    from commune_portal.wire import lan_authority

    authority = lan_authority.root(settings)
    wanted = lan_addresses.wanted_names(settings)
    left_out = tuple(name for name in wanted if authority is not None and not authority.permits(name))
    usable = [name for name in wanted if name not in left_out and name not in lan_addresses.SAME_PC]
    return Standing(
        enabled=settings.lan.enabled,
        front=settings.lan.front,
        port=settings.lan.port,
        addresses=tuple(address_of(name, settings.lan.port) for name in usable),
        state=probe(settings) if knock and settings.lan.enabled else DoorState.CLOSED,
        fingerprint=authority.fingerprint if authority else "",
        root_ends=authority.not_after if authority else None,
        server=lan_authority.server(settings),
        not_covered=left_out,
    )


def address_of(name: str, port: int) -> str:
    """What is typed into a browser for one of this machine's names."""
    host = f"[{name}]" if ":" in name else name
    return f"https://{host}/" if port == 443 else f"https://{host}:{port}/"


def probe(settings: Settings) -> DoorState:
    """Knocks: a TLS handshake with the door, believing this office's root alone."""
    host = "127.0.0.1" if settings.lan.host in ("0.0.0.0", "::") else settings.lan.host  # noqa: S104
    from commune_portal.wire import lan_authority

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(settings.tls_folder / lan_authority.ROOT_FILE)
        with (
            socket.create_connection((host, settings.lan.port), PROBE_SECONDS) as knocking,
            context.wrap_socket(knocking, server_hostname=host),
        ):
            return DoorState.OPEN
    except ssl.SSLError:
        return DoorState.STRANGE
    except OSError:
        return DoorState.CLOSED


def check(patient: Patient) -> list[Row]:
    """Row `lan`; none where only this PC is served. How long its certificate lasts is the row `tls`."""
    settings = patient.settings
    if not settings.lan.enabled:
        return []
    found = standing(settings)
    if found.server is None or found.root_ends is None:
        mend = "Chạy «commune-portal lan enable» rồi khởi động lại."
        return [Row("lan", Level.FAIL, "Chưa có chứng thư cho mạng nội bộ", WHY, mend)]
    if found.state is not DoorState.OPEN:
        what = f"Cửa https cổng {found.port}: {found.state.label.lower()}"
        return [Row("lan", Level.FAIL, what, WHY, MEND_OPEN)]
    if found.not_covered:
        what = f"Chứng thư không dùng được cho: {', '.join(found.not_covered)}"
        mend = "Nếu cần dùng các tên này: «commune-portal lan renew --new-root», rồi cài lại chứng thư gốc ở từng máy."
        return [Row("lan", Level.WARN, what, WHY, mend)]
    if (found.root_ends - clock.now()).days < AUTHORITY_WARN_DAYS:
        what = f"Chứng thư gốc hết hạn ngày {clock.civil(found.root_ends):%d/%m/%Y}"
        mend = "Chạy «commune-portal lan renew --new-root», rồi cài chứng thư gốc mới ở từng máy."
        return [Row("lan", Level.WARN, what, WHY, mend)]
    return [told("lan", f"Máy khác vào được ở {', '.join(found.addresses)}", WHY)]
