"""«Đối chiếu» at a node: sender's journal, the node's mailbox and receipts, recipient's journal, by pair and period."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, url_for

from commune_portal.node import comparison_prints, members, reconciliation
from commune_portal.node.reconciliation import Asked
from commune_portal.rules import comparison
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._comparing import counts, days, fonts_folder, pdf
from commune_portal.views._page import page, request

blueprint = Blueprint("node_comparison", __name__, url_prefix="/comparison")


@blueprint.get("")
def show() -> Response:
    """The differences of a period first, then the number of what agrees."""
    by = _session.require(Verb.EXCHANGE_COMPARE)
    asked, first, last = _asked()
    found = reconciliation.page(by, asked, request.args.get("after", ""))
    wanted = {
        "sender": asked.sender, "recipient": asked.recipient, "since": f"{first:%d/%m/%Y}",
        "until": f"{last:%d/%m/%Y}", "show": "agreeing" if asked.agreeing else "",
    }  # fmt: skip
    return page(
        "node_comparison/show.html",
        "node_comparison/_lines.html",
        asked=asked,
        first=first,
        last=last,
        found=found,
        counts=counts(found.counts),
        differences=comparison.differences(found.counts),
        members=[(member.code, member.name) for member in members.every_member() if member.enrolled_at],
        lines=[(line, "", "") for line in found.lines],
        older=_at({**wanted, "after": found.next_after}) if found.next_after else "",
        start=_at(wanted) if request.args.get("after") else "",
        other=_at({**wanted, "show": "" if asked.agreeing else "agreeing"}),
    )


@blueprint.post("/print")
def print_() -> Response:
    """The comparison as PDF; that it was printed is journalled."""
    by = _session.require(Verb.EXCHANGE_COMPARE)
    asked, first, last = _asked()
    with comparison_prints.print_comparison(by, asked, first, last, folder=fonts_folder()) as path:
        return pdf(path, f"Đối chiếu {first.isoformat()} {last.isoformat()}.pdf")


def _asked() -> tuple[Asked, Any, Any]:
    chosen = days()
    since, until = chosen.instants
    codes = [request.values.get(name, "")[:35] for name in ("sender", "recipient")]
    return (
        Asked(since, until, codes[0], codes[1], request.values.get("show") == "agreeing"),
        chosen.first,
        chosen.last,
    )


def _at(wanted: dict[str, str]) -> str:
    given: dict[str, Any] = {name: value for name, value in wanted.items() if value}
    return url_for("node_comparison.show", **given)
