"""Tests that need a library that not every machine has."""

from __future__ import annotations

import pytest


def _why_not() -> str:
    try:
        import lightgbm  # noqa: F401
    except (ImportError, OSError) as error:  # its library needs that of OpenMP
        return f"lightgbm cannot be imported: {error}"
    return ""


needs_lightgbm = pytest.mark.skipif(bool(_why_not()), reason=_why_not())
