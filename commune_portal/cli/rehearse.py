"""`commune-portal rehearse`: the main job in real processes, to prove an installation."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commune_portal import cli
from commune_portal.errors import RuleBroken

if TYPE_CHECKING:
    from commune_portal.rehearsal.run import Step
    from commune_portal.rehearsal.stage import RealToken


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to play, with which token."""
    parser.add_argument("--dir", type=Path, required=True, help="thư mục mới; mọi thứ để lại trong đó")
    parser.add_argument("--pkcs11-module", default="", help="trình điều khiển của thiết bị ký số (mặc định SoftHSM2)")
    parser.add_argument("--trust", type=Path, help="thư mục chứng thư gốc được tin cậy, khi dùng thiết bị thật")
    parser.add_argument("--pin-fd", type=int, help="đọc mã PIN của thiết bị thật từ số hiệu tệp này")
    parser.add_argument("--certificate", default="", metavar="SHA256", help="chứng thư trên thiết bị thật dùng để ký")
    parser.add_argument("--sheet", type=Path, metavar="FILE.pdf", help="in biên bản nghiệm thu ra tệp này")
    parser.add_argument("--json", action="store_true", help="in kết quả dạng JSON")
    parser.add_argument("--json-lines", action="store_true", help="in từng bước rồi kết quả, mỗi dòng một JSON")


def run(chosen: argparse.Namespace) -> int:
    """Plays and reports; 0 only when every step held."""
    from commune_portal.rehearsal import run as rehearsal
    from commune_portal.rehearsal import stage

    folder = stage.empty_folder(chosen.dir)
    real = None
    module = chosen.pkcs11_module
    is_real = chosen.pin_fd is not None or "softhsm" not in Path(module).name.lower()
    if module and is_real:
        real = _real_token(chosen)
        module = ""
    played = rehearsal.Rehearsal(folder, _tell_line if chosen.json_lines else _tell_nobody if chosen.json else _tell)
    report = played.run(module, real)
    if chosen.sheet is not None:
        _print_sheet(chosen, report.to_json(), folder)
    if chosen.json_lines:
        print(json.dumps({"report": report.to_json()}, ensure_ascii=False), flush=True)
    elif chosen.json:
        print(json.dumps(report.to_json(), ensure_ascii=False, indent=1))
    else:
        print(f"\n{'ĐẠT' if report.ok else 'KHÔNG ĐẠT'} – thiết bị ký số: {report.token}. Mọi thứ ở {folder}")
        if report.token == "trial":  # noqa: S105 -- a kind of token
            print("Khóa thử nghiệm: chữ ký không có giá trị pháp lý.")
    return cli.DONE if report.ok else cli.FAILED


def _tell(step: Step) -> None:
    print(f"{'✓' if step.ok else '✗'} {step.name} ({step.seconds:.1f} giây) {step.detail}", flush=True)


def _tell_line(step: Step) -> None:
    print(json.dumps({"step": asdict(step)}, ensure_ascii=False), flush=True)


def _tell_nobody(_step: Step) -> None:
    return


def _print_sheet(chosen: argparse.Namespace, report: dict[str, Any], folder: Path) -> None:
    """The acceptance sheet, of the installation that --config names, or of none where there is none yet."""
    from commune_portal import serve, settings
    from commune_portal.health import acceptance
    from commune_portal.paper.acceptance import print_acceptance
    from commune_portal.people import founding

    own = settings.load(chosen.config) if chosen.config.exists() else None
    if own is not None and founding.is_founded(own):
        with serve.opened(own):
            found = acceptance.gathered(own, report, folder, None)
    else:
        found = acceptance.of_no_installation(report, folder)
    print_acceptance(found, chosen.sheet)


def _real_token(chosen: argparse.Namespace) -> RealToken:
    """Asks for the PIN and picks the certificate to sign with: the rehearsal's pages say that they are worthless."""
    from commune_portal.parties.founding import Certificates
    from commune_portal.rehearsal.stage import RealToken
    from commune_portal.settings import Settings, Token
    from commune_portal.signing.workshop import Workshop

    if chosen.trust is None:
        raise RuleBroken("Với thiết bị thật cần --trust: thư mục chứa chứng thư gốc (CA) được tin cậy.")
    with Workshop(Settings(folder=Path.cwd(), token=Token(module=chosen.pkcs11_module))) as bench:
        found = [item for token in bench.list_tokens() for item in token.certificates]
    if chosen.certificate:
        found = [item for item in found if item.sha256 == chosen.certificate.lower()]
    if not found:
        raise RuleBroken("Không thấy chứng thư số nào trên thiết bị. Hãy cắm thiết bị rồi thử lại.")
    if chosen.pin_fd is not None:
        with os.fdopen(chosen.pin_fd) as pipe:
            pin = pipe.readline().rstrip("\n")
    else:
        pin = getpass.getpass(f"Mã PIN của thiết bị ({found[0].common_name}): ", sys.stderr)
    return RealToken(chosen.pkcs11_module, pin, Certificates(found[0].sha256, found[0].sha256), chosen.trust)
