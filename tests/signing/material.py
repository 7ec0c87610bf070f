"""Drafts, pictures and a public key infrastructure that tests and stories sign with. Everyone here is invented."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commune_portal.paper.places import Places, Rectangle
from commune_portal.settings import Token
from commune_portal.signing import trial
from commune_portal.signing.authority import Authority, Holder, KeyType
from commune_portal.signing.keys import Algorithm, algorithm_for
from commune_portal.signing.trust import TrustStore

if TYPE_CHECKING:
    from commune_portal.signing.authority import PrivateKey

LEADER = Holder("Lê Thị Mười", "Ủy ban nhân dân xã An Bình", "000.00.01.H99", "Chủ tịch")
ORGANISATION = Holder("Ủy ban nhân dân xã An Bình", "Ủy ban nhân dân xã An Bình", "000.00.01.H99")
NUMBER = "15"
DATE = "An Bình, ngày 05 tháng 01 năm 2026"
PIN = "24681357"

# The places of `draft`: as on a letter, on an A4 page.
PLACES = Places(
    number=Rectangle(0, 118.0, 745.5, 155.5, 762.5),
    date=Rectangle(0, 280.0, 745.5, 555.0, 762.5),
    leader=Rectangle(0, 350.0, 380.0, 500.0, 450.0),
    seal=Rectangle(0, 300.0, 370.0, 400.0, 470.0),
)


def draft(path: Path, *, pages: int = 1, body: str = "Kính gửi: Phòng Nội vụ. Ủy ban nhân dân xã báo cáo.") -> Path:
    """A plain PDF with Vietnamese text: «Số:» at the left, room for the date at the right, a signer's block."""
    from reportlab.pdfgen.canvas import Canvas

    from commune_portal.paper import fonts

    names = fonts.registered()
    first: Any = names.regular  # the stubs say float
    canvas = Canvas(str(path), pagesize=(595.28, 841.89), initialFontName=first, invariant=1)
    for page in range(pages):
        canvas.setFont(names.regular, 13)
        if page == 0:
            canvas.drawString(90, 750, "Số:")
            canvas.drawString(156, 750, "/UBND-VP")
        canvas.drawString(90, 700, f"{body} (trang {page + 1})")
        if page == 0:
            canvas.drawString(370, 460, "CHỦ TỊCH")
            canvas.drawString(360, 360, "Lê Thị Mười")
        canvas.showPage()
    canvas.save()
    return path


def picture(colour: tuple[int, int, int] = (0, 0, 200)) -> bytes:
    """A transparent PNG with a coloured disc: a signature (blue) or a seal (red)."""
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((60, 20, 240, 180), outline=(*colour, 255), width=12)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class MemoryKey:
    """A key in memory with an ordinary (not trial) certificate, for tests that need no token."""

    private_key: PrivateKey
    certificate_der: bytes
    chain_der: tuple[bytes, ...] = ()
    padding: str = "pkcs1v15"
    token_serial: str = "MEMORY"
    signed: list[bytes] = field(default_factory=list)

    @property
    def algorithm(self) -> Algorithm:
        return algorithm_for(self.certificate_der, self.padding)

    def sign(self, data: bytes) -> bytes:
        self.signed.append(data)
        return trial.sign_in_memory(self.private_key, self.algorithm, data)


@dataclass(frozen=True)
class Infrastructure:
    """A root, the leader's key and the organisation's."""

    authority: Authority
    leader: MemoryKey
    organisation: MemoryKey

    @property
    def trust(self) -> TrustStore:
        return TrustStore(roots=(self.authority.certificate_der,))

    def key(self, key_type: KeyType, *, padding: str = "pkcs1v15") -> MemoryKey:
        holder = Holder(LEADER.common_name, LEADER.organisation, LEADER.organisation_code, LEADER.post, key_type)
        private_key, der = self.authority.issue(holder)
        return MemoryKey(private_key, der, padding=padding)


def infrastructure() -> Infrastructure:
    """Makes a root and two keys; EC, because they are made quickly."""
    authority = Authority.create("Cơ quan chứng thực của bài kiểm tra", key_type="ec-256")
    leader = MemoryKey(*authority.issue(Holder(LEADER.common_name, LEADER.organisation, post="Chủ tịch")))
    seal = Holder(ORGANISATION.common_name, ORGANISATION.organisation, ORGANISATION.organisation_code, "", "ec-256")
    return Infrastructure(authority, leader, MemoryKey(*authority.issue(seal)))


TRIAL_TOKEN = Token(trial=True)


def certified(content: bytes, key: MemoryKey, *, changes_allowed: bool = True) -> bytes:
    """A PDF with a certification signature, as other programs make them; ours never do."""
    from asn1crypto import keys, pem, x509
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from pyhanko.sign.fields import MDPPerm
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    from commune_portal.signing.authority import key_pem

    _, _, der = pem.unarmor(key_pem(key.private_key))
    signer = signers.SimpleSigner(
        signing_cert=x509.Certificate.load(key.certificate_der),
        signing_key=keys.PrivateKeyInfo.load(der),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]  # typed in part only
    )
    allowed = MDPPerm.FILL_FORMS if changes_allowed else MDPPerm.NO_CHANGES
    meta = signers.PdfSignatureMetadata(field_name="Certified", certify=True, docmdp_permissions=allowed)
    out = io.BytesIO()
    signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(content)), meta, signer, output=out)
    return out.getvalue()
