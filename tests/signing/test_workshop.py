"""The child process: it signs, it dies, and the portal goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from commune_portal import clock, errors
from commune_portal.settings import Settings, Token
from commune_portal.signing import trial, workshop
from commune_portal.signing.authority import certificate_pem
from commune_portal.signing.reports import Verdict
from commune_portal.signing.workshop import InProcess, Workshop
from commune_portal.store.turns import Turns
from tests.signing import material
from tests.signing.conftest import Document, Simulated
from tests.signing.material import PIN


@pytest.fixture
def office(simulated: Simulated, tmp_path: Path) -> Settings:
    return simulated.settings(tmp_path)


@pytest.fixture
def shop(office: Settings) -> Iterator[Workshop]:
    with Workshop(office) as running:
        yield running


def _waits_until(condition: object, seconds: float = 10) -> bool:
    assert callable(condition)
    end = clock.monotonic() + seconds
    while clock.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_one_document_goes_its_whole_way_through_the_child(
    shop: Workshop, simulated: Simulated, document: Document, tmp_path: Path
) -> None:
    (tmp_path / "ký.png").write_bytes(material.picture())
    shop.prepare_draft(document.source, tmp_path / "dự thảo.pdf", shop.guess_places(document.source))
    leader, seal = simulated.sha256("Lê Thị Mười"), simulated.sha256("Ủy ban nhân dân xã An Bình")
    signed, issued = tmp_path / "signed.pdf", tmp_path / "issued.pdf"
    made = shop.sign_leader(
        tmp_path / "dự thảo.pdf", signed, certificate_sha256=leader, pin=PIN, png=tmp_path / "ký.png"
    )
    assert (made.field, made.token_serial) == ("ky_lanh_dao", simulated.serial("Lê Thị Mười"))
    shop.number_and_seal(signed, issued, certificate_sha256=seal, pin=PIN, number="15", date=material.DATE)
    report = shop.verify(issued)
    assert (report.overall, len(report.signatures)) == (Verdict.SOUND, 2)
    assert shop.page_count(issued) == 2
    assert "Ủy ban nhân dân xã báo cáo" in shop.full_text(issued)
    width, height = shop.page_picture(issued, 0, 400, tmp_path / "page.png")
    assert (width, height) == pytest.approx((400, 566), abs=3)
    number = shop.read_text(issued).fields.number
    assert number is not None
    assert number.value == "15"
    assert {item.label for item in shop.list_tokens()} == {"Thiết bị", "Nhiều khóa"}


def test_refusals_come_back_as_the_same_class_and_sentence(
    shop: Workshop, simulated: Simulated, document: Document, tmp_path: Path
) -> None:
    sha256 = simulated.sha256("Lê Thị Mười")
    with pytest.raises(errors.TokenPinWrong, match="Mã PIN không đúng") as caught:
        shop.sign_leader(document.draft, tmp_path / "a.pdf", certificate_sha256=sha256, pin="11223344")
    assert "11223344" not in repr(caught.value) + caught.value.detail
    with pytest.raises(errors.TokenHasNoUsableCertificate):
        shop.sign_leader(document.draft, tmp_path / "a.pdf", certificate_sha256="00" * 32, pin=PIN)
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 nothing")
    for act in (shop.verify, shop.read_text, shop.page_count):
        with pytest.raises(errors.Malformed):
            act(tmp_path / "bad.pdf")
    with pytest.raises(errors.RuleBroken, match="chưa có chữ ký số"):
        shop.number_and_seal(
            document.draft, tmp_path / "a.pdf", certificate_sha256=sha256, pin="11223344", number="1", date="ngày"
        )


@pytest.mark.story
def test_the_pin_is_neither_in_arguments_nor_in_the_environment(
    shop: Workshop, simulated: Simulated, document: Document, tmp_path: Path
) -> None:
    sha256 = simulated.sha256("Lê Thị Mười")
    shop.sign_leader(document.draft, tmp_path / "a.pdf", certificate_sha256=sha256, pin=PIN)
    assert shop.child_id is not None
    for name in ("cmdline", "environ"):
        assert PIN.encode() not in Path(f"/proc/{shop.child_id}/{name}").read_bytes()


def test_a_child_killed_in_the_middle_of_a_signature_is_replaced(
    shop: Workshop, simulated: Simulated, document: Document, tmp_path: Path
) -> None:
    sha256, out = simulated.sha256("Lê Thị Mười"), tmp_path / "out.pdf"
    shop.list_tokens()
    first = shop.child_id
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    caught: list[BaseException] = []

    def sign() -> None:
        try:
            shop.sign_leader(document.draft, out, certificate_sha256=sha256, pin=PIN)
        except errors.PortalError as error:
            caught.append(error)

    thread = threading.Thread(target=sign)
    thread.start()
    time.sleep(0.2)
    os.kill(first, signal.SIGKILL)
    thread.join(10)
    assert [type(error) for error in caught] == [errors.SigningFailed]
    assert "chưa được ký" in str(caught[0])
    assert not out.exists()
    shop.sign_leader(document.draft, out, certificate_sha256=sha256, pin=PIN)
    assert shop.child_id != first
    assert out.exists()


@pytest.mark.story
def test_a_child_that_does_not_answer_is_killed_and_replaced(office: Settings) -> None:
    impatient = replace(office, token=replace(office.token, timeout_seconds=0.5))
    with Workshop(office) as shop:
        shop.list_tokens()
        first = shop.child_id
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        shop._settings = impatient
        with pytest.raises(errors.SigningFailed, match="không trả lời"):
            shop.list_tokens()
        # a child needs a second or more to start on a busy machine
        shop._settings = office
        assert shop.list_tokens()
        assert shop.child_id != first


@pytest.mark.story
def test_a_pulled_token_costs_the_child_and_works_again(office: Settings) -> None:
    with Workshop(office) as shop:
        count = len(shop.list_tokens())
        home, away = office.folder / "hsm" / "tokens", office.folder / "hsm" / "away"
        home.rename(away)
        # without its folder SoftHSM's driver fails like one whose device is gone
        try:
            shop.list_tokens()
        except errors.TokenUnavailable:
            assert shop.child_id is None
        shop.close()
        if home.exists():
            home.rmdir()
        away.rename(home)
        assert len(shop.list_tokens()) == count


@pytest.mark.story
def test_an_idle_child_goes_home(office: Settings) -> None:
    brief = replace(office, token=replace(office.token, workshop_idle_seconds=0.2))
    with Workshop(brief) as shop:
        shop.list_tokens()
        assert _waits_until(lambda: shop.child_id is None)
        assert shop.list_tokens()


@pytest.mark.story
def test_parallel_requests_are_served_one_after_another(shop: Workshop, document: Document) -> None:
    reports: list[Verdict] = []
    threads = [threading.Thread(target=lambda: reports.append(shop.verify(document.issued).overall)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert reports == [Verdict.INVALID] * 6


def test_a_turn_is_given_in_the_order_in_which_it_was_asked_for() -> None:
    turn, order = Turns(), list[int]()

    def work(number: int) -> None:
        with turn:
            order.append(number)

    threads = []
    with turn:
        for number in range(8):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            assert _waits_until(lambda wanted=number + 1: len(turn._waiting) == wanted)
    for thread in threads:
        thread.join(10)
    assert order == list(range(8))


def test_without_a_module_the_trial_signs_and_with_neither_nothing_does(document: Document, tmp_path: Path) -> None:
    root = trial.root(tmp_path / "root")
    allowed = Settings(folder=tmp_path, token=Token(trial=True))
    (info,) = trial.create(allowed.trial_folder, [material.LEADER], root)
    allowed.trust_folder.mkdir()
    (allowed.trust_folder / "root.pem").write_bytes(certificate_pem(root.certificate_der))
    bench = InProcess(allowed)
    assert bench.list_tokens()[0].serial == "TRIAL"
    made = bench.sign_leader(document.draft, tmp_path / "a.pdf", certificate_sha256=info.sha256, pin="")
    assert made.certificate.trial
    report = bench.verify(tmp_path / "a.pdf")
    assert (report.overall, report.trial) == (Verdict.SOUND, True)

    forbidden = InProcess(replace(allowed, token=Token()))
    with pytest.raises(errors.TokenMissing):
        forbidden.list_tokens()
    assert forbidden.verify(tmp_path / "a.pdf").overall is Verdict.INVALID


def test_a_real_module_rules_the_trial_out(document: Document, tmp_path: Path) -> None:
    (info,) = trial.create(tmp_path, [material.LEADER], trial.root(tmp_path / "root"))
    real = Token(module="/usr/lib/real.so", trial=True)
    with (
        pytest.raises(errors.TokenUnavailable, match="thiết bị ký số thật"),
        trial.open_key(real, tmp_path, info.sha256),
    ):
        pytest.fail("a trial key beside a real module")


def test_both_halves_go_through_the_bench(document: Document, pki: material.Infrastructure, tmp_path: Path) -> None:
    bench = InProcess(Settings(folder=tmp_path))
    key = pki.leader
    prepared = bench.prepare_signature(
        document.draft, tmp_path / "w.pdf", certificates_der=(key.certificate_der,), algorithm=str(key.algorithm)
    )
    bench.finish_signature(prepared, key.sign(prepared.to_sign), tmp_path / "s.pdf")
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "root.crt").write_bytes(pki.authority.certificate_der)
    assert bench.adopt(document.draft, tmp_path / "s.pdf").overall is Verdict.SOUND
    key = pki.organisation
    prepared = bench.prepare_signature(
        tmp_path / "s.pdf", tmp_path / "w.pdf", certificates_der=(key.certificate_der,),
        algorithm=str(key.algorithm), number="15", date=material.DATE,
    )  # fmt: skip
    bench.finish_signature(prepared, key.sign(prepared.to_sign), tmp_path / "i.pdf")
    assert len(bench.verify(tmp_path / "i.pdf").signatures) == 2


def test_the_workshop_is_configured_once_for_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workshop, "_bench", None)
    with pytest.raises(RuntimeError):
        workshop.workshop()
    bench = workshop.configure(Settings(folder=tmp_path), in_process=True)
    assert workshop.workshop() is bench
