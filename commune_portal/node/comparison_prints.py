"""A node's comparison on paper: laid out with the chain's head, and journalled by the hash of what was printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import chain
from pathlib import Path

from commune_portal import clock
from commune_portal.node import members, reconciliation
from commune_portal.node.reconciliation import Asked
from commune_portal.paper import comparison_sheet
from commune_portal.paper.ledger import PrintMarks
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, files, installation, journal

SHORT_HASH_SIGNS = 12


@contextmanager
def print_comparison(actor: Actor, asked: Asked, first: date, last: date, *, folder: str = "") -> Iterator[Path]:
    """Prints differences, then what agrees; the PDF is there only inside the block."""
    actor.require(Verb.EXCHANGE_COMPARE)
    compared = reconciliation.comparison_of(actor, asked)
    names = {member.code: member.name for member in members.every_member()}
    pair = (
        f"Nơi gửi: {names.get(asked.sender, asked.sender) or 'mọi thành viên'} · "
        f"Nơi nhận: {names.get(asked.recipient, asked.recipient) or 'mọi thành viên'}"
    )
    cover = comparison_sheet.cover(installation.own().name, "", first, last, pair, compared.counts())
    out = files.temporary(".pdf")
    try:
        marks = PrintMarks(journal.checkpoint().head[:SHORT_HASH_SIGNS], clock.now(), actor.full_name)
        lines = chain.from_iterable(compared.every(agreeing=agreeing) for agreeing in (False, True))
        pages = comparison_sheet.print_comparison(cover, lines, out, marks, folder=folder)
        with database.transaction() as work:
            journal.write(
                work, Act.EXPORTED, actor.uid, files=[files.digest_of(out).sha256],
                facts={"what": "comparison", "since": asked.since, "until": asked.until, "sender": asked.sender,
                       "recipient": asked.recipient, "pages": pages},
                texts={"actor_name": actor.full_name},
            )  # fmt: skip
        yield out
    finally:
        out.unlink(missing_ok=True)
