"""A node's members, mailbox, mirrors, and its working tables."""

from __future__ import annotations

import peewee

from commune_portal.store.fields import CivilDateField, InstantField
from commune_portal.store.tables._table import Table


class Member(Table):
    """A register table: `members`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    code = peewee.TextField()
    code_legacy = peewee.TextField()
    name = peewee.TextField()
    enrolment_sha256 = peewee.TextField()
    enrolment_until = InstantField(null=True)
    epoch = peewee.IntegerField()
    added_at = InstantField()
    enrolled_at = InstantField(null=True)
    closed_at = InstantField(null=True)
    row_hash = peewee.TextField()
    subtree = peewee.TextField(null=True)

    class Meta:
        table_name = "members"


class MemberKey(Table):
    """A register table: `member_keys`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    member_id = peewee.IntegerField()
    key_id = peewee.TextField()
    public_key = peewee.TextField()
    box_public_key = peewee.TextField()
    valid_from = peewee.TextField()
    revoked_at = InstantField(null=True)
    row_hash = peewee.TextField()

    class Meta:
        table_name = "member_keys"


class MailboxItem(Table):
    """A register table: `mailbox`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    message_id = peewee.TextField()
    sender_code = peewee.TextField()
    recipient_code = peewee.TextField()
    kind = peewee.TextField()
    urgency = peewee.IntegerField()
    envelope = peewee.TextField()
    packet_sha256 = peewee.TextField()
    packet_bytes = peewee.IntegerField()
    taken_at = InstantField()
    fetched_at = InstantField(null=True)
    recipient_receipt = peewee.TextField()
    row_hash = peewee.TextField()
    in_reply_to = peewee.TextField(null=True)
    handed_by = peewee.TextField(null=True)
    wiped_at = InstantField(null=True)

    class Meta:
        table_name = "mailbox"


class Mirror(Table):
    """A register table: `mirrors`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    member_id = peewee.IntegerField()
    epoch = peewee.IntegerField()
    genesis = peewee.TextField()
    size = peewee.IntegerField()
    head = peewee.TextField()
    disagreement = peewee.TextField()
    checked_at = InstantField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "mirrors"


class MirrorLine(Table):
    """A working table: `mirror_lines`."""

    mirror_id = peewee.IntegerField()
    seq = peewee.IntegerField()
    body = peewee.TextField()
    hash = peewee.TextField()
    salt = peewee.TextField()
    leaf = peewee.TextField()

    class Meta:
        table_name = "mirror_lines"
        primary_key = peewee.CompositeKey("mirror_id", "seq")


class MirrorEntry(Table):
    """A working table: `mirror_entries`."""

    mirror_id = peewee.IntegerField()
    object = peewee.TextField()
    direction = peewee.TextField()
    issuer = peewee.TextField()
    book = peewee.TextField()
    year = peewee.IntegerField(null=True)
    number = peewee.IntegerField(null=True)
    state = peewee.TextField()
    symbol = peewee.TextField()
    type_name = peewee.TextField()
    subject = peewee.TextField()
    author = peewee.TextField()
    signer = peewee.TextField()
    recipients = peewee.TextField()
    handler = peewee.TextField()
    note = peewee.TextField()
    medium = peewee.TextField()
    is_signed = peewee.IntegerField()
    urgency = peewee.IntegerField()
    requires_handling = peewee.IntegerField()
    promulgation_date = CivilDateField(null=True)
    arrival_date = CivilDateField(null=True)
    due_date = CivilDateField(null=True)
    completed_date = CivilDateField(null=True)
    dispatched_date = CivilDateField(null=True)
    folded = peewee.TextField()
    last_seq = peewee.IntegerField()

    class Meta:
        table_name = "mirror_entries"
        primary_key = peewee.CompositeKey("mirror_id", "object")


class MirrorMessage(Table):
    """A working table: `mirror_messages`, what a mirrored journal says of a message that was sent or taken."""

    mirror_id = peewee.IntegerField()
    side = peewee.TextField()
    peer_code = peewee.TextField()
    message_id = peewee.TextField()
    packet_sha256 = peewee.TextField()
    object = peewee.TextField()
    document_id = peewee.TextField()
    seq = peewee.IntegerField()
    at = InstantField()
    outcome = peewee.TextField()
    outcome_at = InstantField(null=True)

    class Meta:
        table_name = "mirror_messages"
        primary_key = peewee.CompositeKey("mirror_id", "side", "message_id", "peer_code")


class StatedCheckpoint(Table):
    """A working table: `stated_checkpoints`."""

    mirror_id = peewee.IntegerField()
    size = peewee.IntegerField()
    head = peewee.TextField()
    message_id = peewee.TextField()
    stated_at = InstantField()

    class Meta:
        table_name = "stated_checkpoints"
        primary_key = peewee.CompositeKey("mirror_id", "size", "head")


class MemberContact(Table):
    """A working table: `member_contacts`."""

    member_id = peewee.IntegerField(primary_key=True)
    last_contact_at = InstantField()
    skew_seconds = peewee.IntegerField()
    address = peewee.TextField()

    class Meta:
        table_name = "member_contacts"


class Upload(Table):
    """A working table: `uploads`."""

    id = peewee.TextField(primary_key=True)
    member_id = peewee.IntegerField()
    message_id = peewee.TextField()
    sha256 = peewee.TextField()
    length = peewee.IntegerField()
    made_at = InstantField()
    expires_at = InstantField()
    verified_at = InstantField(null=True)

    class Meta:
        table_name = "uploads"


class Nonce(Table):
    """A working table: `nonces`."""

    nonce = peewee.TextField(primary_key=True)
    seen_at = InstantField()

    class Meta:
        table_name = "nonces"


class Upward(Table):
    """A working table: `upward`, messages that go on to the node above or to the axis."""

    message_id = peewee.TextField(primary_key=True)
    kind = peewee.TextField()
    urgency = peewee.IntegerField()
    port = peewee.TextField()
    queued_at = InstantField()
    state = peewee.TextField()
    attempts = peewee.IntegerField()
    next_attempt_at = InstantField()
    last_reason = peewee.TextField()
    receipt = peewee.TextField()
    trace = peewee.TextField()
    closed_at = InstantField(null=True)

    class Meta:
        table_name = "upward"
