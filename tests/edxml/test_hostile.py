"""Packets made to harm: refused with a reason, in bounded time and memory, and nothing is left behind."""

from __future__ import annotations

import io
import random
import stat
import struct
import tempfile
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commune_portal.edxml.package import NAMESPACE, Edoc, Finding, ReadLimits
from commune_portal.edxml.reader import read
from commune_portal.errors import Malformed, PortalError
from tests.edxml.specimens import (
    PDF,
    attachment,
    b64,
    header,
    packet,
    reference,
    with_files,
    written,
    zipped,
)

XML = '<?xml version="1.0"?>'
XXE = XML + '<!DOCTYPE edXML [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
LAUGHS = XML + '<!DOCTYPE edXML [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
EXTERNAL = XML + '<!DOCTYPE edXML SYSTEM "http://attacker.example/x.dtd">'


def refused(data: bytes, folder: Path) -> PortalError:
    with pytest.raises(PortalError) as caught:
        read(io.BytesIO(data), folder)
    assert [*folder.iterdir()] == []
    return caught.value


@pytest.mark.parametrize("prolog", [XXE, LAUGHS, EXTERNAL, XML + "<!DOCTYPE edXML>"])
def test_a_doctype_is_refused_before_anything_is_resolved(tmp_path: Path, prolog: str) -> None:
    error = refused(packet(header(Subject="&x;" if prolog is XXE else "x"), prolog=prolog).encode(), tmp_path)
    assert "DOCTYPE" in error.sentence


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 not xml",
        PDF,
        b"<edXML/>",
        packet().replace(NAMESPACE, "http://www.e-doc.vn/Schema/").encode(),
        packet().replace("edXMLHeader", "Header").replace("MessageHeader", "Khac").encode(),
        packet().encode()[:-3],
        packet(attachments=attachment()).encode()[:-120],
        packet(header(Subject="a\x00b")).encode(),
        packet(header(Subject="a&#0;b")).encode(),
        packet(header(Subject="&khong;")).encode(),
        packet().encode().replace("Suối".encode(), b"\xff\xfe"),
        packet(prolog='<?xml version="1.0" encoding="EUC-JP"?>').encode(),
        packet(prolog='<?xml version="1.0" encoding="khong-co"?>').encode(),
        packet(header() + "<a>" * 200 + "</a>" * 200).encode(),
        packet(header() + '<x xmlns="urn:x">' + "<a>" * 200 + "</a>" * 200 + "</x>").encode(),
        packet(header() + "<a/>" * 60_000).encode(),
        packet(header() + '<x xmlns="urn:x">' + "<a/>" * 60_000 + "</x>").encode(),
        packet(header() + "<a" + "b" * 500 + "/>").encode(),
        packet(header(Subject="x" * 70_000)).encode(),
        packet(
            header() + "<a>" + "<b>" + "x" * 60_000 + "</b>" * 1 + "</a>" + ("<c>" + "y" * 60_000 + "</c>") * 20
        ).encode(),
    ],
)
def test_what_is_no_sound_packet_is_refused_with_a_reason(tmp_path: Path, data: bytes) -> None:
    assert refused(data, tmp_path).sentence


@pytest.mark.parametrize(
    "junk", ["<!--" + "x" * 3_000_000 + "-->", '<a b="' + "x" * 3_000_000 + '"/>', "<?x " + "y" * 3_000_000 + "?>"]
)
def test_an_endless_token_is_not_collected(tmp_path: Path, junk: str) -> None:
    assert "dài bất thường" in refused(packet(header() + junk).encode(), tmp_path).sentence


def test_text_in_very_many_pieces_takes_no_square_time(tmp_path: Path) -> None:
    begun = time.perf_counter()
    parsed = read(io.BytesIO(packet(header(Subject="x<!---->" * 30_000)).encode()), tmp_path)
    assert isinstance(parsed, Edoc)
    many = header() + "<To/>" * 10_000
    read(io.BytesIO(packet(many).encode()), tmp_path)
    assert time.perf_counter() - begun < 10


def test_a_zip_bomb_is_stopped(tmp_path: Path) -> None:
    bomb = zipped(("x.txt", b"\0" * (24 * 1024 * 1024)))
    assert len(bomb) < 40_000
    error = refused(packet(attachments=attachment("a.txt", "application/zip", b64(bomb))).encode(), tmp_path)
    assert "bất thường" in error.sentence


def test_a_zip_with_very_many_members_is_left_alone(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for ordinal in range(20_000):
            archive.writestr(f"{ordinal}", b"")
    begun = time.perf_counter()
    text = packet(attachments=attachment("a.txt", "application/zip", b64(out.getvalue())))
    parsed = read(io.BytesIO(text.encode()), tmp_path)
    assert time.perf_counter() - begun < 5
    assert isinstance(parsed, Edoc)
    assert parsed.attachments[0].size_bytes == len(out.getvalue())


def test_a_link_in_a_zip_is_left_alone(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("x.txt")
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    text = packet(attachments=attachment("a.txt", "application/zip", b64(out.getvalue())))
    parsed = read(io.BytesIO(text.encode()), tmp_path)
    assert isinstance(parsed, Edoc)
    assert parsed.attachments[0].size_bytes == len(out.getvalue())


def test_names_in_a_zip_write_nowhere(tmp_path: Path) -> None:
    inside = tmp_path / "in" / "deep"
    inside.mkdir(parents=True)
    data = zipped(("../../escaped.txt", b"outside"))
    text = packet(attachments=attachment("..\\..\\escaped.txt", "application/zip", b64(data)))
    parsed = read(io.BytesIO(text.encode()), inside)
    assert isinstance(parsed, Edoc)
    path = parsed.attachments[0].path
    assert path is not None
    assert path.parent == inside
    assert path.read_bytes() == b"outside"
    assert [item.name for item in tmp_path.rglob("*") if item.is_file()] == [path.name]


def test_a_zip_that_lies_about_its_size_or_place_is_kept_as_it_is(tmp_path: Path) -> None:
    sound = zipped(("x.txt", b"mot hai ba " * 50))
    end = sound.rfind(b"PK\x05\x06")
    for offset, value in (
        (end + 16, 0xFFFFFFF0),
        (end + 12, 0xFFFFFFF0),
        (end + 12, 3),
        (sound.find(b"PK\x01\x02") + 42, 9),
    ):
        data = bytearray(sound)
        struct.pack_into("<L", data, offset, value)
        text = packet(attachments=attachment("a.txt", "application/zip", b64(bytes(data))))
        parsed = read(io.BytesIO(text.encode()), tmp_path)
        assert isinstance(parsed, Edoc)
        assert parsed.attachments[0].size_bytes == len(data)


def test_a_tag_in_a_comment_opens_nothing(tmp_path: Path) -> None:
    tricky = (
        '<Attachment><ContentId>k</ContentId><ContentTransferEncoded a=">"><!-- <ContentTransferEncoded>'
        f"QUJD</ContentTransferEncoded> -->{b64(PDF)}</ContentTransferEncoded></Attachment>"
    )
    parsed = read(io.BytesIO(packet(attachments=tricky).encode()), tmp_path)
    assert isinstance(parsed, Edoc)
    path = parsed.attachments[0].path
    assert path is not None
    assert path.read_bytes() == PDF


class Dribble(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def __init__(self, data: bytes, grain: int) -> None:
        super().__init__(data)
        self._grain = grain

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._grain)


QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def specimen() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        sound = with_files(Path(name), a__pdf=PDF * 3, b__docx=b"text " * 30, c__zip=zipped(("x", b"1")))
        return written(sound)


SPECIMEN = specimen()


@QUICK
@given(seed=st.integers(0, 2**32), cuts=st.integers(0, 6), stop=st.none() | st.integers(0, len(SPECIMEN)))
def test_mutated_bytes_are_read_or_refused_and_never_crash(seed: int, cuts: int, stop: int | None) -> None:
    dice = random.Random(seed)
    data = bytearray(SPECIMEN[:stop])
    for _ in range(cuts):
        at = dice.randrange(len(data) + 1)
        other = dice.randrange(len(SPECIMEN))
        act = dice.randrange(4)
        if act == 0 and at < len(data):
            data[at] = dice.randrange(256)
        elif act == 1:
            del data[at : at + dice.randrange(40)]
        elif act == 2:
            data[at:at] = SPECIMEN[other : other + dice.randrange(200)]
        else:
            data[at:at] = dice.choice(
                [b"<", b"&", b"]]>", b"\0", b"<!--", b"-->", b"<To/>", b"<![CDATA[", "ữ".encode()]
            )
    with tempfile.TemporaryDirectory() as name:
        try:
            parsed = read(io.BytesIO(bytes(data)), Path(name))
        except PortalError:
            assert [*Path(name).iterdir()] == []
        else:
            kept = {item.path for item in parsed.attachments} if isinstance(parsed, Edoc) else set()
            assert {*Path(name).iterdir()} == kept


@QUICK
@given(data=st.binary(max_size=300))
def test_any_bytes_as_an_attachment_are_taken(data: bytes) -> None:
    text = packet(references=reference(), attachments=attachment("a.txt", "application/zip", b64(b"PK\x03\x04" + data)))
    with tempfile.TemporaryDirectory() as name:
        read(io.BytesIO(text.encode()), Path(name))


@QUICK
@given(data=st.binary(max_size=400), seed=st.integers(0, 2**32))
def test_the_short_cut_reads_what_expat_alone_reads(data: bytes, seed: int) -> None:
    dice = random.Random(seed)
    letters = b64(data)
    for _ in range(dice.randrange(5)):
        at = dice.randrange(len(letters) + 1)
        letters = (
            letters[:at]
            + dice.choice([" ", "\r\n", "=", "-", "<!-- x -->", "&#65;", "<![CDATA[QQ]]>", "é", "<b/>"])
            + letters[at:]
        )
    results: list[tuple[str, tuple[Finding, ...]]] = []
    # An attribute with this sign keeps the start tag from being recognised, so everything goes through expat.
    for tag in ("<ContentTransferEncoded>", '<ContentTransferEncoded x=">">'):
        text = packet(attachments=attachment("a.bin", "", letters).replace("<ContentTransferEncoded>", tag))
        with tempfile.TemporaryDirectory() as name:
            try:
                parsed = read(io.BytesIO(text.encode()), Path(name))
            except Malformed as error:
                results.append((error.sentence, ()))
            else:
                results.append((str([item.sha256 for item in getattr(parsed, "attachments", ())]), parsed.findings))
    assert results[0] == results[1]


@pytest.mark.parametrize("grain", [1, 3, 7, 50, 211, 1024])
def test_where_a_piece_ends_changes_nothing(tmp_path: Path, grain: int) -> None:
    parsed = read(Dribble(SPECIMEN, grain), tmp_path)
    assert parsed == read(io.BytesIO(SPECIMEN), tmp_path)
    assert parsed.findings == ()


def test_caps_count_for_the_whole_packet(tmp_path: Path) -> None:
    many = "".join(attachment(identity=f"cid:{ordinal}") for ordinal in range(300))
    assert refused(packet(attachments=many).encode(), tmp_path)
    assert read(io.BytesIO(packet(attachments=many).encode()), tmp_path, ReadLimits(attachments=400))
