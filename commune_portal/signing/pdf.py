"""Signs PDFs as the law wants them signed: leader, then number, date and seal in one revision; annexes and copies.

Every signature is an approval signature, never a certification: after one, a later visible signature of a receiver
would be illegal (measured). Beside the main document's two signatures stands no text.
Source: NĐ 30/2020, Phụ lục I, mục II.7.d, II.8, III.1.d; Điều 32.2.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path

from commune_portal import clock, errors
from commune_portal.signing import verify
from commune_portal.signing.deferred import (
    Prepared,
    Request,
    Signed,
    finish_signature,
    prepare_signature,
    sign_now,
)
from commune_portal.signing.drafts import (
    ANNEX_FIELD,
    COPY_FIELD,
    DATE_FIELD,
    LEADER_FIELD,
    NUMBER_FIELD,
    ORGANISATION_FIELD,
    prepare_draft,
)
from commune_portal.signing.keys import Key
from commune_portal.signing.reports import Modification, Report
from commune_portal.signing.trust import TrustStore

__all__ = [
    "CopyKind", "Prepared", "Request", "Signed", "adopt", "finish_signature", "leader_request", "number_and_seal",
    "prepare_draft", "prepare_signature", "require_signed_by_leader", "seal_request", "sign_annex", "sign_copy",
    "sign_leader",
]  # fmt: skip


class CopyKind(StrEnum):
    """How a copy is made; the value is what the copy's signature says. Source: NĐ 30/2020, Điều 25."""

    FULL = "SAO Y"
    FORWARDED = "SAO LỤC"
    EXCERPT = "TRÍCH SAO"


def leader_request(png: bytes | None, *, at: datetime | None = None, fonts_folder: str = "") -> Request:
    """What the authorised person signs: his picture in his field, no text."""
    reason = "Người có thẩm quyền ký ban hành"
    return Request(LEADER_FIELD, reason, at or clock.now(), png=png, fonts_folder=fonts_folder)


def seal_request(
    number_text: str, date_text: str, png: bytes | None, *, at: datetime | None = None, fonts_folder: str = ""
) -> Request:
    """What the organisation signs: number and date filled in the same revision, its seal, no text."""
    if not number_text.strip() or not date_text.strip():
        raise errors.RuleBroken("Văn bản chưa có số hoặc ngày tháng nên chưa đóng dấu được. Hãy cấp số trước.")
    return Request(
        ORGANISATION_FIELD,
        "Cơ quan, tổ chức ban hành văn bản",
        at or clock.now(),
        png=png,
        fills=((NUMBER_FIELD, number_text.strip()), (DATE_FIELD, date_text.strip())),
        fonts_folder=fonts_folder,
    )


def sign_leader(
    pdf: Path, out: Path, key: Key, image_png: bytes | None, *, at: datetime | None = None, fonts_folder: str = ""
) -> Signed:
    """Signs a draft as the authorised person, with a transparent picture of the handwritten signature."""
    return sign_now(pdf, out, key, leader_request(image_png, at=at, fonts_folder=fonts_folder))


def number_and_seal(
    pdf: Path,
    out: Path,
    key: Key,
    number_text: str,
    date_text: str,
    *,
    seal_png: bytes | None = None,
    at: datetime | None = None,
    fonts_folder: str = "",
) -> Signed:
    """Fills number and date and signs as the organisation, all in one revision that locks both fields.

    Refused unless the leader's signature is there and sound. Source: NĐ 30/2020, Điều 32.2.d.
    """
    request = seal_request(number_text, date_text, seal_png, at=at, fonts_folder=fonts_folder)
    require_signed_by_leader(pdf)
    return sign_now(pdf, out, key, request)


def require_signed_by_leader(pdf: Path) -> None:
    """Refuses a document without the authorised person's signature, or with one that no longer holds.

    Who may sign and whether the certificate is trusted is asked above, with `verify.verify` and a trust list.
    """
    leader = verify.verify(pdf, TrustStore()).of_field(LEADER_FIELD)
    if leader is None:
        raise errors.RuleBroken("Văn bản chưa có chữ ký số của người có thẩm quyền nên không đóng dấu được.")
    if not leader.integrity_ok or leader.modification is Modification.CHANGED:
        raise errors.RuleBroken("Chữ ký số của người có thẩm quyền không còn hợp lệ nên không đóng dấu được.")


def _stamp_time(at: datetime) -> str:
    local = at.astimezone(clock.VIETNAM)
    return f"{local:%d/%m/%Y}; {local:%H:%M:%S} +07:00"


def sign_annex(
    pdf: Path, out: Path, key: Key, number_and_symbol: str, *, at: datetime | None = None, fonts_folder: str = ""
) -> Signed:
    """Signs an annex in a separate file as the organisation: a line of text at the top right, no picture.

    Source: NĐ 30/2020, Phụ lục I, mục II.8.b và III.1.d.
    """
    at = at or clock.now()
    line = f"Số: {number_and_symbol}; {_stamp_time(at)}"
    return sign_now(pdf, out, key, Request(ANNEX_FIELD, line, at, line=line, fonts_folder=fonts_folder))


def sign_copy(
    pdf: Path,
    out: Path,
    key: Key,
    kind: CopyKind,
    organisation: str,
    *,
    at: datetime | None = None,
    fonts_folder: str = "",
) -> Signed:
    """Signs an electronic copy as the organisation that made it: a line of text at the top right, no picture.

    Source: NĐ 30/2020, Phụ lục I, phần II, mục I (ô 14).
    """
    at = at or clock.now()
    line = f"{kind.value}; {organisation}; {_stamp_time(at)}"
    return sign_now(pdf, out, key, Request(COPY_FIELD, line, at, line=line, fonts_folder=fonts_folder))


def adopt(our_bytes: Path, signed_elsewhere: Path, trust: TrustStore, at: datetime | None = None) -> Report:
    """Accepts a file that was signed elsewhere: our bytes are its beginning, and what came after is only signatures.

    Raises RuleBroken with the reason; who signed is for the caller to compare.
    """
    with our_bytes.open("rb") as ours, signed_elsewhere.open("rb") as theirs:
        while block := ours.read(1 << 20):
            if theirs.read(len(block)) != block:
                raise errors.RuleBroken("Tệp đã ký không phải là bản dự thảo đã gửi đi ký. Hãy ký lại đúng tệp.")
    before = {item.field for item in verify.verify(our_bytes, trust, at).signatures}
    report = verify.verify(signed_elsewhere, trust, at)
    added = [item for item in report.signatures if item.field not in before]
    if not added:
        raise errors.RuleBroken("Tệp gửi về chưa có chữ ký số mới.")
    if not added[-1].covers_whole_file:
        raise errors.RuleBroken("Tệp gửi về có phần thêm vào sau chữ ký số cuối cùng.")
    for item in report.signatures:
        if not item.verdict.acceptable:
            raise errors.RuleBroken(f"Chữ ký số trong tệp gửi về không dùng được: {item.why}")
    return report
