"""Parses physiology once, into one Parquet file per session, and indexes what each utterance has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kemfeat.build._same_files import require_source
from kemfeat.corpora import CorpusReader
from kemfeat.manifest import SIGNALS, UNITS
from kemfeat.records import Events, Medium, Signal
from kemfeat.store import disk, schema, writer
from kemfeat.store.schema import FileReceipt, SessionReceipt

if TYPE_CHECKING:
    import pandas as pd

INDEX = pa.schema(
    [
        pa.field("session", pa.string()),
        pa.field("id", pa.string()),
        pa.field("speaker", pa.string()),
        pa.field("medium", pa.string()),
        pa.field("samples", pa.int64()),
        pa.field("covered", pa.float64()),
        pa.field("start", pa.timestamp("ms")),
        pa.field("digest", pa.string()),
    ]
)
"""One row per utterance, speaker and medium: the number of samples or beats, the seconds that they cover, the clock
time of the first, and the digest of all."""

BEATS = "ibi"
"""The medium of beats, each with a time of its own."""

_READ = ["id", "speaker", "medium", "time", "value", "sampling_rate"]


@dataclass(frozen=True, slots=True)
class SessionTask:
    """Parse one session into the store being built.

    Parameters
    ----------
    reader : CorpusReader
        Reader of the corpus.
    root, store : Path
        Folders of the corpus and of the store.
    session : str
        Name of the session.
    key : str
        Digest of its source files and of the version of the reader.
    files : mapping of str to str
        SHA-256 of each of its source files, by path below the corpus.
    """

    reader: CorpusReader
    root: Path
    store: Path
    session: str
    key: str
    files: Mapping[str, str]

    def sources(self) -> set[str]:
        """Files of the corpus that it reads."""
        return {*self.files}

    def staged(self) -> dict[str, FileReceipt]:
        """Files of the build that it reads."""
        return {}

    def made(self, _parsed: object) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Its signals, and the other files that it has made."""
        signals, rows, receipt = _names(self.session)
        return [((signals,), (receipt, rows))]


def parse_session(task: SessionTask) -> tuple[str, SessionReceipt, pa.Table]:
    """Stage the signals of one session, its rows of the index and then its receipt; return all but the signals."""
    for path, sha256 in task.files.items():
        require_source(task.root, path, sha256)
    table, _findings = task.reader.read_signals(task.root, task.session)
    signals, rows, receipt = _staged(task.store, task.session)
    entries = index(table, session=task.session)
    with disk.writing(task.store):
        disk.write_table(signals, table.cast(SIGNALS))
        disk.write_table(rows, entries)
        made = SessionReceipt(key=task.key, file=disk.receipt(signals))
        disk.write_json(receipt, made.model_dump(mode="json"))
    return task.session, made, entries


def staged_session(store: Path, session: str, *, key: str) -> tuple[SessionReceipt, pa.Table] | None:
    """What an interrupted build staged of a session under the same key, or None."""
    signals, rows, receipt = _staged(store, session)
    try:
        made = SessionReceipt.model_validate_json(receipt.read_bytes())
        whole = made.key == key and disk.receipt(signals) == made.file
        return (made, pq.read_table(rows, schema=INDEX)) if whole else None
    except (OSError, ValueError):
        return None


def _staged(store: Path, session: str) -> tuple[Path, Path, Path]:
    signals, rows, receipt = (writer.staging(store) / name for name in _names(session))
    return signals, rows, receipt


def _names(session: str) -> tuple[str, str, str]:
    return schema.session_path(session), f"index/{session}.parquet", f"sessions/{session}.json"


class _Group(NamedTuple):
    """The rows of one medium of one utterance from the recording of one speaker, in file order."""

    id: str
    speaker: str
    medium: str
    time: NDArray[np.datetime64]
    value: NDArray[np.float64]
    rate: NDArray[np.float64]


def index(table: pa.Table, *, session: str) -> pa.Table:
    """Rows of :data:`INDEX` for the signals of one session."""
    rows = [
        {
            "session": session,
            "id": group.id,
            "speaker": group.speaker,
            "medium": group.medium,
            "samples": len(group.value),
            "covered": _covered(group),
            "start": group.time.min().item(),
            "digest": hashlib.sha256(b"".join(part.tobytes() for part in group[3:])).hexdigest(),
        }
        for group in _groups(table)
    ]
    return pa.Table.from_pylist(rows, schema=INDEX)


def session_media(path: Path, rows: pd.DataFrame) -> dict[tuple[str, str], Medium]:
    """The signals of some utterances of one session, as :func:`media_of` gives them.

    Parameters
    ----------
    path : Path
        Staged signals of the session; absent where it has none.
    rows : DataFrame
        Utterances: id, speaker and clock_start.

    Returns
    -------
    dict of tuple to Signal or Events
        By (utterance, medium).
    """
    if not path.is_file():
        return {}
    state = path.stat()
    groups = _read_groups(path, (state.st_ino, state.st_size, state.st_mtime_ns))
    return _media(rows, groups)


def media_of(signals: pa.Table, rows: pd.DataFrame) -> dict[tuple[str, str], Medium]:
    """The signals of some utterances, each from the recording of its own speaker.

    Parameters
    ----------
    signals : Table
        Signals of a session, at least those of the utterances.
    rows : DataFrame
        Utterances: id, speaker, and clock_start, from which beat times count.

    Returns
    -------
    dict of tuple to Signal or Events
        By (utterance, medium).
    """
    return _media(rows, _by_owner(signals))


def beat_tables(folder: Path, signals: pd.DataFrame) -> Iterator[pa.Table]:
    """The beats of each session that has any.

    Parameters
    ----------
    folder : Path
        Folder of the staged sessions.
    signals : DataFrame
        Rows of :data:`INDEX`.

    Yields
    ------
    Table
        Beats of one session, the columns that :func:`media_of` reads.
    """
    for session in sorted(set(signals.loc[signals["medium"] == BEATS, "session"])):
        yield pq.read_table(
            folder / schema.session_path(session), columns=_READ, filters=pc.field("medium") == pa.scalar(BEATS)
        )


def beat_seconds(beats: pa.Table, rows: pd.DataFrame) -> dict[str, float]:
    """Seconds of each utterance that beats cover: a beat covers its interval up to its time, as in the array ``ibi``.

    Parameters
    ----------
    beats : Table
        Signals of a session, at least its beats.
    rows : DataFrame
        Utterances: id, speaker, clock_start, from which beat times count, and length [s].

    Returns
    -------
    dict of str to float
        By utterance with beats; 0 where all are before its beginning or after its end, NaN where its length is.
    """
    found = media_of(beats, rows)
    covered = rows[rows["id"].isin({name for name, _ in found})]
    lengths = dict(zip(covered["id"], covered["length"], strict=True))
    return {
        name: _within(events, lengths[name])
        for (name, medium), events in found.items()
        if medium == BEATS and isinstance(events, Events)
    }


def _within(beats: Events, length: float) -> float:
    """Seconds between 0 and ``length`` that some beat covers."""
    usable = np.isfinite(beats.times) & (beats.values > 0) & np.isfinite(beats.values)
    order = np.argsort(beats.times[usable], kind="stable")[::-1]
    ends, starts = beats.times[usable][order], (beats.times - beats.values)[usable][order]
    later = np.minimum.accumulate(np.append(np.inf, starts))[:-1]  # from where on later beats cover all that is left
    inside = np.clip(np.minimum(ends, later), 0.0, length) - np.clip(starts, 0.0, length)
    return float(np.sum(np.maximum(inside, 0.0)))


_Owned = Mapping[tuple[str, str], Sequence[_Group]]
"""Groups by (utterance, speaker)."""


def _media(rows: pd.DataFrame, groups: _Owned) -> dict[tuple[str, str], Medium]:
    # Rows of all sessions may be given, and a loop over each of them for every session would take longest of all.
    own = rows[rows["id"].isin({name for name, _ in groups})]
    return {
        (name, group.medium): _medium(group, start)
        for name, speaker, start in zip(own["id"], own["speaker"], own["clock_start"], strict=True)
        for group in groups.get((name, speaker), ())
    }


def _by_owner(signals: pa.Table) -> _Owned:
    found: dict[tuple[str, str], list[_Group]] = {}
    for group in _groups(signals):
        found.setdefault((group.id, group.speaker), []).append(group)
    return found


@lru_cache(maxsize=1)
def _read_groups(path: Path, state: tuple[int, ...]) -> _Owned:  # noqa: ARG001 - the state distinguishes versions of the file
    """The signals of a session, cached because consecutive partitions often read the same session."""
    return _by_owner(pq.read_table(path, columns=_READ))


def _groups(table: pa.Table) -> Iterator[_Group]:
    """The rows of each utterance, speaker and medium, in the order of those names."""
    rows = table.filter(pc.is_valid(table["id"])).combine_chunks()
    names, places = zip(*(_ranked(rows[name]) for name in ("id", "speaker", "medium")), strict=True)
    keys = np.ravel_multi_index(places, [max(len(known), 1) for known in names])
    order = np.argsort(keys, kind="stable")
    time, value, rate = (rows[name].to_numpy()[order] for name in ("time", "value", "sampling_rate"))
    edges = [0, *(np.flatnonzero(np.diff(keys[order])) + 1), len(order)] if len(order) else [0]
    for start, stop in pairwise(edges):
        name, speaker, medium = (known[place[order[start]]] for known, place in zip(names, places, strict=True))
        yield _Group(name, speaker, medium, time[start:stop], value[start:stop], rate[start:stop])


def _ranked(texts: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """The different texts in order, and the rank of the text of each row; numbers sort faster than texts."""
    encoded = texts.combine_chunks().dictionary_encode()
    order = np.argsort(encoded.dictionary.to_numpy(zero_copy_only=False))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return encoded.dictionary.take(pa.array(order)).to_pylist(), ranks[encoded.indices.to_numpy()]


def _covered(group: _Group) -> float:
    """Seconds that finite samples (1 / rate each) or beats (their interval each) cover."""
    finite = np.isfinite(group.value)
    uniform = np.isfinite(group.rate)
    return float(np.sum(finite & uniform) / group.rate[0]) if uniform.all() else float(np.sum(group.value[finite]))


def _medium(group: _Group, start: Any) -> Medium:
    unit = UNITS[group.medium]
    if np.isfinite(group.rate[0]):
        return Signal(group.value, float(group.rate[0]), unit, group.time)
    times = (group.time - np.datetime64(start, "ms")) / np.timedelta64(1000, "ms")
    order = times.argsort(kind="stable")
    return Events(times[order], group.value[order], unit)
