"""The form of a draft: its choices, its first values, and how a posted one becomes what the verbs take.

Whatever is refused, everything typed and every chosen file stays: files wait in `_staging` until the draft is saved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from werkzeug.datastructures import FileStorage

from commune_portal import clock
from commune_portal.documents import attachments, incoming, layouts, lists
from commune_portal.documents.attachments import File, Upload
from commune_portal.documents.outgoing import Draft, LetterText, Outgoing
from commune_portal.errors import Malformed, NotFound, PortalError
from commune_portal.people import accounts, issuers, mandates
from commune_portal.people.actors import Actor
from commune_portal.people.mandates import Mandate
from commune_portal.rules import content, kinds
from commune_portal.rules.dates import parse_civil
from commune_portal.rules.kinds import Medium, Secrecy, Urgency
from commune_portal.settings import Settings
from commune_portal.store import files
from commune_portal.views._forms import FormReader, FormState, filled
from commune_portal.views._page import request
from commune_portal.views._staging import NOTHING, Staging

__all__ = ["NOTHING", "DraftChoices", "DraftForm", "answerable", "beginning", "choices", "files_of", "of_document"]

ANSWERABLE_ROWS = 8
_HOUR = re.compile(r"(\d{1,2})\s*[:hg]\s*(\d{2})?")

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DraftChoices:
    """What the form's lists offer, as pairs of key and words."""

    issuers: Pairs
    types: Pairs
    signers: Pairs
    units: Pairs
    urgencies: Pairs
    secrecies: Pairs
    media: Pairs


def choices() -> DraftChoices:
    """The lists of the form as they are today."""
    today = clock.today()
    current = issuers.current(today)
    several = len(current) > 1
    signers: list[tuple[str, str]] = []
    for item in current:
        found = mandates.signers_for(item.id, today)
        names = accounts.names(mandate.account_id for mandate in found)
        where = f" ({item.name})" if several else ""
        signers += [(str(mandate.id), signer_words(mandate, names) + where) for mandate in found]
    return DraftChoices(
        issuers=tuple((str(item.id), item.name) for item in current),
        types=tuple(
            (kind.code, f"{kind.name} ({kind.abbreviation})" if kind.abbreviation else kind.name)
            for kind in kinds.document_types(today)
        ),
        signers=tuple(signers),
        units=tuple((item.abbreviation, item.name) for item in issuers.units()),
        urgencies=tuple((str(item.value), item.label) for item in Urgency),
        secrecies=tuple((item.value, item.label) for item in Secrecy),
        media=tuple((item.value, item.label) for item in Medium),
    )


def signer_words(mandate: Mandate, names: dict[int, str]) -> str:
    """A signer as the list shows one: `Nguyễn Văn An – KT. Phó Chủ tịch`."""
    mark = f"{mandate.competence.mark} " if mandate.competence.mark else ""
    return f"{names.get(mandate.account_id, '')} – {mark}{mandate.position}"


def beginning(by: Actor, answers_id: int | None) -> FormState:
    """An empty form for a person: one's own unit, the only issuer and the only signer chosen already."""
    offered = choices()
    unit = issuers.unit_by_name(by.unit)
    values: dict[str, object] = {
        "content": "upload",
        "medium": Medium.ELECTRONIC,
        "issuer_id": offered.issuers[0][0] if len(offered.issuers) == 1 else None,
        "signer": offered.signers[0][0] if len(offered.signers) == 1 else None,
        "unit": unit.abbreviation if unit else by.unit if len(by.unit) <= 20 and " " not in by.unit else "",
        "urgency": int(Urgency.NORMAL),
        "secrecy": Secrecy.NONE,
        "copy_amount": 1,
        "answers_id": answers_id,
    }
    return filled(values)


def of_document(now: Outgoing) -> FormState:
    """The form of a draft as it is stored."""
    mandate = None
    if now.signer_id is not None:
        mandate = mandates.mandate_for(now.signer_id, now.issuer_id, clock.today())
    deliver_by = now.deliver_by.astimezone(clock.VIETNAM) if now.deliver_by else None
    return filled(
        {
            "content": "letter" if now.letter else "upload",
            "medium": now.medium,
            "issuer_id": now.issuer_id,
            "signer": mandate.id if mandate else None,
            "type_code": now.type_code,
            "subject": now.subject,
            "unit": now.unit,
            "urgency": int(now.urgency),
            "deliver_by": f"{deliver_by:%d/%m/%Y %H:%M}" if deliver_by else None,
            "due_date": now.due_date,
            "secrecy": Secrecy.NONE,
            "copy_amount": now.copy_amount,
            "recipients_text": now.recipients_text,
            "kept_by": now.kept_by,
            "addressees": "\n".join(now.letter.addressees) if now.letter else None,
            "body": now.letter.body if now.letter else None,
            "answers_id": now.answers_id,
            "note": now.note,
        }
    )


def files_of(now: Outgoing | None) -> tuple[File, ...]:
    """The files that a stored draft has: the document itself and its annexes."""
    if now is None:
        return ()
    return tuple(file for file in attachments.all_of("outgoing", now.id) if file.part in ("draft", "annex"))


def answerable(by: Actor, query: str, chosen: str) -> Pairs:
    """Incoming documents to choose from: the chosen one first, then those that fit what was typed."""
    found = {}
    if chosen.isdigit():
        try:
            one = incoming.see(by, int(chosen))
        except NotFound:
            pass
        else:
            found[str(one.id)] = _answerable_words(one.number, one.code, one.sender_name, one.subject)
    if query:
        for line in lists.incoming_page(by, query=query, rows=ANSWERABLE_ROWS).lines:
            found.setdefault(str(line.id), _answerable_words(line.number, line.code, line.sender_name, line.subject))
    return tuple(found.items())


def _answerable_words(number: int | None, code: str, sender: str, subject: str) -> str:
    arrival = f"Số đến {number}: " if number else "Chưa vào sổ: "
    return f"{arrival}{code or 'không số'} – {sender} – {subject}"


class DraftForm:
    """One posted draft. `read()` gives what the verbs take, or None when the form must be shown again."""

    def __init__(self, by: Actor, now: Outgoing | None = None) -> None:
        settings: Settings = current_app.config["PORTAL_SETTINGS"]
        self._by = by
        self._now = now
        self._reader = FormReader(request.form, request.files)
        self._staging = Staging(settings.work_folder, by.id, settings.limits.file_bytes)
        self.staged = NOTHING
        self.then = self._reader.text("then", "Việc tiếp theo", longest=20)
        self.dropped = tuple(int(key) for key in self._reader.keys("drop_annexes", "Bỏ tệp") if key.isdigit())

    @property
    def main(self) -> Upload | None:
        """The document itself, where one was chosen; a composed letter has none."""
        return self.staged.main.upload if self.staged.main and not self._is_letter else None

    @property
    def annexes(self) -> tuple[Upload, ...]:
        """The annexes that were chosen."""
        return tuple(item.upload for item in self.staged.annexes)

    @property
    def _is_letter(self) -> bool:
        return self._reader.text("content", "Nội dung", longest=10) == "letter"

    def state(self) -> FormState:
        """The form as typed, to be shown again."""
        return self._reader.state()

    def refuse(self, refusal: PortalError) -> None:
        """Notes what a verb refused."""
        self._reader.refuse_because(refusal)

    def forget_uploads(self) -> None:
        """Removes the waiting files, which are in the register now."""
        self._staging.drop(self.staged)

    def read(self) -> Draft | None:
        """Reads every field; files are kept whatever else is refused."""
        self._take_files()
        reader, medium = self._reader, self._reader.choice("medium", "Hình thức", Medium, required=True)
        issuer_id = reader.one_of("issuer_id", "Cơ quan ban hành", _issuer_of, required=True)
        kind = reader.text("type_code", "Loại văn bản", longest=20)
        if not kind:
            reader.refuse("type_code", "Loại văn bản: chưa chọn.")
        subject = reader.text("subject", "Trích yếu", required=True)
        mandate = reader.one_of("signer", "Người ký", _mandate_of)
        if mandate and issuer_id and mandate.issuer_id != issuer_id:
            reader.refuse("signer", "Người ký này không ký cho cơ quan ban hành đã chọn. Hãy chọn lại.")
        if self.then == "submit" and not mandate:
            reader.refuse("signer", "Người ký: chưa chọn, nên chưa trình được.")
        urgency = reader.one_of("urgency", "Độ khẩn", _URGENCIES.get) or Urgency.NORMAL
        secrecy = reader.choice("secrecy", "Độ mật", Secrecy) or Secrecy.NONE
        deliver_by = self._deliver_by(urgency)
        due_date = reader.day("due_date", "Hạn trả lời")
        copies = reader.number("copy_amount", "Số lượng bản", least=1, most=9999) or 1
        recipients = reader.area("recipients_text", "Nơi nhận", longest=4000)
        kept_by = reader.text("kept_by", "Đơn vị, người nhận bản lưu", longest=200)
        unit = reader.text("unit", "Đơn vị soạn thảo", longest=20)
        note = reader.area("note", "Ghi chú", longest=2000)
        letter = self._letter()
        if medium is Medium.ELECTRONIC and letter is None and not (self.staged.main or self._has_file()):
            reader.refuse("file", "Tệp văn bản: chưa chọn tệp PDF. Hãy chọn tệp, hoặc soạn trong hệ thống.")
        answers_id = self._answers()
        if reader.refused or medium is None or issuer_id is None:
            return None
        return Draft(
            issuer_id=issuer_id, type_code=kind, subject=subject, medium=medium, unit=unit,
            signer_id=mandate.account_id if mandate else None, urgency=urgency, secrecy=secrecy, deliver_by=deliver_by,
            due_date=due_date, recipients_text=recipients, kept_by=kept_by, copy_amount=copies, letter=letter,
            answers_id=answers_id, note=note,
        )  # fmt: skip

    def _take_files(self) -> None:
        """Keeps newly chosen files, and refuses at once an upload that could never be signed."""
        reader = self._reader
        token = reader.text("staged", "Tệp đã chọn", longest=64)
        if token:
            try:
                self.staged = self._staging.find(token)
            except NotFound as gone:
                reader.refuse("file", gone.sentence)
        if reader.ticked("drop_staged"):
            self._staging.drop(self.staged)
            self.staged = NOTHING
        main = reader.file("file", "Tệp văn bản")
        annexes = reader.files("annexes", "Phụ lục")
        if main is not None and not self._is_letter and self._is_fit(main):
            self._keep(main, ())
        if annexes:
            self._keep(None, annexes)

    def _keep(self, main: FileStorage | None, annexes: tuple[FileStorage, ...]) -> None:
        try:
            self.staged = self._staging.add(self.staged, main, annexes)
        except PortalError as refusal:
            self._reader.refuse_because(refusal)

    def _is_fit(self, main: FileStorage) -> bool:
        """Asks the workshop before anything is kept, so that the sentence stands beside the field at once."""
        looked_at = files.temporary(".pdf")
        try:
            main.save(looked_at)
            layouts.require_fit(looked_at)
        except PortalError as refusal:
            self._reader.refuse("file", f"Tệp «{content.safe_name(main.filename or '')}»: {refusal.sentence}")
            return False
        finally:
            looked_at.unlink(missing_ok=True)
            main.stream.seek(0)
        return True

    def _has_file(self) -> bool:
        return self._now is not None and attachments.current("outgoing", self._now.id, "draft") is not None

    def _letter(self) -> LetterText | None:
        addressees = self._reader.area("addressees", "Kính gửi", longest=4000)
        body = self._reader.area("body", "Nội dung", longest=200_000)
        if not self._is_letter:
            return None
        if not body:
            self._reader.refuse("body", "Nội dung: chưa nhập.")
        return LetterText(tuple(addressees.split("\n")), body)

    def _deliver_by(self, urgency: Urgency) -> datetime | None:
        typed = self._reader.text("deliver_by", "Hẹn giờ đến", longest=30)
        if not typed:
            return None
        if urgency is not Urgency.FLASH:
            self._reader.refuse("deliver_by", "Hẹn giờ đến: chỉ dùng cho văn bản hỏa tốc.")
            return None
        try:
            return read_instant(typed)
        except Malformed as refusal:
            self._reader.refuse("deliver_by", f"Hẹn giờ đến: {refusal.sentence}")
            return None

    def _answers(self) -> int | None:
        key = self._reader.text("answers_id", "Trả lời văn bản đến", longest=20)
        if not key:
            if self._reader.text("answers_query", "Tìm văn bản đến", longest=200):
                # Without script this is the search: the form comes back with what was found.
                self._reader.refuse("answers_query", "Hãy chọn văn bản đến trong danh sách, hoặc xóa ô tìm.")
            return None
        try:
            return incoming.see(self._by, int(key)).id
        except (ValueError, NotFound):
            self._reader.refuse("answers_id", "Trả lời văn bản đến: không có văn bản này. Hãy tìm và chọn lại.")
            return None


def read_instant(text: str) -> datetime:
    """Reads `22/11/2026 14:30` (also 14h30) as an instant in Vietnam; raises Malformed."""
    day_text, _, hour_text = text.partition(" ")
    day = parse_civil(day_text)
    match = _HOUR.fullmatch(hour_text.strip())
    hour, minute = (int(match[1]), int(match[2] or 0)) if match else (24, 0)
    if hour > 23 or minute > 59:
        raise Malformed("Giờ chưa đúng. Hãy nhập theo dạng 22/11/2026 14:30.")
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=clock.VIETNAM)


_URGENCIES = {str(item.value): item for item in Urgency}


def _issuer_of(key: str) -> int | None:
    return next((item.id for item in issuers.current(clock.today()) if str(item.id) == key), None)


def _mandate_of(key: str) -> Mandate | None:
    try:
        found = mandates.mandate(int(key))
    except (ValueError, NotFound):
        return None
    return found if found.is_valid(clock.today()) else None
