"""What the tests of the office's pages bring about: letters with a text layer, arrivals, counted statements."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from commune_portal import clock
from commune_portal.documents import arrivals, incoming
from commune_portal.documents.incoming import Arrival
from commune_portal.edxml import package, writer
from commune_portal.paper.letter import compose
from commune_portal.people import accesses
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database, files
from commune_portal.wire import envelope, keys
from commune_portal.wire.envelope import Envelope, Kind
from tests.cast import OFFICE_CODE, OFFICE_NAME, OTHER_CODE, OTHER_NAME, Cast
from tests.paper.samples import OFFICIAL_LETTER, fill

OTHERS = keys.from_seeds(bytes(range(32)), bytes(range(32, 64)))


def pdf(folder: Path, **changes: object) -> bytes:
    """A letter with a text layer, number and date printed."""
    drawn, filled = folder / f"{uuid.uuid4()}.pdf", folder / f"{uuid.uuid4()}.pdf"
    layout = compose(replace(OFFICIAL_LETTER, **changes), drawn)  # type: ignore[arg-type]  # named as the letter's fields
    fill(drawn, layout, "27", "Tân Phước Mẫu, ngày 05 tháng 11 năm 2026", filled)
    return filled.read_bytes()


def chosen(data: bytes, name: str) -> tuple[io.BytesIO, str]:
    """A file as a browser sends it."""
    return io.BytesIO(data), name


def arrive(
    content: bytes = b"", *, subject: str = "V/v rà soát hộ nghèo năm 2026", number: str = "15", urgency: int = 0,
    name: str = "Công văn 15.pdf", due: date | None = None,
) -> int:  # fmt: skip
    """One document of the other commune comes by the exchange; answers its id here."""
    database.write_working(
        "INSERT INTO organisation_keys (key_id, organ_code, public_key, box_public_key, valid_from)"
        " VALUES (?, ?, ?, ?, '2025-01-01T00:00:00Z') ON CONFLICT DO NOTHING",
        (OTHERS.key_id, OTHER_CODE, OTHERS.public_key.hex(), OTHERS.box_public_key.hex()),
    )
    path, packet_path = files.temporary(".pdf"), files.temporary(".edxml")
    path.write_bytes(content)
    serial = int(database.row("SELECT count(*) FROM incoming")[0]) + 1
    parts = (package.Attachment(name, "application/pdf", len(content), path=path),) if content else ()
    edoc = package.Edoc(
        sender=package.Organ(OTHER_CODE, OTHER_NAME),
        receivers=(package.Organ(OFFICE_CODE, OFFICE_NAME),),
        document_id=f"{OTHER_CODE}.{clock.today().year}.{serial:06d}",
        code=package.Code(number, "UBND-VX"),
        promulgation_date=clock.today(),
        document_type=package.DocumentType("Công văn", 2, 18),
        subject=subject,
        signer=package.Signer("", "Chủ tịch", "Phạm Thị Mười"),
        due_date=due,
        other=package.OtherInfo(priority=urgency),
        traces=(package.Trace(OTHER_CODE, clock.now()),),
        business=package.Business(0),
        attachments=parts,
    )
    with packet_path.open("w+b") as stream:
        writer.write(edoc, stream)
    path.unlink()
    stored = files.digest_of(packet_path)
    sealed = envelope.seal(
        Envelope(
            message_id=str(uuid.uuid4()), sender=OTHER_CODE, recipient=OFFICE_CODE, kind=Kind.EDOC, urgency=urgency,
            created=clock.now(), packet_sha256=stored.sha256, packet_bytes=stored.bytes,
            checkpoint=Checkpoint(1, "ab" * 32), key_id=OTHERS.key_id,
        ),
        OTHERS,
    )  # fmt: skip
    arrivals.receive(sealed, packet_path)
    return int(database.row("SELECT max(id) FROM incoming")[0])


def registered(office: Cast, subject: str = "V/v rà soát hộ nghèo", number: str = "12", **changes: object) -> int:
    """One paper document that the clerk has registered by hand; answers its id."""
    values: dict[str, object] = {
        "sender_name": "Sở Nội vụ tỉnh Lam Giang", "subject": subject, "code_number": number, "code_notation": "SNV-VP",
        "on_paper": True, **changes,
    }  # fmt: skip
    return incoming.register(office.clerk, Arrival(**values))  # type: ignore[arg-type]  # named as its fields


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every statement that SQLite is given on this thread while the block runs; not what FTS5 asks itself."""
    statements: list[str] = []

    def noting(statement: str) -> None:
        if not statement.startswith("--"):
            statements.append(statement)

    accesses.flush()  # a batch that falls due meanwhile is no statement of the page
    connection = database.connect()
    connection.set_trace_callback(noting)
    try:
        yield statements
    finally:
        connection.set_trace_callback(None)
