"""What a certificate may be used for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commune_portal import clock, errors
from commune_portal.signing import keys
from commune_portal.signing.authority import Holder
from tests.signing import material
from tests.signing.material import Infrastructure


def test_a_certificate_is_described_for_people(pki: Infrastructure) -> None:
    info = keys.describe(pki.leader.certificate_der)
    assert (info.common_name, info.organisation, info.key_type) == (
        "Lê Thị Mười",
        "Ủy ban nhân dân xã An Bình",
        "RSA-2048",
    )
    assert "T=Chủ tịch" in info.subject
    assert not info.trial
    assert keys.CertificateInfo.from_json(info.to_json()) == info


@pytest.mark.parametrize("days", [-5, 5])
def test_outside_its_term_a_certificate_signs_nothing(pki: Infrastructure, days: int) -> None:
    now = clock.now()
    holder = Holder("Ngắn", "Xã", key_type="ec-256")
    _, der = pki.authority.issue(holder, not_before=now - timedelta(days=1), not_after=now + timedelta(days=1))
    keys.require_usable(der, now)
    with pytest.raises(errors.TokenCertificateExpired):
        keys.require_usable(der, now + timedelta(days=days))


def test_a_certificate_not_meant_for_signing_is_refused(pki: Infrastructure) -> None:
    _, der = pki.authority.issue(Holder("Máy chủ", "Xã", key_type="ec-256"), may_sign=False)
    with pytest.raises(errors.TokenHasNoUsableCertificate, match="không được cấp để ký"):
        keys.require_usable(der, clock.now())
    with pytest.raises(errors.TokenHasNoUsableCertificate, match="cơ quan chứng thực"):
        keys.require_usable(pki.authority.certificate_der, clock.now())


def test_the_chain_is_found_by_names(pki: Infrastructure) -> None:
    root, leader = pki.authority.certificate_der, pki.leader.certificate_der
    assert keys.chain_among(leader, [material.infrastructure().leader.certificate_der, root]) == (root,)
    assert keys.chain_among(root, [root]) == ()


def test_rubbish_is_no_certificate() -> None:
    with pytest.raises(errors.Malformed):
        keys.describe(b"rubbish")
