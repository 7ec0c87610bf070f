"""Who promulgates, which units draft, and the office's dated rules."""

from __future__ import annotations

import peewee

from commune_portal.store.fields import CivilDateField, InstantField
from commune_portal.store.tables._table import Table


class Issuer(Table):
    """A register table: `issuers`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    code = peewee.TextField()
    code_legacy = peewee.TextField()
    name = peewee.TextField()
    parent_name = peewee.TextField()
    abbreviation = peewee.TextField()
    place = peewee.TextField()
    certificate_sha256 = peewee.TextField()
    seal_sha256 = peewee.TextField()
    seal_diameter_mm = peewee.IntegerField()
    valid_from = CivilDateField()
    valid_until = CivilDateField(null=True)
    row_hash = peewee.TextField()

    class Meta:
        table_name = "issuers"


class Unit(Table):
    """A register table: `units`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    name = peewee.TextField()
    abbreviation = peewee.TextField()
    closed_at = InstantField(null=True)
    row_hash = peewee.TextField()

    class Meta:
        table_name = "units"


class OfficeRule(Table):
    """A register table: `office_rules`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    name = peewee.TextField()
    value = peewee.TextField()
    valid_from = CivilDateField()
    set_at = InstantField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "office_rules"
