"""Tables of ratings with known differences, and settings for them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kemfeat.analyses.anova import AnovaConfig

MEANS = {"neutral": 3.19, "sad": 2.92, "happy": 3.601, "surprise": 3.38, "angry": 3.60}


def corpus(seed: int = 0, *, speakers: int = 24, per_cell: int = 8, speaker_sd: float = 0.0) -> pd.DataFrame:
    """Utterances of speakers in dyads, each with every emotion; angry and happy differ by a hair in arousal."""
    rng = np.random.default_rng(seed)
    index = np.arange(speakers * len(MEANS) * per_cell)
    speaker, emotion = index % speakers, np.array(list(MEANS))[index // speakers % len(MEANS)]
    noise = rng.normal(0, 0.3, len(index))
    noise -= pd.Series(noise).groupby(emotion).transform("mean")
    return pd.DataFrame(
        {
            "id": [f"u{number}" for number in index],
            "speaker": [f"U{number:02}" for number in speaker],
            "session": [f"S{number // 2:02}" for number in speaker],
            "sex": np.where(speaker % 4 < 2, "F", "M"),
            "emotion": emotion,
            "emotion_first": emotion,
            "emotion_annotated": emotion,
            "majority": [(name,) for name in emotion],
            "arousal": np.array([MEANS[name] for name in emotion]) + noise,
            "level": rng.normal(0, 1, speakers)[speaker] * speaker_sd + rng.normal(0, 1, len(index)),
            "words": rng.integers(1, 30, len(index)),
            "is_tie": False,
        }
    )


def arousal(**settings) -> AnovaConfig:
    return AnovaConfig(**{"dv": ("arousal",), **settings})
