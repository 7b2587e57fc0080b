"""The 88 functionals of eGeMAPSv02, one row for each utterance, as openSMILE computes them.

Columns, float64, named ``egemaps.`` and openSMILE's own name, such as
``egemaps.F0semitoneFrom27.5Hz_sma3nz_amean``, and all of them in openSMILE's order as the array ``egemaps`` (1, 88)
float32, for models: Eyben and others, IEEE Transactions on Affective Computing 7:190, 2016.
openSMILE writes 0 where it finds no voice; those numbers are left as they are. NaN where the utterance is shorter
than openSMILE needs.

openSMILE comes through the package opensmile, ``pip install 'kemfeat[egemaps]'``. **It is not open source:** audEERING
licenses it for private, research and educational use; anything commercial needs a licence of theirs. So this feature
is never built unless it is named.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kemfeat.errors import ConfigError
from kemfeat.features import Extract, Extractor, Media, Prepared
from kemfeat.features._audio import WaveformConfig, audio_of, finite
from kemfeat.features._functionals import spec_of, with_array
from kemfeat.records import FeatureArray

if TYPE_CHECKING:
    import opensmile

_SHORTEST = 0.1
"""Length [s] below which openSMILE has no frame for its functionals."""


class EgemapsConfig(WaveformConfig):
    """Settings of ``egemaps``.

    Parameters
    ----------
    channels : str or int
        The channel, as for ``mel``.
    sampling_rate : int [Hz]
        Rate to which the audio is resampled.
    resample : bool
        False refuses audio of another rate.
    """


_MEAN, _SPREAD = "amean", "stddevNorm"
_EXTENDED = (
    *(_MEAN, _SPREAD, "percentile20.0", "percentile50.0", "percentile80.0", "pctlrange0-2"),
    *("meanRisingSlope", "stddevRisingSlope", "meanFallingSlope", "stddevFallingSlope"),
)
_MFCC = tuple(f"mfcc{number}" for number in range(1, 5))
_VOICED = (
    *("jitterLocal", "shimmerLocaldB", "HNRdBACF", "logRelF0-H1-H2", "logRelF0-H1-A3"),
    *(f"F{number}{what}" for number in (1, 2, 3) for what in ("frequency", "bandwidth", "amplitudeLogRelF0")),
    *("alphaRatioV", "hammarbergIndexV", "slopeV0-500", "slopeV500-1500", "spectralFluxV"),
    *(f"{each}V" for each in _MFCC),
)
_UNVOICED = ("alphaRatioUV", "hammarbergIndexUV", "slopeUV0-500", "slopeUV500-1500", "spectralFluxUV")
NAMES = (
    *(f"F0semitoneFrom27.5Hz_sma3nz_{how}" for how in _EXTENDED),
    *(f"loudness_sma3_{how}" for how in _EXTENDED),
    *(f"{what}_sma3_{how}" for what in ("spectralFlux", *_MFCC) for how in (_MEAN, _SPREAD)),
    *(f"{what}_sma3nz_{how}" for what in _VOICED for how in (_MEAN, _SPREAD)),
    *(f"{what}_sma3nz_{_MEAN}" for what in _UNVOICED),
    *("loudnessPeaksPerSec", "VoicedSegmentsPerSec", "MeanVoicedSegmentLengthSec", "StddevVoicedSegmentLengthSec"),
    *("MeanUnvoicedSegmentLength", "StddevUnvoicedSegmentLength", "equivalentSoundLevel_dBp"),
)
"""What openSMILE calls the functionals, in its order."""


@cache
def _smile() -> opensmile.Smile:
    try:
        import opensmile
    except ImportError:
        raise ConfigError(
            "egemaps: needs the package opensmile, which is not installed; read its licence (research only), then pip "
            "install 'kemfeat[egemaps]', or leave egemaps out of the features"
        ) from None
    made = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals, num_workers=1
    )
    if tuple(made.feature_names) != NAMES:
        raise ConfigError(
            f"egemaps: opensmile {opensmile.__version__} gives other functionals than eGeMAPSv02's 88; install 2.6"
        )
    return made


def _extract(media: Media, *, config: EgemapsConfig) -> FeatureArray:
    samples = finite(audio_of(media, feature="egemaps"), config, feature="egemaps")
    columns: dict[str, float | None] = dict.fromkeys(EXTRACTOR.columns)
    if len(samples) >= _SHORTEST * config.sampling_rate:
        found = _smile().process_signal(samples, config.sampling_rate).to_numpy(np.float64)[0]
        columns.update(
            (f"egemaps.{name}", value if np.isfinite(value) else None)
            for name, value in zip(NAMES, found.tolist(), strict=True)
        )
    return with_array("egemaps", columns, EXTRACTOR.columns)


def _prepare(config: EgemapsConfig, *, root: Path, tokenizer: str) -> Prepared[EgemapsConfig]:  # noqa: ARG001 - the shape of a preparation
    _smile()  # a build without it ends here, not in its workers
    return Prepared(config)


def _open(config: EgemapsConfig, resources: Path) -> Extract:  # noqa: ARG001 - the shape of an opening
    return partial(_extract, config=config)


_COLUMNS = {f"egemaps.{name}": "float64" for name in NAMES}

EXTRACTOR = Extractor(
    name="egemaps",
    version=1,
    config=EgemapsConfig,
    media=("audio",),
    specs=lambda config: (spec_of("egemaps", _COLUMNS),),
    columns=_COLUMNS,
    open=_open,
    prepare=_prepare,
    notice="The columns `egemaps` were computed with openSMILE, which audEERING licenses for private, research and "
    "educational use only.",
)
