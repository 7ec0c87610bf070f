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

    serve.run(settings.load(chosen.config))
    return cli.DONE
