"""What a signing key and its certificate are, whoever holds them: a token, a trial folder, a far machine.

Nothing here speaks PKCS#11 or PDF; certificates are read with `cryptography` alone, so these values may cross
storeys and process borders.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from commune_portal import clock
from commune_portal.errors import Malformed, TokenCertificateExpired, TokenHasNoUsableCertificate

if TYPE_CHECKING:
    from cryptography import x509

TRIAL_MARK = "CHỨNG THƯ THỬ NGHIỆM – KHÔNG CÓ GIÁ TRỊ PHÁP LÝ"


class Algorithm(StrEnum):
    """How the bytes are signed; always with SHA-256."""

    RSA_PKCS1V15 = "rsa-pkcs1v15"
    RSA_PSS = "rsa-pss"
    ECDSA = "ecdsa"


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """A certificate as people and registers need it; instants are aware UTC, `sha256` is of the DER bytes."""

    sha256: str
    subject: str
    common_name: str
    organisation: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    key_type: str

    @property
    def trial(self) -> bool:
        """True when subject or issuer says that this is a trial without legal value."""
        return TRIAL_MARK in self.subject or TRIAL_MARK in self.issuer

    def to_json(self) -> dict[str, Any]:
        """A plain dict for pipes and columns."""
        instants = {"not_before": clock.to_text(self.not_before), "not_after": clock.to_text(self.not_after)}
        return asdict(self) | instants

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CertificateInfo:
        """Reads what `to_json` wrote."""
        instants = {name: clock.from_text(value[name]) for name in ("not_before", "not_after")}
        return cls(**(value | instants))


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """One token that is plugged in; the flags are those that its driver reported a moment ago."""

    serial: str
    label: str
    manufacturer: str
    model: str
    pin_low: bool
    pin_final: bool
    pin_locked: bool
    certificates: tuple[CertificateInfo, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dict for pipes and columns."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "certificates"}
        return plain | {"certificates": [item.to_json() for item in self.certificates]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TokenInfo:
        """Reads what `to_json` wrote."""
        return cls(**(value | {"certificates": tuple(map(CertificateInfo.from_json, value["certificates"]))}))


class Key(Protocol):
    """Something that signs: a token that was opened with its PIN, a trial key, later a key on a far machine."""

    @property
    def certificate_der(self) -> bytes:
        """The signer's certificate."""

    @property
    def chain_der(self) -> tuple[bytes, ...]:
        """The certificates above it, as far as they are known; roots may be among them."""

    @property
    def algorithm(self) -> Algorithm:
        """What `sign` does."""

    @property
    def token_serial(self) -> str:
        """The token's serial number, for the log that the law wants; a trial key answers «TRIAL»."""

    def sign(self, data: bytes) -> bytes:
        """Signs `data` (SHA-256 inside); ECDSA answers a DER sequence."""


def load(der: bytes) -> x509.Certificate:
    """Reads a DER certificate; raises Malformed."""
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise Malformed("Chứng thư số không đọc được.", detail=type(error).__name__) from error


def describe(der: bytes) -> CertificateInfo:
    """What a certificate says about its holder, its issuer and its term; raises Malformed."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import NameOID

    certificate = load(der)
    try:
        public_key: object = certificate.public_key()
    except ValueError:
        public_key = None
    if isinstance(public_key, rsa.RSAPublicKey):
        key_type = f"RSA-{public_key.key_size}"
    elif isinstance(public_key, ec.EllipticCurvePublicKey):
        key_type = f"EC-{public_key.key_size}"
    else:
        key_type = "?"

    def first(oid: x509.ObjectIdentifier) -> str:
        values = certificate.subject.get_attributes_for_oid(oid)
        return str(values[0].value) if values else ""

    names = {NameOID.TITLE: "T", NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier"}
    return CertificateInfo(
        sha256=hashlib.sha256(der).hexdigest(),
        subject=certificate.subject.rfc4514_string(names),
        common_name=first(NameOID.COMMON_NAME),
        organisation=first(NameOID.ORGANIZATION_NAME),
        issuer=certificate.issuer.rfc4514_string(names),
        serial=f"{certificate.serial_number:X}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key_type=key_type,
    )


def is_authority(der: bytes) -> bool:
    """True for a CA certificate: tokens often carry those of their provider too."""
    from cryptography import x509

    try:
        return load(der).extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def require_usable(der: bytes, at: datetime) -> None:
    """Refuses a certificate that may not sign at that instant: term, key usage, kind of key.

    pyHanko itself signs with an expired certificate without complaint, so this is asked before the PIN is.
    """
    from cryptography import x509

    info = describe(der)
    if not info.not_before <= at <= info.not_after:
        raise TokenCertificateExpired(
            f"Chứng thư số của {info.common_name or info.subject} chỉ có hiệu lực từ "
            f"{clock.civil(info.not_before):%d/%m/%Y} đến {clock.civil(info.not_after):%d/%m/%Y}. "
            "Hãy liên hệ đơn vị cấp để gia hạn."
        )
    if info.key_type == "?":
        raise TokenHasNoUsableCertificate("Loại khóa của chứng thư số chưa được hỗ trợ (chỉ RSA và EC).")
    if is_authority(der):
        raise TokenHasNoUsableCertificate("Đây là chứng thư của cơ quan chứng thực, không dùng để ký văn bản.")
    try:
        usage = load(der).extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return
    if not (usage.digital_signature or usage.content_commitment):
        raise TokenHasNoUsableCertificate("Chứng thư số này không được cấp để ký (thiếu mục đích «chữ ký số»).")


def matches(der: bytes, algorithm: Algorithm, data: bytes, signature: bytes) -> bool:
    """True when `signature` over `data` was made by the key of this certificate."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    key = load(der).public_key()
    digest = hashes.SHA256()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm is Algorithm.ECDSA:
            key.verify(signature, data, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey) and algorithm is Algorithm.RSA_PKCS1V15:
            key.verify(signature, data, padding.PKCS1v15(), digest)
        elif isinstance(key, rsa.RSAPublicKey) and algorithm is Algorithm.RSA_PSS:
            key.verify(signature, data, padding.PSS(padding.MGF1(digest), 32), digest)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def algorithm_for(der: bytes, padding: str) -> Algorithm:
    """The algorithm for a certificate's key under the setting `token.padding`."""
    if describe(der).key_type.startswith("EC"):
        return Algorithm.ECDSA
    return Algorithm.RSA_PSS if padding == "pss" else Algorithm.RSA_PKCS1V15


def chain_among(der: bytes, candidates: list[bytes]) -> tuple[bytes, ...]:
    """Those candidates that stand above a certificate, nearest first; by names, nothing is trusted by this."""
    chain: list[bytes] = []
    current = load(der)
    pool = {load(item).subject.public_bytes(): item for item in candidates}
    while current.issuer != current.subject and len(chain) < 8:
        above = pool.pop(current.issuer.public_bytes(), None)
        if above is None:
            break
        chain.append(above)
        current = load(above)
    return tuple(chain)
