"""No ratio without turns, repetitions and a quiet machine; what is refused is still written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import harness, machine, report
from tests.bench.harness import Bench, NotComparable, Part, Sample, Samples, at_least
from tests.bench.slices import quantile


def taking_turns(rounds: int = 5) -> list[Sample]:
    return [Sample(arm, value, "/s") for _ in range(rounds) for arm, value in (("ours", 8.0), ("theirs", 10.0))]


def bench(found: list[Sample]) -> Bench:
    def run() -> Iterator[Sample]:
        yield from found

    def judge(samples: Samples) -> list[Part]:
        return [at_least("ours beside theirs", lambda: samples.ratio("ours", "theirs"), 0.75)]

    return Bench("G0", "a bench", "≥ 0,75", run, judge)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "load", lambda: 0.1)
    monkeypatch.setattr(machine.Usage, "others_since", lambda *_: 0.0)


def test_arms_that_took_turns_give_a_ratio(quiet: None) -> None:
    outcome = harness.run(bench(taking_turns()))
    assert (outcome.value, outcome.met, outcome.refused) == (0.8, True, "")


def test_arms_that_did_not_take_turns_give_none(quiet: None) -> None:
    outcome = harness.run(bench(sorted(taking_turns(), key=lambda sample: sample.arm)))
    assert (outcome.value, outcome.met) == (None, None)
    assert "xen kẽ" in outcome.parts[0].note


def test_four_repetitions_are_too_few() -> None:
    with pytest.raises(NotComparable, match="chỉ có 4 lần"):
        Samples(taking_turns(4)).ratio("ours", "theirs")


def test_the_ratio_is_of_neighbours_so_that_a_drift_of_the_machine_cancels() -> None:
    drifting = [Sample(arm, share * speed, "/s") for speed in (1, 2, 3, 4, 50) for arm, share in (("a", 1), ("b", 2))]
    assert Samples(drifting).ratio("a", "b") == 0.5


def test_a_busy_machine_is_refused_and_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "load", lambda: 2.0)
    outcome = harness.run(bench(taking_turns()), settle_seconds=0)
    assert "tải máy cao" in outcome.refused
    report.write_json(tmp_path / "out.json", [outcome], "a machine")
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["G0"]
    assert (written["value"], written["met"]) == (None, None)
    assert written["arms"]["ours"]["median"] == 8
    assert "tải máy cao" in "\n".join(report.lines(outcome))
    assert "0.8 " not in "\n".join(report.lines(outcome))


def test_others_at_work_meanwhile_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "load", lambda: 0.1)
    monkeypatch.setattr(machine.Usage, "others_since", lambda *_: 1.4)
    assert "chương trình khác" in harness.run(bench(taking_turns())).refused


def test_a_bench_that_breaks_does_not_stop_the_others(quiet: None) -> None:
    def broken() -> Iterator[Sample]:
        yield Sample("ours", 1.0, "/s")
        raise RuntimeError("no disk")

    outcome = harness.run(Bench("G0", "broken", "", broken, lambda _: []))
    assert outcome.broken
    assert outcome.met is None
    assert "no disk" in outcome.refused


def test_a_quick_run_says_nothing_of_a_million(quiet: None) -> None:
    found = bench(taking_turns())
    sized = Bench(found.key, found.title, found.goal, found.run, found.judge, sized=True)
    assert harness.run(sized, quick=True).met is None
    assert harness.run(sized).met is True


def test_a_busy_machine_weighs_no_other_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "load", lambda: 2.0)
    found = bench(taking_turns())
    weighing = Bench(found.key, found.title, found.goal, found.run, found.judge, timeless=True)
    assert harness.run(weighing).met is True
    assert harness.run(found, settle_seconds=0).met is None


def test_every_goal_has_its_bench_but_the_bad_link() -> None:
    from tests.bench.__main__ import benches

    assert sorted(item.key for item in benches()) == sorted(f"G{number}" for number in range(1, 18))


def test_quantiles_are_values_that_were_measured() -> None:
    assert [quantile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 0.95)] == [1.0, 2.0, 3.0]
