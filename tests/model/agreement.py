"""What must hold when the exchange is quiet: read from the registers alone, as anybody could who has all of them.

Every packet took effect exactly once; registers, outbox, mailbox and receipts agree; no receipt without effect; no
effect without a journal line; statuses only go forward, and the sender knows what the receiver knows.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commune_portal.rules.statuses import StatusCode
from commune_portal.wire import envelope, receipt
from commune_portal.wire.receipt import Verdict

REACHED = {
    "arrived": {"01"}, "registered": {"03"}, "assigned": {"04"}, "in-progress": {"05"}, "completed": {"06"},
    "refused": {"02", "15"}, "taken-back": {"15"},
}  # fmt: skip
"""Which status a sender must show at last for what a receiver's document has come to."""

ASKED = "SELECT message_id FROM amendments WHERE side = 'theirs'"
REPLACED = {
    "arrived": "asked", "registered": "agreed", "assigned": "agreed", "in-progress": "agreed", "completed": "agreed",
    "refused": "declined",
}  # fmt: skip
"""What a sender must show of a replacement, for what the replacing document has come to at the receiver."""
GIVEN = "SELECT message_id FROM receipts_given"
Rows = list[tuple[Any, ...]]


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A register opened to be read only."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        yield connection
    finally:
        connection.close()


@dataclass(frozen=True)
class Stores:
    """The registers of the offices by their codes, and that of the node above them."""

    offices: Mapping[str, sqlite3.Connection]
    node: sqlite3.Connection
    node_code: str

    def mailbox(self) -> Rows:
        """Every message that the node took."""
        return self.node.execute(
            "SELECT message_id, sender_code, recipient_code, envelope, recipient_receipt, fetched_at FROM mailbox"
            " WHERE kind <> 'receipt'"
        ).fetchall()


def unsettled(stores: Stores) -> str:
    """What is still to be carried, empty when the exchange is quiet."""
    waiting = stores.node.execute("SELECT count(*) FROM mailbox WHERE fetched_at IS NULL").fetchone()[0]
    if waiting:
        return f"{waiting} in the mailbox"
    sizes = dict(
        stores.node.execute("SELECT x.code, m.size FROM mirrors m JOIN members x ON x.id = m.member_id").fetchall()
    )
    for code, office in stores.offices.items():
        ready = office.execute("SELECT count(*) FROM outbox WHERE state = 'ready'").fetchone()[0]
        lines = office.execute("SELECT max(seq) FROM journal").fetchone()[0]
        home = office.execute("SELECT count(*) FROM receipts WHERE peer_code <> ?", (stores.node_code,)).fetchone()[0]
        owed = stores.node.execute(
            "SELECT count(*) FROM mailbox WHERE kind = 'receipt' AND recipient_code = ?", (code,)
        ).fetchone()[0]
        if ready or home < owed or sizes.get(code, 0) < lines:
            return f"{code}: {ready} in the outbox, {home} of {owed} receipts, {sizes.get(code)} of {lines} lines"
    return ""


def problems(stores: Stores) -> list[str]:
    """Everything that does not hold, in words for whoever replays the seed."""
    found = [f"not at rest: {left}"] if (left := unsettled(stores)) else []
    mailbox = {row[0]: row for row in stores.mailbox()}
    sent: set[str] = set()
    for code, office in stores.offices.items():
        found += _outbox(stores, code, office, mailbox, sent)
        found += _effects(code, office)
        found += _recipients(stores, code, office)
        found += _numbers(code, office)
        found += _dialogues(stores, code, office)
    found += [f"{message} is in the mailbox and nobody sent it" for message in set(mailbox) - sent]
    taken = _told(stores.node, "package.taken")
    found += [f"node: {message} has {taken[message]} lines" for message in mailbox if taken[message] != 1]
    mirrors = stores.node.execute("SELECT disagreement FROM mirrors WHERE disagreement <> ''").fetchall()
    return found + [f"a mirror disagrees: {row[0]}" for row in mirrors]


def _outbox(
    stores: Stores, code: str, office: sqlite3.Connection, mailbox: dict[str, tuple[Any, ...]], sent: set[str]
) -> Iterable[str]:
    given = dict(stores.node.execute("SELECT message_id, bytes FROM receipts_given").fetchall())
    kept = {
        (row[0], row[1]): row[2]
        for row in office.execute("SELECT message_id, peer_code, bytes FROM receipts WHERE given = 0").fetchall()
    }
    for message, state, sealed, to in office.execute(
        "SELECT message_id, state, envelope, recipient_code FROM outbox"
    ).fetchall():
        sent.add(message)
        box = mailbox.get(message)
        word = kept.get((message, stores.node_code))
        where = f"{code}: {message} to {to}"
        if state == "withdrawn" and box is None:
            arrived = to in stores.offices and _column(stores.offices[to], f"{GIVEN} WHERE message_id = '{message}'")
            if arrived and not _is_asked_back(office, message):
                yield f"{where} was withdrawn, has arrived and is not asked back"
            continue
        if word is None or word != given.get(message):  # also of what went to the node after all
            yield f"{where} is {state} and the node's receipt is not the one that it gave"
            continue
        refused = receipt.parse_unverified(word.encode()).verdict is Verdict.REFUSED
        if (refused != (state == "refused") and state != "withdrawn") or refused != (box is None):
            yield f"{where} is {state}, the receipt says refused={refused}, the mailbox has it: {box is not None}"
        if box is None:
            continue
        if box[3] != sealed:
            yield f"{where}: the mailbox has another envelope"
        if kept.get((message, to)) != box[4]:
            yield f"{where}: the receiver's receipt here is not the one at the node"
        if to in stores.offices:
            yield from _taken(stores.offices[to], message, box[4], where)


def _taken(office: sqlite3.Connection, message: str, word: str, where: str) -> Iterable[str]:
    """Whether a message took effect once at its addressee, which signed for just that."""
    counts = Counter({
        table: office.execute(f"SELECT count(*) FROM {table} WHERE message_id = ?", (message,)).fetchone()[0]
        for table in ("incoming", "statuses", "quarantine")
    })  # fmt: skip
    if not counts.total():  # an update and a request to give back leave nothing but the question
        counts["amendments"] = len(_column(office, f"{ASKED} AND message_id = '{message}'"))
    if counts.total() != 1:
        yield f"{where} took effect {counts.total()} times: {dict(counts)}"
    signed = office.execute("SELECT bytes FROM receipts_given WHERE message_id = ?", (message,)).fetchall()
    if [row[0] for row in signed] != [word]:
        yield f"{where}: {len(signed)} receipts given, or another one than at the node"
    elif (receipt.parse_unverified(word.encode()).verdict is Verdict.REFUSED) != bool(counts["quarantine"]):
        yield f"{where}: the receipt's verdict is not what happened"


def _is_asked_back(office: sqlite3.Connection, message: str) -> bool:
    """Whether what was withdrawn, and went by a bag after all, is asked back from whoever has it now."""
    found = office.execute(
        "SELECT 1 FROM amendments a JOIN recipients r ON r.id = a.recipient_id WHERE r.message_id = ?"
        " AND a.kind = 'take-back' AND a.message_id IS NOT NULL",
        (message,),
    ).fetchone()
    return found is not None


def _effects(code: str, office: sqlite3.Connection) -> Iterable[str]:
    """Every effect has one receipt and one line, and every receipt an effect."""
    effects = {
        "incoming.arrived": _column(office, "SELECT message_id FROM incoming WHERE origin = 'exchange'"),
        "status.arrived": _column(office, "SELECT message_id FROM statuses"),
        "packet.quarantined": _column(office, "SELECT message_id FROM quarantine"),
    }
    asked = set(_column(office, f"{ASKED} AND message_id IS NOT NULL"))
    bare = asked - set(effects["incoming.arrived"]) - set(_told(office, "amendment.arrived"))
    if bare:
        yield f"{code}: asked without a line: {bare}"
    for act, messages in effects.items():
        lines = _told(office, act)
        if lines != Counter(messages):
            missing, surplus = Counter(messages) - lines, lines - Counter(messages)
            yield f"{code}: {act}: without a line {dict(missing)}, lines without effect {dict(surplus)}"
    answered = set(_column(office, "SELECT message_id FROM receipts_given"))
    happened = asked.union(*effects.values())
    if answered != happened:
        yield f"{code}: receipt without effect, or effect without receipt: {answered ^ happened}"


def _recipients(stores: Stores, code: str, office: sqlite3.Connection) -> Iterable[str]:
    """Statuses went forward only, and the last one says what the receiver's document has come to."""
    applied: dict[int, list[StatusCode]] = {}
    for recipient, status in office.execute(
        "SELECT recipient_id, code FROM statuses WHERE applied = 1 AND recipient_id IS NOT NULL ORDER BY id"
    ).fetchall():
        applied.setdefault(recipient, []).append(StatusCode(status))
    for row_id, organ, message, status in office.execute(
        "SELECT id, organ_code, message_id, status FROM recipients WHERE refused_at IS NULL"
    ).fetchall():
        ranks = [item.rank for item in applied.get(row_id, []) if item.rank]
        if ranks != sorted(set(ranks)):
            yield f"{code}: statuses of {message} went back: {ranks}"
        there = stores.offices.get(organ)
        state = (
            there.execute("SELECT state FROM incoming WHERE message_id = ?", (message,)).fetchone() if there else None
        )
        if state is not None and state[0] in REACHED and status not in REACHED[state[0]]:
            yield f"{code}: {message} is {state[0]} at {organ} and «{status}» here"


def _dialogues(stores: Stores, code: str, office: sqlite3.Connection) -> Iterable[str]:
    """What was asked stands alike at both ends: waiting, agreed or declined."""
    for kind, state, message, organ in office.execute(
        "SELECT a.kind, a.state, a.message_id, a.organ_code FROM amendments a JOIN outbox o"
        " ON o.message_id = a.message_id WHERE a.side = 'ours' AND o.state = 'delivered'"
    ).fetchall():
        there = stores.offices.get(organ)
        if there is None:
            continue
        theirs = there.execute(
            "SELECT state FROM amendments WHERE message_id = ? AND side = 'theirs'", (message,)
        ).fetchone()
        if theirs is None and kind != "correct":
            yield f"{code}: {kind} {message} is {state} here and unknown at {organ}"
        elif kind == "replace":  # the receiver is told once; the sender waits for the new document to be accepted
            came = there.execute("SELECT state FROM incoming WHERE message_id = ?", (message,)).fetchone()
            if came and state != REPLACED.get(came[0], state):
                yield f"{code}: replacement {message} is {state} here, the document {came[0]} at {organ}"
        elif theirs is not None and state != theirs[0]:
            yield f"{code}: {kind} {message} is {state} here and {theirs[0]} at {organ}"


def _numbers(code: str, office: sqlite3.Connection) -> Iterable[str]:
    """Số đến has no gap and no double, year by year."""
    years: dict[int, list[int]] = {}
    for year, number in office.execute("SELECT year, number FROM incoming WHERE number IS NOT NULL").fetchall():
        years.setdefault(year, []).append(number)
    for year, numbers in years.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield f"{code}: numbers of {year} have a gap or a double: {sorted(numbers)}"


def _told(store: sqlite3.Connection, act: str) -> Counter[str]:
    """How often a journal names each message in lines of an act."""
    found: Counter[str] = Counter()
    for (body,) in store.execute("SELECT body FROM journal WHERE instr(body, ?) > 0", (f'"act":"{act}"',)).fetchall():
        found[str(json.loads(body)["facts"]["message"])] += 1
    return found


def _column(store: sqlite3.Connection, statement: str) -> list[str]:
    return [row[0] for row in store.execute(statement).fetchall()]


def states(stores: Stores) -> Iterator[str]:
    """What was reached, once for each row, for the counts."""
    for office in stores.offices.values():
        for origin, state, amount in office.execute(
            "SELECT origin, state, count(*) FROM incoming GROUP BY 1, 2"
        ).fetchall():
            yield from [f"incoming {state}" if origin == "exchange" else f"by hand {state}"] * amount
        for status, applied in office.execute("SELECT code, applied FROM statuses").fetchall():
            yield f"status {status}" if applied else f"status {status} not applied"
        for (state,) in office.execute("SELECT state FROM outbox").fetchall():
            yield f"outbox {state}"
        for (reason,) in office.execute("SELECT refusal FROM recipients WHERE refused_at IS NOT NULL").fetchall():
            yield f"refused by the node: {reason}"
        for side, kind, state in office.execute("SELECT side, kind, state FROM amendments").fetchall():
            yield f"{kind} {state}" if side == "ours" else f"{kind} asked of us {state}"
        for (state,) in office.execute("SELECT state FROM outgoing WHERE state IN ('recalled', 'replaced')").fetchall():
            yield f"outgoing {state}"
        yield from ["quarantined"] * len(_column(office, "SELECT id FROM quarantine"))
    for (sealed,) in stores.node.execute("SELECT envelope FROM mailbox WHERE kind <> 'receipt'").fetchall():
        yield f"message {envelope.parse_unverified(sealed.encode()).kind.value}"
