"""EDA and TEMP around every tick: eleven samples of each, 4 Hz, 2.75 s.

``tick_eda`` and ``tick_temp`` (11,) float32 with ``tick_eda_mask`` and ``tick_temp_mask``, on the row axis ``tick``.
The tick's own sample is the sixth. Values are raw: microsiemens and degrees Celsius, whose level identifies the
person; normalise per speaker, on training data.

- **Default**: slots are placed by the clock. A slot without a sample of the same utterance, whether before its first
  sample, after its last or in a gap, is NaN and its mask False. Each medium has its own samples: where only TEMP has a
  gap, EDA has none.
- **Preset ``faithful``**: as published, the five ticks before and after by order, however far apart in time, and the
  first or last tick repeated where the utterance ends. The mask is True throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from kemfeat.config import FeatureConfig
from kemfeat.features import Extract, Extractor, Media
from kemfeat.features._ticks import RATE, ROWS_FACTOR, SAMPLES, tick_rows, ticks_of
from kemfeat.features._uniform import UniformConfig, masked, masked_specs
from kemfeat.records import FeatureArray, FeatureSpec

_WINDOWS = {
    "eda": ("uS", "skin conductance around the tick, raw"),
    "temp": ("degC", "skin temperature around the tick, raw"),
}


class TickPhysiologyConfig(FeatureConfig):
    """Settings of ``tick_physiology``.

    Parameters
    ----------
    neighbours : {"clock", "order"}
        ``clock`` takes the samples that are whole periods away, ``order`` the ticks before and after, the ends
        repeated.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"default": {}, "faithful": {"neighbours": "order"}}

    neighbours: Literal["clock", "order"] = "clock"


def _extract(media: Media, *, config: TickPhysiologyConfig) -> FeatureArray:
    ticks = ticks_of(media, feature="tick_physiology")
    arrays: dict[str, NDArray[Any]] = {}
    for medium in _WINDOWS:
        track = ticks.tracks[medium]
        windows = (
            track.around(ticks.clock) if config.neighbours == "clock" else track.at(ticks.clock)[ticks.neighbours()]
        )
        arrays |= masked(windows, name=f"tick_{medium}")
    return FeatureArray(arrays)


def _specs(config: TickPhysiologyConfig) -> tuple[FeatureSpec, ...]:  # noqa: ARG001 - both settings have one shape
    row = UniformConfig(sampling_rate=RATE, max_length=SAMPLES)
    return tuple(
        replace(spec, time_origin=None)
        for medium, (unit, description) in _WINDOWS.items()
        for spec in masked_specs(row, name=f"tick_{medium}", unit=unit, description=description)
    )


def _open(config: TickPhysiologyConfig, _resources: Path) -> Extract:
    return partial(_extract, config=config)


EXTRACTOR = Extractor(
    name="tick_physiology",
    version=1,
    config=TickPhysiologyConfig,
    media=("eda", "temp"),
    specs=_specs,
    columns={},
    open=_open,
    axis="tick",
    rows=tick_rows,
    rows_factor=ROWS_FACTOR,
)
