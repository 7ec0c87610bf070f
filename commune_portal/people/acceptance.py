"""The result of an acceptance: a file beside the settings, its hash in the journal.

The file holds what the sheet prints; it tells of the installation alone, never of a document.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from commune_portal import clock
from commune_portal.errors import NotFound, StoreDamaged
from commune_portal.paper.acceptance import Acceptance
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.store import database, files, journal

ABOUT = "acceptance"
FOLDER = "acceptance"
_STAMP = re.compile(r"\d{8}T\d{6}Z")


@dataclass(frozen=True, slots=True)
class Noted:
    """An acceptance as the journal tells of it."""

    stamp: str
    ok: bool
    token: str
    sha256: str
    made_at: datetime


def note(actor: Actor, settings: Settings, found: Acceptance) -> Noted:
    """Writes the file, and its hash into the journal."""
    actor.require(Verb.ADMINISTRATION_SETTINGS)
    folder = settings.folder / FOLDER
    folder.mkdir(mode=0o750, exist_ok=True)
    data = json.dumps(found.to_json(), ensure_ascii=False, indent=1).encode()
    files.write_durably(folder / f"{found.stamp}.json", data, mode=0o640)
    sha256 = hashlib.sha256(data).hexdigest()
    with database.transaction() as work:
        journal.write(
            work, Act.REHEARSED, actor.uid, about=ABOUT,
            facts={"name": found.stamp, "ok": int(found.ok), "token": found.token, "sha256": sha256},
        )  # fmt: skip
    return Noted(found.stamp, found.ok, found.token, sha256, found.made_at)


def all_noted() -> list[Noted]:
    """Every acceptance that was noted, the newest first."""
    found = []
    for line in reversed(journal.lines_about(ABOUT)):
        facts = line.fields["facts"]
        at = clock.from_text(line.fields["instant"])
        found.append(Noted(facts["name"], bool(facts["ok"]), facts["token"], facts["sha256"], at))
    return found


def read(settings: Settings, stamp: str) -> Acceptance:
    """One acceptance; raises NotFound, and StoreDamaged when its file is not the one that the journal names."""
    noted = next((item for item in all_noted() if item.stamp == stamp), None)
    if noted is None or not _STAMP.fullmatch(stamp):
        raise NotFound("Không có lần nghiệm thu này.")
    path = settings.folder / FOLDER / f"{stamp}.json"
    data = _bytes(path)
    if hashlib.sha256(data).hexdigest() != noted.sha256:
        raise StoreDamaged(f"Tệp kết quả nghiệm thu {path} đã bị sửa hoặc mất. Hãy chạy lại nghiệm thu.")
    return Acceptance.from_json(json.loads(data))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
