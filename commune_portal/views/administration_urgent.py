"""Administration of two dated rules: after how many minutes somebody telephones, and what also goes on paper."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, flash, url_for

from commune_portal import clock
from commune_portal.errors import Malformed
from commune_portal.people import directory, office_rules
from commune_portal.rules.calls import LIMIT_NAMES, MOST_MINUTES, CallLimits
from commune_portal.rules.folding import fold
from commune_portal.rules.kinds import document_types
from commune_portal.rules.paper_alongside import PaperLine, PaperRule
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._forms import FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("administration_urgent", __name__, url_prefix="/administration/office/rules/urgent")

EVERY_TYPE = "Mọi loại"
LABELS = {
    "receipt": "Chưa tới nơi nhận",
    "acceptance": "Chưa được tiếp nhận",
    "before_deliver_by": "Trước giờ hẹn",
    "again": "Nhắc lại sau khi gọi được",
}


@blueprint.get("")
def show() -> Response:
    """The minutes and the list as they are today."""
    _session.require(Verb.ADMINISTRATION_OFFICE)
    return _form(None)


@blueprint.post("/limits")
def set_limits() -> Response:
    """Sets the minutes from today on."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    reader = FormReader(request.form)
    typed = {
        name: reader.number(name, LABELS[name], required=True, least=1, most=MOST_MINUTES) or 0 for name in LIMIT_NAMES
    }
    if reader.refused:
        return _form(reader.state(), 422)
    limits = CallLimits.from_json(typed)
    if limits != office_rules.call_limits(clock.today()):
        office_rules.set_rule(by, office_rules.CALL_LIMITS, limits.to_json())
    flash("Đã lưu số phút phải gọi điện.", "good")
    return go_to(url_for("administration_urgent.show"))


@blueprint.post("/paper")
def set_paper() -> Response:
    """Sets from today on what also goes on paper, and to whom."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    reader = FormReader(request.form)
    text = reader.area("paper", "Danh sách gửi kèm bản giấy", longest=4000)
    if not reader.refused:
        try:
            rule = read_paper(text, clock.today())
        except Malformed as refusal:
            reader.refuse_because(refusal)
        else:
            if rule != office_rules.paper_rule(clock.today()):
                office_rules.set_rule(by, office_rules.PAPER_ALONGSIDE, rule.to_json())
            flash("Đã lưu danh sách gửi kèm bản giấy. Văn bản đã gửi không thay đổi.", "good")
            return go_to(url_for("administration_urgent.show"))
    return _form(reader.state(), 422)


def paper_text(rule: PaperRule, on: date) -> str:
    """The list as the form shows it: a line each, `Quyết định, Tờ trình: H99, H99.02`."""
    names = {item.code: item.name for item in document_types(on)}
    lines = []
    for line in rule.lines:
        types = ", ".join(names.get(code, code) for code in line.type_codes) or EVERY_TYPE
        lines.append(f"{types}: {', '.join(line.organ_codes)}" if line.organ_codes else types)
    return "\n".join(lines)


def read_paper(text: str, on: date) -> PaperRule:
    """The list as typed; raises Malformed with the line that is wrong."""
    known = {fold(item.name): item.code for item in document_types(on)}
    lines = []
    for line in filter(None, (part.strip() for part in text.split("\n"))):
        types, _, offices = line.partition(":")
        codes = []
        for word in filter(None, (part.strip() for part in types.split(","))):
            if fold(word) == fold(EVERY_TYPE):
                continue
            code = known.get(fold(word))
            if code is None:
                raise Malformed(f"Dòng «{line[:60]}»: không có loại văn bản «{word}».", field="paper")
            codes.append(code)
        organs = []
        for word in filter(None, (part.strip() for part in offices.split(","))):
            found = directory.by_code(word)
            if found is None:
                raise Malformed(f"Dòng «{line[:60]}»: danh bạ không có mã «{word}».", field="paper")
            organs.append(found.code)
        if not codes and not organs:
            raise Malformed(f"Dòng «{line[:60]}»: hãy ghi loại văn bản, hoặc mã nơi nhận sau dấu hai chấm.",
                            field="paper")  # fmt: skip
        lines.append(PaperLine(tuple(codes), tuple(organs)))
    return PaperRule(tuple(lines))


def _form(form: FormState | None, status: int = 200) -> Response:
    today = clock.today()
    values: dict[str, object] = {
        **office_rules.call_limits(today).to_json(),
        "paper": paper_text(office_rules.paper_rule(today), today),
    }
    begun = filled(values)
    if form is not None:
        # One of the two forms came back: the other shows what is stored.
        begun = FormState({**begun.values, **form.values}, form.errors)
    return page("administration/urgent.html", status=status, form=begun, labels=LABELS)
