"""Statistics: rates that the register itself can answer, each with its fraction, definition and source.

Source: QĐ 28/2018, Điều 11.
"""

from __future__ import annotations

from flask import Blueprint, Response

from commune_portal import clock
from commune_portal.documents import statistics
from commune_portal.documents.statistics import Period
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statistics import VERSION
from commune_portal.views import _session
from commune_portal.views._page import page, request

blueprint = Blueprint("statistics", __name__, url_prefix="/statistics")


@blueprint.get("")
def show() -> Response:
    """The rates of a year or a month, and the totals of every month."""
    by = _session.require(Verb.STATISTICS_SEE)
    years = statistics.years(by)
    year = request.args.get("year", type=int)
    if year not in years:
        year = clock.today().year
    month = request.args.get("month", type=int)
    if month is not None and not 1 <= month <= 12:
        month = None
    period = Period.of(year, month)
    totals = statistics.months(by, year)
    return page(
        "statistics/show.html",
        "statistics/_rates.html",
        years=[(str(item), str(item)) for item in years],
        year=year,
        month=str(month or ""),
        period=period,
        rates=statistics.rates(by, period),
        months=totals,
        arrived=sum(item.arrived for item in totals),
        issued=sum(item.issued for item in totals),
        returned=statistics.statuses_returned(by, period),
        version=VERSION,
        counted_at=clock.now(),
    )
