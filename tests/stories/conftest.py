"""Fixtures of the stories."""

from tests.stories.demonstrated import demonstration

__all__ = ["demonstration"]
