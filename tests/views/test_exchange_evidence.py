"""What the exchange page hands out: evidence of a message, quarantined bytes, and tasks whose list has run out."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

from commune_portal import clock
from commune_portal.documents import outbox, quarantine
from commune_portal.store import database
from tests.documents.partner import a_receipt
from tests.views.outgoing_stage import make_reachable
from tests.views.portal import Portal, founded, portal, size
from tests.views.test_exchange_pages import NODES, linked, queued

__all__ = ["founded", "portal"]


def sent(portal: Portal) -> tuple[int, str]:
    """A document in the outbox; its row and message id."""
    make_reachable()
    linked(portal)
    row_id = queued(portal)
    return row_id, str(database.row("SELECT message_id FROM outbox")[0])


def test_evidence_is_offered_once_the_node_has_signed_and_comes_as_a_zip(portal: Portal) -> None:
    row_id, message = sent(portal)
    clerk = portal.browser("vanthu")
    address = f"/exchange/evidence/{message}"
    assert address not in clerk.get(f"/outgoing/{row_id}").text
    assert clerk.get(address).status_code == 409
    (sealed,) = database.row("SELECT envelope FROM outbox")
    outbox.delivered(message, a_receipt(sealed.encode(), NODES, "H99"))
    for page in (f"/outgoing/{row_id}", "/exchange"):
        assert address in clerk.get(page).text
    answer = clerk.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert {"envelope.txt", "receipt-node.txt", "keys.json", "check.py"} <= set(archive.namelist())
    assert portal.browser("chuyenvien").get(address).status_code == 403
    assert clerk.get("/exchange/evidence/khong-co").status_code == 404


def test_quarantined_bytes_are_handed_out_and_marked_as_seen(portal: Portal) -> None:
    quarantine.set_aside(b"<script>alert(1)</script>", "Không đọc được phong bì; chưa biết ai gửi.")
    clerk, row_id = portal.browser("vanthu"), database.row("SELECT id FROM quarantine")[0]
    shown = clerk.get("/exchange").text
    assert "Gói tin bị cách ly" in shown
    assert "chưa biết ai gửi" in shown
    assert "gói tin không đọc được đang được cách ly" in clerk.get("/").text
    answer = clerk.get(f"/exchange/quarantine/{row_id}")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert clerk.post(f"/exchange/quarantine/{row_id}/seen").status_code == 303
    before = size()
    assert "đã xem" in clerk.get("/exchange").text
    assert "đang được cách ly" not in clerk.get("/").text
    assert portal.browser("chutich").get(f"/exchange/quarantine/{row_id}").status_code == 403
    assert portal.browser("chutich").post(f"/exchange/quarantine/{row_id}/seen").status_code == 403
    assert size() == before


def test_what_ran_out_of_attempts_is_a_task_with_its_proof_and_never_called_failed(portal: Portal) -> None:
    _, message = sent(portal)
    clerk = portal.browser("vanthu")
    for page in ("/", "/exchange"):
        assert "Cần chuyển bằng cách khác" not in clerk.get(page).text
    for _ in portal.cast.settings.relay.retry_seconds:
        outbox.attempt_failed(message, "Nút không trả lời", clock.now())
    database.write_working("UPDATE outbox SET queued_at = ?", (clock.to_text(clock.now() - timedelta(hours=6)),))
    for page in ("/", "/exchange"):
        text = clerk.get(page).text
        assert "Cần chuyển bằng cách khác" in text
        for word in ("6 lần", "Nút không trả lời", "Gọi điện", "gửi bản giấy", "túi thư USB"):
            assert word in text, (page, word)
        assert "thất bại" not in text.lower()
    assert "Cần chuyển bằng cách khác" not in portal.browser("chuyenvien").get("/").text
