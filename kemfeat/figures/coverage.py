"""Which sensor recorded when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kemfeat.figures.style import PALETTE, saved
from kemfeat.paths import StrPath

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEDIUM_COLOURS = {"eda": PALETTE[0], "temp": PALETTE[1], "ibi": PALETTE[2], "ecg": PALETTE[3]}
"""One colour per medium, in all figures."""

_EMPTY = "0.87"


def timeline(recordings: pd.DataFrame, stem: StrPath | None = None, *, stretches: pd.DataFrame) -> Figure:
    """Draw one panel per session: what each speaker's sensors recorded, and where there are no samples.

    Parameters
    ----------
    recordings : DataFrame
        ``session speaker medium start_s end_s`` of the conversations [s since the session began].
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    stretches : DataFrame
        ``session speaker medium start_s end_s`` of the parts without a sample.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["session", "speaker", "medium", "start_s", "end_s"]
    >>> recordings = pd.DataFrame([("Sess01", "F", "eda", 0.0, 600.0)], columns=columns)
    >>> stretches = pd.DataFrame([("Sess01", "F", "eda", 60.0, 90.0)], columns=columns)
    >>> timeline(recordings, stretches=stretches).axes[0].get_title(loc="left")
    'Sess01'
    """
    from matplotlib.patches import Patch

    sessions = sorted(recordings["session"].unique())
    lanes = [_lanes(recordings[recordings["session"] == session]) for session in sessions]
    heights = [0.6 + 0.16 * len(lane) for lane in lanes]
    with saved(stem, width=7.2, height=0.6 + sum(heights)) as figure:
        panels = figure.subplots(len(sessions), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, session, lane in zip(panels, sessions, lanes, strict=True):
            mine, silent = (table[table["session"] == session] for table in (recordings, stretches))
            _panel(axes, mine, silent, lane)
            axes.set_title(session, fontsize=9, loc="left")
        panels[-1].set_xlabel("time since the session's first sample [min]")
        shown = [medium for medium in MEDIUM_COLOURS if (recordings["medium"] == medium).any()]
        handles = [Patch(color=MEDIUM_COLOURS[medium], label=f"{medium.upper()} recorded") for medium in shown]
        handles.append(Patch(color=_EMPTY, label="no sample"))
        figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
    return figure


def _lanes(recordings: pd.DataFrame) -> list[tuple[str, str]]:
    """Speakers and media from top to bottom."""
    pairs = recordings[["speaker", "medium"]].drop_duplicates()
    order = pairs["medium"].map({medium: at for at, medium in enumerate(MEDIUM_COLOURS)})
    ordered = pairs.assign(order=order).sort_values(["speaker", "order"])
    return list(zip(ordered["speaker"], ordered["medium"], strict=True))


def _panel(axes: Axes, recordings: pd.DataFrame, stretches: pd.DataFrame, lanes: list[tuple[str, str]]) -> None:
    for at, (speaker, medium) in enumerate(reversed(lanes)):
        _bars(axes, recordings, speaker, medium, at=at, colour=MEDIUM_COLOURS.get(medium, PALETTE[7]))
        _bars(axes, stretches, speaker, medium, at=at, colour=_EMPTY)
    axes.set_yticks(range(len(lanes)), [f"{speaker} {medium.upper()}" for speaker, medium in reversed(lanes)])
    axes.tick_params(axis="y", labelsize=6, length=0)
    axes.tick_params(axis="x", labelsize=7)
    axes.set_ylim(-0.6, len(lanes) - 0.4)
    axes.spines["left"].set_visible(False)


def _bars(axes: Axes, table: pd.DataFrame, speaker: str, medium: str, *, at: int, colour: str) -> None:
    mine = table[(table["speaker"] == speaker) & (table["medium"] == medium)]
    minutes = list(zip(mine["start_s"] / 60, (mine["end_s"] - mine["start_s"]) / 60, strict=True))
    axes.broken_barh(minutes, (at - 0.4, 0.8), color=colour, linewidth=0)
