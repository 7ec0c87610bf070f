"""Every function that states law says which, and the rules stay pure."""

import ast
from pathlib import Path

import pytest

import commune_portal.rules

FOLDER = Path(commune_portal.rules.__file__).parent
NOT_LAW = {"__init__", "folding", "chain", "acts", "content"}
"""Text forms, file contents and evidence formats are our own, not law."""
FORBIDDEN = {
    *("flask", "peewee", "sqlite3", "os", "pathlib", "socket", "threading", "time", "io", "subprocess", "random"),
    *("secrets", "logging", "commune_portal.clock", "commune_portal.settings", "commune_portal.store"),
}
MODULES = sorted(FOLDER.glob("*.py"))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem not in NOT_LAW], ids=lambda path: path.stem)
def test_every_public_function_that_states_law_has_a_source_line(path: Path) -> None:
    functions = [node for node in _tree(path).body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]
    assert [
        function.name
        for function in functions
        if not any(line.strip().startswith("Source: ") for line in (ast.get_docstring(function) or "").splitlines())
    ] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_rule_imports_anything_that_could_touch_the_world(path: Path) -> None:
    imported = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {node.module or "", *(f"{node.module}.{name.name}" for name in node.names)}
    assert imported & FORBIDDEN == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_rule_reads_the_clock(path: Path) -> None:
    called = {node.attr for node in ast.walk(_tree(path)) if isinstance(node, ast.Attribute)}
    assert called & {"now", "utcnow", "today", "monotonic"} == set()
