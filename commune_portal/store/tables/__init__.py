"""The tables as peewee models, by noun; each declared a register or a working table."""

from commune_portal.store.tables import (
    amendments,
    books,
    deployment,
    exchange,
    incoming,
    issuers,
    node,
    outgoing,
    people,
)

__all__ = ["amendments", "books", "deployment", "exchange", "incoming", "issuers", "node", "outgoing", "people"]
