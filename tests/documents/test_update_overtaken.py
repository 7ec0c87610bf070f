"""An update whose receiver refuses the document while the update's packet is being written."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from commune_portal.documents import dispatch, outgoing, updates
from commune_portal.errors import RuleBroken
from tests.cast import Cast
from tests.documents.dialogue import REASON, answer_of, ours, sent
from tests.documents.partner import Partner, items


def test_a_refusal_that_comes_home_meanwhile_stops_an_update_that_nobody_would_answer(
    office: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = Partner().introduce()
    row_id = sent(office)
    message_id, written = items()[0].message_id, dispatch.write_packet

    def refused_meanwhile(*values: Any, **more: Any) -> Any:
        answer_of(partner, outgoing.get(row_id).document_id, "02", to=message_id, reason=REASON).arrive()
        return written(*values, **more)

    monkeypatch.setattr(dispatch, "write_packet", refused_meanwhile)
    wanted = dataclasses.replace(updates.metadata_of(outgoing.get(row_id)), page_amount=7)
    with pytest.raises(RuleBroken):
        updates.update(office.clerk, row_id, wanted, REASON)
    assert ours(row_id, "update") == []
    assert outgoing.get(row_id).page_amount != 7
