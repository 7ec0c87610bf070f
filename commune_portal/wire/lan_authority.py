"""The office's own certificate authority for its LAN door, and the server certificate that it issues.

The authority may speak only for private addresses, local names and the names that were chosen when it was made, and
only for web servers: whoever steals it cannot pose as a bank to the PCs that trust it. See
docs/decisions/0007-tls-on-the-lan.md. Source: RFC 5280, 4.2.1.10 (name constraints).
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from commune_portal import clock
from commune_portal.errors import RuleBroken, StoreRefused
from commune_portal.settings import Settings
from commune_portal.store import files
from commune_portal.wire import lan_addresses
from commune_portal.wire.lan_addresses import is_address

AUTHORITY_FILE = "authority.pem"
SERVER_FILE = "server/server.pem"
FRONT_FILE = "server/front.key"
ROOT_FILE = "root.pem"

AUTHORITY_LIFE = timedelta(days=3652)
SERVER_LIFE = timedelta(days=397)
RENEW_BEFORE_END = timedelta(days=30)
BACKDATED = timedelta(days=1)
"""The clocks of an office's PCs differ; a certificate of this morning must hold on the one that is behind."""

LOCAL_SUFFIXES = ("local", "lan", "internal", "home.arpa")
PRIVATE_RANGES = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8",
    "fc00::/7", "fe80::/10", "::1/128",
)  # fmt: skip

_KEY_FORM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What the certificate of the door says; `issuer_key` names the root's key it was issued with."""

    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    issuer_key: bytes

    def is_due(self, now: datetime) -> bool:
        """True from thirty days before its end, and while the clock stands before its beginning."""
        return now >= self.not_after - RENEW_BEFORE_END or now < self.not_before


@dataclass(frozen=True, slots=True, repr=False)
class Root:
    """The root without its key: what other PCs are given, and all that a page needs."""

    certificate: x509.Certificate

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fingerprint[:14]}…)"

    @property
    def pem(self) -> bytes:
        """The root as text, for Linux and Firefox."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The root as Windows opens it on a double click."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def fingerprint(self) -> str:
        """The root's SHA-256 as browsers show it: pairs of digits with colons."""
        return _pairs(self.der)

    @property
    def not_after(self) -> datetime:
        """When every PC would have to trust a new root."""
        return self.certificate.not_valid_after_utc

    def permits(self, name: str) -> bool:
        """True when the root may speak for this host name or address."""
        allowed = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
        if is_address(name):
            address = ipaddress.ip_address(name)
            ranges = [
                ipaddress.ip_network(str(item.value)) for item in allowed or () if isinstance(item, x509.IPAddress)
            ]
            return any(address in item for item in ranges)
        hosts = [item.value for item in allowed or () if isinstance(item, x509.DNSName)]
        return any(name == host or name.endswith(f".{host}") for host in hosts)


@dataclass(frozen=True, slots=True, repr=False)
class LanAuthority(Root):
    """The root and its key."""

    key: ec.EllipticCurvePrivateKey

    @property
    def key_identifier(self) -> bytes:
        """What a certificate of this root names as its issuer's key."""
        return _identifier(self.key.public_key()).digest

    def issue(self, names: Iterable[str]) -> bytes:
        """A new key and a certificate of it for these names, as one PEM text."""
        now = clock.now()
        key = ec.generate_private_key(ec.SECP256R1())
        ends = min(now - BACKDATED + SERVER_LIFE, self.not_after)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_subject("Cổng văn bản, máy chủ"))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(ends)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_identifier(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier(self.key_identifier, None, None), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return key.private_bytes(*_KEY_FORM) + certificate.public_bytes(Encoding.PEM)


def found(settings: Settings, label: str, names: Iterable[str]) -> LanAuthority:
    """Makes the root (EC P-256, ten years) and its key; raises StoreRefused where there is one already."""
    folder = settings.lan_folder
    if (folder / AUTHORITY_FILE).exists():
        raise StoreRefused("Đã có chứng thư gốc của mạng nội bộ; không tạo đè. Muốn thay, dùng «lan renew --new-root».")
    _make_folders(settings)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"Gốc mạng nội bộ – {label}"[:64])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now - BACKDATED + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(_permitted(names), None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_identifier(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    made = LanAuthority(certificate, key)
    files.write_durably(folder / AUTHORITY_FILE, key.private_bytes(*_KEY_FORM) + made.pem)
    _show_root(settings, made)
    return made


def retire(settings: Settings) -> None:
    """Puts the root aside under its serial number, so that `found` can make another; its certificates end with it."""
    old = load(settings)
    if old is not None:
        path = settings.lan_folder / AUTHORITY_FILE
        path.rename(path.with_name(f"retired-{old.certificate.serial_number:x}.pem"))


def load(settings: Settings) -> LanAuthority | None:
    """The root and its key, or None where the door was never opened; raises StoreRefused for a damaged file."""
    path = settings.lan_folder / AUTHORITY_FILE
    try:
        data = path.read_bytes()
        key = load_pem_private_key(data, None)
        certificate = x509.load_pem_x509_certificate(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreRefused(
            f"Không đọc được khóa chứng thư gốc của mạng nội bộ tại {path}. Nếu tệp hỏng, dùng «lan renew --new-root».",
            detail=type(error).__name__,
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StoreRefused(f"Tệp khóa {path} không đúng loại.")
    return LanAuthority(certificate, key)


def root(settings: Settings) -> Root | None:
    """The root as others are given it, or None where the door was never opened."""
    try:
        return Root(x509.load_pem_x509_certificate((settings.tls_folder / ROOT_FILE).read_bytes()))
    except (OSError, ValueError):
        return None


def required(settings: Settings) -> LanAuthority:
    """As `load`, where a door without a root is an error; raises RuleBroken."""
    authority = load(settings)
    if authority is None:
        raise RuleBroken("Chưa có chứng thư của mạng nội bộ. Hãy chạy «commune-portal lan enable» trước.")
    return authority


def server(settings: Settings) -> ServerCertificate | None:
    """What the door shows now, or None where there is no certificate that can be read."""
    try:
        found_ = x509.load_pem_x509_certificate(server_path(settings).read_bytes())
        extensions = found_.extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except (OSError, ValueError, x509.ExtensionNotFound):
        return None
    return ServerCertificate(
        tuple(str(item.value) for item in names), found_.not_valid_before_utc, found_.not_valid_after_utc, issuer or b""
    )


def server_path(settings: Settings) -> Path:
    """Key and certificate of the door in one file, so that they are always replaced together."""
    return settings.lan_folder / SERVER_FILE


def renew(settings: Settings) -> tuple[str, ...]:
    """Issues a new server certificate for what this machine is called now; answers the names left out.

    Left out is what the root may not speak for: an address or name of elsewhere that came after the root was made.
    """
    authority = required(settings)
    wanted = lan_addresses.wanted_names(settings)
    allowed = [name for name in wanted if authority.permits(name)]
    _make_folders(settings)
    _show_root(settings, authority)
    files.write_durably(server_path(settings), authority.issue(allowed))
    return tuple(name for name in wanted if name not in allowed)


def keep(settings: Settings) -> bool:
    """Renews when there is a reason: near the end, no certificate, another root, a new address. True when it did.

    An address that is gone is no reason: a PC that starts without its cable would lose its name each time.
    """
    authority = required(settings)
    shown = server(settings)
    if shown is not None and shown.issuer_key == authority.key_identifier and not shown.is_due(clock.now()):
        wanted = lan_addresses.wanted_names(settings)
        if all(name in shown.names or not authority.permits(name) for name in wanted):
            return False
    renew(settings)
    return True


def front_secret(settings: Settings) -> str:
    """The word by which the portal knows requests that came through the proxy; made at first use."""
    path = settings.lan_folder / FRONT_FILE
    if not path.exists():
        _make_folders(settings)
        files.write_durably(path, secrets.token_hex(32).encode())
    return path.read_text(encoding="ascii").strip()


def _show_root(settings: Settings, authority: LanAuthority) -> None:
    """Puts the root without its key where others may read it; a power cut may have come between the two files."""
    path = settings.tls_folder / ROOT_FILE
    if not path.is_file() or path.read_bytes() != authority.pem:
        files.write_durably(path, authority.pem, mode=0o644)


def _make_folders(settings: Settings) -> None:
    for folder in (settings.secrets_folder, settings.lan_folder, server_path(settings).parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix":
            folder.chmod(0o700)
    settings.tls_folder.mkdir(mode=0o755, parents=True, exist_ok=True)


def _permitted(names: Iterable[str]) -> list[x509.GeneralName]:
    """Everything local, and beyond that exactly what was named."""
    ranges = [ipaddress.ip_network(item) for item in PRIVATE_RANGES]
    hosts = dict.fromkeys(["localhost", *LOCAL_SUFFIXES])
    for name in names:
        if not is_address(name):
            hosts[name] = None
        elif not any(ipaddress.ip_address(name) in item for item in ranges):
            ranges.append(ipaddress.ip_network(name))
    return [*(x509.DNSName(host) for host in hosts), *(x509.IPAddress(item) for item in ranges)]


def _general(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(name)) if is_address(name) else x509.DNSName(name)


def _subject(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates, key_cert_sign=sign_certificates, crl_sign=sign_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _identifier(key: ec.EllipticCurvePublicKey) -> x509.SubjectKeyIdentifier:
    raw = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return x509.SubjectKeyIdentifier(hashlib.sha256(raw).digest()[:20])


def _pairs(data: bytes) -> str:
    digits = hashlib.sha256(data).hexdigest().upper()
    return ":".join(digits[start : start + 2] for start in range(0, len(digits), 2))
