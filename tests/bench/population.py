"""Offices with a hundred thousand or a million documents, made fast and yet sound: `register verify` passes.

The office is founded by real verbs. Its documents are written in bulk, as rows that carry their hashes, journal lines
that name them, searchable texts and tallies; a test compares what comes out with what the verbs write. What is in the
register follows from the seed alone; keys and the installation's identity are new each time.
"""

from __future__ import annotations

import ast
import hashlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from commune_portal import settings
from commune_portal.documents.books import ARRIVALS_NAME
from commune_portal.rules import chain, folding
from commune_portal.rules.acts import Act
from commune_portal.rules.numbering import ARRIVALS_KEY
from commune_portal.settings import Settings
from commune_portal.store import database, files, journal, register, verify
from tests.bench.vocabulary import Words, name, words
from tests.cast import OTHER_CODE, OTHER_NAME, Cast, cheap_passwords, office_at

CACHE = Path(__file__).parent / ".cache"
SEED = 20261121
FIRST_YEAR, LAST_YEAR = 2007, 2026
NEWEST = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BATCH = 5000
ARRIVED, REGISTERED, IN_HAND = 40, 60, 300
"""How many of the newest documents wait for their number, for a direction, and for their end."""

SETTINGS = """role = "office"
[server]
port = 0
[paths]
allow_any_disk = true
[session]
idle_minutes = 600
[token]
trial = true
[relay]
enabled = {relay}
"""

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_fold = lru_cache(maxsize=200_000)(folding.fold)


def office(amount: int, say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder of an office with so many documents, made at first use and kept for the next run."""
    folder = CACHE / f"register-{amount}-{_recipe()}"
    if (folder / "portal.toml").exists():
        return folder
    for old in CACHE.glob(f"register-{amount}-*"):
        shutil.rmtree(old)
    say(f"lập sổ {amount:,} văn bản…".replace(",", "."))
    build(folder, amount)
    return folder


def _recipe() -> str:
    """A digest of what decides how a generated register looks: this code (not its layout), and the schema."""
    digest = hashlib.sha256()
    here = Path(__file__)
    for path in (here, here.with_name("vocabulary.py")):
        digest.update(ast.dump(ast.parse(path.read_text(encoding="utf-8"))).encode())
    for path in sorted(Path(str(register.__file__)).parent.glob("migrations/*.sql")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def settings_of(folder: Path) -> Settings:
    """The settings of a generated office."""
    return settings.load(folder / "portal.toml")


def build(folder: Path, amount: int, *, check: bool | None = None) -> Cast:
    """Founds an office in a new folder and fills it; up to 200,000 documents it is verified too, unless told."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    cheap_passwords()
    cast = office_at(part)
    scan = files.keep(_small_pdf())
    database.close()
    connection = sqlite3.connect(cast.settings.database_path, isolation_level=None)
    try:
        _Filling(connection, cast, scan, random.Random(SEED)).fill(amount)
        if check if check is not None else amount <= 200_000:
            found = verify.verify(connection, cast.settings.files_folder)
            if not found.ok:
                raise RuntimeError(f"the generated register does not verify: {found.faults[:3]}")
    finally:
        connection.close()
    (part / "portal.toml").write_text(SETTINGS.format(relay="false"), encoding="utf-8")
    part.rename(folder)
    return cast


def _small_pdf() -> bytes:
    return b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@dataclass(slots=True)
class _Table:
    """One register table while it is filled: its columns, the default row, and the rows of this batch."""

    shape: register.Shape
    next_id: int
    rows: list[list[Any]] = field(default_factory=list)

    def row(self, values: dict[str, Any], uid: str, salt: str) -> tuple[list[Any], str]:
        """A whole row with its hash, as `Work.insert` makes it."""
        columns = self.shape.columns
        full: dict[str, Any] = {**self.shape.blank, **values, "uid": uid, "salt": salt}
        later = chain.LATER_COLUMNS.get(self.shape.table, frozenset())
        hashed = [name for name in columns if name != "row_hash" and not (name in later and full[name] is None)]
        pairs = [(column, full[column]) for column in hashed]
        full["row_hash"] = hashlib.sha256(_encode([self.shape.table, pairs]).encode()).hexdigest()
        return [full[column] for column in columns], full["row_hash"]


class _Filling:
    """One filling: the chain's head, the counters, and what waits to be written."""

    def __init__(self, connection: sqlite3.Connection, cast: Cast, scan: files.Stored, random_: random.Random) -> None:
        self._connection, self._cast, self._scan, self._random = connection, cast, scan, random_
        register.forget_shapes()
        self._tables = {
            table: _Table(
                register.shape(connection, table),
                int(connection.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()[0]),
            )
            for table in ("incoming", "books", "attachments", "assignments")
        }
        self._seq, self._head = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        self._lines: list[tuple[int, str, str]] = []
        self._leaves: list[tuple[int, str, str]] = []
        self._texts: list[tuple[int, str]] = []
        self._book: dict[str, Any] = {}
        self._book_hash = ""
        self._milliseconds = 0
        self._insert = {table: item.shape.insert_sql for table, item in self._tables.items()}

    def fill(self, amount: int) -> None:
        """Writes everything in one transaction, without indexes and triggers, which come back at the end."""
        execute = self._connection.execute
        for pragma in ("journal_mode = off", "synchronous = off", "cache_size = -200000", "temp_store = memory"):
            execute(f"PRAGMA {pragma}")
        execute("BEGIN")
        dropped = execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND (type = 'index' AND tbl_name IN"
            " ('incoming', 'journal', 'attachments') OR type = 'trigger' AND tbl_name IN"
            " ('incoming', 'incoming_texts', 'attachments', 'books')) ORDER BY type, name"
        ).fetchall()
        for kind, object_name, _ in dropped:
            execute(f"DROP {kind} {object_name}")
        for position in range(amount):
            self._document(position, amount)
            if len(self._lines) >= BATCH:
                self._write()
        self._end_book()
        self._write()
        for _, _, sql in dropped:
            execute(sql)
        execute("DELETE FROM tallies WHERE kind = 'incoming'")
        execute("INSERT INTO tallies SELECT 'incoming', state, count(*) FROM incoming GROUP BY state")
        execute("INSERT INTO incoming_search (incoming_search) VALUES ('rebuild')")
        execute("COMMIT")
        execute("PRAGMA journal_mode = wal")
        execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _document(self, position: int, amount: int) -> None:
        from_newest = amount - 1 - position
        at = NEWEST - timedelta(seconds=_SPAN_SECONDS * from_newest // amount)
        state = self._state(from_newest)
        told = words(self._random, at.year)
        subject = " ".join(told.subject)
        waits = state in ("arrived", "refused")
        in_hand = state in ("assigned", "in-progress")
        instant = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        day = instant[:10]
        changed: list[list[str | None]] = []
        values: dict[str, Any] = {
            "origin": "exchange" if waits else "upload",
            "state": state,
            "sender_code": OTHER_CODE if waits else told.sender_code,
            "sender_name": OTHER_NAME if waits else told.sender,
            "code_number": told.code_number,
            "code_notation": told.code_notation,
            "promulgation_date": (at - timedelta(days=self._random.randint(0, 9))).strftime("%Y-%m-%d"),
            "type_name": told.type_name,
            "subject": subject,
            "signer_name": told.signer,
            "signer_position": told.post,
            "urgency": 2 if self._random.random() < 0.03 else 0,
            "page_amount": self._random.randint(1, 12),
            "arrived_at": instant,
        }
        self._outcome(values, state, told, at, position)
        book: dict[str, Any] = {}
        if not waits:
            number = self._number(at.year, day, changed)
            book = {"book": ARRIVALS_KEY, "year": at.year, "number": number}
            values |= {
                "book_id": self._book["id"], "year": at.year, "number": number, "arrival_date": day,
                "registered_at": instant, "registered_by": self._cast.clerk.id,
            }  # fmt: skip
        row_id, uid = self._add("incoming", values, at, changed)
        kept = {
            "owner_table": "incoming", "owner_id": row_id, "part": "main", "ordinal": 0, "name": f"{position + 1}.pdf",
            "media_type": "application/pdf", "sha256": self._scan.sha256, "bytes": self._scan.bytes,
            "added_at": instant,
        }  # fmt: skip
        self._add("attachments", kept, at, changed)
        if in_hand:
            part = {
                "incoming_id": row_id, "account_id": self._cast.specialist.id, "part": "lead", "due_date": day,
                "direction": "Chủ trì tham mưu, báo cáo trước hạn.", "assigned_by": self._cast.leader.id,
                "assigned_at": instant, "state": state,
            }  # fmt: skip
            self._add("assignments", part, at, changed)
        self._texts.append((row_id, _searched(values, told)))
        texts = {
            "author": values["sender_name"], "symbol": f"{told.code_number}/{told.code_notation}",
            "type_name": told.type_name, "subject": subject, "signer": told.signer,
            "actor_name": self._cast.clerk.full_name,
        }  # fmt: skip
        act = Act.INCOMING_ARRIVED if waits else Act.INCOMING_REGISTERED
        self._line(act, f"incoming:{uid}", instant, state, changed, book, values, texts)

    def _state(self, from_newest: int) -> str:
        if from_newest < ARRIVED:
            return "arrived"
        if from_newest < ARRIVED + REGISTERED:
            return "registered"
        if from_newest < ARRIVED + REGISTERED + IN_HAND:
            return "in-progress" if from_newest % 3 == 0 else "assigned"
        return "refused" if self._random.random() < 0.005 else "completed"

    def _outcome(self, values: dict[str, Any], state: str, told: Words, at: datetime, position: int) -> None:
        """What became of a document, and what depends on it."""
        due = (at + timedelta(days=15)).strftime("%Y-%m-%d")
        if state in ("arrived", "refused"):
            values |= {
                "message_id": f"{position:08x}-0000-4000-8000-{position:012x}",
                "document_id": f"{OTHER_CODE}.{at.year}.{position % 10**6:06d}",
            }
        if state == "refused":
            values |= {
                "refused_at": values["arrived_at"], "refused_by": self._cast.clerk.id,
                "refusal_reason": "Gửi nhầm nơi nhận.",
            }  # fmt: skip
        if state in ("assigned", "in-progress", "completed"):
            values |= {"recipient_name": self._cast.specialist.full_name, "due_date": due}
        if state == "completed":
            values["completed_at"] = (at + timedelta(days=self._random.randint(0, 14))).strftime("%Y-%m-%dT%H:%M:%SZ")
            if self._random.random() < 0.1:
                values["note"] = f"Giao ông (bà) {name(self._random)} theo dõi."

    def _number(self, year: int, day: str, changed: list[list[str | None]]) -> int:
        """The next arrival number, with what it changes in the year's book."""
        table = self._tables["books"]
        if self._book.get("year") != year:
            self._end_book()
            self._book = {
                "id": table.next_id, "direction": "incoming", "key": ARRIVALS_KEY, "name": ARRIVALS_NAME,
                "year": year, "opening_number": 1, "last_number": 0, "opened_at": f"{day}T00:00:00Z",
            }  # fmt: skip
            self._book_uid, self._book_salt = f"{year:012x}" + self._hex(10), self._hex(8)
            table.next_id += 1
            _, self._book_hash = table.row(self._book, self._book_uid, self._book_salt)
            changed.append(["books", self._book_uid, None, self._book_hash])
        self._book |= {"last_number": self._book["last_number"] + 1, "newest_date": day}
        self._book_row, after = table.row(self._book, self._book_uid, self._book_salt)
        changed.append(["books", self._book_uid, self._book_hash, after])
        self._book_hash = after
        return int(self._book["last_number"])

    def _end_book(self) -> None:
        if self._book:
            self._tables["books"].rows.append(self._book_row)

    def _add(
        self, table: str, values: dict[str, Any], at: datetime, changed: list[list[str | None]]
    ) -> tuple[int, str]:
        kept = self._tables[table]
        row_id = kept.next_id
        kept.next_id += 1
        self._milliseconds = max(self._milliseconds + 1, int(at.timestamp() * 1000))
        uid = f"{self._milliseconds:012x}{self._hex(10)}"
        row, after = kept.row({**values, "id": row_id}, uid, self._hex(8))
        kept.rows.append(row)
        changed.append([table, uid, None, after])
        return row_id, uid

    def _line(
        self, act: Act, about: str, instant: str, state: str, changed: list[list[str | None]], book: dict[str, Any],
        values: dict[str, Any], texts: dict[str, str],
    ) -> None:  # fmt: skip
        leaf, salt = _encode(texts), self._hex(16)
        body = _encode(
            {
                "v": chain.FORMAT, "seq": self._seq + 1, "instant": instant, "act": act.value,
                "actor": journal.SYSTEM if act is Act.INCOMING_ARRIVED else self._cast.clerk.uid, "object": about,
                "to": state, **book, "dates": {"promulgated": values["promulgation_date"]},
                "files": [self._scan.sha256], "facts": {"urgency": values["urgency"], "medium": "electronic"},
                "rows": changed, "commitment": chain.commitment(salt, leaf.encode()),
            }
        )  # fmt: skip
        self._seq += 1
        self._head = chain.link(self._head, body.encode())
        self._lines.append((self._seq, body, self._head))
        self._leaves.append((self._seq, salt, leaf))

    def _write(self) -> None:
        many = self._connection.executemany
        for table, kept in self._tables.items():
            many(self._insert[table], kept.rows)
            kept.rows = []
        many("INSERT INTO journal (seq, body, hash) VALUES (?, ?, ?)", self._lines)
        many("INSERT INTO journal_leaves (seq, salt, leaf) VALUES (?, ?, ?)", self._leaves)
        many("INSERT INTO incoming_texts (id, body) VALUES (?, ?)", self._texts)
        self._lines, self._leaves, self._texts = [], [], []

    def _hex(self, amount_bytes: int) -> str:
        return f"{self._random.getrandbits(8 * amount_bytes):0{2 * amount_bytes}x}"


_SPAN_SECONDS = int((NEWEST - datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)).total_seconds())


def _searched(values: dict[str, Any], told: Words) -> str:
    """The searchable text, as `finding.put_in_search` writes it."""
    parts: Iterable[str] = (
        f"{told.code_number}/{told.code_notation}", told.code_notation, told.type_name, *told.subject,
        values["sender_name"], told.signer, values.get("recipient_name", ""), values.get("note", ""),
        str(values.get("number", "")),
    )  # fmt: skip
    return " ".join(_fold(part) for part in parts if part)
