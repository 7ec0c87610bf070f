"""Which old backups go: never the kept ones, never for the sake of a clock that is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.store.rotation import Keep, stamp_of, superfluous

NOW = datetime(2026, 11, 22, 11, 30)


def name(at: datetime) -> str:
    return f"saoluu-H99.01.02-{at:%Y%m%d-%H%M%S}.zip.age"


def test_a_name_tells_when_its_backup_was_made() -> None:
    assert stamp_of(name(NOW)) == NOW
    assert stamp_of("saoluu-H99-20261122-113000-2.zip") == NOW
    assert stamp_of("saoluu-H99-20261199-113000.zip") is None
    assert stamp_of("anh.zip") is None


def test_a_year_of_days_leaves_seven_days_four_weeks_and_twelve_months() -> None:
    days = [NOW - timedelta(days=back) for back in range(400)]
    gone = set(superfluous(map(name, days), Keep(), NOW))
    left = [at for at in days if name(at) not in gone]
    assert left[:7] == days[:7]
    assert len({at.isocalendar()[:2] for at in left[:12]}) >= 4
    assert len({(at.year, at.month) for at in left}) == 12
    assert len(left) <= 7 + 4 + 12


@settings(max_examples=60)
@given(st.sets(st.integers(0, 24 * 500), max_size=120), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_rotation_day_by_day_keeps_what_one_rotation_keeps_and_always_the_newest(
    hours: set[int], daily: int, weekly: int, monthly: int
) -> None:
    keep = Keep(daily, weekly, monthly)
    names = {name(NOW - timedelta(hours=back)) for back in hours}
    gone = superfluous(names, keep, NOW)
    assert set(superfluous(names - set(gone), keep, NOW)) == set()
    assert gone == sorted(gone)
    if names and daily:
        assert max(names) not in gone


def test_what_must_stay_stays_and_strangers_are_left_alone() -> None:
    old = name(NOW - timedelta(days=900))
    names = ["anh.zip", old, name(NOW)]
    assert superfluous(names, Keep(1, 0, 0), NOW) == [old]
    assert superfluous(names, Keep(1, 0, 0), NOW, [old]) == []


def test_files_from_the_future_push_out_nothing_and_are_not_removed() -> None:
    ahead = [name(NOW + timedelta(days=3650 + day)) for day in range(20)]
    honest = [name(NOW - timedelta(days=day)) for day in range(3)]
    assert superfluous([*ahead, *honest], Keep(3, 0, 0), NOW) == []
