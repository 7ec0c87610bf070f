"""An installation is verified as it stood at one instant, also while it is served."""

from __future__ import annotations

import sqlite3

import pytest

from commune_portal.documents.verification import verify_installation
from commune_portal.people import issuers
from commune_portal.people.actors import PORTAL
from commune_portal.store import verify
from tests.cast import Cast


def test_an_act_during_the_verification_is_no_forgery(office: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    read_rows = verify._check_rows

    def somebody_acts_first(
        connection: sqlite3.Connection, result: verify.Verification, newest: dict[tuple[str, str], str]
    ) -> None:
        issuers.change(
            PORTAL, office.issuer_id, name="Ủy ban nhân dân xã An Phú mới", abbreviation="UBND", place="An Phú"
        )
        read_rows(connection, result, newest)

    monkeypatch.setattr(verify, "_check_rows", somebody_acts_first)
    found = verify_installation(office.settings)
    assert found.ok, found.faults
    monkeypatch.undo()
    assert verify_installation(office.settings).ok
