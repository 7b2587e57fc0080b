"""Utterances whose audio is clipped."""

from __future__ import annotations

from collections.abc import Iterable

from kemfeat.lenses import Context, Lens, Suspect


def _needs(context: Context) -> str:
    return "" if context.root is not None else "needs the audio, of which no store keeps the samples: give --root"


def _look(context: Context) -> Iterable[Suspect]:
    for clip in context.clips:
        if clip.clipped:
            share = 100 * clip.clipped / clip.samples
            why = f"{clip.clipped:,} of {clip.samples:,} samples are clipped ({share:.3g} %)"
            yield Suspect(clip.id, share, why)


LENS = Lens(
    name="clipped",
    title="Clipped",
    unit="%",
    help=(
        "Utterances with three or more samples at full scale in a row, by the share of such samples in the worst "
        "channel; audio that was made quieter after it was clipped is not found."
    ),
    needs=_needs,
    look=_look,
)
