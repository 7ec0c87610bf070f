"""«Đối chiếu số sau khôi phục»: the clerk's way from a restored register to one that gives numbers again.

Each step says what is done and what is left. Without a restore that waits the page shows the last report.
Source: deploy.md §9; decisions 9.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, flash, url_for

from commune_portal import clock
from commune_portal.documents import lost, recovering, recovery_prints
from commune_portal.documents.brought_back import Typed
from commune_portal.documents.standings import Recovery, Standing
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import kinds, numbering
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._comparing import fonts_folder, pdf
from commune_portal.views._errors import status_of
from commune_portal.views._forms import EMPTY, FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("recovering", __name__, url_prefix="/recovering")

SHOWN_DOCUMENTS = 300


@blueprint.get("")
def show() -> Response:
    """How far it is: what waits for whom, and the form of the step that is next."""
    return _render(_session.require(Verb.BOOKS_OPEN))


@blueprint.post("/without-node")
def without_node() -> Response:
    """«Không liên lạc được nút: làm theo bản giấy», with a reason."""
    by, reader = _session.require(Verb.BOOKS_OPEN), FormReader(request.form)
    reason = reader.area("without_reason", "Lý do", required=True, longest=500)
    return _done(
        by, reader, lambda: recovering.without_node(by, reason), "Đã ghi: làm theo bản giấy.", "without_reason"
    )


@blueprint.post("/ask")
def ask() -> Response:
    """«Hỏi lại nút»: at the next contact."""
    lost.ask_again(_session.actor())
    flash("Sẽ hỏi nút ở lần liên lạc tới; tải lại trang sau ít phút.", "good")
    return go_to(url_for("recovering.show"))


@blueprint.post("/bring-back")
def bring_back() -> Response:
    """«Lấy lại từ nút»: everything that the node told becomes rows of the register."""
    by, reader = _session.require(Verb.BOOKS_OPEN), FormReader(request.form)
    wait = not reader.ticked("at_once")
    found: list[int] = []
    return _done(
        by,
        reader,
        lambda: found.append(recovering.bring_back(by, wait=wait)),
        "Đã lấy lại {} văn bản từ nút.",
        "",
        found,
    )


@blueprint.post("/paper")
def paper() -> Response:
    """The highest number that stands on paper, for each book."""
    by, reader = _session.require(Verb.BOOKS_OPEN), FormReader(request.form)
    now = recovering.recovery(by)
    said: dict[str, int] = {}
    for item in now.books if now else ():
        number = reader.number(field_of(item.series.ref), label_of(item), required=True, most=numbering.LAST_SERIAL)
        if number is not None:
            said[item.series.ref] = number
    return _done(by, reader, lambda: recovering.say_paper(by, said), "Đã ghi số cao nhất trên giấy.")


@blueprint.post("/enter")
def enter() -> Response:
    """One missing number, typed off paper."""
    by, reader = _session.require(Verb.BOOKS_OPEN), FormReader(request.form)
    ref = reader.text("ref", "Sổ", required=True)
    number = reader.number("number", "Số", required=True, least=1)
    typed = Typed(
        dated=reader.day("dated", "Ngày văn bản", required=ref.startswith("outgoing")),
        arrival_date=reader.day("arrival_date", "Ngày đến", required=ref.startswith("incoming")),
        type_code=reader.text("type_code", "Loại văn bản", required=ref.startswith("outgoing"), longest=20),
        symbol=reader.text("symbol", "Số, ký hiệu", required=True, longest=100),
        subject=reader.text("subject", "Trích yếu", required=True),
        author=reader.text("author", "Cơ quan ban hành", required=ref.startswith("incoming")),
        signer=reader.text("signer", "Người ký"),
        recipients=reader.text("recipients", "Nơi nhận"),
        note=reader.area("note", "Ghi chú", longest=1000),
    )
    return _done(by, reader, lambda: recovering.enter(by, ref, number or 0, typed), f"Đã ghi số {number} vào sổ.")


@blueprint.post("/unknown")
def unknown() -> Response:
    """«Chưa rõ, đã dùng»: what is still missing of a book counts as used, with a reason."""
    by, reader = _session.require(Verb.BOOKS_OPEN), FormReader(request.form)
    ref = reader.text("ref", "Sổ", required=True)
    reason = reader.area("unknown_reason", "Lý do", required=True, longest=500)
    found: list[int] = []
    return _done(
        by, reader, lambda: found.append(recovering.enter_unknown(by, ref, reason)),
        "Đã ghi {} số là «đã dùng, chưa rõ văn bản».", "unknown_reason", found,
    )  # fmt: skip


@blueprint.post("/confirm")
def confirm() -> Response:
    """«Xác nhận đã đối chiếu xong»: numbers are given and the relay sends again."""
    by, reader = _session.require(Verb.BOOKS_OPEN), FormReader(request.form)
    nothing_more = reader.ticked("nothing_more")
    done = "Đã đối chiếu xong. Hệ thống cấp số và gửi nhận trở lại; hãy in biên bản, ký và lưu cùng sổ."
    return _done(by, reader, lambda: recovering.confirm(by, nothing_more_on_paper=nothing_more), done)


@blueprint.post("/print")
def print_() -> Response:
    """The report as PDF; that it was printed is journalled."""
    by = _session.require(Verb.BOOKS_OPEN)
    with recovery_prints.print_report(by, folder=fonts_folder()) as printed:
        return pdf(printed.path, printed.name)


def field_of(ref: str) -> str:
    """The name of a book's field in the form of the third step."""
    return f"paper-{ref.replace('|', '-').replace(':', '_')}"


def label_of(item: Standing) -> str:
    """A book as the form names it."""
    return f"{item.name} năm {item.series.year}"


def _done(
    by: Actor, reader: FormReader, perform: Callable[[], object], said: str, field: str = "",
    counted: list[int] | None = None,
) -> Response:  # fmt: skip
    """Performs a step; what is refused is shown at the step's own form, with what was typed."""
    status = 422
    if not reader.refused:
        try:
            perform()
        except (Malformed, RuleBroken) as refusal:
            name = refusal.field or field
            reader.refuse(field_of(name) if "|" in name else name, refusal.sentence)
            status = status_of(refusal)
        else:
            flash(said.format(*(counted or ())), "good")
            return go_to(url_for("recovering.show"))
    return _render(by, reader.state(), status)


def _render(by: Actor, form: FormState = EMPTY, status: int = 200) -> Response:
    now = recovering.recovery(by)
    if now is None:
        of = recovery_prints.settled(by)
        return page(
            "recovering/settled.html", status=status, of=of, lines=recovery_prints.lines(of) if of else [],
        )  # fmt: skip
    gap = next((item for item in now.books if item.missing), None)
    if not form.errors:
        form = filled(
            {
                **{field_of(item.series.ref): item.paper for item in now.books},
                "number": gap.missing[0] if gap else None,
            }
        )
    return page(
        "recovering/show.html",
        status=status,
        now=now,
        form=form,
        gap=gap,
        fields={item.series.ref: field_of(item.series.ref) for item in now.books},
        labels={item.series.ref: label_of(item) for item in now.books},
        documents=_documents(now),
        more=max(0, len(now.known) - SHOWN_DOCUMENTS),
        types=[(kind.code, kind.name) for kind in kinds.document_types(clock.today())],
    )


def _documents(now: Recovery) -> list[tuple[object, str, str]]:
    """What the node told, each with how it stands and its tone."""
    waiting = {item.uid for item in now.on_the_way}
    open_ = {item.uid for item in now.to_bring}
    found: list[tuple[object, str, str]] = []
    for item in now.known[:SHOWN_DOCUMENTS]:
        if item.uid in open_:
            found.append((item, "chưa có trong sổ", "warn"))
        elif item.uid in waiting:
            found.append((item, "đang tải về lại", "info"))
        else:
            found.append((item, "đã có trong sổ", "good"))
    return found
