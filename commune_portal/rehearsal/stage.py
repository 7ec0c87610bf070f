"""Setting a rehearsal up and taking it down: folders, settings, tokens, processes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from commune_portal import clock
from commune_portal.errors import StoreRefused
from commune_portal.parties import supervisor
from commune_portal.parties.founding import PIN, Certificates, PartyPlan
from commune_portal.parties.supervisor import Party
from commune_portal.rehearsal import cast
from commune_portal.signing import softhsm

TokenKind = Literal["softhsm", "trial", "pkcs11"]
SMALL_CHUNKS = (
    "chunk_bytes = 16384\nsmallest_chunk_bytes = 16384\nlargest_chunk_bytes = 32768\n"  # leave time to kill the node
)


@dataclass(frozen=True, slots=True)
class RealToken:
    """The office's own token: its module, PIN, certificates and the folder of roots to trust."""

    module: str
    pin: str
    certificates: Certificates
    trust: Path


@dataclass(slots=True)
class Stage:
    """A rehearsal's parties; `pin` is what both the leader and the clerk type."""

    folder: Path
    token: TokenKind
    pin: str
    plans: dict[str, PartyPlan]
    parties: dict[str, Party]

    @property
    def is_real(self) -> bool:
        """True when the sender signs with the office's own token."""
        return self.token == "pkcs11"  # noqa: S105 -- a kind of token

    def close(self) -> None:
        """Ends all processes; the folders stay."""
        for party in self.parties.values():
            party.close()


def empty_folder(folder: Path) -> Path:
    """The rehearsal's folder, made new; refuses one that holds anything."""
    if folder.exists() and any(folder.iterdir()):
        raise StoreRefused(f"Thư mục {folder} không trống. Hãy chọn thư mục mới cho buổi diễn tập.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def build(folder: Path, module: str, real: RealToken | None) -> Stage:
    """Founds the three installations in folders of their own; nothing runs yet but the desks."""
    simulated = module or softhsm.find_module()
    token: TokenKind = "pkcs11" if real else "softhsm" if simulated else "trial"
    since = date(clock.today().year, 1, 1)
    parties: dict[str, Party] = {}
    stage = Stage(folder, token, real.pin if real else PIN, cast.plans(), parties)
    try:
        for name, plan in stage.plans.items():
            parties[name] = _found(folder, name, plan, real if name == "sender" else None, simulated, since)
        if real is not None:
            _trust_too(real.trust, parties["receiver"])
    except BaseException:
        stage.close()
        raise
    return stage


def _found(folder: Path, name: str, plan: PartyPlan, real: RealToken | None, simulated: str, since: date) -> Party:
    port = supervisor.free_port()
    own = folder / name
    module = real.module if real else simulated
    role: Literal["office", "node"] = "node" if plan.role == "node" else "office"
    settings = supervisor.write_settings(
        own, role, port, module=module, simulated=real is None, poll_seconds=2.0, more_relay=SMALL_CHUNKS
    )
    if real is not None:
        shutil.copytree(real.trust, settings.trust_folder, dirs_exist_ok=True)
    party = supervisor.party(name, settings)
    party.desk(
        "found",
        plan=plan.to_json(),
        authority=str(folder / "authority"),
        since=since.isoformat(),
        certificates=real.certificates.to_json() if real else None,
    )
    return party


def _trust_too(roots: Path, party: Party) -> None:
    """Lets the receiver trust what the office itself trusts: else it calls the office's own signature invalid."""
    for path in roots.iterdir():
        if path.is_file():
            shutil.copyfile(path, party.settings.trust_folder / f"office-{path.name}")


def connect(stage: Stage) -> None:
    """Starts all servers and brings both offices to the node by their enrolment files."""
    node = stage.parties["node"]
    node.server.start()
    for name in ("sender", "receiver"):
        office, plan = stage.parties[name], stage.plans[name]
        file = stage.folder / name / "dang-ky.ghinoi.json"
        node.desk("add_office", code=plan.code, name=plan.name, address=node.server.address, out=str(file))
        office.desk("introduce", file=str(file), secrets=str(office.settings.secrets_folder))
        office.server.start()
    supervisor.wait_until(
        "hai cơ quan thấy nhau trong danh bạ",
        lambda: (
            cast.RECEIVER_CODE in stage.parties["sender"].desk("queue")["reachable"]
            and cast.SENDER_CODE in stage.parties["receiver"].desk("queue")["reachable"]
        ),
    )
