"""Packets in: streaming, bounded, liberal; what strays from the format is a finding, not a refusal.

Source: QCVN 102:2016/BTTTT; edxml.md §3. The caller keeps the received file; this only says what is in it.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from commune_portal.edxml.contents import open_content
from commune_portal.edxml.elements import Part, interpret
from commune_portal.edxml.package import Attachment, Edoc, Finding, ReadLimits, Status
from commune_portal.edxml.scalars import label
from commune_portal.edxml.stream import ENCODED, Element, PacketStream
from commune_portal.errors import DiskFull, NotFound


def read(source: Path | BinaryIO, into: Path, limits: ReadLimits | None = None) -> Edoc | Status:
    """Reads a packet; attachments become temporary files in `into`, which from then on belong to the caller.

    Raises Malformed or TooLarge with the reason; then no temporary file is left. Memory does not grow with the
    attachments.
    """
    limits = limits or ReadLimits()
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                return _Reading(into, limits).read(file)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise NotFound(f"Không thấy tệp {source}. Hãy kiểm tra lại đường dẫn.") from error
    return _Reading(into, limits).read(source)


@dataclass(frozen=True, slots=True)
class _Declared:
    """What the manifest says of one attachment."""

    name: str
    content_type: str
    description: str
    prefixed: bool
    path: str


class _Reading:
    """One packet while it is read."""

    def __init__(self, into: Path, limits: ReadLimits) -> None:
        self._limits = limits
        self._findings: dict[Finding, None] = {}
        self._stream = PacketStream(into, limits, self._report)

    def read(self, file: BinaryIO) -> Edoc | Status:
        """The packet as values, with the findings."""
        kept: set[Path] = set()
        try:
            root = self._stream.parse(file)
            attachments = self._attachments(root)
            parsed = interpret(root, attachments, self._report)
            if isinstance(parsed, Edoc):
                kept = {attachment.path for attachment in attachments if attachment.path is not None}
            return replace(parsed, findings=tuple(self._findings))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise DiskFull from error
            raise
        finally:
            for path in self._stream.files:
                if path not in kept:
                    path.unlink(missing_ok=True)

    def _report(self, path: str, sentence: str) -> None:
        if len(self._findings) < self._limits.findings:
            self._findings.setdefault(Finding(path, sentence))
        elif len(self._findings) == self._limits.findings:
            self._findings.setdefault(Finding("", "Còn nhiều cảnh báo khác; xem gói tin gốc."))

    def _attachments(self, root: Element) -> tuple[Attachment, ...]:
        declared = self._manifest(root)
        found: list[Attachment] = []
        for element in _all_attachments(root):
            part = Part(element, element.path, self._report)
            identity, prefixed = _bare(part.text("ContentId"))
            reference = declared.pop(identity, None)
            if reference is None:
                self._report(element.path, "Tệp đính kèm không được khai trong edXMLManifest.")
            elif reference.prefixed != prefixed:
                self._report(element.path, "Mã nội dung chỉ có «cid:» ở một bên; đã ghép theo phần còn lại.")
            name = part.text("AttachmentName") or (reference.name if reference else "")
            sent_type = part.text("ContentType") or (reference.content_type if reference else "")
            description = part.text("Description") or (reference.description if reference else "")
            part.one(ENCODED)
            part.close()
            attachment = self._attachment(element, name, sent_type)
            if attachment is not None:
                found.append(replace(attachment, description=description, content_id=identity))
        for reference in declared.values():
            self._report(reference.path, "Tệp được khai nhưng không có trong gói tin.")
        return tuple(found)

    def _manifest(self, root: Element) -> dict[str, _Declared]:
        manifest = root.find("edXMLManifest")
        declared: dict[str, _Declared] = {}
        if manifest is None:
            return declared
        for part in Part(manifest, manifest.path, self._report).all("Reference"):
            identity, prefixed = _bare(part.text("ContentId"))
            if identity in declared:
                part.warn("ContentId", "Mã nội dung này được khai hai lần; đã đọc lần thứ nhất.")
                continue
            declared[identity] = _Declared(
                part.text("AttachmentName"), part.text("ContentType"), part.text("Description"), prefixed, part.path
            )
        return declared

    def _attachment(self, element: Element, raw_name: str, sent_type: str) -> Attachment | None:
        encoded = element.child(ENCODED)
        if encoded is None or encoded.content is None:
            self._report(element.path, "Tệp đính kèm không có nội dung; đã bỏ qua.")
            return None
        content = encoded.content
        if content.damage:
            self._report(encoded.path, f"Tệp đính kèm có thể đã hỏng: {content.damage}.")
        name = label(raw_name)
        if name != raw_name:
            self._report(element.path, "Tên tệp đính kèm có đường dẫn hoặc quá dài; chỉ giữ phần tên.")
        if not name:
            name = f"tep-dinh-kem-{self._stream.files.index(content.path) + 1}"
            self._report(element.path, "Tệp đính kèm không có tên; đã đặt tên tạm.")
        opened = open_content(content, name, sent_type, self._stream.new_file, self._limits)
        for remark in opened.remarks:
            self._report(element.path, remark)
        return Attachment(
            name,
            opened.content_type,
            opened.size_bytes,
            opened.sha256,
            path=opened.path,
            damaged=bool(content.damage),
        )


def _all_attachments(root: Element) -> list[Element]:
    holder = root.find("AttachmentEncoded") or root
    return [element for element in holder.children if element.name == "Attachment"]


def _bare(content_id: str) -> tuple[str, bool]:
    bare = content_id[4:].strip() if content_id[:4].lower() == "cid:" else content_id
    return bare, bare != content_id
