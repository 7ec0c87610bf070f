"""One signature in two halves: `prepare_signature` writes everything but the signature, `finish_signature` puts it in.

Between them lie only bytes to be signed, so the key may be a token here, an agent on the leader's PC, or a service
that answers tomorrow. The signed attributes are frozen in the first half; the second half changes not one byte that
is covered, checks the whole file, and only then gives it its name.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commune_portal import clock, errors
from commune_portal.signing import appearances, drafts, keys, verify
from commune_portal.signing.keys import TRIAL_MARK, Algorithm, CertificateInfo, Key
from commune_portal.signing.reports import Modification
from commune_portal.signing.trust import TrustStore
from commune_portal.signing.whole_files import written_whole

if TYPE_CHECKING:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.signers.pdf_cms import Signer

# The CMS stands in the file as hexadecimal digits: two for every byte.
SMALLEST_RESERVE = 16384
LINE_MARGIN = 22.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be signed and how it looks: a picture in a prepared field, or a line of text in a new one."""

    field: str
    reason: str
    at: datetime
    png: bytes | None = None
    line: str = ""
    fills: tuple[tuple[str, str], ...] = ()
    fonts_folder: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that lacks only its signature, and what has to be signed for it."""

    file: Path
    field: str
    to_sign: bytes
    document_digest: bytes
    region_start: int
    region_end: int
    certificate_der: bytes
    chain_der: tuple[bytes, ...]
    algorithm: Algorithm
    at: datetime

    def to_json(self) -> dict[str, Any]:
        """A plain dict for storage while the key is elsewhere."""
        return {
            "file": str(self.file),
            "field": self.field,
            "to_sign": _text(self.to_sign),
            "document_digest": _text(self.document_digest),
            "region": [self.region_start, self.region_end],
            "certificate": _text(self.certificate_der),
            "chain": [_text(item) for item in self.chain_der],
            "algorithm": str(self.algorithm),
            "at": clock.to_text(self.at),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Prepared:
        """Reads what `to_json` wrote."""
        return cls(
            file=Path(value["file"]),
            field=value["field"],
            to_sign=base64.b64decode(value["to_sign"]),
            document_digest=base64.b64decode(value["document_digest"]),
            region_start=value["region"][0],
            region_end=value["region"][1],
            certificate_der=base64.b64decode(value["certificate"]),
            chain_der=tuple(base64.b64decode(item) for item in value["chain"]),
            algorithm=Algorithm(value["algorithm"]),
            at=clock.from_text(value["at"]),
        )


@dataclass(frozen=True, slots=True)
class Signed:
    """What the journal keeps of a signature that was made. Source: NĐ 30/2020, Điều 32; law.md §11.2."""

    field: str
    certificate: CertificateInfo
    token_serial: str
    signed_at: datetime
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """A plain dict for pipes."""
        return {
            "field": self.field,
            "certificate": self.certificate.to_json(),
            "token_serial": self.token_serial,
            "signed_at": clock.to_text(self.signed_at),
            "sha256": self.sha256,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Signed:
        """Reads what `to_json` wrote."""
        certificate = CertificateInfo.from_json(value["certificate"])
        signed_at = clock.from_text(value["signed_at"])
        return cls(**(value | {"certificate": certificate, "signed_at": signed_at}))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def prepare_signature(
    pdf: Path, prepared_file: Path, request: Request, certificate_der: bytes, *,
    chain_der: tuple[bytes, ...] = (), algorithm: Algorithm = Algorithm.RSA_PKCS1V15,
) -> Prepared:  # fmt: skip
    """Writes a copy with fields filled, the appearance drawn and room for the signature; answers what to sign."""
    import asyncio

    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    keys.require_usable(certificate_der, request.at)
    content = pdf.read_bytes()
    with drafts.foreign_pdf(errors.SigningFailed):
        drafts.read(content)
        writer = IncrementalPdfFileWriter(_stream(content))
        for name, text in request.fills:
            drafts.fill(writer, name, unicodedata.normalize("NFC", text), request.fonts_folder)
        trial = keys.describe(certificate_der).trial
        signer = _signer(certificate_der, chain_der, algorithm)
        with written_whole(prepared_file) as file:
            digest, attributes = asyncio.run(_placed(writer, request, signer, file, trial=trial))
    return Prepared(
        prepared_file, request.field, attributes, digest.document_digest, digest.reserved_region_start,
        digest.reserved_region_end, certificate_der, chain_der, algorithm, request.at,
    )  # fmt: skip


def _stream(content: bytes) -> Any:
    import io

    return io.BytesIO(content)


async def _placed(
    writer: IncrementalPdfFileWriter, request: Request, signer: Signer, file: Any, *, trial: bool
) -> tuple[Any, bytes]:
    """Writes the document with an empty place for the CMS; answers its digest and the signed attributes."""
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

    spec, drawing = _new_field(writer, request, trial=trial) if request.line else (None, None)
    if drawing is None:
        width, height = _field_size(writer, request.field)
        on_top = request.field == drafts.ORGANISATION_FIELD
        drawing = appearances.picture(
            request.png, width, height, trial=trial, mark_on_top=on_top, fonts_folder=request.fonts_folder
        )
    meta = PdfSignatureMetadata(
        field_name=request.field,
        md_algorithm="sha256",
        reason=f"{request.reason} – {TRIAL_MARK}" if trial else request.reason,
        subfilter=SigSeedSubFilter.PADES,
        certify=False,
    )
    pdf_signer = PdfSigner(meta, signer, stamp_style=appearances.stamp_style(drawing), new_field_spec=spec)
    session = pdf_signer.init_signing_session(writer, existing_fields_only=spec is None)
    session.system_time = request.at.astimezone(clock.VIETNAM)
    certificates = [signer.signing_cert, *signer.cert_registry]
    size = sum(len(item.dump()) for item in certificates if item is not None)
    placed = session.prepare_tbs_document(None, bytes_reserved=max(SMALLEST_RESERVE, 2 * (size + 4096)))
    digest, _ = placed.digest_tbs_document(output=file)
    attributes = await signer.signed_attrs(digest.document_digest, "sha256", use_pades=True)
    return digest, attributes.dump()


def _field_size(writer: IncrementalPdfFileWriter, name: str) -> tuple[float, float]:
    """Width and height of an empty signature field; raises SigningFailed when there is none."""
    from pyhanko.sign.fields import enumerate_sig_fields

    for _, value, reference in enumerate_sig_fields(writer, with_name=name):
        if value is not None:
            raise errors.SigningFailed("Ô ký này đã có chữ ký số. Hãy tải lại trang để xem trạng thái mới nhất.")
        x0, y0, x1, y1 = (float(side) for side in reference.get_object()["/Rect"])
        return x1 - x0, y1 - y0
    raise errors.SigningFailed("Văn bản không có ô ký này. Hãy trình lại dự thảo để đặt ô ký.")


def _new_field(writer: IncrementalPdfFileWriter, request: Request, *, trial: bool) -> tuple[Any, appearances.Drawing]:
    """A new field at the top right of the first page, under those that are there already, wide enough for the line."""
    from pyhanko.sign.fields import SigFieldSpec, enumerate_sig_fields

    names = {name for name, _, _ in enumerate_sig_fields(writer)}
    if request.field in names:
        raise errors.SigningFailed("Tệp này đã được ký ở vị trí đó. Hãy tải lại trang để xem trạng thái mới nhất.")
    above = sum(name.startswith((drafts.ANNEX_FIELD, drafts.COPY_FIELD)) for name in names)
    left, _, right, top = _first_page(writer)
    width = min(appearances.line_width(request.line, request.fonts_folder), right - left - 2 * LINE_MARGIN)
    y1 = top - LINE_MARGIN - above * (appearances.LINE_HEIGHT + 1)
    x1 = right - LINE_MARGIN
    box = tuple(round(side, 2) for side in (x1 - width, y1 - appearances.LINE_HEIGHT, x1, y1))
    spec = SigFieldSpec(request.field, on_page=0, box=box)  # type: ignore[arg-type]  # fractions of points are fine
    drawing = appearances.line(request.line, width, trial=trial, fonts_folder=request.fonts_folder)
    return spec, drawing


def _first_page(writer: IncrementalPdfFileWriter) -> Sequence[float]:
    """The visible rectangle of page 1."""
    from pyhanko.pdf_utils.rw_common import PdfHandler

    assert isinstance(writer, PdfHandler)
    page = writer.find_page_for_modification(0)[0].get_object()
    while "/CropBox" not in page and "/MediaBox" not in page:
        page = page["/Parent"]
    box = page["/CropBox"] if "/CropBox" in page else page["/MediaBox"]
    x0, y0, x1, y1 = (float(side) for side in box)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _signer(
    certificate_der: bytes, chain_der: tuple[bytes, ...], algorithm: Algorithm, expected: bytes = b"",
    signature: bytes = b"",
) -> Signer:  # fmt: skip
    """A pyHanko Signer that knows one signature over one sequence of bytes, made by whoever holds the key."""
    from asn1crypto import algos, x509
    from pyhanko.sign.signers.pdf_cms import Signer
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    class Recorded(Signer):
        """Answers the recorded signature, and nothing for other bytes."""

        async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: ARG002, FBT001 (pyHanko's signature)
            if data != expected:
                raise errors.SigningFailed(detail="signed attributes differ")
            return signature

    certificate = x509.Certificate.load(certificate_der)
    store: SimpleCertificateStore = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # typed in part only
    store.register_multiple([x509.Certificate.load(der) for der in chain_der])
    names = {Algorithm.RSA_PKCS1V15: "sha256_rsa", Algorithm.ECDSA: "sha256_ecdsa", Algorithm.RSA_PSS: "rsassa_pss"}
    mechanism: dict[str, Any] = {"algorithm": names[algorithm]}
    if algorithm is Algorithm.RSA_PSS:
        digest = {"algorithm": "sha256"}
        mask = {"algorithm": "mgf1", "parameters": digest}
        parameters = {"hash_algorithm": digest, "mask_gen_algorithm": mask, "salt_length": 32}
        mechanism["parameters"] = algos.RSASSAPSSParams(parameters)
    return Recorded(
        signing_cert=certificate,
        cert_registry=store,
        signature_mechanism=algos.SignedDigestAlgorithm(mechanism),
        embed_roots=False,
    )


def finish_signature(prepared: Prepared, signature: bytes, out: Path, *, token_serial: str = "") -> Signed:
    """Puts a signature into a prepared file; checks key, file and earlier signatures before `out` exists."""
    import asyncio

    from asn1crypto import cms
    from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest
    from pyhanko.sign.signers.pdf_signer import PdfTBSDocument

    if not keys.matches(prepared.certificate_der, prepared.algorithm, prepared.to_sign, signature):
        raise errors.SigningFailed("Chữ ký nhận được không khớp với chứng thư số của người ký. Hãy ký lại.")
    arguments = (prepared.certificate_der, prepared.chain_der, prepared.algorithm)
    signer = _signer(*arguments, expected=prepared.to_sign, signature=signature)
    attributes = cms.CMSAttributes.load(prepared.to_sign)
    region = (prepared.region_start, prepared.region_end)
    with written_whole(out) as file:
        with prepared.file.open("rb") as source:
            shutil.copyfileobj(source, file)
        with drafts.foreign_pdf(errors.SigningFailed):
            container = asyncio.run(signer.async_sign_prescribed_attributes("sha256", attributes))
            digest = PreparedByteRangeDigest(prepared.document_digest, *region)
            PdfTBSDocument.finish_signing(file, digest, container)
        file.flush()
        _require_sound(Path(file.name), prepared)
        sha256 = hashlib.sha256(Path(file.name).read_bytes()).hexdigest()
    certificate = keys.describe(prepared.certificate_der)
    return Signed(prepared.field, certificate, token_serial, prepared.at, sha256)


def _require_sound(path: Path, prepared: Prepared) -> None:
    """Our own check of our own output: the new signature covers the file, and the earlier ones still hold."""
    report = verify.verify(path, TrustStore(), prepared.at)
    ours = report.of_field(prepared.field)
    wanted = keys.describe(prepared.certificate_der).sha256
    if ours is None or not (ours.covers_whole_file and ours.certificate_sha256 == wanted):
        raise errors.SigningFailed(detail="own signature missing")
    for item in report.signatures:
        if not item.integrity_ok or item.modification is Modification.CHANGED:
            raise errors.SigningFailed(
                f"Chữ ký số ở ô «{item.field}» sẽ không còn hợp lệ ({item.modification.label}); đã dừng, chưa ký.",
                detail=item.why,
            )


def sign_now(pdf: Path, out: Path, key: Key, request: Request) -> Signed:
    """Both halves with a key that is at hand."""
    unfinished = out.with_name(f".{out.name}.unsigned")
    try:
        prepared = prepare_signature(
            pdf, unfinished, request, key.certificate_der, chain_der=key.chain_der, algorithm=key.algorithm
        )
        return finish_signature(prepared, key.sign(prepared.to_sign), out, token_serial=key.token_serial)
    finally:
        unfinished.unlink(missing_ok=True)
