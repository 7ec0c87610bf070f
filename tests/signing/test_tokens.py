"""The table of robustness: real SoftHSM2 where it can, a fake driver for what it cannot do."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pkcs11
import pytest

from commune_portal import clock, errors
from commune_portal.signing import keys, softhsm, tokens
from commune_portal.signing.authority import Authority, Holder
from tests.signing import material
from tests.signing.conftest import Simulated
from tests.signing.material import PIN

DATA = "dữ liệu cần ký".encode()
WRONG_PIN = "99887766"


def test_tokens_with_the_same_label_are_told_apart_by_serial_and_certificate(simulated: Simulated) -> None:
    found = tokens.list_tokens(simulated.module)
    same = [item for item in found if item.label == "Thiết bị"]
    assert len({item.serial for item in same}) == 2
    names = {item.serial: [each.common_name for each in item.certificates] for item in found}
    assert names[simulated.serial("Lê Thị Mười")] == ["Lê Thị Mười"]
    assert len(names[simulated.serial("Khóa RSA")]) == 3
    assert [keys.TokenInfo.from_json(item.to_json()) for item in found] == list(found)


@pytest.mark.parametrize(
    ("name", "padding", "algorithm"),
    [
        ("Khóa RSA", "pkcs1v15", keys.Algorithm.RSA_PKCS1V15),
        ("Khóa RSA", "pss", keys.Algorithm.RSA_PSS),
        ("Khóa RSA dài", "pkcs1v15", keys.Algorithm.RSA_PKCS1V15),
        ("Khóa EC", "pkcs1v15", keys.Algorithm.ECDSA),
    ],
)
def test_every_kind_of_key_signs(simulated: Simulated, name: str, padding: str, algorithm: keys.Algorithm) -> None:
    with tokens.open_key(simulated.module, simulated.sha256(name), PIN, padding=padding) as key:
        signature = key.sign(DATA)
        assert key.algorithm is algorithm
        assert key.token_serial == simulated.serial(name)
    assert keys.matches(key.certificate_der, algorithm, DATA, signature)
    assert not keys.matches(key.certificate_der, algorithm, DATA + b"!", signature)


def test_a_token_that_only_knows_the_bare_rsa_operation_signs_too(simulated: Simulated) -> None:
    with tokens.open_key(simulated.module, simulated.sha256("Khóa RSA"), PIN) as key:
        key._mechanisms = {pkcs11.Mechanism.RSA_PKCS}
        assert keys.matches(key.certificate_der, key.algorithm, DATA, key.sign(DATA))


def test_a_wrong_pin_is_tried_once_and_never_told(simulated: Simulated, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        pytest.raises(errors.TokenPinWrong) as caught,
        tokens.open_key(simulated.module, simulated.sha256("Lê Thị Mười"), WRONG_PIN),
    ):
        pytest.fail("opened with a wrong PIN")
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.detail + caplog.text
    assert WRONG_PIN not in told
    with tokens.open_key(simulated.module, simulated.sha256("Lê Thị Mười"), PIN) as key:
        assert key.sign(DATA)


def test_an_empty_pin_never_reaches_the_token(simulated: Simulated) -> None:
    with pytest.raises(errors.TokenPinWrong, match="nhập mã PIN"), tokens.open_key(simulated.module, "ab" * 32, ""):
        pytest.fail("opened without a PIN")


def test_an_unknown_certificate_is_not_on_any_token(simulated: Simulated) -> None:
    with (
        pytest.raises(errors.TokenHasNoUsableCertificate),
        tokens.open_key(simulated.module, "ab" * 32, PIN),
    ):
        pytest.fail("opened an unknown key")


@pytest.mark.parametrize("content", [None, b"not a library"])
def test_a_module_that_cannot_be_loaded_is_the_drivers_fault(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "driver.so"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(errors.TokenDriverFailed):
        tokens.list_tokens(str(path))


def test_an_expired_certificate_is_refused_before_the_pin_is_sent(simulated: Simulated) -> None:
    late = clock.now() + timedelta(days=4000)
    with (
        pytest.raises(errors.TokenCertificateExpired, match="hiệu lực từ"),
        tokens.open_key(simulated.module, simulated.sha256("Lê Thị Mười"), WRONG_PIN, at=late),
    ):
        pytest.fail("opened with an expired certificate")


def test_an_error_inside_the_block_closes_the_session(simulated: Simulated) -> None:
    for _ in range(2):
        with (
            pytest.raises(ZeroDivisionError),
            tokens.open_key(simulated.module, simulated.sha256("Khóa EC"), PIN),
        ):
            raise ZeroDivisionError
    with tokens.open_key(simulated.module, simulated.sha256("Khóa EC"), PIN) as key:
        assert key.sign(DATA)


def test_threads_take_turns_on_the_library(simulated: Simulated) -> None:
    results: list[bytes] = []

    def sign() -> None:
        for _ in range(3):
            tokens.list_tokens(simulated.module)
            with tokens.open_key(simulated.module, simulated.sha256("Khóa EC"), PIN) as key:
                results.append(key.sign(DATA))

    threads = [threading.Thread(target=sign) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 12


def test_a_certificate_without_its_key_or_with_another_is_refused(simulated: Simulated, tmp_path: Path) -> None:
    authority = Authority.create("Gốc", key_type="ec-256")
    _, der = authority.issue(Holder("Người khác", "Xã", key_type="ec-256"))
    stranger, _ = authority.issue(Holder("Chìa lạ", "Xã", key_type="ec-256"))
    folder = tmp_path / "hsm"
    made = softhsm.provision(folder, [softhsm.TokenPlan("Sai", PIN, ())], authority)
    assert made == ()
    code = f"""
from commune_portal.signing import tokens
from cryptography.hazmat.primitives import serialization
key = serialization.load_pem_private_key(open({str(tmp_path / "k.pem")!r}, "rb").read(), None)
serial = tokens.list_tokens({simulated.module!r})[0].serial
tokens.store_pair({simulated.module!r}, serial, {PIN!r}, key, [bytes.fromhex({der.hex()!r})])
try:
    with tokens.open_key({simulated.module!r}, {keys.describe(der).sha256!r}, {PIN!r}) as opened:
        opened.sign(b"x")
except Exception as error:
    print(type(error).__name__, error)
"""
    from commune_portal.signing.authority import key_pem

    (tmp_path / "k.pem").write_bytes(key_pem(stranger))
    answer = _python(code, folder)
    assert "TokenHasNoUsableCertificate" in answer
    assert "không khớp" in answer


def _python(code: str, folder: Path) -> str:
    import os

    answer = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | softhsm.environment(folder), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_a_pulled_token_is_gone_and_works_again_when_it_is_back(simulated: Simulated, tmp_path: Path) -> None:
    folder = tmp_path / "hsm"
    shutil.copytree(simulated.folder, folder)
    code = f"""
import shutil
from commune_portal import errors
from commune_portal.signing import tokens
module, sha256, home = {simulated.module!r}, {simulated.sha256("Khóa RSA")!r}, {str(folder / "tokens")!r}
try:
    with tokens.open_key(module, sha256, {PIN!r}) as key:
        shutil.move(home, home + ".away")
        key.sign(b"data")
        print("signed without a token")
except errors.TokenUnavailable as error:
    print(type(error).__name__)
try:
    print(len(tokens.list_tokens(module)))
except errors.TokenUnavailable as error:
    print(type(error).__name__)
shutil.rmtree(home, ignore_errors=True)
shutil.move(home + ".away", home)
tokens.refresh(module)
with tokens.open_key(module, sha256, {PIN!r}) as key:
    print(len(key.sign(b"data")))
"""
    lines = _python(code, folder).split()
    assert lines[0] == "TokenGone"
    assert lines[-1] == "256"


# -- a fake driver, for what SoftHSM never does ------------------------------------------------------------------------


class FakeSlot:
    def __init__(self, token: FakeToken) -> None:
        self._token = token

    def get_token(self) -> FakeToken:
        return self._token

    def get_mechanisms(self) -> set[Any]:
        return {pkcs11.Mechanism.ECDSA}


class FakeSession:
    def __init__(self, token: FakeToken) -> None:
        self._token = token

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._token.open_sessions -= 1

    def get_objects(self, wanted: dict[Any, Any]) -> list[Any]:
        kind = wanted[pkcs11.Attribute.CLASS]
        if kind is pkcs11.ObjectClass.CERTIFICATE:
            return [{pkcs11.Attribute.VALUE: self._token.der, pkcs11.Attribute.ID: b"1"}]
        return self._token.private_keys if kind is pkcs11.ObjectClass.PRIVATE_KEY else []


class FakePrivateKey(dict[Any, Any]):
    def __init__(self, error: Exception) -> None:
        super().__init__({pkcs11.Attribute.ID: b"1"})
        self._error = error

    def sign(self, *_: object, **__: object) -> bytes:
        raise self._error


class FakeToken:
    label, serial, manufacturer_id, model = "Giả", b"FAKE01", "Giả", "Giả"

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.flags = pkcs11.TokenFlag.TOKEN_INITIALIZED
        self.slot = FakeSlot(self)
        self.on_login: Exception | None = None
        self.flags_after_login = self.flags
        self.logins: list[str] = []
        self.private_keys: list[Any] = []
        self.open_sessions = 0

    def open(self, user_pin: str | None = None) -> FakeSession:
        if user_pin is not None:
            self.logins.append(user_pin)
            if self.on_login is not None:
                self.flags = self.flags_after_login
                raise self.on_login
        self.open_sessions += 1
        return FakeSession(self)


class FakeLibrary:
    def __init__(self, token: FakeToken) -> None:
        self.token = token
        self.plugged_in = True
        self.reinitialised = 0
        self.on_list: list[Exception] = []

    def get_tokens(self) -> Iterator[FakeToken]:
        if self.on_list:
            raise self.on_list.pop()
        return iter([self.token] if self.plugged_in else [])

    def reinitialize(self) -> None:
        self.reinitialised += 1


@pytest.fixture
def fake(pki: material.Infrastructure, monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    library = FakeLibrary(FakeToken(pki.organisation.certificate_der))
    monkeypatch.setattr(tokens, "_library", lambda _: library)
    return library


def _open(fake: FakeLibrary, *, confirm_final: bool = False) -> None:
    sha256 = keys.describe(fake.token.der).sha256
    with tokens.open_key("fake", sha256, PIN, confirm_final=confirm_final) as key:
        key.sign(DATA)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (pkcs11.PinIncorrect(), errors.TokenPinWrong),
        (pkcs11.PinLenRange(), errors.TokenPinWrong),
        (pkcs11.PinInvalid(), errors.TokenPinWrong),
        (pkcs11.PinLocked(), errors.TokenLocked),
        (pkcs11.PinExpired(), errors.TokenUnavailable),
        (pkcs11.DeviceRemoved(), errors.TokenGone),
        (pkcs11.TokenNotPresent(), errors.TokenMissing),
        (pkcs11.UserAlreadyLoggedIn(), errors.TokenGone),
        (pkcs11.GeneralError(), errors.TokenGone),
        (pkcs11.FunctionFailed(), errors.TokenDriverFailed),
    ],
)
def test_what_a_login_can_raise(fake: FakeLibrary, raised: Exception, expected: type[errors.PortalError]) -> None:
    fake.token.on_login = raised
    with pytest.raises(errors.PortalError) as caught:
        _open(fake)
    assert type(caught.value) is expected
    assert fake.token.logins == [PIN]
    assert fake.reinitialised == 1
    assert PIN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (pkcs11.ObjectHandleInvalid(), errors.TokenGone),
        (pkcs11.DeviceRemoved(), errors.TokenGone),
        (pkcs11.SessionHandleInvalid(), errors.TokenGone),
        (pkcs11.DeviceMemory(), errors.TokenDriverFailed),
    ],
)
def test_what_a_signing_can_raise(fake: FakeLibrary, raised: Exception, expected: type[errors.PortalError]) -> None:
    fake.token.private_keys = [FakePrivateKey(raised)]
    with pytest.raises(errors.PortalError) as caught:
        _open(fake)
    assert type(caught.value) is expected
    assert fake.token.open_sessions == 0


@pytest.mark.parametrize(("keys_on_token", "words"), [(0, "không có khóa"), (2, "nhiều khóa")])
def test_a_certificate_needs_exactly_one_key(fake: FakeLibrary, keys_on_token: int, words: str) -> None:
    fake.token.private_keys = [FakePrivateKey(ZeroDivisionError()) for _ in range(keys_on_token)]
    with pytest.raises(errors.TokenHasNoUsableCertificate, match=words):
        _open(fake)


def test_the_last_try_is_only_made_when_it_is_confirmed(fake: FakeLibrary) -> None:
    fake.token.flags |= pkcs11.TokenFlag.USER_PIN_FINAL_TRY
    fake.token.on_login = pkcs11.PinIncorrect()
    with pytest.raises(errors.TokenLastTry):
        _open(fake)
    assert fake.token.logins == []
    fake.token.flags_after_login = fake.token.flags | pkcs11.TokenFlag.USER_PIN_LOCKED
    with pytest.raises(errors.TokenLocked):
        _open(fake, confirm_final=True)
    assert fake.token.logins == [PIN]


def test_a_locked_token_is_not_sent_another_pin(fake: FakeLibrary) -> None:
    fake.token.flags |= pkcs11.TokenFlag.USER_PIN_LOCKED
    with pytest.raises(errors.TokenLocked):
        _open(fake, confirm_final=True)
    assert fake.token.logins == []


def test_a_wrong_pin_says_when_only_one_try_is_left(fake: FakeLibrary) -> None:
    fake.token.on_login = pkcs11.PinIncorrect()
    fake.token.flags_after_login = fake.token.flags | pkcs11.TokenFlag.USER_PIN_FINAL_TRY
    with pytest.raises(errors.TokenPinWrong, match="MỘT LẦN"):
        _open(fake)


def test_no_token_at_all_is_missing(fake: FakeLibrary) -> None:
    fake.plugged_in = False
    with pytest.raises(errors.TokenMissing):
        _open(fake)


def test_listing_mends_a_library_that_lost_its_token(fake: FakeLibrary) -> None:
    fake.on_list = [pkcs11.GeneralError()]
    assert [item.serial for item in tokens.list_tokens("fake")] == ["FAKE01"]
    assert fake.reinitialised == 1
