"""Outgoing documents, their files, recipients and returning statuses."""

from __future__ import annotations

import peewee

from commune_portal.rules.kinds import Medium
from commune_portal.rules.statuses import OutgoingState
from commune_portal.store.fields import CivilDateField, EnumField, InstantField
from commune_portal.store.tables._table import Table


class Outgoing(Table):
    """A register table: `outgoing`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    issuer_id = peewee.IntegerField()
    state = EnumField(OutgoingState)
    medium = EnumField(Medium)
    type_code = peewee.TextField()
    type_name = peewee.TextField()
    subject = peewee.TextField()
    unit = peewee.TextField()
    drafter_id = peewee.IntegerField()
    drafted_at = InstantField()
    signer_id = peewee.IntegerField(null=True)
    signer_name = peewee.TextField()
    signer_position = peewee.TextField()
    competence = peewee.TextField()
    urgency = peewee.IntegerField()
    deliver_by = InstantField(null=True)
    due_date = CivilDateField(null=True)
    page_amount = peewee.IntegerField()
    copy_amount = peewee.IntegerField()
    recipients_text = peewee.TextField()
    kept_by = peewee.TextField()
    letter = peewee.TextField()
    places = peewee.TextField()
    return_reason = peewee.TextField()
    submitted_at = InstantField(null=True)
    approved_at = InstantField(null=True)
    signed_at = InstantField(null=True)
    book_id = peewee.IntegerField(null=True)
    year = peewee.IntegerField(null=True)
    number = peewee.IntegerField(null=True)
    symbol = peewee.TextField()
    document_id = peewee.TextField(null=True)
    promulgation_date = CivilDateField(null=True)
    numbered_at = InstantField(null=True)
    numbered_by = peewee.IntegerField(null=True)
    sealed_at = InstantField(null=True)
    dispatched_at = InstantField(null=True)
    voided_at = InstantField(null=True)
    void_reason = peewee.TextField()
    answers_id = peewee.IntegerField(null=True)
    note = peewee.TextField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "outgoing"


class Recipient(Table):
    """A register table: `recipients`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    outgoing_id = peewee.IntegerField()
    organ_code = peewee.TextField()
    organ_name = peewee.TextField()
    message_id = peewee.TextField()
    queued_at = InstantField()
    delivered_at = InstantField(null=True)
    refused_at = InstantField(null=True)
    refusal = peewee.TextField()
    status = peewee.TextField()
    status_at = InstantField(null=True)
    status_reason = peewee.TextField()
    row_hash = peewee.TextField()
    business_type = peewee.IntegerField(null=True)
    paper_follows = peewee.IntegerField(null=True)

    class Meta:
        table_name = "recipients"


class StatusEvent(Table):
    """A register table: `statuses`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    message_id = peewee.TextField()
    outgoing_id = peewee.IntegerField(null=True)
    recipient_id = peewee.IntegerField(null=True)
    document_id = peewee.TextField()
    organ_code = peewee.TextField()
    code = peewee.TextField()
    reason = peewee.TextField()
    staff = peewee.TextField()
    told_at = InstantField(null=True)
    arrived_at = InstantField()
    applied = peewee.IntegerField()
    packet_sha256 = peewee.TextField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "statuses"


class Attachment(Table):
    """A register table: `attachments`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    owner_table = peewee.TextField()
    owner_id = peewee.IntegerField()
    part = peewee.TextField()
    ordinal = peewee.IntegerField()
    name = peewee.TextField()
    media_type = peewee.TextField()
    sha256 = peewee.TextField()
    bytes = peewee.IntegerField()
    added_at = InstantField()
    superseded_at = InstantField(null=True)
    row_hash = peewee.TextField()
    wiped_at = InstantField(null=True)

    class Meta:
        table_name = "attachments"


class PendingSignature(Table):
    """A working table: `pending_signatures`."""

    outgoing_id = peewee.IntegerField()
    purpose = peewee.TextField()
    source_sha256 = peewee.TextField()
    prepared_sha256 = peewee.TextField()
    attributes = peewee.TextField()
    made_at = InstantField()

    class Meta:
        table_name = "pending_signatures"
        primary_key = peewee.CompositeKey("outgoing_id", "purpose")
