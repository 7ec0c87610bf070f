"""The tables as peewee models, by noun; each declared a register or a working table."""

from commune_portal.store.tables import amendments, books, exchange, incoming, issuers, node, outgoing, people

__all__ = ["amendments", "books", "exchange", "incoming", "issuers", "node", "outgoing", "people"]
