"""Several installations on one computer: founding them, their processes, and a desk at which verbs are done."""
