"""What other computers may call this one: the addresses of its network cards, its name, and names that were chosen."""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
import sys
from collections.abc import Iterable

from commune_portal.errors import SettingsWrong
from commune_portal.settings import Settings

SAME_PC = ("localhost", "127.0.0.1")
DOOR_ADDRESS = "127.0.0.2"
"""Where the TLS door connects from. Browsers of this PC come from 127.0.0.1, so the two are never mistaken."""

PLAIN_SENTENCE = (
    "Cổng này chỉ nhận kết nối an toàn. Hãy gõ lại địa chỉ, bắt đầu bằng https:// thay vì http://, rồi nhấn Enter.\n"
)

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_SIOCGIFADDR = 0x8915


def normal(name: str) -> str:
    """A host name or literal address as certificates and Host headers spell it; raises SettingsWrong."""
    bare = name.strip().lower().strip("[]").rstrip(".")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    labels = bare.split(".")
    if len(bare) > 253 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise SettingsWrong(
            f"«{name}» không phải tên máy hay địa chỉ IP. Chỉ dùng chữ không dấu, số, dấu gạch nối và dấu chấm.",
            field="lan.names",
        )
    return bare


def is_address(name: str) -> bool:
    """True for a literal IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def machine_addresses() -> tuple[str, ...]:
    """The IPv4 addresses of this machine that others can reach, in order; none without a network."""
    found = _of_cards() if sys.platform == "linux" else _of_name()
    kept = {address for address in found if not _is_useless(address)}
    return tuple(sorted(kept, key=lambda address: tuple(int(part) for part in address.split("."))))


def machine_name() -> str | None:
    """This machine's own name, where it is one that can be called."""
    try:
        name = normal(socket.gethostname().partition(".")[0])
    except SettingsWrong:
        return None
    return None if is_address(name) or name == "localhost" else name


def wanted_names(settings: Settings) -> tuple[str, ...]:
    """What the certificate should cover: the chosen names, the machine's own and its addresses, and this same PC."""
    named = [normal(name) for name in settings.lan.names]
    bound = [] if settings.lan.host in ("0.0.0.0", "::") else [normal(settings.lan.host)]  # noqa: S104
    own = machine_name()
    return _once([*named, *bound, *([own] if own else []), *machine_addresses(), *SAME_PC])


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _is_useless(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return found.is_loopback or found.is_unspecified or found.is_multicast or found.is_link_local


def _of_cards() -> list[str]:
    """Linux: the address of each card; a machine's name often resolves to loopback alone there."""
    import fcntl

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, card in socket.if_nameindex():
            request = struct.pack("256s", card.encode()[:15])
            try:
                answer = fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue  # a card without an address
            found.append(socket.inet_ntoa(answer[20:24]))
    return found


def _of_name() -> list[str]:
    """Windows: what its own name stands for, which is every card."""
    try:
        answers = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except OSError:
        return []
    return [str(answer[4][0]) for answer in answers]
