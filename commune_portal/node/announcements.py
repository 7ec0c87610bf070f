"""Who is below a node, told to the node above: the keys of its members and of theirs, signed by it.

The list is a directory (docs/wire.md §3.4) of the node's subtree alone; what it says travels on in the directory of
the node above, validity and revocation with it.
"""

from __future__ import annotations

from commune_portal import clock
from commune_portal.errors import Malformed, Unauthenticated
from commune_portal.node import directory, parties, routes
from commune_portal.node.members import Member
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.people import peers
from commune_portal.rules.acts import Act
from commune_portal.store import database, journal
from commune_portal.wire import directory as wire
from commune_portal.wire.announcement import Heard
from commune_portal.wire.directory import DirectoryEntry
from commune_portal.wire.protocol import Refused

MOST_NAMED = 50


def own() -> bytes:
    """This node's announcement; the same bytes until something below it changes."""
    return directory.subtree_directory().bytes


def tag() -> str:
    """What changes whenever a key below this node was added or revoked; cheaper than the announcement."""
    found = database.rows(
        "SELECT count(*), coalesce(max(valid_from), ''), coalesce(max(revoked_at), ''), count(revoked_at)"
        " FROM member_keys UNION ALL"
        " SELECT count(*), coalesce(max(valid_from), ''), coalesce(max(revoked_at), ''), count(revoked_at)"
        " FROM organisation_keys"
    )
    return repr(found)


def hear(member: Member, data: bytes) -> Heard:
    """Takes what a node below says of its subtree over; the same again changes nothing.

    Raises ExchangeRefused for a member that is no node, for another's announcement or one that cannot be read. Codes
    outside the subtree, and members of this node itself, are passed over and named.
    """
    if not member.is_node:
        raise ExchangeRefused(Refused.NOT_PERMITTED, "not a node")
    try:
        found = wire.open_(data, parties.key_of_party)
    except Malformed as error:
        raise ExchangeRefused(Refused.MALFORMED, error.detail) from error
    except Unauthenticated as error:
        raise ExchangeRefused(Refused.NOT_PERMITTED, error.detail) from error
    if found.node != member.code:
        raise ExchangeRefused(Refused.NOT_PERMITTED, "another node's announcement")
    inside: list[DirectoryEntry] = []
    outside: list[DirectoryEntry] = []
    for entry in found.entries:
        if entry.code != member.code:
            (inside if routes.speaks_for(member, entry.code) else outside).append(entry)
    below, codes = routes.within("organ_code", member)
    with database.transaction() as work:
        before = _state(below, codes)
        named = {entry.key_id for entry in inside}
        for entry in inside:
            peers.keep_entry(work, entry, "subtree")
        for key_id, organ_code, _, revoked_at in before:
            if key_id not in named and revoked_at is None and organ_code != member.code:
                work.execute("UPDATE organisation_keys SET revoked_at = ? WHERE key_id = ?", (clock.now_text(), key_id))
        after = _state(below, codes)
        alive = {organ_code for _, organ_code, _, revoked_at in after if revoked_at is None}
        for organ_code in {row[1] for row in (*before, *after)}:
            work.execute(
                "UPDATE organisations SET reachable = ? WHERE code = ? AND source = 'subtree'",
                (int(organ_code in alive), organ_code),
            )
        if before != after:
            journal.write(
                work,
                Act.DIRECTORY_CHANGED,
                member.about,
                about=member.about,
                facts={"organisations": len(alive), "outside": len(outside)},
            )
    strangers = tuple(dict.fromkeys(entry.code for entry in outside))
    return Heard(len({entry.code for entry in inside}), strangers[:MOST_NAMED])


def _state(condition: str, codes: tuple[str, ...]) -> list[tuple[str, str, str, str | None]]:
    return [
        (row[0], row[1], row[2], row[3])
        for row in database.rows(
            f"SELECT key_id, organ_code, public_key, revoked_at FROM organisation_keys WHERE {condition}"
            " ORDER BY key_id",
            codes,
        )
    ]
