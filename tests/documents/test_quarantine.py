"""What cannot be taken is kept with its bytes, shown, handed out, and marked as seen in the journal."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from commune_portal.documents import quarantine, waiting
from commune_portal.errors import NotAllowed, NotFound
from commune_portal.rules.acts import Act
from commune_portal.store import database, files, journal
from tests.cast import OTHER_CODE, Cast
from tests.documents.partner import Partner, receive
from tests.documents.test_outgoing import is_sound

RAW = b"\xff\xfe khong phai phong bi"


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_no_one_can_read_is_known_by_its_hash_and_kept_once(office: Cast) -> None:
    for _ in range(2):
        quarantine.set_aside(RAW, "Không đọc được phong bì")
    (item,) = quarantine.listed(office.clerk)
    assert (item.is_refused, item.sender_code, item.reason) == (False, "", "Không đọc được phong bì")
    assert files.path_of(item.packet_sha256).read_bytes() == RAW
    name, data = quarantine.bundle(office.clerk, item.id)
    assert name.endswith(".zip")
    held = unpacked(data)
    assert (set(held), held["packet.bin"]) == ({"about.json", "packet.bin"}, RAW)
    assert json.loads(held["about.json"])["reason"] == "Không đọc được phong bì"
    assert is_sound(office)


def test_a_refused_packet_is_handed_out_with_its_envelope(office: Cast) -> None:
    partner = Partner().introduce()
    sealed = partner.sealed(b"khong phai goi tin")
    receive(sealed, b"khong phai goi tin")
    (item,) = quarantine.listed(office.clerk)
    assert (item.is_refused, item.sender_code) == (True, OTHER_CODE)
    held = unpacked(quarantine.bundle(office.clerk, item.id)[1])
    assert (held["envelope.txt"], held["packet.bin"]) == (sealed, b"khong phai goi tin")


def test_seen_is_journalled_once_and_the_item_stays(office: Cast) -> None:
    quarantine.set_aside(RAW, "Không đọc được phong bì")
    (item,) = quarantine.listed(office.clerk)
    assert waiting.quarantined() == 1
    quarantine.seen(office.clerk, item.id)
    quarantine.seen(office.other_clerk, item.id)
    (again,) = quarantine.listed(office.clerk)
    assert (again.seen_by, waiting.quarantined()) == (office.clerk.full_name, 0)
    acts = [line.fields["act"] for line in journal.lines(0, 10_000)]
    assert acts.count(Act.QUARANTINE_SEEN) == 1
    with pytest.raises(NotFound):
        quarantine.seen(office.clerk, 999)
    for act in (quarantine.seen, quarantine.bundle):
        with pytest.raises(NotAllowed):
            act(office.leader, item.id)


def test_what_bears_a_mark_of_secrecy_is_not_handed_out_here(office: Cast) -> None:
    quarantine.set_aside(RAW, "Không đọc được phong bì")
    (item,) = quarantine.listed(office.clerk)
    database.write_working("UPDATE quarantine SET classified = 1")
    assert (quarantine.listed(office.clerk), waiting.quarantined()) == ([], 0)
    for act in (quarantine.seen, quarantine.bundle):
        with pytest.raises(NotFound):
            act(office.clerk, item.id)
