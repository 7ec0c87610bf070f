"""What a file is, by its first bytes and by its name; both must agree, and only listed kinds are taken.

No script type is on the list, and it is not a setting: what the portal serves to colleagues' browsers is fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

from commune_portal.errors import Malformed
from commune_portal.rules.folding import clean_line

NAME_CHARACTERS = 200
HEAD_BYTES = 8192

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, slots=True)
class ContentKind:
    """One kind of file: its extensions, its media type, and how its bytes begin."""

    extensions: tuple[str, ...]
    media_type: str
    starts: tuple[bytes, ...]


KINDS = (
    ContentKind(("pdf",), "application/pdf", (b"%PDF-",)),
    ContentKind(("docx",), "application/vnd.openxmlformats-officedocument.wordprocessingml.document", (b"PK\x03\x04",)),
    ContentKind(("xlsx",), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (b"PK\x03\x04",)),
    ContentKind(
        ("pptx",), "application/vnd.openxmlformats-officedocument.presentationml.presentation", (b"PK\x03\x04",)
    ),
    ContentKind(("doc",), "application/msword", (_OLE,)),
    ContentKind(("xls",), "application/vnd.ms-excel", (_OLE,)),
    ContentKind(("ppt",), "application/vnd.ms-powerpoint", (_OLE,)),
    ContentKind(("jpg", "jpeg"), "image/jpeg", (b"\xff\xd8\xff",)),
    ContentKind(("png",), "image/png", (b"\x89PNG\r\n\x1a\n",)),
)


def safe_name(name: str) -> str:
    """A file's name as a label: one clean line, no folders, at most 200 characters; never a path."""
    label = clean_line(name.replace("\\", "/").rpartition("/")[2]).strip(". ")
    stem, dot, end = label.rpartition(".")
    if len(label) > NAME_CHARACTERS:
        label = f"{stem[: NAME_CHARACTERS - len(end) - 1]}{dot}{end}" if len(end) < 10 else label[:NAME_CHARACTERS]
    return label or "tep"


def kind_of(name: str, head: bytes) -> ContentKind:
    """The kind that name and first bytes agree on; raises Malformed for anything else."""
    end = name.rpartition(".")[2].lower()
    for kind in KINDS:
        if end in kind.extensions:
            start = head.lstrip(b"\xef\xbb\xbf\r\n\t ") if kind.media_type == "application/pdf" else head
            if start.startswith(kind.starts):
                return kind
            raise Malformed(
                f"Tệp «{name}» không phải tệp .{end} thật. Hãy mở bằng phần mềm gốc và lưu lại.", field="file"
            )
    listed = ", ".join(f".{kind.extensions[0]}" for kind in KINDS)
    raise Malformed(f"Không nhận loại tệp của «{name}». Các loại được nhận: {listed}.", field="file")


def media_type_of(name: str, head: bytes) -> str:
    """The media type of a file from outside, `application/octet-stream` for what is not on the list."""
    try:
        return kind_of(name, head).media_type
    except Malformed:
        return "application/octet-stream"
