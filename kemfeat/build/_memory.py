"""Peak memory of processes."""

from __future__ import annotations

import resource
import sys

_UNIT = 1 if sys.platform == "darwin" else 1024


def own_peak() -> int:
    """Peak memory of this process [bytes]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def largest_child() -> int:
    """Largest peak memory of the child processes that have ended [bytes]."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _UNIT
