"""The comparison on paper: laid out with the chain's head, and journalled by the hash of what was printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import chain

from commune_portal import clock
from commune_portal.documents import reconciliation
from commune_portal.documents.printing import SHORT_HASH_SIGNS, PrintedBook
from commune_portal.documents.reconciliation import Asked
from commune_portal.paper import comparison_sheet
from commune_portal.paper.ledger import PrintMarks
from commune_portal.people import issuers
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, files, installation, journal


@contextmanager
def print_comparison(actor: Actor, asked: Asked, first: date, last: date, *, folder: str = "") -> Iterator[PrintedBook]:
    """Prints differences, then what agrees; the PDF is there only inside the block."""
    actor.require(Verb.EXCHANGE_COMPARE)
    head = journal.checkpoint().head[:SHORT_HASH_SIGNS]
    every = chain.from_iterable(
        reconciliation.comparison_of(replace(asked, agreeing=agreeing)).every(agreeing=agreeing)
        for agreeing in (False, True)
    )
    counts = reconciliation.comparison_of(asked).counts()
    mine = installation.own().name
    other = dict(reconciliation.peers_of(actor)).get(asked.peer, asked.peer) or "mọi cơ quan"
    pair = f"{mine} gửi đi, nơi nhận: {other}" if asked.side == "outgoing" else f"{mine} nhận về, nơi gửi: {other}"
    parents = [item.parent_name for item in issuers.current(clock.today())]
    cover = comparison_sheet.cover(mine, parents[0] if parents else "", first, last, pair, counts)
    out = files.temporary(".pdf")
    try:
        marks = PrintMarks(head, clock.now(), actor.full_name)
        pages = comparison_sheet.print_comparison(cover, every, out, marks, folder=folder)
        sha256 = files.digest_of(out).sha256
        with database.transaction() as work:
            journal.write(
                work, Act.EXPORTED, actor.uid, files=[sha256],
                facts={"what": "comparison", "side": asked.side, "since": asked.since, "until": asked.until,
                       "peer": asked.peer, "pages": pages},
                texts={"actor_name": actor.full_name},
            )  # fmt: skip
        yield PrintedBook(out, f"Đối chiếu {first.isoformat()} {last.isoformat()}.pdf", sha256, pages, head)
    finally:
        out.unlink(missing_ok=True)
