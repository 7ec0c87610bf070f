"""What people do at their desks, at random: the same verbs as behind the buttons, tried where they might be allowed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from typing import Protocol

from commune_portal.documents import dispatch, incoming, outbox, tasks
from commune_portal.documents.incoming import Arrival
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.acts import Act
from commune_portal.store import database, files, journal
from commune_portal.wire.envelope import Kind
from tests.stories.killing import CODES

FEW_LEFT = 11
"""Below so many unsent documents an office turns to what has arrived: a seed is to be short, and of every kind."""

Deed = Callable[[], object]
Choice = tuple[str, int, Deed]
"""A deed with its name and how likely it is."""


class Desk(Protocol):
    """An office at which something can be done."""

    @property
    def key(self) -> str: ...

    def person(self, username: str) -> Actor: ...


def deeds(office: Desk, awake: Sequence[str], source: random.Random, few_left: int = FEW_LEFT) -> list[Choice]:
    """What could be done now at an office, each with a name and how likely it is."""
    clerk = office.person("vanthu")
    found: list[Choice] = []
    others = [CODES[key] for key in awake if key != office.key]
    unsent = database.rows(
        "SELECT id FROM outgoing WHERE state = 'issued' AND dispatched_at IS NULL ORDER BY id LIMIT 20"
    )
    if unsent:
        row_id = source.choice(unsent)[0]
        to = others if source.random() < 0.4 else [source.choice(others)]
        found.append(("dispatch", 12 if len(unsent) > few_left else 2, lambda: dispatch.dispatch(clerk, row_id, to)))
    for row_id, state in database.rows(
        "SELECT id, state FROM incoming WHERE origin = 'exchange' AND state NOT IN ('completed', 'refused')"
    ):
        if state == "arrived":
            found.append(("accept", 14, _accept(office, row_id)))
            found.append(("refuse", 4, _refuse(office, row_id)))
        elif state == "registered":
            found.append(("assign", 10, _assign(office, row_id)))
        if state in ("registered", "assigned"):
            found.append(("start", 6, _start(office, row_id)))
        if state in ("assigned", "in-progress"):
            found.append(("complete", 8, _complete(office, row_id)))
    letter = Arrival(sender_name="Ban quản lý chợ", subject="Thông báo", on_paper=True)
    found.append(("register paper", 1, lambda: incoming.register(clerk, letter, confirmed=True)))
    found.append(("send poison", 1, lambda: poison(source.choice(others), source)))
    found.append(("send again now", 1, lambda: outbox.send_now(clerk)))
    return found


def one_deed(office: Desk, awake: Sequence[str], source: random.Random, few_left: int = FEW_LEFT) -> str:
    """Does one thing that somebody could do now; gives its name, raises what the verb raises."""
    from tests.model import amending

    choices = [
        *deeds(office, awake, source, few_left), *amending.askings(office, source),
        *amending.answerings(office, source),
    ]  # fmt: skip
    name, _, act = source.choices(choices, [weight for _, weight, _ in choices])[0]
    act()
    return name


def _accept(office: Desk, row_id: int) -> Deed:
    return lambda: incoming.accept(office.person("vanthu"), row_id, without_check=True, confirmed=True)


def _refuse(office: Desk, row_id: int) -> Deed:
    return lambda: incoming.refuse(office.person("vanthu"), row_id, "Gửi nhầm nơi nhận, đề nghị gửi lại")


def _assign(office: Desk, row_id: int) -> Deed:
    return lambda: tasks.assign(office.person("chutich"), row_id, lead=office.person("chuyenvien").id)


def _start(office: Desk, row_id: int) -> Deed:
    return lambda: tasks.start(office.person("chuyenvien"), row_id)


def _complete(office: Desk, row_id: int) -> Deed:
    return lambda: tasks.complete(office.person("chuyenvien"), row_id, result="Đã xong")


def poison(code: str, source: random.Random) -> None:
    """Queues what no reader can read, in an envelope as good as any."""
    stored = files.keep(b"<edXML>" + source.randbytes(60))
    with database.transaction() as work:
        head = journal.write(work, Act.EXPORTED, PORTAL.uid, about="model:poison")
        outbox.queue(
            work, message_id=str(uuid.UUID(int=source.getrandbits(128), version=4)), kind=Kind.STATUS,
            recipient_code=code, urgency=0, packet=stored, checkpoint=head, about="model:poison",
        )  # fmt: skip
