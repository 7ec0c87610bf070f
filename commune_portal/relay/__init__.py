"""The one background thread and what it needs to carry envelopes."""
