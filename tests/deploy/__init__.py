"""The bundle and what is installed from it."""
