"""Bags that went and came, at an office and at a node alike: the acts in the journal, and what a bag asked for.

Making a bag marks nothing as sent: only a receipt that comes home does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commune_portal import clock
from commune_portal.errors import NotFound
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal
from commune_portal.store.register import Work
from commune_portal.wire.bag import BagVector, Manifest, What
from commune_portal.wire.cargo import Cargo, Fate, Outcome, read_outcome

NEWEST_LOOKED_THROUGH = 10
OUTCOMES_KEPT = 1000


@dataclass(frozen=True, slots=True)
class BagLine:
    """A bag as a list shows it; messages and receipts are those that were not refused."""

    id: int
    bag_id: str
    went_out: bool
    peer_code: str
    is_encrypted: bool
    messages: int
    receipts: int
    refused: int
    at: datetime


@dataclass(frozen=True, slots=True)
class BagReport:
    """One bag with the fate of each thing in it, what was refused first; `more` were left out of the list."""

    line: BagLine
    outcomes: tuple[Outcome, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What the newest bag of a peer said: when it was taken in, what its maker had seen, what it waited for."""

    made_at: str
    taken_at: datetime
    seen: int
    waiting: tuple[tuple[str, str], ...]


def exported(actor: Actor, manifest: Manifest, cargo: Cargo) -> int:
    """Journals a bag that is whole on its stick and about to get its name; answers its number in the list."""
    actor.require(Verb.EXCHANGE_BAG)
    outcomes = [Outcome(What.ENVELOPE, Fate.PACKED, message.message_id) for message in cargo.messages]
    with database.transaction() as work:
        row_id = _note(
            work, manifest, "out", manifest.addressee, len(cargo.messages), len(cargo.receipts), 0,
            _report(manifest, outcomes, None),
        )  # fmt: skip
        journal.write(
            work, Act.BAG_EXPORTED, actor.uid,
            facts={"bag": manifest.bag_id, "addressee": manifest.addressee, "messages": len(cargo.messages),
                   "receipts": len(cargo.receipts), "encrypted": int(manifest.is_encrypted)},
        )  # fmt: skip
    return row_id


def imported(actor: Actor, manifest: Manifest, outcomes: Sequence[Outcome], vector: BagVector | None) -> int:
    """Journals what became of a bag that was taken in; answers its number in the list."""
    actor.require(Verb.EXCHANGE_BAG)
    refused = [outcome for outcome in outcomes if outcome.fate is Fate.REFUSED]
    counts = {
        what: sum(outcome.what is what and outcome.fate is not Fate.REFUSED for outcome in outcomes)
        for what in (What.ENVELOPE, What.RECEIPT)
    }
    taken = sum(outcome.fate is Fate.TAKEN and outcome.what in counts for outcome in outcomes)
    with database.transaction() as work:
        row_id = _note(
            work, manifest, "in", manifest.maker, counts[What.ENVELOPE], counts[What.RECEIPT], len(refused),
            _report(manifest, outcomes, vector),
        )  # fmt: skip
        journal.write(
            work, Act.BAG_IMPORTED, actor.uid,
            facts={"bag": manifest.bag_id, "maker": manifest.maker, "messages": counts[What.ENVELOPE],
                   "receipts": counts[What.RECEIPT], "taken": taken, "refused": len(refused),
                   "encrypted": int(manifest.is_encrypted)},
        )  # fmt: skip
    return row_id


def newest(actor: Actor, limit: int = 20) -> list[BagLine]:
    """The last bags, newest first."""
    actor.require(Verb.EXCHANGE_BAG)
    return [_line(row) for row in database.rows(f"SELECT {_LINE} FROM bags ORDER BY id DESC LIMIT ?", (limit,))]


def report(actor: Actor, row_id: int) -> BagReport:
    """One bag and the fate of each thing in it; raises NotFound."""
    actor.require(Verb.EXCHANGE_BAG)
    found = database.row(f"SELECT {_LINE}, report FROM bags WHERE id = ?", (row_id,))
    if found is None:
        raise NotFound("Không có túi thư này trong danh sách.")
    said = json.loads(found[9] or "{}")
    outcomes = tuple(read_outcome(item) for item in said.get("items", ()))
    return BagReport(_line(found[:9]), outcomes, int(said.get("more", 0)))


def asked(peer_code: str) -> Asked | None:
    """What the peer asked for in the bag that it made last, of those taken in; None where there is none."""
    found = database.rows(
        "SELECT report, at FROM bags WHERE went = 'in' AND peer_code = ? ORDER BY id DESC LIMIT ?",
        (peer_code, NEWEST_LOOKED_THROUGH),
    )
    known = [
        Asked(
            said["made_at"],
            clock.from_text(at),
            said["seen"],
            tuple((message_id, sha256) for message_id, sha256 in said["waiting"]),
        )
        for said, at in ((json.loads(told or "{}"), at) for told, at in found)
        if "waiting" in said
    ]
    return max(known, key=lambda item: item.made_at, default=None)


def names(codes: Sequence[str]) -> dict[str, str]:
    """The names of parties, as far as the node, its members or the directory have them."""
    wanted = sorted({code for code in codes if code})[:500]
    marks = ", ".join("?" for _ in wanted)
    found: dict[str, str] = {}
    for table in ("organisations", "members", "peers"):
        found |= dict(database.rows(f"SELECT code, name FROM {table} WHERE code IN ({marks})", wanted))
    return found


_LINE = "id, bag_id, went, peer_code, encrypted, messages, receipts, refused, at"


def _note(
    work: Work,
    manifest: Manifest,
    went: str,
    peer_code: str,
    messages: int,
    receipts: int,
    refused: int,
    said: dict[str, Any],
) -> int:
    return int(
        work.execute(
            "INSERT INTO bags (bag_id, went, peer_code, encrypted, messages, receipts, refused, report, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                manifest.bag_id, went, peer_code, int(manifest.is_encrypted), messages, receipts, refused,
                json.dumps(said, ensure_ascii=False), clock.now_text(),
            ),
        ).fetchone()[0]
    )  # fmt: skip


def _report(manifest: Manifest, outcomes: Sequence[Outcome], vector: BagVector | None) -> dict[str, Any]:
    in_order = sorted(outcomes, key=lambda outcome: outcome.fate is not Fate.REFUSED)
    said: dict[str, Any] = {
        "made_at": clock.to_text(manifest.made_at),
        "items": [outcome.to_json() for outcome in in_order[:OUTCOMES_KEPT]],
        "more": max(0, len(in_order) - OUTCOMES_KEPT),
    }
    if vector is not None:
        said["seen"] = vector.seen
        said["waiting"] = [[item.message_id, item.packet_sha256] for item in vector.waiting]
    return said


def _line(row: Any) -> BagLine:
    return BagLine(
        row[0], row[1], row[2] == "out", row[3], bool(row[4]), row[5], row[6], row[7], clock.from_text(row[8])
    )
