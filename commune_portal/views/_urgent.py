"""The strip at the top of every page: hỏa tốc documents that have come, and calls that are due.

Shown to whoever registers or directs; asked for again every twenty seconds by script, without keeping anybody logged
in, and answered with 204 while nothing has changed. The browser sounds what the strip names.
"""

from __future__ import annotations

import hashlib

from flask import Flask, Response, render_template, url_for

from commune_portal import clock
from commune_portal.documents import secrecy, urgent
from commune_portal.documents.urgent import FlashArrival
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._format import hour, instant, number
from commune_portal.views._page import request, respond
from commune_portal.views._shell import UrgentLine, UrgentStrip

LINES_SHOWN = 3


def strip(by: Actor, arrivals_waiting: int | None = None) -> UrgentStrip | None:
    """The strip for a person; None for whoever has nothing to do with what comes in urgently."""
    registers = by.may(Verb.INCOMING_REGISTER)
    if not (registers or by.may(Verb.INCOMING_ASSIGN)):
        return None
    arrivals = urgent.flash_arrivals(by) if arrivals_waiting != 0 else []
    calls = urgent.amount_to_call(clock.now()) if by.may(Verb.EXCHANGE_CALL) else 0
    reports = secrecy.amount_to_report() if by.may(Verb.INCOMING_REFUSE) else 0
    made = UrgentStrip(
        poll_url="",
        lines=tuple(_line(item) for item in arrivals[:LINES_SHOWN]),
        more=max(0, len(arrivals) - LINES_SHOWN),
        sounding=" ".join(str(item.id) for item in arrivals),
        calls_text=f"Cần gọi điện: {number(calls)} nơi chưa nhận văn bản hỏa tốc" if calls else "",
        calls_url=url_for("urgent.show_list") if calls else "",
        calls=calls,
        report_text=f"Cần báo cáo: {number(reports)} văn bản mang dấu độ mật đã bị từ chối" if reports else "",
        report_url=url_for("classified.show") if reports else "",
    )
    return made.polled(url_for("urgent_strip", seen=_seen(made)))


def install_strip(app: Flask) -> None:
    """Serves the strip's fragment."""

    @_session.polling
    def urgent_strip() -> Response:
        found = strip(_session.actor())
        if found is None or request.args.get("seen") == _seen(found):
            return respond(status=204)
        return respond(render_template("_urgent.html", urgent=found))

    app.add_url_rule("/urgent", "urgent_strip", urgent_strip)


def _line(item: FlashArrival) -> UrgentLine:
    came = f"đến lúc {hour(item.arrived_at)}"
    by_hour = f", hẹn trước {instant(item.deliver_by)}" if item.deliver_by else ""
    return UrgentLine(
        words=f"{item.code or 'không số'} – {item.subject}",
        note=f"{item.sender_name}, {came}{by_hour}",
        url=url_for("incoming.show", document=item.id),
        late=item.is_late,
    )


def _seen(shown: UrgentStrip) -> str:
    """What a browser shows now, short enough for an address."""
    text = repr((shown.lines, shown.more, shown.sounding, shown.calls_text, shown.report_text))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
