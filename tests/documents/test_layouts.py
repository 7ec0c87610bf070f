"""A composed letter: what the Decree 30 layout prints around the typed text."""

from __future__ import annotations

from commune_portal.documents import layouts
from commune_portal.rules.kinds import Competence


def test_the_collective_is_named_without_its_place() -> None:
    assert layouts.competence_lines(Competence.TM, "Ủy ban nhân dân xã An Phú") == ("TM. ỦY BAN NHÂN DÂN",)
    assert layouts.competence_lines(Competence.KT, "ỦY BAN NHÂN DÂN XÃ AN PHÚ") == (
        "TM. ỦY BAN NHÂN DÂN",
        "KT. CHỦ TỊCH",
    )


def test_another_body_is_named_in_full() -> None:
    found = layouts.competence_lines(Competence.TM, "Trung tâm Phục vụ hành chính công xã An Phú")
    assert found == ("TM. TRUNG TÂM PHỤC VỤ HÀNH CHÍNH CÔNG XÃ AN PHÚ",)


def test_an_order_or_a_mandate_names_the_head() -> None:
    assert layouts.competence_lines(Competence.TL, "Ủy ban nhân dân xã An Phú") == ("TL. CHỦ TỊCH",)
    assert layouts.competence_lines(Competence.NONE, "Ủy ban nhân dân xã An Phú") == ()
