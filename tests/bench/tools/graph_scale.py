"""``graph/spell`` at full scale: ``python -m tests.bench.tools.graph_scale`` predicts 300,000 ticks, chunk by chunk.

Embeddings lie in a mapped file as in a side store, nodes and edges in the tables that ``temporal_graph`` makes; all are
random. It prints a Markdown table; the process's peak memory contains the pages of the mapped file that were read.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.graph import EDGES, NODES, TemporalGraph
from kemfeat.learn.models import build_model
from kemfeat.learn.training.recipe import load_recipe

CHUNK, WIDTH, DEGREE = 2000, 1536, 57
"""Ticks of a chunk, numbers of an embedding, edges of a tick."""


@dataclass(frozen=True)
class Ticks:
    """What a graph reads of a store."""

    path: Path
    nodes: pd.DataFrame
    links: pd.DataFrame

    def table(self, name: str) -> pd.DataFrame:
        return {NODES: self.nodes, EDGES: self.links}[name]

    def rows(self, axis: str) -> pd.DataFrame:
        assert axis == "tick"
        return self.nodes


def ticks(folder: Path, count: int) -> Ticks:
    """So many ticks with their edges, and their embeddings in a file."""
    rng = np.random.default_rng(0)
    values = np.lib.format.open_memmap(folder / "values.npy", mode="w+", dtype=np.float32, shape=(count, WIDTH))
    for start in range(0, count, CHUNK):
        values[start : start + CHUNK] = rng.standard_normal((len(values[start : start + CHUNK]), WIDTH), np.float32)
    values.flush()
    node = np.arange(count, dtype=np.int32)
    source = np.repeat(node, DEGREE)
    chunk = source // CHUNK
    last = np.minimum((chunk + 1) * CHUNK, count)
    target = np.minimum(chunk * CHUNK + rng.integers(0, CHUNK, len(source)), last - 1).astype(np.int32)
    direction = np.sign(source - target).astype(np.int8)
    links = pd.DataFrame({"source": source, "target": target, "direction": direction, "chunk": chunk})
    return Ticks(folder, pd.DataFrame({"node": node, "chunk": node // CHUNK}), links)


def batches(graph: TemporalGraph, values: np.ndarray, *, chunks: int) -> Iterator[Batch]:
    """Whole chunks with their edges."""
    for start in range(0, len(values), chunks * CHUNK):
        rows = np.arange(start, min(start + chunks * CHUNK, len(values)))
        ends, direction = graph.edges(rows)
        yield Batch(
            ids=tuple(map(str, rows)),
            rows=torch.from_numpy(rows),
            copies=torch.zeros(len(rows), dtype=torch.long),
            mel_lengths=torch.zeros(len(rows), dtype=torch.long),
            emotion=torch.zeros(len(rows), dtype=torch.long),
            arousal=torch.ones(len(rows)),
            valence=torch.ones(len(rows)),
            arrays={"embedding": torch.from_numpy(np.array(values[rows]))},
            edges=torch.from_numpy(ends),
            directions=torch.from_numpy(direction),
        )


def measured(count: int, *, variant: str, chunks: int) -> dict[str, str]:
    """Predict so many ticks."""
    with tempfile.TemporaryDirectory(prefix="kemfeat-graph-") as folder:
        store = ticks(Path(folder), count)
        graph, values = TemporalGraph(store), np.load(Path(folder) / "values.npy", mmap_mode="r")  # type: ignore[arg-type]
        edges = len(store.links)
        del store
        model, began, said = (
            build_model(load_recipe("graph/spell", {"variant": variant}).model).eval(),
            time.monotonic(),
            0,
        )
        with torch.inference_mode():
            for batch in batches(graph, values, chunks=chunks):
                said += int(torch.isfinite(model(batch).logits).all(dim=1).sum())
        assert said == count
    return {
        "variant": variant,
        "ticks": f"{count:,}",
        "edges": f"{edges:,}",
        "chunks at once": str(chunks),
        "s": f"{time.monotonic() - began:.0f}",
        "peak memory, GB": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.2f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=300_000)
    parser.add_argument("--variant", choices=("corrected", "faithful"), default="corrected")
    parser.add_argument("--chunks", type=int, default=1, help="read at once")
    given = parser.parse_args()
    row = measured(given.ticks, variant=given.variant, chunks=given.chunks)
    sys.stdout.write(f"| {' | '.join(row)} |\n{'|---' * len(row)}|\n| {' | '.join(row.values())} |\n")


if __name__ == "__main__":
    main()
