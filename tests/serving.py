"""A WSGI application behind real waitress, in a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from commune_portal.listening import listen

DRAIN_SECONDS = 3.0
"""What a request still under way at the end of a test is given."""


@contextmanager
def serving(app: Any, **adjustments: Any) -> Iterator[int]:
    """Serves `app` on the loopback as an office does, on a free port unless `port` says one; yields the port.

    The server is asked to stop and ends its own loop: closed from here, the loop might look at a socket that is gone.
    """
    server = listen(app, **{"host": "127.0.0.1", "port": 0, "threads": 4, **adjustments})
    thread = threading.Thread(target=server.run, args=(DRAIN_SECONDS,), name="test-server", daemon=True)
    thread.start()
    try:
        yield int(server.effective_port)
    finally:
        server.stop()
        thread.join(DRAIN_SECONDS + 10)
        server.close()
