"""A small corpus with something for every lens to find, and a store of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import scipy.ndimage
import soundfile

from kemfeat.build import build_store
from kemfeat.store.reader import Store

RATE = 16_000
LOUD, QUIET, COPY, OF, LONG = "utt05", "utt07", "utt11", "utt03", "utt02"
DISPUTED, DISSENT = "utt09", "utt13"
EMOTIONS = ("happy", "sad", "angry")
COUNT = 16


def samples(number: int) -> np.ndarray:
    """Noise whose colour and loudness change, different for each number."""
    rng = np.random.default_rng(number)
    seconds = {2: 4, 8: 1}.get(number, 2)
    noise = rng.normal(size=seconds * RATE)
    for width in (2, 6, 14):
        coloured = scipy.ndimage.gaussian_filter1d(rng.normal(size=seconds * RATE), width)
        envelope = np.repeat(rng.uniform(0, 1, seconds * 10), RATE // 10)
        noise = noise * 0.4 + coloured / coloured.std() * envelope
    return 0.2 * noise / np.abs(noise).max()


def write(root: Path, order: np.ndarray) -> Path:
    """The corpus with its rows in an order; the audio is the same."""
    root.mkdir(parents=True)
    names = [f"utt{number:02d}" for number in range(COUNT)]
    made = {name: samples(number) for number, name in enumerate(names)}
    made[LOUD] = np.clip(made[LOUD] * 12, -1, 1)
    made[QUIET] = made[QUIET] * 0.01
    made[COPY] = made[OF] * 0.5
    for name, values in made.items():
        soundfile.write(root / f"{name}.wav", values, RATE, subtype="PCM_16")
    rows = [
        {
            "id": name,
            "audio": f"{name}.wav",
            "session": f"s{number // 4}",
            "speaker": f"p{number // 2}",
            "emotion": EMOTIONS[number % 3],
        }
        for number, name in enumerate(names)
    ]
    pd.DataFrame(rows).iloc[order].to_csv(root / "utterances.csv", index=False)
    ratings = pd.DataFrame([rating for number, name in enumerate(names) for rating in _ratings(name, number)])
    shuffled = np.random.default_rng(int(order[0])).permutation(len(ratings))
    ratings.iloc[shuffled].to_csv(root / "ratings.csv", index=False)
    return root


def _ratings(name: str, number: int) -> list[dict[str, object]]:
    said = []
    for rater in range(5):
        emotion, valence = EMOTIONS[number % 3], 3
        if name == DISPUTED:
            emotion, valence = EMOTIONS[rater % 3], (1, 5, 1, 5, 3)[rater]
        if name == DISSENT and rater == 4:
            valence = 5
        said.append({"id": name, "rater": f"r{rater}", "emotion": emotion, "valence": valence, "arousal": 3})
    return said


def build(folder: Path, order: np.ndarray | None = None) -> Store:
    """The corpus and a store of it below ``folder``."""
    root = write(folder / "corpus", np.arange(COUNT) if order is None else order)
    settings = {"features": ["mel"], "mel": {"n_mels": 32, "max_frames": 200}}
    return build_store("folder", root=root, out=folder / "store", settings=settings).store


def predictions(store: Store) -> pd.DataFrame:
    """Confident predictions of every label but one."""
    table = store.utterances[["id", "emotion"]].reset_index(drop=True)
    chances = np.full((len(table), len(EMOTIONS)), 0.1)
    for row, (name, label) in enumerate(zip(table["id"], table["emotion"], strict=True)):
        shift = 1 if name == OF else 0
        chances[row, (EMOTIONS.index(label) + shift) % 3] = 0.8
    named = {f"p_{name}": chances[:, place] for place, name in enumerate(EMOTIONS)}
    predicted = np.array(EMOTIONS)[chances.argmax(axis=1)]
    return table.assign(predicted=predicted, **named, fold=0, run="run", part="test")


def findings(store: Store) -> pd.DataFrame:
    """What validation might say."""
    said = [
        ("missing-txt", "error", 1, (f"{LOUD}.txt: is missing",), "do this"),
        ("silent-wav", "warning", 9, (f"{QUIET}.wav: all 3 samples are 0", f"text: {COPY} is odd"), "do that"),
    ]
    return pd.DataFrame(said, columns=["rule", "severity", "count", "examples", "action"])
