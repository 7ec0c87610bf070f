"""Gives memory back that this process no longer uses: small computers have two gigabytes for everything.

glibc keeps what was freed in the middle of its heaps for itself. Reading modules at the start and a large page later
leave some megabytes there, until they are asked for.
"""

from __future__ import annotations

import sys


def give_back() -> None:
    """Returns unused pages to the system, within milliseconds; does nothing where there is no glibc."""
    if sys.platform != "linux":
        return
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
