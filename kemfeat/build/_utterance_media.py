"""What a feature is given of an utterance: media of the corpus and other features, each loaded on first use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from kemfeat.build._footage import Films, Shooting
from kemfeat.build._same_files import read_source
from kemfeat.build._sources import VIDEO
from kemfeat.features import AnyExtractor, Extract, Outcome
from kemfeat.features.instances import find_feature
from kemfeat.manifest import RECORDINGS, SEGMENT
from kemfeat.media import decode_audio, read_audio
from kemfeat.records import FeatureArray, FeatureSpec, Medium, Signal
from kemfeat.waveform import cut


@dataclass(frozen=True, slots=True)
class Bound:
    """A feature that is ready to extract."""

    extractor: AnyExtractor
    specs: tuple[FeatureSpec, ...]
    extract: Extract
    shots: Shooting | None = None


class UtteranceMedia(Mapping[str, Medium | None]):
    """The media and features of one utterance, each loaded on first use.

    A medium of the corpus takes precedence over a feature of the same name: the feature ``eda`` is made from the medium
    ``eda``.
    """

    def __init__(
        self,
        row: Any,
        *,
        root: Path,
        media: frozenset[str],
        signals: Mapping[tuple[str, str], Medium],
        bound: Mapping[str, Bound],
        films: Films,
    ) -> None:
        self.row = row
        self._root = root
        self._media = media
        self._signals = signals
        self._bound = bound
        self._films = films
        self._features: dict[str, Outcome] = {}

    def __getitem__(self, name: str) -> Medium | None:
        return self._medium(name) if name in self._media or name in RECORDINGS else self.feature(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._media | set(self._bound))

    def __len__(self) -> int:
        return len(self._media | set(self._bound))

    def feature(self, name: str) -> FeatureArray:
        """A feature of the utterance, computed once."""
        if name not in self._features:
            self._features[name] = self._bound[name].extract(self._given_to(self._bound[name]))
        outcome = self._features[name]
        if not isinstance(outcome, FeatureArray):
            raise outcome
        return outcome

    def know(self, name: str, outcome: Outcome) -> None:
        """Take a feature that was computed together with those of others."""
        self._features[name] = outcome

    def forget(self) -> None:
        """Drop what was computed."""
        self._features.clear()

    def within(self, message: str) -> str:
        """A message without the folder of the corpus, which must not appear in a store."""
        return message.replace(f"{self._root}{os.sep}", "")

    def _given_to(self, bound: Bound) -> Mapping[str, Medium | None]:
        """What a feature gets: of a film, the pictures that it asks for itself."""
        if bound.shots is None or VIDEO not in self._media:
            return self
        own = {name: self[name] for name in bound.extractor.media if name != VIDEO}
        return {**own, VIDEO: self._films.footage(self.row, bound.shots)}

    def _medium(self, name: str) -> Medium | None:
        if name == "audio":
            return self._audio() if isinstance(self.row.audio, str) else None
        if name == "transcript":
            return self.row.text if isinstance(self.row.text, str) else None
        return self._signals.get((self.row.id, name))

    def _audio(self) -> Signal:
        """The file of the utterance, or its segment of a recording that it shares with others."""
        path = self._root / self.row.audio
        if hasattr(self.row, "audio_sha256"):
            whole = decode_audio(read_source(self._root, self.row.audio, self.row.audio_sha256), name=str(path))
        else:
            whole = read_audio(path)
        start, end = (getattr(self.row, name, math.nan) for name in SEGMENT)
        return whole if math.isnan(start) else cut(whole, start, end, name=self.row.audio)


@lru_cache(maxsize=32)
def bind(name: str, settings: str, resources: Path) -> Bound:
    """A feature with its configuration (JSON text) and the folder of the resources of all features."""
    extractor = find_feature(name)
    config = extractor.config.model_validate_json(settings)
    shots = None if extractor.filming is None else partial(extractor.filming.shots, config)
    return Bound(extractor, extractor.specs(config), extractor.open(config, resources / name), shots)
