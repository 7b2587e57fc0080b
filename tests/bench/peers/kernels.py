"""The kernels of a build and nothing else: reading, decoding, mel, delta, compression, hashing, writing."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from zarr.abc.buffer import Buffer
from zarr.storage import MemoryStore

from kemfeat.features._mel_powers import Filters, decibels, filters_of, mel_powers
from kemfeat.features.delta import slopes
from kemfeat.features.instances import find_feature
from kemfeat.features.mel import MelConfig
from kemfeat.media import read_audio
from kemfeat.records import FeatureSpec
from kemfeat.store import layout, shards

from .reference_loop import sample

ROWS = 128
"""Rows of a shard."""
_CONFIG = MelConfig()


def main() -> None:
    """Make the shards of a sample; imports and the first clip, which loads machine code, are not counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--utterances", type=int, required=True)
    parser.add_argument("--processes", type=int, required=True, help="how many would share the work perfectly")
    options = parser.parse_args()
    clips = sample(options.corpus, options.utterances)
    coded = [(spec, _metadata(name, spec)) for name, spec in _specs()]
    blocks = [np.full((ROWS, *spec.shape), spec.pad, spec.dtype) for spec, _ in coded]
    _features(clips[0])
    options.out.mkdir()
    begun = time.perf_counter()
    for number, some in enumerate(_batches(clips)):
        for row, clip in enumerate(some):
            for block, values, (spec, _) in zip(blocks, _features(clip), coded, strict=True):
                length = min(len(values), spec.shape[0])
                block[row, :length], block[row, length:] = values[:length], spec.pad
        for (spec, metadata), block in zip(coded, blocks, strict=True):
            shard = shards.encode(metadata, block[: len(some)])
            hashlib.sha256(shard).hexdigest()
            (options.out / f"{spec.name}-{number}").write_bytes(shard)
    seconds = (time.perf_counter() - begun) / options.processes
    sys.stdout.write(json.dumps({"seconds": seconds, "utterances": len(clips)}))


def _features(clip: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mel and delta; the file is read once more to be hashed, as a build does before it extracts anything."""
    hashlib.sha256(clip.read_bytes()).hexdigest()
    powers = mel_powers(read_audio(clip).values, config=_CONFIG, filters=_filters())
    mel = decibels(powers, top_db=_CONFIG.top_db)
    return mel, slopes(mel, width=9)


@cache
def _filters() -> Filters:
    return filters_of(_CONFIG)


def _specs() -> Iterator[tuple[str, FeatureSpec]]:
    for name in ("mel", "delta"):
        extractor = find_feature(name)
        yield name, extractor.specs(extractor.config())[0]


def _metadata(feature: str, spec: FeatureSpec) -> bytes:
    held: dict[str, Buffer] = {}
    layout.create_array(MemoryStore(held), feature, spec, axis="utterance", rows=ROWS, rows_per_shard=ROWS, further={})
    return bytes(held[f"{feature}/{spec.name}/zarr.json"].to_bytes())


def _batches(clips: list[Path]) -> Iterator[list[Path]]:
    left = iter(clips)
    while some := list(islice(left, ROWS)):
        yield some


if __name__ == "__main__":
    main()
