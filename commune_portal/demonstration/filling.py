"""The process that fills one office, or serves the node, while the demonstration's year passes; the real verbs.

It reads JSON lines: `found` makes the installation, `do` performs the acts of one round and makes contact with the
node, `clock` moves the node's time, `keep` makes the recovery key and a backup. One answer line follows each.
Until the year is over nothing is synced to the disk: a folder that was not finished is thrown away by the next start.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.demonstration import keeping, opening
from commune_portal.demonstration.acts import Planned
from commune_portal.documents import (
    arrivals,
    dispatch,
    incoming,
    issuing,
    outgoing,
    recalls,
    replacements,
    takebacks,
    tasks,
    updates,
)
from commune_portal.documents.attachments import Upload
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.outgoing import Draft, LetterText
from commune_portal.errors import ClockDoubtful, PortalError, RuleBroken
from commune_portal.node import members
from commune_portal.parties import founding
from commune_portal.parties.founding import PIN, PartyPlan
from commune_portal.people import accounts, peers
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.relay import packing, unpacking
from commune_portal.relay.worker import Worker
from commune_portal.rules.kinds import Medium, Urgency
from commune_portal.serve import Portal, opened
from commune_portal.settings import Settings, load
from commune_portal.signing import workshop
from commune_portal.store import database

TEXTS = (
    "sender_name", "subject", "code_number", "code_notation", "type_name", "signer_name", "signer_position",
    "recipient_name",
)  # fmt: skip


class Filling:
    """One office while it is filled: its people, and where its documents got their rows."""

    def __init__(self, settings: Settings, scans: Path) -> None:
        self._settings = settings
        self._scans = scans
        self._people: dict[str, Actor] = {}
        self._rows: dict[str, int] = {}
        self._worker = Worker(settings)

    def person(self, username: str) -> Actor:
        """An account as an actor."""
        if username not in self._people:
            found = accounts.by_username(username)
            assert found is not None, username
            self._people[username] = found.actor
        return self._people[username]

    def row(self, key: str) -> int:
        """The row of a document: its own by the plan's key, one that came by sender and subject."""
        if key not in self._rows:
            sender, subject = key.split("|", 1)
            found = database.row(
                "SELECT id FROM incoming WHERE origin = 'exchange' AND sender_code = ? AND subject = ?"
                " ORDER BY id DESC LIMIT 1",
                (sender, subject),
            )
            if found is None:
                raise RuleBroken(f"Chưa thấy văn bản «{subject}» từ {sender}.")
            self._rows[key] = found[0]
        return self._rows[key]

    def perform(self, act: Planned) -> None:
        """Does one act at its instant."""
        values = dict(act.values)
        by = self.person(values.pop("by"))
        with clock.standing_at(act.at) if act.at else nullcontext():
            ACTS[act.name](self, by, **values)

    def contact(self, at: str, *, checked: bool) -> None:
        """One round with the node, and where somebody will look at it the check of what came."""
        with clock.standing_at(clock.from_text(at)) if at else nullcontext():
            peer = peers.peer()
            if not self._worker.contact():
                raise PortalError("Không liên lạc được với nút của bản trình diễn.", detail=peer.address)
            if checked:
                self._worker.check_arrivals()

    # -- acts -----------------------------------------------------------------------------------------------------

    def register(self, by: Actor, key: str, **values: Any) -> None:
        """Registers what came by hand: paper, or a scan."""
        scan = values.get("scan")
        arrival = Arrival(
            **{name: values[name] for name in TEXTS if name in values},
            promulgation_date=_day(values.get("promulgation_date", "")),
            urgency=Urgency(values.get("urgency", 0)),
            page_amount=values["page_amount"],
            requires_handling=values["requires_handling"],
            on_paper=not scan,
        )
        upload = Upload(self._scans / scan, f"{arrival.type_name} {arrival.code_number}.pdf") if scan else None
        self._rows[key] = _confirmed(lambda sure: incoming.register(by, arrival, upload, confirmed=sure))

    def accept(self, by: Actor, key: str) -> None:
        """Accepts what came through the node; a signature that could not be checked is known to be a trial one."""
        row = self.row(key)
        _confirmed(lambda sure: incoming.accept(by, row, without_check=_is_doubtful(row), confirmed=sure))

    def refuse(self, by: Actor, key: str, reason: str) -> None:
        """Returns what came through the node."""
        incoming.refuse(by, self.row(key), reason)

    def assign(self, by: Actor, key: str, lead: str, direction: str, due: str, supports: tuple[str, ...] = ()) -> None:
        """Directs who handles a document."""
        supporting = [self.person(name).id for name in supports]
        tasks.assign(
            by, self.row(key), lead=self.person(lead).id, supports=supporting, direction=direction, due_date=_day(due)
        )

    def start(self, by: Actor, key: str) -> None:
        """Begins handling."""
        tasks.start(by, self.row(key))

    def complete(self, by: Actor, key: str, result: str, answered_by: str) -> None:
        """Ends handling."""
        answer = self.row(answered_by) if answered_by else None
        tasks.complete(by, self.row(key), result=result, answered_by=answer)

    def draft(self, by: Actor, key: str, **values: Any) -> None:
        """Begins an outgoing document."""
        body = values["body"]
        wanted = Draft(
            issuer_id=values["issuer"],
            type_code=values["type"],
            subject=values["subject"],
            medium=Medium(values["medium"]),
            unit=values["unit"],
            signer_id=self.person(values["signer"]).id,
            urgency=Urgency(values["urgency"]),
            due_date=_day(values["due"]),
            recipients_text=values["recipients_text"],
            letter=LetterText(tuple(values["addressees"]), body) if body else None,
            answers_id=self.row(values["answers"]) if values["answers"] else None,
            note=values["note"],
        )
        upload = Upload(self._scans / values["upload"], values["upload"]) if values["upload"] else None
        self._rows[key] = outgoing.draft(by, wanted, upload)

    def submit(self, by: Actor, key: str) -> None:
        """Submits a draft."""
        outgoing.submit(by, self.row(key))

    def return_(self, by: Actor, key: str, reason: str) -> None:
        """Sends a draft back."""
        outgoing.return_(by, self.row(key), reason)

    def approve(self, by: Actor, key: str) -> None:
        """Approves a draft."""
        outgoing.approve(by, self.row(key))

    def sign(self, by: Actor, key: str) -> None:
        """Signs as the authorised person."""
        issuing.sign(by, self.row(key), PIN)

    def number(self, by: Actor, key: str) -> None:
        """Gives the number."""
        row = self.row(key)
        _confirmed(lambda sure: issuing.number(by, row, confirmed=sure))

    def seal(self, by: Actor, key: str) -> None:
        """Seals."""
        issuing.seal(by, self.row(key), PIN)

    def void(self, by: Actor, key: str, reason: str) -> None:
        """Voids a number."""
        outgoing.void(by, self.row(key), reason)

    def send(self, by: Actor, key: str, to: list[str]) -> None:
        """Dispatches to offices."""
        dispatch.dispatch(by, self.row(key), to)

    def recall(self, by: Actor, key: str, notice: str, reason: str) -> None:
        """Withdraws an issued document by its notice."""
        recalls.recall(by, self.row(key), self.row(notice), reason)

    def replace(self, by: Actor, key: str, new: str, reason: str) -> None:
        """Puts a newer document in the place of one that was sent."""
        replacements.replace(by, self.row(key), self.row(new), reason)

    def take_back(self, by: Actor, key: str, organ: str, reason: str) -> None:
        """Asks one receiver to give a document back."""
        to = next(item for item in dispatch.recipients(self.row(key)) if item.organ_code == organ)
        takebacks.take_back(by, to.id, reason)

    def update(self, by: Actor, key: str, due: str, reason: str) -> None:
        """Gives the receivers another deadline."""
        wanted = updates.metadata_of(outgoing.get(self.row(key)))
        updates.update(by, self.row(key), dataclasses.replace(wanted, due_date=_day(due)), reason)


ACTS: dict[str, Callable[..., None]] = {
    "register": Filling.register, "accept": Filling.accept, "refuse": Filling.refuse, "assign": Filling.assign,
    "start": Filling.start, "complete": Filling.complete, "draft": Filling.draft, "submit": Filling.submit,
    "return": Filling.return_, "approve": Filling.approve, "sign": Filling.sign, "number": Filling.number,
    "seal": Filling.seal, "void": Filling.void, "send": Filling.send, "recall": Filling.recall,
    "replace": Filling.replace, "take_back": Filling.take_back, "update": Filling.update,
}  # fmt: skip


def _confirmed(numbering: Callable[[bool], Any]) -> Any:
    """Numbers a document; after days off the date is confirmed, as a clerk would."""
    try:
        return numbering(False)
    except ClockDoubtful:
        return numbering(True)


def _is_doubtful(row: int) -> bool:
    verdict = incoming.get(row).check_verdict
    return verdict is None or not verdict.acceptable


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _office(settings: Settings, asked: Callable[[], dict[str, Any] | None], scans: Path) -> None:
    """Answers the requests of an office: introduced once, then rounds."""
    bench = workshop.configure(settings, in_process=True)
    filling = Filling(settings, scans)
    while (request := asked()) is not None:
        if "introduce" in request:
            with clock.standing_at(clock.from_text(request["at"])):
                peers.introduce(PORTAL, Path(request["introduce"]).read_bytes(), settings.secrets_folder)
                opening.prepare(request["office"])
        elif "bag" in request:
            with clock.standing_at(clock.from_text(request["at"])):
                unpacking.import_all(PORTAL, settings, request["bag"])
        elif "keep" in request:
            keeping.keep(settings)
        else:
            for item in request["acts"]:
                act = Planned.from_json(item)
                try:
                    filling.perform(act)
                except PortalError as error:
                    raise RuntimeError(f"{act.name} {act.at} {act.values}: {error}") from error
            if request["contact"] is not None:
                filling.contact(request["contact"], checked=request["checked"])
        _say({})
    arrivals.unchecked()
    bench.close()


def _node(settings: Settings, asked: Callable[[], dict[str, Any] | None]) -> None:
    """Serves a node whose clock is moved from outside."""
    portal = Portal(settings)
    thread = threading.Thread(target=portal.run, name="node", daemon=True)
    thread.start()
    with ExitStack() as stack:
        while (request := asked()) is not None:
            stack.close()
            if request["clock"]:
                stack.enter_context(clock.standing_at(clock.from_text(request["clock"])))
            for office in request.get("offices", ()):
                file = members.add_office(PORTAL, office["code"], office["name"], address=portal.address.rstrip("/"))
                Path(office["out"]).write_bytes(file)
            if "bag" in request:
                packing.export(PORTAL, settings, request["bag"], request["to"])
            if "keep" in request:
                keeping.make_key()
            _say({})
    portal.close()
    thread.join(10)


def _asked() -> dict[str, Any] | None:
    line = sys.stdin.readline()
    return dict(json.loads(line)) if line else None


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201 -- the answer to the parent


def main() -> None:
    """The loop: found, then whatever the role asks for, then everything is brought to the disk."""
    settings = load(Path(sys.argv[1]))
    request = _asked()
    if request is None:
        return
    plan = PartyPlan.from_json(request["plan"])
    founding.found(settings, plan, Path(request["authority"]), date.fromisoformat(request["since"]))
    database.close()
    with opened(settings):
        database.connect().execute("PRAGMA synchronous = OFF")
        _say({})
        if settings.role == "node":
            _node(settings, _asked)
        else:
            _office(settings, _asked, Path(request["scans"]))
        database.connect().execute("PRAGMA synchronous = FULL")
        database.connect().execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    main()
