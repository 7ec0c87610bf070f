"""Software keys for demonstrations where no SoftHSM2 is installed; refused where a real module is configured.

Their certificates say in subject and issuer that they have no legal value, every signature says so in its reason
and its picture, and no trust list accepts them unless the trial is allowed there too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal import clock, errors
from commune_portal.settings import Token
from commune_portal.signing import keys
from commune_portal.signing.authority import (
    Authority,
    Holder,
    certificate_pem,
    key_pem,
    private_folder,
    write_private,
)
from commune_portal.signing.keys import TRIAL_MARK, Algorithm, TokenInfo

if TYPE_CHECKING:
    from commune_portal.signing.authority import PrivateKey

TRIAL_SERIAL = "TRIAL"


def root(folder: Path) -> Authority:
    """The trial root kept in a folder, made at the first call."""
    if not (folder / "root.key.pem").exists():
        Authority.create(TRIAL_MARK).save(folder)
    return Authority.load(folder)


def create(folder: Path, holders: list[Holder], authority: Authority) -> tuple[keys.CertificateInfo, ...]:
    """Makes a key and a trial certificate for each holder in a folder (0700); answers what was issued."""
    private_folder(folder)
    issued = []
    for holder in holders:
        marked = Holder(
            common_name=holder.common_name,
            organisation=holder.organisation,
            organisation_code=holder.organisation_code,
            # A subject has room for the mark in its title; CN and O stay what the screens compare with.
            post=TRIAL_MARK,
            key_type=holder.key_type,
        )
        key, der = authority.issue(marked)
        info = keys.describe(der)
        write_private(folder / f"{info.sha256}.key.pem", key_pem(key))
        (folder / f"{info.sha256}.pem").write_bytes(certificate_pem(der) + certificate_pem(authority.certificate_der))
        issued.append(info)
    return tuple(issued)


def require_allowed(token: Token) -> None:
    """Refuses trial keys unless the settings allow them and name no real module."""
    if token.module:
        raise errors.TokenUnavailable("Đã khai báo thiết bị ký số thật nên không dùng được khóa thử nghiệm.")
    if not token.trial:
        raise errors.TokenMissing("Chưa khai báo thiết bị ký số. Hãy báo người quản trị đặt mục token.module.")


def list_tokens(token: Token, folder: Path) -> tuple[TokenInfo, ...]:
    """The trial folder as if it were one token."""
    require_allowed(token)
    found = [keys.describe(_read_chain(path)[0]) for path in sorted(folder.glob("*.pem")) if _is_certificate(path)]
    return (TokenInfo(TRIAL_SERIAL, "Khóa thử nghiệm", "commune_portal", "trial", False, False, False, tuple(found)),)


def _is_certificate(path: Path) -> bool:
    return not path.name.endswith(".key.pem") and path.name != "root.pem"


def _read_chain(path: Path) -> list[bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    certificates = x509.load_pem_x509_certificates(path.read_bytes())
    return [item.public_bytes(serialization.Encoding.DER) for item in certificates]


class TrialKey:
    """A `Key` in memory; what it signs is worthless in law and says so."""

    token_serial = TRIAL_SERIAL

    def __init__(self, private_key: PrivateKey, chain: list[bytes], padding: str) -> None:
        self.certificate_der = chain[0]
        self.chain_der = tuple(chain[1:])
        self.algorithm = keys.algorithm_for(chain[0], padding)
        self._private_key = private_key

    def sign(self, data: bytes) -> bytes:
        """Signs in memory."""
        return sign_in_memory(self._private_key, self.algorithm, data)


def sign_in_memory(private_key: PrivateKey, algorithm: Algorithm, data: bytes) -> bytes:
    """Signs with a software key as a token would."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    digest = hashes.SHA256()
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        return private_key.sign(data, ec.ECDSA(digest))
    if algorithm is Algorithm.RSA_PSS:
        return private_key.sign(data, padding.PSS(padding.MGF1(digest), 32), digest)
    return private_key.sign(data, padding.PKCS1v15(), digest)


@contextmanager
def open_key(token: Token, folder: Path, certificate_sha256: str, *, at: datetime | None = None) -> Iterator[TrialKey]:
    """Opens a trial key; any PIN would do, so none is asked for here."""
    from cryptography.hazmat.primitives import serialization

    require_allowed(token)
    name = Path(certificate_sha256).name
    try:
        chain = _read_chain(folder / f"{name}.pem")
        private_key = serialization.load_pem_private_key((folder / f"{name}.key.pem").read_bytes(), None)
    except (OSError, ValueError) as error:
        raise errors.TokenHasNoUsableCertificate(detail=type(error).__name__) from error
    keys.require_usable(chain[0], at or clock.now())
    yield TrialKey(private_key, chain, token.padding)  # type: ignore[arg-type]  # only keys of new_key are saved
