"""What makes an incoming document findable."""

from __future__ import annotations

from commune_portal.edxml import package
from commune_portal.errors import NotFound
from commune_portal.store import search
from commune_portal.store.register import Work


def put_in_search(work: Work, row_id: int) -> None:
    """Makes an incoming document findable by everything that a clerk knows of it."""
    row = work.execute(
        "SELECT code_number, code_notation, type_name, subject, sender_name, signer_name, recipient_name, note, number"
        " FROM incoming WHERE id = ?",
        (row_id,),
    ).fetchone()
    if row is None:
        raise NotFound
    code = package.Code(row[0], row[1]).printed
    search.put(work, "incoming", row_id, [code, *row[1:8], str(row[8] or "")])
