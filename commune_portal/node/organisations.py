"""The national or provincial list of organisations at a node: read from CSV, told to offices in the part they use.

A list has more than a hundred thousand lines, so it is read twice line by line: once to find what is wrong before
anything is kept, once to keep it in short transactions, so that offices are answered meanwhile.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator

from commune_portal.errors import Malformed
from commune_portal.node.members import Member
from commune_portal.people import directory, organisation_lists
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.folding import clean_line
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal
from commune_portal.wire import fields
from commune_portal.wire.organisations import MOST_ALIASES, Alias, Listed, ListedPage, Why

LARGEST_CSV_BYTES = 64 * 1024 * 1024
BATCH_ROWS = 2000
COLUMNS = ("code", "name")
"""Also read: code_legacy, phone, old_codes and former_names (separated by «|»), merged_into."""


def import_organisations(actor: Actor, data: bytes, progress: Callable[[int], None] = lambda _done: None) -> int:
    """Reads organisations from CSV and answers how many lines there were.

    A known code gets the new name, and the old one becomes a former name. Raises Malformed with the number of the
    line that is wrong; nothing is then kept. `progress` hears how many lines are done.
    """
    actor.require(Verb.ADMINISTRATION_DIRECTORY)
    amount = _check(data)
    done = changed = 0
    batch: list[Listed] = []
    for _, item in _lines(data):
        batch.append(item)
        if len(batch) == BATCH_ROWS:
            changed += _keep(batch)
            done += len(batch)
            batch.clear()
            progress(done)
    with database.transaction() as work:
        changed += organisation_lists.keep(work, batch, "hand")
        digest = hashlib.sha256(data).hexdigest()
        facts: dict[str, str | int | list[str] | None] = {"organisations": amount, "changed": changed}
        journal.write(work, Act.DIRECTORY_CHANGED, actor.uid, files=[digest], facts=facts)
    progress(amount)
    return amount


def concerning(member: Member, since: int, limit: int) -> ListedPage:
    """What changed behind a number among the organisations that concern a member.

    Members, those it has exchanged with, and those of its own province: whose code begins with the same group.
    """
    first = member.code.partition(".")[0]
    newest = int(database.row("SELECT coalesce(max(change), 0) FROM organisations")[0])
    found = database.rows(
        "SELECT o.id, o.change FROM organisations o INDEXED BY organisations_by_change WHERE o.change > :since AND ("
        " (o.code >= :low AND o.code < :high) OR o.code = :first"
        " OR EXISTS (SELECT 1 FROM members m WHERE m.code = o.code)"
        " OR EXISTS (SELECT 1 FROM mailbox b WHERE b.sender_code = :me AND b.recipient_code = o.code)"
        " OR EXISTS (SELECT 1 FROM mailbox b WHERE b.sender_code = o.code AND b.recipient_code = :me))"
        " ORDER BY o.change LIMIT :limit",
        {"since": since, "low": f"{first}.", "high": f"{first}/", "first": first, "me": member.code,
         "limit": limit + 1},
    )  # fmt: skip
    more = len(found) > limit
    items = organisation_lists.listed([row[0] for row in found[:limit]])
    return ListedPage(tuple(items), found[limit - 1][1] if more else max(since, newest), more)


def named(codes: list[str]) -> ListedPage:
    """Organisations by any of their codes, each with its successor."""
    row_ids: dict[int, None] = {}
    for code in codes:
        for found in (directory.by_code(code), directory.successor(code)):
            if found is not None:
                row_ids[found.id] = None
    return ListedPage(tuple(organisation_lists.listed(list(row_ids))), 0, more=False)


def searched(query: str, limit: int) -> ListedPage:
    """Organisations that hold every word of a search."""
    found = directory.search(query, limit=limit)
    return ListedPage(tuple(organisation_lists.listed([item.id for item in found])), 0, more=False)


def _keep(batch: list[Listed]) -> int:
    with database.transaction() as work:
        return organisation_lists.keep(work, batch, "hand")


def _check(data: bytes) -> int:
    """Reads every line; raises Malformed. Mergers within the file must not lead back to where they begin."""
    heirs: dict[str, str] = {}
    amount = 0
    for number, item in _lines(data):
        amount += 1
        if item.merged_into:
            heirs[item.code] = item.merged_into
            code: str | None = item.merged_into
            while code is not None:
                if code == item.code:
                    raise Malformed(f"Dòng {number}: {item.code} sáp nhập thành vòng tròn.")
                code = heirs.get(code)
    return amount


def _lines(data: bytes) -> Iterator[tuple[int, Listed]]:
    if len(data) > LARGEST_CSV_BYTES:
        raise Malformed("Tệp danh sách cơ quan quá lớn.")
    head = data[:4096].partition(b"\n")[0]
    separator = ";" if head.count(b";") > head.count(b",") else ","
    reader = csv.DictReader(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline=""), delimiter=separator)
    try:
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise Malformed(f"Tệp danh sách cơ quan thiếu cột {', '.join(missing)} ở dòng đầu.")
        for row in reader:
            item = _item(row, reader.line_num)
            if item is not None:
                yield reader.line_num, item
    except UnicodeDecodeError as error:
        raise Malformed("Tệp danh sách cơ quan phải là CSV mã UTF-8.") from error
    except csv.Error as error:
        raise Malformed(f"Dòng {reader.line_num}: không đọc được.") from error


def _item(row: dict[str, str | None], number: int) -> Listed | None:
    def text(name: str) -> str:
        return clean_line(row.get(name) or "")

    code, legacy, name, heir = text("code"), text("code_legacy"), text("name"), text("merged_into")
    if not code and not name:
        return None
    old = [part for part in (clean_line(item) for item in (row.get("old_codes") or "").split("|")) if part]
    former = [part for part in (clean_line(item) for item in (row.get("former_names") or "").split("|")) if part]
    codes = [item for item in (legacy, heir, *old) if item]
    if not fields.CODE.fullmatch(code) or not name or any(not fields.CODE.fullmatch(item) for item in codes):
        raise Malformed(f"Dòng {number}: mã hoặc tên cơ quan không đúng.")
    return Listed(
        code=code, name=name[:200], change=0, code_legacy=legacy, phone=text("phone")[:60],
        former_names=tuple(former[:MOST_ALIASES]),
        aliases=tuple(Alias(item, Why.RENAMED) for item in old[:MOST_ALIASES]), merged_into=heir,
    )  # fmt: skip
