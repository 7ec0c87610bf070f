"""The manual's pictures of screens, taken in a running demonstration.

They are always taken and judged; `docs/pictures/manual/` is written anew only with `COMMUNE_PORTAL_PICTURES=1`, so that
a test run leaves a clean checkout clean.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from commune_portal.paper import markdown
from commune_portal.paper.markdown import Picture
from tests.browser import OpenPage
from tests.stories.demonstrated import Demonstration

pytestmark = pytest.mark.story

FOLDER = Path(__file__).parents[2] / "docs" / "pictures" / "manual"
SIZE = (1180, 700)
LARGEST_BYTES = 100_000
COLOURS = 48
ROW = "main a.open"


@dataclass(frozen=True, slots=True)
class Shot:
    """One screen: the picture's name, who looks, where, and by which link of that page, if any, one goes on."""

    name: str
    role: str
    path: str
    link: str = ""
    party: str = "office"


SHOTS = (
    Shot("home-clerk", "clerk", "/"),
    Shot("incoming-list", "clerk", "/incoming"),
    Shot("incoming-show", "clerk", "/incoming?tab=cho-vao-so", ROW),
    Shot("incoming-register", "clerk", "/incoming/register"),
    Shot("outgoing-issue", "clerk", "/outgoing?tab=cho-phat-hanh", ROW),
    Shot("leader-sign", "leader", "/outgoing?tab=cho-duyet-ky", ROW),
    Shot("exchange", "clerk", "/exchange"),
    Shot("books", "clerk", "/books"),
    Shot("health", "administrator", "/health"),
    Shot("node-members", "operator", "/members", party="node"),
)


def small(taken: Path, target: Path) -> None:
    """A screen needs few colours; as a palette it is a third of its size."""
    from PIL import Image

    with Image.open(taken) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_a_screen_of_the_manual_is_there_and_small(
    shot: Shot, demonstration: Demonstration, open_page: OpenPage, tmp_path: Path
) -> None:
    page = demonstration.page(open_page, shot.party, shot.role, SIZE)
    address = demonstration.address(shot.party)
    page.goto(address + shot.path)
    if shot.link:
        page.goto(address + (page.locator(shot.link).first.get_attribute("href") or ""))
    expect(page.locator("h1")).to_be_visible()
    page.wait_for_load_state("networkidle")
    whole, made = tmp_path / "whole.png", tmp_path / f"{shot.name}.png"
    page.screenshot(path=whole)
    small(whole, made)
    assert 5_000 < made.stat().st_size < LARGEST_BYTES
    if os.environ.get("COMMUNE_PORTAL_PICTURES"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / made.name).write_bytes(made.read_bytes())
    assert (FOLDER / made.name).is_file()


def test_the_manual_shows_every_picture_that_is_taken_and_no_other() -> None:
    shown = {
        part.name for name in markdown.CHAPTERS for part in markdown.chapter(name).parts if isinstance(part, Picture)
    }
    assert shown == {shot.name for shot in SHOTS} == {path.stem for path in FOLDER.glob("*.png")}


def test_the_printed_manual_holds_them(tmp_path: Path) -> None:
    from commune_portal.paper import manual

    out = tmp_path / "HUONG-DAN.pdf"
    manual.print_manual(out, FOLDER)
    found = subprocess.run(["pdfimages", "-list", str(out)], capture_output=True, text=True, check=True, timeout=60)
    assert len([line for line in found.stdout.splitlines() if " image " in line]) >= len(SHOTS)
