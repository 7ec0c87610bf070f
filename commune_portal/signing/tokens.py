"""The only speaker of PKCS#11: one lock around every call, one owner, every session closed.

A second session in another thread ends in a segmentation fault (the library initialises without OS locking), and a
login holds for the whole process; so `open_key` keeps the lock from the first call to the last. A PIN is tried once
and never appears in a message. Errors come out as the `TokenUnavailable` family.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commune_portal import clock, errors
from commune_portal.signing import keys
from commune_portal.signing.keys import Algorithm, TokenInfo

_lock = threading.RLock()

WRONG_FINAL = "Mã PIN không đúng; văn bản chưa được ký. CHỈ CÒN MỘT LẦN nhập: sai nữa thiết bị sẽ bị khóa."
WRONG_LENGTH = "Mã PIN có độ dài không hợp lệ với thiết bị này. Văn bản chưa được ký. Hãy nhập lại."
EXPIRED_PIN = "Mã PIN đã hết hạn. Hãy đổi mã PIN bằng phần mềm của đơn vị cấp rồi ký lại."
ASK_FOR_PIN = "Hãy nhập mã PIN của thiết bị ký số."


@dataclass(frozen=True, slots=True)
class _Found:
    """A certificate on a token, before anybody was asked for a PIN."""

    token: Any
    der: bytes
    object_id: bytes
    others: list[bytes]


def _library(module_path: str) -> Any:
    """Loads the module once a process; a file that is no PKCS#11 module raises TokenDriverFailed."""
    import pkcs11

    if not module_path:
        raise errors.TokenDriverFailed("Chưa khai báo trình điều khiển thiết bị ký số (mục token.module).")
    try:
        return pkcs11.lib(str(module_path))
    except (pkcs11.PKCS11Error, OSError, UnicodeError) as error:
        raise errors.TokenDriverFailed(detail=f"{type(error).__name__}: {module_path}") from error


@contextmanager
def _owned(module_path: str) -> Iterator[Any]:
    """The library under the one lock; its errors become ours, and a broken state is initialised anew."""
    import pkcs11

    with _lock:
        library = _library(module_path)
        try:
            yield library
        except pkcs11.PKCS11Error as error:
            answer = _translated(error)
            _start_anew(library)
            raise answer from error
        except (errors.TokenPinWrong, errors.TokenLocked):
            # A failed login leaves a session open that python-pkcs11 cannot name.
            _start_anew(library)
            raise


def _start_anew(library: Any) -> None:
    """Closes every session and logs out: after an error nothing of the old state may serve the next person."""
    import pkcs11

    try:
        library.reinitialize()
    except pkcs11.PKCS11Error:
        # The library is now marked as not initialised; the next `pkcs11.lib` tries again.
        return


def _translated(error: Exception) -> errors.PortalError:
    """Our error for one of python-pkcs11's; its text is left out, only its class goes into the detail."""
    import pkcs11

    detail = type(error).__name__
    if isinstance(error, pkcs11.PinLenRange | pkcs11.PinInvalid):
        return errors.TokenPinWrong(WRONG_LENGTH, detail=detail)
    if isinstance(error, pkcs11.PinIncorrect):
        return errors.TokenPinWrong(detail=detail)
    if isinstance(error, pkcs11.PinLocked):
        return errors.TokenLocked(detail=detail)
    if isinstance(error, pkcs11.PinExpired):
        return errors.TokenUnavailable(EXPIRED_PIN, detail=detail)
    if isinstance(error, pkcs11.NoSuchToken | pkcs11.TokenNotPresent | pkcs11.TokenNotRecognised):
        return errors.TokenMissing(detail=detail)
    if isinstance(error, pkcs11.NoSuchKey | pkcs11.MultipleObjectsReturned | pkcs11.KeyTypeInconsistent):
        return errors.TokenHasNoUsableCertificate(detail=detail)
    gone = (
        pkcs11.DeviceRemoved, pkcs11.DeviceError, pkcs11.ObjectHandleInvalid, pkcs11.KeyHandleInvalid,
        pkcs11.SessionHandleInvalid, pkcs11.SessionClosed, pkcs11.UserAlreadyLoggedIn, pkcs11.UserNotLoggedIn,
        pkcs11.GeneralError, pkcs11.SlotIDInvalid,
    )  # fmt: skip
    if isinstance(error, gone):
        return errors.TokenGone(detail=detail)
    return errors.TokenDriverFailed(detail=detail)


def refresh(module_path: str) -> None:
    """Makes the library look again: a module lists the slots it saw when it was initialised."""
    with _owned(module_path) as library:
        _start_anew(library)


def list_tokens(module_path: str) -> tuple[TokenInfo, ...]:
    """Every token that is plugged in with its certificates; no PIN is needed.

    A token that was pulled and put back leaves the library broken until it is initialised anew, so one failure is
    mended silently: no PIN is involved here.
    """
    try:
        return _listed(module_path)
    except errors.TokenGone:
        return _listed(module_path)


def _listed(module_path: str) -> tuple[TokenInfo, ...]:
    with _owned(module_path) as library:
        return tuple(_described(token) for token in _in_use(library))


def _in_use(library: Any) -> list[Any]:
    """The tokens that are plugged in and set up; SoftHSM always shows a blank one too."""
    from pkcs11 import TokenFlag

    return [token for token in library.get_tokens() if token.flags & TokenFlag.TOKEN_INITIALIZED]


def _described(token: Any) -> TokenInfo:
    """One token's label, flags and end-entity certificates."""
    from pkcs11 import TokenFlag

    ders = [der for der, _ in _certificates(token)]
    return TokenInfo(
        serial=_serial(token),
        label=token.label,
        manufacturer=token.manufacturer_id,
        model=token.model,
        pin_low=bool(token.flags & TokenFlag.USER_PIN_COUNT_LOW),
        pin_final=bool(token.flags & TokenFlag.USER_PIN_FINAL_TRY),
        pin_locked=bool(token.flags & TokenFlag.USER_PIN_LOCKED),
        certificates=tuple(keys.describe(der) for der in ders if not keys.is_authority(der)),
    )


def _serial(token: Any) -> str:
    return bytes(token.serial).decode("ascii", "replace").strip("\0 ")


def _certificates(token: Any) -> list[tuple[bytes, bytes]]:
    """(DER, CKA_ID) of every readable X.509 certificate on a token, in a public session that is closed again."""
    from pkcs11 import Attribute, ObjectClass

    found = []
    with token.open() as session:
        for item in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE}):
            der = bytes(item[Attribute.VALUE])
            try:
                keys.describe(der)
            except errors.Malformed:
                continue
            found.append((der, bytes(item[Attribute.ID])))
    return found


def _find(library: Any, certificate_sha256: str) -> _Found:
    """The token that holds a certificate; labels and slots repeat, a fingerprint does not."""
    plugged_in = _in_use(library)
    for token in plugged_in:
        certificates = _certificates(token)
        for der, object_id in certificates:
            if hashlib.sha256(der).hexdigest() == certificate_sha256:
                return _Found(token, der, object_id, [item for item, _ in certificates if item != der])
    if plugged_in:
        raise errors.TokenHasNoUsableCertificate
    raise errors.TokenMissing


def _require_matching_public_key(found: _Found) -> None:
    """Compares the certificate with the public key object beside it, where the token shows one without a PIN."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from pkcs11 import Attribute, KeyType, ObjectClass

    key = keys.load(found.der).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return
    wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.KEY_TYPE: KeyType.RSA, Attribute.ID: found.object_id}
    with found.token.open() as session:
        for item in session.get_objects(wanted):
            if int.from_bytes(bytes(item[Attribute.MODULUS]), "big") != key.public_numbers().n:
                raise errors.TokenHasNoUsableCertificate("Chứng thư số trên thiết bị không khớp với khóa ký.")


class TokenKey:
    """A `Key` on a token that was opened with its PIN; made only by `open_key` and dead after it."""

    def __init__(self, found: _Found, private_key: Any, algorithm: Algorithm) -> None:
        self.certificate_der = found.der
        self.chain_der = keys.chain_among(found.der, found.others)
        self.algorithm = algorithm
        self.token_serial = _serial(found.token)
        self._private_key = private_key
        self._mechanisms = found.token.slot.get_mechanisms()

    def sign(self, data: bytes) -> bytes:
        """Signs on the token and checks the answer against the certificate before giving it away."""
        signature = self._raw(data)
        if not keys.matches(self.certificate_der, self.algorithm, data, signature):
            raise errors.TokenHasNoUsableCertificate("Chứng thư số trên thiết bị không khớp với khóa ký.")
        return signature

    def _raw(self, data: bytes) -> bytes:
        from pkcs11 import MGF, Mechanism
        from pkcs11.util.ec import encode_ecdsa_signature

        digest = hashlib.sha256(data).digest()
        key, has = self._private_key, self._mechanisms
        if self.algorithm is Algorithm.ECDSA:
            # Raw mechanism: the only one that every token with EC keys has (SoftHSM has no other).
            return bytes(encode_ecdsa_signature(key.sign(digest, mechanism=Mechanism.ECDSA)))
        if self.algorithm is Algorithm.RSA_PSS:
            parameters = (Mechanism.SHA256, MGF.SHA256, 32)
            if Mechanism.SHA256_RSA_PKCS_PSS in has:
                return bytes(key.sign(data, mechanism=Mechanism.SHA256_RSA_PKCS_PSS, mechanism_param=parameters))
            return bytes(key.sign(digest, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=parameters))
        if Mechanism.SHA256_RSA_PKCS in has:
            return bytes(key.sign(data, mechanism=Mechanism.SHA256_RSA_PKCS))
        return bytes(key.sign(SHA256_DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS))


# The DER head of DigestInfo for SHA-256, for tokens that only do the bare RSA operation. Source: RFC 8017 §9.2
SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


@contextmanager
def open_key(
    module_path: str,
    certificate_sha256: str,
    pin: str,
    *,
    confirm_final: bool = False,
    padding: str = "pkcs1v15",
    at: datetime | None = None,
) -> Iterator[TokenKey]:
    """Opens the key of one certificate with a PIN, for the length of a `with`; nobody else uses a token meanwhile.

    What can be refused without the PIN is refused before it is sent; at the last try only with `confirm_final`.
    """
    if not pin:
        raise errors.TokenPinWrong(ASK_FOR_PIN)
    with _owned(module_path) as library:
        found = _find(library, certificate_sha256)
        keys.require_usable(found.der, at or clock.now())
        _require_matching_public_key(found)
        _require_a_try_left(found.token, confirm_final=confirm_final)
        session = _logged_in(found.token, pin)
        try:
            yield TokenKey(found, _private_key(session, found), keys.algorithm_for(found.der, padding))
        finally:
            _close(session)


def _require_a_try_left(token: Any, *, confirm_final: bool) -> None:
    """Reads the flags afresh: those of a Token object go stale after a wrong PIN."""
    from pkcs11 import TokenFlag

    flags = token.slot.get_token().flags
    if flags & TokenFlag.USER_PIN_LOCKED:
        raise errors.TokenLocked
    if flags & TokenFlag.USER_PIN_FINAL_TRY and not confirm_final:
        raise errors.TokenLastTry


def _logged_in(token: Any, pin: str) -> Any:
    """One try with the PIN, and what the token then says about tries left."""
    import pkcs11

    try:
        return token.open(user_pin=pin)
    except pkcs11.PinIncorrect as error:
        flags = token.slot.get_token().flags
        if flags & pkcs11.TokenFlag.USER_PIN_LOCKED:
            raise errors.TokenLocked(detail="PinIncorrect") from error
        final = flags & pkcs11.TokenFlag.USER_PIN_FINAL_TRY
        raise errors.TokenPinWrong(WRONG_FINAL if final else None, detail="PinIncorrect") from error


def _private_key(session: Any, found: _Found) -> Any:
    """The private key with the certificate's CKA_ID; where that finds none, the only private key there is."""
    from pkcs11 import Attribute, ObjectClass

    every = list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))
    same = [item for item in every if found.object_id and bytes(item[Attribute.ID]) == found.object_id]
    candidates = same or every
    if not candidates:
        raise errors.TokenHasNoUsableCertificate("Thiết bị có chứng thư số nhưng không có khóa ký đi kèm.")
    if len(candidates) > 1:
        raise errors.TokenHasNoUsableCertificate("Thiết bị có nhiều khóa trùng mã; không biết khóa nào để ký.")
    return candidates[0]


def _close(session: Any) -> None:
    """Closes a session; when the token is gone there is nothing left to close."""
    import pkcs11

    try:
        session.close()
    except pkcs11.PKCS11Error:
        return


def store_pair(module_path: str, serial: str, pin: str, private_key: Any, certificate_ders: list[bytes]) -> None:
    """Puts a private key, its certificate (the first) and those above it on a token; for demonstrations and tests.

    An office's real token comes with its keys and is never written to. No public key object is made, as on many
    real tokens.
    """
    import pkcs11
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from pkcs11.util import ec as ec_objects
    from pkcs11.util import rsa as rsa_objects
    from pkcs11.util.x509 import decode_x509_certificate

    der = private_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    is_rsa = isinstance(private_key, rsa.RSAPrivateKey)
    attributes = (rsa_objects.decode_rsa_private_key if is_rsa else ec_objects.decode_ec_private_key)(der)
    object_id = hashlib.sha256(certificate_ders[0]).digest()[:8]
    private = {pkcs11.Attribute.TOKEN: True, pkcs11.Attribute.ID: object_id, pkcs11.Attribute.SIGN: True}
    with _owned(module_path) as library:
        token = next((item for item in library.get_tokens() if _serial(item) == serial), None)
        if token is None:
            raise errors.TokenMissing
        with token.open(rw=True, user_pin=pin) as session:
            session.create_object(attributes | private)
            for index, certificate in enumerate(certificate_ders):
                own_id = object_id if index == 0 else hashlib.sha256(certificate).digest()[:8]
                own = {pkcs11.Attribute.TOKEN: True, pkcs11.Attribute.ID: own_id}
                session.create_object(decode_x509_certificate(certificate) | own)
