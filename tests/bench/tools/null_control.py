"""How often tests of "all emotions have one mean" reject when that is true.

``python tests/bench/tools/null_control.py`` prints a Markdown table.

Each data set has speakers with a level of their own, utterances that are spread unevenly over speakers and emotions,
and no difference between emotions. A test at 5 % should reject 5 % of them.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kemfeat.stats.nested import cluster_means, cluster_robust

DATA_SETS = 2000
SEED = 20
EMOTIONS = 4
ALPHA = 0.05
TESTS = ("naive Welch", "CR2 with HTZ", "speaker means")


@dataclass(frozen=True)
class Design:
    """Standard deviations are in units of the residual one."""

    name: str
    speakers: int
    utterances: int
    sd_speaker: float
    sd_response: float
    within: bool


DESIGNS = (
    Design("emotion within speakers, who respond each in their own way", 30, 24, 0.8, 0.6, within=True),
    Design("emotion within speakers, who differ in level only", 30, 24, 0.8, 0.0, within=True),
    Design("one emotion per speaker", 32, 24, 0.8, 0.0, within=False),
)


def draw(design: Design, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Values, emotions and speakers of one null data set."""
    sizes = 6 + rng.poisson(design.utterances - 6, design.speakers)
    speaker = np.repeat(np.arange(design.speakers), sizes)
    if design.within:
        shares = rng.dirichlet(3 * np.array([4.0, 2.0, 1.5, 1.0]), design.speakers)
        emotion = np.concatenate([rng.choice(EMOTIONS, n, p=p) for n, p in zip(sizes, shares, strict=True)])
    else:
        emotion = speaker % EMOTIONS
    level = design.sd_speaker * rng.standard_normal(design.speakers)
    response = design.sd_response * rng.standard_normal((design.speakers, EMOTIONS))
    value = level[speaker] + response[speaker, emotion] + rng.standard_normal(len(speaker))
    return value, emotion, speaker


def p_values(design: Design, rng: np.random.Generator) -> tuple[float, float, float]:
    """P of each of ``TESTS`` on one null data set."""
    value, emotion, speaker = draw(design, rng)
    naive = stats.f_oneway(*(value[emotion == e] for e in range(EMOTIONS)), equal_var=False).pvalue
    return float(naive), cluster_robust(value, emotion, speaker).p, cluster_means(value, emotion, speaker).p


def rejections(design: Design, data_sets: int) -> NDArray[np.int64]:
    """How many of ``data_sets`` null data sets each of ``TESTS`` rejects [shape=(3,)]; NaN counts as no rejection."""
    rng = np.random.default_rng(SEED)
    p = np.array([p_values(design, rng) for _ in range(data_sets)])
    return np.asarray((p < ALPHA).sum(axis=0), dtype=np.int64)


def main() -> None:
    begun = time.perf_counter()
    sys.stdout.write(_row("null data", *TESTS) + _row("---", *("---" for _ in TESTS)))
    for design in DESIGNS:
        rates = rejections(design, DATA_SETS) / DATA_SETS
        sys.stdout.write(_row(design.name, *(f"{rate:.1%}" for rate in rates)))
    seconds = time.perf_counter() - begun
    sys.stdout.write(
        f"\n{DATA_SETS} data sets per row, {EMOTIONS} emotions, seed {SEED}, level {ALPHA:.0%}; {seconds:.0f} s.\n"
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    main()
