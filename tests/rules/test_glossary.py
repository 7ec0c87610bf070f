"""The glossary knows every word that the code gives to people."""

from datetime import date
from enum import Enum
from pathlib import Path

import pytest

import commune_portal
from commune_portal.rules.deadlines import DueClass
from commune_portal.rules.kinds import Competence, CopyKind, Medium, Secrecy, Urgency, document_types
from commune_portal.rules.numbering import Scheme
from commune_portal.rules.permissions import Role
from commune_portal.rules.statuses import (
    BusinessType,
    IncomingAct,
    IncomingState,
    OutgoingAct,
    OutgoingState,
    StatusCode,
)

LINES = (Path(commune_portal.__file__).parent.parent / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
KINDS: list[type[Enum]] = [
    *(Urgency, Secrecy, Medium, Competence, CopyKind, OutgoingState, OutgoingAct, IncomingState, IncomingAct),
    *(StatusCode, BusinessType, Scheme, Role, DueClass),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_word_of_an_enumeration_stands_in_the_glossary(kind: type[Enum]) -> None:
    for member in kind:
        line = f"| {getattr(member, 'label')} | `{kind.__name__}.{member.name}` | `{member.value}` |"  # noqa: B009
        assert line in LINES


def test_every_type_of_document_stands_in_the_glossary() -> None:
    for kind in document_types(date(2026, 11, 22)):
        assert f"| {kind.name} | `{kind.code}` | {kind.abbreviation or '–'} |" in LINES


def test_no_term_is_explained_twice() -> None:
    start, end = LINES.index("## Things"), LINES.index("## Urgency")
    terms = [line.split("|")[1].strip() for line in LINES[start:end] if line.startswith("| ")]
    assert len(set(terms)) == len(terms) > 40
