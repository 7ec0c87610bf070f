"""A packet's XML as a small tree, with the attachments decoded to files on the way and never held in memory.

expat does the parsing. The one short cut: the letters between `<ContentTransferEncoded>` and the next `<` go from the
file straight to the decoder, since they are nothing but text to XML; it is taken only when expat has just
reported exactly that start tag as the last thing it was fed, and the letters are plain base64.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn
from xml.parsers import expat

from commune_portal.edxml.decoding import Content, Decoder
from commune_portal.edxml.package import NAMESPACE, ReadLimits
from commune_portal.errors import Malformed, TooLarge

CHUNK_BYTES = 256 * 1024
ENCODED = "ContentTransferEncoded"
_MARK = ENCODED.encode()
_START_TAG = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,40}:)?ContentTransferEncoded[ \t\r\n]*>\Z")
_OWN = NAMESPACE + " "
Report = Callable[[str, str], None]


@dataclass(slots=True)
class Element:
    """An element of our namespace: its canonical local name, path, text, children, and decoded content."""

    name: str
    path: str
    text: str = ""
    children: list[Element] = field(default_factory=list)
    content: Content | None = None
    parts: list[str] = field(default_factory=list)
    characters: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def child(self, name: str) -> Element | None:
        """The first child of that name."""
        return next((child for child in self.children if child.name == name), None)

    def find(self, name: str) -> Element | None:
        """The first element of that name at any depth below, in document order."""
        pending = self.children[::-1]
        while pending:
            element = pending.pop()
            if element.name == name:
                return element
            pending.extend(reversed(element.children))
        return None


def canonical(name: str) -> str:
    """The name under which we know an element that some senders spell differently. Source: edxml.md §3.3."""
    if name.startswith("Business"):
        return "Bussiness" + name[len("Business") :]
    return {"OrganInCharge": "OrganizationInCharge", "DigitalSignature": "Signature"}.get(name, name)


class PacketStream:
    """Parses one packet; `files` lists every temporary file made, whether parsing ends well or not."""

    def __init__(self, into: Path, limits: ReadLimits, report: Report) -> None:
        self.files: list[Path] = []
        self.root: Element | None = None
        self._into = into
        self._limits = limits
        self._report = report
        self._stack: list[Element] = []
        self._foreign = 0
        self._elements = self._text_characters = 0
        self._decoder: Decoder | None = None
        self._fed = self._taken = 0
        self._opened_at = -1
        self._plain_bytes = True
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = 64 * 1024
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser

    def parse(self, file: BinaryIO) -> Element:
        """Reads the file to its end and gives the root; raises Malformed or TooLarge."""
        held = b""
        try:
            while chunk := file.read(CHUNK_BYTES):
                if self._taken == 0 and (chunk[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in chunk[:4]):
                    self._plain_bytes = False
                self._taken += len(chunk)
                if self._taken > self._limits.packet_bytes:
                    raise TooLarge("Gói tin lớn quá giới hạn. Đề nghị nơi gửi chia nhỏ tệp đính kèm.")
                chunk, held = _whole_tags(held + chunk if held else chunk)
                self._take(chunk)
            self._take(held)
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise Malformed(
                "Gói tin bị cụt hoặc không phải XML đúng. Đề nghị nơi gửi gửi lại.",
                detail=expat.ErrorString(error.code),
            ) from error
        except (ValueError, LookupError) as error:
            raise Malformed("Không đọc được bảng mã của gói tin. Gói tin phải dùng UTF-8.") from error
        finally:
            if self._decoder is not None:
                self._decoder.abandon()
            self._decoder, self._stack = None, []  # taking the handlers away flushes text that waits in a buffer
            for handler in ("XmlDecl", "StartDoctypeDecl", "StartElement", "EndElement", "CharacterData"):
                setattr(self._parser, f"{handler}Handler", None)  # frees the cycle with this object at once
        assert self.root is not None
        return self.root

    def _take(self, chunk: bytes) -> None:
        position = 0
        while position < len(chunk):
            if self._opened_at >= 0 and self._decoder is not None:
                end = chunk.find(b"<", position)
                stop = len(chunk) if end < 0 else end
                with memoryview(chunk) as view, view[position:stop] as piece:
                    pure = self._decoder.take_pure(piece)
                if not pure or end >= 0:
                    self._opened_at = -1
                if pure:
                    position = stop
                    continue
                self._feed(chunk[position:stop])
                position = stop
                continue
            mark = chunk.find(_MARK, position) if self._plain_bytes else -1
            close = chunk.find(b">", mark) if mark >= 0 else -1
            stop = close + 1 if close >= 0 else len(chunk)
            self._feed(chunk[position:stop])
            position = stop

    def _feed(self, piece: bytes) -> None:
        self._opened_at = -1
        self._parser.Parse(piece, False)
        self._fed += len(piece)
        if self._opened_at >= 0:
            tag = _START_TAG.search(piece[-128:])
            if tag is None or self._opened_at != self._fed - len(tag.group()):
                self._opened_at = -1
        if self._fed - self._parser.CurrentByteIndex > CHUNK_BYTES + self._limits.token_bytes:
            raise Malformed("Gói tin có thẻ hoặc chú thích dài bất thường. Không mở gói tin này.")

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            self._plain_bytes = False
            self._report("", f"Gói tin khai bảng mã «{encoding[:40]}» thay vì UTF-8.")

    def _doctype(self, *_: object) -> NoReturn:
        raise Malformed("Gói tin có khai báo DOCTYPE, là cách thường dùng để tấn công. Không mở gói tin này.")

    def _start(self, full_name: str, _: dict[str, str]) -> None:
        self._opened_at = -1
        self._elements += 1
        if self._elements > self._limits.elements:
            raise TooLarge("Gói tin có quá nhiều phần tử. Không mở gói tin này.")
        if len(self._stack) + self._foreign >= self._limits.depth:
            raise Malformed("Gói tin có các phần tử lồng nhau quá sâu. Không mở gói tin này.")
        own = full_name.startswith(_OWN)
        name = canonical(full_name[len(_OWN) :]) if own else ""
        if self.root is None and name != "edXML":
            raise Malformed("Tệp này không phải gói tin edXML theo QCVN 102:2016/BTTTT. Hãy kiểm tra lại tệp.")
        if self._foreign or not own:
            self._note_foreign(full_name)
            self._foreign += 1
            return
        parent = self._stack[-1] if self._stack else None
        element = Element(name, name)
        if parent is not None:
            if len(name) > 80:
                raise Malformed("Gói tin có tên phần tử dài bất thường. Không mở gói tin này.")
            ordinal = parent.counts.get(name, 0) + 1
            above = "" if parent.name in _OBVIOUS else parent.path + "/"
            element.path = above + name + (f"[{ordinal}]" if name in _REPEATED else "")
            if not full_name.endswith(" " + name):
                written = full_name[len(_OWN) :]
                self._report(element.path, f"Nơi gửi viết tên phần tử là «{written[:80]}»; đã hiểu là «{name}».")
            if parent.name == "Attachment" and name == ENCODED:
                self._open(parent, element)
            parent.counts[name] = ordinal
            parent.children.append(element)
        else:
            self.root = element
        self._stack.append(element)

    def _note_foreign(self, full_name: str) -> None:
        if self._foreign == 0 and self._stack:
            local = full_name.rpartition(" ")[2][:80]
            parent = self._stack[-1]
            if local == "Signature":
                parent.children.append(Element("Signature", f"{parent.path}/Signature"))
            else:
                self._report(parent.path, f"Bỏ qua phần tử lạ «{local}»; phần này vẫn còn trong gói tin gốc.")

    def _open(self, parent: Element, element: Element) -> None:
        if ENCODED in parent.counts:
            self._report(element.path, "Tệp đính kèm có hai phần nội dung; chỉ đọc phần thứ nhất.")
            return
        if len(self.files) >= self._limits.attachments:
            raise TooLarge("Gói tin có quá nhiều tệp đính kèm. Không mở gói tin này.")
        self._decoder = Decoder(self.new_file(), self._limits.attachment_bytes)
        self._opened_at = self._parser.CurrentByteIndex

    def new_file(self) -> Path:
        """A new empty temporary file in the folder; its name owes nothing to the packet."""
        handle, name = tempfile.mkstemp(prefix="attachment-", dir=self._into)
        with open(handle, "wb"):  # noqa: PTH123 -- mkstemp gives an open descriptor
            self.files.append(Path(name))
        return self.files[-1]

    def _end(self, _: str) -> None:
        self._opened_at = -1
        if self._foreign:
            self._foreign -= 1
            return
        element = self._stack.pop()
        element.text = "".join(element.parts)
        element.parts = []
        if self._decoder is not None and element.name == ENCODED:
            element.content = self._decoder.finish()
            self._decoder = None

    def _text(self, text: str) -> None:
        self._opened_at = -1
        if self._foreign or not self._stack:
            return
        if self._decoder is not None:
            self._decoder.take(text.encode("ascii", "replace"))
            return
        element = self._stack[-1]
        if not element.parts and text.isspace():
            return
        self._text_characters += len(text)
        if self._text_characters > self._limits.total_text_characters:
            raise TooLarge("Phần chữ của gói tin dài quá giới hạn. Không mở gói tin này.")
        element.characters += len(text)
        if element.characters > self._limits.text_characters:
            raise TooLarge(f"Phần tử {element.path} dài quá giới hạn. Không mở gói tin này.")
        element.parts.append(text)


_REPEATED = frozenset(
    {"To", "ResponseFor", "Place", "Appendix", "TraceHeader", "Reference", "Attachment", "Receiver", "ReplacementInfo"}
)
_OBVIOUS = frozenset({"edXML", "edXMLEnvelope", "edXMLHeader", "edXMLBody"})


def _whole_tags(chunk: bytes) -> tuple[bytes, bytes]:
    """Splits off a start tag of encoded content that the end of the chunk cuts, so that it is fed in one piece."""
    at = chunk.rfind(b"<", max(0, len(chunk) - 128))
    if at < 0 or chunk.find(b">", at) >= 0:
        return chunk, b""
    return chunk[:at], chunk[at:]
