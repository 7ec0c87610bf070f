"""Incoming documents and who handles them."""

from __future__ import annotations

import peewee

from commune_portal.rules.statuses import IncomingState
from commune_portal.store.fields import CivilDateField, EnumField, InstantField
from commune_portal.store.tables._table import Table


class Incoming(Table):
    """A register table: `incoming`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    origin = peewee.TextField()
    state = EnumField(IncomingState)
    message_id = peewee.TextField(null=True)
    document_id = peewee.TextField()
    sender_code = peewee.TextField()
    sender_name = peewee.TextField()
    code_number = peewee.TextField()
    code_notation = peewee.TextField()
    promulgation_date = CivilDateField(null=True)
    type_name = peewee.TextField()
    subject = peewee.TextField()
    signer_name = peewee.TextField()
    signer_position = peewee.TextField()
    urgency = peewee.IntegerField()
    deliver_by = InstantField(null=True)
    page_amount = peewee.IntegerField()
    paper_follows = peewee.IntegerField()
    asked_due_date = CivilDateField(null=True)
    requires_handling = peewee.IntegerField()
    arrived_at = InstantField()
    check_verdict = peewee.TextField()
    check_report = peewee.TextField()
    checked_at = InstantField(null=True)
    book_id = peewee.IntegerField(null=True)
    year = peewee.IntegerField(null=True)
    number = peewee.IntegerField(null=True)
    arrival_date = CivilDateField(null=True)
    registered_at = InstantField(null=True)
    registered_by = peewee.IntegerField(null=True)
    refused_at = InstantField(null=True)
    refused_by = peewee.IntegerField(null=True)
    refusal_reason = peewee.TextField()
    recipient_name = peewee.TextField()
    due_date = CivilDateField(null=True)
    completed_at = InstantField(null=True)
    answered_by = peewee.IntegerField(null=True)
    note = peewee.TextField()
    row_hash = peewee.TextField()
    business_type = peewee.IntegerField(null=True)
    wiped_at = InstantField(null=True)

    class Meta:
        table_name = "incoming"


class Assignment(Table):
    """A register table: `assignments`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    incoming_id = peewee.IntegerField()
    account_id = peewee.IntegerField()
    part = peewee.TextField()
    direction = peewee.TextField()
    due_date = CivilDateField(null=True)
    assigned_by = peewee.IntegerField()
    assigned_at = InstantField()
    state = peewee.TextField()
    started_at = InstantField(null=True)
    completed_at = InstantField(null=True)
    result = peewee.TextField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "assignments"
