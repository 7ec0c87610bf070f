"""Founding an office or a node for a demonstration or a rehearsal, with the real verbs and fictional people.

Keys, certificates and times differ each run. Without SoftHSM2 the trial key stands in, labelled on every screen.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.paper import sample_marks
from commune_portal.people import accounts, founding, issuers, mandates
from commune_portal.people.actors import PORTAL
from commune_portal.rules.kinds import Competence
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.signing import softhsm, trial
from commune_portal.signing.authority import Authority, Holder, certificate_pem
from commune_portal.store import files

PIN = "13572468"
CENTRE_POST = "Chủ tịch"


@dataclass(frozen=True, slots=True)
class PersonPlan:
    """One account: its name, post and roles; leaders get a mandate and a certificate."""

    username: str
    full_name: str
    roles: tuple[str, ...]
    position: str = ""
    unit: str = ""
    competence: str = ""
    signs_as: str = ""


@dataclass(frozen=True, slots=True)
class PartyPlan:
    """One installation: role, code, name, people; `password` is the same for all of them and is printed."""

    role: str
    code: str
    name: str
    place: str
    parent_name: str
    people: tuple[PersonPlan, ...]
    password: str
    units: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> PartyPlan:
        """Reads what `to_json` wrote, also after a way through JSON."""
        people = tuple(PersonPlan(**{**item, "roles": tuple(item["roles"])}) for item in value["people"])
        units = tuple((name, abbreviation) for name, abbreviation in value["units"])
        return cls(**{**value, "people": people, "units": units})


@dataclass(frozen=True, slots=True)
class Certificates:
    """Certificates on a real token, by SHA-256: the leader's and the organisation's (they may be one)."""

    leader: str
    organisation: str

    def to_json(self) -> dict[str, str]:
        """Plain values."""
        return {"leader": self.leader, "organisation": self.organisation}


def found(
    settings: Settings,
    plan: PartyPlan,
    authority_folder: Path,
    since: date,
    certificates: Certificates | None = None,
) -> None:
    """Makes keys, register, people and, for an office, issuer, certificates and mandates valid since a day.

    `certificates` are those of a real token; without them simulated ones are made.
    """
    with clock.standing_at(clock.from_text(f"{since.isoformat()}T00:30:00Z")):
        founding.make(settings, code=plan.code, name=plan.name, place=plan.place)
        ids = {person.username: _account(person, plan) for person in plan.people}
        if settings.role == "office":
            _office(settings, plan, authority_folder, since, ids, certificates)


def _account(person: PersonPlan, plan: PartyPlan) -> int:
    made = accounts.add(
        PORTAL,
        username=person.username,
        full_name=person.full_name,
        roles=[Role(role) for role in person.roles],
        position=person.position,
        unit=person.unit,
        password=plan.password,
    )
    return made.account_id


def _office(
    settings: Settings,
    plan: PartyPlan,
    authority_folder: Path,
    since: date,
    ids: dict[str, int],
    real: Certificates | None,
) -> None:
    for name, abbreviation in plan.units:
        issuers.add_unit(PORTAL, name=name, abbreviation=abbreviation)
    issuer = issuers.add(
        PORTAL,
        code=plan.code,
        name=plan.name,
        abbreviation="UBND",
        place=plan.place,
        parent_name=plan.parent_name,
        valid_from=since,
    )
    signers = [person for person in plan.people if person.competence]
    if real is not None:
        certificates = {plan.name: real.organisation, **{person.full_name: real.leader for person in signers}}
    else:
        certificates = _certificates(settings, plan, authority_folder, signers)
    issuers.set_certificate(PORTAL, issuer.id, certificates[plan.name])
    issuers.set_seal(PORTAL, issuer.id, files.keep(sample_marks.sample_seal(plan.name)).sha256)
    for person in signers:
        mandate = mandates.give(
            PORTAL,
            account_id=ids[person.username],
            issuer_id=issuer.id,
            competence=Competence(person.competence),
            position=person.signs_as,
            certificate_sha256=certificates[person.full_name],
            valid_from=since,
        )
        mandates.set_picture(PORTAL, mandate.id, files.keep(sample_marks.sample_signature(person.full_name)).sha256)


def _certificates(
    settings: Settings, plan: PartyPlan, authority_folder: Path, signers: list[PersonPlan]
) -> dict[str, str]:
    """Makes a key and a certificate for each signer and for the office; answers their hashes by name."""
    people = [Holder(person.full_name, plan.name, plan.code, person.position) for person in signers]
    office = Holder(plan.name, plan.name, plan.code)
    settings.trust_folder.mkdir(parents=True, exist_ok=True)
    if settings.token.trial:
        root = trial.root(authority_folder)
        issued = trial.create(settings.trial_folder, [*people, office], root)
        _trust(settings, root)
        names = [holder.common_name for holder in (*people, office)]
        return {name: item.sha256 for name, item in zip(names, issued, strict=True)}
    authority = demonstration_root(authority_folder)
    folder = settings.softhsm_folder
    assert folder is not None
    plans = [softhsm.TokenPlan(f"UBND {plan.code}"[:32], PIN, (office,))]
    plans += [softhsm.TokenPlan(f"Lanh dao {ordinal}", PIN, (person,)) for ordinal, person in enumerate(people, 1)]
    made = softhsm.provision(folder, plans, authority)
    _trust(settings, authority)
    return {item.common_name: item.certificate_sha256 for item in made}


def demonstration_root(folder: Path) -> Authority:
    """The one root under which all simulated tokens of a demonstration stand, made at the first call."""
    if not (folder / "root.key.pem").exists():
        Authority.create("CA mô phỏng cho diễn tập").save(folder)
    return Authority.load(folder)


def _trust(settings: Settings, authority: Authority) -> None:
    (settings.trust_folder / "root.pem").write_bytes(certificate_pem(authority.certificate_der))
