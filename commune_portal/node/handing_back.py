"""An office lost its computer and its paper: the node opens the office's backup and closes it for a new key.

Every office that is connected closes its backups for the node too. What the node opens this way it reads nothing of but
the manifest; that it did so stands in its journal. Source: deploy.md §9.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from commune_portal.errors import Malformed, StoreRefused
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.store import archive, backup, database, files, journal, sealing
from commune_portal.wire import keys


@dataclass(frozen=True, slots=True, repr=False)
class HandedBack:
    """The closed file, whose backup it is, and the new secret where the office had sent no key; kept nowhere."""

    path: Path
    code: str
    name: str
    made_at: str
    secret: str


def close_again(actor: Actor, settings: Settings, source: Path, target: Path, recipient: str = "") -> HandedBack:
    """Closes a member's backup for a recipient, or for a new key that is answered once.

    Raises NotForUs when it was not closed for this node, Malformed for a wrong recipient or a target that exists.
    """
    actor.require(Verb.NODE_ENROL)
    if target.exists():
        raise Malformed(f"Đã có tệp {target}; hãy chọn tên khác.")
    secret = "" if recipient else sealing.new_secret()
    recipient = recipient or sealing.recipient_of(secret)
    sealing.check_recipient(recipient)
    mine = [*keys.load_retired(settings.secrets_folder), keys.load(settings.secrets_folder)]
    secrets = [sealing.as_secret(item.box.private_bytes_raw()) for item in reversed(mine)]
    part = target.with_name(target.name + ".part")
    with backup.scratch(settings) as work, backup.opened(source, work, secrets) as plain:
        manifest = archive.read_manifest(plain)
        if manifest.role != "office":
            raise StoreRefused("Tệp này là bản sao lưu của một nút, không phải của cơ quan thành viên.")
        try:
            with files.disk_errors(), part.open("wb") as out:
                sealing.seal(files.pieces_of(plain), out, [recipient])
            with files.disk_errors():
                part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    with database.transaction() as work_row:
        journal.write(
            work_row, Act.EXPORTED, actor.uid, about=f"backup:{manifest.installation}",
            facts={"code": manifest.code, "backup_made_at": manifest.made_at, "head": manifest.head,
                   "for": sealing.fingerprint(recipient)},
        )  # fmt: skip
    return HandedBack(target, manifest.code, manifest.name, manifest.made_at, secret)
