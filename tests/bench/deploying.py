"""G14 to G17: what a stick weighs, how soon an office serves, and what it holds before and after a day's work.

Linux is a bare Debian in namespaces of its own. Windows is Wine: its figures are recorded, not judged, since a part of
them is Wine's; sizes are the same anywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from commune_portal import __version__
from tests.bench import installations, machine
from tests.bench.harness import REPETITIONS, Bench, Part, Sample, Samples, at_most
from tests.bench.slices import PACE
from tests.deploy import bundles

REGISTRATIONS, SIGNINGS = 200, 20
IDLE_SECONDS = 5.0
INSTALLER, WINDOWS_FOLDER, PAYLOAD = "CAI-DAT.exe", "Windows, thư mục để ngỏ", "Linux, payload.tar.gz"
INSTALL, COLD, WARM = "cài đặt đến trang đầu tiên", "khởi động, tệp chưa đọc", "khởi động, tệp đã đọc"
IDLE, BUSY, AFTER = "lúc rỗi", "ngay sau một ngày, cả tiến trình ký", "sau một ngày, tiến trình ký đã nghỉ"


def measure_sizes() -> Iterator[Sample]:
    """The weight of what is carried; in a hurry the installer is packed quickly and weighs more."""
    compression = "zlib" if PACE.quick else "lzma"
    windows = bundles.built(__version__, 1, "windows", compression)
    linux = bundles.built(__version__, 1, "linux")
    yield Sample(f"{INSTALLER} {compression}", _megabytes(windows / INSTALLER), "MB")
    yield Sample(WINDOWS_FOLDER, _megabytes(windows / "bundle" / "windows"), "MB")
    yield Sample(PAYLOAD, _megabytes(linux / "bundle" / "linux" / "payload.tar.gz"), "MB")


def _megabytes(path: Path) -> float:
    """In MB of a million bytes, as sticks and downloads are counted."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files) / 1e6


def judge_sizes(samples: Samples) -> list[Part]:
    """One weighing is enough: the same sources give the same bytes."""
    found = samples.values(f"{INSTALLER} lzma")
    if not found:
        return [Part("CAI-DAT.exe (MB)", None, "≤ 45", None, "chạy nhanh: chỉ nén zlib")]
    return [at_most("CAI-DAT.exe (MB)", lambda: found[0], 45)]


def measure_start() -> Iterator[Sample]:
    """Installations on a computer that has nothing, then starts of the founded office."""
    stick = bundles.built(__version__, 1, "linux")
    with installations.bare_office() as office:
        rounds = 1 if PACE.quick else REPETITIONS
        for ordinal in range(rounds):
            yield Sample(INSTALL, office.install(stick), "s")
            if ordinal + 1 < rounds:
                office.erase()
        office.found()
        for _ in range(REPETITIONS):
            office.forget_files()
            yield _started(office, COLD)
            yield _started(office, WARM)


def _started(office: installations.BareOffice, name: str) -> Sample:
    seconds = office.start()
    used = machine.cpu_seconds(office.pid)
    office.stop()
    return Sample(name, seconds, "s", used)


def judge_start(samples: Samples) -> list[Part]:
    """The start after switching the computer on is the one that a clerk waits for."""
    return [at_most("khởi động nguội trên Linux (s)", lambda: samples.median(COLD), 3)]


def measure_memory() -> Iterator[Sample]:
    """Resident memory of an idle office over several starts; then of one that has worked for a day."""
    stick = bundles.built(__version__, 1, "linux")
    with installations.bare_office() as office:
        office.install(stick)
        clerk = office.found()
        for _ in range(REPETITIONS):
            office.stop()
            office.start()
            time.sleep(IDLE_SECONDS)
            yield Sample(IDLE, office.resident_mib(), "MiB", machine.cpu_seconds(office.pid))
        installations.day(clerk, office.installed.browser(), *_amounts())
        yield from _after(office.resident_mib, lambda: len(machine.children_of(office.pid)))


def _amounts() -> tuple[int, int]:
    return (10, 2) if PACE.quick else (REGISTRATIONS, SIGNINGS)


def _after(resident: Callable[[], float], children: Callable[[], int]) -> Iterator[Sample]:
    """At once, with the signing process, and when that has ended because nobody signs any more."""
    for _ in range(REPETITIONS):
        yield Sample(BUSY, resident(), "MiB")
        time.sleep(0.5)
    deadline = time.monotonic() + 120
    while children() and time.monotonic() < deadline:
        time.sleep(1.0)
    for _ in range(REPETITIONS):
        yield Sample(AFTER, resident(), "MiB")
        time.sleep(1.0)


def judge_memory(samples: Samples) -> list[Part]:
    """The portal with everything that it has started."""
    return [
        at_most("lúc rỗi (MiB)", lambda: samples.median(IDLE), 60),
        at_most("sau một ngày (MiB)", lambda: samples.median(AFTER), 130),
        at_most("ngay sau một ngày, cả tiến trình ký (MiB)", lambda: samples.median(BUSY), 130),
    ]


def measure_windows() -> Iterator[Sample]:
    """The same under Wine, once installed; Wine's own part is in every figure."""
    stick = bundles.built(__version__, 1, "windows")
    with installations.wine_office() as office:
        began = time.monotonic()
        code, told = office.set_up(stick)
        assert code == 0, told
        office.wait_alive("first-run")
        yield Sample(INSTALL, time.monotonic() - began, "s")
        clerk = installations.found_on_windows(office)
        for _ in range(1 if PACE.quick else REPETITIONS):
            office.stop()
            yield Sample(WARM, office.start(), "s")
            time.sleep(IDLE_SECONDS)
            yield Sample(IDLE, office.resident_mb(), "MiB")
        installations.day(clerk, office.browser(), *_amounts())
        for _ in range(REPETITIONS):
            yield Sample(BUSY.partition(",")[0], office.resident_mb(), "MiB")
            time.sleep(0.5)


def judge_windows(_: Samples) -> list[Part]:
    """Nothing is asked of Wine; a pilot computer tells."""
    return []


BENCHES = (
    Bench("G14", "Dung lượng bộ cài", "bộ cài Windows ≤ 45 MB", measure_sizes, judge_sizes, timeless=True),
    Bench("G15", "Cài đặt và khởi động trên Linux", "khởi động nguội ≤ 3 s", measure_start, judge_start),
    Bench(
        "G16",
        "Bộ nhớ trên Linux, 200 lần đăng ký và 20 lần ký",
        "lúc rỗi ≤ 60 MiB; sau một ngày ≤ 130 MiB",
        measure_memory,
        judge_memory,
        sized=True,
        timeless=True,
    ),
    Bench(
        "G17",
        "Windows (Wine): cài đặt, khởi động, bộ nhớ (recorded)",
        "không có mục tiêu: một phần là của Wine",
        measure_windows,
        judge_windows,
    ),
)
