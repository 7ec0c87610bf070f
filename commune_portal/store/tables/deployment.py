"""Whom backups are closed for, what a restore must settle, and what ran by itself."""

from __future__ import annotations

import peewee

from commune_portal.store.fields import InstantField
from commune_portal.store.tables._table import Table


class RecoveryKey(Table):
    """A register table: `recovery_keys`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    recipient = peewee.TextField()
    fingerprint = peewee.TextField()
    made_at = InstantField()
    made_by = peewee.IntegerField(null=True)
    confirmed_at = InstantField(null=True)
    retired_at = InstantField(null=True)
    row_hash = peewee.TextField()

    class Meta:
        table_name = "recovery_keys"


class Restoration(Table):
    """A register table: `restorations`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    epoch = peewee.IntegerField()
    backup_made_at = peewee.TextField()
    backup_head = peewee.TextField()
    restored_at = InstantField()
    confirmed_at = InstantField(null=True)
    confirmed_by = peewee.IntegerField(null=True)
    report = peewee.TextField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "restorations"


class BackupRun(Table):
    """A working table: `backup_runs`."""

    id = peewee.AutoField()
    began_at = InstantField()
    ended_at = InstantField(null=True)
    why = peewee.TextField()
    place = peewee.TextField()
    path = peewee.TextField()
    outcome = peewee.TextField()
    bytes = peewee.IntegerField()
    sha256 = peewee.TextField()
    encrypted = peewee.IntegerField()
    proven_at = InstantField(null=True)
    error = peewee.TextField()

    class Meta:
        table_name = "backup_runs"


class Upkeep(Table):
    """A working table: `upkeep`."""

    name = peewee.TextField(primary_key=True)
    began_at = InstantField()
    ended_at = InstantField(null=True)
    outcome = peewee.TextField()

    class Meta:
        table_name = "upkeep"


class LostAnswer(Table):
    """A working table: `lost_answers`, one row from the first question to the next restore."""

    id = peewee.AutoField()
    epoch = peewee.IntegerField()
    answered_at = InstantField(null=True)
    refused = peewee.TextField()

    class Meta:
        table_name = "lost_answers"


class LostLine(Table):
    """A working table: `lost_lines`, of an earlier journal of ours as the node's mirror has it."""

    epoch = peewee.IntegerField()
    seq = peewee.IntegerField()
    body = peewee.TextField()
    hash = peewee.TextField()
    leaf = peewee.TextField()

    class Meta:
        table_name = "lost_lines"
        primary_key = peewee.CompositeKey("epoch", "seq")


class LostMessage(Table):
    """A working table: `lost_messages`, documents that the node took from us and of which we know nothing."""

    message_id = peewee.TextField(primary_key=True)
    sequence = peewee.IntegerField()
    recipient_code = peewee.TextField()
    envelope = peewee.TextField()
    packet_sha256 = peewee.TextField()
    packet_bytes = peewee.IntegerField()
    taken_at = InstantField()
    packet = peewee.TextField()

    class Meta:
        table_name = "lost_messages"
