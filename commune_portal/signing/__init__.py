"""PDF signatures and the organisation's token."""
