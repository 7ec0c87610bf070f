"""Names printed in capitals, as they are written in a register: a guess that the clerk corrects."""

from __future__ import annotations

# After these the name of one place follows, every word of it with a capital.
_UNITS = (("thành", "phố"), ("đặc", "khu"), ("tỉnh",), ("xã",), ("phường",), ("thôn",), ("thị", "trấn"))
# After these the name of a field or a post begins with a capital.
_PREFIXES = (
    ("văn", "phòng"), ("trung", "tâm"), ("ủy", "ban", "mặt", "trận"), ("chi", "cục"), ("sở",), ("phòng",), ("ban",),
    ("phó",), ("chánh",), ("trạm",), ("trường",), ("công", "an"),
)  # fmt: skip
# Words that stand after such a beginning and yet stay small.
_ELECTED = (("ủy", "ban", "nhân", "dân"), ("hội", "đồng", "nhân", "dân"))
_SMALL = (*_ELECTED, ("trưởng", "phòng"))


def written(printed: str) -> str:
    """`ỦY BAN NHÂN DÂN XÃ TÂN MẪU` as `Ủy ban nhân dân xã Tân Mẫu`; text with small letters stays as it is."""
    letters = [sign for sign in printed if sign.isalpha()]
    if not letters or any(sign.islower() for sign in letters):
        return printed
    words = printed.lower().split()
    done: list[str] = []
    place_name = False
    capital_next = True
    at = 0
    while at < len(words):
        small = _starting(words, at, _SMALL)
        unit = _starting(words, at, _UNITS) if not place_name else ()
        prefix = _starting(words, at, _PREFIXES)
        taken = small or unit or prefix or (words[at],)
        if small or unit or prefix:
            place_name = False
        first = _capital(taken[0]) if capital_next or place_name or taken in _ELECTED else taken[0]
        done += [first, *taken[1:]]
        capital_next = bool(prefix and not small) or taken[-1] in ("-", "–") or taken[-1].endswith((".", ","))
        if unit:
            # «xã hội» is a field, not a commune; alone at the end a unit word names nothing.
            place_name = True
        at += len(taken)
    return " ".join(done)


def _starting(words: list[str], at: int, phrases: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    for phrase in phrases:
        if tuple(words[at : at + len(phrase)]) == phrase and words[at : at + 2] != ["xã", "hội"]:
            return phrase
    return ()


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
