"""A process at which one party's verbs are done: acts as JSON lines on standard input, answers on standard output.

One process is one installation, so whoever plays several parties has a desk for each. The acts are the real verbs;
`at` lets a demonstration do them in its past year.
"""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import ExitStack, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.documents import (
    arrivals,
    books,
    dispatch,
    incoming,
    issuing,
    outbox,
    outgoing,
    printing,
    tasks,
)
from commune_portal.documents.attachments import Upload, shown
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.outgoing import Draft, LetterText
from commune_portal.errors import PortalError
from commune_portal.node import members
from commune_portal.parties import amending, founding
from commune_portal.parties.acting import ACTS, act, day, person
from commune_portal.people import peers
from commune_portal.people.actors import PORTAL
from commune_portal.rules.kinds import Medium, Urgency
from commune_portal.serve import opened
from commune_portal.settings import load
from commune_portal.store import database, files, journal
from commune_portal.wire import receipt as receipts

__all__ = ["ACTS", "amending", "main", "perform"]  # amending puts its own among the acts


@act
def add_office(code: str, name: str, address: str, out: str) -> None:
    """At a node: makes the enrolment file of an office."""
    Path(out).write_bytes(members.add_office(PORTAL, code, name, address=address))


@act
def introduce(file: str, secrets: str) -> None:
    """At an office: takes an enrolment file."""
    peers.introduce(PORTAL, Path(file).read_bytes(), Path(secrets))


@act
def draft(by: str, type_code: str, subject: str, signer: str, file: str = "", body: str = "", **more: Any) -> int:
    """Begins an outgoing document from a PDF or from typed text."""
    wanted = Draft(
        issuer_id=1,
        type_code=type_code,
        subject=subject,
        signer_id=person(signer).id,
        unit=more.get("unit", "VP"),
        urgency=Urgency(more.get("urgency", 0)),
        medium=Medium(more.get("medium", "electronic")),
        due_date=day(more.get("due_date")),
        deliver_by=clock.from_text(more["deliver_by"]) if "deliver_by" in more else None,
        recipients_text=more.get("recipients_text", ""),
        letter=LetterText(tuple(more.get("addressees", ())), body) if body else None,
        answers_id=more.get("answers_id"),
        note=more.get("note", ""),
    )
    upload = Upload(Path(file), Path(file).name) if file else None
    return outgoing.draft(person(by), wanted, upload)


@act
def submit(by: str, document: int) -> None:
    """Submits a draft."""
    outgoing.submit(person(by), document)


@act
def return_(by: str, document: int, reason: str) -> None:
    """Sends a draft back."""
    outgoing.return_(person(by), document, reason)


@act
def approve(by: str, document: int) -> None:
    """Approves a draft."""
    outgoing.approve(person(by), document)


@act
def sign(by: str, document: int, pin: str) -> None:
    """Signs as the authorised person."""
    issuing.sign(person(by), document, pin)


@act
def number(by: str, document: int, confirmed: bool = True) -> str:  # noqa: FBT001 -- comes from JSON by name
    """Gives the number; answers it as printed."""
    issuing.number(person(by), document, confirmed=confirmed)
    return issuing.printed_code(outgoing.get(document))


@act
def seal(by: str, document: int, pin: str = "") -> str:
    """Seals; answers the document id."""
    issuing.seal(person(by), document, pin)
    return outgoing.get(document).document_id


@act
def void(by: str, document: int, reason: str) -> None:
    """Voids a number."""
    outgoing.void(person(by), document, reason)


@act
def send(by: str, document: int, to: list[str]) -> None:
    """Dispatches to offices."""
    dispatch.dispatch(person(by), document, to)


@act
def register(by: str, sender_name: str, subject: str, **more: Any) -> int:
    """Registers an incoming document that came by hand."""
    file = more.get("file", "")
    wanted = Arrival(
        sender_name=sender_name,
        subject=subject,
        sender_code=more.get("sender_code", ""),
        code_number=more.get("code_number", ""),
        code_notation=more.get("code_notation", ""),
        promulgation_date=day(more.get("promulgation_date")),
        type_name=more.get("type_name", ""),
        signer_name=more.get("signer_name", ""),
        signer_position=more.get("signer_position", ""),
        urgency=Urgency(more.get("urgency", 0)),
        page_amount=more.get("page_amount", 1),
        requires_handling=more.get("requires_handling", True),
        recipient_name=more.get("recipient_name", ""),
        on_paper=not file,
    )
    upload = Upload(Path(file), more.get("file_name") or Path(file).name) if file else None
    return incoming.register(person(by), wanted, upload, confirmed=True)


@act
def accept(by: str, document: int, without_check: bool = False) -> int:  # noqa: FBT001 -- comes from JSON by name
    """Accepts an arrived document into the book; answers its số đến."""
    incoming.accept(person(by), document, without_check=without_check, confirmed=True)
    number = incoming.get(document).number
    assert number is not None
    return number


@act
def refuse(by: str, document: int, reason: str) -> None:
    """Refuses an arrived document."""
    incoming.refuse(person(by), document, reason)


@act
def assign(by: str, document: int, lead: str, supports: list[str] | None = None, **more: Any) -> None:
    """Directs who handles a document."""
    tasks.assign(
        person(by),
        document,
        lead=person(lead).id,
        supports=[person(name).id for name in supports or []],
        direction=more.get("direction", ""),
        due_date=day(more.get("due_date")),
    )


@act
def start(by: str, document: int) -> None:
    """Begins handling."""
    tasks.start(person(by), document)


@act
def complete(by: str, document: int, result: str = "", answered_by: int | None = None) -> None:
    """Ends handling."""
    tasks.complete(person(by), document, result=result, answered_by=answered_by)


@act
def verdict(document: int) -> str:
    """What the check of an incoming document's signatures found, empty before it was checked."""
    found = incoming.get(document).check_verdict
    return found.value if found else ""


@act
def check(document: int) -> str:
    """Checks an incoming document's signatures here and now."""
    return arrivals.check(document).value


@act
def arrived(document_id: str) -> int | None:
    """The incoming document with this document id, None before it arrived."""
    row = database.row("SELECT id FROM incoming WHERE document_id = ? ORDER BY id DESC LIMIT 1", (document_id,))
    return row[0] if row else None


@act
def statuses(document: int) -> list[str]:
    """The status codes that came home for an outgoing document, in the order of arrival."""
    return [line.code.value for line in dispatch.statuses_of(document)]


@act
def main_file(table: str, document: int) -> str:
    """Where the document's present PDF lies in the store."""
    file = shown("incoming" if table == "incoming" else "outgoing", document)
    return str(file.path) if file else ""


@act
def packet_file(document: int) -> str:
    """Where the packet of an outgoing document lies in the store."""
    row = database.row(
        "SELECT sha256 FROM attachments WHERE owner_table = 'outgoing' AND owner_id = ? AND part = 'packet'"
        " ORDER BY id DESC LIMIT 1",
        (document,),
    )
    return str(files.path_of(row[0])) if row else ""


@act
def document_id(document: int) -> str:
    """The document id of an outgoing document."""
    return outgoing.get(document).document_id


@act
def queue() -> dict[str, Any]:
    """The exchange in one line: waiting items, last contact, bytes sent over the link."""
    state = outbox.state()
    sent = database.row("SELECT coalesce(sum(bytes_sent), 0) FROM contacts")[0]
    return {
        "waiting": state.waiting,
        "last_contact": clock.to_text(state.last_contact_at) if state.last_contact_at else "",
        "reason": state.last_reason,
        "bytes_sent": sent,
        "reachable": [row[0] for row in database.rows("SELECT code FROM organisations WHERE reachable = 1")],
    }


@act
def receipts_of(document: int) -> list[str]:
    """Who has given a receipt for an outgoing document: the node and the final receiver, by code."""
    found = database.rows(
        "SELECT r.bytes FROM receipts r JOIN recipients p ON p.message_id = r.message_id WHERE p.outgoing_id = ?",
        (document,),
    )
    return [receipts.parse_unverified(row[0].encode()).receiver for row in found]


@act
def print_book(by: str, direction: str, out: str) -> None:
    """Prints this year's book of a direction to a file."""
    actor = person(by)
    book = next(line for line in books.books(actor, year=clock.today().year) if line.direction == direction)
    with printing.print_book(actor, book.id) as printed:
        shutil.copyfile(printed.path, out)


@act
def mirrored() -> bool:
    """True when the node has the whole journal."""
    sent = database.row("SELECT min(journal_sent) FROM contacts")[0]
    return bool(sent is not None and sent >= journal.checkpoint().size)


def perform(name: str, values: dict[str, Any]) -> Any:
    """Does one act, at another instant where `at` says so."""
    at = values.pop("at", None)
    with clock.standing_at(clock.from_text(at)) if at else nullcontext():
        return ACTS[name](**values)


def main() -> None:
    """The loop: the first act may be `found`, which makes the installation; every other needs one."""
    settings = load(Path(sys.argv[1]))
    stack = ExitStack()
    is_open = False
    with stack:
        for line in sys.stdin:
            asked = json.loads(line)
            try:
                if asked["act"] == "found":
                    values = asked["with"]
                    plan = founding.PartyPlan.from_json(values["plan"])
                    folder = Path(values["authority"])
                    given = values.get("certificates")
                    certificates = founding.Certificates(**given) if given else None
                    founding.found(settings, plan, folder, date.fromisoformat(values["since"]), certificates)
                    database.close()
                    answer: dict[str, Any] = {"value": None}
                else:
                    if not is_open:
                        stack.enter_context(opened(settings))
                        is_open = True
                    answer = {"value": perform(asked["act"], asked["with"])}
            except PortalError as error:
                answer = {
                    "error": type(error).__name__,
                    "sentence": error.sentence,
                    "field": error.field,
                    "detail": error.detail,
                }
            print(json.dumps(answer, ensure_ascii=False), flush=True)  # noqa: T201 -- the answer


if __name__ == "__main__":
    main()
