"""A process that has everything imported and forks a child for each task, so that a killed one costs milliseconds.

`python -m tests.stories.nursery LOG` reads tasks as JSON lines and answers each with a JSON line: what the child
acknowledged before it ended, and at which named point it was killed. A child opens one installation, works, and
ends; it kills itself with SIGKILL at the n-th reach of a point when it is asked to.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from commune_portal import clock, points, serve
from commune_portal.documents import arrivals, dispatch, incoming, issuing, outbox, outgoing, tasks
from commune_portal.documents.attachments import Upload
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.outgoing import Draft, LetterText
from commune_portal.node import members
from commune_portal.parties import founding
from commune_portal.people import accounts, peers, trail
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.relay.worker import Worker
from commune_portal.rules.kinds import Urgency
from commune_portal.settings import Relay, Settings, load
from commune_portal.signing import workshop
from commune_portal.store import database, installation, migrate
from commune_portal.store.migrate import Migration
from commune_portal.wire import keys
from tests import cast

HEAVY = (
    "commune_portal.app", "commune_portal.paper.letter", "commune_portal.signing.deferred", "pypdfium2", "reportlab",
    "pyhanko.sign.signers", "pyhanko.sign.validation", "pyhanko.pdf_utils.incremental_writer", "pyhanko.sign.fields",
    "pyhanko.stamp", "pyhanko.sign.diff_analysis", "pyhanko_certvalidator", "waitress", "urllib3", "holidays",
)  # fmt: skip
RELAY = Relay(
    poll_seconds=0.0, timeout_seconds=10.0, retry_seconds=(1.0,), chunk_bytes=16384, largest_chunk_bytes=16384
)
EXTRA = Migration(
    0,
    "thu",
    "".join(f"CREATE TABLE thu_{i} (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;\n" for i in range(12))
    + "ALTER TABLE contacts ADD COLUMN thu TEXT NOT NULL DEFAULT '';\n"
    + "INSERT INTO thu_0 (text) SELECT code FROM organisations;\n",
)

_told = 1


def tell(**said: Any) -> None:
    """Acknowledges something to whoever watches; it is out when this returns."""
    os.write(_told, json.dumps(said).encode() + b"\n")


def arm(point: str, count: int, where: str = "") -> None:
    """Kills this process at the n-th reach of a point; with `where`, of those reached out of that module."""
    left = [count]

    def hook(reached: points.Point) -> None:
        if reached == point and is_within(where):
            left[0] -= 1
            if left[0] == 0:
                tell(killed=point)
                os.kill(os.getpid(), signal.SIGKILL)

    points.hook = hook


def is_within(where: str) -> bool:
    """True when a function of that module of ours is being called now."""
    frame: FrameType | None = sys._getframe()
    while where and frame is not None:
        if frame.f_globals.get("__name__") == f"commune_portal.{where}":
            return True
        frame = frame.f_back
    return not where


def opened(folder: str) -> Settings:
    """Opens an installation in this child, with a workshop in the same process."""
    settings = dataclasses.replace(load(Path(folder) / "portal.toml"), relay=RELAY)
    installation.open_(settings)
    keys.use(keys.load(settings.secrets_folder))
    workshop.configure(settings, in_process=True)
    return settings


def person(username: str) -> Actor:
    found = accounts.by_username(username)
    assert found is not None
    return found.actor


# ── tasks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def found(folder: str, plan: dict[str, Any], authority: str) -> None:
    """Founds an installation."""
    settings = load(Path(folder) / "portal.toml")
    founding.found(settings, founding.PartyPlan.from_json(plan), Path(authority), date(2026, 1, 1))
    database.close()


def add_office(folder: str, code: str, name: str, out: str) -> None:
    """At the node: an enrolment file."""
    settings = opened(folder)
    Path(out).write_bytes(members.add_office(PORTAL, code, name, address=settings.node_address))


def introduce(folder: str, file: str) -> None:
    """At an office: takes the enrolment file."""
    settings = opened(folder)
    peers.introduce(PORTAL, Path(file).read_bytes(), settings.secrets_folder)


def serve_node(folder: str) -> None:
    """Serves the node until it is killed."""
    portal = serve.Portal(opened(folder))
    tell(ready=portal.port)
    portal.run()


class Relaying(Worker):
    """The relay without its pauses."""

    def _pause(self, seconds: float) -> None:
        pass


def contact(folder: str) -> None:
    """One round with the node; acknowledges whether it went well and whether anything is still to be carried."""
    settings = opened(folder)
    hook, points.hook = points.hook, None
    outbox.send_now(person("vanthu"))  # only the relay's own transactions are to be cut
    points.hook = hook
    went = Relaying(settings).contact()
    peer = peers.find_peer()
    behind = peer is None or peers.contact(peer.code).journal_sent < trail.journal_size()
    tell(contact=went, quiet=went and not behind and outbox.state().waiting == 0)


def draft(folder: str, amount: int, annex: str = "", urgency: int = 0) -> None:
    """Begins documents from typed text; the annex makes the packet a long one."""
    opened(folder)
    for _ in range(amount):
        wanted = Draft(
            issuer_id=1, type_code="QD", subject="Về việc thử sức bền của sổ", signer_id=person("chutich").id,
            urgency=Urgency(urgency), letter=LetterText((), "Điều 1. Thử.\nĐiều 2. Thi hành."),
        )  # fmt: skip
        files = (Upload(Path(annex), "anh.jpg"),) if annex else ()
        outgoing.draft(person("chuyenvien"), wanted, None, files)


def work(folder: str, only: list[str], amount: int, scan: str = "", to: str = "") -> None:
    """Does the next steps that anybody in the office could do; each is acknowledged when its verb has returned."""
    opened(folder)
    for _ in range(amount):
        step = next((found for found in steps(scan, to) if found[0] in only), None)
        if step is None:
            return
        name, row_id, act = step
        made = act()
        told = made if name == "register" else row_id
        table = "outgoing" if name in OUTGOING else "incoming"
        number = database.row(f"SELECT number FROM {table} WHERE id = ?", (told,))[0]
        tell(done=name, table=table, row=told, number=number)


OUTGOING = ("submit", "approve", "sign", "number", "seal", "dispatch")
INCOMING = ("accept", "refuse", "assign", "start", "complete")
Step = tuple[str, int, Callable[[], Any]]


def steps(scan: str, to: str) -> Iterator[Step]:
    """What can be done now, what is furthest on its way first."""
    pin, clerk, leader, handler = founding.PIN, person("vanthu"), person("chutich"), person("chuyenvien")
    for row_id, state, sent in database.rows(
        "SELECT id, state, dispatched_at IS NOT NULL FROM outgoing WHERE state <> 'voided' ORDER BY id"
    ):
        if state == "issued" and not sent and to:
            yield "dispatch", row_id, partial(dispatch.dispatch, clerk, row_id, [to])
        elif state == "numbered":
            yield "seal", row_id, partial(issuing.seal, clerk, row_id, pin)
        elif state == "signed":
            yield "number", row_id, partial(issuing.number, clerk, row_id, confirmed=True)
        elif state == "approved":
            yield "sign", row_id, partial(issuing.sign, leader, row_id, pin)
        elif state == "submitted":
            yield "approve", row_id, partial(outgoing.approve, leader, row_id)
        elif state == "draft":
            yield "submit", row_id, partial(outgoing.submit, handler, row_id)
    for row_id, state in database.rows("SELECT id, state FROM incoming WHERE origin = 'exchange' ORDER BY id"):
        if state == "arrived" and row_id % 5 == 3:
            yield "refuse", row_id, partial(incoming.refuse, clerk, row_id, "Gửi nhầm nơi nhận, xin gửi lại")
        elif state == "arrived":
            yield "accept", row_id, partial(_accept, clerk, row_id)
        elif state == "registered":
            yield "assign", row_id, partial(tasks.assign, leader, row_id, lead=handler.id)
        elif state == "assigned":
            yield "start", row_id, partial(tasks.start, handler, row_id)
        elif state == "in-progress":
            yield "complete", row_id, partial(tasks.complete, handler, row_id, result="Đã xong")
    if scan:
        letter = Arrival(sender_name="Ban quản lý chợ", subject=f"Thông báo {clock.now_text()}")
        yield "register", 0, lambda: incoming.register(clerk, letter, Upload(Path(scan), "scan.pdf"), confirmed=True)


def _accept(clerk: Actor, row_id: int) -> None:
    if row_id % 3 == 0 and incoming.get(row_id).check_verdict is None:
        arrivals.check(row_id)  # not each of them: it is slow, and other tests are about it
    incoming.accept(clerk, row_id, without_check=True, confirmed=True)


def upgrade(folder: str, backup: str) -> None:
    """Brings a register to the next schema, which only this test knows."""
    settings = load(Path(folder) / "portal.toml")
    steps_ = migrate.migrations()
    wanted = [*steps_, dataclasses.replace(EXTRA, number=len(steps_) + 1)]
    tell(version=migrate.migrate(settings.database_path, backup=Path(backup), steps=wanted))


TASKS: dict[str, Callable[..., None]] = {
    item.__name__: item for item in (found, add_office, introduce, serve_node, contact, draft, work, upgrade)
}


# ── the nursery itself ────────────────────────────────────────────────────────────────────────────────────────


def _child(asked: dict[str, Any], write: int, log: Path) -> None:
    global _told
    _told = write
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(out, number)
    code = 0
    try:
        if asked.get("arm"):
            arm(*asked["arm"])
        TASKS[asked["task"]](**asked["with"])
        database.close()
    except BaseException as error:
        import traceback

        traceback.print_exc()
        tell(error=f"{type(error).__name__}: {error}")
        code = 1
    sys.stderr.flush()
    os._exit(code)


def _said(read: int) -> list[dict[str, Any]]:
    data = b""
    while piece := os.read(read, 65536):
        data += piece
    os.close(read)
    return [json.loads(line) for line in data.splitlines()]


def main() -> None:
    """The loop."""
    log = Path(sys.argv[1])
    for name in HEAVY:
        importlib.import_module(name)
    cast.cheap_passwords()
    running: dict[int, int] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["task"] == "reap":
            process_id = asked["with"]["process"]
            ended, _ = os.waitpid(process_id, os.WNOHANG)
            if not ended and asked["with"]["end"]:
                os.kill(process_id, signal.SIGKILL)
                os.waitpid(process_id, 0)
                ended = process_id
            answer: dict[str, Any] = {"ended": bool(ended), "said": _said(running.pop(process_id)) if ended else []}
        else:
            read, write = os.pipe()
            process_id = os.fork()
            if process_id == 0:
                os.close(read)
                _child(asked, write, log)
            os.close(write)
            if asked["task"] == "serve_node":
                first = os.read(read, 200).decode()
                running[process_id] = read
                answer = {"process": process_id, "ready": first}
            else:
                said = _said(read)
                os.waitpid(process_id, 0)
                answer = {"said": said}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
