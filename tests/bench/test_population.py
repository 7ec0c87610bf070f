"""The generated register is what the verbs would have made: it verifies, is found by search, and is counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.documents import finding, incoming, lists
from commune_portal.documents.lists import IncomingTab
from commune_portal.rules import folding
from commune_portal.store import database, files, installation, verify
from tests.bench import population
from tests.cast import Cast

AMOUNT = 600


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    folder = tmp_path_factory.mktemp("population") / "office"
    cast = population.build(folder, AMOUNT, check=False)
    settings = population.settings_of(folder)
    installation.open_(settings)
    yield cast
    database.close()


def test_a_generated_register_verifies(filled: Cast) -> None:
    found = verify.verify(database.connect(), files.root())
    assert found.ok, found.faults[:3]
    assert found.rows > 2 * AMOUNT


def test_counts_agree_with_pages(filled: Cast) -> None:
    for tab, amount in lists.incoming_counts(filled.clerk).items():
        assert len(lists.incoming_page(filled.clerk, tab, rows=AMOUNT).lines) == amount
    assert lists.incoming_counts(filled.clerk)[IncomingTab.ALL] == AMOUNT


def test_the_searchable_text_is_what_the_verbs_write(filled: Cast) -> None:
    before = database.rows("SELECT id, body FROM incoming_texts WHERE id % 37 = 0 ORDER BY id")
    for row_id, body in before:
        with database.transaction() as work:
            finding.put_in_search(work, row_id)
        assert database.row("SELECT body FROM incoming_texts WHERE id = ?", (row_id,))[0] == body
        assert body == folding.fold(body)


def test_the_next_lawful_act_goes_on_from_it(filled: Cast) -> None:
    newest = database.row("SELECT max(number) FROM incoming WHERE year = ?", (population.LAST_YEAR,))[0] or 0
    made = incoming.register(
        filled.clerk, incoming.Arrival(sender_name="Sở Y tế", subject="Văn bản tiếp theo", on_paper=True)
    )
    found = incoming.get(made)
    assert found.number == (newest + 1 if found.year == population.LAST_YEAR else 1)


def test_the_same_seed_gives_the_same_documents(tmp_path: Path) -> None:
    population.build(tmp_path / "again", 50, check=False)
    again = sqlite3.connect(population.settings_of(tmp_path / "again").database_path)
    population.build(tmp_path / "more", 50, check=False)
    more = sqlite3.connect(population.settings_of(tmp_path / "more").database_path)
    statement = "SELECT uid, number, subject, signer_name, row_hash FROM incoming ORDER BY id"
    assert again.execute(statement).fetchall() == more.execute(statement).fetchall()
    again.close()
    more.close()
