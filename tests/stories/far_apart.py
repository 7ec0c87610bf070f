"""An office behind a bad link, a node at its other end, and a second office beside the node."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from commune_portal.parties import founding, supervisor
from commune_portal.parties.supervisor import Desk, wait_until
from commune_portal.settings import Settings, load
from tests.fakes import tun_link
from tests.fakes.shaped import ShapedProxy
from tests.fakes.tun_link import Shape, TunLink
from tests.stories.killing import CODES, NAMES, plan_of

PARTIES = ("node", "a", "b")
PIN = founding.PIN


@dataclass
class Parties:
    """The three of them; `a` is behind the link."""

    folder: Path
    shape: Shape
    settings: dict[str, Settings] = field(default_factory=dict)
    desks: dict[str, Desk] = field(default_factory=dict)
    servers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    link: TunLink | ShapedProxy | None = None

    def found(self) -> None:
        """Founds, introduces and starts everybody; the offices know each other when this returns."""
        ports = {key: supervisor.free_port() for key in PARTIES}
        tun = tun_link.is_permitted()
        near = ports["node"] if tun else supervisor.free_port()
        for key in PARTIES:
            settings = supervisor.write_settings(
                self.folder / key, "node" if key == "node" else "office", ports[key], poll_seconds=20
            )
            config = settings.folder / supervisor.CONFIG
            text = config.read_text(encoding="utf-8").replace("timeout_seconds = 10\n", "")
            if key == "node" and tun:
                text = text.replace("[server]\n", f'[server]\nhost = "{tun_link.FAR}"\n')
            config.write_text(text.replace("retry_seconds = [1, 2, 5, 15, 60]\n", ""), encoding="utf-8")
            self.settings[key] = load(config)
            self.desks[key] = Desk(self.settings[key])
            self.at(key, "found", plan=plan_of(key).to_json(), authority=str(self.folder / "ca"), since="2026-01-01")
        self.link = (
            TunLink(self.shape, self.folder) if tun else ShapedProxy(self.shape, self.folder, near, ports["node"])
        )
        self.start("node")
        host = tun_link.FAR if tun else "127.0.0.1"
        for key in ("a", "b"):
            file = str(self.folder / f"{key}.json")
            address = f"http://{host}:{near if key == 'a' else ports['node']}"
            self.at("node", "add_office", code=CODES[key], name=NAMES[key], address=address, out=file)
            self.at(key, "introduce", file=file, secrets=str(self.settings[key].secrets_folder))
            self.start(key)
        for key, other in (("a", "b"), ("b", "a")):
            wait_until("danh bạ", partial(self._knows, key, CODES[other]), 180)

    def _knows(self, key: str, code: str) -> bool:
        return code in self.at(key, "queue")["reachable"]

    def at(self, key: str, act: str, **values: Any) -> Any:
        return self.desks[key](act, **values)

    def start(self, key: str) -> None:
        """Starts a server at its end of the link, and waits until it says where it is."""
        assert self.link is not None
        settings = self.settings[key]
        server = subprocess.Popen(
            [*self.link.inside("near" if key == "a" else "far"), sys.executable, "-m", "commune_portal", "--config",
             str(settings.folder / supervisor.CONFIG), "serve"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=supervisor.environment(settings),
        )  # fmt: skip
        self.servers[key] = server
        assert server.stdout is not None
        assert b"http://" in server.stdout.readline()

    def close(self) -> None:
        for desk in self.desks.values():
            desk.close()
        for server in self.servers.values():
            server.terminate()
            server.wait(30)
            if server.stdout is not None:
                server.stdout.close()
        if self.link is not None:
            self.link.close()

    def issued(self, file: Path, urgency: int = 0) -> tuple[int, str]:
        """A document of office a from a PDF, ready to be sent; its number in the house and its document id."""
        row = self.at(
            "a", "draft", by="chuyenvien", type_code="QD", subject="Về việc thử đường truyền", signer="chutich",
            file=str(file), urgency=urgency,
        )  # fmt: skip
        self.at("a", "submit", by="chuyenvien", document=row)
        self.at("a", "approve", by="chutich", document=row)
        self.at("a", "sign", by="chutich", document=row, pin=PIN)
        self.at("a", "number", by="vanthu", document=row)
        return row, self.at("a", "seal", by="vanthu", document=row, pin=PIN)

    def send(self, row: int) -> int:
        """Sends a document to office b; answers the bytes of its packet."""
        self.at("a", "send", by="vanthu", document=row, to=[CODES["b"]])
        return Path(self.at("a", "packet_file", document=row)).stat().st_size

    def has_arrived(self, document_id: str) -> bool:
        return self.at("b", "arrived", document_id=document_id) is not None

    def uploaded_bytes(self) -> int:
        """How much of unfinished uploads lies on the node's disk."""
        work = self.settings["node"].work_folder
        return sum(path.stat().st_size for path in work.glob("*.upload"))

    def resident_mib(self) -> float:
        """The resident memory of office a's server."""
        status = Path(f"/proc/{self.servers['a'].pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024

    def rows(self, key: str, statement: str) -> list[Any]:
        connection = sqlite3.connect(f"file:{self.settings[key].database_path}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


def a_scan(folder: Path, amount: int) -> Path:
    """A PDF of one picture of noise, of about so many bytes: nothing can make it smaller, as with a scan."""
    from PIL import Image
    from reportlab import rl_config
    from reportlab.pdfgen.canvas import Canvas

    side = max(8, int((amount / 3) ** 0.5))
    path = folder / f"ban-quet-{amount}.pdf"
    picture = folder / f"anh-{amount}.png"
    Image.frombytes("RGB", (side, side), random.Random(amount).randbytes(side * side * 3)).save(picture)
    before, rl_config.useA85 = rl_config.useA85, 0
    try:
        canvas = Canvas(str(path))
        canvas.drawImage(str(picture), 100, 300, 200, 200)
        canvas.save()
    finally:
        rl_config.useA85 = before
    return path


@dataclass
class Crossing:
    """What was seen while documents crossed."""

    seconds: float
    wire_bytes: int
    packet_bytes: int
    resident: list[float]

    @property
    def ratio(self) -> float:
        """Bytes on the wire for each byte of the packets."""
        return self.wire_bytes / self.packet_bytes

    @property
    def growth_mib(self) -> float:
        """By how much the office's memory grew at most."""
        return max(self.resident) - self.resident[0]

    def line(self, parties: Parties) -> str:
        """All of it in a line."""
        assert parties.link is not None
        shape, found = parties.shape, parties.link.figures()
        return (
            f"{shape.up_bits // 1000} kbit/s, {shape.loss:.0%} loss, dark {shape.dark:.0f} s every"
            f" {shape.cut_every:.0f} s, {type(parties.link).__name__}, congestion control {parties.link.congestion}:"
            f" packets of {self.packet_bytes} bytes in {self.seconds:.0f} s"
            f" ({self.packet_bytes / self.seconds:.0f} B/s), {self.wire_bytes} bytes on the wire ({self.ratio:.2f}),"
            f" {found.cuts} cuts, {found.lost} packets lost, memory {self.resident[0]:.1f} MiB {self.growth_mib:+.1f}"
        )


def cross(
    parties: Parties, until: Callable[[], bool], packet_bytes: int, began: tuple[float, int], limit: float
) -> Crossing:
    """Waits for the end of a crossing and watches memory meanwhile."""
    assert parties.link is not None
    resident = [parties.resident_mib()]
    while not until():
        if time.monotonic() - began[0] > limit:
            raise AssertionError(f"not over after {limit:.0f} s: {parties.uploaded_bytes()} bytes are at the node")
        time.sleep(1.0)
        resident.append(parties.resident_mib())
    time.sleep(1.0)  # the link tells its figures four times a second
    spent = time.monotonic() - began[0]
    return Crossing(spent, parties.link.figures().up_bytes - began[1], packet_bytes, resident)


assert os.name == "posix"
