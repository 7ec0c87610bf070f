"""Accounts, mandates, sessions, and the installation itself."""

from __future__ import annotations

import peewee

from commune_portal.store.fields import CivilDateField, InstantField
from commune_portal.store.tables._table import Table


class Installation(Table):
    """A register table: `installation`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    role = peewee.TextField()
    code = peewee.TextField()
    name = peewee.TextField()
    place = peewee.TextField()
    epoch = peewee.IntegerField()
    public_key = peewee.TextField()
    box_public_key = peewee.TextField()
    made_at = InstantField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "installation"


class Account(Table):
    """A register table: `accounts`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    username = peewee.TextField()
    full_name = peewee.TextField()
    position = peewee.TextField()
    unit = peewee.TextField()
    roles = peewee.TextField()
    password_hash = peewee.TextField()
    must_change_password = peewee.IntegerField()
    disabled_at = InstantField(null=True)
    made_at = InstantField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "accounts"


class Mandate(Table):
    """A register table: `mandates`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    account_id = peewee.IntegerField()
    issuer_id = peewee.IntegerField()
    competence = peewee.TextField()
    position = peewee.TextField()
    certificate_sha256 = peewee.TextField()
    picture_sha256 = peewee.TextField()
    basis = peewee.TextField()
    valid_from = CivilDateField()
    valid_until = CivilDateField(null=True)
    row_hash = peewee.TextField()

    class Meta:
        table_name = "mandates"


class Session(Table):
    """A working table: `sessions`."""

    token_sha256 = peewee.TextField(primary_key=True)
    account_id = peewee.IntegerField()
    began_at = InstantField()
    last_act_at = InstantField()
    address = peewee.TextField()

    class Meta:
        table_name = "sessions"


class LoginFailure(Table):
    """A working table: `login_failures`."""

    id = peewee.AutoField()
    username = peewee.TextField()
    address = peewee.TextField()
    failed_at = InstantField()

    class Meta:
        table_name = "login_failures"


class Access(Table):
    """A working table: `accesses`."""

    id = peewee.AutoField()
    account_id = peewee.IntegerField(null=True)
    kind = peewee.TextField()
    object = peewee.TextField()
    seen_at = InstantField()

    class Meta:
        table_name = "accesses"
