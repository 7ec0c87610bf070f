"""A list of 111,000 organisations: read in batches, told in parts, searched by any name or code it ever had."""

from __future__ import annotations

import io
import statistics
import tracemalloc

import pytest

from commune_portal import clock
from commune_portal.errors import Malformed
from commune_portal.node import organisations
from commune_portal.people import directory
from commune_portal.people.actors import PORTAL
from commune_portal.rules.acts import Act
from commune_portal.store import database, journal
from tests.node.conftest import Node
from tests.node.test_mailbox import PACKET, send

NATIONAL = 111_000
KINDS = ("UBND xã", "UBND phường", "Phòng Kinh tế", "Trường Tiểu học", "Trạm Y tế", "Sở", "Chi cục")
WORDS = ("Suối", "Đồi", "Mây", "Thác", "Bình", "Gió", "Hương", "Lộc", "Tân", "Vĩnh", "Sơn", "Thượng", "Hạ", "Khê")


def national(amount: int = NATIONAL) -> bytes:
    """A fictional national list."""
    out = io.StringIO()
    out.write("code,name,code_legacy,phone,old_codes,former_names,merged_into\n")
    for number in range(amount):
        name = f"{KINDS[number % 7]} {WORDS[number % 14]} {WORDS[number // 14 % 14]} {number // 196}"
        code = f"H{10 + number % 34:02d}.{number // 34 % 100:02d}.{number}"
        out.write(f"{code},{name},,0260 {number:07d},,,\n")
    return out.getvalue().encode()


def csv(*lines: str) -> bytes:
    return "\n".join(("code,name,code_legacy,phone,old_codes,former_names,merged_into", *lines)).encode()


@pytest.mark.story
def test_the_national_list_is_read_in_seconds_with_flat_memory_and_found_at_once(node: Node) -> None:
    data = national()
    began = clock.monotonic()
    assert organisations.import_organisations(PORTAL, data) == NATIONAL
    took = clock.monotonic() - began
    assert took < 120, f"{took:.1f} s"
    times = []
    for query in ("suoi", "ubnd xa", "so", "truong tieu hoc thac gio", "h12.05", "binh loc 4", "khong co ten nay", ""):
        for _ in range(3):
            began = clock.monotonic()
            directory.search(query, limit=60)
            times.append(clock.monotonic() - began)
    assert statistics.median(times) < 0.05, f"p50 {statistics.median(times) * 1000:.1f} ms"
    page = organisations.concerning(node.first.member, 0, 500)
    assert {item.code for item in page.items} == {"H99.01", "H99.02"}, "not the hundred thousand others"
    assert not page.more
    print(f"{NATIONAL} in {took:.1f} s, search p50 {statistics.median(times) * 1000:.1f} ms")


def test_a_list_is_read_in_batches_with_flat_memory_and_again_without_a_change(node: Node) -> None:
    data, told = national(6000), list[int]()
    tracemalloc.start()
    assert organisations.import_organisations(PORTAL, data, told.append) == 6000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert told == [2000, 4000, 6000, 6000], "it tells how far it is"
    assert peak < 16 * 2**20, f"{peak / 2**20:.0f} MiB"
    line = journal.lines(journal.checkpoint().size - 1)[-1].fields
    assert (line["act"], line["facts"]["changed"]) == (Act.DIRECTORY_CHANGED.value, 6000)
    organisations.import_organisations(PORTAL, data)
    assert journal.lines(journal.checkpoint().size - 1)[-1].fields["facts"]["changed"] == 0
    assert directory.search("TRẠM Y TẾ Đồi", limit=5)[0].name.startswith("Trạm Y tế")


def test_no_search_reads_the_whole_list(node: Node) -> None:
    organisations.import_organisations(PORTAL, national(500))
    seen: list[str] = []
    database.connect().set_trace_callback(seen.append)
    directory.search("suoi doi")
    directory.search("", open_only=True)
    directory.by_code("H99.77")
    directory.successor("H99.77")
    organisations.concerning(node.first.member, 400, 10)
    database.connect().set_trace_callback(None)
    asked = [statement for statement in seen if statement.startswith("SELECT") and "organisation" in statement]
    assert len(asked) >= 6
    for statement in asked:
        for step in database.rows(f"EXPLAIN QUERY PLAN {statement}"):
            words = step[3].split()
            assert words[0] != "SCAN" or "INDEX" in words or "CONSTANT" in words, (statement, step[3])


def test_history_mergers_and_phones_are_read_from_the_file(node: Node) -> None:
    organisations.import_organisations(
        PORTAL,
        csv(
            "H99.07,UBND xã Đèo Gió,000.00.07.H99,,,,H99.08",
            "H99.08,UBND xã Suối Cạn,,0260 1,H99.88|X1,UBND xã Khe Khô,H99.09",
            "H99.09,UBND phường Ba Suối,,0260 2,,,",
        ),
    )
    for known in ("H99.07", "000.00.07.H99", "H99.08", "H99.88", "X1", "H99.09"):
        heir = directory.successor(known)
        assert heir is not None
        assert heir.code == "H99.09", known
    old = directory.by_code("H99.07")
    assert old is not None
    assert (old.name, old.is_closed, old.merged_into) == ("UBND xã Đèo Gió", True, "H99.08"), "the old name stays"
    assert [item.code for item in directory.search("khe kho")] == ["H99.08"], "found by its former name"
    assert [item.code for item in directory.search("H99.88")] == ["H99.08"], "and by its former code"
    organisations.import_organisations(PORTAL, csv("H99.09,UBND phường Ba Thác,,,,,"))
    renamed = directory.by_code("H99.09")
    assert renamed is not None
    assert (renamed.name, renamed.former_names, renamed.phone) == (
        "UBND phường Ba Thác",
        ("UBND phường Ba Suối",),
        "0260 2",
    )
    assert [item.code for item in directory.search("ba suoi")] == ["H99.09"]


@pytest.mark.parametrize(
    "lines",
    [
        ("H99.07,A,,,,,H99.08", "H99.08,B,,,,,H99.07"),
        ("H99.07,A,,,,,H99.07",),
        ("H99.07,A,,,mã sai,,",),
    ],
)
def test_a_circle_of_mergers_or_a_wrong_code_keeps_nothing(node: Node, lines: tuple[str, ...]) -> None:
    before = database.row("SELECT count(*) FROM organisations")
    with pytest.raises(Malformed):
        organisations.import_organisations(PORTAL, csv("H99.50,Sở Nội vụ,,,,,", *lines))
    assert database.row("SELECT count(*) FROM organisations") == before


def test_a_member_is_told_its_province_the_members_and_whom_it_wrote_to_and_then_only_changes(node: Node) -> None:
    organisations.import_organisations(
        PORTAL, csv("H99.50,Sở Nội vụ,,,,,", "H99.50.01,Phòng Một cửa,,,,,", "H12.01,UBND xã Nơi Khác,,,,,",
                    "H990.1,Không cùng tỉnh,,,,,")
    )  # fmt: skip
    page = organisations.concerning(node.first.member, 0, 500)
    assert {item.code for item in page.items} == {"H99.01", "H99.02", "H99.50", "H99.50.01"}
    assert organisations.concerning(node.first.member, page.next_after, 500).items == ()
    organisations.import_organisations(PORTAL, csv("H99.50,Sở Nội vụ và Lao động,,,,,"))
    (changed,) = organisations.concerning(node.first.member, page.next_after, 500).items
    assert (changed.name, changed.former_names) == ("Sở Nội vụ và Lao động", ("Sở Nội vụ",))
    value = node.first.envelope(node.second.code, PACKET)
    send(node, node.first, value)
    first = organisations.concerning(node.first.member, 0, 2)
    assert len(first.items) == 2
    assert first.more
    rest = organisations.concerning(node.first.member, first.next_after, 500)
    assert not {item.code for item in first.items} & {item.code for item in rest.items}
    assert [item.code for item in organisations.named(["H12.01", "H0"]).items] == ["H12.01"]
    assert [item.code for item in organisations.searched("noi khac", 5).items] == ["H12.01"]
