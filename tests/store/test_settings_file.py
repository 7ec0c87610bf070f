"""Writing portal.toml: values come in, everything else stays as a person wrote it."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from commune_portal import settings
from commune_portal.errors import SettingsWrong
from commune_portal.store import settings_file

ANNOTATED = """# ghi bởi bộ cài
role = "office"

[server]
port = 8101   # cổng trống đầu tiên

[paths]
backups = "/var/backups/commune-portal"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "portal.toml"
    made.write_text(ANNOTATED, encoding="utf-8")
    return made


def test_a_value_joins_its_section_and_nothing_else_moves(path: Path) -> None:
    path.chmod(0o640)
    made = settings_file.change(path, {"server": {"threads": 8}, "token": {"module": "C:\\Windows\\thử.dll"}})
    assert (made.server.port, made.server.threads, made.token.module) == (8101, 8, "C:\\Windows\\thử.dll")
    assert settings.load(path) == made
    lines = path.read_text(encoding="utf-8").splitlines()
    assert set(ANNOTATED.splitlines()) <= set(lines)
    assert lines.index("threads = 8") == lines.index("port = 8101   # cổng trống đầu tiên") + 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_value_that_is_there_is_replaced(path: Path) -> None:
    settings_file.change(path, {"server": {"port": 9000}})
    assert settings.load(path).server.port == 9000
    assert path.read_text(encoding="utf-8").count("port") == 2, "its line, and the folder's name"


def test_what_the_program_would_not_read_is_not_written(path: Path) -> None:
    for wrong in ({"server": {"prot": 1}}, {"server": {"port": "8080"}}):
        with pytest.raises(SettingsWrong):
            settings_file.change(path, wrong)
    assert path.read_text(encoding="utf-8") == ANNOTATED


def test_a_value_over_several_lines_is_left_to_a_person(path: Path) -> None:
    path.write_text('[server]\nallowed_hosts = [\n "a",\n "b",\n]\n', encoding="utf-8")
    with pytest.raises(SettingsWrong, match="bằng tay"):
        settings_file.change(path, {"server": {"allowed_hosts": ("c",)}})
    assert settings.load(path).server.allowed_hosts == ("a", "b")


def test_a_new_file_never_takes_the_place_of_another(path: Path) -> None:
    with pytest.raises(SettingsWrong, match="không khởi tạo đè"):
        settings_file.write_new(path, {"role": "node"})
    other = path.with_name("khác.toml")
    made = settings_file.write_new(other, {"role": "node", "server": {"port": 1}})
    assert settings.load(other) == made
    assert made.role == "node"


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_any_text_comes_back_as_it_was(path: Path, text: str) -> None:
    settings_file.change(path, {"token": {"module": text}})
    assert tomllib.loads(path.read_text(encoding="utf-8"))["token"]["module"] == text
