"""The bag: what a stick brings takes effect once, whatever happens to it on its way."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commune_portal.documents import bags
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.node import members
from commune_portal.people.actors import PORTAL
from commune_portal.relay import packing, unpacking
from commune_portal.store import database
from commune_portal.wire import bag as wire
from commune_portal.wire import keys, sealed
from commune_portal.wire.bag import MANIFEST, What
from commune_portal.wire.cargo import Fate
from tests.cast import NODE_CODE, OTHER_CODE
from tests.relay.carried import World, copied, found_world


@pytest.fixture(scope="module")
def founded_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def world(founded_world: World, tmp_path: Path) -> Iterator[World]:
    yield copied(founded_world, tmp_path)
    keys.use(None)
    database.close()


def counts(world: World, key: str) -> list[Any]:
    """Everything that a second import must not change; journal lines of imports and checks aside."""
    tables = ("incoming", "outgoing", "recipients", "statuses", "receipts", "receipts_given", "mailbox", "outbox",
              "attachments", "quarantine", "mirrors")  # fmt: skip
    return [world.rows(key, f"SELECT * FROM {table}") for table in tables]


def items_of(bag: Path, what: What) -> list[Path]:
    """The files of a kind in a bag."""
    manifest = wire.parse_unverified((bag / MANIFEST).read_bytes())
    return [bag / item.name for item in manifest.items if item.what is what]


def test_the_bag_alone_carries_documents_and_receipts_come_home_by_bag(world: World) -> None:
    sent = [world.send(document) for document in world.documents]
    assert world.carry("a", "node").count(What.ENVELOPE, Fate.TAKEN) == 3
    assert world.outbox() == dict.fromkeys(sent, "ready")  # making a bag marks nothing as sent
    brought = world.carry("node", "b")
    assert brought.count(What.ENVELOPE, Fate.TAKEN) == 3
    assert brought.refused == []
    assert sorted(map(str, world.arrived())) == sorted(sent)
    world.carry("b", "node")  # receipts of b, and its statuses 01
    world.carry("node", "a")
    assert world.outbox() == dict.fromkeys(sent, "delivered")
    assert len(world.rows("a", "SELECT 1 FROM receipts WHERE given = 0")) == 6  # the node's and b's for each
    assert len(world.rows("a", "SELECT 1 FROM statuses")) == 3
    world.carry("a", "node")
    world.carry("node", "b")
    world.assert_at_rest(sent)
    for key in ("a", "b"):  # the journals went to the mirrors, and the node's notes came home
        assert len(world.rows(key, "SELECT 1 FROM anchors")) >= 1
    world.carry("b", "node")
    empty = world.export("node", "b")
    assert (empty.cargo.messages, empty.cargo.receipts) == ((), ())


def test_the_bag_imported_twice_changes_nothing_the_second_time(world: World) -> None:
    world.send(world.documents[0])
    up = world.export("a").path
    world.take_in("node", up)
    down = world.export("node", "b").path
    first = world.take_in("b", down)
    before = {key: counts(world, key) for key in ("node", "b")}
    again = world.take_in("b", down)
    world.take_in("node", up)
    assert [item.fate for item in first.outcomes if item.what is What.ENVELOPE] == [Fate.TAKEN]
    assert {item.fate for item in again.outcomes if item.what is not What.DIRECTORY} == {Fate.KNOWN}
    assert {key: counts(world, key) for key in before} == before
    acts = world.rows("b", "SELECT json_extract(body, '$.facts.taken') FROM journal WHERE body LIKE '%bag.imported%'")
    assert [row[0] for row in acts][1] == 0
    world.assert_sound()


def test_the_bag_imported_after_the_link_already_delivered_changes_nothing(world: World) -> None:
    sent = [world.send(document) for document in world.documents[:2]]
    up = world.export("a").path
    world.link("a")
    down = world.export("node", "b").path
    world.link("b")
    before = {key: counts(world, key) for key in ("a", "node", "b")}
    assert {item.fate for item in world.take_in("node", up).outcomes if item.what is What.ENVELOPE} == {Fate.KNOWN}
    assert {item.fate for item in world.take_in("b", down).outcomes if item.what is What.ENVELOPE} == {Fate.KNOWN}
    after = {key: counts(world, key) for key in before}
    for key in before:
        assert after[key][:-1] == before[key][:-1], key  # only the mirror has grown
    for key in ("a", "b", "a", "b"):
        world.link(key)
    world.assert_at_rest(sent)


def test_the_link_after_the_bag_brings_the_receipts_home(world: World) -> None:
    sent = [world.send(world.documents[0])]
    world.carry("a", "node")
    world.carry("node", "b")
    for key in ("b", "a", "b"):
        world.link(key)
    world.assert_at_rest(sent)


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def linked_elsewhere(path: Path) -> None:
    other = path.parent.parent / f"noi-khac-{path.name}"
    path.replace(other)
    path.symlink_to(other)


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: list[Callable[[Path], None]] = [flipped, cut, longer, emptied, Path.unlink, linked_elsewhere, made_a_folder]


@pytest.mark.parametrize(("what", "plain"), [(What.ENVELOPE, False), (What.PACKET, True)])
@pytest.mark.parametrize("damage", DAMAGES)
def test_of_a_damaged_bag_only_the_damaged_file_is_refused(
    world: World, damage: Callable[[Path], None], what: What, plain: bool
) -> None:
    sent = [world.send(document) for document in world.documents[:2]]
    world.link("a")
    made = world.export("node", "b", plain=plain)
    damage(items_of(made.path, what)[0])
    opened = world.take_in("b", made.path)
    assert opened.count(What.ENVELOPE, Fate.TAKEN) == 1
    assert len(opened.refused) == 1
    assert opened.refused[0].reason.endswith(".")
    assert world.arrived() == [sent[1]]
    assert world.rows("b", "SELECT * FROM quarantine") == []  # nobody signed a refusal: the right bytes may yet come
    assert len(world.rows("b", "SELECT * FROM receipts_given")) == 1
    world.link("b", up=False)
    world.link("b")
    world.link("a")
    world.link("b")
    world.assert_at_rest(sent)


def test_the_bag_is_refused_whole_with_what_to_do_by_anybody_but_its_addressee(world: World) -> None:
    world.send(world.documents[0])
    made = world.export("a")
    with pytest.raises(RuleBroken, match=f"gửi cho «{NODE_CODE}».*đúng nơi nhận"):
        world.take_in("b", made.path)
    assert world.arrived() == []


def test_a_vector_that_was_changed_is_not_believed(world: World) -> None:
    """Nothing but the manifest vouches for it."""
    made = world.export("node", "b", plain=True)
    file = items_of(made.path, What.VECTOR)[0]
    file.write_bytes(file.read_bytes().replace(b'"seen":0', b'"seen":7'))
    opened = world.take_in("b", made.path)
    assert [item.what for item in opened.refused] == [What.VECTOR]
    assert "waiting" not in json.loads(str(world.rows("b", "SELECT report FROM bags")[0][0]))


@pytest.mark.parametrize(("maker", "taker"), [("node", "b"), ("a", "node"), ("b", "node")])
def test_a_packet_that_its_maker_put_to_the_wrong_envelope_is_refused_and_nobody_signs(
    world: World, maker: str, taker: str
) -> None:
    for document in world.documents[:2]:
        world.send(document)
    if maker != "a":
        world.link("a")
    if maker == "b":  # two statuses, small enough to be judged whole by the node
        world.link("b", up=False)
    made = world.export(maker, "b" if maker == "node" else "", plain=True)
    packets = [item for item in made.manifest.items if item.what is What.PACKET]
    swapped = {packets[0].sha256: packets[1].sha256, packets[1].sha256: packets[0].sha256}
    items = tuple(
        dataclasses.replace(item, packet=swapped[item.packet]) if item.packet else item for item in made.manifest.items
    )
    with world.at(maker):
        own = keys.own()
    (made.path / MANIFEST).write_bytes(wire.seal(dataclasses.replace(made.manifest, items=items), own))
    before = len(world.rows(taker, "SELECT * FROM receipts_given"))
    opened = world.take_in(taker, made.path)
    assert len(opened.refused) == 2
    assert len(world.rows(taker, "SELECT * FROM receipts_given")) == before
    assert world.rows(taker, "SELECT * FROM quarantine") == []


@pytest.mark.parametrize("who", ["nobody", "changed"])
def test_the_bag_of_an_unknown_maker_or_with_a_changed_manifest_is_refused_whole(world: World, who: str) -> None:
    world.send(world.documents[0])
    world.link("a")
    made = world.export("node", "b")
    path = made.path / MANIFEST
    if who == "nobody":
        stranger = keys.from_seeds(bytes(32), bytes(range(32)))
        body = {**json.loads(path.read_bytes().split(b"\n")[0]), "key_id": stranger.key_id}
        path.write_bytes(sealed.seal("bag", body, stranger))
    else:
        path.write_bytes(path.read_bytes().replace(b'"what":"packet"', b'"what":"vector"', 1))
    with pytest.raises(RuleBroken, match="cập nhật danh bạ"):
        world.take_in("b", made.path)
    assert world.arrived() == []


def test_a_revoked_key_makes_no_bag_that_is_taken(world: World) -> None:
    world.send(world.documents[0])
    made = world.export("a")
    with world.at("node"):
        members.revoke_keys(PORTAL, members.by_code("H99.01").uid, "máy bị mất cắp")
    with pytest.raises(RuleBroken, match="thu hồi"):
        world.take_in("node", made.path)
    assert world.rows("node", "SELECT * FROM mailbox") == []


def test_an_older_directory_does_not_bring_a_revoked_key_back(world: World) -> None:
    old = world.export("node", "b").path
    with world.at("node"):
        members.revoke_keys(PORTAL, members.by_code("H99.01").uid, "máy bị mất cắp")
    world.carry("node", "b")
    assert world.take_in("b", old).count(What.DIRECTORY, Fate.KNOWN) == 1
    revoked = world.rows("b", "SELECT revoked_at IS NOT NULL FROM organisation_keys WHERE organ_code = 'H99.01'")
    assert revoked == [(1,)]


def test_a_bag_straight_to_another_office_holds_what_is_for_it_and_its_receipt_comes_straight_back(
    world: World,
) -> None:
    sent = [world.send(world.documents[0])]
    assert world.carry("a", "b").count(What.ENVELOPE, Fate.TAKEN) == 1
    back = world.carry("b", "a")
    assert back.count(What.RECEIPT, Fate.TAKEN) == 1
    assert back.count(What.ENVELOPE, Fate.TAKEN) == 1  # its 01
    assert world.rows("a", "SELECT delivered_at IS NOT NULL FROM recipients") == [(1,)]
    assert world.export("a", "b").cargo.messages == ()
    for key in ("a", "b", "a", "b"):
        world.link(key)
    world.assert_at_rest(sent)


def test_an_office_hands_on_nothing_of_others(world: World) -> None:
    """A bag that says it is of one office and holds an envelope of another."""
    world.send(world.documents[0])
    world.link("a")
    foreign = str(world.rows("node", "SELECT envelope FROM mailbox")[0][0]).encode()
    with world.at("b") as own, pytest.raises(Malformed, match="chỉ nút liên thông"):
        bags.take_message("H99.03", foreign, lambda _: Path(), own.limits)
    assert world.arrived() == []


def test_nothing_on_a_lost_stick_tells_what_is_in_it(world: World) -> None:
    message = world.send(world.documents[0])
    made = world.export("a")
    everything = b"".join(path.read_bytes() for path in made.path.rglob("*") if path.is_file())
    names = " ".join(path.name for path in made.path.rglob("*"))
    packet = str(world.rows("a", "SELECT packet_sha256 FROM outbox")[0][0])
    for word in (message, packet, packet[:32], "tuần tra", OTHER_CODE, "An Phú", "edXML", "PDF"):
        assert word.encode() not in everything
        assert word not in names
    plain = world.export("a", plain=True)
    assert message.encode() in b"".join(path.read_bytes() for path in plain.path.iterdir())


def test_a_bag_for_the_keys_before_a_restore_says_so(world: World) -> None:
    made = world.export("node", "b")
    with world.at("b") as own:
        other = keys.InstallationKeys(keys.own().signing, keys.from_seeds(bytes(32), bytes(32)).box)
        keys.use(other)
        with pytest.raises(RuleBroken, match="khóa cũ"):
            unpacking.import_all(PORTAL, own, made.path)


def test_a_zip_brings_the_same_and_a_damaged_member_is_refused_alone(world: World) -> None:
    sent = [world.send(document) for document in world.documents[:2]]
    world.link("a")
    with world.at("node") as own:
        made, archive = packing.export_zip(PORTAL, own, OTHER_CODE)
        kept = archive.read_bytes()
        assert not made.path.exists()
    victim = next(item for item in made.manifest.items if item.what is What.PACKET)
    damaged = bytearray(kept)
    damaged[kept.index(victim.name.encode()) + 500] ^= 1
    for data, taken, refused in ((bytes(damaged), 1, 1), (kept, 1, 0)):
        archive = world.folder / "tui.zip"
        archive.write_bytes(data)
        with world.at("b") as own:
            opened = unpacking.import_zip(PORTAL, own, archive).opened[0]
        assert (opened.count(What.ENVELOPE, Fate.TAKEN), len(opened.refused)) == (taken, refused)
    assert sorted(map(str, world.arrived())) == sorted(sent)
    with world.at("b") as own:
        for rubbish in (b"", b"PK\x03\x04 khong phai zip", kept[: len(kept) // 2]):
            archive.write_bytes(rubbish)
            with pytest.raises(Malformed, match="không phải túi thư"):
                unpacking.import_zip(PORTAL, own, archive)


STEPS = st.lists(
    st.sampled_from(
        ["a>node", "node>b", "b>node", "node>a", "a>b", "b>a", "link a", "link b", "up a", "up b", "down b", "down a",
         "again"]
    ),
    min_size=1,
    max_size=9,
)  # fmt: skip


@settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))
@given(STEPS, st.data())
def test_whatever_is_lost_damaged_or_doubled_between_bags_and_link_each_document_arrives_once(
    founded_world: World, steps: list[str], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = copied(founded_world, Path(folder))
        sent = [world.send(document) for document in world.documents]
        made: list[tuple[str, Path]] = []
        for step in steps:
            what, _, key = step.partition(" ")
            if what == "again":
                for receiver, path in made[-2:]:
                    world.take_in(receiver, path)
            elif key:
                world.link(key, up=what != "down", down=what != "up")
            else:
                sender, receiver = step.split(">")
                path = world.export(sender, "" if receiver == "node" else receiver).path
                for file in sorted(path.iterdir()):
                    if file.name != MANIFEST:
                        damage = data.draw(st.sampled_from([None, None, flipped, cut, Path.unlink]))
                        if damage:
                            damage(file)
                world.take_in(receiver, path)
                made.append((receiver, path))
        for key in ("a", "b", "a", "b"):
            if data.draw(st.booleans()):
                world.carry(key, "node")
                world.carry("node", key)
            else:
                world.link(key)
        for key in ("a", "b", "a"):
            world.link(key)
        world.assert_at_rest(sent)
        shutil.rmtree(world.stick)
    keys.use(None)
    database.close()
