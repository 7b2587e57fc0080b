"""Preprocessing and feature stores for multimodal emotion corpora."""

from __future__ import annotations

from kemfeat._version import VERSION as __version__

__all__ = ["__version__"]
