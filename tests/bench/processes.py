"""G6 and G7: what a portal holds in memory, and how soon it answers after it was started."""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from commune_portal.store import database
from tests.bench import browsing, machine, pages, population
from tests.bench.drafts import draft_of_two_megabytes
from tests.bench.harness import Bench, Part, Sample, Samples, at_least, at_most
from tests.bench.served import ROOT, served
from tests.bench.slices import PACE

PAPERLESS_MIB, MAYAN_MIB = 523.0, 569.0
STEADY, LOADED = "sau khi phục vụ trang", "cả ký và in (gồm tiến trình ký)"


def measure_memory() -> Iterator[Sample]:
    """The proportional memory of a portal between slices of pages, then of portal and workshop after signing."""
    folder = pages.small()
    pages.opened(folder)
    paths = (browsing.LIST, browsing.record(browsing.newest_completed()))
    database.close()
    with tempfile.TemporaryDirectory() as place, served("office", folder) as portal:
        cookie = browsing.cookie_of(portal.port)
        for _ in range(PACE.rounds):
            found = [browsing.load(portal, path, cookie, PACE.seconds) for path in paths]
            cpu = sum(item.cpu_seconds for item in found)
            yield Sample(STEADY, machine.proportional_mib(portal.process.pid), "MiB", cpu)
        draft = draft_of_two_megabytes(Path(place))
        leader = _leader_certificate(folder)
        for _ in range(PACE.rounds):
            portal.do(do="print")
            child = portal.do(
                do="sign", pdf=str(draft), out=str(Path(place) / "signed.pdf"), png=str(Path(place) / "ky.png"),
                certificate=leader,
            )["child"]  # fmt: skip
            yield Sample(LOADED, machine.proportional_mib(portal.process.pid, child), "MiB")


def _leader_certificate(folder: Path) -> str:
    pages.opened(folder)
    found = database.row("SELECT certificate_sha256 FROM mandates WHERE valid_until IS NULL")
    database.close()
    return str(found[0])


def judge_memory(samples: Samples) -> list[Part]:
    """Beside what the peers hold: the smaller of the two recorded figures decides."""
    steady, loaded = (lambda: PAPERLESS_MIB / samples.median(STEADY)), (lambda: PAPERLESS_MIB / samples.median(LOADED))
    return [
        at_least("Paperless (recorded 523 MB) / cổng", steady, 10, "recorded"),
        at_least("Paperless (recorded 523 MB) / cổng, ký và in", loaded, 6, "recorded"),
        at_least("Mayan (recorded 569 MB) / cổng", lambda: MAYAN_MIB / samples.median(STEADY), 10, "recorded"),
    ]


PORTAL, BARE = "cổng, đến 200 đầu tiên", "Flask trần, đến 200 đầu tiên"


def measure_start() -> Iterator[Sample]:
    """From the start of a process to its first answered page: the portal by its own command, and a bare Flask."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "office"
        population.build(folder, 200, check=False)
        arms: dict[str, list[str]] = {
            PORTAL: ["-m", "commune_portal", "--config", str(folder / "portal.toml"), "serve"],
            BARE: ["-m", "tests.bench.limits.bare_flask"],
        }
        for command in arms.values():
            _started(command)
        for _ in range(max(PACE.rounds, 5)):
            for name, command in arms.items():
                seconds, cpu = _started(command)
                yield Sample(name, seconds * 1000, "ms", cpu)


def _started(command: list[str]) -> tuple[float, float]:
    """Seconds from the start to the first 200, and the processor time until then."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int("".join(sign if sign.isdigit() else " " for sign in line).split()[-1])
        deadline = began + 60
        while _status(port) != 200:
            if time.perf_counter() > deadline:
                raise RuntimeError("no answer within a minute")
        return time.perf_counter() - began, machine.cpu_seconds(process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _status(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/login")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        time.sleep(0.005)
        return 0
    finally:
        connection.close()


def judge_start(samples: Samples) -> list[Part]:
    """No more than twice what Flask itself needs."""
    return [at_most("khởi động so với Flask trần", _ratio(samples), 2.0)]


def _ratio(samples: Samples) -> Callable[[], float]:
    return lambda: samples.ratio(PORTAL, BARE)


BENCHES = (
    Bench(
        "G6",
        "Bộ nhớ so với sản phẩm khác (recorded)",
        "PSS ≤ 1/10 của Paperless hoặc Mayan nhỏ nhất; ≤ 1/6 khi đã nạp phần ký và in",
        measure_memory,
        judge_memory,
    ),
    Bench(
        "G7", "Khởi động nguội đến trang đầu tiên", "≤ 2 × nạp và mở cổng của Flask trần", measure_start, judge_start
    ),
)
