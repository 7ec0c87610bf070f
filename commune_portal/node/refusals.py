"""A member's request that is refused in a word of the exchange; the machine door turns it into an answer."""

from __future__ import annotations

from commune_portal.errors import PortalError
from commune_portal.wire.protocol import Refused


class ExchangeRefused(PortalError):
    """The node does not do what a member's machine asked; its administrator reads the sentence of the word."""

    code = "exchange-refused"

    def __init__(self, word: Refused, detail: str = "", *, offset: int | None = None) -> None:
        super().__init__(word.sentence, detail=detail or word.value)
        self.word = word
        self.offset = offset
