"""Our node answers two foreign clients, tuspy and tus-js-client, as a tus 1.0.0 server over real waitress.

A forwarder signs each request as a member would (RFC 9421), because neither client can; it signs what they said.
Source: https://tus.io/protocols/resumable-upload, core protocol, creation, expiration, checksum, termination.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests as plain
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from commune_portal import clock
from commune_portal.wire import fields, protocol
from commune_portal.wire import requests as signatures
from tests.cast import NODE_CODE
from tests.fakes.exchange import Answer
from tests.fakes.wire import Fault, Faults, Wire, faultless, serving
from tests.relay.conftest import Linking
from tests.relay.linked import KIBIBYTE
from tests.relay.real import RealLink, noise

pytestmark = pytest.mark.story

SCRIPT = Path(__file__).with_name("tus_upload.mjs")
NODE = shutil.which("node")
TUS = {"Tus-Resumable": "1.0.0"}


class Signing:
    """Signs what a foreign client says with the neighbour's key, and hands it to the node."""

    def __init__(self, link: RealLink) -> None:
        self.link = link
        self.said: list[tuple[str, int]] = []

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        spelled = {name.lower(): value for name, value in headers.items()}
        names = ("tus-resumable", "content-type", *signatures.COVERED_WHERE_PRESENT)
        sent = {name: spelled[name] for name in names if name in spelled} | {"exchange-node": NODE_CODE}
        sent |= signatures.sign(
            method, path, sent, body, keys=self.link.partner.own, created=clock.now(), nonce=signatures.new_nonce()
        )
        answer = self.link.forwarder.ask(method, path, sent, body)
        self.said.append((method, answer.status))
        return answer


@contextmanager
def tus(link: RealLink, faults: Faults = faultless) -> Iterator[tuple[Signing, Wire, str]]:
    signing = Signing(link)
    with serving(signing, faults) as wire:
        yield signing, wire, wire.address + protocol.UPLOADS


def described(packet: bytes) -> dict[str, str]:
    """The metadata that our profile wants; every tus client can say them."""
    return {"sha256": hashlib.sha256(packet).hexdigest(), "message": str(uuid.uuid4())}


def on_disk(folder: Path, packet: bytes) -> Path:
    path = folder / "goi.edxml"
    path.write_bytes(packet)
    return path


def stored(link: RealLink, packet: bytes) -> bool:
    """The node has exactly these bytes under their hash."""
    sha256 = hashlib.sha256(packet).hexdigest()
    path = link.node.folder / "data" / "files" / sha256[:2] / sha256[2:4] / sha256
    return path.is_file() and path.read_bytes() == packet


def tuspy(endpoint: str, packet: bytes, **more: Any) -> Any:
    """An uploader of tuspy, which is typed in part only."""
    return TusClient(endpoint).uploader(file_stream=io.BytesIO(packet), **more)


def at_chunk(number: int, fault: Fault) -> Callable[[str, str], Fault | None]:
    seen = [0]

    def chosen(method: str, _path: str) -> Fault | None:
        seen[0] += method == "PATCH"
        return fault if method == "PATCH" and seen[0] == number else None

    return chosen


def javascript(endpoint: str, path: Path, packet: bytes, *more: str, chunk: int = 32 * KIBIBYTE) -> dict[str, Any]:
    """What tus-js-client says of an upload."""
    assert NODE is not None, "the tests need Node.js: apt-get install nodejs"
    said = described(packet)
    done = subprocess.run(
        [NODE, str(SCRIPT), endpoint, str(path), said["sha256"], said["message"], str(chunk), *more],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return found


def test_tuspy_uploads_in_chunks_with_checksums(really: Linking) -> None:
    packet = noise(200 * KIBIBYTE)
    with really() as link, tus(link) as (signing, _, endpoint):
        told = described(packet)
        uploader = tuspy(endpoint, packet, chunk_size=65536, metadata=told, upload_checksum=True)
        uploader.upload()
        assert signing.said == [("POST", 201)] + [("PATCH", 204)] * 4
        assert stored(link, packet)


def test_tuspy_goes_on_after_a_cut_where_the_node_is(really: Linking) -> None:
    packet = noise(200 * KIBIBYTE, 2)
    with really() as link, tus(link, at_chunk(3, Fault.CUT_REQUEST)) as (_, wire, endpoint):
        uploader = tuspy(endpoint, packet, chunk_size=32768, metadata=described(packet))
        with pytest.raises((TusCommunicationError, TusUploadFailed, plain.RequestException)):
            uploader.upload()
        again = tuspy(endpoint, packet, chunk_size=32768, url=uploader.url)
        assert again.offset == 65536
        again.upload()
        assert stored(link, packet)
        assert sum(count for method, _, count in wire.seen if method == "PATCH") == len(packet)


def test_a_wrong_offset_is_409_and_a_wrong_checksum_460_and_an_unknown_one_400(really: Linking) -> None:
    packet = noise(50 * KIBIBYTE, 3)
    with really() as link, tus(link) as (_, wire, endpoint):
        uploader = tuspy(endpoint, packet, chunk_size=10_000, metadata=described(packet))
        uploader.upload_chunk()
        uploader.offset = 5
        with pytest.raises(TusUploadFailed) as caught:
            uploader.upload_chunk()
        assert caught.value.status_code == 409
        chunk = {**TUS, "Upload-Offset": "10000", "Content-Type": protocol.CHUNK_TYPE}
        for checksum, status in (("sha1 AAAA", 460), ("sha256 AAAA", 460), ("crc32 AAAA", 400)):
            asked = {**chunk, "Upload-Checksum": checksum}
            assert plain.patch(uploader.url, packet[10_000:], headers=asked, timeout=20).status_code == status
        assert uploader.get_offset() == 10_000
        assert (
            plain.patch(uploader.url, b"x", headers={**chunk, "Content-Type": "text/plain"}, timeout=20).status_code
            == 415
        )
        assert plain.head(uploader.url, headers={"Tus-Resumable": "0.2.2"}, timeout=20).status_code == 412
        assert wire.done == []


def test_the_node_says_what_it_knows_and_when_an_upload_ends(really: Linking) -> None:
    packet = noise(50 * KIBIBYTE, 4)
    with really() as link, tus(link) as (_, _, endpoint):
        uploader = tuspy(endpoint, packet, chunk_size=10_000, metadata=described(packet))
        uploader.upload_chunk()
        for address in (endpoint, uploader.url):
            known = plain.options(address, timeout=20)
            assert known.status_code == 204
            assert known.headers["Tus-Version"] == "1.0.0"
            assert set(known.headers["Tus-Extension"].split(",")) == {
                "creation",
                "expiration",
                "checksum",
                "termination",
            }
            assert "sha1" in known.headers["Tus-Checksum-Algorithm"].split(",")
            assert int(known.headers["Tus-Max-Size"]) > len(packet)
        head = plain.head(uploader.url, headers=TUS, timeout=20)
        assert (head.status_code, head.headers["Cache-Control"], head.headers["Tus-Resumable"]) == (
            200,
            "no-store",
            "1.0.0",
        )
        assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("10000", str(len(packet)))
        pairs = dict(part.split(" ") for part in head.headers["Upload-Metadata"].split(","))
        assert fields.from_base64(pairs["sha256"]) == hashlib.sha256(packet).hexdigest().encode()
        assert parsedate_to_datetime(head.headers["Upload-Expires"]) > clock.now()
        # Expired, it is gone as tus wants it: no offset is told.
        link.node.write("UPDATE uploads SET expires_at = '2026-01-01T00:00:00Z'")
        gone = plain.head(uploader.url, headers=TUS, timeout=20)
        assert gone.status_code in (404, 410)
        assert "Upload-Offset" not in gone.headers


def test_tus_js_client_uploads_a_file_with_a_name_in_vietnamese(really: Linking, tmp_path: Path) -> None:
    packet = noise(200 * KIBIBYTE, 5)
    with really() as link, tus(link) as (signing, _, endpoint):
        found = javascript(endpoint, on_disk(tmp_path, packet), packet)
        assert found["success"], found
        assert found["statuses"] == ["POST 201"] + ["PATCH 204"] * 7
        assert stored(link, packet)
        assert len(signing.said) == 8


@pytest.mark.parametrize("fault", [Fault.CUT_REQUEST, Fault.DROP_ANSWER, Fault.GATEWAY_PAGE])
def test_tus_js_client_retries_by_itself_and_sends_nothing_twice(really: Linking, tmp_path: Path, fault: Fault) -> None:
    packet = noise(200 * KIBIBYTE, 6)
    with really() as link, tus(link, at_chunk(3, fault)) as (signing, _, endpoint):
        found = javascript(endpoint, on_disk(tmp_path, packet), packet)
        assert found["success"], found
        assert ("HEAD", 200) in signing.said
        assert signing.said.count(("PATCH", 204)) == 7
        assert stored(link, packet)


def test_tus_js_client_goes_on_in_another_process_and_terminates(really: Linking, tmp_path: Path) -> None:
    packet = noise(200 * KIBIBYTE, 7)
    with really() as link, tus(link) as (signing, _, endpoint):
        path = on_disk(tmp_path, packet)
        begun = tuspy(endpoint, packet, chunk_size=65536, metadata=described(packet))
        begun.upload_chunk()
        assert begun.url is not None
        found = javascript(endpoint, path, packet, "resume", begun.url)
        assert found["success"], found
        assert found["statuses"][0] == "HEAD 200"
        assert stored(link, packet)
        other = noise(100 * KIBIBYTE, 8)
        ended = javascript(endpoint, on_disk(tmp_path, other), other, "terminate")
        assert ended["terminated"], ended
        assert ("DELETE", 204) in signing.said
        assert plain.head(ended["url"], headers=TUS, timeout=20).status_code in (404, 410)
