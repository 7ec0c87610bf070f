"""Taking a bag in, by the verbs of the link.

A file that is cut, changed, too large or strange is refused alone, with its reason in the report; a bag of an unknown
maker, or for somebody else, as a whole.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from commune_portal.errors import Malformed, NotFound, PortalError, RuleBroken, TooLarge, Unauthenticated
from commune_portal.people import bags
from commune_portal.people.actors import Actor
from commune_portal.relay import stick
from commune_portal.relay.bag import Opened, Round, Side, refuse_own_folders, side_of
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Limits, Settings
from commune_portal.store import files, installation
from commune_portal.wire import bag as wire
from commune_portal.wire import boxes, keys
from commune_portal.wire.bag import BagItem, BagVector, Manifest, What
from commune_portal.wire.cargo import Fate, Outcome
from commune_portal.wire.envelope import Envelope

MOST_OTHER_BYTES = 8 * 1024 * 1024
_ORDER = (What.DIRECTORY, What.RECEIPT, What.NOTE, What.ENVELOPE, What.JOURNAL)


def import_all(actor: Actor, settings: Settings, folder: str | Path) -> Round:
    """Takes in every bag of a folder that is for us; raises RuleBroken or NotFound where there is none.

    Bags for somebody else that lie beside are left alone; where there are only such, the reason is raised.
    """
    actor.require(Verb.EXCHANGE_BAG)
    place = stick.folder_at(folder)
    refuse_own_folders(settings, place)
    found = stick.bags_in(place)
    if not found:
        if stick.has_unfinished(place):
            raise NotFound("Túi thư trên USB ghi dở (USB bị rút sớm). Nơi làm túi cần làm lại.")
        raise NotFound(f"Không thấy túi thư nào (thư mục tên «{wire.FOLDER_PREFIX}…») ở «{folder}».")
    opened: list[Opened] = []
    refusals: list[PortalError] = []
    for path in found:
        try:
            opened.append(import_one(actor, settings, path))
        except (RuleBroken, NotFound, Malformed) as error:
            refusals.append(error)
    if not opened:
        raise refusals[0]
    return Round(tuple(opened), tuple(error.sentence for error in refusals))


def import_zip(actor: Actor, settings: Settings, archive: Path) -> Round:
    """Takes in the bags of a zip file that a browser brought."""
    actor.require(Verb.EXCHANGE_BAG)
    folder = files.temporary()
    with files.disk_errors():
        folder.mkdir()
        try:
            _unzip(archive, folder, settings.limits)
            return import_all(actor, settings, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _unzip(archive: Path, folder: Path, limits: Limits) -> None:
    """Unpacks files of bags alone, under their own names; raises Malformed for anything that is no such zip."""
    most = max(boxes.sealed_bytes(limits.packet_bytes), wire.LARGEST_BYTES)
    room = archive.stat().st_size * 20 + wire.LARGEST_BYTES
    try:
        with zipfile.ZipFile(archive) as source:
            if len(source.infolist()) > wire.MOST_ITEMS:
                raise TooLarge("Tệp zip có quá nhiều tệp; không phải túi thư.")
            for member in source.infolist():
                parts = member.filename.replace("\\", "/").split("/")
                name, above = parts[-1], parts[-2] if len(parts) > 1 else ""
                if member.is_dir() or not _is_bag_file(above, name):
                    continue
                room -= member.file_size
                if member.file_size > most or room < 0:
                    raise TooLarge("Tệp zip giải nén ra quá lớn; không phải túi thư.")
                target = folder / above.lower() / name.lower()
                target.parent.mkdir(exist_ok=True)
                _unpack(source, member, target)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise Malformed(
            "Tệp này không phải túi thư dạng zip, hoặc tải lên bị cắt. Hãy chọn lại tệp.", field="file"
        ) from error


def _unpack(source: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Unpacks one file; a damaged one is left out, and is then missing alone."""
    try:
        with source.open(member) as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out, files.PIECE_BYTES)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        target.unlink(missing_ok=True)


def _is_bag_file(above: str, name: str) -> bool:
    digits = above.lower().removeprefix(wire.FOLDER_PREFIX)
    is_named = name.lower() == wire.MANIFEST or (len(name) == wire.NAME_DIGITS and _is_hex(name.lower()))
    return above.lower().startswith(wire.FOLDER_PREFIX) and len(digits) == 16 and _is_hex(digits) and is_named


def _is_hex(text: str) -> bool:
    return all(digit in "0123456789abcdef" for digit in text)


def import_one(actor: Actor, settings: Settings, path: Path) -> Opened:
    """Takes one bag in; raises RuleBroken for a bag of an unknown maker or for somebody else."""
    side = side_of(settings)
    manifest = _believed(side, stick.read_manifest(path))
    reader = _Reader(path, manifest, settings.limits)
    vector, outcomes = reader.vector()
    for what in _ORDER:
        for item in reader.in_order(what):
            outcome = reader.refusing(what, partial(_take, side, manifest.maker, reader, item))
            if outcome is not None:
                outcomes.append(outcome)
    if vector is not None and not any(outcome.fate is Fate.REFUSED for outcome in outcomes):
        side.converged(manifest.maker, vector)
    row_id = bags.imported(actor, manifest, outcomes, vector)
    return Opened(path, manifest, tuple(outcomes), row_id)


def _believed(side: Side, data: bytes) -> Manifest:
    stated = wire.parse_unverified(data)
    mine = installation.own()
    if stated.addressee != mine.code:
        raise RuleBroken(
            f"Túi thư này gửi cho «{stated.addressee}», không phải {mine.name} («{mine.code}»)."
            " Hãy mang đến đúng nơi nhận."
        )
    try:
        manifest = wire.open_(data, side.maker_key)
    except Unauthenticated as error:
        raise RuleBroken(
            f"Không xác nhận được nơi làm túi thư («{stated.maker}»): chưa có khóa, khóa đã thu hồi, hoặc danh mục bị"
            " sửa. Hãy liên lạc với nút để cập nhật danh bạ, rồi xin làm lại túi.",
            detail=error.detail,
        ) from error
    own = keys.own()
    if manifest.box_key_id not in (None, boxes.box_key_id(own.box_public_key)):
        raise RuleBroken(
            "Túi thư này mã hóa cho khóa cũ của cơ quan (trước khi khôi phục). Hãy liên lạc với nút một lần rồi xin làm"
            " lại túi."
        )
    return manifest


def _take(side: Side, maker: str, reader: _Reader, item: BagItem) -> Outcome | None:
    content = reader.content(item)
    if item.what is What.ENVELOPE:
        return side.take_message(maker, content, lambda envelope: reader.packet(item, envelope), reader.limits)
    if item.what is What.RECEIPT:
        return side.take_receipt(maker, content)
    return side.take_other(maker, item.what, content)


class _Reader:
    """The files of one bag, each believed only as far as the manifest and its own frames prove it."""

    def __init__(self, path: Path, manifest: Manifest, limits: Limits) -> None:
        self.limits = limits
        self._path = path
        self._manifest = manifest

    def vector(self) -> tuple[BagVector | None, list[Outcome]]:
        """What the maker says that it has; without it the rest is taken all the same."""
        found: list[BagVector] = []

        def read(item: BagItem) -> None:
            found.append(wire.read_vector(self.content(item)))

        refused = []
        for item in self._manifest.items:
            if item.what is What.VECTOR:
                outcome = self.refusing(What.VECTOR, partial(read, item))
                refused += [outcome] if outcome else []
        return (found[0] if found else None), refused

    def in_order(self, what: What) -> list[BagItem]:
        """The items of a kind; envelopes as their maker ordered them, which is the urgent first."""
        return [item for item in self._manifest.items if item.what is what]

    def refusing(self, what: What, take: Callable[[], Outcome | None]) -> Outcome | None:
        """Takes one thing; whatever is wrong with it is its own fate and nobody else's."""
        try:
            return take()
        except PortalError as error:
            return Outcome(what, Fate.REFUSED, reason=error.sentence)

    def content(self, item: BagItem) -> bytes:
        """A small file, whole and proved."""
        most = item.what.largest_bytes or MOST_OTHER_BYTES
        found = bytearray()
        for piece in self._pieces(item):
            found += piece
            if len(found) > most:
                raise Malformed("Tệp trong túi lớn hơn mức cho phép.")
        return bytes(found)

    def packet(self, item: BagItem, envelope: Envelope) -> Path:
        """The packet of an envelope in a file of the work folder, with the very bytes that the envelope names.

        A wrong one is refused here, before anybody could sign for it: the right one may come by the link.
        """
        packet = next(
            (other for other in self._manifest.items if other.what is What.PACKET and other.sha256 == item.packet), None
        )
        if packet is None:
            raise Malformed("Túi không có gói tin của phong bì này.")
        if envelope.packet_bytes > self.limits.packet_bytes:
            raise TooLarge("Gói tin lớn hơn mức cho phép của máy này.")
        target = files.temporary(".edxml")
        digest, size = hashlib.sha256(), 0
        try:
            with files.disk_errors(), target.open("wb") as out:
                for piece in self._pieces(packet):
                    digest.update(piece)
                    size += len(piece)
                    if size > envelope.packet_bytes:
                        raise Malformed("Gói tin trong túi dài hơn ghi trên phong bì.")
                    out.write(piece)
            if (digest.hexdigest(), size) != (envelope.packet_sha256, envelope.packet_bytes):
                raise Malformed("Gói tin trong túi không phải gói ghi trên phong bì.")
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return target

    def _pieces(self, item: BagItem) -> Iterator[bytes]:
        """The content of a file, opened where it is a box; raises Malformed at its end if it is not as listed."""
        listed = self._listed(item)
        if self._manifest.is_encrypted:
            return boxes.open_(listed, keys.own())
        return listed

    def _listed(self, item: BagItem) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        for piece in stick.pieces_of(stick.file_of(self._path, item.name), item.bytes):
            digest.update(piece)
            size += len(piece)
            yield piece
        if size != item.bytes or digest.hexdigest() != item.sha256:
            raise Malformed("Tệp trong túi bị cắt ngắn hoặc bị sửa. Nơi làm túi cần làm lại; phần còn lại vẫn nhận.")
