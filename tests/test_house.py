"""The rules of the house that a machine can keep: sizes, storeys, templates, assets, routes.

Source: conventions.md, "House rules that a test keeps". Style is ruff's and mypy's; what a line may import is
import-linter's; here is the rest.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from commune_portal import errors
from commune_portal.cli import VERBS
from commune_portal.errors import PortalError
from commune_portal.settings import SECTIONS, Role
from tests.routes import portal_app, routes_open_to_anyone, unguarded_posts
from tests.screens import read_screens

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "commune_portal"
TEMPLATES = PACKAGE / "templates"

LINES_AT_MOST = 400
BYTES_AT_MOST = 400_000

WITHOUT_LAW = {"__init__", "acts", "chain", "content", "folding"}
"""Modules of rules/ that state no law: names of acts, our own journal format, file types, text."""

HEAVY = {"pyhanko", "reportlab", "pypdfium2", "xlsxwriter", "docx", "holidays"}
HEAVY_AT_HOME = {"paper", "signing"}
"""Rooms that are themselves imported late; everywhere else a heavy library is imported inside a function."""

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base_classes"}

BEHIND_THE_MACHINE_DOOR = "/exchange/v1/"

OPEN_TO_ANYONE = {"static", "login", "help", "health", "lan", "alive"}
"""Beginnings of endpoint names (after the blueprint) that need no log-in."""


def sources(*folders: Path) -> Iterator[Path]:
    """Every Python file of ours."""
    for folder in folders:
        yield from sorted(folder.rglob("*.py"))


def templates() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.html"))


def committed() -> list[Path]:
    """Every file that git holds; where there is no git (an unpacked sdist), every file that could be committed."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=60)
        return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    return [path for path in PACKAGE.rglob("*") if path.is_file() and "vendor" not in path.parts]


def without_comments(text: str) -> str:
    """A template without its Jinja comments, which may show code."""
    return re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)


# ---- code ---------------------------------------------------------------------------------------------------------


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in [*sources(PACKAGE, ROOT / "tests"), *ROOT.glob("*.py")]
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LINES_AT_MOST
    }
    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in sources(PACKAGE) if path.stem.strip("_") in FORBIDDEN_NAMES] == []


def test_every_line_looks_down() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    found = subprocess.run([str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stdout + found.stderr
    assert re.search(r"Contracts: [4-9]\d* kept, 0 broken", found.stdout)


def test_every_function_that_states_law_names_its_source() -> None:
    without = [
        f"{path.stem}.{node.name}"
        for path in sources(PACKAGE / "rules")
        if path.stem not in WITHOUT_LAW
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and "Source:" not in (ast.get_docstring(node) or "")
    ]
    assert without == []


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    found = []
    for path in sources(PACKAGE):
        if path.relative_to(PACKAGE).parts[0] in HEAVY_AT_HOME:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            found += [f"{path.relative_to(ROOT)}: {name}" for name in names if name.split(".")[0] in HEAVY]
    assert found == []


def test_the_portal_speaks_one_language_and_uses_no_gettext() -> None:
    pattern = re.compile(r"\bgettext\b|flask_babel|\bngettext\b")
    here = Path(__file__)
    texts = [*sources(PACKAGE), *templates(), ROOT / "pyproject.toml"]
    assert [path for path in texts if path != here and pattern.search(path.read_text(encoding="utf-8"))] == []


def test_no_statement_replaces_a_row_silently() -> None:
    pattern = re.compile(
        r"OR\s+REPLACE|\.replace\(\)\.execute|insert_many\(.*\)\.on_conflict_replace|on_conflict_replace"
    )
    texts = [*sources(PACKAGE), *sorted(PACKAGE.rglob("*.sql"))]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(re.sub(r"(#|--).*", "", line))
    ]
    # The words may stand in a docstring that says why they are forbidden, not in a statement.
    assert [where for where in found if not _in_docstring(where)] == []


def _in_docstring(where: str) -> bool:
    name, _, number = where.rpartition(":")
    if not name.endswith(".py"):
        return False
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and node.lineno <= int(number) <= (node.end_lineno or 0)
        for node in ast.walk(tree)
    )


def test_every_type_ignore_gives_its_reason() -> None:
    without = []
    for path in sources(PACKAGE, ROOT / "tests"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            found = re.search(r"# type: ignore(\[[^\]]*\])?(.*)$", line)
            if not found or path == Path(__file__):
                continue
            above = lines[number - 1].strip() if number else ""
            if not found[1] or ("#" not in found[2] and not above.startswith("#")):
                without.append(f"{path.relative_to(ROOT)}:{number + 1}")
    assert without == []


def test_every_error_has_a_code_of_its_own_a_sentence_and_somebody_who_can_act() -> None:
    kinds = [errors.PortalError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    kinds = [kind for kind in kinds if kind.__module__ == "commune_portal.errors"]
    assert len({kind.code for kind in kinds}) == len(kinds)
    for kind in kinds[1:]:
        assert kind.__doc__, kind
        assert kind.sentence.rstrip().endswith((".", "!")), kind


# ---- templates ----------------------------------------------------------------------------------------------------


def test_every_fragment_is_included_by_a_page() -> None:
    everything = "\n".join(without_comments(path.read_text(encoding="utf-8")) for path in templates())
    lonely = [
        str(path.relative_to(TEMPLATES))
        for path in templates()
        if path.name.startswith("_") and f'include "{path.relative_to(TEMPLATES).as_posix()}"' not in everything
    ]
    assert lonely == []


def test_a_fragment_extends_nothing_and_its_id_is_its_name() -> None:
    for path in templates():
        text = without_comments(path.read_text(encoding="utf-8"))
        if path.name.startswith("_"):
            name = path.stem.removeprefix("_")
            assert "{% extends" not in text, path
            assert re.search(rf'\bid="{re.escape(name)}["-]', text), f"{path} needs id={name}"


def test_every_page_extends_the_shell_and_stands_in_the_folder_of_its_view() -> None:
    for path in templates():
        inside = path.relative_to(TEMPLATES)
        if inside.parts[0] == "macros" or path.name.startswith("_") or path.name == "base.html":
            continue
        assert '{% extends "' in path.read_text(encoding="utf-8"), path
        if len(inside.parts) > 1:
            view = PACKAGE / "views" / inside.parts[0]
            assert view.with_suffix(".py").exists() or view.is_dir(), f"no view module for {inside}"


def test_no_template_or_script_needs_what_the_policy_forbids() -> None:
    forbidden = {
        "an inline script": r"<script(?![^>]*\ssrc=)",
        "an inline style": r"<style|\sstyle=",
        "an inline handler": r"\son[a-z]+\s*=\s*[\"']",
        "hx-on": r"\shx-on",
        "a trigger filter": r"hx-trigger=\"[^\"]*\[",
        "a javascript address": r"javascript:",
        "js: in hx-vals": r"hx-(vals|headers)[^=]*='?\"?js:",
        "another host": r"(src|href|action)=\"(https?:)?//",
        "an accesskey": r"\saccesskey=",
        "an unescaped value": r"\|\s*safe\b",
    }
    found = [
        f"{path.relative_to(ROOT)}: {what}"
        for path in templates()
        for what, pattern in forbidden.items()
        if re.search(pattern, without_comments(path.read_text(encoding="utf-8")))
    ]
    assert found == []
    script = (PACKAGE / "static" / "portal.js").read_text(encoding="utf-8")
    assert not re.search(r"\beval\(|new Function|innerHTML|document\.write", script)


def test_every_form_that_posts_carries_the_token() -> None:
    for path in templates():
        text = without_comments(path.read_text(encoding="utf-8"))
        for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", text, flags=re.DOTALL | re.IGNORECASE):
            assert "csrf_token()" in form or ".token()" in form or "token()" in form, f"{path}: {form[:120]}"


def test_the_stylesheet_keeps_to_the_oldest_browser_of_an_office() -> None:
    text = re.sub(r"/\*.*?\*/", "", (PACKAGE / "static" / "app.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"oklch|color-mix|light-dark|@scope|subgrid|popover|url\(", text)
    assert not re.search(r"(^|[{;\s])&\s*[.:\[{]", text), "nesting is newer than Chromium 109"
    assert text.lstrip().startswith("@layer reset, tokens, base, layout, parts, print;")


# ---- what is committed, what is built -------------------------------------------------------------------------------


def test_nothing_third_party_is_committed() -> None:
    foreign = re.compile(
        r"(^|/)(vendor|node_modules|third_party)/|\.min\.(js|css)$|\.(ttf|otf|woff2?|whl|so|dll|exe|jar|pyd)$",
        re.IGNORECASE,
    )
    assert [path for path in committed() if foreign.search(path.relative_to(ROOT).as_posix())] == []
    heavy = [path for path in committed() if path.stat().st_size > BYTES_AT_MOST]
    assert heavy == []


def test_the_lock_pins_by_hash_and_names_no_address() -> None:
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text
    assert "http" not in re.sub(r'"funding":\s*\{[^}]*\}', "", text)
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    shipped = {name.removeprefix("node_modules/") for name, entry in packages.items() if not entry.get("dev")}
    assert shipped == set(wanted)  # what the tests alone need is marked, and left out of a build


def test_the_sdist_holds_what_its_build_needs() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(document["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])
    needed = ("hatch_build.py", "hatch_tinos.py", "package.json", "package-lock.json", "assets.toml", ".npmrc")
    for name in needed:
        assert f"/{name}" in listed, name
        assert (ROOT / name).is_file(), name


def test_what_the_build_brings_is_here_and_whole() -> None:
    sys.path.insert(0, str(ROOT))
    try:
        import hatch_build
    finally:
        sys.path.remove(str(ROOT))
    assert hatch_build.is_vendored(ROOT), "run: .venv/bin/python hatch_build.py"


# ---- documents ----------------------------------------------------------------------------------------------------


def test_every_setting_is_in_the_manual() -> None:
    manual = "\n".join(path.read_text(encoding="utf-8") for path in sorted((PACKAGE / "help").glob("*.md")))
    names = [f"{section}.{item.name}" for section, shape in SECTIONS.items() for item in fields(shape)]
    assert [name for name in names if f"`{name}`" not in manual] == []


def test_every_error_and_every_verb_is_in_the_manual() -> None:
    manual = "\n".join(path.read_text(encoding="utf-8") for path in sorted((PACKAGE / "help").glob("*.md")))
    codes = [item.code for item in vars(errors).values() if isinstance(item, type) and issubclass(item, PortalError)]
    assert [name for name in (*codes, *(verb.name for verb in VERBS)) if f"`{name}`" not in manual] == []


def test_what_newcomers_are_told_is_what_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "exec make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", readme):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


# ---- routes and screens -------------------------------------------------------------------------------------------

EITHER_ROLE = pytest.mark.parametrize("role", ["office", "node"])


@EITHER_ROLE
def test_every_post_outside_the_machine_door_is_guarded(role: Role, tmp_path: Path) -> None:
    with portal_app(role, tmp_path) as app:
        assert unguarded_posts(app, except_under=BEHIND_THE_MACHINE_DOOR) == []


@EITHER_ROLE
def test_every_page_but_a_named_few_refuses_the_anonymous(role: Role, tmp_path: Path) -> None:
    with portal_app(role, tmp_path) as app:
        found = routes_open_to_anyone(app)
    assert [name for name in found if name.rpartition(".")[2].split("_")[0] not in OPEN_TO_ANYONE] == []


def test_the_list_of_screens_can_be_read_and_names_each_screen_once() -> None:
    screens = read_screens()
    assert screens
    assert len({screen.name for screen in screens}) == len(screens)


@EITHER_ROLE
def test_every_page_that_can_be_opened_is_on_the_list_of_screens(role: Role, tmp_path: Path) -> None:
    with portal_app(role, tmp_path) as app:
        pages = {
            rule.rule
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or ())
            and rule.endpoint != "static"
            and not rule.rule.startswith(BEHIND_THE_MACHINE_DOOR)
        }
    assert sorted(pages - {screen.route for screen in read_screens()} - NOT_SCREENS) == []


NOT_SCREENS = {
    "/bell",
    "/alive",
    "/administration/lan/sheet.pdf",
    "/lan/root.crt",
    "/lan/root.pem",
    "/lan/trust.cmd",
    "/lan/trust.sh",
    "/urgent",
    "/outgoing/answerable",
    "/exchange/queue",
    "/exchange/evidence/<message>",
    "/exchange/quarantine/<int:item>",
    "/outgoing/<int:document>/places/<int:number>.png",
    "/incoming/senders",
    "/incoming/register/<token>/file",
    "/acceptance/progress",
    "/administration/backup/progress",
    "/administration/backup/newest",
    "/acceptance/<stamp>.pdf",
    "/files/<int:file_id>",
    "/files/<int:file_id>/page/<int:number>.png",
}
"""Addresses that answer a fragment or a file and never a page; whoever adds one adds it here."""
