"""The first-run pages' doorkeeper and what they hold between two posts: the code, the draft, the founding itself.

There is one draft an installation, in memory: an error costs nobody the enrolment file or a password typed before.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from flask import Response, current_app, g, session, url_for

from commune_portal import clock
from commune_portal.errors import SettingsWrong, Throttled
from commune_portal.settings import Settings
from commune_portal.signing.drivers import Trial
from commune_portal.views._page import go_to, request

WRONG_CODES_AT_MOST = 10
THROTTLE_SECONDS = 600.0
OPEN_TO_ANYONE = frozenset({"static", "alive.alive"})
LOG_IN = "/login"
"""The portal's own log-in, served on this port as soon as there is a register."""


@dataclass(slots=True)
class Draft:
    """What was given so far and cannot be shown again in a form."""

    enrolment: bytes = b""
    enrolment_name: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    wrong_codes: list[float] = field(default_factory=list)
    turn: threading.Lock = field(default_factory=threading.Lock)
    done: bool = False


def settings() -> Settings:
    """The settings without a register."""
    found: Settings = current_app.config["PORTAL_SETTINGS"]
    return found


def draft() -> Draft:
    """The one draft of this process."""
    return cast(Draft, current_app.extensions.setdefault("portal_first_run", Draft()))


def begin(fresh: Settings, onward: str = "") -> Response:
    """Opens the portal over the new register, drops the code, and leads to the log-in (and behind it onward)."""
    beginning: Callable[[Settings], None] = current_app.config["PORTAL_BEGIN"]
    beginning(fresh)
    draft().done = True
    code = fresh.first_run_code_path
    if code is not None:
        try:
            code.unlink(missing_ok=True)
        except OSError as error:  # it opens nothing any more; the folder may be the installer's
            current_app.logger.info("the first-run code stays: %s", type(error).__name__)
    return go_to(f"{LOG_IN}?next={onward}" if onward else LOG_IN)


def is_open() -> bool:
    """True when this browser has shown the code, or there is none."""
    return not _code() or bool(session.get("open"))


def try_code(typed: str) -> bool:
    """Opens the pages for this browser when the code is right; raises Throttled after too many wrong ones."""
    held = draft()
    now = clock.monotonic()
    held.wrong_codes[:] = [at for at in held.wrong_codes if now - at < THROTTLE_SECONDS]
    if len(held.wrong_codes) >= WRONG_CODES_AT_MOST:
        raise Throttled("Nhập sai mã quá nhiều lần. Hãy đợi 10 phút, hoặc khởi động lại dịch vụ trên máy này.")
    if hmac.compare_digest(typed.strip().encode(), _code().encode()):
        session["open"] = True
        return True
    held.wrong_codes.append(now)
    return False


def guard() -> Response | None:
    """Before each request: without the code to the form that asks for it; on to the portal once all is done."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint in OPEN_TO_ANYONE or getattr(view, "is_public", False):
        return None
    if draft().done:
        return go_to(LOG_IN)
    return None if is_open() else go_to(url_for("first_run.choose"))


def _code() -> str:
    """The code in the installer's file, an empty text where the settings name none; raises SettingsWrong."""
    if "first_run_code" not in g:
        path = settings().first_run_code_path
        try:
            g.first_run_code = path.read_text(encoding="utf-8").strip() if path else ""
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsWrong(f"Không đọc được tệp mã cài đặt {path}. Hãy chạy lại trình cài đặt.") from error
        if path and not g.first_run_code:
            raise SettingsWrong(f"Tệp mã cài đặt {path} rỗng. Hãy chạy lại trình cài đặt.")
    return str(g.first_run_code)
