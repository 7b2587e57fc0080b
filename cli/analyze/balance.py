"""``kemfeat analyze balance``."""

from __future__ import annotations

from .. import _options
from . import _run


def balance(store: _run.StorePath = None, out: _run.Out = None, as_json: _options.Json = False) -> None:
    """Count classes, ties and lengths, what the store cuts off, and what always guessing one class would score."""
    _run.run("balance", {}, store=store, out=out, as_json=as_json)
