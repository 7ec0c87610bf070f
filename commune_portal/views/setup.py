"""What is left to set up after the first run: a short list on the administrator's first page, until it is done.

Whoever wants it gone sooner dismisses it; that is remembered by a file beside the register.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, current_app, flash, url_for

from commune_portal import clock
from commune_portal.people import acceptance, accounts, issuers, mandates, peers, recovery
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Role, Verb
from commune_portal.settings import Settings
from commune_portal.store import database, files
from commune_portal.views import _session
from commune_portal.views._page import go_to

blueprint = Blueprint("setup", __name__, url_prefix="/setup")

DISMISSED = "setup.dismissed"


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One thing to set up: what, where, and whether it is done."""

    label: str
    why: str
    url: str
    done: bool


@blueprint.post("/dismiss")
def dismiss() -> Response:
    """Takes the list off the first page for good."""
    _session.require(Verb.ADMINISTRATION_SETTINGS)
    files.write_durably(_settings().data_folder / DISMISSED, b"")
    flash("Đã ẩn danh sách việc cài đặt.", "good")
    return go_to(url_for("home.show"))


def steps_for(by: Actor) -> list[SetupStep]:
    """The steps with what is done of them; empty when all are, when dismissed, and for who cannot do them."""
    if not by.may(Verb.ADMINISTRATION_SETTINGS) or (_settings().data_folder / DISMISSED).exists():
        return []
    found = _steps()
    return [] if all(step.done for step in found) else found


def _steps() -> list[SetupStep]:
    today = clock.today()
    roles = [role for person in accounts.everyone() if person.disabled_at is None for role in person.roles]
    holding = [item for item in mandates.all_mandates() if item.is_valid(today)]
    ours = issuers.current(today)
    peer = peers.find_peer()
    copies = database.row("SELECT 1 FROM backup_runs WHERE outcome = 'written' LIMIT 1")
    return [
        SetupStep(
            "Tài khoản lãnh đạo và chuyên viên",
            "để duyệt, ký và xử lý văn bản",
            _address("administration.users"),
            Role.LEADER in roles and Role.SPECIALIST in roles,
        ),
        SetupStep(
            "Người được ký và chứng thư số của họ",
            "không có thì không ký được văn bản nào",
            _address("administration_mandates.show"),
            any(item.certificate_sha256 for item in holding),
        ),
        SetupStep(
            "Chứng thư số của cơ quan",
            "để ký số cơ quan khi phát hành",
            _address("administration_token.show"),
            any(item.certificate_sha256 for item in ours),
        ),
        SetupStep(
            "Hình con dấu",
            "in trên văn bản khi ký số cơ quan",
            _address("administration_office.show"),
            any(item.seal_sha256 for item in ours),
        ),
        SetupStep(
            "Kết nối nút liên thông",
            "nạp tệp đăng ký do cấp trên giao",
            _address("exchange.enrolment"),
            peer is not None and peer.enrolled_at is not None,
        ),
        SetupStep(
            "Khóa phục hồi trên giấy",
            "máy hỏng mà không có tờ này thì bản sao lưu không mở được",
            _address("administration_backup.show"),
            recovery.current() is not None,
        ),
        SetupStep(
            "Bản sao lưu đầu tiên",
            "ra USB hoặc ổ đĩa khác",
            _address("administration_backup.show"),
            copies is not None,
        ),
        SetupStep(
            "Nghiệm thu cài đặt",
            "diễn tập trên thiết bị ký số của cơ quan, in biên bản",
            _address("acceptance.show"),
            any(item.ok for item in acceptance.all_noted()),
        ),
    ]


def _address(*endpoints: str) -> str:
    """The first of these pages that this release has, or an empty text."""
    return next((url_for(name) for name in endpoints if name in current_app.view_functions), "")


def _settings() -> Settings:
    found: Settings = current_app.config["PORTAL_SETTINGS"]
    return found
