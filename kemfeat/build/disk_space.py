"""Space on the disk: how much is free, and the refusal of a build that cannot fit."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kemfeat.build._axes import UTTERANCE, Span
from kemfeat.build._diff import Plan
from kemfeat.build._lengths import from_audio, sound_bytes, specs_of
from kemfeat.build._partition import FeatureTask, PartitionTask, write_partition
from kemfeat.errors import StoreWriteError
from kemfeat.store import disk, schema, writer

_TRIED = 32
"""Rows that are compressed to measure the compression ratio, which takes an eighth of a second."""

_SURE = 0.8
"""Share of an estimate from so few rows that the real size will not fall below."""


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write on the disk of a folder.

    Parameters
    ----------
    folder : Path
        It need not exist yet.

    Returns
    -------
    int
        Free space.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def refuse_too_large(plan: Plan, base: PartitionTask, *, seconds: NDArray[np.float64]) -> None:
    """Stop where there is no room for what is to be written.

    Where there is room even for the uncompressed features of the audio, nothing is tried. Otherwise some rows are
    extracted and compressed, and the build is refused if four fifths of the estimate are still too much, so that a
    build that fits is not refused. A build that passes may still fill the disk, which stops it later with nothing lost.
    Kept parts cost nothing, because they are hard links. Rows of axes other than that of utterances are not counted.

    Parameters
    ----------
    plan : Plan
        What the build will do.
    base : PartitionTask
        A task with all rows.
    seconds : ndarray, shape (n,), float64 [s]
        Length of the audio of every row; NaN where there is none.

    Raises
    ------
    StoreWriteError
        The disk cannot hold the build.
    """
    sound = sound_bytes(plan.resolved, seconds)
    raw = dict.fromkeys(sound, 0.0)
    for part in plan.fresh_parts:
        if part.feature in sound:
            raw[part.feature] += float(sound[part.feature][part.start : part.stop].sum())
    free = free_bytes(plan.store) + _replaced(plan)
    if sum(raw.values()) <= free:
        return
    shares = _shares(plan, base, sound)
    needed = sum(raw[feature] * share for feature, share in shares.items())
    if _SURE * needed > free:
        raise StoreWriteError(
            f"{plan.store}: this build writes about {needed / 1e6:,.0f} MB, the disk has {free / 1e6:,.0f} MB free; "
            "free some space, choose another disk with --out, or store less, e.g. with --set mel.dtype=float16; "
            "`kemfeat plan` shows details"
        )


def _replaced(plan: Plan) -> int:
    """Bytes of shards that an interrupted build left and that this one will write again."""
    specs = specs_of(plan.resolved)
    folder = writer.staging(plan.store)
    names = (
        schema.shard_path(part.feature, spec, part.partition)
        for part in plan.fresh_parts
        for spec in specs[part.feature]
    )
    shards = (folder / name for name in names)
    return sum(shard.stat().st_size for shard in shards if shard.is_file())


def _shares(plan: Plan, base: PartitionTask, sound: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """For each feature made from audio, the ratio of bytes on disk to uncompressed bytes, measured on some rows."""
    total = np.sum([*sound.values()], axis=0)
    rows = np.flatnonzero(total)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, _TRIED).astype(int))]
    with suppress(StoreWriteError), tempfile.TemporaryDirectory(prefix="kemfeat-") as folder:
        receipts = write_partition(_trial(plan, base, rows, Path(folder)))
        return {
            receipt.feature: sum(file.bytes for file in receipt.files.values()) / size
            for receipt in receipts
            if (size := _sound_of(receipt, sound[receipt.feature][rows])) > 0
        }
    return {}


def _sound_of(receipt: schema.PartReceipt, sound: NDArray[np.float64]) -> float:
    return float(sound.sum() - sound[[failure.row for failure in receipt.failures]].sum())


def _trial(plan: Plan, base: PartitionTask, rows: NDArray[np.int64], store: Path) -> PartitionTask:
    """A partition of these rows, with the features that are made from audio, in a store of its own."""
    heavy = from_audio(plan.resolved)
    specs = {name: specs for name, specs in specs_of(plan.resolved).items() if name in heavy}
    layout = writer.ArrayLayout(UTTERANCE, len(rows), len(rows))
    writer.begin(store, specs=specs, layouts=dict.fromkeys(specs, layout))
    for feature, files in plan.resolved.resources.items():
        for name, content in files.items():
            disk.write_bytes(writer.staging(store) / schema.RESOURCES / feature / name, content)
    features = tuple(
        FeatureTask(
            name=name,
            settings=plan.resolved.for_workers(name),
            part=writer.Part(feature=name, partition=0, start=0, stop=len(rows), key="") if name in heavy else None,
            copies=(-1,) * len(rows),
        )
        for name in plan.resolved.with_sources(heavy)
    )
    return replace(
        base,
        store=store,
        finished="",
        rows=base.rows.iloc[rows],
        spans=(Span(0, 1),) * len(rows),
        features=features,
        skip_errors=True,
    )
