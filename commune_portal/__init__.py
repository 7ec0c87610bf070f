"""The document register of a Vietnamese commune office, and the node its packets pass through."""

__version__ = "0.1.0"
