"""The preprocessing of the reference project: librosa in a loop, all in one list, through gzip into a pickle."""

from __future__ import annotations

import argparse
import gzip
import json
import pickle
import sys
import time
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile

FRAMES = 512


def features(path: Path) -> np.ndarray:
    """Mel in dB and delta, cut or padded with 0 [shape=(2, 512, 128)]."""
    samples, rate = soundfile.read(path, dtype="float32")
    powers = librosa.feature.melspectrogram(y=samples, sr=rate, n_mels=128, fmin=100, fmax=8000)
    decibels = librosa.power_to_db(powers, ref=np.max)
    both = np.stack([decibels.T, librosa.feature.delta(decibels).T])[:, :FRAMES]
    return np.pad(both, ((0, 0), (0, FRAMES - both.shape[1]), (0, 0))).astype(np.float32)


def sample(corpus: Path, utterances: int) -> list[Path]:
    """So many clips, evenly spread over the corpus."""
    wavs = sorted((corpus / "wav").rglob("*.wav"))
    return [wavs[int(i)] for i in np.linspace(0, len(wavs) - 1, min(utterances, len(wavs)))]


def dump(rows: list[dict[str, Any]], path: Path, *, zipped: bool) -> None:
    """One pickle of everything."""
    with gzip.open(path, "wb") if zipped else path.open("wb") as file:
        pickle.dump(rows, file)  # type: ignore[arg-type]


def main() -> None:
    """Make the features of a sample; imports and the first clip, which compiles, are not counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--utterances", type=int, required=True)
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--bare", action="store_true", help="keep and write nothing")
    options = parser.parse_args()
    clips = sample(options.corpus, options.utterances)
    features(clips[0])
    begun = time.perf_counter()
    if options.bare:
        for clip in clips:
            features(clip)
        _report(begun, len(clips))
        return
    rows = [{"id": clip.stem, "text": clip.with_suffix(".txt").read_bytes(), "audio": features(clip)} for clip in clips]
    dump(rows, options.out, zipped=options.gzip)
    _report(begun, len(clips))


def _report(begun: float, utterances: int) -> None:
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - begun, "utterances": utterances}))


if __name__ == "__main__":
    main()
