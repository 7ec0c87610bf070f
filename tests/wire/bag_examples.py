"""The byte-exact examples of the bag: a box with a known ephemeral key, a vector, and two manifests."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from commune_portal.wire import bag, boxes, envelope, fields
from commune_portal.wire.bag import BagItem, BagVector, Manifest, What
from commune_portal.wire.mailbox import Waiting

BAG_ID = "7b0e4a9c-52f1-4f0e-9a55-3f6f1c2d8e01"
EPHEMERAL = bytes(range(192, 224))


def bag_examples() -> dict[str, dict[str, Any]]:
    """The examples by the names of their files."""
    from tests.wire import examples

    closed = b"".join(
        boxes.seal([examples.PACKET], examples.NODE.box_public_key, X25519PrivateKey.from_private_bytes(EPHEMERAL))
    )
    frames = b"".join(
        boxes.seal([long_content()], examples.NODE.box_public_key, X25519PrivateKey.from_private_bytes(EPHEMERAL))
    )
    sealed = envelope.seal(examples._an_envelope(), examples.OFFICE)
    vector = BagVector(13, (Waiting(examples.MESSAGE_ID, examples.PACKET_SHA256),))
    spelled = bag.write_vector(vector)
    packet = BagItem(What.PACKET, *_measured(closed))
    plain = BagItem(What.PACKET, *_measured(examples.PACKET))
    return {
        "box": {
            "recipient": "H99",
            "ephemeral_secret": EPHEMERAL.hex(),
            "content": examples.PACKET.decode(),
            "box": fields.to_base64(closed),
            "long_content": "65537 bytes, the n-th of them n mod 251, beginning with 0",
            "long_box_sha256": hashlib.sha256(frames).hexdigest(),
            "long_box_bytes": len(frames),
        },
        "bag": {
            "vector": spelled.decode(),
            "folder": _manifest(None, ()).folder_name,
            "sealed": _sealed(
                _manifest(
                    None,
                    (
                        BagItem(What.VECTOR, *_measured(spelled)),
                        plain,
                        BagItem(What.ENVELOPE, *_measured(sealed), plain.sha256),
                    ),
                )
            ),
            "encrypted": _sealed(_manifest(boxes.box_key_id(examples.NODE.box_public_key), (packet,))),
        },
    }


def long_content() -> bytes:
    """Content of one full frame and one byte."""
    return bytes(number % 251 for number in range(65_537))


def _measured(data: bytes) -> tuple[str, int]:
    return hashlib.sha256(data).hexdigest(), len(data)


def _manifest(box_key_id: str | None, items: tuple[BagItem, ...]) -> Manifest:
    from tests.wire import examples

    return Manifest(
        bag_id=BAG_ID,
        maker="H99.01",
        addressee="H99",
        made_at=examples.EIGHT,
        box_key_id=box_key_id,
        items=items,
        key_id=examples.OFFICE.key_id,
    )


def _sealed(manifest: Manifest) -> str:
    from tests.wire import examples

    return bag.seal(manifest, examples.OFFICE).decode()
