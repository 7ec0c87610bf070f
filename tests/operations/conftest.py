"""Fixtures of the operations' tests."""

from tests.operations.matrix import office

__all__ = ["office"]
