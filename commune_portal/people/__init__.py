"""Accounts, roles, sessions and mandates."""
