"""The form that founds an installation: read whole, every error beside its field, nothing asked for twice.

Names of its fields, for scripts too: enrolment (file), code, code_confirmed, code_legacy, name, place, abbreviation,
parent_name; clerk_username, clerk_full_name, clerk_password, clerk_password_again; administrator (same | other),
admin_username, admin_full_name, admin_password, admin_password_again; token (a path, typed, or empty), token_path;
clock_ok. At a node: code, name, place, address, operator_username, operator_full_name, operator_password(_again).
"""

from __future__ import annotations

from types import MappingProxyType
from urllib.parse import urlsplit

from commune_portal import clock
from commune_portal.errors import Malformed
from commune_portal.people import accounts, passwords
from commune_portal.people.founding import FirstPerson, Plan
from commune_portal.rules import agency_codes
from commune_portal.rules.numbering import check_abbreviation
from commune_portal.rules.permissions import Role
from commune_portal.views._first_run import Draft
from commune_portal.views._forms import FormReader, FormState
from commune_portal.wire import enrolment
from commune_portal.wire.enrolment import EnrolmentFile

TYPED = "typed"
"""The choice of a driver whose path is typed."""


def stage_enrolment(reader: FormReader, draft: Draft) -> EnrolmentFile | None:
    """Takes an enrolment file into the draft, or the one taken before; a wrong one is refused beside its field."""
    sent = reader.file("enrolment", "Tệp đăng ký")
    data = sent.read(enrolment.LARGEST_BYTES + 1) if sent is not None else draft.enrolment
    if not data:
        return None
    try:
        file = enrolment.read(data)
    except Malformed as error:
        reader.refuse("enrolment", error.sentence)
        return None
    if file.expires_at < clock.now():
        reader.refuse("enrolment", "Tệp đăng ký đã hết hạn. Hãy xin tệp mới từ nút liên thông.")
        return None
    if sent is not None:
        draft.enrolment, draft.enrolment_name = data, sent.filename or "tệp đăng ký"
    return file


def with_file(state: FormState, file: EnrolmentFile | None) -> FormState:
    """The form with what an enrolment file knows, where nothing was typed; what it filled in is marked."""
    if file is None:
        return state
    known = {"code": file.office_code, "name": file.office_name}
    fresh = {name: (value,) for name, value in known.items() if not state.value(name)}
    return FormState(MappingProxyType({**state.values, **fresh}), state.errors, state.marked | frozenset(fresh))


def keep_passwords(reader: FormReader, draft: Draft) -> None:
    """Keeps passwords that were typed alike twice, when a button other than the last was pressed."""
    for prefix in ("clerk", "admin"):
        typed = reader.secret(f"{prefix}_password", "Mật khẩu", required=False)
        if typed and typed == reader.secret(f"{prefix}_password_again", "Nhập lại mật khẩu", required=False):
            draft.passwords[prefix] = typed


def read_office(reader: FormReader, draft: Draft) -> Plan:
    """Reads an office's founding; `reader.refused` says whether the plan may be used."""
    file = stage_enrolment(reader, draft)
    code = _code(reader, file.office_code if file else "")
    if file is not None and code and code != file.office_code:
        reader.refuse("code", f"Mã này khác mã trong tệp đăng ký ({file.office_code} – {file.office_name}).")
    name = _line(reader, "name", "Tên cơ quan", 200, file.office_name if file else "")
    legacy = _legacy(reader)
    place = reader.text("place", "Địa danh", required=True, longest=100)
    abbreviation = _abbreviation(reader)
    return Plan(
        code=code,
        code_legacy=legacy,
        name=name,
        place=place,
        abbreviation=abbreviation,
        parent_name=reader.text("parent_name", "Cơ quan chủ quản", longest=200),
        people=_people(reader, draft),
        enrolment=draft.enrolment or None,
    )


def _people(reader: FormReader, draft: Draft) -> tuple[FirstPerson, ...]:
    """The clerk, and the administrator where that is somebody else."""
    if reader.text("administrator", "Người quản trị") != "other":
        return (_person(reader, draft, "clerk", "văn thư", [Role.CLERK, Role.ADMINISTRATOR], "Văn thư"),)
    clerk = _person(reader, draft, "clerk", "văn thư", [Role.CLERK], "Văn thư")
    other = _person(reader, draft, "admin", "quản trị", [Role.ADMINISTRATOR], "Quản trị")
    if clerk.username and clerk.username == other.username:
        reader.refuse("admin_username", "Hai người phải có hai tên đăng nhập khác nhau.")
    return clerk, other


def read_node(reader: FormReader, draft: Draft) -> tuple[Plan, str]:
    """Reads a node's founding and the address that its enrolment files will carry."""
    code, name = _code(reader, ""), _line(reader, "name", "Tên nút", 200, "")
    place = reader.text("place", "Địa danh", longest=100)
    operator = _person(reader, draft, "operator", "vận hành", [Role.OPERATOR], "Vận hành")
    return Plan(code=code, name=name, place=place, people=(operator,)), _address(reader)


def driver_path(reader: FormReader) -> str:
    """The chosen driver's path, or an empty text; whether it works is another question."""
    chosen = reader.text("token", "Thiết bị ký số", longest=500)
    if chosen != TYPED:
        return chosen
    return reader.text("token_path", "Đường dẫn trình điều khiển", required=True, longest=500).strip('"')


def require_clock(reader: FormReader) -> None:
    """Wants the date and the time of this computer confirmed: numbers and signatures carry them."""
    if not reader.ticked("clock_ok"):
        reader.refuse("clock_ok", "Hãy so ngày giờ của máy với đồng hồ, rồi đánh dấu xác nhận.")


def _line(reader: FormReader, name: str, label: str, longest: int, otherwise: str) -> str:
    return reader.text(name, label, required=not otherwise, longest=longest) or otherwise


def _code(reader: FormReader, otherwise: str) -> str:
    typed = _line(reader, "code", "Mã định danh", 60, otherwise)
    if not typed:
        return ""
    try:
        code = agency_codes.accept_code(typed)
    except Malformed as error:
        reader.refuse("code", error.sentence)
        return ""
    doubt = agency_codes.doubt_about_code(code)
    if doubt and not reader.ticked("code_confirmed"):
        reader.refuse("code", f"{doubt} Nếu đúng, hãy đánh dấu «Mã này đúng như được cấp».")
    return code


def _legacy(reader: FormReader) -> str:
    typed = reader.text("code_legacy", "Mã cũ", longest=60)
    if not typed:
        return ""
    try:
        return agency_codes.accept_code(typed)
    except Malformed as error:
        reader.refuse("code_legacy", error.sentence)
        return ""


def _abbreviation(reader: FormReader) -> str:
    typed = reader.text("abbreviation", "Chữ viết tắt", required=True, longest=60)
    if not typed:
        return ""
    try:
        return check_abbreviation(typed)
    except Malformed as error:
        reader.refuse("abbreviation", error.sentence)
        return ""


def _person(reader: FormReader, draft: Draft, prefix: str, words: str, roles: list[Role], position: str) -> FirstPerson:
    full_name = reader.text(f"{prefix}_full_name", f"Họ và tên người {words}", required=True, longest=100)
    username = reader.text(f"{prefix}_username", f"Tên đăng nhập của người {words}", required=True, longest=60)
    if username:
        try:
            username = accounts.as_username(username)
        except Malformed as error:
            reader.refuse(f"{prefix}_username", error.sentence)
    return FirstPerson(
        username=username,
        full_name=full_name,
        roles=tuple(roles),
        position=position,
        password=_password(reader, draft, prefix, username),
    )


def _password(reader: FormReader, draft: Draft, prefix: str, username: str) -> str:
    """The password, typed twice now or kept from a former post of the same draft."""
    typed = reader.secret(f"{prefix}_password", "Mật khẩu", required=False)
    again = reader.secret(f"{prefix}_password_again", "Nhập lại mật khẩu", required=False)
    password = typed or ("" if again else draft.passwords.get(prefix, ""))
    if not password:
        reader.refuse(f"{prefix}_password", "Mật khẩu: chưa nhập.")
        return ""
    if typed and typed != again:
        reader.refuse(f"{prefix}_password_again", "Hai lần nhập mật khẩu không giống nhau. Hãy nhập lại cả hai.")
        return ""
    try:
        password = passwords.check_strength(password, username)
    except Malformed as error:
        reader.refuse(f"{prefix}_password", error.sentence)
        draft.passwords.pop(prefix, None)
        return ""
    draft.passwords[prefix] = password
    return password


def _address(reader: FormReader) -> str:
    """An https address of a node, or an empty text: it can be given later."""
    typed = reader.text("address", "Địa chỉ của nút", longest=200).rstrip("/")
    if not typed:
        return ""
    try:
        parts = urlsplit(typed)
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.path or parts.query or parts.fragment or parts.username is not None:
        reader.refuse("address", "Địa chỉ gồm https:// và tên máy, có thể thêm cổng, ví dụ https://nut.tinh.vn:8443.")
        return ""
    return typed
