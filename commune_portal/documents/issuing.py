"""Signing, numbering and sealing: three verbs, with the slow work of the token outside every transaction.

`number` fixes number and date; `seal` may be tried again with the same number and date until the organisation's
signature is there. The page shows one button for both. Source: NĐ 30/2020, Điều 13, 15, 17, 32; decisions 13.
"""

from __future__ import annotations

from pathlib import Path

from commune_portal import clock, points
from commune_portal.documents import attachments, books, outgoing, visibility
from commune_portal.documents.attachments import PDF, File, Kept
from commune_portal.documents.outgoing import Outgoing
from commune_portal.errors import RuleBroken, SigningFailed, StoreDamaged
from commune_portal.people import issuers, mandates, office_rules
from commune_portal.people.actors import Actor
from commune_portal.rules import dates, kinds, numbering, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.kinds import Medium
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import OutgoingAct, OutgoingState
from commune_portal.signing.drafts import LEADER_FIELD
from commune_portal.signing.workshop import workshop
from commune_portal.store import database, files, journal, search
from commune_portal.store.register import Work


def sign(actor: Actor, row_id: int, pin: str, *, confirm_final: bool = False) -> None:
    """The authorised person's signature, by the certificate of the mandate; the PIN is passed on and forgotten.

    Raises the token errors (nothing changes then), among them TokenLastTry until `confirm_final` says that the last
    try before the token locks itself is meant; RuleBroken without a mandate. Source: NĐ 30/2020, Điều 13.7.
    """
    visibility.require(actor, Verb.OUTGOING_SIGN, "outgoing", row_id)
    now = outgoing.get(row_id)
    state = statuses.next_outgoing(now.state, OutgoingAct.SIGN, now.medium)
    if now.medium is Medium.PAPER:
        raise RuleBroken("Văn bản giấy được ký tay, không ký số. Hãy chuyển văn thư cấp số.")
    mandate = outgoing.require_mandate(actor, now)
    if not mandate.certificate_sha256:
        raise RuleBroken(
            "Chưa khai chứng thư số của người ký. Hãy báo người quản trị chọn chứng thư trong phần Đơn vị."
        )
    prepared = _standing(row_id, "prepared")
    files.refuse_below_floor()
    out = files.temporary(".pdf")
    try:
        workshop().sign_leader(
            prepared.path,
            out,
            certificate_sha256=mandate.certificate_sha256,
            pin=pin,
            png=_picture(mandate),
            confirm_final=confirm_final,
        )
        kept = Kept(files.adopt(out), prepared.name, PDF)
    finally:
        out.unlink(missing_ok=True)
    with database.transaction() as work:
        _still_standing(work, prepared)
        work.update("outgoing", row_id, {"state": state, "signed_at": clock.now_text()}, expected={"state": now.state})
        attachments.attach(work, "outgoing", row_id, "signed", kept)
        journal.write(
            work, Act.OUTGOING_SIGNED, actor.uid, about=now.about, before=now.state, after=state,
            files=[kept.stored.sha256], facts={"certificate": mandate.certificate_sha256},
            texts={"signer": now.signer_name, "actor_name": actor.full_name},
        )  # fmt: skip


def number(actor: Actor, row_id: int, *, confirmed: bool = False) -> None:
    """Gives number, date and document id, once and for ever; raises ClockDoubtful until a doubtful date is confirmed.

    Source: NĐ 30/2020, Điều 15; QĐ 28/2018, Điều 10.2.b.
    """
    visibility.require(actor, Verb.OUTGOING_NUMBER, "outgoing", row_id)
    now = outgoing.get(row_id)
    state = statuses.next_outgoing(now.state, OutgoingAct.NUMBER, now.medium)
    on = clock.today()
    kind = kinds.document_type(now.type_code, on)
    rules = office_rules.numbering_rules(on, now.issuer_id)
    issuer = issuers.issuer(now.issuer_id)
    with database.transaction() as work:
        given = books.give(
            work,
            direction="outgoing",
            issuer_id=now.issuer_id,
            key=numbering.book_key(rules, kind),
            name=numbering.book_name(rules, kind),
            on=on,
            confirmed=confirmed,
        )
        document_id = books.mint_document_id(work, now.issuer_id, issuer.code, given.year)
        work.update(
            "outgoing",
            row_id,
            {
                "state": state,
                "book_id": given.book_id,
                "year": given.year,
                "number": given.number,
                "document_id": document_id,
                "promulgation_date": on.isoformat(),
                "numbered_at": clock.now_text(),
                "numbered_by": actor.id,
            },
            expected={"state": now.state, "number": None},
        )
        search.put(
            work, "outgoing", row_id,
            [
                numbering.number_and_symbol(given.number, now.symbol, rules.zero_width), now.symbol, now.type_name,
                now.subject, now.signer_name, now.recipients_text, now.note,
            ],
        )  # fmt: skip
        journal.write(
            work, Act.OUTGOING_NUMBERED, actor.uid, about=now.about, before=now.state, after=state,
            issuer=issuer.code, book=given.key, year=given.year, number=given.number,
            dates={"promulgated": on.isoformat(), "due": now.due_date.isoformat() if now.due_date else None},
            facts={
                "document": document_id, "medium": now.medium, "urgency": int(now.urgency),
                "signed": int(now.signed_at is not None), "clock_confirmed": int(confirmed),
            },
            texts={
                "symbol": now.symbol, "type_name": now.type_name, "subject": now.subject, "signer": now.signer_name,
                "recipients": now.recipients_text, "author": issuer.name, "actor_name": actor.full_name,
                "note": now.note,
            },
        )  # fmt: skip


def seal(actor: Actor, row_id: int, pin: str = "", *, confirm_final: bool = False) -> None:
    """The organisation's signature over number and date, in one revision; the document is then issued.

    Refuses without a valid signature of the person who was authorised on that day. Paper gets its ink seal here.
    Source: NĐ 30/2020, Điều 17.2, 32.2; law.md §11.2.
    """
    points.reach("between-number-and-seal")
    visibility.require(actor, Verb.OUTGOING_SEAL, "outgoing", row_id)
    now = outgoing.get(row_id)
    state = statuses.next_outgoing(now.state, OutgoingAct.SEAL, now.medium)
    if now.medium is Medium.PAPER:
        _issue(actor, now, state, None, [])
        return
    issuer = issuers.issuer(now.issuer_id)
    if not issuer.certificate_sha256:
        raise RuleBroken("Chưa khai chứng thư số của cơ quan. Hãy báo người quản trị chọn chứng thư trong phần Đơn vị.")
    signed = _standing(row_id, "signed")
    _require_authorised(now, signed)
    files.refuse_below_floor()
    out = files.temporary(".pdf")
    try:
        workshop().number_and_seal(
            signed.path,
            out,
            certificate_sha256=issuer.certificate_sha256,
            pin=pin,
            number=_number_text(now),
            date=_date_text(now, issuer.place),
            png=files.path_of(issuer.seal_sha256) if issuer.seal_sha256 else None,
            confirm_final=confirm_final,
        )
        kept = Kept(files.adopt(out), signed.name, PDF)
    finally:
        out.unlink(missing_ok=True)
    annexes = _sealed_annexes(now, issuer.certificate_sha256, pin)
    points.reach("between-seal-and-store")
    _issue(actor, now, state, kept, annexes, signed)


def _issue(
    actor: Actor,
    now: Outgoing,
    state: OutgoingState,
    kept: Kept | None,
    annexes: list[tuple[File, Kept]],
    signed: File | None = None,
) -> None:
    with database.transaction() as work:
        if signed is not None:
            _still_standing(work, signed)
        work.update("outgoing", now.id, {"state": state, "sealed_at": clock.now_text()}, expected={"state": now.state})
        hashes = []
        if kept is not None:
            attachments.attach(work, "outgoing", now.id, "sealed", kept)
            hashes.append(kept.stored.sha256)
        for before, after in annexes:
            work.update("attachments", before.id, {"superseded_at": clock.now_text()})
            attachments.attach(work, "outgoing", now.id, "annex", after, before.ordinal)
            hashes.append(after.stored.sha256)
        journal.write(
            work, Act.OUTGOING_SEALED, actor.uid, about=now.about, before=now.state, after=state, year=now.year,
            number=now.number, files=hashes, facts={"document": now.document_id, "medium": now.medium},
            texts={"actor_name": actor.full_name},
        )  # fmt: skip


def _require_authorised(now: Outgoing, signed: File) -> None:
    """The guard of the organisation's key. Source: NĐ 30/2020, Điều 32.2.c."""
    report = workshop().verify(signed.path)
    leader = report.of_field(LEADER_FIELD)
    if leader is None or not leader.integrity_ok or not leader.verdict.acceptable:
        raise RuleBroken(
            "Chữ ký số của người có thẩm quyền chưa hợp lệ nên không ký số của cơ quan. Hãy trả lại để ký lại.",
            detail=leader.why if leader else "no leader signature",
        )
    assert now.signer_id is not None
    assert now.promulgation_date is not None
    on = clock.civil(now.signed_at) if now.signed_at else now.promulgation_date
    mandate = mandates.mandate_for(now.signer_id, now.issuer_id, on)
    if mandate is None or mandate.certificate_sha256 != leader.certificate_sha256:
        raise RuleBroken(
            "Chứng thư đã ký không phải của người được giao thẩm quyền vào ngày ký. Hãy trả lại để ký lại."
        )


def _sealed_annexes(now: Outgoing, certificate_sha256: str, pin: str) -> list[tuple[File, Kept]]:
    """Each annex in a separate PDF carries the organisation's signature of its own. Source: Phụ lục I, II.8.b."""
    pairs = []
    for file in attachments.annexes("outgoing", now.id):
        if file.media_type != PDF:
            continue
        out = files.temporary(".pdf")
        try:
            workshop().sign_annex(
                file.path, out, certificate_sha256=certificate_sha256, pin=pin, number_and_symbol=printed_code(now)
            )
            pairs.append((file, Kept(files.adopt(out), file.name, PDF)))
        finally:
            out.unlink(missing_ok=True)
    return pairs


def printed_code(document: Outgoing) -> str:
    """`05/QĐ-UBND`, or the symbol alone before a number is given."""
    if document.number is None:
        return f"/{document.symbol}"
    width = office_rules.numbering_rules(document.promulgation_date or clock.today(), document.issuer_id).zero_width
    return numbering.number_and_symbol(document.number, document.symbol, width)


def _number_text(document: Outgoing) -> str:
    assert document.number is not None
    assert document.promulgation_date is not None
    return numbering.format_number(
        document.number, office_rules.numbering_rules(document.promulgation_date, document.issuer_id).zero_width
    )


def _date_text(document: Outgoing, place: str) -> str:
    assert document.promulgation_date is not None
    return dates.printed_date(place, document.promulgation_date)


def _picture(mandate: mandates.Mandate) -> Path | None:
    return files.path_of(mandate.picture_sha256) if mandate.picture_sha256 else None


def _standing(row_id: int, part: attachments.Part) -> File:
    file = attachments.current("outgoing", row_id, part)
    if file is None:
        raise SigningFailed("Không thấy tệp để ký. Hãy trả lại dự thảo và trình lại.")
    if not files.is_sound(files.root(), file.sha256):
        raise StoreDamaged(detail=file.sha256)
    return file


def _still_standing(work: Work, file: File) -> None:
    found = work.execute("SELECT 1 FROM attachments WHERE id = ? AND superseded_at IS NULL", (file.id,)).fetchone()
    if found is None:
        raise RuleBroken("Dự thảo vừa được thay đổi trong lúc ký. Hãy tải lại trang và ký bản mới.")
