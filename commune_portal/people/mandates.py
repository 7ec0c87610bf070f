"""Who may sign for which issuer, in whose name, until when, with which certificate.

Source: NĐ 30/2020, Điều 13 (ký thay mặt, ký thay, thừa ủy quyền, thừa lệnh; the mandate is written and dated).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from commune_portal import clock
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.people import accounts, issuers
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.folding import clean_line
from commune_portal.rules.kinds import Competence
from commune_portal.rules.permissions import Role, Verb
from commune_portal.store import database, journal


@dataclass(frozen=True, slots=True)
class Mandate:
    """One person's right to sign for one issuer; `position` is what stands above the signature."""

    id: int
    uid: str
    account_id: int
    issuer_id: int
    competence: Competence
    position: str
    certificate_sha256: str
    picture_sha256: str
    basis: str
    valid_from: date
    valid_until: date | None

    def is_valid(self, on: date) -> bool:
        """Whether it holds on a day."""
        return self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)


def give(
    by: Actor,
    *,
    account_id: int,
    issuer_id: int,
    competence: Competence,
    position: str,
    basis: str = "",
    certificate_sha256: str = "",
    valid_from: date | None = None,
    valid_until: date | None = None,
) -> Mandate:
    """Gives a person a mandate; an acting (TUQ) one needs its paper and its end.

    Raises RuleBroken for somebody who is no leader or who holds one that overlaps, Malformed for what is missing.
    """
    by.require(Verb.ADMINISTRATION_OFFICE)
    holder, signs_for = accounts.account(account_id), issuers.issuer(issuer_id)
    begins, position, basis = valid_from or clock.today(), clean_line(position), clean_line(basis)
    if Role.LEADER not in holder.roles:
        raise RuleBroken("Chỉ người có vai trò Lãnh đạo được giao thẩm quyền ký. Hãy giao vai trò trước.")
    if not position:
        raise Malformed("Hãy ghi chức vụ in trên văn bản, ví dụ: Chủ tịch.", field="position")
    if valid_until is not None and valid_until < begins:
        raise Malformed("Ngày hết hạn phải sau ngày bắt đầu.", field="valid_until")
    if competence is Competence.TUQ and (not basis or valid_until is None):
        raise Malformed("Thừa ủy quyền cần văn bản giao và thời hạn.", field="basis" if not basis else "valid_until")
    fresh = {
        "account_id": account_id,
        "issuer_id": issuer_id,
        "competence": competence.value,
        "position": position,
        "certificate_sha256": certificate_sha256,
        "basis": basis,
        "valid_from": begins.isoformat(),
        "valid_until": valid_until.isoformat() if valid_until else None,
    }
    with database.transaction() as work:
        overlapping = work.execute(
            "SELECT 1 FROM mandates WHERE account_id = ? AND issuer_id = ? AND valid_from <= ?"
            " AND (valid_until IS NULL OR valid_until >= ?)",
            (account_id, issuer_id, fresh["valid_until"] or "9999-12-31", fresh["valid_from"]),
        ).fetchone()
        if overlapping:
            raise RuleBroken("Người này đang có thẩm quyền ký cho cơ quan đó. Hãy kết thúc thẩm quyền cũ trước.")
        row = work.insert("mandates", fresh)
        journal.write(
            work,
            Act.MANDATE_SET,
            by.uid,
            about=f"mandate:{row.uid}",
            issuer=signs_for.code,
            facts={
                "how": "given",
                "account": holder.uid,
                "competence": competence.value,
                "certificate": certificate_sha256,
            },
            dates={"valid_from": begins.isoformat(), "valid_until": valid_until.isoformat() if valid_until else None},
            texts={"account_name": holder.full_name, "note": basis},
        )
    return mandate(row.id)


def end(by: Actor, mandate_id: int, last_day: date | None = None) -> None:
    """Ends a mandate with a last day; without one it ended yesterday, so that nothing more is signed."""
    by.require(Verb.ADMINISTRATION_OFFICE)
    before = mandate(mandate_id)
    if before.valid_until is not None and before.valid_until < clock.today():
        raise RuleBroken("Thẩm quyền này đã hết hạn rồi.")
    last = last_day or clock.today() - timedelta(days=1)
    _update(by, before, {"valid_until": last.isoformat()}, "ended")


def set_certificate(by: Actor, mandate_id: int, certificate_sha256: str) -> None:
    """Says with which certificate the holder signs; an empty text takes it away."""
    by.require(Verb.ADMINISTRATION_TOKEN)
    _update(by, mandate(mandate_id), {"certificate_sha256": certificate_sha256}, "certificate")


def set_picture(by: Actor, mandate_id: int, picture_sha256: str) -> None:
    """Sets the stored transparent picture of the handwritten signature. Source: NĐ 30/2020, Phụ lục I, II.7.d."""
    by.require(Verb.ADMINISTRATION_TOKEN)
    _update(by, mandate(mandate_id), {"picture_sha256": picture_sha256}, "picture")


def _update(by: Actor, before: Mandate, values: dict[str, str], how: str) -> None:
    with database.transaction() as work:
        row = work.update("mandates", before.id, values)
        if work.pending:
            journal.write(
                work,
                Act.MANDATE_SET,
                by.uid,
                about=f"mandate:{row.uid}",
                facts={"how": how, "certificate": values.get("certificate_sha256")},
                dates={"valid_until": values.get("valid_until")},
            )


def mandate(mandate_id: int) -> Mandate:
    """One mandate; raises NotFound."""
    found = _select("WHERE id = ?", (mandate_id,))
    if not found:
        raise NotFound("Không tìm thấy thẩm quyền ký này.")
    return found[0]


def mandate_for(account_id: int, issuer_id: int, on: date) -> Mandate | None:
    """The mandate in which a person signs for an issuer on a day, None without one or when the account is closed."""
    found = _select(
        "WHERE account_id = ? AND issuer_id = ? AND valid_from <= ? AND (valid_until IS NULL OR valid_until >= ?)"
        " AND EXISTS (SELECT 1 FROM accounts WHERE accounts.id = account_id AND disabled_at IS NULL)"
        " ORDER BY valid_from DESC, id DESC LIMIT 1",
        (account_id, issuer_id, on.isoformat(), on.isoformat()),
    )
    return found[0] if found else None


def signers_for(issuer_id: int, on: date) -> list[Mandate]:
    """Everybody who may sign for an issuer on a day, for the draft's choice of a signer."""
    return _select(
        "WHERE issuer_id = ? AND valid_from <= ? AND (valid_until IS NULL OR valid_until >= ?)"
        " AND EXISTS (SELECT 1 FROM accounts WHERE accounts.id = account_id AND disabled_at IS NULL) ORDER BY id",
        (issuer_id, on.isoformat(), on.isoformat()),
    )


def mandates_of(account_id: int) -> list[Mandate]:
    """All mandates a person has or had, the newest first."""
    return _select("WHERE account_id = ? ORDER BY valid_from DESC, id DESC", (account_id,))


def all_mandates() -> list[Mandate]:
    """All mandates, those without an end first."""
    return _select("ORDER BY valid_until IS NOT NULL, valid_until DESC, id")


def _select(clause: str, parameters: tuple[object, ...] = ()) -> list[Mandate]:
    found = database.rows(
        "SELECT id, uid, account_id, issuer_id, competence, position, certificate_sha256,"
        f" picture_sha256, basis, valid_from, valid_until FROM mandates {clause}",
        parameters,
    )
    return [
        Mandate(
            id=row[0],
            uid=row[1],
            account_id=row[2],
            issuer_id=row[3],
            competence=Competence(row[4]),
            position=row[5],
            certificate_sha256=row[6],
            picture_sha256=row[7],
            basis=row[8],
            valid_from=date.fromisoformat(row[9]),
            valid_until=date.fromisoformat(row[10]) if row[10] else None,
        )
        for row in found
    ]
