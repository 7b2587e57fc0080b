"""Groups of values side by side: their distributions, their differences, and how close to normal they are."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from kemfeat.arrays import Floats
from kemfeat.figures.emotions import group_colours
from kemfeat.figures.style import PALETTE, saved
from kemfeat.paths import StrPath

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_GROUPS = 16
"""Most groups drawn, those with the most values; the tables contain all."""

MOST_PAIRS = 45
"""Most pairs drawn, those with the largest differences; the tables contain all."""

_MOST_POINTS = 200  # per group: more would hide each other and make the SVG heavy
_MARKERS = ("o", "s", "^")


def raincloud(values: pd.DataFrame, stem: StrPath | None = None, *, groups: pd.DataFrame, label: str) -> Figure:
    """Draw each group's density, quartiles, a thinned sample of its values, and its mean with an interval.

    Parameters
    ----------
    values : DataFrame
        ``group value``, one row per value.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    groups : DataFrame
        ``group n mean ci_low ci_high`` in the unit of the values.
    label : str
        What the values are, with their unit.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import pandas as pd
    >>> values = pd.DataFrame({"group": ["happy"] * 4 + ["sad"] * 4, "value": [3.0, 4.0, 4.0, 5.0, 1.0, 2.0, 2.0, 3.0]})
    >>> groups = pd.DataFrame({"group": ["happy", "sad"], "n": [4, 4], "mean": [4.0, 2.0], "ci_low": [2.7, 0.7]})
    >>> figure = raincloud(values, groups=groups.assign(ci_high=groups["mean"] + 1.3), label="valence [1 to 5]")
    >>> [label.get_text().split()[0] for label in figure.axes[0].get_yticklabels()]
    ['sad', 'happy']
    """
    drawn = _largest(groups).sort_values("mean")
    colours = group_colours(map(str, groups["group"]))
    with saved(stem, height=1.2 + 0.72 * len(drawn)) as figure:
        axes = figure.add_subplot()
        for at, row in enumerate(_records(drawn)):
            sample = values["value"][values["group"] == row["group"]].to_numpy(dtype=np.float64)
            _one_cloud(axes, np.sort(sample), at=at, colour=colours[str(row["group"])])
            axes.errorbar([row["mean"]], [at], xerr=_arms(row["mean"], row["ci_low"], row["ci_high"]), fmt="D", **_MEAN)
        axes.set_yticks(range(len(drawn)), [f"{row['group']}\nn = {row['n']:,}" for row in _records(drawn)])
        axes.set_xlabel(_wrapped(label))
        axes.set_title(_title("mean with 95 % interval, quartiles, values", len(drawn), len(groups)))
    return figure


_MEAN: dict[str, Any] = {"color": "black", "markersize": 4, "capsize": 3, "linewidth": 1.2, "zorder": 5}


def _one_cloud(axes: Axes, sample: Floats, *, at: int, colour: str) -> None:
    if np.ptp(sample) > 0:
        x, density = _density(sample)
        axes.fill_between(x, at + 0.1, at + 0.1 + 0.5 * density, color=colour, alpha=0.55, linewidth=0)
        low, middle, high = np.quantile(sample, [0.25, 0.5, 0.75])
        axes.plot([low, high], [at, at], color=colour, linewidth=6, solid_capstyle="butt", alpha=0.8, zorder=3)
        axes.plot([middle, middle], [at - 0.12, at + 0.12], color=colour, linewidth=2, zorder=4)
    points = sample[_spread(len(sample))]
    # Multiples of the golden ratio fill the strip evenly without a random number.
    lift = np.modf(np.arange(1, len(points) + 1) * (math.sqrt(5) - 1) / 2)[0]
    axes.scatter(points, at - 0.12 - 0.2 * lift, s=4, color=colour, alpha=0.5, linewidth=0)


def _density(sample: Floats) -> tuple[Floats, Floats]:
    """Gaussian kernel density on a grid, its peak at 1.

    Means of a few integer ratings fall on a grid; a kernel narrower than its step would draw a comb. The grid ends at
    the smallest and largest value, since a scale may end there.
    """
    step = float(np.median(np.diff(np.unique(sample.round(9)))))
    width = max(float(sample.std()) * len(sample) ** -0.2, step)
    kernel = stats.gaussian_kde(sample, bw_method=width / float(sample.std(ddof=1)))
    x = np.linspace(sample[0], sample[-1], 240)
    y = np.asarray(kernel(x), dtype=np.float64)
    return x, y / y.max()


def _spread(n: int) -> NDArray[np.intp]:
    """Ranks of at most 200 of n sorted values, the smallest and the largest among them."""
    return np.unique(np.linspace(0, n - 1, min(n, _MOST_POINTS)).round().astype(np.intp))


def forest(families: Mapping[str, pd.DataFrame], stem: StrPath | None = None, *, label: str) -> Figure:
    """Draw the difference of every pair of groups with simultaneous 95 % intervals; filled where 0 is outside.

    Parameters
    ----------
    families : mapping of str to DataFrame
        ``a b diff low high`` by method; the first one orders the pairs. A pair that no method tested (NaN) is counted
        in the title and not drawn.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    label : str
        What is compared, with its unit.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["a", "b", "diff", "low", "high"]
    >>> pairs = pd.DataFrame([("happy", "sad", 2.0, 1.4, 2.6), ("happy", "angry", 0.2, -0.4, 0.8)], columns=columns)
    >>> figure = forest({"Tukey-Kramer": pairs}, label="valence [1 to 5]")
    >>> figure.axes[0].get_xlabel()
    'difference of means, valence [1 to 5]'
    """
    there = next(iter(families.values())).dropna(subset="diff")
    first = there[_tested(there, families.values())]
    order = first.loc[first["diff"].abs().nlargest(MOST_PAIRS).index].sort_values("diff")
    places = {pair: at for at, pair in enumerate(zip(order["a"], order["b"], strict=True))}
    with saved(stem, height=1.6 + len(places) * (0.12 + 0.12 * len(families))) as figure:
        axes = figure.add_subplot()
        axes.axvline(0, color="0.6", linewidth=0.8)
        for number, (method, pairs) in enumerate(families.items()):
            shift = (number - (len(families) - 1) / 2) * 0.24
            _one_family(axes, pairs, places=places, shift=-shift, number=number)
            if pairs["low"].notna().any():
                axes.plot([], [], color=PALETTE[number], marker=_MARKERS[number], markersize=4, label=method)
        axes.set_yticks(range(len(places)), [f"{a} \u2212 {b}" for a, b in places])
        axes.set_ylim(-0.7, len(places) - 0.3)
        axes.set_xlim(*_limits(order))
        axes.set_xlabel(_wrapped(f"difference of means, {label}"))
        untested = len(there) - len(first)
        text = f"simultaneous 95 % intervals; open: 0 is inside{f'; {untested} not tested' if untested else ''}"
        axes.set_title(_title(text, len(places), len(first)))
        figure.legend(loc="outside lower center", ncols=len(families), frameon=False)
    return figure


def _tested(pairs: pd.DataFrame, families: Iterable[pd.DataFrame]) -> list[bool]:
    """Whether any method has an interval for a pair."""
    known = [family.dropna(subset="low") for family in families]
    tested = {pair for family in known for pair in zip(family["a"], family["b"], strict=True)}
    return [pair in tested for pair in zip(pairs["a"], pairs["b"], strict=True)]


def _one_family(
    axes: Axes, pairs: pd.DataFrame, *, places: Mapping[tuple[Any, Any], int], shift: float, number: int
) -> None:
    for row in _records(pairs):
        at = places.get((row["a"], row["b"]))
        if at is None or not math.isfinite(row["low"]):
            continue
        differs = row["low"] > 0 or row["high"] < 0
        axes.errorbar(
            [row["diff"]],
            [at + shift],
            xerr=_arms(row["diff"], row["low"], row["high"]),
            fmt=_MARKERS[number],
            color=PALETTE[number],
            markerfacecolor=PALETTE[number] if differs else "white",
            markersize=4,
            linewidth=1,
        )


def _limits(pairs: pd.DataFrame) -> tuple[float, float]:
    """Room for these intervals and a quarter more at either end; longer ones of another family run to the edge."""
    ends = np.append(pairs[["diff", "low", "high"]].to_numpy(dtype=np.float64).ravel(), 0.0)
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    room = (high - low) / 4 or 1.0
    return low - room, high + room


def _arms(middle: float, low: float, high: float) -> Floats | None:
    """Lengths of the two arms of an error bar [shape=(2, 1)], None where there is no interval."""
    return np.array([[middle - low], [high - middle]]).clip(min=0) if math.isfinite(low + high) else None


def qq(values: pd.DataFrame, stem: StrPath | None = None, *, label: str) -> Figure:
    """Draw the standardised values of each group against normal quantiles; a normal group follows the line.

    Parameters
    ----------
    values : DataFrame
        ``group value``, one row per value.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    label : str
        What the values are, with their unit.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> values = pd.DataFrame({"group": "happy", "value": np.random.default_rng(0).normal(size=50)})
    >>> qq(values, label="valence [1 to 5]").axes[0].get_title()
    'happy'
    """
    sizes = values["group"].value_counts().rename_axis("group").reset_index(name="n").sort_values("group")
    drawn = _largest(sizes)["group"].tolist()
    columns = math.ceil(math.sqrt(len(drawn)))
    rows = math.ceil(len(drawn) / columns)
    with saved(stem, width=0.6 + 1.9 * max(columns, 3), height=0.9 + 1.8 * rows) as figure:
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, group in zip(panels, drawn, strict=False):
            _one_qq(axes, np.sort(values["value"][values["group"] == group].to_numpy(dtype=np.float64)))
            axes.set_title(str(group))
        for axes in panels[len(drawn) :]:
            axes.remove()
        for axes in panels[max(0, len(drawn) - columns) : len(drawn)]:
            axes.tick_params(labelbottom=True)  # also where there is no panel below
        figure.supxlabel("normal quantile [standard deviations]")
        figure.supylabel("value [standard deviations]")
        figure.suptitle(_title(_wrapped(label), len(drawn), len(sizes)))
    return figure


def _one_qq(axes: Axes, sample: Floats) -> None:
    axes.axline((0, 0), slope=1, color="0.6", linewidth=0.8)
    if not np.ptp(sample) > 0:
        axes.text(0, 0, "no spread", color="0.4", ha="center", va="center", backgroundcolor="white")
        return
    n = len(sample)
    quantile = special.ndtri((np.arange(n) + 0.5) / n)
    # Even steps along the quantiles keep every value of the tails, where normality fails first.
    wanted = np.linspace(quantile[0], quantile[-1], _MOST_POINTS)
    kept = np.arange(n) if n <= _MOST_POINTS else np.unique(np.searchsorted(quantile, wanted))
    standard = (sample - sample.mean()) / sample.std(ddof=1)
    axes.scatter(quantile[kept], standard[kept], s=5, color=PALETTE[0], linewidth=0)


def _largest(groups: pd.DataFrame) -> pd.DataFrame:
    kept = groups[groups["n"] > 0].nlargest(MOST_GROUPS, "n").index
    return groups.loc[groups.index.isin(kept)]


def _title(text: str, drawn: int, there: int) -> str:
    return text if drawn == there else f"{text} ({drawn} of {there} shown)"


def _wrapped(label: str) -> str:
    return textwrap.fill(label, 64)


def _records(table: pd.DataFrame) -> Iterator[dict[Any, Any]]:
    return iter(table.to_dict("records"))
