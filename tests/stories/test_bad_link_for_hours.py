"""The bad link for hours: twenty megabytes, and the worst that was ever named. Run by `make soak`; prints figures."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.parties.supervisor import wait_until
from tests.fakes.tun_link import Shape
from tests.stories.far_apart import Parties, a_scan, cross

pytestmark = pytest.mark.soak

TWENTY_MEGABYTES = int(os.environ.get("BAD_LINK_BYTES", "20000000"))
HALF_A_MEGABYTE = 500_000
LONGEST_SECONDS = 5 * 3600.0
WORST = Shape(loss=0.30, cut_every=1500.0, dark=600.0)
"""A quarter of an hour of a link that loses nearly every third packet, then ten minutes of nothing."""


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Parties]:
    made = Parties(tmp_path, Shape())
    yield made
    made.close()


def carried(parties: Parties, amount: int, capsys: pytest.CaptureFixture[str], most: float | None) -> None:
    """One document from end to end, with its figures; `most` bytes on the wire for each byte of the packet."""
    parties.found()
    assert parties.link is not None
    row, document_id = parties.issued(a_scan(parties.folder, amount))
    wait_until("hàng chờ", lambda: parties.at("a", "queue")["waiting"] == 0, 600)
    time.sleep(30)
    began = time.monotonic(), parties.link.figures().up_bytes
    packet = parties.send(row)
    crossing = cross(parties, lambda: parties.has_arrived(document_id), packet, began, LONGEST_SECONDS)
    with capsys.disabled():
        print(f"\n{crossing.line(parties)}")
    assert parties.rows("b", f"SELECT count(*) FROM incoming WHERE document_id = '{document_id}'") == [(1,)]
    assert crossing.growth_mib <= 10
    assert most is None or crossing.ratio <= most


def test_twenty_megabytes_cross_64_kbit_s_with_a_cut_every_minute(
    far: Parties, capsys: pytest.CaptureFixture[str]
) -> None:
    carried(far, TWENTY_MEGABYTES, capsys, 1.3)


def test_64_kbit_s_30_percent_loss_10_minute_outages_throughput_and_memory_recorded(
    far: Parties, capsys: pytest.CaptureFixture[str]
) -> None:
    far.shape = WORST
    carried(far, HALF_A_MEGABYTE, capsys, None)
