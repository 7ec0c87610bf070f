"""A draft's PDF with its four empty fields: composed in the Decree 30 layout, or an upload with places found.

The slow work (composing, reading a text layer, writing form fields) is done in the workshop, outside transactions.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal.documents import attachments
from commune_portal.documents.attachments import PDF, Kept
from commune_portal.errors import Malformed
from commune_portal.paper.places import Places
from commune_portal.people import issuers
from commune_portal.rules.kinds import Competence
from commune_portal.signing.workshop import workshop
from commune_portal.store import files

if TYPE_CHECKING:
    from commune_portal.documents.outgoing import Outgoing
    from commune_portal.paper.letter import Letter


COLLECTIVES = ("Ủy ban nhân dân", "Hội đồng nhân dân")
"""Bodies in whose name a person signs: the place stands in the head of the letter and is not said again."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A draft ready to be signed: its file in the store, the places of its fields, its pages."""

    file: Kept
    places: Places
    pages: int


def prepare(document: Outgoing, corrected: Places | None) -> Prepared:
    """Makes the PDF that will be signed; raises Malformed when there is nothing to make it from."""
    upload = attachments.current("outgoing", document.id, "draft")
    files.refuse_below_floor()
    composed = files.temporary(".pdf")
    out = files.temporary(".pdf")
    try:
        if upload is not None:
            source = upload.path
            name = upload.name
            places = corrected or guess(source)
        elif document.letter is not None:
            source = composed
            name = file_name(document)
            places = compose(document, composed)
        else:
            raise Malformed("Dự thảo chưa có nội dung. Hãy tải lên tệp PDF hoặc soạn nội dung.", field="file")
        workshop().prepare_draft(source, out, places)
        pages = workshop().page_count(out)
        return Prepared(Kept(files.adopt(out), name, PDF), places, pages)
    finally:
        composed.unlink(missing_ok=True)
        out.unlink(missing_ok=True)


def guess(source: Path) -> Places:
    """Where an upload's own text layer says that number, date and signatures go."""
    return workshop().guess_places(source)


def require_fit(source: Path) -> None:
    """Refuses at once an upload that could never be signed here: signed, certified, encrypted, broken, or no PDF."""
    out = files.temporary(".pdf")
    try:
        workshop().prepare_draft(source, out, guess(source))
    finally:
        out.unlink(missing_ok=True)


def compose(document: Outgoing, out: Path) -> Places:
    """Draws a typed letter to `out` and says where its fields go."""
    from commune_portal.paper.letter import compose as draw

    return draw(letter_of(document), out).places


def letter_of(document: Outgoing) -> Letter:
    """The typed letter with everything that the Decree 30 layout prints around it."""
    from commune_portal.paper.body import blocks_from_text
    from commune_portal.paper.letter import Letter

    if document.letter is None:
        raise Malformed("Dự thảo này là tệp tải lên, không có nội dung soạn.", field="letter")
    if not document.letter.body:
        raise Malformed("Chưa có nội dung văn bản. Hãy nhập nội dung.", field="body")
    issuer = issuers.issuer(document.issuer_id)
    lettered = document.type_code in ("CV", "THUCONG")
    return Letter(
        parent_name=issuer.parent_name,
        issuer_name=issuer.name,
        place=issuer.place,
        notation=document.symbol,
        type_name=None if lettered else document.type_name,
        subject=_without_lead(document.subject) if lettered else document.subject,
        body=blocks_from_text(document.letter.body, with_basis=not lettered),
        position=document.signer_position,
        signer_name=document.signer_name,
        competence=competence_lines(Competence(document.competence), issuer.name),
        addressees=document.letter.addressees,
        recipients=_recipients(document.recipients_text),
        filing=", ".join(["VT", *([document.unit] if document.unit else [])]),
        urgency=document.urgency,
    )


def _without_lead(subject: str) -> str:
    """A letter's subject without the "V/v" that the layout prints itself."""
    found = re.match(r"(?:v/v|về việc)[\s:]+", subject, re.IGNORECASE)
    return subject[found.end() :] if found else subject


def _recipients(text: str) -> tuple[str, ...]:
    """The typed "Nơi nhận" without the dashes, semicolons and the line "Lưu: …" that the layout prints itself."""
    lines = (line.strip().lstrip("-–+ ").rstrip(" ;.") for line in text.split("\n"))
    return tuple(line for line in lines if line and not re.match(r"lưu\s*:", line, re.IGNORECASE))


def competence_lines(competence: Competence, issuer_name: str) -> tuple[str, ...]:
    """The lines above the signer's post. Source: NĐ 30/2020, Phụ lục I, II.7.b."""
    head = "CHỦ TỊCH"
    body = next((name for name in COLLECTIVES if issuer_name.casefold().startswith(name.casefold())), issuer_name)
    if competence is Competence.TM:
        return (f"TM. {body.upper()}",)
    if competence is Competence.KT:
        return (f"TM. {body.upper()}", f"KT. {head}")
    if competence in (Competence.TL, Competence.TUQ):
        return (f"{competence.mark} {head}",)
    return ()


def file_name(document: Outgoing) -> str:
    """A composed document's file name, for people."""
    return f"{document.type_name} - {textwrap.shorten(document.subject, 80, placeholder='…')}.pdf"
