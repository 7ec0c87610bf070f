"""Text at the doors: one Unicode form, one line, one search key.

Vietnamese letters have two encodings (NFC and NFD) that look alike; everything that enters is made NFC, and
searching works on keys without marks, with d-stroke read as d.
"""

from __future__ import annotations

import unicodedata

TERMS_AT_MOST = 24
"""A search of more words than this is cut: nobody types it, and FTS5 has a limit of its own."""

_SPACES = frozenset({"Zs", "Zl", "Zp"})
_DROPPED = frozenset({"Cc", "Cf", "Cs"})
_VIETNAMESE_MARKS = str.maketrans("đĐ", "dD", "\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323")
"""D-stroke, and the marks of Vietnamese tones and letters: what is ASCII without them needs no closer look."""


def nfc(text: str) -> str:
    """The text in Unicode normal form C, as everything is stored."""
    return unicodedata.normalize("NFC", text)


def clean_line(text: str) -> str:
    """One line fit to store and show: NFC, no control, format or bidirectional characters, single spaces.

    Line breaks and tabs become spaces; a right-to-left override or a zero-width sign in a file name vanishes.
    """
    if not text.isprintable():  # printable text has none of the categories that are dropped, nor a space but " "
        text = "".join(_visible(sign) for sign in text)
    return nfc(" ".join(text.split()))


def clean_text(text: str) -> str:
    """Several lines fit to store: each cleaned as one line, no empty lines at either end."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(clean_line(line) for line in lines).strip("\n")


def fold(text: str) -> str:
    """The search key: lower case, no marks, đ as d, single spaces; `fold("Ủy ban Đ")` is `"uy ban d"`."""
    spread = unicodedata.normalize("NFKD", clean_line(text).casefold())
    bare = spread.translate(_VIETNAMESE_MARKS)
    if not bare.isascii():
        bare = "".join(sign for sign in bare if not unicodedata.combining(sign))
    return " ".join(bare.casefold().split())


def search_terms(query: str) -> str | None:
    """A query that FTS5 always accepts, or None when nothing is left to search for.

    Every word is folded and quoted, so that nothing a person types can be FTS syntax; all words must occur, and
    the last may be the beginning of a word.
    """
    words = [word for word in fold(query).replace('"', " ").split() if any(sign.isalnum() for sign in word)]
    if not words:
        return None
    return " ".join(f'"{word}"' for word in words[:TERMS_AT_MOST]) + "*"


def _visible(sign: str) -> str:
    """The sign itself, a space for a kind of space, nothing for what cannot be seen."""
    if sign in "\t\n\r\v\f\x1c\x1d\x1e\x1f\x85":
        return " "
    category = unicodedata.category(sign)
    if category in _SPACES:
        return " "
    return "" if category in _DROPPED else sign
