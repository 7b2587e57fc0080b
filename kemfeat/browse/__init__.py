"""Look at a store: a local page with every utterance, what was measured, and what raters and models said of it.

The page is served on this machine alone, and only to who has the address that the command prints; nothing is written.
The only room that imports tornado.
"""

from __future__ import annotations

from kemfeat.browse.browser import Browser
from kemfeat.browse.overlays import parts_of, predictions_of
from kemfeat.browse.server import serve

__all__ = ["Browser", "parts_of", "predictions_of", "serve"]
