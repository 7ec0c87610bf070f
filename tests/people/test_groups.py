"""Groups for sending quickly, and the codes that lead from body to body: no loops, whatever the order of mergers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed, NotAllowed, NotFound
from commune_portal.people import directory, groups, organisation_lists
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.agency_codes import closes_loop, resolve
from commune_portal.rules.permissions import Role
from commune_portal.store import database, journal
from commune_portal.wire.organisations import Alias, Listed, ListedPage, Why

CODES = [f"H41.{number:02d}" for number in range(1, 8)]


@pytest.fixture
def clerk(administrator: Actor) -> Actor:
    return replace(administrator, roles=frozenset({Role.CLERK}))


def listed(*items: Listed) -> None:
    with database.transaction() as work:
        organisation_lists.keep(work, items, "node")


def commune(code: str, name: str, **changes: object) -> Listed:
    return Listed(code=code, name=name, change=0, **changes)  # type: ignore[arg-type]  # named as the fields


def reachable(code: str) -> None:
    database.write_working("UPDATE organisations SET reachable = 1 WHERE code = ?", (code,))


def test_a_group_is_made_changed_and_closed_each_with_a_line(clerk: Actor) -> None:
    listed(commune("H41.01", "UBND xã Đồi Mây"), commune("H41.02", "UBND xã Thác Bạc"))
    made = groups.make(clerk, "Các xã lân cận", ["H41.01", "H41.02", "H41.01"])
    assert groups.group(made).codes == ("H41.01", "H41.02")
    with pytest.raises(Malformed, match="Đã có nhóm"):
        groups.make(clerk, "cac xa LAN CAN", ["H41.01"])
    groups.change(clerk, made, "Lân cận", ["H41.02"])
    assert [(item.name, item.amount) for item in groups.groups()] == [("Lân cận", 1)]
    groups.close(clerk, made)
    assert groups.groups() == []
    with pytest.raises(NotFound):
        groups.change(clerk, made, "Lại", ["H41.02"])
    lines = [line for line in journal.lines(0, 5000) if line.fields["act"] == Act.GROUP_SET.value]
    assert [line.fields["facts"]["how"] for line in lines] == ["made", "changed", "closed"]


@pytest.mark.parametrize(
    ("name", "codes"), [("", ["H41.01"]), ("Nhóm", []), ("Nhóm", ["H41.99"]), ("x" * 81, ["H41.01"])]
)
def test_a_group_without_name_or_known_members_is_refused(clerk: Actor, name: str, codes: list[str]) -> None:
    listed(commune("H41.01", "UBND xã Đồi Mây"))
    with pytest.raises(Malformed):
        groups.make(clerk, name, codes)
    assert groups.groups() == []


def test_groups_are_the_clerks(clerk: Actor) -> None:
    with pytest.raises(NotAllowed):
        groups.make(replace(clerk, roles=frozenset({Role.SPECIALIST})), "Nhóm", ["H41.01"])


def test_members_that_closed_or_went_up_in_another_body_are_pointed_out(clerk: Actor) -> None:
    listed(commune("H41.01", "UBND xã Đồi Mây"), commune("H41.02", "UBND xã Thác Bạc"), commune("H41.03", "Sở Gió"))
    reachable("H41.01")
    made = groups.make(clerk, "Nhóm", ["H41.01", "H41.02", "H41.03"])
    found = directory.by_code("H41.02")
    assert found is not None
    directory.merge(PORTAL, found.id, "H41.01")
    doubts = [member.doubt for member in groups.members(groups.group(made).codes)]
    assert doubts == ["", "đã sáp nhập vào UBND xã Đồi Mây (H41.01)", "chưa kết nối liên thông, gửi bản giấy"]
    assert directory.by_code("H41.02").name == "UBND xã Thác Bạc"  # type: ignore[union-attr]  # it is there
    heir = directory.by_code("H41.01")
    assert heir is not None
    with pytest.raises(Malformed, match="lại dẫn về"):
        directory.merge(PORTAL, heir.id, "H41.02")


def test_the_nodes_list_keeps_history_and_is_asked_from_where_it_was_read(clerk: Actor) -> None:
    database.write_working("INSERT INTO contacts (peer_code) VALUES ('H41')")
    item = commune("H41.01", "UBND xã Đồi Mây", aliases=(Alias("000.00.01.H41", Why.LEGACY),), phone="0260 1")
    organisation_lists.arrived("H41", ListedPage((item,), 7, more=False))
    organisation_lists.arrived("H41", ListedPage((replace(item, name="UBND phường Mây"),), 9, more=False))
    assert organisation_lists.read_until("H41")[0] == 9
    found = directory.by_code("000.00.01.H41")
    assert found is not None
    assert (found.name, found.former_names, found.phone) == ("UBND phường Mây", ("UBND xã Đồi Mây",), "0260 1")
    assert [entry.code for entry in directory.search("doi may")] == ["H41.01"]
    assert [entry.code for entry in directory.search("000.00.01.H41")] == ["H41.01"]
    assert [(alias.code, alias.label) for alias in directory.aliases_of("H41.01")] == [
        ("000.00.01.H41", "dạng mã khác")
    ]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)), max_size=14))
def test_refusing_what_closes_a_loop_leaves_no_loop_however_bodies_merge(merges: list[tuple[str, str]]) -> None:
    heirs: dict[str, str] = {}
    for code, into in merges:
        if code not in heirs and not closes_loop(code, into, heirs.get):
            heirs[code] = into
    for code in CODES:
        end = resolve(code, heirs.get)
        assert end not in heirs, "the end is nobody's predecessor"
        assert resolve(end, heirs.get) == end
        assert resolve(heirs.get(code, code), heirs.get) == end


@settings(max_examples=60)
@given(st.permutations(CODES), st.data())
def test_mergers_come_to_the_same_end_in_any_order(order: list[str], data: st.DataObject) -> None:
    tree = {code: data.draw(st.sampled_from(order[: index + 1])) for index, code in enumerate(order)}
    wanted = {code: heir for code, heir in tree.items() if heir != code}
    ends = []
    for pairs in (list(wanted.items()), data.draw(st.permutations(list(wanted.items())))):
        heirs: dict[str, str] = {}
        for code, into in pairs:
            assert not closes_loop(code, into, heirs.get)
            heirs[code] = into
        ends.append({code: resolve(code, heirs.get) for code in CODES})
    assert ends[0] == ends[1]


@given(st.dictionaries(st.sampled_from(CODES), st.sampled_from(CODES)), st.sampled_from(CODES))
def test_even_a_damaged_list_with_loops_is_followed_to_an_end(heirs: dict[str, str], code: str) -> None:
    assert resolve(code, heirs.get) in CODES
