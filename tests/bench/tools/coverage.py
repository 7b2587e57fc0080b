"""How often 95 % intervals hold the truth when values come in few speakers.

``python tests/bench/tools/coverage.py`` prints a Markdown table.
"""

from __future__ import annotations

import sys

import numpy as np

from kemfeat.stats.agreement import krippendorff_alpha
from kemfeat.stats.clustered_effects import clustered_effects

DATA_SETS = 1000
SPEAKERS = (5, 8, 12, 20, 40)
SEED = 11


def effects(speakers: int, data_sets: int) -> tuple[float, float]:
    """Coverage of the standardised difference and of Cliff's delta, both 0, for emotions within speakers."""
    rng, held = np.random.default_rng(SEED), np.zeros(2)
    for _ in range(data_sets):
        speaker, emotion = np.repeat(np.arange(speakers), 20), np.tile([0, 1], speakers * 10)
        response = 0.6 * rng.normal(size=(speakers, 2))
        values = rng.normal(size=speakers)[speaker] + response[speaker, emotion] + rng.normal(size=len(speaker))
        row = clustered_effects(values, emotion, speaker).iloc[0]
        held += (row["g_low"] <= 0 <= row["g_high"], row["delta_low"] <= 0 <= row["delta_high"])
    share = held / data_sets
    return float(share[0]), float(share[1])


def _ratings(speakers: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    speaker = np.repeat(np.arange(speakers), 30)
    level, noise = 0.5 * rng.normal(size=speakers), 0.4 + 0.8 * rng.random(speakers)
    truth = level[speaker] + 0.7 * rng.normal(size=len(speaker))
    said = 3 + truth[:, None] + noise[speaker, None] * rng.normal(size=(len(speaker), 5))
    return np.clip(np.rint(said), 1, 5), speaker


def alpha(speakers: int, data_sets: int) -> float:
    """Coverage of Krippendorff's alpha of interval ratings."""
    rng = np.random.default_rng(SEED)
    truth = krippendorff_alpha(_ratings(3000, rng)[0], level="interval", resamples=1).alpha
    held = 0
    for _ in range(data_sets):
        ratings, speaker = _ratings(speakers, rng)
        found = krippendorff_alpha(ratings, level="interval", clusters=speaker)
        held += found.ci_low <= truth <= found.ci_high
    return held / data_sets


def main() -> None:
    sys.stdout.write(
        "| speakers | standardised difference | Cliff's delta | Krippendorff's alpha |\n|---|---|---|---|\n"
    )
    for speakers in SPEAKERS:
        g, delta = effects(speakers, DATA_SETS)
        sys.stdout.write(f"| {speakers} | {g:.3f} | {delta:.3f} | {alpha(speakers, DATA_SETS):.3f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
