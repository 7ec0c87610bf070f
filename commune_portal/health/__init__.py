"""Is this installation sound: one check a module."""
