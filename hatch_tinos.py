"""The build step for the Tinos faces: merges the npm package's woff2 subsets into four static TTFs.

Nothing third-party is committed: `hatch_build.py` fetches `@fontsource/tinos` by its locked hash and calls `build`.
A PDF needs whole static faces, the package only has subsets for the web; Debian's Liberation 1 would lose ơ and ư.
Needs fontTools with brotli, at build time only.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

SUBSETS = ("latin", "latin-ext", "vietnamese")

FACES = {
    "Tinos-Regular.ttf": ("400", "normal"),
    "Tinos-Bold.ttf": ("700", "normal"),
    "Tinos-Italic.ttf": ("400", "italic"),
    "Tinos-BoldItalic.ttf": ("700", "italic"),
}

# The layout tables of the three subsets contradict each other when merged, and reportlab reads none of them.
DROPPED_TABLES = ("GSUB", "GPOS", "GDEF", "meta", "STAT")

NEEDED = frozenset(
    {*range(0x20, 0x7F), *range(0x1EA0, 0x1EFA)}
    | {ord(letter) for letter in "ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝàáâãèéêìíòóôõùúýĂăĐđĨĩŨũƠơƯư"}
    | {0x300, 0x301, 0x303, 0x309, 0x323}
    | {ord(sign) for sign in "₫–—‘’“”…«»•·×§°"}
)


def build(source_folder: Path, out_folder: Path) -> None:
    """Writes the four faces and their licence; `source_folder` is the unpacked `@fontsource/tinos` package.

    Raises RuntimeError when a subset is absent or a needed glyph is missing from a merged face.
    """
    out_folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    for name, (weight, style) in FACES.items():
        sources = [source_folder / "files" / f"tinos-{subset}-{weight}-{style}.woff2" for subset in SUBSETS]
        absent = [str(source) for source in sources if not source.is_file()]
        if absent:
            raise RuntimeError(f"the Tinos package lacks {', '.join(absent)}")
        _merge(sources, out_folder / name)
    shutil.copyfile(source_folder / "LICENSE", out_folder / "LICENSE")


def missing_letters(face: Path) -> list[int]:
    """The needed code points that a face has no glyph for; empty for a good face."""
    from fontTools.ttLib import TTFont

    with TTFont(face) as font:
        return sorted(NEEDED - set(font.getBestCmap()))


def _merge(sources: list[Path], out: Path) -> None:
    from fontTools import merge

    with tempfile.TemporaryDirectory() as work:
        parts = []
        for number, source in enumerate(sources):
            part = Path(work) / f"{number}.ttf"
            _save_plain(source, part)
            parts.append(str(part))
        merged = merge.Merger().merge(parts)
        _name(merged, out.stem)
        # The merger writes the present time; the same subsets shall give the same bytes.
        merged["head"].created = merged["head"].modified = _modified(sources[0])
        merged.recalcTimestamp = False
        written = Path(work) / "merged.ttf"
        merged.save(written)
        merged.close()
        missing = missing_letters(written)
        if missing:
            raise RuntimeError(f"{out.name} lacks " + " ".join(f"U+{point:04X}" for point in missing))
        shutil.copyfile(written, out)


def _save_plain(source: Path, part: Path) -> None:
    from fontTools.ttLib import TTFont

    with TTFont(source, recalcTimestamp=False) as font:
        font.flavor = None
        for table in DROPPED_TABLES:
            if table in font:
                del font[table]
        font.save(part)


def _modified(source: Path) -> int:
    from fontTools.ttLib import TTFont

    with TTFont(source, lazy=True) as font:
        return int(font["head"].modified)


def _name(font: Any, postscript_name: str) -> None:
    # The PDF's font list shows this name: a subset's own name would call the bold face regular.
    for record in list(font["name"].names):
        if record.nameID == 6:
            font["name"].setName(postscript_name, 6, record.platformID, record.platEncID, record.langID)
