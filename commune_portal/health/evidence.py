"""Journal, rows and stored files: the whole of them when asked, else the newest lines and a sample of files."""

from __future__ import annotations

import itertools
import random
import sqlite3

from commune_portal.documents import verification
from commune_portal.health.row import Level, Patient, Row, told
from commune_portal.rules import chain
from commune_portal.store import files

WHY_CHAIN = "Chuỗi nhật ký chứng minh sổ không bị sửa; kiểm tra viên và tòa án dựa vào đó."
WHY_FILES = "Văn bản đã ký là tệp lưu; tệp mất hoặc sai một byte là mất bản gốc."
MEND = (
    "Dừng cấp số. Chạy «register verify» để biết mọi chỗ sai, báo người quản trị và kiểm tra viên,"
    " rồi khôi phục bản sao lưu tốt gần nhất. Không xóa gì."
)
TAIL_LINES = 200
SAMPLE_FILES = 25


def check(patient: Patient) -> list[Row]:
    """Rows `chain` and `files`."""
    if patient.connection is None:
        return []
    if patient.thorough:
        return _all(patient)
    return [_tail(patient.connection), _sample(patient, patient.connection)]


def _all(patient: Patient) -> list[Row]:
    found = verification.verify_installation(patient.settings)
    in_files = [fault for fault in found.faults if fault.what.startswith("Tệp lưu")]
    elsewhere = [fault for fault in found.faults if fault not in in_files]
    rows = []
    if elsewhere:
        first = elsewhere[0]
        rows.append(
            Row("chain", Level.FAIL, f"{len(elsewhere)} chỗ sai; đầu tiên {first.where}: {first.what}", WHY_CHAIN, MEND)
        )
    else:
        rows.append(
            told(
                "chain",
                f"Đã đọc lại {found.lines} dòng nhật ký, {found.rows} dòng sổ, {found.receipts} biên nhận",
                WHY_CHAIN,
            )
        )
    if in_files:
        first = in_files[0]
        rows.append(
            Row("files", Level.FAIL, f"{len(in_files)} tệp sai; đầu tiên {first.where}: {first.what}", WHY_FILES, MEND)
        )
    else:
        rows.append(told("files", f"Đã đọc lại {found.files} tệp lưu", WHY_FILES))
    return rows


def _tail(connection: sqlite3.Connection) -> Row:
    lines = connection.execute(
        "SELECT seq, body, hash FROM journal ORDER BY seq DESC LIMIT ?", (TAIL_LINES + 1,)
    ).fetchall()[::-1]
    for (before, _, previous), (seq, body, stored) in itertools.pairwise(lines):
        if seq != before + 1 or chain.link(previous, body.encode()) != stored:
            return Row("chain", Level.FAIL, f"Nhật ký sai ở dòng {seq}", WHY_CHAIN, MEND)
    amount = lines[-1][0] if lines else 0
    return told("chain", f"{max(len(lines) - 1, 0)} dòng cuối của {amount} dòng nhật ký khớp nhau", WHY_CHAIN)


def _sample(patient: Patient, connection: sqlite3.Connection) -> Row:
    amount = connection.execute("SELECT coalesce(max(id), 0) FROM attachments").fetchone()[0]
    chosen = random.sample(range(1, amount + 1), min(SAMPLE_FILES, amount))
    marks = ", ".join(map(str, chosen))
    names = [row[0] for row in connection.execute(f"SELECT sha256 FROM attachments WHERE id IN ({marks})")]
    bad = [name for name in names if not files.is_sound(patient.settings.files_folder, name)]
    if bad:
        return Row("files", Level.FAIL, f"Tệp lưu thiếu hoặc sai: {bad[0][:12]}…", WHY_FILES, MEND)
    return told("files", f"Đã đọc thử {len(names)} trong {amount} tệp lưu", WHY_FILES)
