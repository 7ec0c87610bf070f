"""What the relay's thread remembers from one contact to the next; a restart forgets it, which costs little.

The outermost loop of the thread is the one catch-all. What was in hand whenever it had to catch is noted here, so that
something which no rule foresaw is put aside the third time instead of stopping everything behind it for ever.
"""

from __future__ import annotations

import hashlib
from collections import Counter

from commune_portal import clock

STUMBLES = 2
WHOLE_EVERY_SECONDS = 24 * 3600.0
JOURNAL_AGAIN_SECONDS = 3600.0
"""After what time a journal that the node refused is offered to it again."""


class Memory:
    """What is in hand, what the thread stumbled over, and when everything was compared last."""

    def __init__(self) -> None:
        self._in_hand = ""
        self._stumbles: Counter[str] = Counter()
        self._compared_at: float | None = None
        self._journal_refused_at: float | None = None

    def take_up(self, thing: bytes) -> None:
        """From now on a stumble is this thing's."""
        self._in_hand = hashlib.sha256(thing).hexdigest()

    def put_down(self) -> None:
        """It was dealt with, one way or another."""
        self._in_hand = ""

    def stumbled(self) -> None:
        """Something was caught that nobody foresaw: what is in hand did it."""
        if self._in_hand:
            self._stumbles[self._in_hand] += 1
        self._in_hand = ""

    def is_poison(self, thing: bytes) -> bool:
        """True for what the thread has stumbled over too often."""
        return self._stumbles[hashlib.sha256(thing).hexdigest()] >= STUMBLES

    @property
    def is_whole_due(self) -> bool:
        """True when everything open should be compared: since the start, an enrolment, or for a day it was not."""
        return self._compared_at is None or clock.monotonic() - self._compared_at >= WHOLE_EVERY_SECONDS

    def compared(self) -> None:
        """Everything open was compared just now."""
        self._compared_at = clock.monotonic()

    def journal_refused(self) -> None:
        """The node holds another journal under our name, and says so however often it is asked."""
        self._journal_refused_at = clock.monotonic()

    @property
    def is_journal_refused(self) -> bool:
        """True while it makes no sense to offer the journal."""
        refused_at = self._journal_refused_at
        return refused_at is not None and clock.monotonic() - refused_at < JOURNAL_AGAIN_SECONDS

    def enrolled(self) -> None:
        """The node knows us anew: what it holds is to be compared, and our journal begins anew there."""
        self._compared_at = self._journal_refused_at = None
