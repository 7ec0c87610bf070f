"""What the workshop's child process can do: a table of operations, and the loop that serves them over two pipes.

Arguments and answers are plain JSON; PDFs and pictures travel as paths. `Operation`s added here are at once callable
through `Bench.call`. The child never reads the clock for a signature: its parent says what time it is.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from commune_portal import clock, errors, settings
from commune_portal.paper import reading
from commune_portal.paper.places import Places
from commune_portal.settings import Settings
from commune_portal.signing import drafts, pdf, tokens, trial, verify
from commune_portal.signing.keys import Algorithm, Key
from commune_portal.signing.trust import TrustStore

Arguments = dict[str, Any]
Operation = Callable[[Settings, Arguments], Any]

OPERATIONS: dict[str, Operation] = {}

LARGEST_FRAME_BYTES = 64 * 1024 * 1024
ADDRESS_SPACE_BYTES = 3 * 1024 * 1024 * 1024


def operation(function: Operation) -> Operation:
    """Enters a function into the table under its own name."""
    OPERATIONS[function.__name__] = function
    return function


def perform(configured: Settings, name: str, arguments: Arguments) -> Any:
    """Runs one operation by name."""
    return OPERATIONS[name](configured, arguments)


# -- operations ------------------------------------------------------------------------------------------------------


@operation
def list_tokens(configured: Settings, _: Arguments) -> Any:
    """The tokens plugged in, or the trial folder as one."""
    if configured.token.module:
        found = tokens.list_tokens(configured.token.module)
    else:
        found = trial.list_tokens(configured.token, configured.trial_folder)
    return [item.to_json() for item in found]


@operation
def prepare_draft(_: Settings, arguments: Arguments) -> None:
    """Adds the four empty fields."""
    places = Places.from_json(arguments["places"])
    pdf.prepare_draft(Path(arguments["source"]), Path(arguments["out"]), places)


def _with_key(configured: Settings, arguments: Arguments, act: Callable[[Key], pdf.Signed]) -> Any:
    """Opens the key that the arguments name, signs, closes it."""
    sha256, at = arguments["certificate_sha256"], _instant(arguments)
    if not configured.token.module:
        with trial.open_key(configured.token, configured.trial_folder, sha256, at=at) as trial_key:
            return act(trial_key).to_json()
    with tokens.open_key(
        configured.token.module,
        sha256,
        arguments["pin"],
        confirm_final=arguments.get("confirm_final", False),
        padding=configured.token.padding,
        at=at,
    ) as token_key:
        return act(token_key).to_json()


def _instant(arguments: Arguments) -> datetime:
    return clock.from_text(arguments["at"])


def _png(arguments: Arguments) -> bytes | None:
    return Path(arguments["png"]).read_bytes() if arguments.get("png") else None


def _files(arguments: Arguments) -> tuple[Path, Path]:
    return Path(arguments["pdf"]), Path(arguments["out"])


def _style(configured: Settings, arguments: Arguments) -> dict[str, Any]:
    return {"at": _instant(arguments), "fonts_folder": configured.fonts.folder}


@operation
def sign_leader(configured: Settings, arguments: Arguments) -> Any:
    """Signs as the authorised person."""
    files, png, style = _files(arguments), _png(arguments), _style(configured, arguments)
    return _with_key(configured, arguments, lambda key: pdf.sign_leader(*files, key, png, **style))


@operation
def number_and_seal(configured: Settings, arguments: Arguments) -> Any:
    """Fills number and date and signs as the organisation; what can be refused is refused before the PIN is used."""
    files, png, style = _files(arguments), _png(arguments), _style(configured, arguments)
    words = (arguments["number"], arguments["date"])
    pdf.seal_request(*words, None)
    pdf.require_signed_by_leader(files[0])
    return _with_key(configured, arguments, lambda key: pdf.number_and_seal(*files, key, *words, seal_png=png, **style))


@operation
def sign_annex(configured: Settings, arguments: Arguments) -> Any:
    """Signs an annex in a file of its own."""
    files, style = _files(arguments), _style(configured, arguments)
    number = arguments["number_and_symbol"]
    return _with_key(configured, arguments, lambda key: pdf.sign_annex(*files, key, number, **style))


@operation
def sign_copy(configured: Settings, arguments: Arguments) -> Any:
    """Signs an electronic copy."""
    files, style = _files(arguments), _style(configured, arguments)
    kind, organisation = pdf.CopyKind(arguments["kind"]), arguments["organisation"]
    return _with_key(configured, arguments, lambda key: pdf.sign_copy(*files, key, kind, organisation, **style))


@operation
def prepare_signature(configured: Settings, arguments: Arguments) -> Any:
    """The first half of a signature whose key is elsewhere."""
    png, style = _png(arguments), _style(configured, arguments)
    if arguments.get("number"):
        pdf.require_signed_by_leader(Path(arguments["pdf"]))
        request = pdf.seal_request(arguments["number"], arguments["date"], png, **style)
    else:
        request = pdf.leader_request(png, **style)
    certificates = [bytes.fromhex(item) for item in arguments["certificates"]]
    prepared = pdf.prepare_signature(
        *_files(arguments),
        request,
        certificates[0],
        chain_der=tuple(certificates[1:]),
        algorithm=Algorithm(arguments["algorithm"]),
    )
    return prepared.to_json()


@operation
def finish_signature(_: Settings, arguments: Arguments) -> Any:
    """The second half."""
    prepared = pdf.Prepared.from_json(arguments["prepared"])
    return pdf.finish_signature(prepared, bytes.fromhex(arguments["signature"]), Path(arguments["out"])).to_json()


def _trust(configured: Settings) -> TrustStore:
    return TrustStore.load(configured.trust_folder, trial_allowed=configured.token.trial)


@operation
def check_signatures(configured: Settings, arguments: Arguments) -> Any:
    """Checks every signature of a PDF."""
    return verify.verify(Path(arguments["pdf"]), _trust(configured), _instant(arguments)).to_json()


@operation
def adopt(configured: Settings, arguments: Arguments) -> Any:
    """Accepts a file that was signed elsewhere."""
    ours, theirs = Path(arguments["pdf"]), Path(arguments["signed"])
    return pdf.adopt(ours, theirs, _trust(configured), _instant(arguments)).to_json()


@operation
def read_text(_: Settings, arguments: Arguments) -> Any:
    """What the text layer says, with places and confidences."""
    with drafts.foreign_pdf():
        return asdict(reading.read(Path(arguments["pdf"])))


@operation
def full_text(_: Settings, arguments: Arguments) -> Any:
    """All text, for the search index."""
    with drafts.foreign_pdf():
        return reading.full_text(Path(arguments["pdf"]))


@operation
def first_page(_: Settings, arguments: Arguments) -> Any:
    """What stands on the first page and where."""
    with drafts.foreign_pdf():
        return [asdict(piece) for piece in reading.first_page(Path(arguments["pdf"]))]


@operation
def guess_places(_: Settings, arguments: Arguments) -> Any:
    """Where a draft made elsewhere wants its four fields."""
    with drafts.foreign_pdf():
        return reading.guess_places(Path(arguments["pdf"])).to_json()


@operation
def page_count(_: Settings, arguments: Arguments) -> Any:
    """How many pages a PDF has."""
    with drafts.foreign_pdf():
        return reading.page_count(Path(arguments["pdf"]))


@operation
def page_size(_: Settings, arguments: Arguments) -> Any:
    """Width and height of one page in points."""
    with drafts.foreign_pdf():
        return reading.page_size(Path(arguments["pdf"]), arguments["page"])


@operation
def page_picture(_: Settings, arguments: Arguments) -> Any:
    """Draws one page as a PNG; answers its width and height in pixels."""
    with drafts.foreign_pdf():
        page, width = arguments["page"], arguments["width"]
        return reading.page_picture(Path(arguments["pdf"]), page, width, Path(arguments["out"]))


# -- the child -------------------------------------------------------------------------------------------------------


def write_frame(pipe: IO[bytes], value: Any) -> None:
    """Writes a value as JSON after its length in four bytes."""
    content = json.dumps(value, ensure_ascii=False).encode()
    pipe.write(struct.pack(">I", len(content)) + content)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> Any:
    """Reads what `write_frame` wrote; raises EOFError when the other side is gone."""
    head = pipe.read(4)
    if len(head) < 4:
        raise EOFError
    length = int(struct.unpack(">I", head)[0])
    content = pipe.read(length) if length <= LARGEST_FRAME_BYTES else b""
    if len(content) < length:
        raise EOFError
    return json.loads(content)


def settings_to_json(configured: Settings) -> dict[str, Any]:
    """The settings as the child reads them."""
    return asdict(configured) | {"folder": str(configured.folder)}


def settings_from_json(value: dict[str, Any]) -> Settings:
    """Reads what `settings_to_json` wrote."""
    document = {name: item for name, item in value.items() if name != "folder"}
    return settings.from_document(document, Path(value["folder"]))


def answer(configured: Settings, request: Any) -> dict[str, Any]:
    """Performs one request; a refusal becomes its class, sentence, field and detail, without any argument in it."""
    try:
        return {"value": perform(configured, request["name"], request["arguments"])}
    except errors.PortalError as error:
        plain = {"sentence": error.sentence, "field": error.field, "detail": error.detail}
        return {"error": type(error).__name__, **plain}


def main() -> None:
    """Serves requests until the parent closes its pipe; nothing else ever writes to the answering pipe."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    # A native library that prints must not spoil the framing.
    os.dup2(2, 1)
    _limit_memory()
    try:
        configured = settings_from_json(read_frame(requests))
        while True:
            write_frame(answers, answer(configured, read_frame(requests)))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        sys.exit(0)


def _limit_memory() -> None:
    """A PDF that unfolds without end ends this process, not the machine."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
