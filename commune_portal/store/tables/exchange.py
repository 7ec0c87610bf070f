"""The peer above, evidence of exchange, the outbox and the directory."""

from __future__ import annotations

import peewee

from commune_portal.store.fields import InstantField
from commune_portal.store.tables._table import Table


class Peer(Table):
    """A register table: `peers`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    code = peewee.TextField()
    name = peewee.TextField()
    address = peewee.TextField()
    ca = peewee.TextField()
    public_key = peewee.TextField()
    box_public_key = peewee.TextField()
    enrolled_at = InstantField(null=True)
    row_hash = peewee.TextField()

    class Meta:
        table_name = "peers"


class StoredReceipt(Table):
    """A register table: `receipts`."""

    id = peewee.AutoField()
    uid = peewee.TextField()
    salt = peewee.TextField()
    given = peewee.IntegerField()
    message_id = peewee.TextField()
    peer_code = peewee.TextField()
    bytes = peewee.TextField()
    sender_size = peewee.IntegerField()
    sender_head = peewee.TextField()
    stored_at = InstantField()
    row_hash = peewee.TextField()

    class Meta:
        table_name = "receipts"


class Anchor(Table):
    """A working table: `anchors`, journal heads that the node has countersigned; each proves itself."""

    size = peewee.IntegerField(primary_key=True)
    note = peewee.TextField()
    stored_at = InstantField()

    class Meta:
        table_name = "anchors"


class ReceiptGiven(Table):
    """A working table: `receipts_given`."""

    message_id = peewee.TextField()
    packet_sha256 = peewee.TextField()
    sender_code = peewee.TextField()
    bytes = peewee.TextField()
    given_at = InstantField()

    class Meta:
        table_name = "receipts_given"
        primary_key = peewee.CompositeKey("message_id", "packet_sha256", "sender_code")


class OutboxItem(Table):
    """A working table: `outbox`."""

    id = peewee.AutoField()
    message_id = peewee.TextField()
    kind = peewee.TextField()
    recipient_code = peewee.TextField()
    urgency = peewee.IntegerField()
    envelope = peewee.TextField()
    packet_sha256 = peewee.TextField()
    packet_bytes = peewee.IntegerField()
    about = peewee.TextField()
    queued_at = InstantField()
    state = peewee.TextField()
    attempts = peewee.IntegerField()
    next_attempt_at = InstantField()
    last_reason = peewee.TextField()
    bytes_sent = peewee.IntegerField()
    closed_at = InstantField(null=True)
    first_attempt_at = InstantField(null=True)
    last_attempt_at = InstantField(null=True)

    class Meta:
        table_name = "outbox"


class Quarantined(Table):
    """A working table: `quarantine`."""

    id = peewee.AutoField()
    message_id = peewee.TextField()
    sender_code = peewee.TextField()
    envelope = peewee.TextField()
    packet_sha256 = peewee.TextField()
    reason = peewee.TextField()
    arrived_at = InstantField()
    classified = peewee.IntegerField()
    incoming_id = peewee.IntegerField(null=True)
    reported_at = InstantField(null=True)
    seen_at = InstantField(null=True)
    seen_by = peewee.IntegerField(null=True)

    class Meta:
        table_name = "quarantine"


class Contact(Table):
    """A working table: `contacts`."""

    peer_code = peewee.TextField(primary_key=True)
    mailbox_cursor = peewee.IntegerField()
    journal_sent = peewee.IntegerField()
    directory_etag = peewee.TextField()
    last_contact_at = InstantField(null=True)
    last_attempt_at = InstantField(null=True)
    next_attempt_at = InstantField(null=True)
    failures = peewee.IntegerField()
    last_reason = peewee.TextField()
    skew_seconds = peewee.IntegerField()
    bytes_sent = peewee.IntegerField()
    heartbeat_at = InstantField(null=True)
    organisations_change = peewee.IntegerField()
    organisations_at = InstantField(null=True)
    comparison_cursor = peewee.IntegerField()
    compared_at = InstantField(null=True)

    class Meta:
        table_name = "contacts"


class Organisation(Table):
    """A working table: `organisations`."""

    id = peewee.AutoField()
    code = peewee.TextField()
    code_legacy = peewee.TextField()
    name = peewee.TextField()
    folded = peewee.TextField()
    reachable = peewee.IntegerField()
    closed_at = InstantField(null=True)
    phone = peewee.TextField()
    merged_into = peewee.TextField()
    source = peewee.TextField()
    changed_at = peewee.TextField()
    former_names = peewee.TextField()
    change = peewee.IntegerField()
    known_as = peewee.TextField()

    class Meta:
        table_name = "organisations"


class OrganisationKey(Table):
    """A working table: `organisation_keys`."""

    key_id = peewee.TextField(primary_key=True)
    organ_code = peewee.TextField()
    public_key = peewee.TextField()
    box_public_key = peewee.TextField()
    valid_from = peewee.TextField()
    revoked_at = InstantField(null=True)

    class Meta:
        table_name = "organisation_keys"


class OrganisationAlias(Table):
    """A working table: `organisation_aliases`, earlier codes and codes of bodies that were merged."""

    alias = peewee.TextField(primary_key=True)  # type: ignore[assignment]  # a column named as a method of peewee
    code = peewee.TextField()
    why = peewee.TextField()
    since = peewee.TextField(null=True)

    class Meta:
        table_name = "organisation_aliases"


class Comparison(Table):
    """A working table: `comparisons`, what the node last said that it holds of a message."""

    message_id = peewee.TextField(primary_key=True)
    side = peewee.TextField()
    peer_code = peewee.TextField()
    state = peewee.TextField()
    packet_sha256 = peewee.TextField()
    taken_at = InstantField(null=True)
    fetched_at = InstantField(null=True)
    receipt_sha256 = peewee.TextField()
    answered_at = InstantField(null=True)
    asked_at = InstantField(null=True)

    class Meta:
        table_name = "comparisons"


class Bag(Table):
    """A working table: `bags`, sticks that went out and came in."""

    id = peewee.AutoField()
    bag_id = peewee.TextField()
    went = peewee.TextField()
    peer_code = peewee.TextField()
    encrypted = peewee.IntegerField()
    messages = peewee.IntegerField()
    receipts = peewee.IntegerField()
    refused = peewee.IntegerField()
    report = peewee.TextField()
    at = InstantField()

    class Meta:
        table_name = "bags"
