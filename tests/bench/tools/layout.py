"""Measure shard rows, chunk rows and codec of the padded mel and delta arrays; made the tables of decision 0002.

``python tests/bench/tools/layout.py --wavs DIR --rows 1024`` prints Markdown tables and, last, one line of JSON.
Rows are real speech: the wavs under DIR joined and cut to the clip lengths of KEMDy20. Every layout is measured in a
process of its own, in several rounds, and every figure is a median. Pages read are already in memory. The tables count
CPU-seconds, which other work on the machine disturbs little; the JSON has the clock beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import google_crc32c
import librosa
import numcodecs
import numpy as np
import soundfile
import tensorstore
import zarr
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

SAMPLING_RATE, HOP, FRAMES, MELS = 16_000, 512, 512, 128
ROW_BYTES = FRAMES * MELS * 4
PAD = {"mel": -80.0, "delta": 0.0}
CORPUS_ROWS = 13_462
CLIPS = np.array([6080, 3871, 1819, 949, 422, 208, 90, 17, 4, 2])
CLIP_FRAMES = 21 + 108 * np.arange(CLIPS.size + 1)
BATCH, BLOCK, BATCHES = 32, 128, 20
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """What is varied; the defaults are the choice.

    ``block`` is the blosc block in bytes (0: blosc decides, 32 KiB here), never more than a chunk; ``checked`` adds a
    CRC-32C to every chunk; ``settings`` are those of ``zarr.config``; ``bare`` writes the same bytes without zarr.
    """

    cname: str = "zstd"
    level: int = 1
    shuffle: str = "shuffle"
    block: int = MIB
    chunk_rows: int = 4
    shard_rows: int = 128
    sharded: bool = True
    checked: bool = True
    settings: tuple[tuple[str, int], ...] = ()
    bare: bool = False

    @property
    def codec(self) -> list[dict[str, Any]]:
        """The codecs behind ``bytes``, as Zarr v3 metadata."""
        check = [{"name": "crc32c"}] if self.checked else []
        if self.cname == "none":
            return check
        if self.cname == "plain zstd":
            return [{"name": "zstd", "configuration": {"level": self.level, "checksum": False}}, *check]
        block = min(self.block, self.chunk_rows * ROW_BYTES)
        blosc = {"cname": self.cname, "clevel": self.level, "shuffle": self.shuffle, "typesize": 4, "blocksize": block}
        return [{"name": "blosc", "configuration": blosc}, *check]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the clock and of the CPU, medians over calls."""

    wall: float
    cpu: float


TABLES: dict[str, dict[str, Layout]] = {
    "codec, blocks (shard 128, chunk 4)": {
        "none": Layout(cname="none"),
        "lz4 clevel 5, byte shuffle, 1 MiB": Layout(cname="lz4", level=5),
        "zstd level 1 without blosc": Layout(cname="plain zstd"),
        "zstd clevel 1, bit shuffle, 1 MiB": Layout(shuffle="bitshuffle"),
        "zstd clevel 1, byte shuffle, 32 KiB (blosc's own)": Layout(block=0),
        "zstd clevel 1, byte shuffle, 256 KiB": Layout(block=MIB // 4),
        "**zstd clevel 1, byte shuffle, 1 MiB**": Layout(),
        "the same without CRC-32C": Layout(checked=False),
        "zstd clevel 3, byte shuffle, 1 MiB": Layout(level=3),
        "zstd clevel 5, byte shuffle, 1 MiB": Layout(level=5),
    },
    "chunk rows (shard 128)": {f"{rows}": Layout(chunk_rows=rows) for rows in (1, 2, 4, 8, 16, 32)},
    "shard rows (chunk 4)": {f"{rows}": Layout(shard_rows=rows) for rows in (64, 128, 256, 512)}
    | {"not sharded, chunk 4": Layout(sharded=False)},
    "zarr settings": {
        "as installed": Layout(),
        "threading.max_workers 1": Layout(settings=(("threading.max_workers", 1),)),
        "threading.max_workers 1, async.concurrency 1": Layout(
            settings=(("threading.max_workers", 1), ("async.concurrency", 1))
        ),
        "codec_pipeline.batch_size 32": Layout(settings=(("codec_pipeline.batch_size", 32),)),
        "no zarr: codec, checksums, index, one file": Layout(bare=True),
    },
}


def clip_lengths(rows: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
    """Frames per row, drawn from the duration histogram of KEMDy20."""
    bins = rng.choice(CLIPS.size, size=rows, p=CLIPS / CLIPS.sum())
    return rng.integers(CLIP_FRAMES[bins], CLIP_FRAMES[bins + 1])


def features(audio: FloatArray) -> dict[str, FloatArray]:
    """Log-mel spectrogram, dB below its maximum, and its delta [shape=(frames, 128)]."""
    power = librosa.feature.melspectrogram(
        y=audio, sr=SAMPLING_RATE, n_fft=2048, hop_length=HOP, n_mels=MELS, fmin=100, fmax=8000
    )
    mel = librosa.power_to_db(power, ref=np.max)
    return {"mel": mel.T, "delta": librosa.feature.delta(mel).T}


def save_corpus(wavs: Path, *, folder: Path, rows: int) -> float:
    """Write ``mel.npy`` and ``delta.npy`` [shape=(rows, 512, 128)]; the unpadded share of their bytes."""
    rng = np.random.default_rng(0)
    clips = [soundfile.read(path, dtype="float32")[0] for path in sorted(wavs.rglob("*.wav"))]
    arrays = {name: np.full((rows, FRAMES, MELS), pad, np.float32) for name, pad in PAD.items()}
    lengths = clip_lengths(rows, rng=rng)
    shortest = min(clip.size for clip in clips)
    for row, frames in enumerate(lengths):
        enough = frames * HOP // shortest + 1
        speech = np.concatenate([clips[i] for i in rng.integers(len(clips), size=enough)])
        for name, values in features(speech[: (frames - 1) * HOP]).items():
            arrays[name][row, :frames] = values[:FRAMES]
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return float(np.minimum(lengths, FRAMES).sum() / (rows * FRAMES))


def timed(call: Callable[[Any], object], arguments: Iterable[Any]) -> Cost:
    """Median cost of one call."""
    costs = []
    for argument in arguments:
        wall, cpu = time.perf_counter(), time.process_time()
        call(argument)
        costs.append((time.perf_counter() - wall, time.process_time() - cpu))
    return Cost(*np.median(costs, axis=0).tolist())


def create(path: Path, layout: Layout) -> zarr.Array[Any]:
    return zarr.create_array(
        path,
        shape=(CORPUS_ROWS, FRAMES, MELS),
        chunks=(layout.chunk_rows, FRAMES, MELS),
        shards=(layout.shard_rows, FRAMES, MELS) if layout.sharded else None,
        dtype="float32",
        compressors=layout.codec,
        fill_value=float("nan"),
        dimension_names=("utterance", "frame", "mel_bin"),
        config={"write_empty_chunks": True},
    )


def with_crc32c(content: bytes) -> bytes:
    return content + google_crc32c.value(content).to_bytes(4, "little")


def write_bare(path: Path, block: FloatArray, *, layout: Layout) -> None:
    """One shard as the Zarr specification describes it: chunks, their (offset, length) as uint64, its CRC-32C."""
    options = layout.codec[0]["configuration"]
    codec = numcodecs.Blosc(**options | {"shuffle": numcodecs.Blosc.SHUFFLE})
    encoded = (codec.encode(block[row : row + layout.chunk_rows]) for row in range(0, len(block), layout.chunk_rows))
    chunks = [with_crc32c(chunk) for chunk in encoded]
    ends = np.cumsum([len(chunk) for chunk in chunks], dtype="<u8")
    index = np.stack([np.concatenate([[0], ends[:-1]]), np.diff(ends, prepend=0)], axis=1).astype("<u8").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join([*chunks, with_crc32c(index)]))


def write(path: Path, rows: FloatArray, *, layout: Layout) -> Cost:
    """Cost of one partition of ``layout.shard_rows`` rows."""
    array = create(path, layout)

    def write_partition(start: int) -> None:
        block = rows[start : start + layout.shard_rows]
        if layout.bare:
            write_bare(path / "c" / str(start // layout.shard_rows) / "0" / "0", block, layout=layout)
        else:
            array[start : start + len(block)] = block

    return timed(write_partition, range(0, len(rows), layout.shard_rows))


def data_files(path: Path) -> list[Path]:
    return sorted((path / "c").glob("*/0/0"))


def lengthen(path: Path, *, rows: int, layout: Layout) -> int:
    """Make the array as long as the corpus with hard links; the number of its data files."""
    file_rows = layout.shard_rows if layout.sharded else layout.chunk_rows
    files = -(-CORPUS_ROWS // file_rows)
    for number in range(rows // file_rows, files):
        link = path / "c" / str(number) / "0" / "0"
        link.parent.mkdir(parents=True)
        os.link(path / "c" / str(number % (rows // file_rows)) / "0" / "0", link)
    return files


def read(path: Path, *, layout: Layout) -> dict[str, Cost]:
    """Cost of one read: a partition in order, 32 rows anywhere, 128 neighbouring rows anywhere."""
    rng = np.random.default_rng(1)
    plain = zarr.open_array(path, mode="r")
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
    direct = tensorstore.open(spec, read=True, open=True).result()
    partitions = np.arange(0, CORPUS_ROWS - layout.shard_rows, layout.shard_rows)[: 2 * BATCHES]
    batches = [np.sort(rng.choice(CORPUS_ROWS, BATCH, replace=False)) for _ in range(BATCHES)]
    blocks = rng.permutation(CORPUS_ROWS // BLOCK)[:BATCHES] * BLOCK
    return {
        "zarr sequential": timed(lambda start: plain[start : start + layout.shard_rows], partitions),
        "zarr shuffled": timed(lambda rows: plain.oindex[rows], batches),
        "zarr shuffled, row by row": timed(lambda rows: np.stack([plain[row] for row in rows]), batches),
        "zarr blocks": timed(lambda start: plain[start : start + BLOCK], blocks),
        "tensorstore sequential": timed(lambda i: direct[i : i + layout.shard_rows].read().result(), partitions),
        "tensorstore shuffled": timed(lambda rows: direct.oindex[rows].read().result(), batches),
        "tensorstore blocks": timed(lambda start: direct[start : start + BLOCK].read().result(), blocks),
    }


def peak_megabytes(path: Path, rows: FloatArray, *, layout: Layout) -> float:
    """Memory that writing one partition takes beyond its rows."""
    tracemalloc.start()
    write(path, rows[: layout.shard_rows], layout=layout)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def measure(folder: Path, layout: Layout) -> dict[str, Any]:
    """Everything about one layout; runs in a process of its own because zarr's threads are set once."""
    zarr.config.set(dict(layout.settings))
    corpus = {name: np.load(folder / f"{name}.npy") for name in PAD}
    rows = len(corpus["mel"])
    megabytes = ROW_BYTES * layout.shard_rows / 1e6
    digest = hashlib.sha256()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        result["peak MB"] = peak_megabytes(Path(scratch) / "warm", corpus["mel"], layout=layout)
        costs = []
        for name, array in corpus.items():
            costs.append(write(Path(scratch) / name, array, layout=layout))
            files = [file.read_bytes() for file in data_files(Path(scratch) / name)]
            result[f"{name} bytes"] = sum(map(len, files)) / (rows * ROW_BYTES)
            digest.update(b"".join(files))
        mel = Path(scratch) / "mel"
        result["write MB/s"] = megabytes / statistics.mean(cost.wall for cost in costs)
        result["write MB/CPU-s"] = megabytes / statistics.mean(cost.cpu for cost in costs)
        result["files"] = lengthen(mel, rows=rows, layout=layout)
        result["digest"] = digest.hexdigest()
        rows_read = {"sequential": layout.shard_rows, "blocks": BLOCK}
        for name, cost in read(mel, layout=layout).items():
            result[f"{name} rows/s"] = rows_read.get(name.split()[1], BATCH) / cost.wall
            result[f"{name} rows/CPU-s"] = rows_read.get(name.split()[1], BATCH) / cost.cpu
    return result


def alone(folder: Path, layout: Layout) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(measure, folder, layout).result()


def require_same_bytes(results: Iterable[dict[str, Any]]) -> None:
    """Neither another round nor a setting nor writing without zarr may change a byte."""
    digests = {result["digest"] for result in results}
    if len(digests) != 1:
        raise SystemExit(f"the same bytes were expected, {len(digests)} digests were found: {sorted(digests)}")


def medians(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Per key the median over rounds."""
    require_same_bytes(results)
    return {
        key: value if key == "digest" else statistics.median(r[key] for r in results)
        for key, value in results[0].items()
    }


def markdown(title: str, rows: dict[str, dict[str, Any]], *, unpadded: float) -> str:
    """One table: sizes relative to the unpadded raw bytes, MB of padded (and unpadded) bytes, rows of mel per CPU-s."""
    speeds = ("zarr sequential", "zarr shuffled", "zarr blocks", "tensorstore sequential", "tensorstore shuffled")
    heads = [title, "mel", "delta", "both", "write MB/CPU-s", "write MB/s", *speeds, "peak MB", "files"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, row in rows.items():
        sizes = [row["mel bytes"] / unpadded, row["delta bytes"] / unpadded]
        per_core = row["write MB/CPU-s"]
        numbers = [f"{size:.3f}" for size in (*sizes, statistics.mean(sizes))]
        numbers += [f"{per_core:.0f} ({per_core * unpadded:.0f})", f"{row['write MB/s']:.0f}"]
        numbers += [f"{row[f'{speed} rows/CPU-s']:,.0f}" for speed in speeds]
        lines.append("| " + " | ".join([name, *numbers, f"{row['peak MB']:.0f}", f"{row['files']:,.0f}"]) + " |")
    return "\n".join(lines) + "\n"


def report(results: dict[Layout, dict[str, Any]], *, unpadded: float) -> None:
    require_same_bytes(results[layout] for layout in TABLES["zarr settings"].values())
    for title, table in TABLES.items():
        rows = {name: results[layout] for name, layout in table.items()}
        sys.stdout.write(markdown(title, rows, unpadded=unpadded) + "\n")
    document = {
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in ("zarr", "numcodecs", "tensorstore", "librosa")},
        "unpadded": unpadded,
        "results": [{"layout": asdict(layout), **result} for layout, result in results.items()],
    }
    sys.stdout.write(json.dumps(document) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wavs", type=Path, required=True, help="folder of 16 kHz mono speech")
    parser.add_argument("--rows", type=int, default=1024, help="rows measured, a multiple of 512")
    parser.add_argument("--rounds", type=int, default=3, help="times each layout is measured")
    options = parser.parse_args()
    if options.rows % 512:
        parser.error(f"--rows {options.rows} is not a multiple of 512, the largest shard")
    layouts = list(dict.fromkeys(layout for table in TABLES.values() for layout in table.values()))
    with tempfile.TemporaryDirectory() as folder:
        unpadded = save_corpus(options.wavs, folder=Path(folder), rows=options.rows)
        rounds = [{layout: alone(Path(folder), layout) for layout in layouts} for _ in range(options.rounds)]
    report({layout: medians([measured[layout] for measured in rounds]) for layout in layouts}, unpadded=unpadded)


if __name__ == "__main__":
    main()
