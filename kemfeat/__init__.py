"""Preprocessing and feature stores for multimodal emotion corpora.

The public names are imported on first use, so that ``import kemfeat`` stays instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kemfeat._lazy import attributes, names
from kemfeat._version import VERSION as __version__

if TYPE_CHECKING:
    from kemfeat.build import BuildOptions, BuildReport, build_store
    from kemfeat.errors import KemfeatError
    from kemfeat.manifest import Manifest
    from kemfeat.records import Events, FeatureArray, FeatureSpec, Finding, Signal
    from kemfeat.store.reader import Store, open_store
    from kemfeat.store.stored_array import StoredArray
    from kemfeat.store.utterance import Utterance
    from kemfeat.validate import ValidationReport, validate_corpus

_HOMES = {
    "BuildOptions": "build",
    "BuildReport": "build",
    "Events": "records",
    "FeatureArray": "records",
    "FeatureSpec": "records",
    "Finding": "records",
    "KemfeatError": "errors",
    "Manifest": "manifest",
    "Signal": "records",
    "Store": "store.reader",
    "StoredArray": "store.stored_array",
    "Utterance": "store.utterance",
    "open_store": "store.reader",
    "ValidationReport": "validate",
    "build_store": "build",
    "validate_corpus": "validate",
}

__all__ = [
    "BuildOptions",
    "BuildReport",
    "Events",
    "FeatureArray",
    "FeatureSpec",
    "Finding",
    "KemfeatError",
    "Manifest",
    "Signal",
    "Store",
    "StoredArray",
    "Utterance",
    "ValidationReport",
    "__version__",
    "build_store",
    "open_store",
    "validate_corpus",
]

__getattr__ = attributes(__name__, _HOMES)
__dir__ = names(__name__, _HOMES)
