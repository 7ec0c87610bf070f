"""Which roots this office trusts: a folder of certificates that the administrator fills, nothing from the system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal.signing import keys

if TYPE_CHECKING:
    from cryptography import x509

CERTIFICATE_ENDINGS = (".pem", ".crt", ".cer", ".der")
REVOCATION_ENDINGS = (".crl",)


@dataclass(frozen=True, slots=True)
class TrustStore:
    """Roots, the certificates between roots and signers, and revocation lists that were brought along; all DER.

    `unreadable` names files that are none of these, for the health page.
    """

    roots: tuple[bytes, ...] = ()
    intermediates: tuple[bytes, ...] = ()
    revocation_lists: tuple[bytes, ...] = ()
    unreadable: tuple[str, ...] = ()

    @classmethod
    def load(cls, folder: Path, *, trial_allowed: bool = False) -> TrustStore:
        """Reads a folder; a trial root in it counts only where the trial is allowed. No folder: nothing is trusted."""
        roots: list[bytes] = []
        intermediates: list[bytes] = []
        lists: list[bytes] = []
        unreadable: list[str] = []
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            try:
                if path.suffix.lower() in REVOCATION_ENDINGS:
                    lists.append(_revocation_list(path.read_bytes()))
                elif path.suffix.lower() in CERTIFICATE_ENDINGS:
                    for certificate in _certificates(path.read_bytes()):
                        der = _der(certificate)
                        if keys.describe(der).trial and not trial_allowed:
                            continue
                        (roots if certificate.issuer == certificate.subject else intermediates).append(der)
            except (OSError, ValueError):
                unreadable.append(path.name)
        return cls(tuple(roots), tuple(intermediates), tuple(lists), tuple(unreadable))


def _certificates(content: bytes) -> list[x509.Certificate]:
    from cryptography import x509

    if b"-----BEGIN" in content:
        return x509.load_pem_x509_certificates(content)
    return [x509.load_der_x509_certificate(content)]


def _revocation_list(content: bytes) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    is_pem = b"-----BEGIN" in content
    found = x509.load_pem_x509_crl(content) if is_pem else x509.load_der_x509_crl(content)
    return found.public_bytes(serialization.Encoding.DER)


def _der(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.DER)
