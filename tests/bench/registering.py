"""G1 and G2: what registering costs beside raw sqlite3, and whether four writers get the same share.

Three acts: the register transaction (counter, row, journal line), registering by hand (with the search row), and
accepting what came by the exchange (with the answer's file and its signed row in the outbox). For each, an office is
copied twice; the act's own statements were recorded on a third copy and are replayed, their values ready, by sqlite3.
"""

from __future__ import annotations

import gc
import itertools
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from commune_portal import clock
from commune_portal.documents import books, incoming
from commune_portal.documents.incoming import Arrival
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.numbering import ARRIVALS_KEY
from commune_portal.settings import Settings
from commune_portal.store import database, installation, journal
from commune_portal.wire import keys
from tests.bench.harness import Bench, Part, Sample, Samples, at_least, at_most
from tests.bench.limits import raw_sqlite
from tests.bench.slices import PACE, Timed, counted, rates
from tests.cast import OTHER_CODE, OTHER_NAME, cheap_passwords, office_at

WRITERS = 4


def in_transaction(actor: Actor, ordinal: int) -> None:
    """The register transaction: the counter, the row, the journal line, nothing else."""
    on = clock.today()
    with database.transaction() as work:
        given = books.give(
            work, direction="incoming", issuer_id=None, key=ARRIVALS_KEY, name=books.ARRIVALS_NAME, on=on,
            confirmed=True,
        )  # fmt: skip
        now = clock.now_text()
        row = work.insert(
            "incoming",
            {
                "origin": "paper", "state": "registered", "sender_name": "Sở Nội vụ", "subject": _subject(ordinal),
                "code_number": str(ordinal), "code_notation": "CV-SNV", "arrived_at": now, "book_id": given.book_id,
                "year": given.year, "number": given.number, "arrival_date": on.isoformat(), "registered_at": now,
                "registered_by": actor.id,
            },
        )  # fmt: skip
        journal.write(
            work, Act.INCOMING_REGISTERED, actor.uid, about=f"incoming:{row.uid}", after="registered", book=given.key,
            year=given.year, number=given.number, dates={"arrived": on.isoformat()},
            texts={"subject": _subject(ordinal), "author": "Sở Nội vụ", "actor_name": actor.full_name},
        )  # fmt: skip


def by_hand(actor: Actor, ordinal: int) -> None:
    """The whole verb for a document on paper."""
    arrival = Arrival(
        sender_name="Sở Nội vụ", subject=_subject(ordinal), code_number=str(ordinal), code_notation="CV-SNV",
        type_name="Công văn", signer_name="Lý Thị Mai", on_paper=True,
    )  # fmt: skip
    incoming.register(actor, arrival, confirmed=True)


def arrive(_: Actor, ordinal: int) -> None:
    """What `accept` needs: a document that came by the exchange."""
    with database.transaction() as work:
        row = work.insert(
            "incoming",
            {
                "origin": "exchange", "state": "arrived", "message_id": _message_id(ordinal), "sender_code": OTHER_CODE,
                "sender_name": OTHER_NAME, "document_id": f"{OTHER_CODE}.2026.{ordinal:06d}",
                "code_number": str(ordinal), "code_notation": "CV-UBND", "promulgation_date": "2026-11-20",
                "type_name": "Công văn", "subject": _subject(ordinal), "arrived_at": clock.now_text(),
            },
        )  # fmt: skip
        work.execute("INSERT INTO incoming_texts (id, body) VALUES (?, ?)", (row.id, "cong van"))
        journal.write(work, Act.INCOMING_ARRIVED, journal.SYSTEM, about=f"incoming:{row.uid}", after="arrived")


def accept(actor: Actor, ordinal: int) -> None:
    """The whole verb for a document of the exchange: into the book, and 03 to its sender."""
    incoming.accept(actor, ordinal, without_check=True, confirmed=True)


def _message_id(ordinal: int) -> str:
    return f"{ordinal:08x}-0000-4000-8000-{ordinal:012x}"


def _subject(ordinal: int) -> str:
    return f"Báo cáo kết quả rà soát hộ nghèo và hộ cận nghèo đợt {ordinal}"


@dataclass(frozen=True, slots=True)
class Kind:
    """An act with what must be there before it, and how often it fits into a second, roughly."""

    name: str
    act: Callable[[Actor, int], None]
    before: Callable[[Actor, int], None] | None
    a_second: int


KINDS = (
    Kind("giao dịch vào sổ", in_transaction, None, 500),
    Kind("vào sổ trực tiếp", by_hand, None, 400),
    Kind("tiếp nhận qua liên thông", accept, arrive, 200),
)


@dataclass(frozen=True, slots=True)
class Office:
    """An office in a temporary folder, of which this process can hold one open at a time."""

    settings: Settings
    clerk: Actor

    def open(self) -> None:
        """Makes it this process's register."""
        installation.open_(self.settings)
        keys.use(keys.load(self.settings.secrets_folder))

    def copy(self, name: str) -> Office:
        """Another office in the same state."""
        folder = self.settings.folder.with_name(name)
        shutil.copytree(self.settings.folder, folder)
        return Office(replace(self.settings, folder=folder), self.clerk)


def founded(folder: Path) -> Office:
    """A new office."""
    cheap_passwords()
    cast = office_at(folder)
    return Office(cast.settings, cast.clerk)


def measure_register() -> Iterator[Sample]:
    """Slices of each act by our code and by raw sqlite3, the same number of acts in both."""
    for kind in KINDS:
        each = max(20, int(kind.a_second * PACE.seconds))
        with tempfile.TemporaryDirectory() as place:
            yield from _measure(kind, each, Path(place))


def _measure(kind: Kind, each: int, place: Path) -> Iterator[Sample]:
    amount = each * PACE.rounds
    office = founded(place / "first")
    database.connect().execute("PRAGMA synchronous = off")
    if kind.before is not None:
        for ordinal in range(1, amount + 1):
            kind.before(office.clerk, ordinal)
    database.close()
    ours, raws = office.copy("ours"), office.copy("raw")
    office.open()
    database.connect().execute("PRAGMA synchronous = off")
    recordings = []
    for ordinal in range(1, amount + 1):
        with raw_sqlite.recorded() as recording:
            kind.act(office.clerk, ordinal)
        recordings.append(recording)
    database.close()
    gc.collect()
    gc.freeze()  # the recordings would make every collection dearer, for whichever arm it falls to
    ours.open()
    raw = raw_sqlite.opened(raws.settings.database_path)
    try:
        todo = iter(recordings)
        ordinals = itertools.count(1)
        arms: dict[str, Callable[[], Timed]] = {
            kind.name: lambda: counted(lambda: kind.act(ours.clerk, next(ordinals)), each),
            f"{kind.name}, sqlite3": lambda: counted(
                lambda: raw_sqlite.replay(raw, next(todo), raws.settings.files_folder), each
            ),
        }
        yield from rates(arms)
    finally:
        gc.unfreeze()
        raw.close()
        database.close()


def judge_register(samples: Samples) -> list[Part]:
    """Our acts beside the same statements."""

    def part(kind: Kind, bound: float) -> Part:
        return at_least(kind.name, lambda: samples.ratio(kind.name, f"{kind.name}, sqlite3"), bound)

    return [part(KINDS[0], 0.80), part(KINDS[1], 0.5), part(KINDS[2], 0.5)]


ONE, FOUR = "một người ghi", "bốn người ghi"
FAIRNESS, GAPS = "chậm nhất / nhanh nhất", "số bị thiếu hoặc trùng"


def measure_writers() -> Iterator[Sample]:
    """One writer and four in turns on one register; each slice gives its rate, four writers their fairness too."""
    with tempfile.TemporaryDirectory() as place:
        office = founded(Path(place) / "office")
        try:
            for _ in range(PACE.rounds):
                amounts, seconds, cpu = _written(office.clerk, 1)
                yield Sample(ONE, sum(amounts) / seconds, "/s", cpu)
                amounts, seconds, cpu = _written(office.clerk, WRITERS)
                yield Sample(FOUR, sum(amounts) / seconds, "/s", cpu)
                yield Sample(FAIRNESS, min(amounts) / max(amounts), "", 0.0)
                yield Sample(GAPS, float(_gaps()), "", 0.0)
        finally:
            database.close()


def _written(actor: Actor, writers: int) -> tuple[list[int], float, float]:
    """How many documents each thread registered in a slice, and the seconds it took."""
    amounts = [0] * writers
    barrier = threading.Barrier(writers + 1)
    ended = threading.Event()

    def write(place: int) -> None:
        database.connect()
        barrier.wait()
        while not ended.is_set():
            by_hand(actor, amounts[place])
            amounts[place] += 1
        database.close()

    threads = [threading.Thread(target=write, args=(place,)) for place in range(writers)]
    for thread in threads:
        thread.start()
    barrier.wait()
    cpu, started = time.process_time(), time.perf_counter()
    time.sleep(PACE.seconds)
    ended.set()
    for thread in threads:
        thread.join()
    return amounts, time.perf_counter() - started, time.process_time() - cpu


def _gaps() -> int:
    """How far numbers and rows are apart: 0 when every number was given once and none was left out."""
    amount, lowest, highest, distinct = database.row(
        "SELECT count(*), min(number), max(number), count(DISTINCT number) FROM incoming"
    )
    return int((amount - distinct) + (highest - lowest + 1 - distinct) + (lowest - 1))


def judge_writers(samples: Samples) -> list[Part]:
    """Fair, gapless, and hardly slower than one."""
    return [
        at_least("chậm nhất / nhanh nhất", lambda: samples.median(FAIRNESS), 0.9),
        at_most("số bị thiếu hoặc trùng", lambda: max(samples.values(GAPS)), 0),
        at_least("bốn so với một", lambda: samples.ratio(FOUR, ONE), 0.85),
    ]


BENCHES = (
    Bench(
        "G1",
        "Vào sổ so với sqlite3 thuần",
        "giao dịch vào sổ ≥ 0,80 × sqlite3 với cùng câu lệnh; cả thao tác ≥ 0,5 ×",
        measure_register,
        judge_register,
    ),
    Bench(
        "G2",
        "Bốn người cùng vào sổ",
        "chậm nhất / nhanh nhất ≥ 0,9; không hụt số; ≥ 0,85 × một người",
        measure_writers,
        judge_writers,
    ),
)
