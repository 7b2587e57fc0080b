"""Folders of runs as the trainer leaves them, from predictions made here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from kemfeat.learn import run_folder
from kemfeat.learn.run_facts import RunFacts
from kemfeat.learn.run_folder import write_run

EMOTIONS = ("neutral", "sad", "happy", "surprise", "angry")


def facts(*, fold=0, **changes) -> RunFacts:
    counts = {"neutral": 60, "sad": 10, "happy": 20, "surprise": 5, "angry": 5}
    values = {
        "recipe": "kor/fusion",
        "variant": "corrected",
        "task": "emotion",
        "emotions": EMOTIONS,
        "split": {"scheme": "session", "digest": "5" * 64, "facts": {"folds": 3}},
        "fold": fold,
        "store": {"digest": "a" * 64, "dataset": "KEMDy20"},
        "leakage": {"verdict": "clean", "counts": {}},
        "train": {"classes": counts, "arousal": 3.0 + fold / 10, "valence": 3.1},
        "config": {"model": {"layers": 4, "audio_run": f"runs/audio-{fold}"}},
        "versions": {"kemfeat": "0"},
    }
    return RunFacts.model_validate(values | changes)


def predictions(*, fold=0, speakers=12, per_speaker=12, seed=0, skill=0.6, targets=run_folder.TARGETS) -> pd.DataFrame:
    """Predictions of speakers who are this fold's own; every part has as many utterances."""
    rng = np.random.default_rng([seed, fold])
    n = speakers * per_speaker
    who = [f"Sess{20 * fold + at // 2 + 1:02}{'MF'[at % 2]}" for at in np.repeat(np.arange(speakers), per_speaker)]
    table = pd.DataFrame({"fold": fold, "session": [name[:6] for name in who], "speaker": who})
    if "emotion" in targets:
        true = np.array(EMOTIONS)[np.arange(n) % 5]
        table["emotion_true"] = true
        table["emotion_pred"] = np.where(rng.random(n) < skill, true, rng.choice(EMOTIONS, n))
    for target in (name for name in targets if name != "emotion"):
        table[f"{target}_true"] = rng.uniform(1, 5, n)
        table[f"{target}_pred"] = skill * table[f"{target}_true"] + rng.normal(1, 0.3, n)
    parts = [table.assign(part=part, id=[f"{part}_{fold}_{at}" for at in range(n)]) for part in run_folder.PARTS]
    return pd.concat(parts, ignore_index=True)


def history(epochs=5) -> pd.DataFrame:
    epoch = np.arange(1, epochs + 1)
    columns = {"epoch": epoch, "lr": 1e-4, "train_loss": 1 / epoch, "valid_loss": 0.2 + 1 / epoch}
    return pd.DataFrame(columns | {"valid_uar": 0.3 + epoch / 50, "seconds": 1.5, "kept": (epoch <= 3).astype(int)})


def write(folder: Path, *, table: pd.DataFrame | None = None, said: RunFacts | None = None, fold=0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_run(folder, said or facts(fold=fold))
    (predictions(fold=fold) if table is None else table).to_parquet(folder / run_folder.PREDICTIONS)
    history().to_csv(folder / run_folder.HISTORY, index=False)
    return folder


def content(folder: Path):
    return json.loads((folder / run_folder.METRICS).read_text(encoding="utf-8"))
