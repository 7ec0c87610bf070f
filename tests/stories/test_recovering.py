"""A dead disk and a backup of the day before: the numbers given since are settled, and the relay goes on.

An office sends documents 1 to 5, is backed up, sends 6 to 8 and numbers 9 on paper alone; its folder is destroyed. What
comes out of the backup asks the node, is settled in the browser, and its next number is 10; nothing is sent twice.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from commune_portal import clock
from commune_portal.documents.verification import verify_installation
from commune_portal.node import members, mirrors
from commune_portal.node.reconciliation import Asked, comparison_of
from commune_portal.parties import founding, supervisor
from commune_portal.parties.supervisor import Party, wait_until
from commune_portal.people import accounts
from commune_portal.rules import comparison
from commune_portal.settings import load
from commune_portal.store import database, installation
from tests.browser import DESK, PHONE, axe_violations, overflow_pixels, picture
from tests.stories.killing import CODES, NAMES, plan_of

pytestmark = pytest.mark.story

PIN = founding.PIN
PASSWORD = "thu-nghiem-2026"


class World:
    """A node and two offices; `a` is the one whose disk dies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parties: dict[str, Party] = {}

    def found(self) -> None:
        for key in ("node", "a", "b"):
            role: Any = "node" if key == "node" else "office"
            settings = supervisor.write_settings(self.folder / key, role, supervisor.free_port(), poll_seconds=1)
            self.parties[key] = supervisor.party(key, settings)
            self.at(key, "found", plan=plan_of(key).to_json(), authority=str(self.folder / "ca"), since="2026-01-01")
        self.parties["node"].server.start()
        for key in ("a", "b"):
            self.introduce(key)
            self.parties[key].server.start()
        wait_until("danh bạ", lambda: CODES["b"] in self.at("a", "queue")["reachable"])
        wait_until("danh bạ", lambda: CODES["a"] in self.at("b", "queue")["reachable"])

    def at(self, key: str, act: str, **values: Any) -> Any:
        return self.parties[key].desk(act, **values)

    def introduce(self, key: str) -> None:
        file = str(self.folder / f"{key}.ghinoi.json")
        address = self.parties["node"].server.address
        self.at("node", "add_office", code=CODES[key], name=NAMES[key], address=address, out=file)
        self.at(key, "introduce", file=file, secrets=str(self.parties[key].settings.secrets_folder))

    def issued(self, key: str, subject: str) -> int:
        row: int = self.at(
            key, "draft", by="chuyenvien", type_code="QD", subject=subject, signer="chutich", body="Điều 1. Thành lập."
        )
        self.at(key, "submit", by="chuyenvien", document=row)
        self.at(key, "approve", by="chutich", document=row)
        self.at(key, "sign", by="chutich", document=row, pin=PIN)
        self.at(key, "number", by="vanthu", document=row)
        self.at(key, "seal", by="vanthu", document=row, pin=PIN)
        return row

    def sent(self, key: str, subject: str) -> str:
        row = self.issued(key, subject)
        self.at(key, "send", by="vanthu", document=row, to=[CODES["b" if key == "a" else "a"]])
        document_id: str = self.at(key, "document_id", document=row)
        other = "b" if key == "a" else "a"
        wait_until("đến nơi", lambda: self.at(other, "arrived", document_id=document_id) is not None)
        return document_id

    def rows(self, key: str, statement: str) -> list[Any]:
        connection = sqlite3.connect(f"file:{self.parties[key].settings.database_path}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def command(self, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "commune_portal", *arguments],
            capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "PYTHONUTF8": "1"},
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr + done.stdout
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def mirrored(self) -> bool:
        """Whether the node has the whole journal of `a`."""
        (size,) = self.rows("a", "SELECT max(seq) FROM journal")[0]
        statement = "SELECT size FROM mirrors m JOIN members o ON o.id = m.member_id WHERE o.code = 'H99.01'"
        return bool(self.rows("node", f"{statement} ORDER BY m.id DESC LIMIT 1")[0][0] == size)

    def close(self) -> None:
        for party in self.parties.values():
            party.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        made.found()
        yield made
    finally:
        made.close()
        database.close()


def test_after_a_dead_disk_no_number_is_given_twice_and_nothing_is_sent_twice(world: World, page: Page) -> None:
    for number in range(1, 6):
        world.sent("a", f"Về việc thứ {number} trước bản sao lưu")
    first_arrival = world.sent("b", "Về việc đến trước bản sao lưu")
    world.at("a", "accept", by="vanthu", document=world.at("a", "arrived", document_id=first_arrival),
             without_check=True)  # fmt: skip
    config = world.parties["a"].settings.folder / supervisor.CONFIG
    backup = _backed_up(world, config)

    lost = [world.sent("a", f"Về việc thứ {number} sau bản sao lưu") for number in range(6, 9)]
    arrival = world.sent("b", "Về việc đến sau bản sao lưu")
    there = world.at("a", "arrived", document_id=arrival)
    world.at("a", "accept", by="vanthu", document=there, without_check=True)
    known = world.at("b", "arrived", document_id=lost[0])
    world.at("b", "accept", by="vanthu", document=known, without_check=True)
    world.at(
        "a", "register", by="vanthu", sender_name="Sở Nội vụ", subject="Giấy nhận tay sau bản sao lưu", on_paper=True
    )
    wait_until("nút có nhật ký", world.mirrored)
    world.parties["a"].server.stop()
    world.issued("a", "Về việc thứ 9, chỉ có trên giấy")

    _destroyed_and_restored(world, config, backup)
    with pytest.raises(Exception, match="/recovering"):
        world.issued("a", "Số này phải đợi")
    _look(world, page, "node-unheard", "Bước 1")
    world.introduce("a")
    wait_until(
        "nút trả lời", lambda: world.rows("a", "SELECT answered_at FROM lost_answers WHERE answered_at IS NOT NULL")
    )
    wait_until("văn bản đến về lại", lambda: world.at("a", "arrived", document_id=arrival) is not None)
    _look(world, page, "node-heard", "Lấy lại từ nút")
    for subject in ("thứ 6", "thứ 7", "thứ 8"):
        expect(page.locator("main")).to_contain_text(f"Về việc {subject} sau bản sao lưu")
    page.get_by_role("button", name="Lấy lại từ nút").click()
    expect(page.locator("main")).to_contain_text("Đã lấy lại")
    page.locator("[name^=paper-outgoing]").first.fill("9")
    page.locator("[name^=paper-incoming]").first.fill("3")
    page.get_by_role("button", name="Ghi số trên giấy").click()
    _look(world, page, "number-missing", "còn 1 số")
    page.locator("[name=dated]").fill(f"{clock.today():%d/%m/%Y}")
    page.locator("[name=type_code]").select_option("QD")
    page.locator("[name=symbol]").fill("QĐ-UBND")
    page.locator("[name=subject]").fill("Về việc thứ 9, chép từ bản giấy")
    page.get_by_role("button", name="Ghi số này vào sổ").click()
    expect(page.locator("main")).to_contain_text("Đã ghi số 9")
    page.get_by_text("Xác nhận đã đối chiếu xong…").click()
    page.get_by_role("button", name="Xác nhận", exact=True).click()
    _look(world, page, "settled", "Đã đối chiếu xong")
    expect(page.locator(".standstill-banner")).to_have_count(0)

    _nothing_was_given_or_sent_twice(world, lost)
    _the_node_sees_one_office(world)
    for key in world.parties:
        found = verify_installation(world.parties[key].settings)
        assert found.ok, (key, found.faults)


def _backed_up(world: World, config: Path) -> Path:
    wait_until("nút có nhật ký", world.mirrored)
    made = world.command("--config", str(config), "backup", "--plain", "--to", str(world.folder / "usb"), "--json")
    assert made["ok"], made
    (path,) = sorted((world.folder / "usb").rglob("*.zip"))
    return path


def _destroyed_and_restored(world: World, config: Path, backup: Path) -> None:
    """The disk dies; the token was not on it."""
    old = world.parties["a"]
    old.close()
    trial = old.settings.trial_folder
    shutil.copytree(trial, world.folder / "token")
    port = old.settings.server.port
    shutil.rmtree(config.parent)
    fresh = world.folder / "may-moi"
    done = world.command("restore", str(backup), "--into", str(fresh), "--json")
    assert (done["ok"], done["must_enrol"]) == (True, True)
    settings = load(fresh / supervisor.CONFIG)
    assert settings.server.port == port
    if not settings.trial_folder.exists():
        shutil.copytree(world.folder / "token", settings.trial_folder)
    world.parties["a"] = supervisor.party("a", settings)
    world.parties["a"].server.start()


def _look(world: World, page: Page, name: str, words: str) -> None:
    """The page as it stands, to axe and at both widths."""
    address = world.parties["a"].server.address
    if not page.url.startswith(address):
        page.goto(f"{address}/login")
        page.get_by_label("Tên đăng nhập").fill("vanthu")
        page.locator("input[name=password]").fill(PASSWORD)
        page.get_by_role("button", name="Đăng nhập").click()
        page.wait_for_load_state("networkidle")
        expect(page.locator(".standstill-banner a")).to_be_visible()
        page.locator(".standstill-banner a").click()
    else:
        page.goto(f"{address}/recovering")
    expect(page.locator("main")).to_contain_text(words)
    for size, width in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size({"width": width[0], "height": width[1]})
        assert overflow_pixels(page) == 0, (name, size)
        assert not axe_violations(page), (name, size)
        picture(page, f"recovering-{name}-{size}", whole=True)
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})


def _nothing_was_given_or_sent_twice(world: World, lost: list[str]) -> None:
    book = world.rows("a", "SELECT number, document_id, note, state FROM outgoing WHERE number > 5 ORDER BY number")
    assert [row[0] for row in book] == [6, 7, 8, 9]
    assert [row[1] for row in book[:3]] == lost
    assert all("theo nhật ký" in row[2] for row in book[:3])
    assert "bản giấy" in book[3][2]
    assert {row[3] for row in book} == {"issued"}
    statuses = world.rows(
        "a", "SELECT status FROM recipients r JOIN outgoing o ON o.id = r.outgoing_id WHERE o.number = 6"
    )
    assert statuses == [("03",)], "a status that came home before the document did has found it"
    arrived = world.rows("a", "SELECT number, subject FROM incoming WHERE number IS NOT NULL ORDER BY number")
    assert [row[0] for row in arrived] == [1, 2, 3]
    assert "tay" in arrived[2][1]
    row = world.issued("a", "Về việc thứ 10, sau khi đối chiếu")
    assert world.rows("a", f"SELECT number FROM outgoing WHERE id = {row}") == [(10,)]
    serials = [
        name[0].rpartition(".")[2] for name in world.rows("a", "SELECT document_id FROM outgoing WHERE number > 0")
    ]
    assert len(set(serials)) == 10
    assert int(world.at("a", "document_id", document=row).rpartition(".")[2]) > 9
    world.at("a", "send", by="vanthu", document=row, to=[CODES["b"]])
    document_id = world.at("a", "document_id", document=row)
    wait_until("liên thông chạy lại", lambda: world.at("b", "arrived", document_id=document_id) is not None)
    wait_until("hàng đợi hết", lambda: not world.rows("a", "SELECT 1 FROM outbox WHERE state = 'ready'"))
    doubled = world.rows("b", "SELECT document_id, count(*) FROM incoming GROUP BY document_id HAVING count(*) > 1")
    assert doubled == []
    assert len(world.rows("b", "SELECT 1 FROM incoming")) == 9


def _the_node_sees_one_office(world: World) -> None:
    wait_until("nút có nhật ký mới", world.mirrored)
    node = world.parties["node"].settings
    installation.open_(node)
    try:
        for member in members.every_member():
            assert all(mirror.is_sound for mirror in mirrors.history(member)), member.code
        row = database.row("SELECT id FROM accounts WHERE username = 'vanhanh'")
        by = accounts.actor(row[0])
        found = comparison_of(by, Asked("2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z")).counts()
        assert comparison.differences(found) == 0, found
    finally:
        database.close()
