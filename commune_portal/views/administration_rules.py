"""Administration of the office's dated rules: how numbers are given, which days are off, when a morning ends."""

from __future__ import annotations

import re
from datetime import date

from flask import Blueprint, Response, flash, url_for

from commune_portal import clock
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.people import office_rules
from commune_portal.rules.dates import format_civil, parse_civil
from commune_portal.rules.folding import fold
from commune_portal.rules.kinds import document_types
from commune_portal.rules.numbering import NumberGroup, NumberingRules, Scheme
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._forms import FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("administration_rules", __name__, url_prefix="/administration/office/rules")

_HOUR = re.compile(r"([01]?\d|2[0-3])[:.h]([0-5]\d)")


@blueprint.get("/numbering")
def numbering() -> Response:
    """How numbers are given today, and the form for another way."""
    _session.require(Verb.ADMINISTRATION_OFFICE)
    today = clock.today()
    now = office_rules.numbering_rules(today)
    return _numbering_form(
        filled(
            {
                "scheme": now.scheme,
                "zero_width": now.zero_width,
                "letter_suffix": now.letter_suffix,
                "groups": groups_text(now, today),
                "valid_from": today,
            }
        )
    )


@blueprint.post("/numbering")
def set_numbering() -> Response:
    """Sets how numbers are given from a day on."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    reader = FormReader(request.form)
    scheme = reader.choice("scheme", "Cách đánh số", Scheme, required=True)
    zero_width = reader.number("zero_width", "Số chữ số tối thiểu", required=True, least=2, most=6)
    field = reader.text("letter_suffix", "Phần cuối ký hiệu công văn", required=True, longest=10)
    groups = reader.area("groups", "Các nhóm loại văn bản")
    valid_from = reader.day("valid_from", "Hiệu lực từ", required=True)
    if not reader.refused and scheme is not None:
        try:
            rules = NumberingRules(
                scheme,
                read_groups(groups, valid_from or clock.today()) if scheme is Scheme.GROUPS else (),
                zero_width or 2,
                "field" if field == "field" else "unit",
            )
            office_rules.set_numbering(by, rules, valid_from=valid_from)
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash("Đã đặt cách đánh số. Số đã cấp không thay đổi.", "good")
            return go_to(url_for("administration_rules.numbering"))
    return _numbering_form(reader.state(), 422)


def _numbering_form(form: FormState, status: int = 200) -> Response:
    return page(
        "administration/numbering.html",
        status=status,
        form=form,
        schemes=[(item.value, item.label) for item in Scheme],
        types=[item for item in document_types(clock.today()) if not item.normative],
        history=[
            (item, office_rules.numbering_from_json(item.value))
            for item in office_rules.history(office_rules.NUMBERING)
        ],
    )


def groups_text(rules: NumberingRules, on: date) -> str:
    """Groups as the form shows them: a line each, `Tên nhóm: Quyết định, Chỉ thị`."""
    names = {item.code: item.name for item in document_types(on)}
    return "\n".join(
        f"{group.name}: {', '.join(names.get(code, code) for code in group.type_codes)}" for group in rules.groups
    )


def read_groups(text: str, on: date) -> tuple[NumberGroup, ...]:
    """Groups as typed; a type is named by its name or abbreviation. Raises Malformed with the line that is wrong."""
    known = {}
    for item in document_types(on):
        if not item.normative:
            known[fold(item.name)] = item.code
            known.setdefault(item.abbreviation or item.name, item.code)
    groups = []
    for line in filter(None, (part.strip() for part in text.split("\n"))):
        name, colon, listed = line.partition(":")
        codes = []
        for word in filter(None, (part.strip() for part in listed.split(","))):
            code = known.get(word) or known.get(fold(word))
            if code is None:
                raise Malformed(f"Nhóm «{name}»: không có loại văn bản «{word}».", field="groups")
            codes.append(code)
        key = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:40]
        if not colon or not key or not codes:
            raise Malformed(f"Dòng «{line}» cần dạng «Tên nhóm: Quyết định, Chỉ thị».", field="groups")
        groups.append(NumberGroup(key, name.strip(), tuple(codes)))
    if not groups:
        raise Malformed("Hãy ghi ít nhất một nhóm loại văn bản.", field="groups")
    return tuple(groups)


@blueprint.get("/calendar")
def calendar() -> Response:
    """A year's days off and the local limits."""
    _session.require(Verb.ADMINISTRATION_OFFICE)
    year = _year()
    known, today = office_rules.days_off(year), clock.today()
    return _calendar_form(
        year,
        filled(
            {
                "off": "\n".join(f"{format_civil(day)} {name}" for day, name in sorted(known.off.items())),
                "worked": "\n".join(format_civil(day) for day in sorted(known.worked)),
                "morning_ends": office_rules.morning_ends(today).strftime("%H:%M"),
                "due_days": office_rules.default_due_days(today) or "",
            }
        ),
    )


@blueprint.post("/calendar")
def set_calendar() -> Response:
    """Sets a year's days off and worked weekend days."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    reader, year = FormReader(request.form), _year()
    off = _read_days(reader, "off", "Ngày nghỉ", reader.area("off", "Ngày nghỉ", required=True))
    worked = _read_days(reader, "worked", "Ngày làm bù", reader.area("worked", "Ngày làm bù"))
    if not reader.refused:
        try:
            office_rules.set_days_off(by, year, off, frozenset(worked))
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash(f"Đã lưu lịch nghỉ năm {year}.", "good")
            return go_to(url_for("administration_rules.calendar", year=year))
    return _calendar_form(year, reader.state(), 422)


@blueprint.post("/limits")
def set_limits() -> Response:
    """Sets when the morning ends and the usual number of days for handling."""
    by = _session.require(Verb.ADMINISTRATION_OFFICE)
    reader = FormReader(request.form)
    typed = reader.text("morning_ends", "Hết buổi sáng", required=True, longest=5)
    days = reader.number("due_days", "Hạn xử lý thông thường", least=1, most=365)
    match = _HOUR.fullmatch(typed)
    if typed and match is None:
        reader.refuse("morning_ends", "Hết buổi sáng: hãy nhập giờ và phút, ví dụ 11:30.")
    if reader.refused or match is None:
        return _calendar_form(_year(), reader.state(), 422)
    hour, today = f"{int(match[1]):02d}:{match[2]}", clock.today()
    if hour != office_rules.morning_ends(today).strftime("%H:%M"):
        office_rules.set_rule(by, office_rules.MORNING_ENDS, hour)
    if days != office_rules.default_due_days(today):
        office_rules.set_rule(by, office_rules.DEFAULT_DUE_DAYS, days)
    flash("Đã lưu quy định về thời hạn.", "good")
    return go_to(url_for("administration_rules.calendar", year=_year()))


def _calendar_form(year: int, form: FormState, status: int = 200) -> Response:
    return page(
        "administration/calendar.html",
        status=status,
        form=form,
        year=year,
        is_seed=office_rules.days_off(year).is_seed,
        years=range(clock.today().year - 1, clock.today().year + 3),
    )


def _year() -> int:
    typed = request.values.get("year", "")
    year = int(typed) if typed.isascii() and typed.isdigit() and len(typed) == 4 else clock.today().year
    return min(max(year, 2000), 2100)


def _read_days(reader: FormReader, name: str, label: str, text: str) -> dict[date, str]:
    found: dict[date, str] = {}
    for line in filter(None, (part.strip() for part in text.split("\n"))):
        typed, _, words = line.partition(" ")
        try:
            found[parse_civil(typed)] = words.strip() or "Ngày nghỉ"
        except Malformed:
            reader.refuse(name, f"{label}: dòng «{line[:40]}» cần dạng 02/09/{_year()} Tên ngày nghỉ.")
    return found
