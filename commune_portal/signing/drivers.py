"""Drivers of signing tokens: where the usual ones lie on a disk, and whether one loads here.

A driver is loaded in the workshop's child process alone: one that crashes or hangs takes only the child down.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from commune_portal.errors import PortalError
from commune_portal.settings import Settings, Token
from commune_portal.signing import softhsm
from commune_portal.signing.keys import TokenInfo
from commune_portal.signing.workshop import Workshop

TRIAL_SECONDS = 30.0

_SYSTEM32 = "C:/Windows/System32/"

# Only the names marked "documented" stand in public documentation of their makers; the others are recalled from
# providers' installers and unverified. A name that is wrong costs nothing: what is not on the disk is not offered.
_WINDOWS = (
    ("VGCA (Ban Cơ yếu Chính phủ) – Bit4id", _SYSTEM32 + "bit4xpki.dll"),  # read in public code
    ("VGCA – SafeNet eToken", _SYSTEM32 + "eTPKCS11.dll"),  # documented by SafeNet
    ("VGCA – SafeNet eToken", "C:/Program Files/SafeNet/Authentication/SAC/x64/IDPrimePKCS1164.dll"),  # unverified
    ("VGCA – Gemalto IDPrime", _SYSTEM32 + "IDPrimePKCS11.dll"),  # read in public code
    ("VGCA – SafeNet iKey, ST3", _SYSTEM32 + "st3csp11.dll"),  # unverified
    ("VGCA – GCA-01", _SYSTEM32 + "gca01_csp11_v1.dll"),  # unverified
    ("VNPT-CA", _SYSTEM32 + "vnptca_p11_v8.dll"),  # unverified
    ("VNPT-CA", _SYSTEM32 + "vnpt-ca_csp11_v8.dll"),  # unverified
    ("Viettel-CA", _SYSTEM32 + "viettel-ca_v6.dll"),  # unverified
    ("Viettel-CA", _SYSTEM32 + "viettel-ca_v5.dll"),  # unverified
    ("BKAV-CA", _SYSTEM32 + "BkavCAv2S.dll"),  # unverified
    ("BKAV-CA", _SYSTEM32 + "bkavca.dll"),  # unverified
    ("FPT-CA", _SYSTEM32 + "fptca_v3.dll"),  # unverified
    ("CA2 (Nacencomm)", _SYSTEM32 + "nca_v6.dll"),  # unverified
    ("CA2 (Nacencomm)", _SYSTEM32 + "ca2_v34.dll"),  # unverified
    ("NewTel-CA", _SYSTEM32 + "newtel_csp11_v1.dll"),  # unverified
    ("FastCA", _SYSTEM32 + "fastca_v1.dll"),  # unverified
    ("SmartSign", _SYSTEM32 + "smartsign_csp11_v1.dll"),  # unverified
    ("Feitian ePass2003", _SYSTEM32 + "eps2003csp11.dll"),  # documented by Feitian
    ("Longmai mToken", _SYSTEM32 + "ShuttleCsp11_3003.dll"),  # unverified
    ("WatchData ProxKey", _SYSTEM32 + "Watchdata/PROXKey CSP India V3.0/wdpkcs.dll"),  # unverified
    ("OpenSC", "C:/Program Files/OpenSC Project/OpenSC/pkcs11/opensc-pkcs11.dll"),  # documented by OpenSC
    ("SoftHSM2 (mô phỏng)", "C:/SoftHSM2/lib/softhsm2-x64.dll"),  # documented by SoftHSM2's Windows build
)
_LINUX = (
    ("VGCA – Bit4id", "/usr/lib/bit4id/libbit4xpki.so"),  # folder unverified
    ("VGCA – Bit4id", "/usr/lib*/libbit4xpki.so"),  # folder unverified
    ("SafeNet eToken", "/usr/lib*/libeTPkcs11.so"),  # documented by SafeNet
    ("Gemalto IDPrime", "/usr/lib*/libIDPrimePKCS11.so"),  # documented by Thales
    ("Feitian ePass2003", "/usr/lib*/libcastle*.so*"),  # documented by Feitian, folder unverified
    ("VNPT-CA", "/usr/lib*/libvnptca_p11_v8.so"),  # unverified
    ("Viettel-CA", "/usr/lib*/viettel-ca_v6.so"),  # unverified
    ("Longmai mToken", "/usr/lib*/libshuttle_p11v220.so*"),  # unverified
    ("WatchData ProxKey", "/usr/lib/WatchData/ProxKey/lib/libwdpkcs_SignatureP11.so"),  # unverified
    ("OpenSC", "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"),  # Debian's package
    ("OpenSC", "/usr/lib*/opensc-pkcs11.so"),  # other distributions
    *(("SoftHSM2 (mô phỏng)", path) for path in softhsm.CANDIDATES if path.startswith("/")),
)


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver that lies on this computer's disk."""

    name: str
    path: str

    @property
    def is_general(self) -> bool:
        """True for drivers that are there without any token of a provider."""
        return self.name.startswith(("OpenSC", "SoftHSM2"))


@dataclass(frozen=True, slots=True)
class Trial:
    """What loading a driver showed: whether it speaks PKCS#11, in words, and the tokens that were plugged in."""

    works: bool
    words: str
    tokens: tuple[TokenInfo, ...] = ()


def present(*, windows: bool = sys.platform == "win32") -> tuple[Driver, ...]:
    """The known drivers that this computer has, each file once."""
    found: dict[str, Driver] = {}
    for name, pattern in _WINDOWS if windows else _LINUX:
        anchor = Path(pattern).anchor or "."
        for path in sorted(Path(anchor).glob(str(Path(pattern).relative_to(anchor)))):
            found.setdefault(str(path.resolve()), Driver(name, str(path)))
    return tuple(found.values())


def attempt(settings: Settings, path: str) -> Trial:
    """Loads a driver in a child process and lists what is plugged in; a failure is an answer, not an exception."""
    if not Path(path).is_file():
        return Trial(False, f"Không có tệp {path} trên máy này. Hãy kiểm tra lại đường dẫn.")
    token = Token(module=path, timeout_seconds=TRIAL_SECONDS, softhsm_folder=settings.token.softhsm_folder)
    with Workshop(Settings(folder=settings.folder, token=token)) as bench:
        try:
            tokens = bench.list_tokens()
        except PortalError as error:
            return Trial(False, error.sentence)
    certificates = sum(len(item.certificates) for item in tokens)
    if not tokens:
        return Trial(True, "Trình điều khiển chạy được; chưa thấy thiết bị nào đang cắm.")
    return Trial(True, f"Trình điều khiển chạy được; thấy {len(tokens)} thiết bị, {certificates} chứng thư số.", tokens)
