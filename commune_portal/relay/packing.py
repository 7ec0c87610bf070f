"""Making a bag: every file closed for its addressee, written whole, and the manifest last."""

from __future__ import annotations

import shutil
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from commune_portal import clock
from commune_portal.people import bags
from commune_portal.people.actors import Actor
from commune_portal.relay import stick
from commune_portal.relay.bag import Made, refuse_own_folders, side_of
from commune_portal.relay.stick import Packing
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.store import files, installation
from commune_portal.wire import bag as wire
from commune_portal.wire import boxes, keys
from commune_portal.wire.bag import BagItem, Manifest, What
from commune_portal.wire.cargo import Cargo


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
