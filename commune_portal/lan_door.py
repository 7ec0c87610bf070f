"""The door for other computers, as one running portal has it: certificate kept, TLS spoken or left to nginx.

Closed until the register is founded: the first-run pages are for this PC alone, whoever stands in front.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from commune_portal.doors import DOOR, Application, Doors, Environ, Start
from commune_portal.errors import PortalError, SettingsWrong
from commune_portal.settings import Settings

if TYPE_CHECKING:
    from commune_portal.tls_front import TlsFront

# The door and its certificates are read where the settings open it: most offices have one PC.
log = logging.getLogger(__name__)

KEEP_SECONDS = 60.0
"""How often the certificate is looked at: a new address from the router waits no longer."""

NOT_YET = "Hệ thống chưa được cài đặt xong. Hãy hoàn tất trên chính máy chủ, rồi mở lại trang này.\n"


class LanDoor:
    """Opens with the portal, closes with it."""

    def __init__(self, settings: Settings) -> None:
        if settings.lan.enabled and settings.lan.front == "builtin" and ":" in settings.server.host:
            raise SettingsWrong("Khi bật mạng nội bộ, server.host phải là 127.0.0.1.", field="server.host")
        self._settings = settings
        self._front: TlsFront | None = None
        self._is_open = False
        self._behind_port = 0
        self._ends = threading.Event()

    @property
    def front(self) -> TlsFront | None:
        """The TLS door of this process, where it is the one that speaks TLS and is open."""
        return self._front

    def around(self, app: Application) -> Application:
        """The portal with its doors told apart."""
        settings = self._settings
        is_behind_nginx = settings.lan.enabled and settings.lan.front == "nginx"

        def guarded(environ: Environ, start_response: Start) -> Iterable[bytes]:
            if environ[DOOR] == "lan" and not self._is_open:
                start_response("503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
                return [NOT_YET.encode()]
            return app(environ, start_response)

        return Doors(
            guarded,
            client_of=self._client_of,
            secret=_front_secret(settings) if is_behind_nginx else "",
            trust_headers=settings.server.behind_tls_proxy,
        )

    def open(self, behind_port: int) -> None:
        """Lets others in, where the settings say so; what stands against it is logged and tried again later.

        A port that is taken must not keep the clerk from working on this PC.
        """
        self._is_open = True
        if not self._settings.lan.enabled or self._ends.is_set():
            return
        self._behind_port = behind_port
        self._tend()
        threading.Thread(target=self._keep, name="lan-certificate", daemon=True).start()

    def close(self) -> None:
        """Ends the door; harmless when it never opened."""
        self._ends.set()
        if self._front is not None:
            self._front.close()

    def _client_of(self, source_port: int) -> str | None:
        return self._front.client_of(source_port) if self._front is not None else None

    def _keep(self) -> None:
        while not self._ends.wait(KEEP_SECONDS):
            self._tend()

    def _tend(self) -> None:
        """Renews the certificate where it is time, and opens the door where it is closed."""
        from commune_portal.wire import lan_authority

        lan = self._settings.lan
        try:
            if lan_authority.keep(self._settings):
                log.info("the certificate for the network was renewed")
            if lan.front == "builtin" and self._front is None:
                behind = (self._settings.server.host, self._behind_port)
                from commune_portal.tls_front import TlsFront

                front = TlsFront(lan.host, lan.port, behind, lan_authority.server_path(self._settings))
                front.start()
                self._front = front
                log.info("open for the network at port %d", front.port)
        except (PortalError, OSError) as error:
            log.error("closed for the network: %s (%s)", error, getattr(error, "detail", ""))


def _front_secret(settings: Settings) -> str:
    from commune_portal.wire import lan_authority

    return lan_authority.front_secret(settings)
