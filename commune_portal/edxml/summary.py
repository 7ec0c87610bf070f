"""What `commune-portal packet read FILE --json` prints: the packet in a few plain, stable keys."""

from __future__ import annotations

from commune_portal.edxml.package import Edoc, Organ, Status


def summary(parsed: Edoc | Status) -> dict[str, object]:
    """The packet as JSON-able values; keys that the packet does not answer are None or empty, never absent."""
    if isinstance(parsed, Status):
        response = parsed.response_for
        number, _, notation = response.code.partition("/")
        return {
            "kind": "status",
            "document_id": response.document_id,
            "from": _organ(parsed.sender),
            "to": [_organ(Organ(response.organ_id))],
            "code": {"number": number, "notation": notation},
            "promulgation_date": response.promulgation_date.isoformat() if response.promulgation_date else None,
            "subject": None,
            "business_type": None,
            "status_code": parsed.status_code,
            "attachments": [],
            "findings": _findings(parsed),
        }
    return {
        "kind": "edoc",
        "document_id": parsed.document_id,
        "from": _organ(parsed.sender),
        "to": [_organ(receiver) for receiver in parsed.receivers],
        "code": {"number": parsed.code.number, "notation": parsed.code.notation},
        "promulgation_date": parsed.promulgation_date.isoformat() if parsed.promulgation_date else None,
        "subject": parsed.subject,
        "business_type": parsed.business.type if parsed.business else None,
        "status_code": None,
        "attachments": [
            {
                "name": attachment.name,
                "content_type": attachment.content_type,
                "bytes": attachment.size_bytes,
                "sha256": attachment.sha256,
            }
            for attachment in parsed.attachments
        ],
        "findings": _findings(parsed),
    }


def _organ(organ: Organ) -> dict[str, str]:
    return {"organ_id": organ.organ_id, "name": organ.name}


def _findings(parsed: Edoc | Status) -> list[dict[str, str]]:
    return [{"path": finding.path, "sentence": finding.sentence} for finding in parsed.findings]
