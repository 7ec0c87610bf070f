"""More doors of `/exchange/v1/`: who is below a node, what is held and what was lost, the organisations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flask import Blueprint, Response

from commune_portal.errors import Malformed
from commune_portal.node import announcements, comparisons, lost, organisations
from commune_portal.node.members import Member
from commune_portal.rules.chain import Checkpoint
from commune_portal.views._page import request
from commune_portal.wire import announcement, comparison, directory, extract, fields
from commune_portal.wire import lost as lost_answers
from commune_portal.wire import organisations as lists


class Caller(Protocol):
    """A request that is believed."""

    @property
    def member(self) -> Member:
        """Whose it is."""
        ...

    @property
    def body(self) -> bytes:
        """What it says."""
        ...


def add_to(
    blueprint: Blueprint,
    caller: Callable[[int], Caller],
    whole: Callable[[str | None, str], int],
    answer: Callable[[bytes], Response],
) -> None:
    """Adds the routes; `caller` believes a request, `whole` reads a count, `answer` makes JSON of bytes."""

    @blueprint.post("/subtree")
    def hear_announcement() -> Response:
        """Who is below a member that is a node itself."""
        told = caller(directory.LARGEST_BYTES)
        return answer(announcement.write_heard(announcements.hear(told.member, told.body)))

    @blueprint.post("/comparison")
    def tell_held() -> Response:
        """What the node holds of the messages asked about."""
        asked = caller(comparison.LARGEST_QUESTION_BYTES)
        questions = comparison.read_questions(asked.body)
        return answer(comparison.write_answers(comparisons.answer(asked.member, questions)))

    @blueprint.get("/comparison")
    def list_held() -> Response:
        """A page of the documents that the node took for the member."""
        member = caller(0).member
        after = whole(request.args.get("after", "0"), "after")
        limit = whole(request.args.get("limit", "500"), "limit")
        page = comparisons.listing(member, after, max(1, min(limit, comparison.LARGEST_PAGE)))
        return answer(comparison.write_page(page))

    @blueprint.get("/organisations")
    def list_organisations() -> Response:
        """What changed among the organisations that concern the member, those of some codes, or those of a search."""
        member = caller(0).member
        limit = max(1, min(whole(request.args.get("limit", "500"), "limit"), lists.LARGEST_PAGE))
        if "q" in request.args:
            page = organisations.searched(request.args["q"][:200], min(limit, lists.MOST_FOUND))
        elif "codes" in request.args:
            codes = request.args["codes"].split(",")
            if len(codes) > lists.MOST_CODES or not all(fields.CODE.fullmatch(code) for code in codes):
                raise Malformed(detail="codes")
            page = organisations.named(codes)
        else:
            page = organisations.concerning(member, whole(request.args.get("since", "0"), "since"), limit)
        return answer(lists.write_page(page))

    @blueprint.get("/lost")
    def list_lost() -> Response:
        """The earlier journals of a restored member that go beyond what it still has."""
        member = caller(0).member
        stated = {"size": whole(request.args.get("size"), "size"), "head": request.args.get("head", "")}
        checkpoint = Checkpoint(stated["size"], fields.matching(stated, "head", fields.SHA256))
        return answer(lost_answers.write_journals(lost.journals(member, checkpoint)))

    @blueprint.get("/lost/<int:epoch>")
    def show_lost(epoch: int) -> Response:
        """A stretch of an earlier journal of the member, as it came."""
        member = caller(0).member
        return answer(extract.write(lost.lines(member, epoch, whole(request.args.get("after", "0"), "after"))))

    @blueprint.get("/sent")
    def list_sent() -> Response:
        """A page of the documents that the node took from the member since an instant."""
        member = caller(0).member
        since = fields.instant(dict(request.args), "since")
        after = whole(request.args.get("after", "0"), "after")
        limit = max(1, min(whole(request.args.get("limit", "200"), "limit"), lost_answers.LARGEST_PAGE))
        return answer(lost_answers.write_sent(lost.sent(member, since, after, limit)))
