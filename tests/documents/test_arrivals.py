"""Receiving: once in effect, whatever arrives twice, forged, for others, poisoned, late, or cut off in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from commune_portal import clock, points
from commune_portal.documents import arrivals, attachments, dispatch, incoming, issuing
from commune_portal.edxml.package import ReadLimits
from commune_portal.errors import Malformed, StoreDamaged, Unauthenticated
from commune_portal.rules.statuses import IncomingState, StatusCode
from commune_portal.signing.reports import Verdict
from commune_portal.store import database, files, journal
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import keys, receipt
from commune_portal.wire.envelope import Kind
from commune_portal.wire.receipt import Receipt, RefusalType
from tests.cast import OFFICE_CODE, OTHER_CODE, PIN, Cast
from tests.documents.clerks import at_once
from tests.documents.partner import (
    PDF,
    Partner,
    an_arrival,
    codes,
    items,
    keys_of,
    on_disk,
    queued_statuses,
    receive,
)
from tests.documents.test_outgoing import is_sound, signed


class PowerCut(BaseException):
    """The process ends here."""


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


def amount(table: str) -> int:
    found: int = database.row(f"SELECT count(*) FROM {table}")[0]
    return found


def opened(sealed: bytes) -> Receipt:
    return receipt.open_(sealed, lambda _code, _key: keys.own().public_key)


def dispatched(office: Cast) -> tuple[int, str]:
    row_id = signed(office)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    return row_id, f"{OFFICE_CODE}.2026.000001"


@contextmanager
def cut_at(reach: int) -> Iterator[list[points.Point]]:
    """Ends whatever runs at the n-th named point; counts them all when n is 0."""
    seen: list[points.Point] = []

    def hook(point: points.Point) -> None:
        seen.append(point)
        if len(seen) == reach:
            raise PowerCut

    points.hook = hook
    try:
        yield seen
    finally:
        points.hook = None


def test_a_document_arrives_with_its_files_a_receipt_and_the_first_status(office: Cast, partner: Partner) -> None:
    packet = partner.edoc()
    sealed = partner.sealed(packet, urgency=4)
    given = opened(receive(sealed, packet))
    assert (given.verdict, given.receiver, given.message_id) == (
        receipt.Verdict.ACCEPTED,
        OFFICE_CODE,
        envelopes.parse_unverified(sealed).message_id,
    )
    arrived = incoming.get(database.row("SELECT max(id) FROM incoming")[0])
    assert given.receiver_sequence == given.checkpoint.size
    assert (arrived.sender_code, arrived.code, arrived.state) == (OTHER_CODE, "07/CV-VP", IncomingState.ARRIVED)
    assert arrived.urgency == 3
    shown = attachments.shown("incoming", arrived.id)
    assert shown is not None
    assert shown.path.read_bytes() == PDF
    kept = attachments.current("incoming", arrived.id, "packet")
    assert kept is not None
    assert kept.path.read_bytes() == packet
    first = queued_statuses(arrived.message_id)
    assert [sent.status.status_code for sent in first] == ["01"]
    assert first[0].envelope.recipient == OTHER_CODE
    line = journal.lines_about(arrived.about)[-1]
    assert (given.checkpoint.size, given.checkpoint.head) == (line.seq, line.hash)
    assert list(files.temporary().parent.iterdir()) == []
    assert is_sound(office)


def test_the_same_message_again_gets_the_same_bytes_and_takes_effect_once(office: Cast, partner: Partner) -> None:
    packet = partner.edoc()
    sealed = partner.sealed(packet)
    first = receive(sealed, packet)
    assert [receive(sealed, packet) for _ in range(3)] == [first] * 3
    assert arrivals.earlier_receipt(envelopes.parse_unverified(sealed)) == first
    assert (amount("incoming"), amount("receipts_given"), codes()) == (1, 1, ["01"])


def test_the_same_message_by_several_ways_at_once_takes_effect_once(office: Cast, partner: Partner) -> None:
    packet = partner.edoc()
    sealed = partner.sealed(packet)
    given: list[bytes] = []
    assert at_once([[lambda: given.append(receive(sealed, packet))]] * 6) == []
    assert len(given) == 6
    assert len(set(given)) == 1
    assert (amount("incoming"), amount("receipts_given"), codes()) == (1, 1, ["01"])
    assert is_sound(office)


def test_other_bytes_under_a_known_message_id_are_refused_and_change_nothing(office: Cast, partner: Partner) -> None:
    packet, other = partner.edoc(), partner.edoc(8)
    sealed = partner.sealed(packet)
    receive(sealed, packet)
    message_id = envelopes.parse_unverified(sealed).message_id
    stranger = Partner("H99.03", "Ủy ban nhân dân xã Cao Sơn", keys_of("stranger")).introduce()
    for again, content in (
        (partner.sealed(other, message_id=message_id), other),
        (stranger.sealed(packet, message_id=message_id), packet),
    ):
        assert opened(receive(again, content)).refusal is RefusalType.CONFLICT
    assert (amount("incoming"), amount("quarantine"), codes()) == (1, 2, ["01"])


def test_an_envelope_that_its_sender_did_not_sign_gets_no_receipt(office: Cast, partner: Partner) -> None:
    packet = partner.edoc()
    forger = Partner(own=keys_of("forger"))
    spoilt = partner.sealed(packet).replace(b'"urgency":0', b'"urgency":3')
    swapped = partner.sealed(packet).split(b"\n")[0] + b"\n" + forger.sealed(packet).split(b"\n")[1] + b"\n"
    for forged in (forger.sealed(packet), swapped, spoilt):
        with pytest.raises(Unauthenticated):
            receive(forged, packet)
    database.write_working("UPDATE organisation_keys SET revoked_at = '2026-01-01T00:00:00Z'")
    with pytest.raises(Unauthenticated):
        receive(partner.sealed(packet), packet)
    assert (amount("incoming"), amount("receipts_given"), amount("quarantine")) == (0, 0, 0)


def test_what_was_signed_before_its_key_was_revoked_is_still_taken(office: Cast, partner: Partner) -> None:
    packet = partner.edoc()
    sealed = partner.sealed(packet)
    later = clock.to_text(clock.now() + timedelta(hours=1))
    database.write_working("UPDATE organisation_keys SET revoked_at = ?", (later,))
    assert opened(receive(sealed, packet)).verdict is receipt.Verdict.ACCEPTED


def test_bytes_that_are_not_the_envelopes_prove_nothing_and_the_right_ones_still_come(
    office: Cast, partner: Partner
) -> None:
    packet = partner.edoc()
    sealed = partner.sealed(packet)
    for wrong in (packet[:-1], packet + b"\n", packet.replace(b"tu", b"ut", 1)):
        with pytest.raises(Malformed, match="mã băm"):
            receive(sealed, wrong)
    assert (amount("incoming"), amount("receipts_given")) == (0, 0)
    assert opened(receive(sealed, packet)).verdict is receipt.Verdict.ACCEPTED


def test_what_is_for_another_office_is_refused_with_a_signature(office: Cast, partner: Partner) -> None:
    packet = partner.edoc()
    sealed = partner.sealed(packet, recipient="H99.77")
    first = receive(sealed, packet)
    assert opened(first).refusal is RefusalType.INVALID_ADDRESSEE
    assert receive(sealed, packet) == first
    assert (amount("incoming"), amount("quarantine"), codes()) == (0, 1, [])
    assert is_sound(office)


def poison(partner: Partner) -> dict[str, tuple[Kind, bytes]]:
    document = partner.edoc()
    status = partner.status("H99.01.2026.000001", "03")
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    return {
        "not XML": (Kind.EDOC, b"\x00\x01 khong phai XML"),
        "cut off": (Kind.EDOC, document[: len(document) // 2]),
        "an entity": (Kind.EDOC, bomb),
        "a status called a document": (Kind.EDOC, status),
        "a document called a status": (Kind.STATUS, document),
        "a kind that no packet is": (Kind.CHECKPOINT, document),
        "no document id": (Kind.EDOC, document.replace(b"DocumentId", b"DocumentNo")),
        "an unknown status": (Kind.STATUS, status.replace(b"StatusCode>03<", b"StatusCode>77<")),
    }


@pytest.mark.parametrize("which", sorted(poison(Partner())))
def test_poison_is_quarantined_with_its_bytes_and_refused_for_good(office: Cast, partner: Partner, which: str) -> None:
    kind, packet = poison(partner)[which]
    sealed = partner.sealed(packet, kind=kind)
    first = receive(sealed, packet)
    given = opened(first)
    assert (given.verdict, given.refusal) == (receipt.Verdict.REFUSED, RefusalType.MALFORMED)
    assert receive(sealed, packet) == first
    assert database.rows("SELECT envelope, packet_sha256 FROM quarantine") == [
        (sealed.decode(), files.keep(packet).sha256)
    ]
    assert (amount("incoming"), amount("statuses"), codes()) == (0, 0, [])
    assert list(files.temporary().parent.iterdir()) == []
    assert is_sound(office)
    after = partner.edoc(9)
    assert opened(receive(partner.sealed(after), after)).verdict is receipt.Verdict.ACCEPTED


def test_what_is_above_the_limits_is_refused_as_too_large(office: Cast, partner: Partner) -> None:
    packet = partner.edoc()
    sealed = partner.sealed(packet)
    given = opened(arrivals.receive(sealed, on_disk(packet), ReadLimits(attachment_bytes=10)))
    assert given.refusal is RefusalType.TOO_LARGE
    assert amount("quarantine") == 1


def test_a_status_moves_the_recipient_forwards_only(office: Cast, partner: Partner) -> None:
    row_id, document_id = dispatched(office)
    for code in ("01", "04", "03", "04", "02", "05", "13", "06", "05"):
        packet = partner.status(document_id, code, f"mã {code}")
        receive(partner.status_sealed(packet), packet)
    assert [(line.code.value, line.applied) for line in dispatch.statuses_of(row_id)] == [
        ("01", True),
        ("04", True),
        ("03", False),  # late
        ("04", False),  # doubled
        ("02", False),  # it is in the book there
        ("05", True),
        ("13", False),  # another dialogue
        ("06", True),
        ("05", False),  # ended
    ]
    recipient = dispatch.recipients(row_id)[0]
    assert (recipient.status, recipient.status_reason) == (StatusCode.COMPLETED, "mã 06")
    assert is_sound(office)


def test_a_status_message_that_arrives_twice_is_one_line(office: Cast, partner: Partner) -> None:
    row_id, document_id = dispatched(office)
    packet = partner.status(document_id, "01")
    sealed = partner.status_sealed(packet)
    assert receive(sealed, packet) == receive(sealed, packet)
    assert [line.code.value for line in dispatch.statuses_of(row_id)] == ["01"]


def test_a_refusal_comes_home_with_its_reason_and_ends_the_matter(office: Cast, partner: Partner) -> None:
    row_id, document_id = dispatched(office)
    for code, reason in (("01", "đến"), ("02", "Gửi nhầm nơi nhận, đề nghị gửi lại"), ("03", "vào sổ")):
        packet = partner.status(document_id, code, reason)
        receive(partner.status_sealed(packet), packet)
    recipient = dispatch.recipients(row_id)[0]
    assert (recipient.status, recipient.status_reason) == (StatusCode.REFUSED, "Gửi nhầm nơi nhận, đề nghị gửi lại")


def test_a_status_of_an_unknown_document_or_from_another_office_is_kept_and_moves_nothing(
    office: Cast, partner: Partner
) -> None:
    row_id, document_id = dispatched(office)
    stranger = Partner("H99.03", "Ủy ban nhân dân xã Cao Sơn", keys_of("stranger")).introduce()
    unknown, foreign = partner.status("H99.01.2026.000777", "03"), stranger.status(document_id, "06")
    assert opened(receive(partner.status_sealed(unknown), unknown)).verdict is receipt.Verdict.ACCEPTED
    assert opened(receive(stranger.status_sealed(foreign), foreign)).verdict is receipt.Verdict.ACCEPTED
    assert dispatch.recipients(row_id)[0].status is None
    assert database.rows("SELECT document_id, organ_code, outgoing_id, applied FROM statuses ORDER BY id") == [
        ("H99.01.2026.000777", OTHER_CODE, None, 0),
        (document_id, "H99.03", None, 0),
    ]
    assert is_sound(office)


def test_signatures_are_looked_at_once_and_a_damaged_file_is_not_called_unchecked(
    office: Cast, partner: Partner
) -> None:
    sound, spoilt = an_arrival(partner), an_arrival(partner, 8, pdf=PDF + b"% khac\n")
    assert arrivals.unchecked() == [sound.id, spoilt.id]
    shown = attachments.shown("incoming", spoilt.id)
    assert shown is not None
    shown.path.write_bytes(b"%PDF-1.7 bi sua")
    assert arrivals.check(sound.id) is Verdict.UNCHECKED
    with pytest.raises(StoreDamaged):
        arrivals.check(spoilt.id)
    assert arrivals.unchecked() == [spoilt.id]


def one_effect(office: Cast, partner: Partner, kind: str) -> Callable[[], tuple[bytes, bytes, Callable[[], None]]]:
    def document() -> tuple[bytes, bytes, Callable[[], None]]:
        packet = partner.edoc()

        def holds() -> None:
            assert (amount("incoming"), amount("receipts_given"), codes()) == (1, 1, ["01"])
            assert amount("attachments") == 2
            assert len(items()) == 1

        return partner.sealed(packet), packet, holds

    def status() -> tuple[bytes, bytes, Callable[[], None]]:
        row_id, document_id = dispatched(office)
        packet = partner.status(document_id, "01")

        def holds() -> None:
            assert [line.applied for line in dispatch.statuses_of(row_id)] == [True]
            assert amount("receipts_given") == 1

        return partner.status_sealed(packet), packet, holds

    def refused() -> tuple[bytes, bytes, Callable[[], None]]:
        packet = b"hong"

        def holds() -> None:
            assert (amount("quarantine"), amount("receipts_given"), amount("incoming")) == (1, 1, 0)

        return partner.sealed(packet), packet, holds

    return {"document": document, "status": status, "refused": refused}[kind]


@pytest.mark.parametrize("kind", ["document", "status", "refused"])
def test_receiving_that_is_cut_off_at_any_step_leaves_nothing_half_done(
    office: Cast, partner: Partner, kind: str
) -> None:
    sealed, packet, holds = one_effect(office, partner, kind)()
    before = [amount(table) for table in ("incoming", "statuses", "quarantine", "receipts_given", "outbox", "journal")]
    steps = 0
    committed: bytes | None = None
    while True:
        steps += 1
        assert steps < 30
        try:
            with cut_at(steps) as seen:
                last = receive(sealed, packet)
        except PowerCut:
            earlier = arrivals.earlier_receipt(envelopes.parse_unverified(sealed))
            if earlier is None:
                tables = ("incoming", "statuses", "quarantine", "receipts_given", "outbox", "journal")
                assert [amount(table) for table in tables] == before, seen
            else:
                holds()
                assert committed in (None, earlier)
                committed = earlier
            assert is_sound(office)
            continue
        break
    assert steps > 3
    assert committed in (None, last)
    holds()
    assert is_sound(office)
