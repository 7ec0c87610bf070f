"""What is asked about a document after it went out, the calls about urgent ones, and what a recall condemned."""

from __future__ import annotations

import peewee

from commune_portal.store.fields import InstantField
from commune_portal.store.tables._table import Table


class Amendment(Table):
    """A register table: `amendments`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    side = peewee.TextField()
    kind = peewee.TextField()
    state = peewee.TextField()
    message_id = peewee.TextField(null=True)
    document_id = peewee.TextField()
    organ_code = peewee.TextField()
    organ_name = peewee.TextField()
    outgoing_id = peewee.IntegerField(null=True)
    incoming_id = peewee.IntegerField(null=True)
    recipient_id = peewee.IntegerField(null=True)
    notice_outgoing_id = peewee.IntegerField(null=True)
    notice_incoming_id = peewee.IntegerField(null=True)
    reason = peewee.TextField()
    changes = peewee.TextField()
    asked_at = InstantField()
    asked_by = peewee.IntegerField(null=True)
    answered_at = InstantField(null=True)
    answered_by = peewee.IntegerField(null=True)
    answer = peewee.TextField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "amendments"


class Call(Table):
    """A register table: `calls`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    recipient_id = peewee.IntegerField()
    phone = peewee.TextField()
    spoke_to = peewee.TextField()
    outcome = peewee.TextField()
    note = peewee.TextField()
    called_at = InstantField()
    called_by = peewee.IntegerField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "calls"


class RecipientGroup(Table):
    """A register table: `recipient_groups`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    name = peewee.TextField()
    codes = peewee.TextField()
    made_at = InstantField()
    closed_at = InstantField(null=True)
    row_hash = peewee.TextField()

    class Meta:
        table_name = "recipient_groups"


class Wipe(Table):
    """A working table: `wipes`, files that a recall condemned and that may still lie on the disk."""

    sha256 = peewee.TextField(primary_key=True)
    about = peewee.TextField()
    asked_at = InstantField()

    class Meta:
        table_name = "wipes"
