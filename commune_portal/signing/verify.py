"""Checks the signatures of a PDF: cryptography, later changes, the chain to a trusted root. Never a network.

Offline, revocation is seldom known; then the verdict is `SOUND`, never plainly valid.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commune_portal import clock, errors
from commune_portal.signing import drafts, keys
from commune_portal.signing.reports import Chain, Modification, Report, SignatureReport, Verdict, overall
from commune_portal.signing.trust import TrustStore

if TYPE_CHECKING:
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
    from pyhanko.sign.validation.status import PdfSignatureStatus

# What these log with tracebacks is what we report in words; names of signers do not belong in the technical log.
for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def verify(pdf: Path, trust: TrustStore, at: datetime | None = None) -> Report:
    """Checks every signature as of an instant (now, unless given); raises Malformed for a PDF that cannot be read."""
    import asyncio

    return asyncio.run(_verify(pdf, trust, at or clock.now()))


async def _verify(pdf: Path, trust: TrustStore, at: datetime) -> Report:
    from pyhanko.sign.fields import enumerate_sig_fields

    content = pdf.read_bytes()
    with drafts.foreign_pdf():
        # Files made elsewhere are often a little loose; what matters is judged by the signature itself.
        reader = drafts.read(content, strict=False)
        revocation = _embedded_revocation(reader)
        fields = list(enumerate_sig_fields(reader, filled_status=True))
        found = [await _checked(reader, name, field, trust, at, revocation) for name, _, field in fields]
    signatures = tuple(item for _, item in sorted(filter(None, found), key=lambda pair: pair[0]))
    return Report(signatures, overall(signatures))


async def _checked(
    reader: Any, name: str, field: Any, trust: TrustStore, at: datetime, revocation: tuple[list[Any], list[Any]]
) -> tuple[int, SignatureReport] | None:
    """One signature with the revision in which it was made; None for a document timestamp, which signs nothing.

    What cannot be parsed is an invalid signature, never no signature.
    """
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

    try:
        with drafts.foreign_pdf():
            embedded = EmbeddedPdfSignature(reader, field, name)
            if embedded.sig_object_type == "/DocTimeStamp":
                return None
            report = await _Check(embedded, trust, at, revocation).run()
            return int(embedded.signed_revision), report
    except errors.Malformed as error:
        return 0, _unsupported(name, f"Không đọc được chữ ký số ({error.detail.partition(':')[0]}).")


def _embedded_revocation(reader: Any) -> tuple[list[Any], list[Any]]:
    """(revocation lists, OCSP answers) that the file brings along."""
    from pyhanko.sign.validation.dss import DocumentSecurityStore
    from pyhanko.sign.validation.errors import NoDSSFoundError

    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return [], []
    return [item.get_object().data for item in store.crls], [item.get_object().data for item in store.ocsps]


@dataclass(frozen=True, slots=True)
class _Check:
    """The check of one signature."""

    embedded: EmbeddedPdfSignature
    trust: TrustStore
    at: datetime
    revocation: tuple[list[Any], list[Any]]

    async def run(self) -> SignatureReport:
        """Everything about one signature."""
        status = await self._status(self.at, "soft-fail")
        report = self._described(status)
        if not report.integrity_ok:
            return replace(report, verdict=Verdict.INVALID, why="Nội dung văn bản không khớp với chữ ký số.")
        if report.modification is Modification.CHANGED:
            return replace(report, verdict=Verdict.INVALID, why="Văn bản bị sửa sau khi ký.")
        return await self._judged(report, status)

    async def _judged(self, report: SignatureReport, status: PdfSignatureStatus) -> SignatureReport:
        """The verdict of a signature whose bytes are sound."""
        if report.trial and not any(keys.describe(root).trial for root in self.trust.roots):
            why = "Chữ ký thử nghiệm, không có giá trị pháp lý."
            return replace(report, chain=Chain.UNTRUSTED, verdict=Verdict.INVALID, why=why)
        if not self.trust.roots:
            why = "Chưa cài chứng thư gốc nên chưa xác định được chứng thư của người ký. Báo người quản trị."
            return replace(report, chain=Chain.UNKNOWN, verdict=Verdict.UNCHECKED, why=why)
        strict = await self._with_revocation_required()
        revoked = next((item for item in (strict, status) if item is not None and item.revoked), None)
        if revoked is not None:
            return _revoked(report, revoked)
        if not status.trusted:
            return await self._untrusted(report)
        prefix = "Chữ ký thử nghiệm, không có giá trị pháp lý. " if report.trial else ""
        if strict is not None and strict.trusted and not report.trial:
            why = "Văn bản nguyên vẹn, chứng thư được tin cậy và chưa bị thu hồi."
            return replace(report, chain=Chain.TRUSTED, revocation_known=True, verdict=Verdict.VALID, why=why)
        why = prefix + "Văn bản nguyên vẹn, đúng chứng thư; không có mạng nên chưa biết chứng thư có bị thu hồi không."
        return replace(report, chain=Chain.TRUSTED, verdict=Verdict.SOUND, why=why)

    async def _untrusted(self, report: SignatureReport) -> SignatureReport:
        """Expired since, signed out of term, or from an authority that is not trusted here."""
        if report.not_before is None or report.not_after is None or report.not_before <= self.at <= report.not_after:
            why = (
                "Chứng thư không do cơ quan chứng thực trong danh sách tin cậy cấp. "
                "Nếu đó là cơ quan chứng thực hợp pháp, báo người quản trị cài chứng thư gốc rồi kiểm tra lại."
            )
            return replace(report, chain=Chain.UNTRUSTED, verdict=Verdict.INVALID, why=why)
        claimed = report.timestamp or report.signed_at
        in_term = claimed is not None and report.not_before <= claimed <= report.not_after
        if claimed is not None and in_term and (await self._status(claimed, "soft-fail")).trusted:
            why = (
                "Chứng thư còn hạn vào ngày ký ghi trong văn bản nhưng nay đã hết hạn, "
                "và không có dấu thời gian tin cậy để chứng minh ngày ký."
            )
            return replace(report, chain=Chain.EXPIRED, verdict=Verdict.UNCHECKED, why=why)
        why = "Chứng thư đã hết hạn hoặc chưa đến hạn khi ký."
        return replace(report, chain=Chain.EXPIRED, verdict=Verdict.INVALID, why=why)

    async def _with_revocation_required(self) -> PdfSignatureStatus | None:
        """The verdict when revocation data at hand (in the file or the trust folder) must vouch for the whole chain.

        Asked apart, because a certificate that names no list is not looked up in one otherwise (measured).
        """
        lists, answers = self.revocation
        if not (lists or answers or self.trust.revocation_lists):
            return None
        return await self._status(self.at, "require")

    async def _status(self, moment: datetime, revocation_mode: str) -> PdfSignatureStatus:
        """pyHanko's verdict under our trust, with nothing fetched."""
        from asn1crypto import x509
        from pyhanko.sign.validation import async_validate_pdf_signature
        from pyhanko.sign.validation.settings import KeyUsageConstraints
        from pyhanko_certvalidator import ValidationContext

        lists, answers = self.revocation
        context = ValidationContext(
            trust_roots=[x509.Certificate.load(der) for der in self.trust.roots],
            other_certs=[x509.Certificate.load(der) for der in self.trust.intermediates],
            moment=moment,
            allow_fetching=False,
            crls=[*lists, *self.trust.revocation_lists],
            ocsps=answers,
            revocation_mode=revocation_mode,
        )
        usage = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)
        return await async_validate_pdf_signature(self.embedded, context, key_usage_settings=usage)

    def _described(self, status: PdfSignatureStatus) -> SignatureReport:
        """Who signed what, before any judgement."""
        from pyhanko.sign.validation.status import SignatureCoverageLevel

        info = keys.describe(status.signing_cert.dump())
        covered = status.coverage or SignatureCoverageLevel.UNCLEAR
        stamped = status.timestamp_validity
        return replace(
            _unsupported(self.embedded.field_name),
            common_name=info.common_name,
            organisation=info.organisation,
            certificate_serial=info.serial,
            certificate_sha256=info.sha256,
            issuer=info.issuer,
            not_before=info.not_before,
            not_after=info.not_after,
            signed_at=_whole_seconds(status.signer_reported_dt),
            timestamp=_whole_seconds(stamped.timestamp) if stamped and stamped.valid and stamped.trusted else None,
            covers_whole_file=covered is SignatureCoverageLevel.ENTIRE_FILE,
            integrity_ok=bool(status.intact and status.valid),
            modification=_modification(status),
            trial=info.trial,
        )


def _revoked(report: SignatureReport, status: PdfSignatureStatus) -> SignatureReport:
    """Revoked before the signature: invalid. After the claimed time of signing: nobody can tell without a timestamp."""
    details = status.revocation_details
    claimed = report.timestamp or report.signed_at
    report = replace(report, chain=Chain.REVOKED, revocation_known=True)
    if details is not None and claimed is not None and claimed < details.revocation_date:
        why = (
            "Chứng thư bị thu hồi sau ngày ký ghi trong văn bản, "
            "nhưng không có dấu thời gian tin cậy để chứng minh ngày ký."
        )
        return replace(report, verdict=Verdict.UNCHECKED, why=why)
    return replace(report, verdict=Verdict.INVALID, why="Chứng thư của người ký đã bị thu hồi.")


def _unsupported(name: str, why: str = "Loại chữ ký số này chưa được hỗ trợ.") -> SignatureReport:
    """A signature of which nothing is known; it is never ignored."""
    return SignatureReport(
        field=name, common_name="", organisation="", certificate_serial="", certificate_sha256="", issuer="",
        not_before=None, not_after=None, signed_at=None, timestamp=None, covers_whole_file=False, integrity_ok=False,
        modification=Modification.CHANGED, chain=Chain.UNKNOWN, revocation_known=False, trial=False,
        verdict=Verdict.INVALID, why=why,
    )  # fmt: skip


def _modification(status: PdfSignatureStatus) -> Modification:
    """pyHanko's difference analysis in three words; a suspicious or locked change is a change."""
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    if status.coverage is SignatureCoverageLevel.ENTIRE_FILE:
        return Modification.INTACT
    level = status.modification_level
    if status.docmdp_ok is False or level is None or level > ModificationLevel.FORM_FILLING:
        return Modification.CHANGED
    if status.coverage is None or status.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return Modification.CHANGED
    return Modification.FORM_FILLED if level is ModificationLevel.FORM_FILLING else Modification.INTACT


def _whole_seconds(instant: datetime | None) -> datetime | None:
    """As UTC; a time without zone is not an instant."""
    if instant is None or instant.tzinfo is None:
        return None
    return instant.astimezone(UTC).replace(microsecond=0)
