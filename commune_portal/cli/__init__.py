"""The shell verbs, one module each."""
