"""Two megabytes over 64 kbit/s with loss and a cut every minute: no byte from the beginning, and the urgent first.

The longest of the stories (some eight minutes, nearly all of it waiting), so it has a file of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.documents.verification import verify_installation
from commune_portal.parties.supervisor import wait_until
from tests.fakes.tun_link import Shape
from tests.stories.far_apart import Parties, a_scan, cross

pytestmark = pytest.mark.story

CEILING_SECONDS = 1200
DOCUMENT_BYTES, URGENT_BYTES = int(os.environ.get("BAD_LINK_BYTES", "1950000")), 25_000


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[Parties]:
    made = Parties(tmp_path, Shape())
    try:
        made.found()
        yield made
    finally:
        made.close()


def test_two_megabytes_cross_a_link_that_cuts_and_an_urgent_document_overtakes_them(
    parties: Parties, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parties.link is not None
    long, long_id = parties.issued(a_scan(parties.folder, DOCUMENT_BYTES))
    urgent, urgent_id = parties.issued(a_scan(parties.folder, URGENT_BYTES), urgency=3)
    wait_until("hàng chờ", lambda: parties.at("a", "queue")["waiting"] == 0, 120)
    time.sleep(20)  # the journal of the issuing goes up before
    began = time.monotonic(), parties.link.figures().up_bytes
    packets = parties.send(long)
    wait_until("nửa gói", lambda: parties.uploaded_bytes() > packets // 3, CEILING_SECONDS, every_seconds=0.5)
    packets += parties.send(urgent)
    asked = time.monotonic()
    wait_until("hỏa tốc", lambda: parties.has_arrived(urgent_id), 300, every_seconds=0.5)
    waited, overtook = time.monotonic() - asked, not parties.has_arrived(long_id)
    crossing = cross(parties, lambda: parties.has_arrived(long_id), packets, began, CEILING_SECONDS)
    with capsys.disabled():
        print(f"\n{crossing.line(parties)}; the urgent one took {waited:.0f} s (ceiling {CEILING_SECONDS} s)")
    assert overtook
    assert crossing.ratio <= 1.3
    assert crossing.growth_mib <= 10
    for document_id in (long_id, urgent_id):
        assert parties.rows("b", f"SELECT count(*) FROM incoming WHERE document_id = '{document_id}'") == [(1,)]
    for key, settings in parties.settings.items():
        found = verify_installation(settings)
        assert found.ok, (key, found.faults)
