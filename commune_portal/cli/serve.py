"""`commune-portal serve`: the portal in the foreground until it is asked to stop."""

from __future__ import annotations

import argparse

from commune_portal import cli, settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Takes nothing of its own."""
    parser.epilog = "Cổng và địa chỉ lấy từ tệp cấu hình."


def run(chosen: argparse.Namespace) -> int:
    """Serves."""
    from commune_portal import serve
    from commune_portal.operations import nginx

    read = settings.load(chosen.config)
    nginx.write(read)  # as this release wants it
    serve.run(read)
    return cli.DONE
