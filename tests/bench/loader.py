"""Shuffled batches of padded mel and delta as a trainer takes them: kemfeat's loader beside what else people use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat.arrays import Indices
from kemfeat.store import schema
from kemfeat.store.reader import open_store

from . import Comparison
from ._context import Context
from ._record import Row
from ._rounds import INSTALL, Contestant, Turn, figure, rows, wall_seconds
from .peers import bucket_server

if TYPE_CHECKING:
    from kemfeat.learn import StoreLoader

BATCH, FRAMES = 32, 512
ROWS = 2_048
STREAMED = 4_096
"""Rows of a streamed epoch: several windows."""
MEDIA = ("mel", "delta")
LATENCY = 0.02
"""Seconds before a bucket's server answers."""
EPOCHS = 3
"""Of a turn of kemfeat: one alone is so short that whatever else the machine does decides."""

Read = Callable[[Indices, int], Any]
"""Mel and delta of some rows [shape=(B, 2, frames, n_mels)], float32, as a tensor."""


def measure(context: Context) -> Iterator[Row]:
    """Ratios beside datasets, zarr-python and a file mapped into memory; streaming; what a GPU waits."""
    if find_spec("torch") is None:
        yield Row(key="loader.host", what="batches of a store", unit="times", missing=f"not installed: {INSTALL}")
        return
    store = context.store(context.size)
    count = min(ROWS, context.size) // BATCH * BATCH
    plain = _as_npy(store, context.folder("padded").with_suffix(".npy"), count)
    arrow = context.folder("arrow")
    rounds = context.pick(full=7, quick=3)
    for name, frames in (("fixed", FRAMES), ("longest", None)):
        contestants = _contestants(store, plain, arrow, count, frames)
        outcome = context.contest(contestants, rounds=rounds)
        yield from rows(f"loader.{name}", contestants, outcome, item="batch")
    streamed = min(STREAMED, context.size)
    contestants = {
        "kemfeat": Contestant(open=lambda: _loader(store, streamed, FRAMES, "stream")),
        "datasets": _contestants(store, plain, arrow, count, FRAMES)["datasets"],
    }
    outcome = context.contest(contestants, rounds=rounds)
    seconds = [1000 * turn for turn in outcome.samples["kemfeat"]]
    note = "decoded from disk in every epoch; the first batch of an epoch waits for a window of 1,024 rows."
    yield figure("loader.stream", f"the same batches streamed, {FRAMES} frames", seconds, unit="ms/batch", note=note)
    yield from rows("loader.stream", contestants, outcome, item="batch")
    yield from _from_bucket(store, streamed, context, rounds)
    yield from _cuda(store)


def _from_bucket(store: Path, count: int, context: Context, rounds: int) -> Iterator[Row]:
    """The same stream from a bucket whose server answers after 20 ms."""
    if find_spec("obstore") is None:
        yield Row(key="loader.bucket", what="batches of a store in a bucket", unit="times", missing=INSTALL)
        return
    with _bucket_of(store) as address:
        first = [wall_seconds(lambda: next(iter(_opened(address, count, FRAMES, "stream")))) for _ in range(3)]
        note = "the store is opened, its tables are fetched, and a window of 1,024 rows is read."
        yield figure("loader.bucket_first", "first batch from a bucket, 20 ms latency", first, unit="s", note=note)
        contestants = {
            "kemfeat": Contestant(open=lambda: _loader(address, count, FRAMES, "stream")),
            "folder": Contestant(
                open=lambda: _loader(store, count, FRAMES, "stream"),
                what="batches streamed from a bucket, 20 ms latency, without a cache, beside the same from a folder",
                note="the server runs on the same two cores, and sends 4.6 MB a batch.",
            ),
        }
        outcome = context.contest(contestants, rounds=rounds)
        yield from rows("loader.bucket", contestants, outcome, item="batch")


def _contestants(store: Path, plain: Path, arrow: Path, count: int, frames: int | None) -> dict[str, Contestant]:
    padding = f"padded to {frames} frames" if frames else "padded to the longest of the batch"
    lengths = open_store(store).array("mel_lengths")[:count]

    def peer(open_: Callable[[], Read], batches: int, *, beside: str, library: str = "", note: str = "") -> Contestant:
        what = f"shuffled batches of {BATCH}, mel and delta, {padding}, beside {beside}"
        turn = partial(_turn, open_, lengths, frames, batches)
        return Contestant(open=turn, what=what, library=library, note=note)

    return {
        "kemfeat": Contestant(open=lambda: _loader(store, count, frames, "host", epochs=EPOCHS)),
        "datasets": peer(
            lambda: _datasets(plain, arrow),
            64,
            beside="Hugging Face datasets in torch format",
            library="datasets",
            note="mel and delta padded to 512 frames in one Array3D column of an Arrow file.",
        ),
        "zarr": peer(lambda: _zarr(store), 16, beside="oindex of zarr-python", library="zarr"),
        "memmap": peer(
            lambda: _memmap(plain),
            192,
            beside="a gather from an .npy file mapped into memory",
            note="mel and delta uncompressed and padded to 512 frames in one array, all of it in memory.",
        ),
    }


@contextmanager
def _bucket_of(store: Path) -> Iterator[str]:
    """The address of a store on a server that answers after :data:`LATENCY`."""
    settings = {"AWS_ACCESS_KEY_ID": "-", "AWS_SECRET_ACCESS_KEY": "-", "AWS_REGION": "us-east-1"}
    command = [sys.executable, str(Path(bucket_server.__file__)), str(store), str(LATENCY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        settings["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{int(server.stdout.readline())}"
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            yield "s3://bucket/store"
        finally:
            server.kill()
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def _opened(store: Path | str, count: int, frames: int | None, resident: Any, *, device: str = "cpu") -> StoreLoader:
    from kemfeat.learn import StoreLoader

    return StoreLoader(
        open_store(store), np.arange(count), BATCH, device, resident, shuffle=True, frames=frames, media=MEDIA
    )


def _loader(
    store: Path | str, count: int, frames: int | None, resident: Any, *, device: str = "cpu", epochs: int = 1
) -> Turn:
    """Whole epochs per turn, seconds per batch."""
    loader = _opened(store, count, frames, resident, device=device)

    def mels() -> Iterator[Any]:
        for _ in range(epochs):
            loader.set_epoch(loader.epoch + 1)
            yield from (batch.mel for batch in loader)

    def turn() -> float:
        return wall_seconds(lambda: _consume(mels())) / (len(loader) * epochs)

    turn()
    return turn


def _turn(open_: Callable[[], Read], lengths: Indices, frames: int | None, batches: int) -> Turn:
    """So many batches of a peer per turn, seconds per batch; every row comes once before any comes again."""
    read = open_()
    rng = np.random.default_rng(0)

    def turn() -> float:
        epochs = -(-batches * BATCH // len(lengths))
        order = np.concatenate([rng.permutation(len(lengths)) for _ in range(epochs)])
        chosen = order.reshape(-1, BATCH)[:batches]
        mels = (read(batch, frames or int(lengths[batch].max())) for batch in chosen)
        return wall_seconds(lambda: _consume(mels)) / len(chosen)

    return turn


def _consume(mels: Iterable[Any]) -> None:
    """Look at one number of each batch, then let go of it."""
    for mel in mels:
        float(mel[0, 0, 0, 0])


def _datasets(plain: Path, arrow: Path) -> Read:
    import datasets

    array = np.load(plain, mmap_mode="r")
    columns = datasets.Features({"mel": datasets.Array3D(array.shape[1:], "float32")})
    datasets.disable_progress_bars()
    made = datasets.Dataset.from_generator(_records, features=columns, gen_kwargs={"path": plain}, cache_dir=str(arrow))
    table = made.with_format("torch")
    return lambda batch, frames: table[batch.tolist()]["mel"][:, :, :frames]


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for mel in np.load(path, mmap_mode="r"):
        yield {"mel": mel}


def _zarr(store: Path) -> Read:
    import torch
    import zarr

    arrays: list[Any] = [zarr.open_array(store / schema.array_path(name, name), mode="r") for name in MEDIA]
    return lambda batch, frames: torch.from_numpy(
        np.stack([array.oindex[batch][:, :frames] for array in arrays], axis=1)
    )


def _memmap(plain: Path) -> Read:
    import torch

    array = np.load(plain, mmap_mode="r")
    array.sum(axis=(1, 2, 3))  # from here on all of it lies in memory
    return lambda batch, frames: torch.from_numpy(array[batch, :, :frames])


def _as_npy(store: Path, path: Path, count: int) -> Path:
    opened = open_store(store)
    n_mels = opened.header.arrays["mel"].shape[2]
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, len(MEDIA), FRAMES, n_mels))
    for number, name in enumerate(MEDIA):
        for start in range(0, count, BATCH):
            array[start : start + BATCH, number] = opened.array(name)[start : min(start + BATCH, count)]
    array.flush()
    return path


def _cuda(store: Path) -> Iterator[Row]:
    """Epochs of the whole store on a GPU: their time, the share of it in which a model waits, and bytes per second."""
    import torch

    if not torch.cuda.is_available():
        yield Row(key="loader.cuda", what="epochs on a GPU", unit="s", missing="this machine has no CUDA device")
        return
    count = len(open_store(store))
    bandwidth = _bandwidth()
    for mode in ("device", "host", "stream"):
        turn = _loader(store, count, FRAMES, mode, device="cuda")
        batches = -(-count // BATCH)
        seconds = [_settled(turn) * batches for _ in range(3)]
        yield figure(f"loader.cuda_{mode}", f"an epoch of {count:,} rows, {mode}", seconds, unit="s")
        waits = _waits(store, mode)
        yield figure(f"loader.cuda_{mode}_wait", f"share of an epoch that a model waits, {mode}", [waits], unit="1")
        if mode == "device":
            written = count * len(MEDIA) * FRAMES * 128 * 4
            rates = [written / one / 1e9 for one in seconds]
            note = f"the device copies {bandwidth / 1e9:,.0f} GB/s, reading and writing counted."
            yield figure("loader.cuda_bytes", "padded mel made on the device", rates, unit="GB/s", note=note)


def _settled(turn: Turn) -> float:
    import torch

    torch.cuda.synchronize()
    return turn()


def _bandwidth() -> float:
    """Bytes per second that the device reads and writes while it copies 1 GB."""
    import torch

    source = torch.empty(1 << 28, device="cuda")
    target = torch.empty_like(source)
    times = []
    for _ in range(5):
        begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begun.record()
        target.copy_(source)
        ended.record()
        torch.cuda.synchronize()
        times.append(begun.elapsed_time(ended) / 1000)
    return 2 * source.nbytes / min(times)


def _waits(store: Path, mode: str) -> float:
    """How much of an epoch of training a small convolutional model is over what it takes on one batch that is there."""
    import torch

    from kemfeat.learn import StoreLoader

    opened = open_store(store)
    loader = StoreLoader(opened, None, BATCH, "cuda", mode, shuffle=True, frames=FRAMES, media=MEDIA, drop_last=True)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(2, 32, 3), torch.nn.ReLU(), torch.nn.Conv2d(32, 64, 3), torch.nn.ReLU(), torch.nn.Flatten(2)
    ).cuda()

    def train(mels: Iterable[Any]) -> None:
        for mel in mels:
            model(mel).mean().backward()
        torch.cuda.synchronize()

    ready = next(iter(loader)).mel
    train([ready] * 10)
    alone = wall_seconds(lambda: train([ready] * len(loader)))
    loaded = wall_seconds(lambda: train(batch.mel for batch in loader))
    return max(0.0, 1 - alone / loaded)


COMPARISON = Comparison(measure=measure, libraries=("torch", "datasets"))
