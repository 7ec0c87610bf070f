"""The support file: no word of a document, no name, no secret; what the logs say of what happened stays."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from commune_portal.errors import PortalError, StoreDamaged
from commune_portal.health import examination, logs, support
from commune_portal.settings import Axis, Settings
from tests.store.full import forging

SUBJECT = "Kế hoạch di dời bí ẩn Thủy Tiên"
PLANTED = (
    SUBJECT, "Thủy Tiên", "Nguyễn Hoàng Lam", "nguyenhoanglam", "84712935", "mat-khau-rat-dai-cua-toi",
    "AGE-SECRET-KEY-1QQPQYSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQG", "he-thong-truc-77", "trục.bí.mật",
)  # fmt: skip


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def planted(office: Settings, logging_as_it_was: None) -> Settings:
    """An office with words in its register, its settings and, as no code of ours would write them, its logs."""
    with forging(office) as connection:
        connection.execute("UPDATE incoming SET subject = ?", (SUBJECT,))
        connection.execute(
            "UPDATE accounts SET full_name = ?, username = ? WHERE id = 1", ("Nguyễn Hoàng Lam", "nguyenhoanglam")
        )
    logs.begin(office)
    log = logging.getLogger("commune_portal.planted")
    log.warning("an arrival cannot be checked: %s %s", "store-damaged", "page 3")
    log.warning("subject «%s» of Nguyễn Hoàng Lam by nguyenhoanglam", SUBJECT)
    log.warning("session %s", "a" * 64)
    log.warning("key AGE-SECRET-KEY-1QQPQYSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQG")
    try:
        raise StoreDamaged(SUBJECT, detail="84712935")
    except PortalError:
        log.exception("a verb failed")
    try:
        int("mat-khau-rat-dai-cua-toi")
    except ValueError:
        log.exception("the relay stumbled")
    axis = Axis(system_id="he-thong-truc-77", secret_file="secrets/trục.bí.mật", address="https://he-thong-truc-77.vn")
    return dataclasses.replace(office, axis=axis)


def unpacked(settings: Settings) -> dict[str, str]:
    rows = examination.examine(settings, thorough=False)
    with zipfile.ZipFile(io.BytesIO(support.pack(support.parts(settings, rows)))) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_no_planted_word_leaves_the_house(planted: Settings) -> None:
    whole = "\n".join(unpacked(planted).values())
    assert [word for word in PLANTED if word.lower() in whole.lower()] == []
    written = (planted.logs_folder / "portal.log").read_text(encoding="utf-8")
    assert SUBJECT in written, "the log of this test must hold what is filtered"


def test_what_happened_can_still_be_read(planted: Settings) -> None:
    log = unpacked(planted)["logs/portal.log"]
    assert "an arrival cannot be checked: store-damaged page 3" in log
    assert "File test_support.py, line " in log
    assert "ValueError: (che)" in log
    assert "StoreDamaged: (che)" in log
    assert "begins as office" in log


def test_it_holds_what_a_helper_needs(office: Settings) -> None:
    found = unpacked(office)
    assert {"suc-khoe.json", "phien-ban.json", "cau-hinh.json", "so-dong.json", "cai-dat.json"} <= set(found)
    assert {row["id"] for row in json.loads(found["suc-khoe.json"])} >= {"database", "disk", "clock", "backup"}
    versions = json.loads(found["phien-ban.json"])
    assert versions["packages"]["flask"]
    assert versions["sqlite"]
    assert json.loads(found["so-dong.json"])["journal"] > 0
    settings = json.loads(found["cau-hinh.json"])
    assert settings["server"]["port"] == office.server.port
    assert settings["axis"]["system_id"] == ""


def test_masked_settings_are_settings(office: Settings) -> None:
    names = {
        f"{section}.{name}"
        for section, values in support.masked(office).items()
        if section != "role"
        for name in values
    }
    assert names >= support.MASKED


def test_a_ruined_register_still_has_a_support_file(office: Settings) -> None:
    office.database_path.write_bytes(b"rac" * 4000)
    assert "error" in json.loads(unpacked(office)["so-dong.json"])


def test_the_file_is_the_same_as_what_is_shown(office: Settings) -> None:
    rows = examination.examine(office, thorough=False)
    shown = support.parts(office, rows)
    with zipfile.ZipFile(io.BytesIO(support.pack(shown))) as archive:
        assert {part.name: part.text for part in shown} == {
            name: archive.read(name).decode() for name in archive.namelist()
        }


@given(st.text("aăZ0f-_ '\"«»:Đ…", max_size=60))
@tuned(max_examples=80, deadline=None)
def test_nothing_vietnamese_and_nothing_quoted_passes(text: str) -> None:
    line = f"2026-11-22 10:00:00,000 WARNING x relay {text.splitlines()[0] if text.splitlines() else ''}"
    kept = support.filtered(line)
    assert kept.replace(support.HIDDEN, "").isascii()
    assert "'" not in kept or kept.count("'") == 1


def test_a_log_turns_over_and_a_missing_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    assert not logs.turn_over(path)
    path.write_bytes(b"x" * 10)
    assert not logs.turn_over(path, 10)
    assert logs.turn_over(path, 9)
    assert (path.exists(), (tmp_path / "console.log.1").stat().st_size) == (False, 10)
