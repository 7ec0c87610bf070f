"""Files of documents: what a document is made of, which of them counts now, and who may open one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from commune_portal import clock
from commune_portal.documents import marks, visibility
from commune_portal.errors import Malformed, NotFound, StoreBusy
from commune_portal.people.actors import Actor
from commune_portal.rules import content
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, files
from commune_portal.store.files import Stored
from commune_portal.store.register import Row, Work

OwnerTable = Literal["incoming", "outgoing"]
Part = Literal["main", "annex", "packet", "draft", "prepared", "signed", "sealed"]

PDF = "application/pdf"
EDXML = "application/vnd.edxml+xml"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a person sent: where its bytes lie now, and the name it had."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A checked upload in the store, not yet in any row."""

    stored: Stored
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class File:
    """A file of a document as pages show it."""

    id: int
    owner_table: OwnerTable
    owner_id: int
    part: Part
    ordinal: int
    name: str
    media_type: str
    sha256: str
    bytes: int
    added_at: datetime
    superseded: bool

    @property
    def path(self) -> Path:
        """Where its bytes lie; raises StoreDamaged when they do not."""
        return files.path_of(self.sha256)


def keep(upload: Upload, *, only_pdf: bool = False) -> Kept:
    """Checks an upload by name, content and marks of secrecy and stores its bytes; raises Malformed, RuleBroken."""
    name = content.safe_name(upload.name)
    with upload.path.open("rb") as file:
        head = file.read(content.HEAD_BYTES)
    if not head:
        raise Malformed(f"Tệp «{name}» rỗng. Hãy chọn lại tệp.", field="file")
    kind = content.kind_of(name, head)
    if only_pdf and kind.media_type != PDF:
        raise Malformed("Văn bản chính phải là tệp PDF. Hãy lưu thành PDF rồi chọn lại.", field="file")
    marks.require_open(upload.path)
    return Kept(files.keep_path(upload.path), name, kind.media_type)


def attach(work: Work, table: OwnerTable, owner_id: int, part: Part, kept: Kept, ordinal: int = 0) -> Row:
    """Adds a file to a document, in the act's transaction; raises StoreBusy where a wipe has just deleted its bytes."""
    if not files.has(kept.stored.sha256):
        raise StoreBusy(detail=kept.stored.sha256)
    return work.insert(
        "attachments",
        {
            "owner_table": table,
            "owner_id": owner_id,
            "part": part,
            "ordinal": ordinal,
            "name": kept.name,
            "media_type": kept.media_type,
            "sha256": kept.stored.sha256,
            "bytes": kept.stored.bytes,
            "added_at": clock.now_text(),
        },
    )


def supersede(work: Work, table: OwnerTable, owner_id: int, *parts: Part) -> None:
    """Marks the current files of some parts as replaced; their bytes stay."""
    marks = ", ".join("?" for _ in parts)
    found = work.execute(
        f"SELECT id FROM attachments WHERE owner_table = ? AND owner_id = ? AND part IN ({marks})"
        " AND superseded_at IS NULL",
        (table, owner_id, *parts),
    ).fetchall()
    for (row_id,) in found:
        work.update("attachments", row_id, {"superseded_at": clock.now_text()})


_COLUMNS = "id, owner_table, owner_id, part, ordinal, name, media_type, sha256, bytes, added_at, superseded_at"


def _file(row: tuple[int, OwnerTable, int, Part, int, str, str, str, int, str, str | None]) -> File:
    return File(*row[:9], clock.from_text(row[9]), row[10] is not None)


def all_of(table: OwnerTable, owner_id: int, *, superseded: bool = False) -> list[File]:
    """A document's files in order; the replaced ones only when asked for, what a recall destroyed never."""
    found = database.rows(
        f"SELECT {_COLUMNS} FROM attachments WHERE owner_table = ? AND owner_id = ? AND wiped_at IS NULL"
        + ("" if superseded else " AND superseded_at IS NULL")
        + " ORDER BY ordinal, id",
        (table, owner_id),
    )
    return [_file(row) for row in found]


def current(table: OwnerTable, owner_id: int, *parts: Part) -> File | None:
    """The newest standing file among some parts, in the order in which the parts are named."""
    standing = all_of(table, owner_id)
    for part in parts:
        of_part = [file for file in standing if file.part == part]
        if of_part:
            return of_part[-1]
    return None


def shown(table: OwnerTable, owner_id: int) -> File | None:
    """The document itself as it stands now: sealed before signed before draft."""
    if table == "incoming":
        return None if _is_gone(owner_id) else current("incoming", owner_id, "main")
    return current("outgoing", owner_id, "sealed", "signed", "prepared", "draft")


def annexes(table: OwnerTable, owner_id: int) -> list[File]:
    """The annexes that stand now."""
    return [file for file in all_of(table, owner_id) if file.part == "annex"]


def open_for(actor: Actor, file_id: int) -> File:
    """A file that this person may open; raises NotFound for one that is not theirs to know of."""
    row = database.row(f"SELECT {_COLUMNS} FROM attachments WHERE id = ? AND wiped_at IS NULL", (file_id,))
    if row is None:
        raise NotFound
    file = _file(row)
    relations = visibility.relations_to(actor, file.owner_table, file.owner_id)
    if not actor.may(Verb.FILES_SEE, *relations) or _is_hidden(file):
        raise NotFound
    return file


def _is_hidden(file: File) -> bool:
    """Files of a document that is gone, or bears a mark of secrecy, are shown to nobody who knows their address."""
    if file.owner_table != "incoming":
        return False
    if _is_gone(file.owner_id):
        return True
    found = database.row("SELECT 1 FROM quarantine WHERE classified = 1 AND incoming_id = ?", (file.owner_id,))
    return found is not None


def _is_gone(incoming_id: int) -> bool:
    """Whether the sender has a document back, or had it destroyed."""
    found = database.row("SELECT 1 FROM incoming WHERE id = ? AND state IN ('recalled', 'taken-back')", (incoming_id,))
    return found is not None
