"""`commune-portal packet read FILE`: what stands in an edXML packet; needs no installation and keeps nothing."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from commune_portal import cli
from commune_portal.errors import PortalError


def arguments(parser: argparse.ArgumentParser) -> None:
    """One act so far."""
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    read = acts.add_parser("read", help="đọc một gói edXML và cho biết trong đó có gì")
    read.add_argument("file", type=Path, metavar="FILE", help="tệp gói tin")
    read.add_argument("--json", action="store_true", help="trả lời bằng một đối tượng JSON")


def run(chosen: argparse.Namespace) -> int:
    """Reads: 0 sound, 1 read with findings, 2 refused with the reason."""
    from commune_portal.edxml import reader
    from commune_portal.edxml.summary import summary

    try:
        with tempfile.TemporaryDirectory(prefix="commune-portal-") as folder:
            found = summary(reader.read(chosen.file, Path(folder)))
    except PortalError as error:
        return _refused(error.sentence, as_json=chosen.json)
    except OSError as error:
        return _refused(f"Không đọc được tệp {chosen.file}: {error.strerror}.", as_json=chosen.json)
    if chosen.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _print(found)
    return cli.WARNED if found["findings"] else cli.DONE


def _refused(sentence: str, *, as_json: bool) -> int:
    print(json.dumps({"refused": sentence}, ensure_ascii=False) if as_json else f"Không nhận: {sentence}")
    return cli.FAILED


def _print(found: dict[str, Any]) -> None:
    code = "/".join(part for part in (found["code"]["number"], found["code"]["notation"]) if part)
    lines = [
        ("Loại gói", "trạng thái" if found["kind"] == "status" else "văn bản"),
        ("Mã định danh", found["document_id"]),
        ("Bên gửi", _organ(found["from"])),
        ("Bên nhận", "; ".join(_organ(item) for item in found["to"])),
        ("Số, ký hiệu", code),
        ("Ngày ban hành", found["promulgation_date"]),
        ("Trích yếu", found["subject"]),
        ("Mã trạng thái", found["status_code"]),
    ]
    for name, value in lines:
        if value:
            print(f"{name}: {value}")
    for item in found["attachments"]:
        print(f"Tệp: {item['name']} ({item['content_type']}, {item['bytes']} byte, SHA-256 {item['sha256']})")
    for finding in found["findings"]:
        print(f"Lưu ý: {finding['path']}: {finding['sentence']}")


def _organ(organ: dict[str, str]) -> str:
    return f"{organ['name']} ({organ['organ_id']})" if organ["name"] else organ["organ_id"]
