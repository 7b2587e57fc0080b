"""The quietest utterances."""

from __future__ import annotations

import math
from collections.abc import Iterable

from kemfeat.lenses import Context, Lens, Suspect, foremost

_SILENT = -200.0
"""Level [dB] that digital silence counts as."""


def _needs(context: Context) -> str:
    return "" if context.root is not None else "needs the audio, whose level no store keeps: give --root"


def _look(context: Context) -> Iterable[Suspect]:
    return foremost(
        Suspect(clip.id, -max(clip.level, _SILENT), _why(clip.level, clip.samples)) for clip in context.clips
    )


def _why(level: float, samples: int) -> str:
    if math.isinf(level):
        return f"is silent: all {samples:,} samples are equal"
    return f"has a level of {level:.1f} dB, where a square wave of full scale has 0"


LENS = Lens(
    name="quietest",
    title="Quietest",
    unit="dB",
    help=(
        "The quietest hundredth of the utterances, or ten if that is more, by the power of the audio relative to full "
        "scale; only those below the median; the score is how far the level is below it, 200 for silence."
    ),
    needs=_needs,
    look=_look,
)
