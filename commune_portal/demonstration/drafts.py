"""The way of outgoing documents in the plan: from draft to issue, on paper or signed, some returned, some void."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from commune_portal.demonstration import cast, letters
from commune_portal.demonstration.acts import Agenda
from commune_portal.demonstration.days import Days, at, some_minute

WAY = ("draft", "submit", "approve", "sign", "number", "seal")
RETURN_REASONS = (
    "Trích yếu chưa khớp với nội dung, đề nghị sửa lại.",
    "Bổ sung căn cứ và ghi rõ thời hạn thực hiện.",
    "Sai thể thức phần nơi nhận, chỉnh theo Nghị định 30.",
)
VOID_REASONS = (
    "Cấp số trùng nội dung với văn bản đã phát hành buổi sáng.",
    "Lãnh đạo quyết định không ban hành văn bản này nữa.",
    "Nhầm loại văn bản, đã cấp số khác cho bản đúng.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What a drafter wants to have issued; `body` empty for paper, which is typed elsewhere."""

    key: str
    type_code: str
    subject: str
    unit: str
    drafter: str
    signer: str
    electronic: bool = False
    urgency: int = 0
    issuer: int = 1
    recipients: tuple[str, ...] = ()
    addressees: tuple[str, ...] = ()
    answers: str = ""
    due: date | None = None
    upload: str = ""
    note: str = ""


def unit_name(abbreviation: str) -> str:
    """The name of a unit."""
    return {short: name for name, short in cast.UNITS}.get(abbreviation, "Văn phòng")


def begin(paper: Paper) -> dict[str, object]:
    """The values of a draft."""
    lines = [f"- {name};" for name in (*(paper.recipients or ("Như trên",)), "Chủ tịch, các Phó Chủ tịch (để báo cáo)")]
    body = (
        letters.body_of(paper.type_code, paper.subject, unit_name(paper.unit))
        if paper.electronic and not paper.upload
        else ""
    )
    return {
        "by": paper.drafter, "key": paper.key, "type": paper.type_code, "subject": paper.subject, "unit": paper.unit,
        "signer": paper.signer, "medium": "electronic" if paper.electronic else "paper", "urgency": paper.urgency,
        "issuer": paper.issuer, "body": body, "addressees": list(paper.addressees),
        "recipients_text": "\n".join(lines), "answers": paper.answers,
        "due": paper.due.isoformat() if paper.due else "", "upload": paper.upload, "note": paper.note,
    }  # fmt: skip


def whose(office: cast.Office, paper: Paper) -> dict[str, str]:
    """Who does each step."""
    clerk = office.clerk
    return {"submit": paper.drafter, "approve": paper.signer, "sign": paper.signer, "number": clerk, "seal": clerk}


def issued(agenda: Agenda, office: cast.Office, paper: Paper, day: date, days: Days, chance: random.Random) -> datetime:
    """Plans a document from a day's draft to its issue, most often on the next day; answers when it was issued."""
    agenda.add(at(day, some_minute(chance, 0, 600)), "draft", **begin(paper))
    agenda.add(at(day, some_minute(chance, 605, 680)), "submit", by=paper.drafter, key=paper.key)
    if chance.random() < 0.06:
        reason = chance.choice(RETURN_REASONS)
        agenda.add(at(day, some_minute(chance, 815, 900)), "return", by=paper.signer, key=paper.key, reason=reason)
        agenda.add(at(day, some_minute(chance, 930, 1000)), "submit", by=paper.drafter, key=paper.key)
    following = days.after(day, 1)
    moment = at(following, some_minute(chance, 460, 600))
    return finish(agenda, office, paper, moment)


def finish(agenda: Agenda, office: cast.Office, paper: Paper, moment: datetime, last: str = "seal") -> datetime:
    """Plans the steps after the submission, a few minutes each, as far as one of them; answers when that was."""
    people = whose(office, paper)
    for step in WAY[2 : WAY.index(last) + 1]:
        if step == "sign" and not paper.electronic:
            continue
        agenda.add(moment, step, by=people[step], key=paper.key)
        moment += timedelta(minutes=4 if step in ("approve", "number") else 11)
    return moment


def voided(agenda: Agenda, office: cast.Office, paper: Paper, day: date, chance: random.Random) -> None:
    """Plans a document whose number is voided an hour after it was given."""
    agenda.add(at(day, some_minute(chance, 460, 520)), "draft", **begin(paper))
    agenda.add(at(day, 530), "submit", by=paper.drafter, key=paper.key)
    moment = finish(agenda, office, paper, at(day, 560), "number")
    reason = chance.choice(VOID_REASONS)
    agenda.add(moment + timedelta(hours=1), "void", by=office.clerk, key=paper.key, reason=reason)


def in_hand(agenda: Agenda, office: cast.Office, papers: list[tuple[Paper, str]], days: Days) -> None:
    """Plans what stands half-way since the last two working days; each with the last thing that was done to it."""
    first, last = days.back(2), days.last
    for place, (paper, until) in enumerate(papers):
        agenda.add(at(first if place % 2 else last, 470 + 9 * place), "draft", **begin(paper))
        if until == "draft":
            continue
        agenda.add(at(last, 640 + 3 * place), "submit", by=paper.drafter, key=paper.key)
        if until == "return":
            reason = RETURN_REASONS[place % len(RETURN_REASONS)]
            agenda.add(at(last, 830 + place), "return", by=paper.signer, key=paper.key, reason=reason)
        elif until != "submit":
            finish(agenda, office, paper, at(last, 850 + 7 * place), until)
