"""How another computer of the house comes to trust this portal: its root certificate, scripts, and what to compare.

Open to anyone: who reads this cannot log in yet. Nothing here is secret; what is downloaded over a connection that is
not trusted yet must be compared with the paper beside the server.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, render_template

from commune_portal.errors import NotFound
from commune_portal.health import lan as door
from commune_portal.settings import Settings
from commune_portal.store import installation
from commune_portal.views import _session
from commune_portal.views._page import page, respond

if TYPE_CHECKING:
    from commune_portal.wire.lan_authority import Root

blueprint = Blueprint("lan", __name__, url_prefix="/lan")

GROUPS_A_LINE = 8


@blueprint.get("")
@_session.public
def lan_page() -> Response:
    """What to do on the other computer, and the fingerprint to compare."""
    settings = _settings()
    found = door.standing(settings, knock=False)
    return page("lan/show.html", door=found, lines=fingerprint_lines(found.fingerprint))


@blueprint.get("/root.crt")
@_session.public
def lan_root_der() -> Response:
    """The root for Windows: a double click opens it."""
    return _file(_root().der, "application/x-x509-ca-cert", "goc-cong-van-ban.crt")


@blueprint.get("/root.pem")
@_session.public
def lan_root_pem() -> Response:
    """The root for Linux and Firefox."""
    return _file(_root().pem, "application/x-pem-file", "goc-cong-van-ban.pem")


@blueprint.get("/trust.cmd")
@_session.public
def lan_windows_script() -> Response:
    """Puts the root where Windows, Chrome and Edge look for it."""
    return _file(
        _script("lan/trust.cmd.txt").replace("\n", "\r\n").encode("ascii"), "application/octet-stream", "tin-cay.cmd"
    )


@blueprint.get("/trust.sh")
@_session.public
def lan_linux_script() -> Response:
    """Puts the root where Debian and Chromium look for it."""
    return _file(_script("lan/trust.sh.txt").encode(), "application/octet-stream", "tin-cay.sh")


def fingerprint_lines(fingerprint: str) -> list[str]:
    """A fingerprint in lines that a person can compare pair by pair."""
    pairs = fingerprint.split(":") if fingerprint else []
    return [" ".join(pairs[start : start + GROUPS_A_LINE]) for start in range(0, len(pairs), GROUPS_A_LINE)]


def _script(name: str) -> str:
    root = _root()
    return render_template(
        name,
        office=without_marks(installation.own().name),
        lines=fingerprint_lines(root.fingerprint),
        certificate=root.pem.decode().strip().splitlines(),
    )


def without_marks(text: str) -> str:
    """Plain letters: the command window of Windows 7 shows no others, and shells read no signs in them."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(sign for sign in bare if sign.isascii() and (sign.isalnum() or sign in " -.,"))


def _root() -> Root:
    from commune_portal.wire import lan_authority

    settings = _settings()
    root = lan_authority.root(settings)
    if root is None or not settings.lan.enabled:
        raise NotFound("Cổng cho máy khác chưa được mở, nên chưa có chứng thư gốc.")
    return root


def _settings() -> Settings:
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    return settings


def _file(data: bytes, kind: str, name: str) -> Response:
    answer = respond()
    answer.set_data(data)
    answer.headers["Content-Type"] = kind
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
