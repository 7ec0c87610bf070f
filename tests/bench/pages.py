"""G3, G4, G5 and G8: lists, records and search of a large register.

G3 asks for whole pages through waitress, beside the same pages frozen; G4 and G5 call the list itself; G8 puts the
page beside the recorded figures of two peers.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from commune_portal.documents import lists
from commune_portal.people import accounts
from commune_portal.people.actors import Actor
from commune_portal.rules import folding
from commune_portal.store import database, installation
from tests.bench import browsing, population, vocabulary
from tests.bench.harness import Bench, Part, Sample, Samples, at_least, at_most
from tests.bench.served import served
from tests.bench.slices import PACE, Timed, timed, times

QUICK_LARGE, QUICK_SMALL = 20_000, 2_000
PAPERLESS_MS, MAYAN_MS = (105.0, 116.0), (249.0, 280.0)
PORTAL, FROZEN = "trang thật", "trang tĩnh"
PLACES = ("danh sách", "hồ sơ")


def large() -> Path:
    """The office with a million documents; in a quick run a small one."""
    return population.office(QUICK_LARGE if PACE.quick else 1_000_000, print)


def small() -> Path:
    """The office with a hundred thousand."""
    return population.office(QUICK_SMALL if PACE.quick else 100_000, print)


def opened(folder: Path) -> Actor:
    """Opens an office in this process; answers its clerk."""
    installation.open_(population.settings_of(folder))
    row = database.row("SELECT id FROM accounts WHERE username = ?", (browsing.CLERK,))
    return accounts.actor(row[0])


def measure_pages() -> Iterator[Sample]:
    """The list and a record, eight connections, the portal and the frozen page in turns."""
    folder = large()
    opened(folder)
    paths = dict(zip(PLACES, (browsing.LIST, browsing.record(browsing.newest_completed())), strict=True))
    database.close()
    with ExitStack() as stack:
        portal = stack.enter_context(served("office", folder))
        frozen = stack.enter_context(served("static", folder))
        cookie = browsing.cookie_of(portal.port)
        theirs = browsing.session_cookie(frozen.port, browsing.LIST)
        for place, path in paths.items():
            arms = {f"{place}, {PORTAL}": (portal, cookie), f"{place}, {FROZEN}": (frozen, theirs)}
            for _ in range(PACE.rounds):
                for name, (server, sent) in arms.items():
                    found = browsing.load(server, path, sent, PACE.seconds)
                    yield Sample(name, found.rate, "/s", found.cpu_seconds)
                    yield Sample(f"{name} p95", found.quantile_ms(0.95), "ms")


def judge_pages(samples: Samples) -> list[Part]:
    """Throughput and the slow twentieth, for both pages."""
    parts = []
    for place in PLACES:
        real, still = f"{place}, {PORTAL}", f"{place}, {FROZEN}"
        parts.append(at_least(f"{place}: số trang mỗi giây so với trang tĩnh", _ratio(samples, real, still), 0.65))
        parts.append(at_most(f"{place}: p95 so với trang tĩnh", _ratio(samples, f"{real} p95", f"{still} p95"), 1.6))
    return parts


def _ratio(samples: Samples, arm: str, base: str) -> Callable[[], float]:
    return lambda: samples.ratio(arm, base)


FIRST, DEEP, FIRST_SMALL = "trang đầu", "trang ở 90 %", "trang đầu, sổ nhỏ"


def measure_depth() -> Iterator[Sample]:
    """The first page, the page at ninety per cent of the depth, and the first page of a register a tenth as large."""
    folders = {FIRST: large(), DEEP: large(), FIRST_SMALL: small()}

    def arm(name: str) -> Timed:
        actor = opened(folders[name])
        after = ""
        if name == DEEP:
            after = str(database.row("SELECT max(id) FROM incoming")[0] // 10)
        found = timed(lambda: lists.incoming_page(actor, after=after), PACE.seconds, warm_up=20)
        database.close()
        return found

    yield from times({name: _named(arm, name) for name in folders})


def _named(arm: Callable[[str], Timed], name: str) -> Callable[[], Timed]:
    return lambda: arm(name)


def judge_depth(samples: Samples) -> list[Part]:
    """Neither depth nor size may be felt."""
    return [
        at_most("trang ở 90 % so với trang đầu", lambda: samples.ratio(f"{DEEP} p50", f"{FIRST} p50"), 1.2),
        at_most("sổ lớn so với sổ nhỏ", lambda: samples.ratio(f"{FIRST} p50", f"{FIRST_SMALL} p50"), 2.0),
    ]


QUESTIONS = 300

SEARCH, LIST_QUERY, LIKE = "tìm không dấu", "danh sách", "LIKE không gặp"


def measure_search() -> Iterator[Sample]:
    """Three hundred questions one after another, beside the plain list and beside what LIKE needs to find nothing."""
    actor = opened(large())
    chance = random.Random(population.SEED)
    asked = itertools.cycle([folding.fold(vocabulary.question(chance)) for _ in range(QUESTIONS)])

    def like() -> object:
        return database.rows(
            "SELECT id FROM incoming WHERE subject LIKE '%không có chữ này%' ORDER BY id DESC LIMIT 51"
        )

    arms = {
        SEARCH: lambda: timed(
            lambda: lists.incoming_page(actor, query=next(asked)), PACE.seconds, warm_up=20, at_least=QUESTIONS
        ),
        LIST_QUERY: lambda: timed(lambda: lists.incoming_page(actor), PACE.seconds, warm_up=20, at_least=QUESTIONS),
        LIKE: lambda: timed(like, PACE.seconds, warm_up=0),
    }
    try:
        yield from times(arms, {"p50": 0.5, "p95": 0.95})
    finally:
        database.close()


def judge_search(samples: Samples) -> list[Part]:
    """Much faster than LIKE, and no stranger among the lists."""
    return [
        at_least("LIKE so với tìm không dấu (p50)", lambda: samples.ratio(f"{LIKE} p50", f"{SEARCH} p50"), 100),
        at_most("p95 so với danh sách", lambda: samples.ratio(f"{SEARCH} p95", f"{LIST_QUERY} p95"), 10),
    ]


def measure_beside_peers() -> Iterator[Sample]:
    """The list page on one connection, as the peers were measured; five slices and more."""
    with served("office", large()) as portal:
        cookie = browsing.cookie_of(portal.port)
        for _ in range(PACE.rounds):
            found = browsing.load(portal, browsing.LIST, cookie, PACE.seconds, connections=1)
            yield Sample("danh sách p50", found.quantile_ms(0.5), "ms", found.cpu_seconds)


def judge_beside_peers(samples: Samples) -> list[Part]:
    """A twelfth of Paperless's list API, a thirtieth of Mayan's page; the better of each recorded pair is taken."""

    def share(peer_ms: float) -> Callable[[], float]:
        return lambda: peer_ms / samples.median("danh sách p50")

    return [
        at_least("Paperless (recorded 105 ms) / trang danh sách", share(PAPERLESS_MS[0]), 12, "recorded"),
        at_least("Mayan (recorded 249 ms) / trang danh sách", share(MAYAN_MS[0]), 30, "recorded"),
    ]


BENCHES = (
    Bench(
        "G3",
        "Trang danh sách và hồ sơ ở sổ một triệu văn bản",
        "≥ 0,65 × cùng khuôn với dòng tĩnh, p95 ≤ 1,6 ×; hồ sơ cũng vậy",
        measure_pages,
        judge_pages,
        sized=True,
    ),
    Bench(
        "G4",
        "Độ sâu và độ lớn của danh sách",
        "trang ở 90 % ≤ 1,2 × trang đầu; 1 triệu ≤ 2 × 100 nghìn",
        measure_depth,
        judge_depth,
        sized=True,
    ),
    Bench(
        "G5",
        "Tìm không dấu ở sổ một triệu văn bản",
        "≥ 100 × nhanh hơn LIKE; p95 ≤ 10 × truy vấn danh sách",
        measure_search,
        judge_search,
        sized=True,
    ),
    Bench(
        "G8",
        "Trang danh sách so với sản phẩm khác (recorded)",
        "p50 ≤ 1/12 API danh sách của Paperless, ≤ 1/30 trang của Mayan",
        measure_beside_peers,
        judge_beside_peers,
        sized=True,
    ),
)
