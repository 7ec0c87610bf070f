"""Books of a year and the counters of document ids."""

from __future__ import annotations

import peewee

from commune_portal.store.fields import CivilDateField, InstantField
from commune_portal.store.tables._table import Table


class Book(Table):
    """A register table: `books`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    direction = peewee.TextField()
    issuer_id = peewee.IntegerField(null=True)
    key = peewee.TextField()
    name = peewee.TextField()
    year = peewee.IntegerField()
    opening_number = peewee.IntegerField()
    last_number = peewee.IntegerField()
    newest_date = CivilDateField(null=True)
    opened_at = InstantField()
    closed_at = InstantField(null=True)
    row_hash = peewee.TextField()

    class Meta:
        table_name = "books"


class Serial(Table):
    """A register table: `serials`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    issuer_id = peewee.IntegerField()
    year = peewee.IntegerField()
    last_serial = peewee.IntegerField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "serials"
