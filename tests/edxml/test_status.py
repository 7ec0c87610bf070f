"""Statuses are written only when they say who, about what, and where it is needed why."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Any

import pytest

from commune_portal.edxml.package import NAMESPACE, Organ, ResponseFor
from commune_portal.edxml.status import write_status
from commune_portal.errors import Malformed
from commune_portal.rules.statuses import StatusCode
from tests.edxml.specimens import STATUS

Q = "{" + NAMESPACE + "}"


def test_a_status_has_the_elements_in_order_and_no_body() -> None:
    root = ElementTree.fromstring(write_status(STATUS))
    header = root.find(f"{Q}edXMLEnvelope/{Q}edXMLHeader/{Q}MessageHeader")
    assert header is not None
    names = [child.tag.removeprefix(Q) for child in header]
    assert names == ["From", "ResponseFor", "StaffInfo", "StatusCode", "Description", "Timestamp"]
    assert header.findtext(f"{Q}Timestamp") == "2026/11/20 09:30:15"
    assert root.find(f".//{Q}edXMLBody") is None


@pytest.mark.parametrize("code", [code.value for code in StatusCode])
def test_every_status_of_the_list_can_be_sent(code: str) -> None:
    assert f"<edXML:StatusCode>{code}<".encode() in write_status(replace(STATUS, status_code=code))


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": Organ("")},
        {"response_for": ResponseFor("", "1/CV", "id")},
        {"response_for": ResponseFor("H99.1", "1/CV", "")},
        {"status_code": "14"},
        {"status_code": "99"},
        {"status_code": "02", "description": " "},
        {"status_code": "13", "description": ""},
        {"status_code": "16", "description": ""},
        {"timestamp": None},
    ],
)
def test_an_incomplete_status_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        write_status(replace(STATUS, **changes))
