"""Carried out on the machine by the release's own interpreter: simulated tokens, and the people who sign with them.

An office would plug its tokens in and declare them in the pages of the administration; the verbs are the same. Where
the settings allow the trial key, that stands in. The first argument is the settings file, the second the password of
the leader. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from commune_portal import serve, settings
from commune_portal.paper import sample_marks
from commune_portal.people import accounts, issuers, mandates
from commune_portal.people.actors import PORTAL
from commune_portal.rules.kinds import Competence
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.signing import softhsm, trial
from commune_portal.signing.authority import Authority, Holder, certificate_pem
from commune_portal.store import files

PIN = "13572468"


def main() -> None:
    """Makes tokens, declares certificates, seal and mandate."""
    own = settings.load(Path(sys.argv[1]))
    with serve.opened(own):
        issuer = issuers.all_issuers()[0]
        leader = Holder("Nguyễn Đức Hòa", issuer.name, issuer.code, "Chủ tịch")
        office = Holder(issuer.name, issuer.name, issuer.code)
        own.trust_folder.mkdir(exist_ok=True)
        made = (_trial_keys if own.token.trial else _tokens)(own, office, leader)
        issuers.set_certificate(PORTAL, issuer.id, made[office.common_name])
        issuers.set_seal(PORTAL, issuer.id, files.keep(sample_marks.sample_seal(issuer.name)).sha256)
        account = accounts.add(
            PORTAL, username="chutich", full_name=leader.common_name, roles=[Role.LEADER], password=sys.argv[2]
        )
        mandate = mandates.give(
            PORTAL, account_id=account.account_id, issuer_id=issuer.id, competence=Competence.TM,
            position="Chủ tịch", certificate_sha256=made[leader.common_name],
        )  # fmt: skip
        mandates.set_picture(PORTAL, mandate.id, files.keep(sample_marks.sample_signature(leader.common_name)).sha256)
    print(json.dumps({"pin": PIN}))


def _tokens(own: Settings, office: Holder, leader: Holder) -> dict[str, str]:
    """A token each; answers the certificates by the holders' names."""
    authority = Authority.create("CA mô phỏng cho diễn tập")
    plans = [softhsm.TokenPlan("UBND", PIN, (office,)), softhsm.TokenPlan("Lanh dao", PIN, (leader,))]
    made = softhsm.provision(own.folder / "softhsm", plans, authority)
    _trust(own, authority)
    return {item.common_name: item.certificate_sha256 for item in made}


def _trial_keys(own: Settings, office: Holder, leader: Holder) -> dict[str, str]:
    """Two trial keys; answers the certificates by the holders' names."""
    authority = trial.root(own.folder / "trial-root")
    holders = (office, leader)
    made = trial.create(own.trial_folder, [*holders], authority)
    _trust(own, authority)
    return {holder.common_name: item.sha256 for holder, item in zip(holders, made, strict=True)}


def _trust(own: Settings, authority: Authority) -> None:
    (own.trust_folder / "root.pem").write_bytes(certificate_pem(authority.certificate_der))


if __name__ == "__main__":
    main()
