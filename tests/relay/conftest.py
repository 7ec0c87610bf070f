"""The real office of the documents' tests, for the relay that works for it."""

from tests.documents.conftest import founded, office

__all__ = ["founded", "office"]
