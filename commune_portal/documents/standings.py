"""How far a restore has been settled: every book as restored, as the node saw it, as paper has it, and what is missing.

Read anew each time out of the register, the node's answer and what the clerk said; nothing is changed here.
"""

from __future__ import annotations

from dataclasses import dataclass

from commune_portal import clock
from commune_portal.documents import books, lost, lost_documents, standstill
from commune_portal.documents.lost_documents import LostDocument, Series
from commune_portal.documents.standstill import Restoration
from commune_portal.people import peers
from commune_portal.rules.statuses import IncomingState, OutgoingState
from commune_portal.store import database


@dataclass(frozen=True, slots=True)
class Standing:
    """A book after a restore: the restored highest number, the node's and the paper's (None: not known, not said)."""

    series: Series
    name: str
    issuer_name: str
    book_id: int | None
    restored: int
    node: int | None
    paper: int | None
    missing: tuple[int, ...]

    @property
    def highest(self) -> int:
        """The highest number that anybody knows of."""
        return max(self.restored, self.node or 0, self.paper or 0)

    @property
    def settled(self) -> int:
        """How many numbers were given since the backup and stand in the book again."""
        return self.highest - self.restored - len(self.missing)


@dataclass(frozen=True, slots=True)
class Recovery:
    """How far a restore has been settled. `to_bring` is what the node tells and the register does not know yet."""

    restoration: Restoration
    enrolled: bool
    node: lost.Answer
    without_node: str
    books: tuple[Standing, ...]
    known: tuple[LostDocument, ...]
    to_bring: tuple[LostDocument, ...]
    on_the_way: tuple[LostDocument, ...]
    acts: tuple[tuple[str, int], ...]

    @property
    def has_heard(self) -> bool:
        """Whether the node has answered, or the clerk has said that it will not."""
        return self.node.answered_at is not None or bool(self.without_node)

    @property
    def said_paper(self) -> bool:
        """Whether the highest number on paper was said for every book."""
        return all(item.paper is not None for item in self.books)

    @property
    def missing(self) -> int:
        """How many numbers have no row yet."""
        return sum(len(item.missing) for item in self.books)

    @property
    def lost_nothing(self) -> bool:
        """True when neither the node nor what was typed tells of anything that the restored register does not know."""
        return self.has_heard and not self.to_bring and not self.on_the_way and not self.missing and not self.gained

    @property
    def gained(self) -> int:
        """How many numbers were given since the backup, as far as anybody knows."""
        return sum(item.highest - item.restored for item in self.books)

    @property
    def ready(self) -> bool:
        """True when nothing is left but to confirm."""
        return self.has_heard and self.said_paper and not (self.to_bring or self.on_the_way or self.missing)


def read() -> Recovery | None:
    """How far the open restore is, whoever asks; None where nothing waits."""
    found = standstill.restorations()
    if not found or found[0].confirmed_at is not None:
        return None
    restoration = found[0]
    documents = lost_documents.read()
    unknown = [item for item in documents if not is_known(item)]
    on_the_way = [
        item for item in unknown if _is_awaited(item) and item.uid not in restoration.said.get("given_up", [])
    ]
    waiting = {item.uid for item in on_the_way}
    node = peers.find_peer()
    return Recovery(
        restoration,
        node is not None and node.enrolled_at is not None,
        lost.answer(),
        str(restoration.said.get("without_node", "")),
        tuple(_standings(restoration, documents)),
        tuple(documents),
        tuple(item for item in unknown if item.uid not in waiting),
        tuple(on_the_way),
        tuple(lost_documents.acts_by_label()),
    )


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A number that the node saw and that was settled without it: what the node knows, and what the book has."""

    number: int
    book: str
    document_id: str
    is_in_book: bool
    row_id: int | None


def contradictions() -> list[Contradiction]:
    """What a node that answered after all tells otherwise than the book that was settled off paper."""
    found = standstill.restorations()
    if not found or found[0].confirmed_at is None or not found[0].said.get("without_node"):
        return []
    told = []
    for item in lost_documents.read():
        if item.series is None or item.number is None or is_known(item):
            continue
        row = database.row(
            f"SELECT d.id, b.name FROM {item.direction} d JOIN books b ON b.id = d.book_id WHERE b.direction = ?"
            " AND coalesce(b.issuer_id, 0) = ? AND b.key = ? AND b.year = ? AND d.number = ?",
            (item.direction, item.series.issuer_id or 0, item.series.key, item.series.year, item.number),
        )
        name = row[1] if row else _name_of(item.series)
        told.append(
            Contradiction(
                item.number, f"{name} năm {item.series.year}", item.document_id or item.message_id, row is not None,
                row[0] if row else None,
            )
        )  # fmt: skip
    return told


def _is_awaited(item: LostDocument) -> bool:
    """An arrival that had a number and came by the exchange comes again out of the mailbox, with its files."""
    if item.direction != "incoming" or not item.message_id or not item.number:
        return False
    return database.row("SELECT 1 FROM incoming WHERE message_id = ?", (item.message_id,)) is None


def _standings(restoration: Restoration, documents: list[LostDocument]) -> list[Standing]:
    seen: dict[str, int] = {}
    series: dict[str, Series] = {}
    for item in documents:
        if item.series is not None and item.number is not None:
            series[item.series.ref] = item.series
            seen[item.series.ref] = max(seen.get(item.series.ref, 0), item.number)
    names: dict[str, str] = {}
    rows: dict[str, tuple[int, int]] = {}
    years = range((restoration.backup_made_at or restoration.restored_at).year, clock.today().year + 1)
    for book_id, direction, issuer, key, name, year, last in database.rows(
        "SELECT id, direction, issuer_id, key, name, year, last_number FROM books WHERE closed_at IS NULL ORDER BY year"
    ):
        for each in {year, *years}:
            one = Series(direction, issuer, key, each)
            series.setdefault(one.ref, one)
        of = Series(direction, issuer, key, year).ref
        names[of.rpartition("|")[0]] = name
        rows[of] = (book_id, last)
    restored = restoration.said.get("restored")
    issuers = dict(database.rows("SELECT id, name FROM issuers"))
    found = []
    for ref, one in series.items():
        if one.year < years.start and ref not in seen:
            continue
        book_id, last = rows.get(ref, (None, 0))
        before = restored.get(ref, 0) if isinstance(restored, dict) else last
        paper = restoration.said.get("paper", {}).get(ref)
        name = names.get(ref.rpartition("|")[0]) or _name_of(one)
        highest = max(before, seen.get(ref, 0), paper or 0)
        found.append(
            Standing(
                one, name, issuers.get(one.issuer_id, ""), book_id, before, seen.get(ref), paper,
                _missing(one, book_id, before, highest),
            )
        )  # fmt: skip
    return sorted(found, key=lambda item: (item.series.year, item.series.direction, item.name, item.series.ref))


def _name_of(series: Series) -> str:
    return books.ARRIVALS_NAME if series.direction == "incoming" else f"Sổ văn bản đi «{series.key}»"


def _missing(series: Series, book_id: int | None, restored: int, highest: int) -> tuple[int, ...]:
    """The numbers above the restored highest that have no row."""
    if highest <= restored:
        return ()
    there = {
        row[0]
        for row in database.rows(
            f"SELECT number FROM {series.direction} WHERE book_id = ? AND year = ? AND number > ?",
            (book_id or 0, series.year, restored),
        )
    }
    return tuple(number for number in range(restored + 1, highest + 1) if number not in there)


def is_known(item: LostDocument) -> bool:
    """Whether the register knows as much of a document as the node told."""
    table, column = item.direction, "document_id" if item.direction == "outgoing" else "message_id"
    wanted = item.document_id if item.direction == "outgoing" else item.message_id
    row = database.row(
        f"SELECT id, number, state FROM {table} WHERE uid = ? OR ({column} = ? AND ? <> '')"
        " ORDER BY uid = ? DESC LIMIT 1",
        (item.uid, wanted, wanted, item.uid),
    )
    if item.number is None and row is None:
        return True  # it had no number, and what it was is not here: nothing to account for
    if row is None:
        return False
    if item.number is not None and row[1] is None:
        return False
    if item.direction == "incoming":
        return not (item.is_refused and item.number is None and row[2] == IncomingState.ARRIVED)
    known = {one[0] for one in database.rows("SELECT message_id FROM recipients WHERE outgoing_id = ?", (row[0],))}
    lacking = [sending for sending in item.sendings if sending.taken_at and sending.message_id not in known]
    codes = {one[0] for one in database.rows("SELECT organ_code FROM recipients WHERE outgoing_id = ?", (row[0],))}
    if any(sending.organ_code not in codes for sending in lacking):
        return False
    ended = (OutgoingState.VOIDED, OutgoingState.RECALLED)
    return not ((item.void_reason or item.is_recalled) and row[2] not in ended)
