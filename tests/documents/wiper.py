"""`python -m tests.documents.wiper FOLDER ROW POINT REACH`: destroys a document and is killed at that point."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from commune_portal import points
from commune_portal.documents import incoming
from commune_portal.store import installation
from commune_portal.wire import keys
from tests import cast
from tests.documents.wiped import destroy


def main() -> None:
    """Opens, destroys, dies."""
    folder, row_id, point, reach = sys.argv[1:]
    settings = cast.settings_at(Path(folder))
    installation.open_(settings)
    keys.use(keys.load(settings.secrets_folder))
    document = incoming.get(int(row_id))
    left = int(reach)

    def die(reached: points.Point) -> None:
        nonlocal left
        left -= reached == point
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    points.hook = die
    destroy(document)


if __name__ == "__main__":
    main()
