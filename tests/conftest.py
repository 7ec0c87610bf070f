"""Fixtures that every room of the tests may ask for; the browser's live in `tests/browser.py`."""

import pytest

from tests.browser import chromium, live, open_page, page, watch

__all__ = ["chromium", "live", "open_page", "page", "watch"]

LONGEST = ("tests/model/test_model.py", "tests/stories/test_bad_link.py", "tests/model/test_processes.py")
"""Begun first: the first of them keeps all cores busy while the second mostly waits for its link."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first; workers take files in this order."""
    items.sort(key=lambda item: LONGEST.index(_file_of(item)) if _file_of(item) in LONGEST else len(LONGEST))


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
