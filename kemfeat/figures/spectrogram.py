"""One utterance as it is stored: spectrograms and signals one above the other, on one time axis."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.figures.emotions import group_colours
from kemfeat.figures.style import PALETTE, saved
from kemfeat.figures.units import shown_unit
from kemfeat.paths import StrPath

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_TICKS_HZ = (500, 1000, 2000, 4000, 8000, 16000)
_HEIGHT, _IMAGE, _TRACE, _LINE = 0.55, 1.6, 0.8, 0.16
"""Height of the time axis, of a panel of each kind, and of each further line of its title [inch]."""
_HEAD, _VOTE = 0.3, 0.25
"""Height of the title of the figure, and of each bar of votes [inch]."""
_LETTERS = 80
"""Most letters in one line of a title."""
_GAP = "#d9d9d9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """Frames of a spectrogram.

    Parameters
    ----------
    title : str
        What it shows.
    values : ndarray, shape (frames, bands)
        Values in ``unit``.
    frame_rate : float [Hz]
        Frames per second.
    unit : str
        Unit of the values.
    frequencies : ndarray, shape (bands,), float64 [Hz], ascending, or None
        Centre of every band; None numbers the bands instead.
    signed : bool
        Whether values on both sides of zero are meaningful, as in a slope.
    band : str
        Name of a band.

    Examples
    --------
    >>> import numpy as np
    >>> Image(title="mel", values=np.zeros((30, 16)), frame_rate=30.0, unit="dB").values.shape
    (30, 16)
    """

    title: str
    values: NDArray[Any]
    frame_rate: float
    unit: str
    frequencies: NDArray[np.float64] | None = None
    signed: bool = False
    band: str = "band"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Samples of a signal.

    Parameters
    ----------
    title : str
        What it shows.
    values : ndarray, shape (samples,)
        Values in ``unit``.
    measured : ndarray, shape (samples,), bool
        True where the value was measured; elsewhere a grey gap is drawn.
    sampling_rate : float [Hz]
        Samples per second.
    unit : str
        Unit of the values.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([1.0, np.nan])
    >>> Trace(title="eda", values=values, measured=np.isfinite(values), sampling_rate=4.0, unit="uS").measured.tolist()
    [True, False]
    """

    title: str
    values: NDArray[Any]
    measured: NDArray[np.bool_]
    sampling_rate: float
    unit: str


def utterance(
    stem: StrPath | None = None,
    *,
    panels: Sequence[Image | Trace],
    seconds: float,
    title: str = "",
    votes: Mapping[str, int] | None = None,
) -> Figure:
    """Draw the panels of one utterance, and below them how many raters named each emotion.

    Parameters
    ----------
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    panels : sequence of Image or Trace
        From top to bottom, at least one.
    seconds : float [s]
        End of the common time axis.
    title : str
        Text above the panels; empty for none.
    votes : mapping of str to int, or None
        Raters by emotion; nothing is drawn for none.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import numpy as np
    >>> eda = Trace(
    ...     title="eda: skin conductance", values=np.array([1.0, 1.1, np.nan, 1.2]), unit="uS", sampling_rate=4.0,
    ...     measured=np.array([True, True, False, True]),
    ... )
    >>> utterance(panels=[eda], seconds=1.0).axes[0].get_ylabel()
    '[µS]'
    """
    heights = [_height(panel) for panel in panels]
    above, below = _HEIGHT + sum(heights), _VOTE * (len(votes) + 2) if votes else 0.0
    with saved(stem, width=6.4, height=above + below + _HEAD * bool(title)) as figure:
        upper: Figure | SubFigure = figure
        if votes:
            upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=[above, below])[:, 0]
            _draw_votes(lower.subplots(), votes)
        column = upper.subplots(len(panels), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for axes, panel in zip(column, panels, strict=True):
            axes.set_title("\n".join(_lines(panel)), loc="left", fontsize="medium", parse_math=False)
            if isinstance(panel, Image):
                _draw_image(axes, panel)
            else:
                _draw_trace(axes, panel)
        column[-1].set_xlim(0, seconds)
        column[-1].set_xlabel("time [s]")
        if title:
            figure.suptitle("\n".join(textwrap.wrap(title, _LETTERS)), fontsize="large", parse_math=False)
    return figure


def _lines(panel: Image | Trace) -> list[str]:
    return textwrap.wrap(panel.title, _LETTERS)


def _height(panel: Image | Trace) -> float:
    return (_IMAGE if isinstance(panel, Image) else _TRACE) + _LINE * (len(_lines(panel)) - 1)


def _draw_votes(axes: Axes, votes: Mapping[str, int]) -> None:
    colours = group_colours(votes)
    names = sorted(votes, key=lambda name: (votes[name], name))
    axes.barh(names, [votes[name] for name in names], color=[colours[name] for name in names])
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_xlabel("raters who named it")
    axes.locator_params(axis="x", integer=True)


def mel_frequencies(n_mels: int, *, fmin: float, fmax: float) -> NDArray[np.float64]:
    """Centres of mel bands on the mel scale of Slaney (Auditory Toolbox, 1998).

    The scale is linear below 1 kHz (3 mel per 200 Hz) and logarithmic above (27 mel per factor of 6.4).

    Parameters
    ----------
    n_mels : int, >= 1
        Number of bands.
    fmin, fmax : float [Hz]
        Lower edge of the first band and upper edge of the last one.

    Returns
    -------
    ndarray, shape (n_mels,), float64 [Hz]
        Centres, ascending.

    Examples
    --------
    >>> [round(float(hz), 1) for hz in mel_frequencies(3, fmin=0.0, fmax=1000.0)]
    [250.0, 500.0, 750.0]
    """
    lowest, highest = _hz_to_mel(np.array([fmin, fmax]))
    return _mel_to_hz(np.linspace(lowest, highest, n_mels + 2)[1:-1])


_BREAK_HZ, _BREAK_MEL = 1000.0, 15.0
_MEL_PER_HZ = 3 / 200
_LOG_STEP = np.log(6.4) / 27


def _hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz * _MEL_PER_HZ, above)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _BREAK_HZ * np.exp(np.maximum(mel - _BREAK_MEL, 0) * _LOG_STEP)
    return np.where(mel < _BREAK_MEL, mel / _MEL_PER_HZ, above)


def _draw_image(axes: Axes, image: Image) -> None:
    frames, bands = image.values.shape
    reach = float(np.max(np.abs(image.values), initial=1e-9)) if image.signed else None
    drawn = axes.imshow(
        image.values.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(0, frames / image.frame_rate, -0.5, bands - 0.5),
        cmap="PuOr_r" if image.signed else "magma",
        vmin=None if reach is None else -reach,
        vmax=reach,
    )
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.01, aspect=12)
    bar.set_label(_unit(image.unit))
    _label_bands(axes, image.frequencies, band=image.band)


def _label_bands(axes: Axes, frequencies: NDArray[np.float64] | None, *, band: str) -> None:
    if frequencies is None:
        axes.set_ylabel(band)
        return
    ticks = [hz for hz in _TICKS_HZ if frequencies[0] <= hz <= frequencies[-1]]
    places = np.interp(ticks, frequencies, np.arange(len(frequencies)))
    axes.set_yticks(places, [f"{hz / 1000:g}" for hz in ticks])
    axes.set_ylabel("frequency [kHz]")


def _draw_trace(axes: Axes, trace: Trace) -> None:
    times = np.arange(len(trace.values)) / trace.sampling_rate
    values = np.where(trace.measured, trace.values, np.nan)
    axes.plot(times, values, color=PALETTE[0], marker=".", markersize=3, linewidth=1)
    for start, end in _gaps(trace.measured):
        axes.axvspan(start / trace.sampling_rate, end / trace.sampling_rate, color=_GAP, linewidth=0)
    axes.set_ylabel(_unit(trace.unit))
    axes.margins(y=0.15)
    axes.ticklabel_format(axis="y", useOffset=False)


def _gaps(measured: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First sample and end of every stretch that was not measured."""
    steps = np.diff(np.concatenate([[0], ~measured, [0]]).astype(np.int8))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def _unit(unit: str) -> str:
    name = shown_unit(unit)
    return f"[{name}]" if name else ""
