"""lhotse: ``CutSet.compute_and_store_features`` with ``LibrosaFbank`` at the same settings (mel only)."""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from lhotse import CutSet, NumpyFilesWriter, Recording
from lhotse.features.librosa_fbank import LibrosaFbank, LibrosaFbankConfig

from .reference_loop import features, sample


def main() -> None:
    """Compute and store a sample; imports and the first clip are not counted, starting the processes is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--utterances", type=int, required=True)
    parser.add_argument("--processes", type=int, required=True)
    options = parser.parse_args()
    clips = sample(options.corpus, options.utterances)
    features(clips[0])
    settings = LibrosaFbankConfig(
        sampling_rate=16000, fft_size=2048, hop_size=512, num_mel_bins=128, fmin=100, fmax=8000
    )
    begun = time.perf_counter()
    cuts = CutSet.from_cuts(Recording.from_file(clip).to_cut() for clip in clips)
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        made = cuts.compute_and_store_features(
            LibrosaFbank(settings),
            storage_path=options.out,
            num_jobs=options.processes,
            storage_type=NumpyFilesWriter,
            executor=pool,
            progress_bar=False,
        )
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - begun, "utterances": len(made)}))


if __name__ == "__main__":
    main()
