"""One process starts and stops here: register, keys, workshop, pages, relay.

`opened` is what every process of an installation needs before it may call a verb; `Portal` adds the web server and
the relay. A termination signal lets requests in flight end and closes everything in order.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import FrameType
from typing import Any

from commune_portal import memory, upkeep
from commune_portal.documents import restoration
from commune_portal.errors import StoreRefused
from commune_portal.health import acceptance, logs
from commune_portal.lan_door import LanDoor
from commune_portal.people import accesses, founding
from commune_portal.relay.worker import Worker
from commune_portal.settings import MEBIBYTE, Settings, is_loopback
from commune_portal.signing import workshop
from commune_portal.store import database, erasure, files, installation
from commune_portal.upkeep import Upkeep
from commune_portal.wire import keys

log = logging.getLogger(__name__)

IDLE_CHANNEL_SECONDS = 120
PAUSE_SECONDS = 0.5
LARGEST_BACKUP_BYTES = 8 * 1024 * MEBIBYTE
"""What the first-run pages take as a backup from the browser; the portal itself takes one packet."""


@contextmanager
def opened(settings: Settings) -> Iterator[Settings]:
    """Opens the register for verbs in this process, and closes it; raises StoreRefused for a copy."""
    installation.open_(settings)
    own = keys.load(settings.secrets_folder)
    installation.refuse_copy(settings.role, own.public_key.hex())
    keys.use(own)
    bench = workshop.configure(settings)
    erasure.finish()
    try:
        yield settings
    finally:
        bench.close()
        accesses.flush()
        database.close()


class _Door:
    """What the web server calls: the first-run pages at first, the portal from the founding on."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


class Portal:
    """A running installation: its web server and its relay, which at a node waits for a node above.

    Without a register it shows the first-run pages, and becomes the portal on the same port when one was founded.
    """

    def __init__(self, settings: Settings) -> None:
        from commune_portal.app import create_app, create_first_run_app
        from commune_portal.listening import listen

        is_founded = founding.is_founded(settings)
        if not is_founded and not is_loopback(settings.server.host):
            raise StoreRefused(
                'Trang cài đặt lần đầu chỉ mở trên chính máy này. Hãy đặt server.host = "127.0.0.1", lập xong hệ thống'
                " rồi mới mở cổng ra mạng."
            )
        if not is_loopback(settings.server.host) and not settings.server.behind_tls_proxy:
            raise StoreRefused(
                "Chỉ được mở cổng ra mạng khi có máy chủ TLS đứng trước (server.behind_tls_proxy = true)."
                ' Nếu chỉ dùng trên máy này, đặt server.host = "127.0.0.1".'
            )
        self.settings = settings
        self._held = ExitStack()
        self._ending = threading.Event()
        self._lan = LanDoor(settings)
        self._door = _Door(create_app(settings) if is_founded else create_first_run_app(settings, self._become_portal))
        self._server: Any = listen(
            self._lan.around(self._door),
            clear_untrusted_proxy_headers=False,  # the doors do that, by who it is that speaks
            host=settings.server.host,
            port=settings.server.port,
            threads=settings.server.threads,
            max_request_body_size=_largest_body(settings) if is_founded else LARGEST_BACKUP_BYTES,
            channel_timeout=IDLE_CHANNEL_SECONDS,
        )
        self.worker = Worker(settings) if is_founded and settings.relay.enabled else None
        self._upkeep: Upkeep | None = None

    @property
    def port(self) -> int:
        """The port that was bound, also where the settings say 0."""
        return int(self._server.effective_port)

    @property
    def address(self) -> str:
        """Where a browser on this computer finds it."""
        return f"http://{self.settings.server.host}:{self.port}/"

    def run(self) -> None:
        """Serves until `stop` or KeyboardInterrupt, lets what is in flight end, then closes everything in order."""
        self._start_relay()
        try:
            self._start_upkeep()
            if founding.is_founded(self.settings):
                self._lan.open(self.port)
            memory.give_back()
            self._server.run()
        finally:
            self._ending.set()
            acceptance.stop()
            self._lan.close()
            if self.worker is not None:
                self.worker.stop()
            if self._upkeep is not None:
                self._upkeep.stop()
            self._server.close()
            self._held.close()

    def _become_portal(self, settings: Settings) -> None:
        """Called by the request that founded or restored the register: from its answer on, the portal is served."""
        from commune_portal.app import create_app

        self._held.enter_context(opened(settings))
        self.settings = settings
        app = create_app(settings)
        self.worker = Worker(settings) if settings.relay.enabled else None
        self._start_relay()
        self._start_upkeep()
        self._server.adj.max_request_body_size = _largest_body(settings)
        self._door.app = app
        self._lan.open(self.port)

    def _start_upkeep(self) -> None:
        """Starts what backs up by itself, where there is a register and its children can find it."""
        if founding.is_founded(self.settings) and upkeep.is_possible(self.settings):
            self._upkeep = Upkeep(self.settings)
            self._upkeep.start()

    def _start_relay(self) -> None:
        """Starts the relay, during an upgrade only after it: what it receives then could still be rolled back."""
        if self.worker is None:
            return
        if not self.settings.pause_mark.exists():
            self.worker.start()
            return
        log.info("the relay waits for the end of the upgrade")
        threading.Thread(target=self._start_relay_after, args=(self.worker,), name="pause", daemon=True).start()

    def _start_relay_after(self, worker: Worker) -> None:
        while self.settings.pause_mark.exists():
            if self._ending.wait(PAUSE_SECONDS):
                return
        worker.start()

    def stop(self) -> None:
        """Asks the running portal to end once requests in flight have; from a signal handler or any thread."""
        self._server.stop()

    def close(self) -> None:
        """Ends the web server of a portal that runs in a thread (tests)."""
        self._lan.close()
        self._server.close()


def _largest_body(settings: Settings) -> int:
    return settings.limits.packet_bytes + MEBIBYTE


def run(settings: Settings, ready: Callable[[Portal], None] | None = None) -> None:
    """Serves in the foreground and says where; returns after a termination signal, or `stop` of what `ready` gets."""
    logs.begin(settings)
    cut = restoration.settle(settings)
    if cut is not None:
        log.warning("a restore that was cut off while %s has been settled", cut)
    is_founded = founding.is_founded(settings)
    with opened(settings) if is_founded else nullcontext():
        if is_founded:
            files.sweep_temporary()
        ending = _Ending()
        portal = Portal(settings)
        ending.concerns(portal)
        if ready is not None:
            ready(portal)
        print(f"Mở trình duyệt: {portal.address}", flush=True)  # noqa: T201 -- the one line a person waits for
        portal.run()
        log.info("stopped")


class _Ending:
    """A termination signal lets requests in flight end; out of the loop, so that it cuts none in two.

    Made before the port is open: whoever sees the portal answer may ask it to stop at that very moment.
    """

    def __init__(self) -> None:
        self._portal: Portal | None = None
        self._asked = False
        if threading.current_thread() is not threading.main_thread():
            return
        signal.signal(signal.SIGTERM, self._end)
        if hasattr(signal, "SIGBREAK"):
            signal.signal(signal.SIGBREAK, self._end)

    def concerns(self, portal: Portal) -> None:
        """From now on a signal stops this portal; one that came before stops it now."""
        self._portal = portal
        if self._asked:
            portal.stop()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._portal is not None:
            self._portal.stop()
