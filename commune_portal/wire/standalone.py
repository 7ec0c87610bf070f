"""Checks a bundle of evidence with Python and the package `cryptography` alone; travels inside each bundle as check.py.

    python3 check.py [FOLDER-OR-ZIP] [--packet FILE]

Nothing of commune-portal is needed or imported. Each line says what was checked; the exit status is 0 when all of it
holds. The keys in keys.json are those that the node's directory listed: compare their ids with the node's own list.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zipfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PREFIX = b"commune-portal/exchange/1 "


def read(where: Path) -> dict[str, bytes]:
    """The bundle's files by name."""
    if where.is_dir():
        return {path.name: path.read_bytes() for path in where.iterdir() if path.is_file()}
    with zipfile.ZipFile(where) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class Check:
    """One check of one bundle."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.keys = json.loads(files["keys.json"])
        self.failed = 0

    def say(self, holds: bool, what: str) -> None:  # noqa: FBT001
        """One line of the report."""
        self.failed += not holds
        sys.stdout.write(f"{'OK  ' if holds else 'SAI '} {what}\n")

    def signed(self, name: str, kind: str, party: str, time: str) -> dict[str, object]:
        """The body of a signed file, when the party named in it signed it while its key was valid."""
        line, signature, rest = self.files[name].split(b"\n")
        body: dict[str, object] = json.loads(line)
        code, key_id, at = body[party], body["key_id"], str(body[time])
        found = [key for key in self.keys if (key["code"], key["key_id"]) == (code, key_id)]
        public = base64.b64decode(found[0]["public_key"]) if found else b""
        named = hashlib.sha256(public).hexdigest()[:16] == key_id
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(
                base64.b64decode(signature), PREFIX + kind.encode() + b"\n" + line
            )
            holds = named and not rest
        except (InvalidSignature, ValueError):
            holds = False
        self.say(holds, f"{name}: chữ ký của {code}, khóa {key_id}, lúc {at}")
        if found:
            revoked = found[0]["revoked_at"]
            self.say(revoked is None or at <= revoked, f"{name}: khóa {key_id} chưa bị thu hồi lúc đó")
        return body

    def envelope(self, packet: Path | None) -> dict[str, object]:
        """The envelope, and the packet where it is at hand."""
        envelope = self.signed("envelope.txt", "envelope", "sender", "created")
        if packet is not None:
            digest = hashlib.sha256(packet.read_bytes()).hexdigest()
            self.say(digest == envelope["packet_sha256"], f"gói tin {packet.name} đúng mã băm trên phong bì")
        return envelope

    def receipt(self, name: str, envelope: dict[str, object], receiver: object) -> None:
        """A receipt for this very message and packet, of this receiver where it is known who that must be."""
        receipt = self.signed(name, "receipt", "receiver", "received_at")
        same = all(receipt[member] == envelope[member] for member in ("message_id", "packet_sha256"))
        self.say(same and receiver in (None, receipt["receiver"]), f"{name}: cho đúng gói tin {envelope['message_id']}")
        self.say(receipt["sender_checkpoint"] == envelope["checkpoint"], f"{name}: đúng mốc sổ của nơi gửi")
        said = receipt["verdict"] if receipt["refusal"] is None else f"{receipt['verdict']} ({receipt['refusal']})"
        sys.stdout.write(f"     {receipt['receiver']} trả lời: {said}\n")

    def note(self, envelope: dict[str, object], node: str) -> None:
        """The journal from the act's line on, up to the head that the node countersigned."""
        text, below = self.files["note.txt"].decode().split("\n\n")
        origin, size, head, at = text.split("\n")
        self.say(origin == f"{envelope['sender']}/journal", f"note.txt: mốc sổ {origin}, {size} dòng, lúc {at}")
        signatures = [line.split(" ") for line in below.splitlines()]
        holds = False
        for key in (key for key in self.keys if key["code"] == node):
            public = base64.b64decode(key["public_key"])
            hint = hashlib.sha256(node.encode() + b"\n\x01" + public).digest()[:4]
            for _, name, spelled in signatures:
                octets = base64.b64decode(spelled)
                try:
                    Ed25519PublicKey.from_public_bytes(public).verify(octets[4:], (text + "\n").encode())
                    holds = holds or (name == node and octets[:4] == hint)
                except InvalidSignature:
                    continue
        self.say(holds, f"note.txt: chữ ký của nút {node}")
        checkpoint = envelope["checkpoint"]
        assert isinstance(checkpoint, dict)
        reached = bytes.fromhex(checkpoint["head"])
        lines = self.files["journal.jsonl"].split(b"\n")[:-1]
        for line in lines:
            reached = hashlib.sha256(reached + line).digest()
        whole = checkpoint["size"] + len(lines) == int(size) and reached == base64.b64decode(head)
        self.say(whole, f"journal.jsonl: nối mốc trên phong bì (dòng {checkpoint['size']}) với mốc đã được nút ký")


def main(arguments: list[str]) -> int:
    """Checks one bundle; answers the exit status."""
    packet = Path(arguments.pop(arguments.index("--packet") + 1)) if "--packet" in arguments else None
    where = Path(next((item for item in arguments if item != "--packet"), str(Path(__file__).parent)))
    check = Check(read(where))
    about = json.loads(check.files["about.json"])
    envelope = check.envelope(packet)
    check.receipt("receipt-node.txt", envelope, about["node"])
    if "receipt-receiver.txt" in check.files:
        check.receipt("receipt-receiver.txt", envelope, envelope["recipient"])
    else:
        sys.stdout.write("---  chưa có biên nhận của nơi nhận cuối cùng\n")
    if "note.txt" in check.files:
        check.note(envelope, about["node"])
    else:
        sys.stdout.write("---  chưa có mốc sổ do nút ký\n")
    sys.stdout.write("Tất cả đều đúng.\n" if not check.failed else f"{check.failed} điểm SAI.\n")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
