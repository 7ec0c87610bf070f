"""Programs of a release as children: what they say reaches the person who waits."""

from __future__ import annotations

import io
import sys

import pytest

from commune_portal.operations import children


def test_what_another_release_says_comes_where_this_process_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    monkeypatch.setattr(sys, "stdout", said)
    program = "import sys; print('Bộ cài cũ'); print('lý do', file=sys.stderr); sys.exit(3)"
    assert children.pass_on([sys.executable, "-c", program]) == 3
    assert sorted(said.getvalue().splitlines()) == ["Bộ cài cũ", "lý do"]


def test_without_such_a_file_the_streams_are_simply_shared(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", sys.__stdout__)
        assert children.pass_on([sys.executable, "-c", "print('thẳng')"]) == 0
    assert capfd.readouterr().out == "thẳng\n"
