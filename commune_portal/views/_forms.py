"""Reading a form: every field through NFC, every error beside its field, nothing lost when it is shown again.

    reader = FormReader(request.form, request.files)
    subject = reader.text("subject", "Trích yếu", required=True, longest=500)
    due_on = reader.day("due_on", "Hạn xử lý")
    if reader.refused:
        return page("incoming/register.html", status=422, form=reader.state())

The state is frozen and is what the form macros read: `form.value(name)`, `form.error(name)`. Values that are secret
(passwords, PINs) are read with `secret` and never come back in a state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from types import MappingProxyType
from typing import TypeVar

from werkzeug.datastructures import FileStorage, MultiDict

from commune_portal.errors import Malformed, PortalError
from commune_portal.rules.dates import parse_civil
from commune_portal.rules.folding import clean_line, clean_text, nfc

Choice = TypeVar("Choice", bound=Enum)
Thing = TypeVar("Thing")

LONGEST_LINE = 500
LONGEST_AREA = 20_000

_NO_VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing to mend: the field's name (empty for the whole form) and a sentence."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class FormState:
    """What a form shows: the values as typed and the errors in the order of the fields."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NO_VALUES)
    errors: tuple[FieldError, ...] = ()
    marked: frozenset[str] = frozenset()

    def value(self, name: str) -> str:
        """The first typed value, or an empty string."""
        found = self.values.get(name, ())
        return found[0] if found else ""

    def all(self, name: str) -> tuple[str, ...]:
        """Every typed value of a field that may be chosen several times."""
        return self.values.get(name, ())

    def error(self, name: str) -> str:
        """The sentence beside a field, or an empty string."""
        return next((item.sentence for item in self.errors if item.name == name), "")

    def guessed(self, name: str) -> bool:
        """True where a machine filled the field in, so that the form asks the clerk to check it."""
        return name in self.marked


def filled(values: Mapping[str, object], guessed: Iterable[str] = ()) -> FormState:
    """A form before anybody typed: dates as dd/mm/yyyy, enums by value, None as empty; guessed fields are marked."""
    return FormState(
        values=MappingProxyType({name: _as_typed(value) for name, value in values.items()}),
        marked=frozenset(guessed),
    )


EMPTY = FormState()


def _as_typed(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(text for item in value for text in _as_typed(item))
    if isinstance(value, Enum):
        return (str(value.value),)
    if isinstance(value, date):
        return (f"{value.day:02d}/{value.month:02d}/{value.year:04d}",)
    return (str(value),)


class FormReader:
    """Reads one posted form; collects errors instead of stopping at the first."""

    def __init__(self, form: MultiDict[str, str], files: MultiDict[str, FileStorage] | None = None) -> None:
        self._form = form
        self._files: MultiDict[str, FileStorage] = files if files is not None else MultiDict()
        self._errors: list[FieldError] = []
        self._secret: set[str] = {"csrf_token"}

    @property
    def refused(self) -> bool:
        """True when something must be mended before the verb is called."""
        return bool(self._errors)

    def refuse(self, name: str, sentence: str) -> None:
        """Notes an error beside a field (an empty name: of the whole form); the first of a field stays."""
        if not any(item.name == name and name for item in self._errors):
            self._errors.append(FieldError(name, sentence))

    def refuse_because(self, error: PortalError) -> None:
        """Notes what a verb refused, beside the field that it names."""
        self.refuse(error.field or "", error.sentence)

    def state(self) -> FormState:
        """The form as typed, frozen, for showing it again; secrets and files are left out."""
        values = {
            name: tuple(clean_text(value) for value in self._form.getlist(name))
            for name in self._form
            if name not in self._secret
        }
        return FormState(MappingProxyType(values), tuple(self._errors))

    def text(self, name: str, label: str, *, required: bool = False, longest: int = LONGEST_LINE) -> str:
        """One line of text: NFC, no control characters, inner white space single."""
        return self._checked(name, label, clean_line(self._form.get(name, "")), required=required, longest=longest)

    def area(
        self, name: str, label: str, *, required: bool = False, longest: int = LONGEST_AREA, shortest: int = 0
    ) -> str:
        """Several lines of text; `shortest` asks for a reason that says something."""
        value = self._checked(name, label, clean_text(self._form.get(name, "")), required=required, longest=longest)
        if value and len(value) < shortest:
            self.refuse(name, f"{label}: hãy viết ít nhất {shortest} ký tự.")
        return value

    def secret(self, name: str, label: str, *, required: bool = True, longest: int = 200) -> str:
        """A password or PIN exactly as typed in NFC; it never comes back in the form."""
        self._secret.add(name)
        value = nfc(self._form.get(name, ""))
        if required and not value:
            self.refuse(name, f"{label}: chưa nhập.")
        if len(value) > longest:
            self.refuse(name, f"{label}: dài quá {longest} ký tự.")
        return value

    def day(self, name: str, label: str, *, required: bool = False) -> date | None:
        """A civil date typed as dd/mm/yyyy or d/m/yyyy."""
        value = self._checked(name, label, clean_line(self._form.get(name, "")), required=required, longest=30)
        if not value:
            return None
        try:
            return parse_civil(value, name)
        except Malformed as error:
            self.refuse(name, f"{label}: {error.sentence}")
            return None

    def number(
        self, name: str, label: str, *, required: bool = False, least: int = 0, most: int = 1_000_000_000
    ) -> int | None:
        """A whole number; points between thousands are allowed."""
        value = self._checked(name, label, clean_line(self._form.get(name, "")), required=required, longest=30)
        if not value:
            return None
        digits = value.replace(".", "").replace(" ", "")
        if not (digits.isascii() and digits.isdigit()):
            self.refuse(name, f"{label}: hãy nhập một số nguyên.")
            return None
        found = int(digits)
        if not least <= found <= most:
            self.refuse(name, f"{label}: hãy nhập số từ {least} đến {most}.")
            return None
        return found

    def choice(self, name: str, label: str, kinds: type[Choice], *, required: bool = False) -> Choice | None:
        """One member of an enum, sent by its value."""
        return self.one_of(name, label, {str(member.value): member for member in kinds}.get, required=required)

    def one_of(
        self, name: str, label: str, find: Callable[[str], Thing | None], *, required: bool = False
    ) -> Thing | None:
        """One of some things found by the sent key; an unknown key is refused."""
        key = self._checked(
            name, label, clean_line(self._form.get(name, "")), required=required, longest=200, verb="chọn"
        )
        if not key:
            return None
        found = find(key)
        if found is None:
            self.refuse(name, f"{label}: lựa chọn không có trong danh sách.")
        return found

    def keys(self, name: str, label: str, *, required: bool = False) -> tuple[str, ...]:
        """The keys of a field that may be chosen several times, each once, in their order."""
        found = tuple(dict.fromkeys(key for key in map(clean_line, self._form.getlist(name)) if key))
        if required and not found:
            self.refuse(name, f"{label}: hãy chọn ít nhất một.")
        return found

    def ticked(self, name: str) -> bool:
        """True when a box is ticked."""
        return bool(self._form.get(name))

    def file(self, name: str, label: str, *, required: bool = False) -> FileStorage | None:
        """One uploaded file that has a name and was chosen; its content is for the verb to judge."""
        found = self._files.get(name)
        if found is None or not found.filename:
            if required:
                self.refuse(name, f"{label}: chưa chọn tệp.")
            return None
        return found

    def files(self, name: str, label: str, *, required: bool = False) -> tuple[FileStorage, ...]:
        """Every chosen file of a field that takes several."""
        found = tuple(item for item in self._files.getlist(name) if item.filename)
        if required and not found:
            self.refuse(name, f"{label}: chưa chọn tệp.")
        return found

    def finish(self) -> None:
        """Raises Malformed when something must be mended; for acts that have no form to show again."""
        if self._errors:
            first = self._errors[0]
            raise Malformed(first.sentence, field=first.name or None)

    def _checked(self, name: str, label: str, value: str, *, required: bool, longest: int, verb: str = "nhập") -> str:
        if required and not value:
            self.refuse(name, f"{label}: chưa {verb}.")
        if len(value) > longest:
            self.refuse(name, f"{label}: dài quá {longest} ký tự.")
            return ""
        return value


def read_day(text: str) -> date | None:
    """A date typed as dd/mm/yyyy outside a form, as in a filter's address; None for anything else."""
    try:
        return parse_civil(text)
    except Malformed:
        return None
