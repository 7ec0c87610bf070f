"""What the office's and the node's page of the comparison share: the period, the counts in words, the PDF."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from flask import Response, current_app, send_file

from commune_portal import clock
from commune_portal.rules import comparison
from commune_portal.rules.comparison import Finding
from commune_portal.settings import Settings
from commune_portal.views._forms import read_day
from commune_portal.views._page import request

DAYS_AT_FIRST = 30
MOST_DAYS = 400
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


@dataclass(frozen=True, slots=True)
class Days:
    """The civil days that are compared."""

    first: date
    last: date

    @property
    def instants(self) -> tuple[str, str]:
        """The first instant and the first one after it, as stored."""
        return clock.bounds(self.first, self.last)


@dataclass(frozen=True, slots=True)
class Count:
    """How many messages there are of a finding."""

    label: str
    amount: int
    tone: str


def days() -> Days:
    """The days out of the address: the last thirty where none are given, never longer than some thirteen months."""
    values = request.values
    last = read_day(values.get("until", "")) or clock.today()
    first = read_day(values.get("since", "")) or last - timedelta(days=DAYS_AT_FIRST)
    first, last = min(first, last), max(first, last)
    return Days(max(first, last - timedelta(days=MOST_DAYS)), last)


def counts(found: Mapping[Finding, int]) -> list[Count]:
    """The counts in the order of their weight."""
    return [Count(finding.label, amount, finding.tone) for finding, amount in comparison.in_order(found)]


def pdf(path: Path, name: str) -> Response:
    """A printed comparison, read whole: the file is gone when the answer leaves."""
    answer = send_file(io.BytesIO(path.read_bytes()), mimetype="application/pdf", download_name=name, max_age=None)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store"
    return answer


def fonts_folder() -> str:
    """Where the office keeps Times New Roman, empty for the bundled face."""
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    return settings.fonts.folder
