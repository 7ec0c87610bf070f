"""A small certificate authority for demonstrations, rehearsals and tests; never for an office's real signatures.

Subjects are Vietnamese and built as those of the Government's certificates are: the person or organisation in CN,
the organisation in O with its code in `organizationIdentifier`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from commune_portal import clock
from commune_portal.errors import Malformed

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

KeyType = Literal["rsa-2048", "rsa-3072", "ec-256"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who gets a certificate: a leader (with a post) or an organisation (without)."""

    common_name: str
    organisation: str
    organisation_code: str = ""
    post: str = ""
    key_type: KeyType = "rsa-2048"


def new_key(key_type: KeyType) -> PrivateKey:
    """Makes a private key in memory."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if key_type == "ec-256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(key_type.removeprefix("rsa-")))


def _name(common_name: str, organisation: str = "", code: str = "", post: str = "") -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")]
    if organisation:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    if code:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, code))
    if post:
        parts.append(x509.NameAttribute(NameOID.TITLE, post))
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass(frozen=True, slots=True)
class Authority:
    """A root with its key; issues certificates for signing."""

    key: PrivateKey
    certificate: x509.Certificate

    @property
    def certificate_der(self) -> bytes:
        """The root as DER."""
        return _der(self.certificate)

    @classmethod
    def create(cls, common_name: str, *, key_type: KeyType = "rsa-2048", not_before: datetime | None = None,
               years: int = 15) -> Authority:  # fmt: skip
        """Makes a new root."""
        from cryptography import x509

        key = new_key(key_type)
        name = _name(common_name, "commune_portal")
        start = not_before or clock.now() - timedelta(days=800)
        builder = _builder(name, name, key, start, start + timedelta(days=365 * years), authority=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = builder.add_extension(identifier, critical=False).sign(key, _sha256())
        return cls(key, certificate)

    @classmethod
    def load(cls, folder: Path) -> Authority:
        """Reads what `save` wrote; raises Malformed."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        try:
            key = serialization.load_pem_private_key((folder / "root.key.pem").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate((folder / "root.pem").read_bytes())
        except (OSError, ValueError) as error:
            raise Malformed("Không đọc được bộ chứng thư thử nghiệm.", detail=type(error).__name__) from error
        return cls(key, certificate)  # type: ignore[arg-type]  # only keys of new_key are ever saved

    def save(self, folder: Path) -> None:
        """Writes root and key into a folder that only its owner may read."""
        private_folder(folder)
        write_private(folder / "root.key.pem", key_pem(self.key))
        (folder / "root.pem").write_bytes(certificate_pem(self.certificate_der))

    def issue(
        self,
        holder: Holder,
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        may_sign: bool = True,
    ) -> tuple[PrivateKey, bytes]:
        """A new key and its DER certificate; the term starts two years ago, so that a past year can be signed."""
        from cryptography import x509

        key = new_key(holder.key_type)
        name = _name(holder.common_name, holder.organisation, holder.organisation_code, holder.post)
        start = not_before or clock.now() - timedelta(days=730)
        end = not_after or clock.now() + timedelta(days=365 * 3)
        builder = _builder(name, self.certificate.subject, key, start, end, authority=False, may_sign=may_sign)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(identifier, critical=False).add_extension(above, critical=False)
        return key, _der(builder.sign(self.key, _sha256()))

    def revoke(self, certificate_der: bytes, at: datetime) -> bytes:
        """A DER revocation list that names one certificate, valid for a month from that instant."""
        return self.revocation_list([certificate_der], at)

    def revocation_list(self, revoked_ders: list[bytes], at: datetime) -> bytes:
        """A DER revocation list, valid for a month from that instant."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(at).next_update(at + timedelta(days=30))
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(above, critical=False).add_extension(x509.CRLNumber(1), critical=False)
        for der in revoked_ders:
            serial = x509.load_der_x509_certificate(der).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.key, _sha256()).public_bytes(serialization.Encoding.DER)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    start: datetime,
    end: datetime,
    *,
    authority: bool,
    may_sign: bool = True,
) -> x509.CertificateBuilder:
    """What every certificate here has in common."""
    from cryptography import x509

    usage = x509.KeyUsage(
        digital_signature=may_sign and not authority, content_commitment=may_sign and not authority,
        key_encipherment=not may_sign, data_encipherment=False, key_agreement=False,
        key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )


def _sha256() -> hashes.SHA256:
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()


def _der(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.DER)


def certificate_pem(der: bytes) -> bytes:
    """A DER certificate as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def key_pem(key: PrivateKey) -> bytes:
    """A private key as unencrypted PKCS#8 PEM; only for keys without legal value."""
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def private_folder(folder: Path) -> None:
    """Makes a folder that only its owner may enter."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner may read, from its first byte on."""
    path.touch(mode=0o600)
    path.write_bytes(content)
