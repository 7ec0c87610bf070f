"""What `release status` tells: what is installed, what could be gone back to, how the last operation ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from commune_portal.errors import PortalError
from commune_portal.operations import journal, publisher, record, releases, services
from commune_portal.operations.places import Places


def status(places: Places) -> dict[str, Any]:
    """The installation as plain values; reads only, and answers also where nothing is installed."""
    installed = record.read(places)
    last = journal.read(places.journal)
    answers = services.ask(installed.port) if installed else None
    return {
        "current": installed.current if installed else "",
        "previous": installed.previous if installed else "",
        "pointer": releases.pointed(places),
        "role": installed.role if installed else "",
        "port": installed.port if installed else 0,
        "services": installed.services.value if installed else "",
        "running": asdict(answers) if answers else None,
        "releases": releases.installed(places),
        "failed": releases.failed(places),
        "snapshots": sorted(str(path) for path in places.snapshots.glob("*/*")) if places.snapshots.is_dir() else [],
        "put_aside": sorted(str(path) for path in places.put_aside.glob("*")) if places.put_aside.is_dir() else [],
        "publisher": _fingerprint(places),
        "journal": asdict(last) if last else None,
        "pending": last.is_pending if last else False,
        "places": {"program": str(places.program), "home": str(places.home), "backups": str(places.backups)},
    }


def _fingerprint(places: Places) -> str:
    try:
        key = publisher.pinned_key(places.pinned_key)
    except PortalError:
        return "?"
    return key.fingerprint if key else ""


def in_words(found: dict[str, Any]) -> str:
    """The same for a person."""
    if not found["current"]:
        return "Máy này chưa cài phần mềm." + (
            " Lần cài trước bị ngắt: chạy «release resume»." if found["pending"] else ""
        )
    answers = found["running"]
    lines = [
        f"Bản đang dùng:   {found['current']} (vai trò {found['role']}, cổng {found['port']})",
        f"Đang chạy:       {answers['version'] + ', ' + answers['state'] if answers else 'không'}",
        f"Bản trước:       {found['previous'] or 'không có'}",
        f"Nơi phát hành:   {found['publisher'] or 'chưa ghi nhận'}",
        f"Dữ liệu:         {found['places']['home']}",
    ]
    if found["put_aside"]:
        lines.append(f"Để sang bên:     {', '.join(found['put_aside'])}")
    last = found["journal"]
    if last:
        state = {"running": "BỊ NGẮT, hãy chạy «release resume»", "done": "xong", "undone": "đã hủy"}[last["state"]]
        lines.append(f"Lần gần nhất:    {last['kind']} {last['target']} – {state} ({last['written_at']})")
        if last["error"]:
            lines.append(f"                 {last['error']}")
    return "\n".join(lines)
