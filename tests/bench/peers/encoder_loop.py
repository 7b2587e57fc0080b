"""What people write to get embeddings: one clip at a time, with the threads that torch takes.

``python encoder_loop.py CORPUS ENCODER`` prints the seconds of the loop, without those of importing and loading.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import soundfile
import torch
from transformers import AutoFeatureExtractor, AutoModel


def main(corpus: Path, encoder: str) -> float:
    """Seconds that the mean hidden states of all recordings take."""
    model, prepare = AutoModel.from_pretrained(encoder).eval(), AutoFeatureExtractor.from_pretrained(encoder)
    began = time.perf_counter()
    with torch.inference_mode():
        for path in sorted(corpus.rglob("*.wav")):
            samples, rate = soundfile.read(path, dtype="float32")
            model(**prepare(samples, sampling_rate=rate, return_tensors="pt")).last_hidden_state.mean(dim=1).numpy()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.stdout.write(f"{main(Path(sys.argv[1]), sys.argv[2])}\n")
