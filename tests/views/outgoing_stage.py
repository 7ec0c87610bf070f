"""Documents for the tests of the outgoing pages, brought by the real verbs to each state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from commune_portal.documents import issuing, layouts, outgoing
from commune_portal.documents.attachments import Upload
from commune_portal.documents.outgoing import Draft, LetterText
from commune_portal.people import accesses, directory
from commune_portal.rules.kinds import Medium
from commune_portal.rules.statuses import OutgoingState
from commune_portal.store import database, files
from tests.cast import OTHER_CODE, OTHER_NAME, PIN
from tests.views.pages import counted
from tests.views.portal import Browser, Portal

BODY = "Căn cứ Luật Tổ chức chính quyền địa phương;\nĐiều 1. Thành lập Tổ rà soát hộ nghèo.\nĐiều 2. Thi hành."
SUBJECT = "Về việc thành lập Tổ rà soát hộ nghèo năm 2026"
FORM = {
    "type_code": "QD", "issuer_id": "1", "unit": "VP", "subject": SUBJECT, "signer": "1", "urgency": "0",
    "medium": "electronic", "content": "letter", "secrecy": "none", "body": BODY, "copy_amount": "1",
    "recipients_text": "Như Điều 2;\nLưu: VT, VP.",
}  # fmt: skip


def a_draft(portal: Portal, **changes: object) -> Draft:
    """A composed decision for the leader's signature."""
    values: dict[str, object] = {
        "issuer_id": portal.cast.issuer_id, "type_code": "QD", "subject": SUBJECT, "unit": "VP",
        "signer_id": portal.cast.leader.id, "letter": LetterText((), BODY), "recipients_text": "Như Điều 2;",
        **changes,
    }  # fmt: skip
    return Draft(**values)  # type: ignore[arg-type]  # named as the draft's fields


def paper_draft(portal: Portal) -> Draft:
    """A paper document without a file."""
    return a_draft(portal, medium=Medium.PAPER, letter=None)


def drafted(portal: Portal, state: OutgoingState, *, medium: Medium = Medium.ELECTRONIC, **changes: Any) -> int:
    """A document of the specialist in a state on its way to the seal."""
    cast = portal.cast
    is_paper = medium is Medium.PAPER
    row_id = outgoing.draft(cast.specialist, paper_draft(portal) if is_paper else a_draft(portal, **changes))

    def sign() -> None:
        if not is_paper:
            issuing.sign(cast.leader, row_id, PIN)

    steps: list[tuple[OutgoingState, Callable[[], None]]] = [
        (OutgoingState.SUBMITTED, lambda: outgoing.submit(cast.specialist, row_id)),
        (OutgoingState.APPROVED, lambda: outgoing.approve(cast.leader, row_id)),
        (OutgoingState.SIGNED, sign),
        (OutgoingState.NUMBERED, lambda: issuing.number(cast.clerk, row_id)),
        (OutgoingState.ISSUED, lambda: issuing.seal(cast.clerk, row_id, PIN)),
    ]
    if state is OutgoingState.RETURNED:
        outgoing.submit(cast.specialist, row_id)
        outgoing.return_(cast.leader, row_id, "Bổ sung số liệu tháng 10.")
    else:
        reached = [name for name, _ in steps]
        for _, step in steps[: reached.index(state) + 1 if state in reached else 0]:
            step()
    return row_id


def uploaded(portal: Portal, folder: Path) -> int:
    """A draft of the specialist whose PDF was made elsewhere."""
    path = letter_pdf(portal, folder)
    return outgoing.draft(portal.cast.specialist, a_draft(portal, letter=None), Upload(path, "Quyết định.pdf"))


def letter_pdf(portal: Portal, folder: Path) -> Path:
    """A PDF as a word processor would have made it: the Decree 30 layout without any field."""
    path = folder / "made-elsewhere.pdf"
    if not path.exists():
        layouts.compose(outgoing.get(outgoing.draft(portal.cast.clerk, a_draft(portal))), path)
    return path


def make_reachable(code: str = OTHER_CODE, name: str = OTHER_NAME) -> None:
    """An office of the directory that the node delivers to."""
    database.write_working(
        "INSERT INTO organisations (code, name, folded, reachable) VALUES (?, ?, ?, 1)",
        (code, name, directory.folded(code, "", name)),
    )


def waiting_uploads() -> list[str]:
    """What lies in the work folder under a staged name."""
    return sorted(path.name for path in files.temporary().parent.glob("staged-*"))


def statements_of(browser: Browser, path: str) -> int:
    """How many statements a page costs, the batch of accesses aside."""
    accesses.forget_waiting()
    with counted() as statements:
        assert browser.get(path).status_code == 200
    return len(statements)
