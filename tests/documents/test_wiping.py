"""A destroyed document: its words are nowhere in the data folder, its number stays, and everybody else's files too."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commune_portal import points, serve
from commune_portal.documents import arrivals, attachments, incoming, wiping
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import NotFound, RuleBroken, StoreBusy
from commune_portal.rules import chain
from commune_portal.rules.acts import Act
from commune_portal.rules.statuses import IncomingState
from commune_portal.store import database, erasure, files, journal
from commune_portal.store.files import Stored
from tests.cast import Cast
from tests.documents.partner import Partner, an_arrival
from tests.documents.wiped import PDF, WORDS, a_handled_document, carried, destroy, traces
from tests.store.full import forging


class PowerCut(BaseException):
    """The process ends here."""


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


@contextmanager
def cut_at(reach: int) -> Iterator[list[points.Point]]:
    """Ends the block at the reach-th step of a wipe, as a power cut would."""
    reached: list[points.Point] = []

    def hook(point: points.Point) -> None:
        if point == "inside-wipe":
            reached.append(point)
        if len(reached) == reach:
            raise PowerCut

    points.hook = hook
    try:
        yield reached
    except PowerCut:
        pass
    finally:
        points.hook = None


def files_of(row_id: int) -> list[str]:
    found = database.rows("SELECT sha256 FROM attachments WHERE owner_table = 'incoming' AND owner_id = ?", (row_id,))
    return [row[0] for row in found]


def is_sound(office: Cast) -> bool:
    found = verify_installation(office.settings)
    assert found.ok, found.faults
    return True


def pending() -> int:
    amount: int = database.row("SELECT count(*) FROM wipes")[0]
    return amount


def test_no_word_of_a_destroyed_document_is_left_in_the_data_folder(office: Cast, partner: Partner) -> None:
    document = a_handled_document(office, partner)
    arrivals.check(document.id)
    folder = office.settings.data_folder
    assert {word for _, word in traces(folder)} == set(WORDS), "every word must be found while it may be"
    carried()
    destroy(document)
    assert traces(folder) == set()
    assert not any(files.has(sha256) for sha256 in files_of(document.id))
    assert pending() == 0
    database.close()
    assert traces(folder) == set()
    assert is_sound(office)


def test_what_must_stay_stays(office: Cast, partner: Partner) -> None:
    document = a_handled_document(office, partner)
    destroy(document)
    now = incoming.get(document.id)
    assert now.state is IncomingState.RECALLED
    kept = ("number", "year", "arrival_date", "sender_code", "sender_name", "message_id", "document_id", "arrived_at")
    assert [getattr(now, name) for name in kept] == [getattr(document, name) for name in kept]
    assert (now.subject, now.code, now.promulgation_date, now.signer_name, now.note) == ("", "", None, "", "")
    found = database.row("SELECT wiped_at FROM incoming WHERE id = ?", (document.id,))
    assert found[0] is not None
    last = journal.lines_about(document.about)[-1]
    assert last.fields["act"] == Act.INCOMING_DESTROYED.value
    assert last.fields["facts"]["messages"] == [document.message_id]
    assert last.texts == {"author": document.sender_name}
    assert all(line.leaf is None for line in journal.lines_about(document.about)[:-1])


def test_a_destroyed_document_s_files_are_shown_to_nobody(office: Cast, partner: Partner) -> None:
    document = a_handled_document(office, partner)
    file = attachments.shown("incoming", document.id)
    assert file is not None
    destroy(document)
    assert attachments.all_of("incoming", document.id, superseded=True) == []
    with pytest.raises(NotFound):
        attachments.open_for(office.clerk, file.id)


def test_search_finds_it_no_more_and_the_index_has_no_word_of_it(office: Cast, partner: Partner) -> None:
    document = a_handled_document(office, partner)
    an_arrival(partner, 8)
    destroy(document)
    connection = database.connect()
    connection.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, incoming_search, row)")
    terms = {row[0] for row in connection.execute("SELECT term FROM temp.terms")}
    assert "tuan" in terms
    assert not terms & {"zoram", "wenh", "hlo", "977", "sap"}


def test_a_second_wipe_changes_nothing(office: Cast, partner: Partner) -> None:
    document = a_handled_document(office, partner)
    destroy(document)
    with database.transaction() as work:
        assert wiping.wipe(work, document.id) == []
    assert wiping.finish() == 0
    with pytest.raises(NotFound), database.transaction() as work:
        wiping.wipe(work, 999)


def test_a_status_that_was_not_delivered_goes_when_it_is(office: Cast, partner: Partner) -> None:
    document = a_handled_document(office, partner)
    packets = {row[0] for row in database.rows("SELECT packet_sha256 FROM outbox WHERE about = ?", (document.about,))}
    assert len(packets) == 5
    destroy(document)
    assert all(files.has(sha256) for sha256 in packets)
    assert pending() == 5
    assert wiping.finish() == 0
    carried()
    assert wiping.finish() == 5
    assert not any(files.has(sha256) for sha256 in packets)
    assert traces(office.settings.data_folder) == set()
    assert is_sound(office)


def test_a_signature_check_that_ends_after_the_wipe_writes_nothing(office: Cast, partner: Partner) -> None:
    document = an_arrival(partner)
    destroy(document)
    assert document.id not in arrivals.unchecked()
    with pytest.raises(RuleBroken):
        arrivals.check(document.id)


@pytest.mark.parametrize("reach", [1, 2, 3, 4])
def test_a_power_cut_between_the_commit_and_the_end_is_made_good_by_the_next_start(
    office: Cast, partner: Partner, reach: int
) -> None:
    document = a_handled_document(office, partner)
    carried()
    destroy(document, finish=False)
    left = office.settings.work_folder / "0123456789abcdef01234567.part"
    left.write_bytes(PDF)
    with cut_at(reach) as reached:
        wiping.finish()
    erasure.begin_anew()
    database.close()
    with serve.opened(office.settings):
        assert len(reached) == reach
        assert pending() == 0
        assert traces(office.settings.data_folder) == set()
        assert is_sound(office)


@pytest.mark.story
@pytest.mark.parametrize(("point", "reach"), [("after-commit", 1), *(("inside-wipe", reach) for reach in (1, 2, 3, 4))])
def test_a_process_killed_between_the_commit_and_the_end_leaves_it_to_the_next_start(
    office: Cast, partner: Partner, point: str, reach: int
) -> None:
    document = a_handled_document(office, partner)
    carried()
    database.close()
    ended = subprocess.run(
        [sys.executable, "-m", "tests.documents.wiper", str(office.settings.folder), str(document.id), point,
         str(reach)], timeout=60, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    with serve.opened(office.settings):
        assert incoming.get(document.id).state is IncomingState.RECALLED
        assert pending() == 0
        assert traces(office.settings.data_folder) == set()
        assert is_sound(office)


def test_a_reader_of_an_older_state_holds_the_end_up_and_no_longer(office: Cast, partner: Partner) -> None:
    document = a_handled_document(office, partner)
    carried()
    reader = sqlite3.connect(office.settings.database_path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM journal").fetchone()
    destroy(document)
    assert pending() > 0
    assert wiping.finish() == 0
    reader.execute("COMMIT")
    reader.close()
    assert wiping.finish() > 0
    assert traces(office.settings.data_folder) == set()


def test_a_file_that_a_wipe_has_just_taken_is_given_to_no_new_row(office: Cast, partner: Partner) -> None:
    document = a_handled_document(office, partner)
    file = attachments.shown("incoming", document.id)
    assert file is not None
    other = an_arrival(partner, 8)
    destroy(document)
    kept = attachments.Kept(Stored(file.sha256, file.bytes), "a.pdf", attachments.PDF)
    with pytest.raises(StoreBusy), database.transaction() as work:
        attachments.attach(work, "incoming", other.id, "annex", kept, 2)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=2, max_size=6))
def test_a_file_stays_exactly_as_long_as_a_living_document_has_it(
    office: Cast, partner: Partner, plan: list[tuple[int, bool]]
) -> None:
    base = int(database.row("SELECT count(*) FROM incoming")[0]) * 10 + 100
    contents = [b"%%PDF-1.7\n%% so %d %d\n%%%%EOF\n" % (base, number) for number in range(3)]
    made = [
        (an_arrival(partner, base + place, pdf=contents[which]), which, dies)
        for place, (which, dies) in enumerate(plan)
    ]
    for document, _, dies in made:
        if dies:
            destroy(document)
    for document, which, dies in made:
        lives = any(not gone for _, same, gone in made if same == which)
        file = files.path_in(files.root(), chain.sha256(contents[which]))
        assert file.exists() is lives
        assert (attachments.shown("incoming", document.id) is not None) is not dies
    assert is_sound(office)


def test_a_wiped_row_s_missing_file_is_no_damage_but_any_other_s_is(office: Cast, partner: Partner) -> None:
    document, other = a_handled_document(office, partner), an_arrival(partner, 8)
    carried()
    destroy(document)
    assert is_sound(office)
    lost = attachments.shown("incoming", other.id)
    assert lost is not None
    lost.path.unlink()
    found = verify_installation(office.settings)
    assert [fault.where.partition(":")[0] for fault in found.faults] == ["attachments"]


def test_a_leaf_that_goes_without_a_destruction_of_its_own_object_is_a_fault(office: Cast, partner: Partner) -> None:
    document, other = a_handled_document(office, partner), an_arrival(partner, 8)
    stolen = journal.lines_about(other.about)[0].seq
    with database.transaction() as work:
        seqs = [*wiping.wipe(work, document.id), stolen]
        checkpoint = journal.write(
            work, Act.INCOMING_DESTROYED, "vanthu", about=document.about, facts=wiping.facts(work, document.id, seqs)
        )
        wiping.erase_leaves(work, seqs, checkpoint.size)
    wiping.finish()
    found = {fault.where for fault in verify_installation(office.settings).faults}
    assert found == {f"journal_erasures:{stolen}", f"journal_leaves:{stolen}"}


def test_rows_of_a_wiped_document_cannot_be_tried_against_guesses(office: Cast, partner: Partner) -> None:
    document = a_handled_document(office, partner)
    before = database.row("SELECT salt FROM incoming WHERE id = ?", (document.id,))[0]
    destroy(document)
    assert database.row("SELECT salt FROM incoming WHERE id = ?", (document.id,))[0] != before


def test_a_wiped_at_that_somebody_wrote_himself_excuses_no_missing_file(office: Cast, partner: Partner) -> None:
    document = a_handled_document(office, partner)
    for sha256 in files_of(document.id):
        files.path_of(sha256).unlink()
    database.close()
    with forging(office.settings) as connection:
        connection.execute("UPDATE incoming SET wiped_at = '2026-11-22T01:00:00Z'")
        connection.execute("UPDATE attachments SET wiped_at = '2026-11-22T01:00:00Z'")
    found = [fault.what for fault in verify_installation(office.settings).faults if fault.where.startswith("attach")]
    assert any("thiếu" in what for what in found)
