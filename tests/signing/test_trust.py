"""What a trust folder holds."""

from __future__ import annotations

from pathlib import Path

from commune_portal import clock
from commune_portal.signing import trial
from commune_portal.signing.authority import Authority, Holder, certificate_pem
from commune_portal.signing.trust import TrustStore


def test_roots_intermediates_and_lists_are_told_apart_and_rubbish_is_named(tmp_path: Path) -> None:
    authority = Authority.create("Gốc", key_type="ec-256")
    _, other = authority.issue(Holder("Trung gian", "Xã", key_type="ec-256"))
    (tmp_path / "a.pem").write_bytes(certificate_pem(authority.certificate_der) + certificate_pem(other))
    (tmp_path / "b.CRT").write_bytes(authority.certificate_der)
    (tmp_path / "c.crl").write_bytes(authority.revocation_list([], clock.now()))
    (tmp_path / "d.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nnot\n-----END CERTIFICATE-----\n")
    (tmp_path / "readme.txt").write_bytes(b"ignored")
    store = TrustStore.load(tmp_path)
    assert store.roots == (authority.certificate_der, authority.certificate_der)
    assert store.intermediates == (other,)
    assert len(store.revocation_lists) == 1
    assert store.unreadable == ("d.pem",)


def test_a_missing_folder_trusts_nobody(tmp_path: Path) -> None:
    assert TrustStore.load(tmp_path / "none") == TrustStore()


def test_a_trial_root_counts_only_where_the_trial_is_allowed(tmp_path: Path) -> None:
    root = trial.root(tmp_path / "authority")
    assert trial.root(tmp_path / "authority").certificate_der == root.certificate_der
    (tmp_path / "trial.pem").write_bytes(certificate_pem(root.certificate_der))
    assert TrustStore.load(tmp_path).roots == ()
    assert TrustStore.load(tmp_path, trial_allowed=True).roots == (root.certificate_der,)
