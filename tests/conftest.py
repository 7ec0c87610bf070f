"""Fixtures that every room of the tests may ask for; the browser's live in `tests/browser.py`."""

import pytest

from tests.browser import chromium, live, open_page, page, watch

__all__ = ["chromium", "live", "open_page", "page", "watch"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file is one worker's work (`--dist loadgroup`), and so are several that share something expensive."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
