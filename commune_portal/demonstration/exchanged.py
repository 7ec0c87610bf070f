"""What goes from office to office through the node: signed letters over the year, and what happens with them today."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from commune_portal.demonstration import drafts
from commune_portal.demonstration.acts import Agenda, Round
from commune_portal.demonstration.byhand import DIRECTIONS, RESULTS
from commune_portal.demonstration.cast import AN_PHU, BINH_LOI, OFFICES, PROVINCE, ROLES, name_of
from commune_portal.demonstration.days import Days, at, filled, some_minute
from commune_portal.demonstration.drafts import Paper

LIVE_ROUNDS = 4
_SENT, _FETCHED, _ANSWERED, _HOME = 570, 600, 990, 995
"""Minutes of an exchange day at which the offices make contact."""

PROVINCIAL = (
    "CV|rà soát, báo cáo tiến độ giải ngân vốn đầu tư công tháng {month}/{year}",
    "CV|chấn chỉnh việc cập nhật hồ sơ trên hệ thống một cửa tháng {month}/{year}",
    "KH|Tổ chức tiếp xúc cử tri sau kỳ họp, tháng {month}/{year}",
    "CV|đôn đốc báo cáo công tác dân tộc, tôn giáo quý {quarter}/{year}",
    "QD|Về việc giao chỉ tiêu kế hoạch bổ sung đợt tháng {month}/{year}",
    "TB|Kết luận giao ban với Chủ tịch Ủy ban nhân dân các xã tháng {month}/{year}",
    "CV|kiểm tra công tác văn thư, lưu trữ tháng {month}/{year}",
    "CV|tăng cường phòng cháy, chữa cháy rừng tháng {month}/{year}",
)
COMMUNAL = (
    "CV|phối hợp quản lý địa bàn giáp ranh tháng {month}/{year}",
    "CV|trao đổi thông tin hộ khẩu, nhân khẩu của {person}",
    "CV|đề nghị phối hợp xác minh nơi cư trú của {person}",
    "CV|phối hợp nạo vét mương tiêu liên xã tại {village}",
    "TB|Lịch vận hành trạm bơm liên xã phục vụ {village}",
    "CV|phối hợp kiểm tra xe quá tải trên tuyến đường liên xã tháng {month}/{year}",
    "GM|Dự giao lưu văn nghệ, thể thao hai xã tại {village}",
)
REPORTS = (
    "BC|Kết quả phát triển kinh tế - xã hội tháng {month}/{year}",
    "BC|Tiến độ giải ngân vốn đầu tư công tháng {month}/{year}",
    "TTR|Đề nghị hỗ trợ kinh phí sửa chữa đường {village}",
    "BC|Công tác tiếp công dân tháng {month}/{year}",
    "CV|đề nghị hướng dẫn xử lý hồ sơ đất đai của {person}",
    "BC|Tình hình an ninh trật tự, an toàn xã hội tháng {month}/{year}",
)
REFUSAL = "Văn bản gửi nhầm nơi nhận: nội dung thuộc thẩm quyền của xã Hòa Thuận."


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is exchanged: days with exchange, and letters a day of each office."""

    days: int
    letters: dict[str, int]


def exchange_days(days: Days, amount: int) -> list[date]:
    """The days on which letters go over the wire, the two newest working days left free."""
    step = len(days.working[3:-3]) / amount
    return [days.working[3 + int(place * step + step / 2)] for place in range(amount)]


def rounds(exchanging: list[date]) -> tuple[Round, ...]:
    """When the parties meet at the node: four times on each exchange day, four times today."""
    past = [Round(at(day, minute), OFFICES) for day in exchanging for minute in (_SENT, _FETCHED, _ANSWERED, _HOME)]
    today = [Round(None, OFFICES), Round(None, OFFICES), Round(None, (AN_PHU, BINH_LOI)), Round(None, OFFICES[:2])]
    return (*past, *today)


class Exchange:
    """Plans the letters of all offices and what their receivers do with them."""

    def __init__(self, agendas: dict[str, Agenda], days: Days, chance: random.Random) -> None:
        self.agendas = agendas
        self.days = days
        self.chance = chance
        self._known: set[tuple[str, str]] = set()
        self._made = 0

    def year(self, exchanging: list[date], letters: dict[str, int]) -> None:
        """Plans the past letters: drafted the day before, sent in the morning, handled in the days after."""
        for day in exchanging:
            before = self.days.working[self.days.working.index(day) - 1]
            for sender, amount in letters.items():
                for place in range(amount):
                    self._past(sender, day, before, place)
        self._forgotten(exchanging[-1])

    def _forgotten(self, day: date) -> None:
        """A hỏa tốc document that the province fetched and nobody there accepted: An Phú has to telephone."""
        agenda, office = self.agendas[AN_PHU], ROLES[AN_PHU]
        paper = self._of(AN_PHU, "BC|Tình hình sạt lở bờ sông đoạn qua thôn Bến Đá", (PROVINCE,), 3)
        before = self.days.working[self.days.working.index(day) - 1]
        agenda.add(at(before, 1000), "draft", **drafts.begin(paper))
        agenda.add(at(before, 1004), "submit", by=paper.drafter, key=paper.key)
        moment = drafts.finish(agenda, office, paper, at(day, 455))
        agenda.add(moment, "send", by=office.clerk, key=paper.key, to=[ROLES[PROVINCE].code])

    def _past(self, sender: str, day: date, before: date, place: int) -> None:
        to = _addressees(sender, self._made)
        paper = self._paper(sender, day, to)
        agenda, office = self.agendas[sender], ROLES[sender]
        agenda.add(at(before, 900 + 5 * place), "draft", **drafts.begin(paper))
        agenda.add(at(before, 930 + 5 * place), "submit", by=paper.drafter, key=paper.key)
        moment = drafts.finish(agenda, office, paper, at(day, 462 + 25 * place))
        agenda.add(moment, "send", by=office.clerk, key=paper.key, to=[ROLES[item].code for item in to])
        for receiver in to:
            if self.chance.random() < 0.05:
                self.agendas[receiver].add(
                    at(day, 620), "refuse", by=ROLES[receiver].clerk, key=_key(sender, paper), reason=REFUSAL
                )
            else:
                self._taken(receiver, _key(sender, paper), day, place)

    def _taken(self, receiver: str, key: str, day: date, place: int) -> None:
        agenda, office = self.agendas[receiver], ROLES[receiver]
        end = at(self.days.last, 1000)
        lead = self.chance.choice(list(office.specialists.values()))
        agenda.add(at(day, 615 + 4 * place), "accept", by=office.clerk, key=key)
        due = self.days.after(day, self.chance.choice((5, 7, 10)))
        agenda.add(
            at(day, 930 + place), "assign", by=self.chance.choice(office.leaders), key=key, lead=lead, supports=[],
            direction=self.chance.choice(DIRECTIONS), due=due.isoformat(),
        )  # fmt: skip
        begun = self.days.after(day, 1)
        finished = self.days.after(begun, self.chance.randint(1, 8))
        steps: list[tuple[date, int, str, dict[str, Any]]] = [
            (begun, 0, "start", {}),
            (finished, 620, "complete", {"result": self.chance.choice(RESULTS), "answered_by": ""}),
        ]
        for on, first, name, more in steps:
            moment = at(on, some_minute(self.chance, first))
            if moment < end:
                agenda.add(moment, name, by=lead, key=key, **more)

    # -- today ----------------------------------------------------------------------------------------------------

    def today(self) -> None:
        """Plans today's letters: one hỏa tốc each way, some finished, one refused, some waiting, one not fetched."""
        send = self._send_now
        flash = send(AN_PHU, (BINH_LOI,), "CD|Chủ động ứng phó mưa lớn, ngập lụt khu vực giáp ranh", 3)
        done = send(AN_PHU, (BINH_LOI,), "CV|phối hợp chốt trực tại ngầm tràn liên xã", 1)
        wrong = send(AN_PHU, (BINH_LOI,), "CV|cung cấp hồ sơ thửa đất số 127, tờ bản đồ số 14")
        send(AN_PHU, (BINH_LOI,), "CV|xác minh nhân thân người tạm trú tại thôn Bến Đá")
        send(AN_PHU, (PROVINCE,), "BC|Báo cáo nhanh tình hình ngập lụt đến 07 giờ 00", 2)
        send(BINH_LOI, (AN_PHU,), "CD|Khẩn trương sơ tán dân vùng trũng ven sông giáp ranh hai xã", 3)
        asked = send(BINH_LOI, (AN_PHU,), "CV|đề nghị hỗ trợ xuồng cứu hộ và áo phao", 2)
        stray = send(BINH_LOI, (AN_PHU,), "CV|mời đại diện thôn Hòa Mỹ dự họp bàn giao mốc giới")
        send(BINH_LOI, (AN_PHU,), "CV|phối hợp cấp lại giấy khai sinh cho công dân bị mất do lũ")
        both = (AN_PHU, BINH_LOI)
        alarm = send(PROVINCE, both, "CD|Tập trung ứng phó mưa lũ, bảo đảm an toàn tính mạng Nhân dân", 3)
        send(PROVINCE, both, "GM|Họp trực tuyến Ban Chỉ huy phòng thủ dân sự tỉnh", 2)
        send(PROVINCE, both, "CV|báo cáo thiệt hại do mưa lũ và nhu cầu hỗ trợ khẩn cấp", 1)
        send(PROVINCE, (AN_PHU,), "KH|Kiểm tra công tác cải cách hành chính tại các xã")
        self._handle_now(BINH_LOI, flash, "start")
        self._handle_now(BINH_LOI, done, "complete")
        self.agendas[BINH_LOI].live(2, "refuse", by=ROLES[BINH_LOI].clerk, key=wrong, reason=REFUSAL)
        self._handle_now(AN_PHU, alarm, "start")
        self._handle_now(BINH_LOI, alarm, "accept")
        self._handle_now(AN_PHU, asked, "assign")
        self.agendas[AN_PHU].live(2, "refuse", by=ROLES[AN_PHU].clerk, key=stray, reason=REFUSAL)
        # The province's computer is off by now: what is sent to it waits at the node.
        for sender in both:
            send(sender, (PROVINCE,), "BC|Thiệt hại ban đầu do mưa lũ và nhu cầu hỗ trợ", 1, in_round=2)

    def asked_today(self) -> None:
        """Plans what senders ask about letters that stand in the other commune's book already; nobody answers yet."""
        moved = self._issue_now(BINH_LOI, (AN_PHU,), "CV|nộp báo cáo kết quả trực ban phòng, chống lũ")
        mistaken = self._issue_now(BINH_LOI, (AN_PHU,), "CV|cung cấp danh sách hộ nghèo thôn Bình Hòa")
        wrong = self._issue_now(BINH_LOI, (AN_PHU,), "QD|Thành lập tổ kiểm tra đê bao liên xã")
        for paper in (moved, mistaken, wrong):
            self._sent_now(BINH_LOI, (AN_PHU,), paper)
            self._handle_now(AN_PHU, _key(BINH_LOI, paper), "assign" if paper is moved else "accept")
        notice = self._issue_now(BINH_LOI, (AN_PHU,), "TB|Thu hồi Quyết định thành lập tổ kiểm tra đê bao liên xã")
        clerk, agenda = ROLES[BINH_LOI].clerk, self.agendas[BINH_LOI]
        later = (self.days.today + timedelta(days=7)).isoformat()
        agenda.live(2, "update", by=clerk, key=moved.key, due=later, reason="Gia hạn nộp báo cáo do còn mưa lớn")
        stray = "Gửi nhầm nơi nhận, văn bản thuộc xã Hòa Thuận"
        agenda.live(2, "take_back", by=clerk, key=mistaken.key, organ=ROLES[AN_PHU].code, reason=stray)
        unlawful = "Ban hành không đúng thẩm quyền"
        agenda.live(2, "recall", by=clerk, key=wrong.key, notice=notice.key, reason=unlawful)
        old = self._issue_now(AN_PHU, (BINH_LOI,), "TB|Lịch trực ban liên xã tuần này")
        self._sent_now(AN_PHU, (BINH_LOI,), old)
        self._handle_now(BINH_LOI, _key(AN_PHU, old), "accept")
        new = self._issue_now(AN_PHU, (BINH_LOI,), "TB|Lịch trực ban liên xã tuần này (thay thế)")
        slip = "Sai tên người trực ngày thứ Bảy"
        self.agendas[AN_PHU].live(2, "replace", by=ROLES[AN_PHU].clerk, key=old.key, new=new.key, reason=slip)

    def _issue_now(self, sender: str, to: tuple[str, ...], line: str, urgency: int = 0, in_round: int = 0) -> Paper:
        agenda, office = self.agendas[sender], ROLES[sender]
        paper = self._of(sender, line, to, urgency)
        agenda.live(in_round, "draft", **drafts.begin(paper))
        for step, by in drafts.whose(office, paper).items():
            agenda.live(in_round, step, by=by, key=paper.key)
        return paper

    def _sent_now(self, sender: str, to: tuple[str, ...], paper: Paper, in_round: int = 0) -> None:
        codes = [ROLES[item].code for item in to]
        self.agendas[sender].live(in_round, "send", by=ROLES[sender].clerk, key=paper.key, to=codes)

    def _send_now(self, sender: str, to: tuple[str, ...], line: str, urgency: int = 0, in_round: int = 0) -> str:
        paper = self._issue_now(sender, to, line, urgency, in_round)
        self._sent_now(sender, to, paper, in_round)
        return _key(sender, paper)

    def _handle_now(self, receiver: str, key: str, until: str) -> None:
        agenda, office = self.agendas[receiver], ROLES[receiver]
        lead = next(iter(office.specialists.values()))
        due = self.days.today + timedelta(days=1)
        steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("accept", office.clerk, {}),
            ("assign", office.leaders[0], {"lead": lead, "supports": [], "direction": "Triển khai ngay, báo cáo trước"
                                           " 16 giờ.", "due": due.isoformat()}),
            ("start", lead, {}),
            ("complete", lead, {"result": "Đã bố trí lực lượng chốt trực, có biển cảnh báo.", "answered_by": ""}),
        )  # fmt: skip
        for name, by, more in steps:
            agenda.live(2, name, by=by, key=key, **more)
            if name == until:
                return

    # -- letters --------------------------------------------------------------------------------------------------

    def _paper(self, sender: str, day: date, to: tuple[str, ...]) -> Paper:
        choices = PROVINCIAL if sender == PROVINCE else REPORTS if PROVINCE in to else COMMUNAL
        while True:
            line = filled(self.chance.choice(choices), day, self.chance)
            if (sender, line) not in self._known:
                urgent = self.chance.random() < 0.12
                return self._of(sender, line, to, 1 if urgent else 0)

    def _of(self, sender: str, line: str, to: tuple[str, ...], urgency: int) -> Paper:
        self._known.add((sender, line))
        self._made += 1
        office = ROLES[sender]
        type_code, subject = line.split("|", 1)
        unit, drafter = self.chance.choice(list(office.specialists.items()))
        names = tuple(name_of(item) for item in to)
        return Paper(
            key=f"x{self._made}", type_code=type_code, subject=subject, unit=unit, drafter=drafter,
            signer=office.leaders[0] if urgency else self.chance.choice(office.leaders), electronic=True,
            urgency=urgency, recipients=names, addressees=names if type_code in ("CV", "TTR", "GM") else (),
        )  # fmt: skip


def _addressees(sender: str, made: int) -> tuple[str, ...]:
    if sender == PROVINCE:
        return (AN_PHU, BINH_LOI)
    other = BINH_LOI if sender == AN_PHU else AN_PHU
    return ((PROVINCE,), (other,), (PROVINCE, other))[made % 3]


def _key(sender: str, paper: Paper) -> str:
    """How a receiver's acts name a document that will have come: by its sender's code and its subject."""
    return f"{ROLES[sender].code}|{paper.subject}"
