"""Registering by hand: choose the file, let the machine read it, check the fields, save; or paper without a scan.

What was chosen waits on the server between the posts (`_staging`), so that no error asks for a file twice. A guess
is only a value in a form: nothing is registered before the clerk saves.
"""

from __future__ import annotations

from datetime import date

from flask import Response, current_app, flash, url_for

from commune_portal import clock
from commune_portal.documents import incoming
from commune_portal.documents.attachments import PDF
from commune_portal.documents.incoming import Arrival, Duplicate
from commune_portal.errors import ClockDoubtful, Malformed, NotFound, PortalError, RuleBroken, TooLarge
from commune_portal.people import directory
from commune_portal.people.actors import Actor
from commune_portal.rules import kinds, numbering
from commune_portal.rules.folding import clean_line, fold
from commune_portal.rules.kinds import Secrecy, Urgency
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.signing.workshop import workshop
from commune_portal.views import _session, files
from commune_portal.views._forms import FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request
from commune_portal.views._staging import NOTHING, Staged, Staging
from commune_portal.views.incoming_choices import recipient_names, type_names

SENDERS_SHOWN = 30
BEGINNING = {"requires_handling": "1", "urgency": "0", "secrecy": Secrecy.NONE}


def register() -> Response:
    """First the file (or paper), then the fields: `?staged=` names what was uploaded, `?paper=1` needs no file."""
    by = _session.require(Verb.INCOMING_REGISTER)
    saved = request.args.get("saved", type=int)
    just_saved = incoming.see(by, saved) if saved else None
    paper = bool(request.args.get("paper"))
    token = request.args.get("staged", "")
    if not token and not paper:
        return page("incoming/upload.html", form=filled({}), just_saved=just_saved)
    staged = _staging(by).find(token) if token else NOTHING
    return _form(_first_form(staged, paper=paper), staged, just_saved=just_saved)


def upload() -> Response:
    """Keeps the chosen files, reads the text layer of a PDF and goes on to the fields."""
    by = _session.require(Verb.INCOMING_REGISTER)
    reader = FormReader(request.form, request.files)
    staging = _staging(by)
    main, annexes = reader.file("file", "Tệp văn bản", required=True), reader.files("annexes", "Tệp kèm theo")
    if not reader.refused:
        try:
            staged = staging.add(NOTHING, main, annexes)
        except (Malformed, TooLarge) as refusal:
            reader.refuse_because(refusal)
        else:
            _read(staging, staged)
            return go_to(url_for("incoming.register", staged=staged.token))
    return page("incoming/upload.html", status=422, form=reader.state(), just_saved=None)


def save() -> Response:
    """Registers what the clerk has checked; asks once more for a duplicate or a doubtful date."""
    by = _session.require(Verb.INCOMING_REGISTER)
    reader = FormReader(request.form, request.files)
    staging = _staging(by)
    staged = _chosen(reader, staging)
    arrival = _arrival(reader)
    same: list[Duplicate] = []
    if arrival and not reader.refused:
        same = incoming.duplicates(f"{arrival.code_number}/{arrival.code_notation}", arrival.sender_name)
        if same and not reader.ticked("duplicate_known"):
            reader.refuse("duplicate_known", "Đã có văn bản cùng số, ký hiệu và nơi gửi. Hãy xem lại rồi xác nhận.")
    if arrival and not reader.refused:
        without = set(reader.keys("without", "Bỏ tệp"))
        annexes = [item for ordinal, item in enumerate(staged.annexes) if str(ordinal) not in without]
        try:
            row_id = incoming.register(
                by, arrival, staged.main.upload if staged.main else None, tuple(item.upload for item in annexes),
                confirmed=reader.ticked("date_confirmed"),
            )  # fmt: skip
        except ClockDoubtful as doubt:
            reader.refuse("date_confirmed", doubt.sentence)
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            staging.drop(staged)
            return _after(row_id, paper=arrival.on_paper)
    return _form(reader.state(), staged, same=same, status=422)


def staged_file(token: str) -> Response:
    """The uploaded file beside the form, under the same lock as a stored one."""
    by = _session.require(Verb.INCOMING_REGISTER)
    staged = _staging(by).find(token)
    if staged.main is None:
        raise NotFound
    return files.send(staged.main.path, staged.main.name, staged.main.media_type)


def senders() -> Response:
    """Names from the directory that fit what is typed, for the list under the field."""
    _session.require(Verb.INCOMING_REGISTER)
    return page("incoming/_senders.html", senders=_senders(request.args.get("sender_name", "")))


def _after(row_id: int, *, paper: bool) -> Response:
    number = incoming.get(row_id).number or 0
    if request.form.get("then") == "more":
        return go_to(url_for("incoming.register", saved=row_id, paper=1 if paper else None))
    flash(f"Đã vào sổ văn bản đến, số đến {numbering.format_number(number)}.", "good")
    return go_to(url_for("incoming.show", document=row_id))


def _staging(by: Actor) -> Staging:
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    return Staging(settings.work_folder, by.id, settings.limits.file_bytes)


def _chosen(reader: FormReader, staging: Staging) -> Staged:
    """What waits from before, with what was chosen in this post; errors go beside their fields."""
    token = request.form.get("staged", "")
    try:
        staged = staging.find(token) if token else NOTHING
    except NotFound as gone:
        reader.refuse("file", gone.sentence)
        staged = NOTHING
    main, annexes = reader.file("file", "Tệp văn bản"), reader.files("annexes", "Tệp kèm theo")
    if main or annexes:
        try:
            return staging.add(staged, main, annexes)
        except (Malformed, TooLarge) as refusal:
            reader.refuse_because(refusal)
    return staged


def _read(staging: Staging, staged: Staged) -> None:
    """Notes what the text layer of a PDF says; a file that cannot be read simply fills nothing in."""
    if staged.main is None or staged.main.media_type != PDF:
        return
    try:
        reading = workshop().read_text(staged.main.path)
    except PortalError:
        return
    found = reading.fields
    number, notation = (guess.value if guess else "" for guess in (found.number, found.notation))
    values = {
        "code": "/".join(part for part in (number, notation) if part),
        "promulgation_date": found.promulgation_date.value if found.promulgation_date else "",
        "type_name": found.type_name.value if found.type_name else "",
        "subject": found.subject.value if found.subject else "",
        "sender_name": found.issuer_name.value if found.issuer_name else "",
        "signer_name": found.signer_name.value if found.signer_name else "",
        "signer_position": found.signer_position.value if found.signer_position else "",
    }
    guesses = {name: clean_line(value) for name, value in values.items() if clean_line(value)}
    staging.note_reading(staged, guesses, reading.pages)


def _first_form(staged: Staged, *, paper: bool) -> FormState:
    guesses: dict[str, object] = dict(staged.guesses)
    day = str(guesses.get("promulgation_date", ""))
    try:
        guesses["promulgation_date"] = date.fromisoformat(day) if day else None
    except ValueError:
        guesses["promulgation_date"] = None
    pages = {"page_amount": staged.pages} if staged.pages else {}
    marked = [name for name, value in guesses.items() if value] + list(pages)
    return filled({**BEGINNING, **guesses, **pages, "on_paper": "1" if paper else None}, marked)


def _form(
    form: FormState,
    staged: Staged,
    *,
    same: list[Duplicate] | None = None,
    just_saved: incoming.Incoming | None = None,
    status: int = 200,
) -> Response:
    shown = staged.main is not None and staged.main.media_type in files.SHOWN_INLINE
    return page(
        "incoming/register.html",
        status=status,
        form=form,
        staged=staged,
        preview=url_for("incoming.staged_file", token=staged.token) if shown else "",
        same=same or [],
        just_saved=just_saved,
        today=clock.today(),
        senders=_senders(form.value("sender_name")),
        types=type_names(),
        recipients=recipient_names(),
        urgencies=[(str(item.value), item.label) for item in Urgency],
        secrecies=[(item.value, item.label) for item in Secrecy],
    )


def _senders(typed: str) -> list[str]:
    return [item.name for item in directory.search(typed, limit=SENDERS_SHOWN, open_only=True)]


def _sender_code(name: str) -> str:
    """The code of the one organisation that bears exactly this name."""
    found = [item for item in directory.search(name, limit=5, open_only=True) if fold(item.name) == fold(name)]
    return found[0].code if len(found) == 1 else ""


def _arrival(reader: FormReader) -> Arrival | None:
    code = reader.text("code", "Số, ký hiệu", longest=100)
    parsed = numbering.ParsedNumber("", "")
    if code:
        try:
            parsed = numbering.parse(code)
        except Malformed as refusal:
            reader.refuse("code", f"Số, ký hiệu: {refusal.sentence}")
    promulgated = reader.day("promulgation_date", "Ngày văn bản")
    if promulgated and promulgated > clock.today():
        reader.refuse("promulgation_date", "Ngày văn bản: sau ngày hôm nay. Hãy kiểm tra lại.")
    type_name = reader.text("type_name", "Loại văn bản", longest=100)
    known = kinds.type_by_name(type_name, clock.today()) if type_name else None
    sender = reader.text("sender_name", "Cơ quan ban hành", required=True, longest=200)
    subject = reader.text("subject", "Trích yếu", required=True, longest=1000)
    signer, position = reader.text("signer_name", "Người ký"), reader.text("signer_position", "Chức vụ")
    urgency = reader.one_of("urgency", "Độ khẩn", {str(item.value): item for item in Urgency}.get)
    secrecy = reader.choice("secrecy", "Độ mật", Secrecy) or Secrecy.NONE
    try:
        kinds.check_secrecy(secrecy)
    except RuleBroken as refusal:
        reader.refuse_because(refusal)
    pages = reader.number("page_amount", "Số trang", most=100_000)
    due = reader.day("asked_due_date", "Hạn nơi gửi yêu cầu")
    recipient = reader.text("recipient_name", "Đơn vị hoặc người nhận", longest=200)
    note = reader.area("note", "Ghi chú", longest=2000)
    if reader.refused:
        return None
    return Arrival(
        sender_name=sender,
        sender_code=_sender_code(sender),
        subject=subject,
        code_number=parsed.number,
        code_notation=parsed.notation,
        promulgation_date=promulgated,
        type_name=known.name if known else type_name,
        signer_name=signer,
        signer_position=position,
        urgency=urgency or Urgency.NORMAL,
        secrecy=secrecy,
        page_amount=pages or 0,
        asked_due_date=due,
        requires_handling=reader.ticked("requires_handling"),
        recipient_name=recipient,
        note=note,
        on_paper=reader.ticked("on_paper"),
    )
