"""What every table shares: the one deferred database. Models are for reading; verbs write through `register.Work`."""

from __future__ import annotations

import peewee

from commune_portal.store.database import database


class Table(peewee.Model):
    """The base of all models."""

    class Meta:
        database = database
        legacy_table_names = False
        strict_tables = True
