"""G12: signing a file of two megabytes and verifying one with two signatures; processor time, in this process.

The key is in memory, so that what is measured is ours; a real token adds its own 0.2 to 1 second of waiting.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from commune_portal.signing import pdf, verify
from tests.bench.drafts import draft_of_two_megabytes
from tests.bench.harness import Bench, Part, Sample, Samples, at_most
from tests.bench.slices import PACE, Timed
from tests.signing import material

LEAST = 20
SIGN, SEAL, VERIFY, FLOOR = "lãnh đạo ký", "số và dấu", "kiểm tra hai chữ ký", "băm và ký thuần"


def measure() -> Iterator[Sample]:
    """Signing, sealing, verifying and the bare minimum in turns; each slice gives its ninety-fifth percentile."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draft = draft_of_two_megabytes(folder)
        picture = (folder / "ky.png").read_bytes()
        pki = material.infrastructure()
        signed, issued, out = folder / "signed.pdf", folder / "issued.pdf", folder / "out.pdf"
        pdf.sign_leader(draft, signed, pki.leader, picture)
        pdf.number_and_seal(signed, issued, pki.organisation, material.NUMBER, material.DATE, seal_png=picture)
        arms: dict[str, Callable[[], object]] = {
            SIGN: lambda: pdf.sign_leader(draft, out, pki.leader, picture),
            SEAL: lambda: pdf.number_and_seal(
                signed, out, pki.organisation, material.NUMBER, material.DATE, seal_png=picture
            ),
            VERIFY: lambda: verify.verify(issued, pki.trust),
            FLOOR: lambda: pki.leader.sign(hashlib.sha256(draft.read_bytes()).digest()),
        }
        for _ in range(PACE.rounds):
            for name, act in arms.items():
                found = _cpu(act)
                yield Sample(f"{name} p50", found.quantile_ms(0.5), "ms", found.cpu_seconds)
                yield Sample(f"{name} p95", found.quantile_ms(0.95), "ms")


def _cpu(act: Callable[[], object]) -> Timed:
    act()
    each: list[float] = []
    started = time.perf_counter()
    while time.perf_counter() - started < PACE.seconds or len(each) < LEAST:
        cpu = time.process_time()
        act()
        each.append(time.process_time() - cpu)
    return Timed(each, time.perf_counter() - started, sum(each))


def judge(samples: Samples) -> list[Part]:
    """Our own time, not the token's."""
    return [
        at_most("lãnh đạo ký 2 MB, p95 (ms CPU)", lambda: samples.median(f"{SIGN} p95"), 150),
        at_most("số và dấu 2 MB, p95 (ms CPU)", lambda: samples.median(f"{SEAL} p95"), 150),
        at_most("kiểm tra hai chữ ký, p95 (ms CPU)", lambda: samples.median(f"{VERIFY} p95"), 250),
    ]


BENCHES = (Bench("G12", "Ký và kiểm tra chữ ký", "ký 2 MB ≤ 150 ms p95; kiểm tra hai chữ ký ≤ 250 ms", measure, judge),)
