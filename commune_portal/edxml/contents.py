"""What an attachment's bytes really are: wrapped or not, a PDF or not, whatever the packet calls them.

Source: edxml.md §1.4, §3.5: vendors label wrapped files as PDF and plain ones as zip; a .docx is itself a zip and is
never unwrapped for looking like one. Names inside archives are never paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from commune_portal.edxml.decoding import Content
from commune_portal.edxml.package import ReadLimits, content_type_of, extension
from commune_portal.edxml.wrapping import Entry, looks_zipped, only_entry, unwrap

PDF = "application/pdf"
UNKNOWN = content_type_of("")
_ZIP_TYPES = frozenset({"application/zip", "application/x-zip-compressed", "application/x-zip", "zip"})
_ARCHIVES = frozenset(
    {"docx", "xlsx", "pptx", "docm", "xlsm", "dotx", "odt", "ods", "odp", "zip", "jar", "apk", "epub", "asice"}
)


@dataclass(frozen=True, slots=True)
class Opened:
    """An attachment's content after wrapping is undone, and what was found strange about it."""

    path: Path
    size_bytes: int
    sha256: str
    content_type: str
    remarks: tuple[str, ...]


def open_content(
    content: Content, name: str, sent_type: str, new_file: Callable[[], Path], limits: ReadLimits
) -> Opened:
    """Unwraps what is wrapped and tells the type; raises Malformed or TooLarge for what grows beyond reason."""
    zipped = sent_type.lower() in _ZIP_TYPES
    remarks: list[str] = []
    path, size, digest = content.path, content.size_bytes, content.sha256
    unwrapped = False
    with path.open("rb") as file:
        looks = looks_zipped(file)
        if zipped and not looks:
            remarks.append("Tệp ghi là tệp nén nhưng không phải; đã lấy nội dung như được gửi.")
        if looks and (zipped or extension(name) not in _ARCHIVES):
            entry = _wrapped(only_entry(file), name)
            if entry is not None:
                target = new_file()
                result = unwrap(file, entry, target, most_bytes=limits.attachment_bytes, ratio=limits.zip_ratio)
                if result is None:
                    remarks.append("Tệp nén bị hỏng, không giải nén được; đã giữ nguyên tệp nén.")
                else:
                    path, (size, digest), unwrapped = target, result, True
                    if not zipped:
                        remarks.append(f"Tệp ghi kiểu «{sent_type[:80]}» nhưng là tệp nén; đã giải nén.")
            elif extension(name) not in _ARCHIVES:
                remarks.append("Tệp nén không chứa đúng một tệp; đã giữ nguyên tệp nén.")
            elif extension(name) != "zip":
                remarks.append("Tệp ghi là tệp nén nhưng không được nén thêm; đã lấy nội dung như được gửi.")
    content_type = _type(path, name, "" if unwrapped or zipped else sent_type, remarks)
    return Opened(path, size, digest, content_type, tuple(remarks))


def _wrapped(entry: Entry | None, name: str) -> Entry | None:
    """The entry, unless the archive is one that somebody made and sent as it is."""
    if entry is not None and extension(name) == "zip" and extension(entry.name) != "zip":
        return None
    return entry


def _type(path: Path, name: str, sent_type: str, remarks: list[str]) -> str:
    with path.open("rb") as file:
        is_pdf = file.read(5) == b"%PDF-"
    content_type = content_type_of(name)
    if content_type == UNKNOWN and sent_type:
        content_type = sent_type[:100]
    if is_pdf and content_type != PDF:
        remarks.append("Nội dung là PDF nhưng tên tệp không nói như vậy.")
        return PDF
    if content_type == PDF and not is_pdf:
        remarks.append("Tệp mang tên PDF nhưng nội dung không phải PDF.")
        return UNKNOWN
    return content_type
