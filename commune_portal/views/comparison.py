"""«Đối chiếu» at an office: what we sent and took against what the node holds and what receipts prove.

The page needs no link: it shows the node's newest answers and says how old they are.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, flash, url_for

from commune_portal.documents import comparison_prints, comparisons, reconciliation, standings
from commune_portal.documents.reconciliation import Asked, Side
from commune_portal.rules import comparison
from commune_portal.rules.comparison import Compared
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._comparing import counts, days, fonts_folder, pdf
from commune_portal.views._page import go_to, page, request
from commune_portal.views._shell import MenuEntry

blueprint = Blueprint("comparison", __name__, url_prefix="/exchange/comparison")

EVIDENCE = "exchange_evidence.message"
"""The endpoint that gives a message's evidence as one file, where this release carries it."""


@blueprint.get("")
def show() -> Response:
    """The differences of a period first, then the number of what agrees."""
    by = _session.require(Verb.EXCHANGE_COMPARE)
    asked, first, last = _asked()
    found = reconciliation.page(by, asked, request.args.get("after", ""))
    wanted = {"side": asked.side, "since": f"{first:%d/%m/%Y}", "until": f"{last:%d/%m/%Y}", "peer": asked.peer}
    return page(
        "comparison/show.html",
        "comparison/_lines.html",
        asked=asked,
        first=first,
        last=last,
        found=found,
        counts=counts(found.counts),
        differences=comparison.differences(found.counts),
        peers=reconciliation.peers_of(by),
        tabs=_tabs(asked, wanted),
        lines=[(line, _address(asked.side, line), _evidence(line)) for line in found.lines],
        compared_at=comparisons.compared_at(),
        is_wanted=comparisons.is_wanted(),
        contradictions=standings.contradictions(),
        older=_at(wanted, asked, found.next_after) if found.next_after else "",
        start=_at(wanted, asked, "") if request.args.get("after") else "",
        other=_at(wanted, Asked(asked.side, "", "", asked.peer, not asked.agreeing), ""),
    )


@blueprint.post("/ask")
def ask() -> Response:
    """«Hỏi lại nút»: the messages of the period are asked about at the next contact."""
    by = _session.require(Verb.EXCHANGE_COMPARE)
    asked, first, last = _asked()
    waiting = comparisons.ask_again(by, asked.since, asked.until, asked.peer)
    flash(f"Sẽ hỏi nút về {waiting} văn bản ở lần liên lạc tới; tải lại trang sau ít phút.", "good")
    wanted = {"side": asked.side, "since": f"{first:%d/%m/%Y}", "until": f"{last:%d/%m/%Y}", "peer": asked.peer}
    return go_to(_at(wanted, asked, ""))


@blueprint.post("/print")
def print_() -> Response:
    """The comparison as PDF; that it was printed is journalled."""
    by = _session.require(Verb.EXCHANGE_COMPARE)
    asked, first, last = _asked()
    with comparison_prints.print_comparison(by, asked, first, last, folder=fonts_folder()) as printed:
        return pdf(printed.path, printed.name)


def _asked() -> tuple[Asked, Any, Any]:
    chosen = days()
    since, until = chosen.instants
    side: Side = "incoming" if request.values.get("side") == "incoming" else "outgoing"
    peer = request.values.get("peer", "")[:35]
    agreeing = request.values.get("show") == "agreeing"
    return Asked(side, since, until, peer, agreeing), chosen.first, chosen.last


def _tabs(asked: Asked, wanted: dict[str, str]) -> list[MenuEntry]:
    labels = (("outgoing", "Ta gửi đi"), ("incoming", "Gửi cho ta"))
    return [
        MenuEntry(label, url_for("comparison.show", **{**_given(wanted), "side": side, "peer": ""}), None,
                  current=side == asked.side)
        for side, label in labels
    ]  # fmt: skip


def _at(wanted: dict[str, str], asked: Asked, after: str) -> str:
    more = {"show": "agreeing" if asked.agreeing else "", "after": after}
    return url_for("comparison.show", **_given({**wanted, **more}))


def _given(wanted: dict[str, str]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if value}


def _address(side: Side, line: Compared) -> str:
    if line.document_row is None:
        return ""
    return url_for("outgoing_issue.show" if side == "outgoing" else "incoming.show", document=line.document_row)


def _evidence(line: Compared) -> str:
    if EVIDENCE not in current_app.view_functions or not line.sent:
        return ""
    return url_for(EVIDENCE, message=line.message_id)
