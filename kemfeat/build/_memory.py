"""Most memory that processes have held."""

from __future__ import annotations

import resource
import sys

_UNIT = 1 if sys.platform == "darwin" else 1024


def own_peak() -> int:
    """Most that this process has held [bytes]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def largest_child() -> int:
    """Most that any process held that this one has waited for [bytes]."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _UNIT
