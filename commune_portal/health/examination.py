"""All checks in the order in which they are shown; a check that fails itself is a row too."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, nullcontext

from commune_portal.errors import PortalError
from commune_portal.health import (
    copies,
    disk,
    evidence,
    exchange,
    fonts,
    hours,
    lan,
    limits,
    mending,
    network,
    register,
    release,
    rights,
    system,
    token,
)  # fmt: skip
from commune_portal.health.row import Level, Patient, Row
from commune_portal.settings import Settings
from commune_portal.signing.workshop import Bench
from commune_portal.store import verify

CHECKS: tuple[tuple[str, Callable[[Patient], list[Row]]], ...] = (
    ("release", release.check),
    ("system", system.check),
    ("database", register.check),
    ("chain", evidence.check),
    ("disk", disk.check),
    ("rights", rights.check),
    ("clock", hours.check),
    ("network", network.check),
    ("backup", copies.check),
    ("token", token.check),
    ("outbox", exchange.check),
    ("limits", limits.check),
    ("fonts", fonts.check),
    ("lan", lan.check),
)


def examine(
    settings: Settings, *, thorough: bool = True, bench: Bench | None = None, in_service: bool = False
) -> list[Row]:
    """Every row about an installation; works on a copied folder, writes nothing, and never fails itself.

    `in_service` says that the portal itself asks, which thereby answers at its port.
    """
    try:
        connection = verify.open_for_reading(settings.database_path)
    except (PortalError, OSError, *verify.UNREADABLE):
        connection = None
    with closing(connection) if connection is not None else nullcontext():
        patient = Patient(settings, connection, thorough, bench, in_service)
        return [row for name, check in CHECKS for row in _rows(name, check, patient)]


def _rows(name: str, check: Callable[[Patient], list[Row]], patient: Patient) -> list[Row]:
    try:
        return check(patient)
    except (PortalError, OSError, ValueError, TypeError, KeyError, *verify.UNREADABLE) as error:
        what = error.sentence if isinstance(error, PortalError) else f"{type(error).__name__}: {error}"
        why = "Phần này không kiểm tra được, nên không biết có tốt không."
        return [Row(name, Level.FAIL, f"Không kiểm tra được: {what}", why, "Báo người quản trị kèm dòng này.")]


def worst(rows: list[Row]) -> Level:
    """The worst level among rows."""
    levels = {row.level for row in rows}
    return next((level for level in (Level.FAIL, Level.WARN) if level in levels), Level.OK)


def fix(settings: Settings) -> list[str]:
    """Mends what can be mended without asking; answers it in words. The register's rows are never touched."""
    return mending.mend(settings)
