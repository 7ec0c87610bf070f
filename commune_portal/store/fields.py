"""Fields for STRICT tables: instants, civil dates and enumerations as TEXT, so that text order is time order."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import peewee

from commune_portal import clock


class InstantField(peewee.TextField):
    """An aware UTC datetime, stored as fixed-width text `2026-11-21T02:00:00Z`."""

    def db_value(self, value: Any) -> Any:
        """To stored text; refuses a naive datetime."""
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError("an instant needs a zone")
            return clock.to_text(value)
        return value

    def python_value(self, value: Any) -> Any:
        """From stored text."""
        return clock.from_text(value) if isinstance(value, str) else value


class CivilDateField(peewee.TextField):
    """A civil date, stored as `YYYY-MM-DD`."""

    def db_value(self, value: Any) -> Any:
        """To stored text."""
        return value.isoformat() if isinstance(value, date) else value

    def python_value(self, value: Any) -> Any:
        """From stored text."""
        return date.fromisoformat(value) if isinstance(value, str) else value


class EnumField(peewee.TextField):
    """A StrEnum, stored as its value."""

    def __init__(self, kind: type[StrEnum], **options: Any) -> None:
        self.kind = kind
        super().__init__(**options)

    def db_value(self, value: Any) -> Any:
        """To stored text."""
        return value.value if isinstance(value, StrEnum) else value

    def python_value(self, value: Any) -> Any:
        """From stored text."""
        return self.kind(value) if isinstance(value, str) else value
