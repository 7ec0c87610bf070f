"""The build step merges subsets into whole faces, and stops when a letter or a file is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

import hatch_tinos
from commune_portal.paper.fonts import BUNDLED_FOLDER

VIETNAMESE = {*range(0x1EA0, 0x1EFA), 0x20AB, 0x300, 0x301, 0x303, 0x309, 0x323}
LATIN_EXTENDED = {*range(0x100, 0x1EA0)} - {0x300, 0x301, 0x303, 0x309, 0x323}


# One face stands for the four: the real package goes through all of them at every build.
FACE = "Tinos-BoldItalic.ttf"


@pytest.fixture(autouse=True)
def one_face(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_tinos, "FACES", {FACE: hatch_tinos.FACES[FACE]})


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in for the npm package, cut out of the built faces again."""
    from fontTools import subset

    folder = tmp_path_factory.mktemp("package")
    (folder / "files").mkdir()
    (folder / "LICENSE").write_text("OFL")
    for part in hatch_tinos.SUBSETS:
        font = subset.load_font(str(BUNDLED_FOLDER / FACE), subset.Options())
        points = set(font.getBestCmap())
        wanted = {
            "latin": points - VIETNAMESE - LATIN_EXTENDED,
            "latin-ext": points & LATIN_EXTENDED,
            "vietnamese": points & VIETNAMESE,
        }[part]
        worker = subset.Subsetter()
        worker.populate(unicodes=wanted)
        worker.subset(font)
        font.flavor = "woff2"
        font.save(folder / "files" / f"tinos-{part}-700-italic.woff2")
        font.close()
    return folder


def test_the_face_and_its_licence_are_built_alike_each_time(package: Path, tmp_path: Path) -> None:
    hatch_tinos.build(package, tmp_path / "one")
    hatch_tinos.build(package, tmp_path / "two")
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["LICENSE", FACE]
    for name in hatch_tinos.FACES:
        assert hatch_tinos.missing_letters(tmp_path / "one" / name) == []
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_missing_subset_stops_the_build(package: Path, tmp_path: Path) -> None:
    cut = package / "files" / "tinos-vietnamese-700-italic.woff2"
    hidden = cut.rename(tmp_path / "hidden")
    try:
        with pytest.raises(RuntimeError, match="tinos-vietnamese-700-italic"):
            hatch_tinos.build(package, tmp_path / "out")
    finally:
        hidden.rename(cut)


def test_a_missing_letter_stops_the_build(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_tinos, "NEEDED", hatch_tinos.NEEDED | {0x4E00})
    with pytest.raises(RuntimeError, match=r"U\+4E00"):
        hatch_tinos.build(package, tmp_path / "out")
