"""The workshop: one short-lived child process that owns PKCS#11, pyHanko and pdfium.

A driver that crashes, a token that hangs and a hostile PDF take the child down, never the portal; a fresh child
starts with the next request. Requests wait in a line, first come, first served. The PIN goes through the pipe.
`InProcess` does the same without a child, for tests and for short commands.
"""

from __future__ import annotations

import os
import subprocess  # our own interpreter with our own module
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from commune_portal import clock, errors
from commune_portal.paper.places import Places, Rectangle
from commune_portal.paper.reading import Fields, Guess, PdfReading
from commune_portal.rules.classified import PagePiece
from commune_portal.settings import Settings
from commune_portal.signing import softhsm, workbench
from commune_portal.signing.keys import TokenInfo
from commune_portal.signing.pdf import CopyKind, Prepared, Signed
from commune_portal.signing.reports import Report
from commune_portal.store.turns import Turns

TIMED_OUT = "Thiết bị ký số hoặc tệp PDF không trả lời trong thời gian cho phép; đã dừng lại. Hãy thử lại."
CRASHED_SIGNING = (
    "Trình điều khiển thiết bị ký số hoặc tệp PDF gây lỗi; đã dừng lại, văn bản chưa được ký. Hãy thử lại."
)
CRASHED_READING = "Tệp PDF này gây lỗi khi đọc nên không xử lý được. Hãy xuất lại PDF rồi thử lại."

# Operations that only read a foreign file: their crash is the file's fault.
READING = (
    "prepare_draft", "check_signatures", "adopt", "read_text", "full_text", "first_page", "guess_places",
    "page_count",
    "page_picture", "page_size",
)  # fmt: skip


class Bench(ABC):
    """What the rest of the portal asks of this room; every method may raise the token and PDF errors."""

    @abstractmethod
    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Performs one operation of `workbench.OPERATIONS`; arguments and answer are plain JSON."""

    @abstractmethod
    def close(self) -> None:
        """Ends whatever is running; the next call starts afresh."""

    def list_tokens(self) -> tuple[TokenInfo, ...]:
        """The tokens that are plugged in, with certificates and what they say about PIN tries."""
        return tuple(map(TokenInfo.from_json, self.call("list_tokens", {})))

    def prepare_draft(self, source: Path, out: Path, places: Places) -> None:
        """Writes a copy of a PDF with the four empty fields."""
        self.call("prepare_draft", {"source": str(source), "out": str(out), "places": places.to_json()})

    def sign_leader(
        self, pdf: Path, out: Path, *, certificate_sha256: str, pin: str, png: Path | None = None,
        confirm_final: bool = False, at: datetime | None = None,
    ) -> Signed:  # fmt: skip
        """Signs a draft as the authorised person."""
        with_key = _key(certificate_sha256, pin, confirm_final=confirm_final, at=at)
        return Signed.from_json(self.call("sign_leader", _files(pdf, out, png) | with_key))

    def number_and_seal(
        self, pdf: Path, out: Path, *, certificate_sha256: str, pin: str, number: str, date: str,
        png: Path | None = None, confirm_final: bool = False, at: datetime | None = None,
    ) -> Signed:  # fmt: skip
        """Fills number and date and signs as the organisation, in one revision."""
        with_key = _key(certificate_sha256, pin, confirm_final=confirm_final, at=at)
        words = {"number": number, "date": date}
        return Signed.from_json(self.call("number_and_seal", _files(pdf, out, png) | with_key | words))

    def sign_annex(
        self, pdf: Path, out: Path, *, certificate_sha256: str, pin: str, number_and_symbol: str,
        confirm_final: bool = False, at: datetime | None = None,
    ) -> Signed:  # fmt: skip
        """Signs an annex in a file of its own as the organisation."""
        with_key = _key(certificate_sha256, pin, confirm_final=confirm_final, at=at)
        words = {"number_and_symbol": number_and_symbol}
        return Signed.from_json(self.call("sign_annex", _files(pdf, out) | with_key | words))

    def sign_copy(
        self, pdf: Path, out: Path, *, certificate_sha256: str, pin: str, kind: CopyKind, organisation: str,
        confirm_final: bool = False, at: datetime | None = None,
    ) -> Signed:  # fmt: skip
        """Signs an electronic copy as the organisation that made it."""
        with_key = _key(certificate_sha256, pin, confirm_final=confirm_final, at=at)
        words = {"kind": kind.value, "organisation": organisation}
        return Signed.from_json(self.call("sign_copy", _files(pdf, out) | with_key | words))

    def prepare_signature(
        self, pdf: Path, prepared_file: Path, *, certificates_der: tuple[bytes, ...], algorithm: str,
        png: Path | None = None, number: str = "", date: str = "", at: datetime | None = None,
    ) -> Prepared:  # fmt: skip
        """The first half of a signature by a key elsewhere: the leader's, or with a number the organisation's."""
        arguments = {
            "certificates": [item.hex() for item in certificates_der],
            "algorithm": algorithm,
            "number": number,
            "date": date,
            "at": clock.to_text(at or clock.now()),
        }
        return Prepared.from_json(self.call("prepare_signature", _files(pdf, prepared_file, png) | arguments))

    def finish_signature(self, prepared: Prepared, signature: bytes, out: Path) -> Signed:
        """The second half, with the signature that came back."""
        arguments = {"prepared": prepared.to_json(), "signature": signature.hex(), "out": str(out)}
        return Signed.from_json(self.call("finish_signature", arguments))

    def verify(self, pdf: Path, at: datetime | None = None) -> Report:
        """Checks every signature against the trust folder."""
        arguments = {"pdf": str(pdf), "at": clock.to_text(at or clock.now())}
        return Report.from_json(self.call("check_signatures", arguments))

    def adopt(self, our_bytes: Path, signed_elsewhere: Path, at: datetime | None = None) -> Report:
        """Accepts a file that was signed elsewhere if our bytes are its beginning and its signatures hold."""
        at_text = clock.to_text(at or clock.now())
        arguments = {"pdf": str(our_bytes), "signed": str(signed_elsewhere), "at": at_text}
        return Report.from_json(self.call("adopt", arguments))

    def read_text(self, pdf: Path) -> PdfReading:
        """What the text layer of a PDF says, each value with its place and how sure we are."""
        return _reading(self.call("read_text", {"pdf": str(pdf)}))

    def full_text(self, pdf: Path) -> str:
        """All text of a PDF, for the search index."""
        return str(self.call("full_text", {"pdf": str(pdf)}))

    def first_page(self, pdf: Path) -> tuple[PagePiece, ...]:
        """What stands on the first page and where, for the marks of secrecy."""
        return tuple(PagePiece(**item) for item in self.call("first_page", {"pdf": str(pdf)}))

    def guess_places(self, pdf: Path) -> Places:
        """Where a draft made elsewhere wants its four fields; the clerk corrects it."""
        return Places.from_json(self.call("guess_places", {"pdf": str(pdf)}))

    def page_count(self, pdf: Path) -> int:
        """How many pages a PDF has."""
        return int(self.call("page_count", {"pdf": str(pdf)}))

    def page_size(self, pdf: Path, page: int) -> tuple[float, float]:
        """Width and height of a page (from 0) in points, as it is shown."""
        wide, high = self.call("page_size", {"pdf": str(pdf), "page": page})
        return float(wide), float(high)

    def page_picture(self, pdf: Path, page: int, width: int, out: Path) -> tuple[int, int]:
        """Draws a page (from 0) into `out` as a PNG so many pixels wide; answers its width and height."""
        arguments = {"pdf": str(pdf), "page": page, "width": width, "out": str(out)}
        wide, high = self.call("page_picture", arguments)
        return int(wide), int(high)


def _reading(value: dict[str, Any]) -> PdfReading:
    """A reading as its room made it."""
    guesses = {name: _guess(item) for name, item in value["fields"].items()}
    return PdfReading(value["pages"], value["has_text"], value["signatures"], Fields(**guesses))


def _guess(item: dict[str, Any] | None) -> Guess | None:
    return None if item is None else Guess(item["value"], Rectangle(**item["rectangle"]), item["confidence"])


def _files(pdf: Path, out: Path, png: Path | None = None) -> dict[str, Any]:
    return {"pdf": str(pdf), "out": str(out), "png": str(png) if png else None}


def _key(certificate_sha256: str, pin: str, *, confirm_final: bool, at: datetime | None) -> dict[str, Any]:
    at_text = clock.to_text(at or clock.now())
    return {"certificate_sha256": certificate_sha256, "pin": pin, "confirm_final": confirm_final, "at": at_text}


class InProcess(Bench):
    """The same operations in this process; a native crash is then this process's crash."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Performs an operation here."""
        return workbench.perform(self._settings, name, arguments)

    def close(self) -> None:
        """Nothing runs here."""


class Workshop(Bench):
    """The operations in a child process that is started when needed and killed when idle, late or spoilt."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = Turns()
        self._child: _Child | None = None
        self._idle: threading.Timer | None = None

    def __enter__(self) -> Workshop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Performs an operation in the child; its refusals are raised here as the same classes."""
        with self._turn:
            self._stop_idle_timer()
            try:
                answer = self._asked(name, arguments)
            except BaseException:
                self._discard()
                raise
            if answer.get("error") in DISCARDING:
                # The state of the driver is unknown; a fresh process is better than initialising the old one anew.
                self._discard()
            else:
                self._start_idle_timer()
        if "error" in answer:
            raise _error(answer)
        return answer["value"]

    def close(self) -> None:
        """Ends the child, after the request that is running."""
        with self._turn:
            self._stop_idle_timer()
            self._discard()

    @property
    def child_id(self) -> int | None:
        """The process id of the present child, for the health page and for tests."""
        child = self._child
        return child.process.pid if child else None

    def _asked(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if self._child is None or self._child.process.poll() is not None:
            self._discard()
            self._child = _Child(self._settings)
        return self._child.ask(name, arguments, self._settings.token.timeout_seconds)

    def _discard(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _start_idle_timer(self) -> None:
        self._idle = threading.Timer(self._settings.token.workshop_idle_seconds, self.close)
        self._idle.daemon = True
        self._idle.name = "workshop-idle"
        self._idle.start()

    def _stop_idle_timer(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


DISCARDING = ("TokenGone", "TokenDriverFailed")


class _Child:
    """One child process with its pipes."""

    def __init__(self, settings: Settings) -> None:
        # closed in end(); what a dying child says is the only trace of a native crash
        self._noise: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        environment = dict(os.environ)
        if settings.softhsm_folder is not None:
            environment |= softhsm.environment(settings.softhsm_folder)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "commune_portal.signing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._greeting = workbench.settings_to_json(settings)

    def ask(self, name: str, arguments: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        """Sends a request and waits; a child that is late is killed, so the reading below always ends."""
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(timeout_seconds, give_up)
        timer.daemon = True
        timer.start()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            if self._greeting:
                workbench.write_frame(self.process.stdin, self._greeting)
                self._greeting = {}
            workbench.write_frame(self.process.stdin, {"name": name, "arguments": arguments})
            return dict(workbench.read_frame(self.process.stdout))
        except (EOFError, OSError, ValueError) as error:
            raise _failure(name, late=late.is_set(), detail=self._last_words()) from error
        finally:
            timer.cancel()

    def _last_words(self) -> str:
        """How the child ended, for the technical log; requests are never part of it."""
        self.process.kill()
        code = self.process.wait()
        self._noise.seek(0)
        lines = self._noise.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        return f"exit {code}: {lines[-1][:200] if lines else ''}"

    def end(self) -> None:
        """Kills the child and closes its pipes."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    # Unsent bytes of a request to a process that is gone.
                    continue
        self._noise.close()


def _failure(name: str, *, late: bool, detail: str) -> errors.PortalError:
    """The error for a child that died or was killed."""
    if late:
        return errors.SigningFailed(TIMED_OUT, detail=f"{name}: timeout")
    if name in READING:
        return errors.Malformed(CRASHED_READING, detail=f"{name}: {detail}")
    return errors.SigningFailed(CRASHED_SIGNING, detail=f"{name}: {detail}")


def _error(answer: dict[str, Any]) -> errors.PortalError:
    """The same refusal as in the child."""
    found = getattr(errors, answer["error"], errors.SigningFailed)
    kind = found if isinstance(found, type) and issubclass(found, errors.PortalError) else errors.SigningFailed
    return kind(answer["sentence"], field=answer["field"], detail=answer["detail"])


_bench: Bench | None = None


def configure(settings: Settings, *, in_process: bool = False) -> Bench:
    """Sets the workshop of this process, once at its start; a former one is closed."""
    global _bench
    if _bench is not None:
        _bench.close()
    _bench = InProcess(settings) if in_process else Workshop(settings)
    return _bench


def workshop() -> Bench:
    """The workshop of this process; `configure` must have been called."""
    if _bench is None:
        raise RuntimeError("workshop.configure(settings) has not been called")
    return _bench
