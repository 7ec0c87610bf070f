"""What an installation of the demonstration has done so as not to be lost: its recovery key, and a proven backup."""

from __future__ import annotations

from commune_portal.documents import backups
from commune_portal.people import accounts, recovery
from commune_portal.people.actors import PORTAL
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.store.backup_runs import Why


def keep(settings: Settings) -> None:
    """Makes the recovery key, then backs up as the portal does by itself once it is served."""
    make_key()
    backups.back_up(PORTAL, settings, Why.DAILY, backups.places(settings))


def make_key() -> None:
    """Makes and confirms a recovery key as who administers. A node needs no more: it is served while it is filled."""
    people = [person.actor for person in accounts.everyone() if person.disabled_at is None]
    administrator = next(actor for actor in people if actor.may(Verb.ADMINISTRATION_SETTINGS))
    sheet = recovery.make(administrator)
    recovery.confirm(administrator, sheet.confirm_group)
