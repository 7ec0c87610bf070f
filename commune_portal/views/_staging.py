"""Uploads between two posts: kept in the work folder under a name nobody can guess, for one account.

A form that is shown again, or that reads a file first, keeps what was chosen. What nobody came back for is removed
after a day; the work folder may be emptied while nothing runs, and then the person chooses again.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from werkzeug.datastructures import FileStorage

from commune_portal import clock
from commune_portal.documents import marks
from commune_portal.documents.attachments import Upload
from commune_portal.errors import Malformed, NotFound, RuleBroken, TooLarge
from commune_portal.rules import content
from commune_portal.store.files import disk_errors, write_durably

KEPT_SECONDS = 86_400
PIECE_BYTES = 256 * 1024
ANNEXES_AT_MOST = 50

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_PREFIX = "staged"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One file that waits: its label, type and size, and where its bytes lie."""

    name: str
    media_type: str
    bytes: int
    path: Path

    @property
    def upload(self) -> Upload:
        """As verbs take it."""
        return Upload(self.path, self.name)


@dataclass(frozen=True, slots=True)
class Staged:
    """What one person has chosen so far: the document itself, annexes, and what a machine read out of it."""

    token: str
    main: StagedFile | None = None
    annexes: tuple[StagedFile, ...] = ()
    guesses: tuple[tuple[str, str], ...] = ()
    pages: int = 0

    @property
    def is_empty(self) -> bool:
        """True when nothing was chosen yet."""
        return self.main is None and not self.annexes


NOTHING = Staged("")


class Staging:
    """The waiting uploads of one account; what belongs to another account is unknown here."""

    def __init__(self, folder: Path, account_id: int, limit_bytes: int) -> None:
        self._folder = folder
        self._account_id = account_id
        self._limit_bytes = limit_bytes

    def find(self, token: str) -> Staged:
        """What waits under a token; raises NotFound when it is gone, foreign, or no token at all."""
        index = self._index(token)
        if not index.is_file():
            raise NotFound("Tệp tải lên tạm đã hết hạn hoặc không còn. Hãy chọn lại tệp.")
        said = json.loads(index.read_text(encoding="utf-8"))
        files = [
            StagedFile(item["name"], item["media_type"], item["bytes"], self._folder / item["path"])
            for item in said["files"]
        ]
        main = files[0] if said["has_main"] else None
        return Staged(
            token,
            main,
            tuple(files[1:] if main else files),
            tuple((name, value) for name, value in said["guesses"]),
            said["pages"],
        )

    def add(self, before: Staged, main: FileStorage | None = None, annexes: Iterable[FileStorage] = ()) -> Staged:
        """Keeps newly chosen files beside those that wait; a new main file takes the place of the old one.

        Raises Malformed for a file of a kind that is not taken, TooLarge above the limit; then nothing new is kept.
        """
        self._sweep()
        chosen = list(annexes)
        if len(before.annexes) + len(chosen) > ANNEXES_AT_MOST:
            raise Malformed(f"Mỗi văn bản kèm tối đa {ANNEXES_AT_MOST} tệp.", field="annexes")
        token = before.token or secrets.token_urlsafe(24)
        kept: list[StagedFile] = []
        try:
            for file, field in [*([(main, "file")] if main else []), *((item, "annexes") for item in chosen)]:
                kept.append(self._keep(token, file, field))
        except BaseException:
            for staged in kept:
                staged.path.unlink(missing_ok=True)
            raise
        new_main, new_annexes = (kept[0], kept[1:]) if main else (before.main, kept)
        made = Staged(
            token,
            new_main,
            (*before.annexes, *new_annexes),
            () if main else before.guesses,
            0 if main else before.pages,
        )
        self._write(made)
        if main and before.main:
            before.main.path.unlink(missing_ok=True)
        return made

    def note_reading(self, staged: Staged, guesses: dict[str, str], pages: int) -> Staged:
        """Remembers what was read out of the main file."""
        made = Staged(staged.token, staged.main, staged.annexes, tuple(guesses.items()), pages)
        self._write(made)
        return made

    def drop(self, staged: Staged) -> None:
        """Removes what waited, once it is in the register or no longer wanted."""
        if staged.token:
            for path in self._folder.glob(f"{self._stem(staged.token)}.*"):
                path.unlink(missing_ok=True)

    def _keep(self, token: str, file: FileStorage, field: str) -> StagedFile:
        name = content.safe_name(file.filename or "")
        path = self._folder / f"{self._stem(token)}.{secrets.token_hex(6)}"
        size, head = 0, b""
        try:
            with disk_errors(), path.open("xb") as out:
                while piece := file.stream.read(PIECE_BYTES):
                    head = head or piece[: content.HEAD_BYTES]
                    size += len(piece)
                    if size > self._limit_bytes:
                        raise TooLarge(f"Tệp «{name}» quá lớn so với giới hạn của hệ thống.", field=field)
                    out.write(piece)
            if not head:
                raise Malformed(f"Tệp «{name}» rỗng. Hãy chọn lại tệp.", field=field)
            try:
                kind = content.kind_of(name, head)
            except Malformed as refusal:
                raise Malformed(refusal.sentence, field=field) from refusal
            try:
                marks.require_open(path, field)
            except RuleBroken as refusal:
                raise Malformed(f"Tệp «{name}»: {refusal.sentence}", field=field) from refusal
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return StagedFile(name, kind.media_type, size, path)

    def _write(self, staged: Staged) -> None:
        files = [*([staged.main] if staged.main else []), *staged.annexes]
        said = {
            "has_main": staged.main is not None,
            "files": [{**asdict(item), "path": item.path.name} for item in files],
            "guesses": staged.guesses,
            "pages": staged.pages,
        }
        write_durably(self._index(staged.token), json.dumps(said, ensure_ascii=False).encode())

    def _index(self, token: str) -> Path:
        if not _TOKEN.fullmatch(token):
            raise NotFound("Tệp tải lên tạm đã hết hạn hoặc không còn. Hãy chọn lại tệp.")
        return self._folder / f"{self._stem(token)}.json"

    def _stem(self, token: str) -> str:
        return f"{_PREFIX}-{self._account_id}-{token}"

    def _sweep(self) -> None:
        oldest = clock.now().timestamp() - KEPT_SECONDS
        for path in self._folder.glob(f"{_PREFIX}-*"):
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue
