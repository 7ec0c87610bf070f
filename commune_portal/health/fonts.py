"""A face with every Vietnamese letter, for documents and books."""

from __future__ import annotations

from commune_portal.errors import SettingsWrong
from commune_portal.health.row import Level, Patient, Row, told

WHY = "Thiếu phông chữ thì văn bản và sổ in ra mất dấu."


def check(patient: Patient) -> list[Row]:
    """The row `fonts`."""
    from commune_portal.paper import fonts

    try:
        found = fonts.registered(patient.settings.fonts.folder)
    except SettingsWrong as error:
        return [
            Row("fonts", Level.FAIL, error.sentence, WHY, "Cài lại phần mềm, hoặc sửa fonts.folder trong tệp cấu hình.")
        ]
    if found.passed_over:
        return [
            Row(
                "fonts",
                Level.WARN,
                f"Dùng {found.source.value}; bỏ qua: {found.passed_over[0]}",
                WHY,
                "Xem lại fonts.folder.",
            )
        ]
    return [told("fonts", f"Dùng {found.source.value}", WHY)]
