"""The people and offices of the tests, all invented: văn thư, chủ tịch, chuyên viên, quản trị, người lạ.

`office_at` founds a real office in a folder with real verbs, trial keys and a workshop in this process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from commune_portal import clock
from commune_portal.people import accounts, issuers, mandates, passwords
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.kinds import Competence
from commune_portal.rules.permissions import Role
from commune_portal.settings import Paths, Settings, Token
from commune_portal.signing import trial, workshop
from commune_portal.signing.authority import Holder, certificate_pem
from commune_portal.store import installation
from commune_portal.wire import keys

PASSWORD = "mật khẩu để thử"
OFFICE_CODE = "H99.01"
OFFICE_NAME = "Ủy ban nhân dân xã An Phú"
OTHER_CODE = "H99.02"
OTHER_NAME = "Ủy ban nhân dân xã Bình Lợi"
NODE_CODE = "H99"
PIN = "12345678"


@dataclass(frozen=True)
class Cast:
    """An office and its people."""

    settings: Settings
    clerk: Actor
    other_clerk: Actor
    leader: Actor
    specialist: Actor
    administrator: Actor
    issuer_id: int
    mandate_id: int


def cheap_passwords() -> None:
    """One guess costs microseconds in tests."""
    passwords.COST = passwords.Cost(log_n=4, p=1)


def settings_at(folder: Path) -> Settings:
    """Settings of an office with trial keys."""
    return Settings(folder=folder, paths=Paths(allow_any_disk=True), token=Token(trial=True))


def office_at(folder: Path, code: str = OFFICE_CODE, name: str = OFFICE_NAME) -> Cast:
    """Founds an office in an empty folder and opens it in this process."""
    settings = settings_at(folder)
    own = keys.create(settings.secrets_folder)
    keys.use(own)
    place = name.rpartition("xã ")[2]
    installation.found(
        settings,
        code=code,
        name=name,
        place=place,
        public_key=own.public_key.hex(),
        box_public_key=own.box_public_key.hex(),
    )
    root = trial.root(settings.trial_folder)
    leader_certificate, seal_certificate = trial.create(
        settings.trial_folder, [Holder("Nguyễn Văn An", name, code, "Chủ tịch"), Holder(name, name, code)], root
    )
    settings.trust_folder.mkdir()
    (settings.trust_folder / "trial.pem").write_bytes(certificate_pem(root.certificate_der))
    workshop.configure(settings, in_process=True)
    issuer = issuers.add(
        PORTAL, code=code, name=name, abbreviation="UBND", place=place, parent_name="HUYỆN ĐÔNG HÒA",
        valid_from=clock.today().replace(year=2025, month=1, day=1),
    )  # fmt: skip
    issuers.set_certificate(PORTAL, issuer.id, seal_certificate.sha256)
    people = [
        _person("quantri", "Đỗ Minh Quân", Role.ADMINISTRATOR),
        _person("vanthu", "Trần Thị Bình", Role.CLERK, position="Văn thư", unit="VP"),
        _person("vanthu2", "Ngô Thị Đào", Role.CLERK, position="Văn thư", unit="VP"),
        _person("chutich", "Nguyễn Văn An", Role.LEADER, position="Chủ tịch"),
        _person("chuyenvien", "Lê Hoàng Yến", Role.SPECIALIST, position="Công chức VH-XH", unit="VHXH"),
    ]
    administrator, clerk, other_clerk, leader, specialist = people
    mandate = mandates.give(
        PORTAL, account_id=leader.id, issuer_id=issuer.id, competence=Competence.TM, position="CHỦ TỊCH",
        certificate_sha256=leader_certificate.sha256, valid_from=clock.today().replace(year=2025, month=1, day=1),
    )  # fmt: skip
    return Cast(settings, clerk, other_clerk, leader, specialist, administrator, issuer.id, mandate.id)


def _person(username: str, full_name: str, *roles: Role, position: str = "", unit: str = "") -> Actor:
    made = accounts.add(
        PORTAL, username=username, full_name=full_name, roles=roles, position=position, unit=unit, password=PASSWORD
    )
    return accounts.actor(made.account_id)
