"""Envelopes, receipts, checkpoints and the keys of this installation."""
