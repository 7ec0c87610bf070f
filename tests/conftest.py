"""Fixtures that every room of the tests may ask for; the browser's live in `tests/browser.py`."""

from tests.browser import chromium, live, open_page, page, watch

__all__ = ["chromium", "live", "open_page", "page", "watch"]
