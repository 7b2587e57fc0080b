"""JSON on stdout, for programs."""

from __future__ import annotations

import json
from typing import Any


def print_json(value: Any) -> None:
    """Print one JSON document; Korean stays readable."""
    print(json.dumps(value, indent=1, ensure_ascii=False, default=str))
