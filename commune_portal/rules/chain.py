"""The evidence: journal bodies and detachable leaves, row hashes, the chain, checkpoints.

A journal line is a *body* that is chained and a *leaf* of erasable text that is not: the body carries
SHA-256(salt ‖ canonical leaf), so a recall can destroy the leaf and the chain still verifies. Every register
row carries the hash of all its columns, and the body of each act lists, for every row it touched, the hash
before and after: a row changed behind the portal's back breaks that sequence even if it is re-hashed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

FORMAT = 1

ERASABLE = (
    "symbol", "subject", "type_name", "author", "signer", "recipients", "handler", "direction",
    "note", "reason", "actor_name", "file_names", "answered_by", "account_name", "value",
)  # fmt: skip
"""The only names a leaf may have; what a recall must be able to destroy stands here and nowhere else."""
_ERASABLE = frozenset(ERASABLE)


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_quote = json.encoder.encode_basestring


LATER_COLUMNS: Mapping[str, frozenset[str]] = {
    "incoming": frozenset({"business_type", "wiped_at"}),
    "attachments": frozenset({"wiped_at"}),
    "recipients": frozenset({"business_type", "paper_follows"}),
    "mailbox": frozenset({"in_reply_to", "handed_by", "wiped_at"}),
    "members": frozenset({"subtree"}),
}
"""Columns that a migration added to a register table: left out of a row's hash while they are NULL, so that rows
from before keep theirs. See docs/decisions/0003."""
_NEVER_LATER: frozenset[str] = frozenset()


def canonical_bytes(value: Any) -> bytes:
    """A value as canonical JSON: sorted keys, no spaces, UTF-8; floats are refused by `json` callers' types."""
    return _encode(value).encode()


def sha256(data: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def genesis(installation_uid: str) -> str:
    """The hash before line 1: it names the installation, so that two registers never share a chain."""
    return sha256(f"commune-portal journal {FORMAT}\n{installation_uid}\n".encode())


def link(previous: str, body: bytes) -> str:
    """The hash of a line: SHA-256(hash of the line before ‖ body)."""
    return hashlib.sha256(bytes.fromhex(previous) + body).hexdigest()


def commitment(salt: str, leaf: bytes) -> str:
    """What the body says of its leaf: SHA-256(salt ‖ canonical leaf); the salt keeps short texts unguessable."""
    return hashlib.sha256(bytes.fromhex(salt) + leaf).hexdigest()


def leaf_bytes(texts: Mapping[str, str]) -> bytes:
    """The canonical leaf; raises ValueError for a name that no recall would know to erase."""
    unknown = texts.keys() - _ERASABLE
    if unknown:
        raise ValueError(f"not erasable: {sorted(unknown)}")
    return canonical_bytes({name: text for name, text in texts.items() if text})


def row_hash(table: str, columns: Sequence[str], values: Sequence[Any]) -> str:
    """The hash of a register row: over its table's name and every column but `row_hash` itself.

    A column that a later migration added counts only where it holds something (see `LATER_COLUMNS`).
    """
    # The same bytes as `canonical_bytes([table, pairs])`, spelled from pieces: this is the dearest line of every act.
    spelled: list[str] = []
    for (opening, later), value in zip(_openings(table, tuple(columns)), values, strict=True):
        if opening is None or (later and value is None):
            continue
        spelled.append(opening)
        if value is None:
            spelled.append("null")
        elif isinstance(value, str):
            spelled.append(_quote(value))
        else:
            spelled.append(str(value) if type(value) is int else _encode(value))
    spelled.append("]]]" if spelled else f"[{_quote(table)},[]]")
    return sha256("".join(spelled).encode())


@lru_cache(maxsize=128)
def _openings(table: str, columns: tuple[str, ...]) -> tuple[tuple[str | None, bool], ...]:
    """What stands before each column's value in a row's canonical JSON (None for the hash), and if it came later."""
    hashed = [name for name in columns if name != "row_hash"]
    later = LATER_COLUMNS.get(table, _NEVER_LATER)
    return tuple(
        (None, False)
        if name == "row_hash"
        else ((f"[{_quote(table)},[[" if name == hashed[0] else "],[") + _quote(name) + ",", name in later)
        for name in columns
    )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How long a chain is and what its last hash is; size 0 has the genesis hash as head."""

    size: int
    head: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """One register row an act touched: `before` is None for a row that the act made."""

    table: str
    uid: str
    before: str | None
    after: str

    def as_list(self) -> list[str | None]:
        """The form it has in a body."""
        return [self.table, self.uid, self.before, self.after]


def body_bytes(fields: Mapping[str, Any]) -> bytes:
    """The canonical body; names without a value are left out, so a later field leaves old bodies unchanged."""
    return canonical_bytes({"v": FORMAT, **{k: v for k, v in fields.items() if v not in (None, "", [], {})}})
