"""A workshop without cryptography: it signs a PDF by writing a line behind it, which costs nothing.

For tests that need hundreds of issued documents and are not about their signatures. Nobody else believes these.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.paper.places import Places, Rectangle
from commune_portal.settings import Settings
from commune_portal.signing import workshop
from commune_portal.signing.deferred import Signed
from commune_portal.signing.drafts import LEADER_FIELD, ORGANISATION_FIELD
from commune_portal.signing.keys import CertificateInfo
from commune_portal.signing.reports import Chain, Modification, Report, SignatureReport, Verdict, overall

_LINE = re.compile(rb"^% ky (\w+) ([0-9a-f]{64})$", re.M)
_ANYWHERE = Rectangle(0, 10.0, 10.0, 60.0, 30.0)
_LONG_AGO, _FAR_AHEAD = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)


class Inkpad(workshop.Bench):
    """Every operation that issuing and checking a document needs."""

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        source = Path(str(arguments.get("source") or arguments.get("pdf")))
        if name == "guess_places":
            return Places(_ANYWHERE, _ANYWHERE, _ANYWHERE, _ANYWHERE).to_json()
        if name == "first_page":
            return []
        if name == "page_count":
            return 1
        if name == "prepare_draft":
            return shutil.copyfile(source, arguments["out"])
        if name == "check_signatures":
            found = tuple(_report(match) for match in _LINE.finditer(source.read_bytes()))
            return Report(found, overall(found)).to_json()
        field = {"sign_leader": LEADER_FIELD, "number_and_seal": ORGANISATION_FIELD, "sign_annex": "phu_luc"}[name]
        return _stamped(source, Path(arguments["out"]), field, arguments["certificate_sha256"]).to_json()

    def close(self) -> None:
        """There is nothing to end."""


def use(settings: Settings) -> None:
    """Makes it the workshop of this process."""
    workshop.configure(settings, in_process=True)
    workshop._bench = Inkpad()


def _stamped(source: Path, out: Path, field: str, certificate_sha256: str) -> Signed:
    data = source.read_bytes() + f"\n% ky {field} {certificate_sha256}\n".encode()
    out.write_bytes(data)
    info = CertificateInfo(
        certificate_sha256, "CN=thu", "Con dấu thử", "", "CN=thu", "1", _LONG_AGO, _FAR_AHEAD, "none"
    )
    return Signed(field, info, "", clock.now(), hashlib.sha256(data).hexdigest())


def _report(match: re.Match[bytes]) -> SignatureReport:
    return SignatureReport(
        field=match[1].decode(), common_name="Con dấu thử", organisation="", certificate_serial="1",
        certificate_sha256=match[2].decode(), issuer="CN=thu", not_before=_LONG_AGO, not_after=_FAR_AHEAD,
        signed_at=None, timestamp=None, covers_whole_file=True, integrity_ok=True, modification=Modification.INTACT,
        chain=Chain.TRUSTED, revocation_known=False, trial=True, verdict=Verdict.SOUND, why="",
    )  # fmt: skip
