"""A year of what comes by hand, by post and by mail, how it is handled, and what is issued on paper."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from commune_portal.demonstration import drafts, subjects
from commune_portal.demonstration.acts import Agenda
from commune_portal.demonstration.cast import Office
from commune_portal.demonstration.days import Days, at, filled, in_season, some_minute, spread
from commune_portal.demonstration.drafts import Paper
from commune_portal.demonstration.subjects import FIELDS, SENDERS, Field
from commune_portal.rules import kinds

DIRECTIONS = (
    "Giao đồng chí chủ trì tham mưu, báo cáo kết quả đúng hạn.",
    "Nghiên cứu, tham mưu văn bản trả lời.",
    "Phối hợp các thôn triển khai thực hiện.",
    "Kiểm tra thực tế, đề xuất hướng giải quyết.",
    "Tổng hợp số liệu, báo cáo cấp trên.",
)
RESULTS = (
    "Đã triển khai tới các thôn, lưu hồ sơ.",
    "Đã tổng hợp và gửi số liệu qua thư công vụ.",
    "Đã kiểm tra thực tế, lập biên bản, thống nhất với người dân.",
    "Đã phổ biến tại giao ban thôn và phát thanh cơ sở.",
)
UPLOADED = "du-thao.pdf"
NOT_FOR_HANDLING = frozenset({"TB", "BC", "HD"})
PRESSING = (-9, -4, -2, -1, 0, 0, 1, 1, 2, 3, 6, 12)
"""Due dates of what is in hand now, in days from today."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject ready to be written down, with its type, its field and its sender's key."""

    type_code: str
    text: str
    field: Field
    sender: str


class Handwork:
    """Plans one office's year of documents that do not go through the exchange."""

    def __init__(self, agenda: Agenda, office: Office, days: Days, chance: random.Random) -> None:
        self.agenda = agenda
        self.office = office
        self.days = days
        self.chance = chance
        self.end = at(days.last, 1000)
        self._made = 0
        self._recent: list[tuple[str, str]] = []

    # -- subjects -------------------------------------------------------------------------------------------------

    def incoming_subject(self, day: date) -> Subject:
        """A subject that did not come lately."""
        while True:
            field = self.chance.choice(FIELDS)
            head, template = self.chance.choice(field.incoming).split("|", 1)
            type_code, _, sender = head.partition("@")
            if type_code == "DON":
                sender = "DAN"
            sender = sender or self.chance.choice([key for key in field.senders if key != "DAN"])
            text = filled(template, day, self.chance)
            if in_season(template, day) and (sender, text) not in self._recent:
                self._recent = [*self._recent[-80:], (sender, text)]
                return Subject(type_code, text, field, sender)

    def outgoing_subject(self, day: date) -> Subject:
        """A subject of the office's own that was not issued lately."""
        while True:
            field = self.chance.choice(FIELDS)
            type_code, template = self.chance.choice(field.outgoing).split("|", 1)
            text = filled(template, day, self.chance)
            if in_season(template, day) and ("", text) not in self._recent:
                self._recent = [*self._recent[-80:], ("", text)]
                return Subject(type_code, text, field, "")

    def paper_of(self, subject: Subject, *, key: str = "", electronic: bool = False, answers: str = "") -> Paper:
        """A document of the office about a subject."""
        leaders = self.office.leaders
        grave = subject.type_code in ("TTR", "KH", "PA") or self.chance.random() < 0.5
        return Paper(
            key=key or self._key("o"), type_code=subject.type_code, subject=subject.text, unit=subject.field.unit,
            drafter=self.lead_of(subject.field), signer=leaders[0] if grave else leaders[-1], electronic=electronic,
            answers=answers,
        )  # fmt: skip

    def lead_of(self, field: Field) -> str:
        """Who handles a field."""
        people = self.office.specialists
        return people.get(field.unit) or next(iter(people.values()))

    def _key(self, letter: str) -> str:
        self._made += 1
        return f"{letter}{self._made}"

    # -- incoming -------------------------------------------------------------------------------------------------

    def incoming(self, amount: int, scans: list[dict[str, Any]]) -> None:
        """Plans so many registrations over the year; the newest ones have the scans at hand."""
        working = self.days.working
        quiet = working[: -8 if amount > 60 else -4]
        arrivals = spread(amount - len(PRESSING) - 5, quiet, self.chance)
        stuck = {int(len(arrivals) * share) for share in (0.80, 0.88, 0.93, 0.97)}
        self._scans(scans)
        for place, day in enumerate(arrivals):
            self._arrives(day, stuck=place in stuck)
        for place, offset in enumerate(PRESSING):
            day = self.days.back(max(3, 9 - place // 2))
            due = self.days.today + timedelta(days=offset)
            while offset < 0 and due > day and due not in working:
                due -= timedelta(days=1)
            self._pressing(day, due, place)
        for place in range(5):
            self._register(self.days.back(1 if place > 1 else 2), urgency=1 if place == 4 else 0)

    def _scans(self, scans: list[dict[str, Any]]) -> None:
        for place, scan in enumerate(scans):
            day = date.fromisoformat(scan["promulgation_date"])
            key = self._key("i")
            day = self.days.after(day, 1 + place % 2)
            moment = at(day, some_minute(self.chance, 460, 660))
            self.agenda.add(moment, "register", key=key, by=self.office.clerk, **scan)
            field = next(item for item in FIELDS if item.name == scan["field"])
            self._handled(key, field, moment, day, requires=bool(scan["requires_handling"]), stuck=False)

    def _arrives(self, day: date, *, stuck: bool) -> None:
        chance = self.chance.random()
        urgency = 3 if chance > 0.985 else 2 if chance > 0.96 else 1 if chance > 0.9 else 0
        key, subject, moment = self._register(day, urgency=urgency)
        requires = subject.type_code not in NOT_FOR_HANDLING or self.chance.random() < 0.3
        self._handled(key, subject.field, moment, day, requires=requires or stuck, stuck=stuck, subject=subject)

    def _register(self, day: date, *, urgency: int = 0) -> tuple[str, Subject, datetime]:
        subject = self.incoming_subject(day)
        key = self._key("i")
        moment = at(day, some_minute(self.chance))
        requires = subject.type_code not in NOT_FOR_HANDLING
        values = described(subject, day, self.chance)
        values |= {"urgency": urgency, "requires_handling": requires, "recipient_name": ""}
        self.agenda.add(moment, "register", key=key, by=self.office.clerk, **values)
        return key, subject, moment

    def _handled(
        self, key: str, field: Field, moment: datetime, day: date, *, requires: bool, stuck: bool,
        subject: Subject | None = None,
    ) -> None:  # fmt: skip
        """Plans how a registered document is directed and worked on, as far as the past goes."""
        leader = self.office.leaders[0 if self.chance.random() < 0.65 else -1]
        lead = self.lead_of(field)
        directed = max(moment + timedelta(minutes=20), at(day, some_minute(self.chance, 900)))
        if not requires:
            self._plan(directed, "assign", key=key, by=leader, lead=lead, direction="Để biết, theo dõi.", due="")
            known = at(self.days.after(day, 1), some_minute(self.chance))
            self._plan(known, "complete", key=key, by=lead, result="Đã biết, lưu theo dõi.", answered_by="")
            return
        length = self.chance.choice((5, 7, 7, 10, 10, 15))
        due = self.days.after(day, length)
        others = [name for name in self.office.specialists.values() if name != lead]
        supports = [self.chance.choice(others)] if others and self.chance.random() < 0.25 else []
        self._plan(
            directed, "assign", key=key, by=leader, lead=lead, supports=supports,
            direction=self.chance.choice(DIRECTIONS), due=due.isoformat(),
        )  # fmt: skip
        begun = self.days.after(day, 1)
        self._plan(at(begun, some_minute(self.chance)), "start", key=key, by=lead)
        if stuck:
            return
        late = self.chance.random() < 0.08
        finished = self.days.after(due, self.chance.randint(1, 6)) if late else self.days.after(
            begun, self.chance.randint(1, max(1, length - 2))
        )  # fmt: skip
        if subject is not None and length >= 7 and self.chance.random() < 0.22 and finished < self.days.back(2):
            self._answered(key, subject, lead, begun, finished)
            return
        moment = at(finished, some_minute(self.chance, 600))
        self._plan(moment, "complete", key=key, by=lead, result=self.chance.choice(RESULTS), answered_by="")

    def _answered(self, key: str, subject: Subject, lead: str, begun: date, finished: date) -> None:
        if subject.sender == "DAN":
            text = "trả lời " + subject.text[0].lower() + subject.text[1:]
        else:
            text = f"báo cáo kết quả thực hiện văn bản của {SENDERS[subject.sender].name} về {_lowered(subject.text)}"
        answer = Subject("CV", text, subject.field, "")
        paper = self.paper_of(answer, answers=key)
        issued = drafts.issued(self.agenda, self.office, paper, begun, self.days, self.chance)
        moment = max(issued + timedelta(minutes=30), at(finished, some_minute(self.chance, 815)))
        self._plan(moment, "complete", key=key, by=lead, result="", answered_by=paper.key)

    def _pressing(self, day: date, due: date, place: int) -> None:
        """One of those in hand now; every second one is the first specialist's."""
        key, subject, moment = self._register(day, urgency=(0, 1, 0, 2, 0)[place % 5])
        people = list(self.office.specialists.values())
        lead = people[0] if place % 2 == 0 else self.lead_of(subject.field)
        directed = max(moment + timedelta(minutes=15), at(day, 985))
        self._plan(
            directed, "assign", key=key, by=self.office.leaders[0], lead=lead, supports=[],
            direction=self.chance.choice(DIRECTIONS), due=due.isoformat(),
        )  # fmt: skip
        if place % 3:
            self._plan(at(self.days.after(day, 1), some_minute(self.chance)), "start", key=key, by=lead)

    def _plan(self, moment: datetime, name: str, **values: Any) -> None:
        """Plans an act unless it lies after the last working day."""
        if moment <= self.end:
            self.agenda.add(moment, name, **values)

    # -- outgoing -------------------------------------------------------------------------------------------------

    def outgoing(self, amount: int, voids: int) -> None:
        """Plans so many documents on paper over the year, a few of them with their number voided."""
        for day in spread(amount, self.days.working[:-3], self.chance):
            paper = self.paper_of(self.outgoing_subject(day))
            drafts.issued(self.agenda, self.office, paper, day, self.days, self.chance)
        for day in spread(voids, self.days.working[5:-3], self.chance):
            drafts.voided(self.agenda, self.office, self.paper_of(self.outgoing_subject(day)), day, self.chance)

    def council(self, chairman: str) -> None:
        """Plans the council's documents, which have an issuer and a series of their own."""
        drafter = next(reversed(self.office.specialists.values()))
        for day in spread(8, self.days.working[:-3], self.chance):
            type_code, template = self.chance.choice(subjects.COUNCIL).split("|", 1)
            paper = Paper(
                key=self._key("o"), type_code=type_code, subject=filled(template, day, self.chance), unit="VP",
                drafter=drafter, signer=chairman, issuer=2,
            )  # fmt: skip
            drafts.issued(self.agenda, self.office, paper, day, self.days, self.chance)

    def in_hand(self, *, with_upload: bool) -> None:
        """Plans what stands half-way today, in every state before the issue; one draft was made elsewhere."""
        ends = (
            "draft", "draft", "draft", "submit", "submit", "submit", "submit", "return", "return", "approve",
            "sign", "sign", "number", "seal",
        )  # fmt: skip
        first = next(iter(self.office.specialists.values()))
        papers: list[tuple[Paper, str]] = []
        for place, until in enumerate(ends):
            subject = self.outgoing_subject(self.days.last)
            paper = self.paper_of(subject, electronic=True)
            mine = place % 2 == 0
            papers.append(
                (
                    Paper(
                        key=paper.key, type_code=paper.type_code, subject=paper.subject, unit=paper.unit,
                        drafter=first if mine else paper.drafter,
                        signer=self.office.leaders[0] if mine else paper.signer,
                        electronic=True, urgency=2 if place == 4 else 0,
                        addressees=("Ủy ban nhân dân tỉnh Đông Hòa",) if paper.type_code in ("CV", "TTR") else (),
                    ),
                    until,
                )
            )  # fmt: skip
        if with_upload:
            papers.append((self._uploaded(first), "draft"))
        drafts.in_hand(self.agenda, self.office, papers, self.days)

    def _uploaded(self, drafter: str) -> Paper:
        """A draft that was written in a word processor and uploaded as a PDF."""
        return Paper(
            key=self._key("o"), type_code="QD", subject="Về việc khen thưởng các tập thể, cá nhân tiêu biểu",
            unit="VHXH", drafter=drafter, signer=self.office.leaders[0], electronic=True, upload=UPLOADED,
            note="Tệp tải lên từ máy của chuyên viên.",
        )  # fmt: skip


def described(subject: Subject, day: date, chance: random.Random) -> dict[str, Any]:
    """How a clerk writes down a document that came: number and symbol, date, type, signer, pages."""
    sender = SENDERS[subject.sender]
    if subject.sender == "DAN":
        said = subject.text.removeprefix("Đơn ")
        return {
            "sender_name": "Công dân", "subject": said[0].upper() + said[1:], "type_name": "Đơn",
            "promulgation_date": day.isoformat(), "page_amount": 1,
        }  # fmt: skip
    kind = kinds.document_type(subject.type_code, day)
    tail = sender.symbol.split("-", maxsplit=1)[0]
    notation = sender.symbol if "-" in sender.symbol else f"{sender.symbol}-{chance.choice(('VP', 'TH', 'NV'))}"
    subject_text = f"V/v {subject.text}" if kind.lettered else subject.text
    return {
        "sender_name": sender.name,
        "subject": subject_text,
        "code_number": f"{day.timetuple().tm_yday * 4 + chance.randint(1, 90):02d}",
        "code_notation": notation if kind.lettered else f"{kind.abbreviation}-{tail}",
        "promulgation_date": (day - timedelta(days=chance.randint(1, 4))).isoformat(),
        "type_name": kind.name,
        "signer_name": sender.signer,
        "signer_position": sender.position,
        "page_amount": chance.choice((1, 1, 2, 2, 3, 5, 8)),
    }


def _lowered(text: str) -> str:
    plain = text.removeprefix("Về việc ")
    return plain[0].lower() + plain[1:]
