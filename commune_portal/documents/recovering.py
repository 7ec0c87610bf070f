"""«Đối chiếu số sau khôi phục»: from a restored register to one that gives numbers again, step by step.

Every number between the restored highest and the highest that anybody knows becomes a row; then somebody confirms, and
the relay goes on. Each step is a verb with its line in the journal; `standings` tells how far it is.
Source: decisions 9, 12, 14; deploy.md §9; NĐ 30/2020, Điều 15, Phụ lục VI, IV.1.e.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from commune_portal import clock
from commune_portal.documents import books, brought_back, lost, lost_documents, standings, standstill
from commune_portal.documents.brought_back import Typed
from commune_portal.documents.lost_documents import Series
from commune_portal.documents.standings import Recovery, Standing
from commune_portal.documents.standstill import Restoration
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import numbering, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal
from commune_portal.store.register import Work

MOST_MISSING = 5000
"""How far the paper may be ahead of a backup; a larger number is a slip of the hand."""
SERIALS_IN_DOUBT = 1000
NONE_OPEN = "Không có lần khôi phục nào đang chờ đối chiếu."


def recovery(actor: Actor) -> Recovery | None:
    """How far the open restore is; None where nothing waits."""
    actor.require(Verb.BOOKS_OPEN)
    return standings.read()


def without_node(actor: Actor, reason: str) -> None:
    """«Không liên lạc được nút: làm theo bản giấy»: the clerk answers for it with a reason, and the step is open."""
    actor.require(Verb.BOOKS_OPEN)
    reason = statuses.check_reason(reason)
    open_ = _open()
    with database.transaction() as work:
        _say(work, open_, without_node=reason)
        journal.write(
            work, Act.NUMBERS_RECONCILED, actor.uid, about=open_.about, facts={"step": "without-node"},
            texts={"reason": reason, "actor_name": actor.full_name},
        )  # fmt: skip


def say_paper(actor: Actor, highest: Mapping[str, int]) -> None:
    """Keeps the highest number that stands on paper, for each book by its `ref`; may be corrected until the end.

    Document ids count each number of an issuer's year: as many as are missing are passed over, whoever got them.
    """
    actor.require(Verb.BOOKS_OPEN)
    now = standings.read()
    if now is None:
        raise RuleBroken(NONE_OPEN)
    said = dict(now.restoration.said.get("paper", {}))
    for item in now.books:
        number = highest.get(item.series.ref)
        if number is None:
            continue
        least = max(item.restored, max(_entered(item), default=0))
        if number < least:
            raise Malformed(
                f"«{item.name}» năm {item.series.year} đã có đến số {least} trong hệ thống; số cao nhất trên giấy không"
                " thể nhỏ hơn. Nếu trên giấy không có số nào lớn hơn, hãy nhập đúng số này.",
                field=item.series.ref,
            )
        if number > item.restored + MOST_MISSING:
            raise Malformed("Số này quá xa số trong hệ thống. Hãy xem lại sổ giấy.", field=item.series.ref)
        said[item.series.ref] = number
    with database.transaction() as work:
        changed = _say(work, now.restoration, paper=said)
        _pass_over_serials(work, changed, now)
        journal.write(
            work, Act.NUMBERS_RECONCILED, actor.uid, about=now.restoration.about,
            facts={"step": "paper", **said},
            texts={"actor_name": actor.full_name},
        )  # fmt: skip


def _entered(item: Standing) -> list[int]:
    """Numbers above the restored highest that were entered from paper and so cannot be unsaid."""
    return [number for number in range(item.restored + 1, (item.paper or 0) + 1) if number not in item.missing]


def bring_back(actor: Actor, *, wait: bool = True) -> int:
    """Takes over everything that the node told and the register does not know; answers how many documents.

    With `wait` False arrivals that have not come again are written from the lost line alone, without their files.
    """
    actor.require(Verb.BOOKS_OPEN)
    now = standings.read()
    if now is None:
        raise RuleBroken(NONE_OPEN)
    wanted = [*now.to_bring, *(() if wait else now.on_the_way)]
    ready = [(item, brought_back.parts_of(item) if item.direction == "outgoing" else []) for item in wanted]
    names = {item.series.ref: item.name for item in now.books}
    with database.transaction() as work:
        _say(work, now.restoration, **({} if wait else {"given_up": [item.uid for item in now.on_the_way]}))
        for code, year, serial in ((*place, top) for place, top in lost_documents.highest_serials().items()):
            row = work.execute("SELECT id FROM issuers WHERE code = ? ORDER BY valid_from DESC", (code,)).fetchone()
            if row is not None:
                books.move_serials(work, row[0], year, serial)
        journal.write(
            work, Act.NUMBERS_RECONCILED, actor.uid, about=now.restoration.about,
            facts={"step": "node", "documents": len(ready), **lost.signed_with()},
            texts={"actor_name": actor.full_name},
        )  # fmt: skip
        for item, parts in ready:
            name = names.get(item.series.ref, "") if item.series else ""
            if item.direction == "outgoing":
                brought_back.outgoing(work, actor, item, parts, name)
            else:
                brought_back.incoming(work, actor, item, name)
    return len(ready)


def enter(actor: Actor, ref: str, number: int, typed: Typed) -> None:
    """Writes one missing number off paper; raises RuleBroken for one that is not missing."""
    _enter(actor, ref, [number], typed)


def enter_unknown(actor: Actor, ref: str, reason: str) -> int:
    """«Chưa rõ, đã dùng»: every number of a book that is still missing counts as used; answers how many."""
    reason = statuses.check_reason(reason)
    standing = _standing(ref)
    _enter(actor, ref, list(standing.missing), Typed(reason=reason))
    return len(standing.missing)


def _enter(actor: Actor, ref: str, numbers: list[int], typed: Typed) -> None:
    actor.require(Verb.BOOKS_OPEN)
    if not typed.subject:
        statuses.check_reason(typed.reason)
    open_ = _open()
    standing = _standing(ref)
    told = next(
        (item for item in lost_documents.read() if item.series == standing.series and item.number in numbers), None
    )
    if told is not None:
        raise RuleBroken(
            f"Nút liên thông biết số {told.number} là văn bản nào. Hãy bấm «Lấy lại từ nút» ở bước 2, không nhập tay."
        )
    if any(number not in standing.missing for number in numbers):
        raise RuleBroken("Số này đã có trong sổ rồi. Hãy tải lại trang để xem các số còn thiếu.")
    if not numbers:
        raise RuleBroken("Sổ này không còn số nào thiếu.")
    with database.transaction() as work:
        _say(work, open_)
        journal.write(
            work, Act.NUMBERS_RECONCILED, actor.uid, about=open_.about,
            facts={"step": "typed", "book": ref, "numbers": len(numbers)}, texts={"actor_name": actor.full_name},
        )  # fmt: skip
        for number in numbers:
            brought_back.typed(work, actor, standing.series, number, typed, standing.name)


def confirm(actor: Actor, *, nothing_more_on_paper: bool = False) -> None:
    """Ends the standstill: numbers are given and the relay sends again; what was done is kept for the report.

    With `nothing_more_on_paper` the clerk says of every book that paper holds no higher number: where the node tells of
    nothing lost either, that is all there is to do. Raises RuleBroken while anything is open.
    """
    actor.require(Verb.BOOKS_OPEN)
    now = standings.read()
    if now is None:
        raise RuleBroken(NONE_OPEN)
    if nothing_more_on_paper and not now.said_paper:
        say_paper(actor, {item.series.ref: item.highest for item in now.books if item.paper is None})
        now = standings.read()
        assert now is not None
    if not now.has_heard:
        raise RuleBroken("Nút liên thông chưa trả lời. Hãy làm bước 1, hoặc chọn làm theo bản giấy và nêu lý do.")
    if not now.said_paper:
        raise RuleBroken("Chưa nhập số cao nhất trên giấy của mọi sổ (bước 3).")
    if now.to_bring or now.on_the_way:
        raise RuleBroken("Còn văn bản nút đã thấy mà sổ chưa có. Hãy lấy lại từ nút (bước 2).")
    if now.missing:
        raise RuleBroken(f"Còn {now.missing} số chưa có dòng nào trong sổ. Hãy làm hết bước 4.")
    at = clock.now_text()
    with database.transaction() as work:
        _say(work, now.restoration, settled=_settled(now))
        for item in standstill.restorations():
            if item.confirmed_at is None:
                work.update("restorations", item.id, {"confirmed_at": at, "confirmed_by": actor.id})
        journal.write(
            work, Act.NUMBERS_RECONCILED, actor.uid, about=now.restoration.about, before="open", after="confirmed",
            facts={
                "step": "confirmed", "epoch": now.restoration.epoch, "node": int(now.node.answered_at is not None),
                "numbers": now.gained,
                **{
                    item.series.ref: [str(item.restored), str(item.node or 0), str(item.paper or 0)]
                    for item in now.books
                },
            },
            texts={"actor_name": actor.full_name, "reason": now.without_node},
        )  # fmt: skip
        lost.forget(work)


def _settled(now: Recovery) -> list[dict[str, Any]]:
    return [
        {"ref": item.series.ref, "name": item.name, "issuer": item.issuer_name, "restored": item.restored,
         "node": item.node, "paper": item.paper}
        for item in now.books
    ]  # fmt: skip


def _standing(ref: str) -> Standing:
    now = standings.read()
    found = next((item for item in now.books if item.series.ref == ref), None) if now else None
    if found is None:
        raise RuleBroken("Không có sổ này trong lần đối chiếu. Hãy tải lại trang.")
    return found


def _open() -> Restoration:
    found = standstill.restorations()
    if not found or found[0].confirmed_at is not None:
        raise RuleBroken(NONE_OPEN)
    return found[0]


def _say(work: Work, restoration: Restoration, **changes: Any) -> dict[str, Any]:
    """Keeps what was said, and answers it; at the first word also where every book and every serial stood."""
    said = dict(restoration.said)
    if "restored" not in said:
        said["restored"] = {
            Series(row[0], row[1], row[2], row[3]).ref: row[4]
            for row in work.execute("SELECT direction, issuer_id, key, year, last_number FROM books").fetchall()
        }
        said["serials"] = {
            f"{row[0]}|{row[1]}": row[2]
            for row in work.execute("SELECT issuer_id, year, last_serial FROM serials").fetchall()
        }
    said.update(changes)
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    work.update("restorations", restoration.id, {"report": text}, expected={"confirmed_at": None})
    return said


def _pass_over_serials(work: Work, said: Mapping[str, Any], now: Recovery) -> None:
    """Every number given since the backup took one serial of its issuer's year: as many are never minted again.

    Without the node nobody knows what lies with recipients and on no paper here: then a thousand more are left out.
    """
    given: dict[tuple[int, int], int] = {}
    for item in now.books:
        if item.series.direction != "outgoing" or item.series.issuer_id is None:
            continue
        highest = max(item.restored, item.node or 0, said["paper"].get(item.series.ref, 0))
        place = (item.series.issuer_id, item.series.year)
        given[place] = given.get(place, 0) + highest - item.restored
    margin = 0 if now.node.answered_at is not None else SERIALS_IN_DOUBT
    for (issuer_id, year), amount in given.items():
        if amount + margin:
            least = int(said["serials"].get(f"{issuer_id}|{year}", 0)) + amount + margin
            books.move_serials(work, issuer_id, year, min(least, numbering.LAST_SERIAL - 1))
