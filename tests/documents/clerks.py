"""Clerks who work at once: in threads of this process, and in a process of their own (`python -m`)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from commune_portal.documents import incoming, issuing, outgoing
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.outgoing import Draft
from commune_portal.errors import StoreBusy
from commune_portal.people import accounts
from commune_portal.people.actors import Actor
from commune_portal.rules.kinds import Medium
from commune_portal.store import database, installation
from commune_portal.wire import keys
from tests import cast

Task = Callable[[], Any]


def at_once(lanes: Sequence[Sequence[Task]]) -> list[BaseException]:
    """Does each lane in a thread of its own, all of them beginning together; gives what was raised."""
    together = threading.Barrier(len(lanes))
    raised: list[BaseException] = []

    def work(tasks: Sequence[Task]) -> None:
        try:
            together.wait(20)
            for task in tasks:
                try:
                    task()
                except Exception as error:
                    raised.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=work, args=(tasks,)) for tasks in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return raised


def a_paper(code: str) -> Arrival:
    """A letter that came by post."""
    return Arrival(
        sender_name="Ban quản lý chợ", subject=f"Thông báo số {code}", code_number=code, code_notation="TB-BQL",
        on_paper=True,
    )  # fmt: skip


def approved_papers(drafter: Actor, leader: Actor, issuer_id: int, type_codes: Sequence[str]) -> list[int]:
    """Paper documents that wait for their number, one for each type code given."""
    made = []
    for code in type_codes:
        wanted = Draft(
            issuer_id=issuer_id, type_code=code, subject=f"Về việc thử {code}", signer_id=leader.id, unit="VP",
            medium=Medium.PAPER,
        )  # fmt: skip
        row_id = outgoing.draft(drafter, wanted)
        outgoing.submit(drafter, row_id)
        outgoing.approve(leader, row_id)
        made.append(row_id)
    return made


def patiently(act: Callable[[], Any]) -> Any:
    """Tries again while the other process holds the register, as a clerk does who is told «hãy thử lại»."""
    for _ in range(50):
        try:
            return act()
        except StoreBusy:
            continue
    return act()


def main() -> None:
    """`python -m tests.documents.clerks FOLDER USERNAME NAME AMOUNT ROW…`: opens, says so, waits, works."""
    folder, username, name, amount, *rows = sys.argv[1:]
    settings = cast.settings_at(Path(folder))
    installation.open_(settings)
    keys.use(keys.load(settings.secrets_folder))
    found = accounts.by_username(username)
    assert found is not None
    clerk = found.actor
    print("ready", flush=True)
    sys.stdin.readline()
    numbering = [lambda row=int(row): patiently(lambda: issuing.number(clerk, row, confirmed=True)) for row in rows]
    registering = [
        lambda item=item: patiently(lambda: incoming.register(clerk, a_paper(f"{name}{item}"), confirmed=True))
        for item in range(int(amount))
    ]
    raised = at_once([registering[::2], registering[1::2], numbering])
    database.close()
    print(f"done {len(raised)} {raised[:1]}", flush=True)


if __name__ == "__main__":
    main()
