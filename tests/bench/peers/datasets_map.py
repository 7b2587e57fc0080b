"""Hugging Face ``datasets.map`` with worker processes, making the same mel and delta."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import datasets

from .reference_loop import FRAMES, features, sample

COLUMNS = datasets.Features(
    {
        "path": datasets.Value("string"),
        "mel": datasets.Array2D((FRAMES, 128), "float32"),
        "delta": datasets.Array2D((FRAMES, 128), "float32"),
    }
)


def add_features(row: dict[str, Any]) -> dict[str, Any]:
    """The function that is mapped."""
    mel, delta = features(Path(row["path"]))
    return {"mel": mel, "delta": delta}


def main() -> None:
    """Map a sample into Arrow files; imports and the first clip are not counted, starting the processes is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--utterances", type=int, required=True)
    parser.add_argument("--processes", type=int, required=True)
    options = parser.parse_args()
    options.out.mkdir()
    clips = sample(options.corpus, options.utterances)
    features(clips[0])
    begun = time.perf_counter()
    rows = datasets.Dataset.from_dict({"path": [str(clip) for clip in clips]})
    cache = str(options.out / "mapped.arrow")
    made = rows.map(add_features, num_proc=options.processes, features=COLUMNS, cache_file_name=cache)
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - begun, "utterances": len(made)}))


if __name__ == "__main__":
    main()
