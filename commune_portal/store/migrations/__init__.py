"""Numbered, forward-only SQL; never edited after a release."""
