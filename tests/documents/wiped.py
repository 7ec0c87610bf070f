"""A destruction as the recall does it: wipe, the act's line, the leaves, and after the commit the bytes."""

from __future__ import annotations

from pathlib import Path

from commune_portal import clock
from commune_portal.documents import incoming, tasks, wiping
from commune_portal.documents.incoming import Incoming
from commune_portal.edxml import package
from commune_portal.rules.acts import Act
from commune_portal.rules.folding import fold
from commune_portal.rules.statuses import IncomingState
from commune_portal.store import database, journal
from tests.cast import Cast
from tests.documents.partner import Partner, an_arrival

SUBJECT = "Về việc khẩn trương rà soát chợ Hồ Lô"
SIGNER = "Zơrâm Wênh"
FILE = "ra-soat-cho.pdf"
PDF = b"%PDF-1.7\n% noi dung chi mot nguoi biet: tam voi xanh\n%%EOF\n"
DIRECTION = "Giao văn phòng đếm kỹ từng sạp"
RESULT = "Đã đếm đủ bốn mươi sạp"
NOTE = "Kẹp cùng sơ đồ lối thoát"
WORDS = (
    SUBJECT, SIGNER, FILE, "tam voi xanh", DIRECTION, RESULT, NOTE, "977/HLO-UB", "HLO-UB", "Chủ tịch Hồ Lô", "Zơrâm",
    "Wênh",
)  # fmt: skip


def a_handled_document(office: Cast, partner: Partner, serial: int = 7, pdf: bytes = PDF) -> Incoming:
    """A document that came, was taken into the book, directed and completed: words of it stand everywhere."""
    found = an_arrival(
        partner, serial, pdf=pdf, name=FILE, subject=SUBJECT, code=package.Code("977", "HLO-UB"),
        signer=package.Signer("TM.", "Chủ tịch Hồ Lô", SIGNER),
    )  # fmt: skip
    incoming.accept(office.clerk, found.id, note=NOTE, recipient_name="Chủ tịch", without_check=True)
    tasks.assign(office.leader, found.id, lead=office.specialist.id, direction=DIRECTION)
    tasks.start(office.specialist, found.id)
    tasks.complete(office.specialist, found.id, result=RESULT)
    return incoming.get(found.id)


def destroy(document: Incoming, *, finish: bool = True) -> list[int]:
    """Destroys it; gives the lines whose leaves went."""
    with database.transaction() as work:
        seqs = wiping.wipe(work, document.id)
        work.update("incoming", document.id, {"state": IncomingState.RECALLED})
        checkpoint = journal.write(
            work, Act.INCOMING_DESTROYED, "vanthu", about=document.about, before=document.state,
            after=IncomingState.RECALLED, facts=wiping.facts(work, document.id, seqs),
            texts={"author": document.sender_name},
        )  # fmt: skip
        wiping.erase_leaves(work, seqs, checkpoint.size)
    if finish:
        wiping.finish()
    return seqs


def traces(folder: Path, words: tuple[str, ...] = WORDS) -> set[tuple[str, str]]:
    """Which words stand in which files of a folder, as they are and folded; backups are not looked at."""
    wanted = {form: word for word in words for form in (word.encode(), fold(word).encode())}
    found = set()
    for path in folder.rglob("*"):
        if path.is_file() and "backups" not in path.parts:
            data = path.read_bytes()
            found |= {(path.name, word) for form, word in wanted.items() if form in data}
    return found


def carried() -> None:
    """What the relay would have brought away is away."""
    database.write_working("UPDATE outbox SET state = 'delivered', closed_at = ?", (clock.now_text(),))
