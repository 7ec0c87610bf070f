"""The bag: the relay's messages and receipts carried on a USB stick, both ways, in any order, any number of times.

What is in a bag is taken by the very verbs that take it from the link. A file that is cut, changed, too large or
strange is refused alone, with its reason in the report; a bag of an unknown maker, or for somebody else, as a whole.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from commune_portal import clock
from commune_portal.documents import bags as office_bags
from commune_portal.errors import Malformed, NotFound, PortalError, RuleBroken, TooLarge, Unauthenticated
from commune_portal.node import bags as node_bags
from commune_portal.people import bags
from commune_portal.people.actors import Actor
from commune_portal.relay import stick
from commune_portal.relay.stick import Packing
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Limits, Settings
from commune_portal.store import files, installation
from commune_portal.wire import bag as wire
from commune_portal.wire import boxes, keys
from commune_portal.wire.bag import BagItem, BagVector, Manifest, What
from commune_portal.wire.cargo import Cargo, Fate, Outcome, Party
from commune_portal.wire.envelope import Envelope

MOST_OTHER_BYTES = 8 * 1024 * 1024
_ORDER = (What.DIRECTORY, What.RECEIPT, What.NOTE, What.ENVELOPE, What.JOURNAL)


class Side(Protocol):
    """What a bag needs of the house: an office's documents or a node's mailbox."""

    def addressees(self, actor: Actor, /) -> list[Party]:
        """Whom a bag can be made for."""

    def cargo(self, actor: Actor, code: str, /) -> Cargo:
        """Everything that an addressee may lack."""

    def maker_key(self, code: str, key_id: str, /) -> bytes | None:
        """The key of somebody whose bags are taken."""

    def take_message(self, maker: str, sealed: bytes, packet: Callable[[Envelope], Path], limits: Limits, /) -> Outcome:
        """Takes an envelope and its packet."""

    def take_receipt(self, maker: str, receipt_bytes: bytes, /) -> Outcome:
        """Takes a receipt."""

    def take_other(self, maker: str, what: What, content: bytes, /) -> Outcome | None:
        """Takes a directory, a note or a stretch of journal."""

    def converged(self, maker: str, vector: BagVector, /) -> None:
        """Everything that the vector covers was taken."""


@dataclass(frozen=True, slots=True)
class Made:
    """A bag that lies whole on its stick."""

    path: Path
    manifest: Manifest
    cargo: Cargo
    row_id: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A bag that was taken in: who made it and what became of everything in it."""

    path: Path
    manifest: Manifest
    outcomes: tuple[Outcome, ...]
    row_id: int

    def count(self, what: What, *fates: Fate) -> int:
        """How many things of a kind had one of these fates."""
        return sum(outcome.what is what and outcome.fate in fates for outcome in self.outcomes)

    @property
    def refused(self) -> list[Outcome]:
        """What was not taken, with reasons."""
        return [outcome for outcome in self.outcomes if outcome.fate is Fate.REFUSED]


@dataclass(frozen=True, slots=True)
class Round:
    """What a folder brought: the bags that were taken in, and why others beside them were not."""

    opened: tuple[Opened, ...]
    passed_over: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """True when nothing in the bags that were taken in was refused."""
        return not any(bag.refused for bag in self.opened)


def side_of(settings: Settings) -> Side:
    """The side of this installation."""
    return office_bags if settings.role == "office" else node_bags


# ---- making a bag -----------------------------------------------------------------------------------------------


def export(actor: Actor, settings: Settings, folder: str | Path, to: str = "", *, plain: bool = False) -> Made:
    """Makes a bag in a folder of a stick; `to` is an addressee's code, at an office the node where it is empty.

    Raises DiskFull and RuleBroken with what to do; then nothing is left behind under a bag's name.
    """
    actor.require(Verb.EXCHANGE_BAG)
    place = stick.folder_at(folder)
    refuse_own_folders(settings, place)
    cargo = side_of(settings).cargo(actor, to)
    encrypted = settings.relay.bag_encryption and not plain
    bag_id = str(uuid.uuid4())
    draft = _manifest(bag_id, cargo, (), encrypted=encrypted)
    packing = Packing(place, draft.folder_name, cargo.bytes, len(cargo.messages) * 2 + len(cargo.receipts))
    row = [0]
    try:
        manifest = _manifest(bag_id, cargo, tuple(_pack(packing, cargo, encrypted=encrypted)), encrypted=encrypted)

        def act() -> None:
            row[0] = bags.exported(actor, manifest, cargo)

        path = packing.finish(wire.seal(manifest, keys.own()), act)
    except BaseException:
        packing.abandon()
        raise
    return Made(path, manifest, cargo, row[0])


def export_zip(actor: Actor, settings: Settings, to: str = "") -> tuple[Made, Path]:
    """Makes a bag as one zip file in the work folder, for a browser to take along; the caller removes the file."""
    folder = files.temporary()
    target = files.temporary(".zip")
    with files.disk_errors():
        folder.mkdir()
        try:
            made = export(actor, settings, folder, to)
            with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
                for path in sorted(made.path.iterdir()):
                    out.write(path, f"{made.path.name}/{path.name}")
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return made, target


def _manifest(bag_id: str, cargo: Cargo, items: tuple[BagItem, ...], *, encrypted: bool) -> Manifest:
    return Manifest(
        bag_id=bag_id,
        maker=installation.own().code,
        addressee=cargo.addressee.code,
        made_at=clock.now(),
        box_key_id=boxes.box_key_id(cargo.addressee.box_public_key) if encrypted else None,
        items=items,
        key_id=keys.own().key_id,
    )


def _pack(packing: Packing, cargo: Cargo, *, encrypted: bool) -> Iterator[BagItem]:
    """Writes every file of the bag; each packet once, however many envelopes name it."""

    def add(what: What, pieces: Iterable[bytes], packet: str | None = None) -> BagItem:
        closed = boxes.seal(pieces, cargo.addressee.box_public_key) if encrypted else pieces
        sha256, size = packing.add(closed)
        return BagItem(what, sha256, size, packet)

    yield add(What.VECTOR, [wire.write_vector(cargo.vector)])
    for what, content in ((What.DIRECTORY, cargo.directory), (What.NOTE, cargo.note)):
        if content:
            yield add(what, [content])
    for receipt in cargo.receipts:
        yield add(What.RECEIPT, [receipt])
    packets: dict[str, str] = {}
    for message in cargo.messages:
        if message.packet_sha256 not in packets:
            item = add(What.PACKET, files.pieces_of(files.path_of(message.packet_sha256)))
            packets[message.packet_sha256] = item.sha256
            yield item
        yield add(What.ENVELOPE, [message.envelope], packets[message.packet_sha256])
    for stretch in cargo.journal:
        yield add(What.JOURNAL, [stretch])


def refuse_own_folders(settings: Settings, place: Path) -> None:
    """A bag is never made or read inside the installation's own folders."""
    real = place.resolve()
    for own in (settings.data_folder, settings.secrets_folder):
        inside = own.resolve() in (real, *real.parents) and real.parent != settings.work_folder.resolve()
        if inside:
            raise RuleBroken("Không đặt túi thư trong thư mục dữ liệu của phần mềm. Hãy chọn USB.", field="folder")


# ---- taking a bag in ----------------------------------------------------------------------------------------------


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
                with source.open(member) as packed, target.open("wb") as out:
                    shutil.copyfileobj(packed, out, files.PIECE_BYTES)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise Malformed(
            "Tệp này không phải túi thư dạng zip, hoặc tải lên bị cắt. Hãy chọn lại tệp.", field="file"
        ) from error


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
            outcome = reader.refusing(what, lambda item=item: _take(side, manifest.maker, reader, item))  # type: ignore[misc] # bound now
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
                outcome = self.refusing(What.VECTOR, lambda item=item: read(item))  # type: ignore[misc] # bound now
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
