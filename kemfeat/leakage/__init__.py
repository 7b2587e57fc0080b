"""The leakage audit of a store: what the parts of a split share, by its tables and its audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from kemfeat import parallel
from kemfeat.errors import StoreCorruptError
from kemfeat.leakage.contexts import context_windows
from kemfeat.leakage.fingerprints import Fingerprint, fingerprint, same_recording
from kemfeat.manifest import SEGMENT
from kemfeat.splits import Audit, Split, audit, require_utterances, utterance_keys
from kemfeat.store.reader import Store

_ROWS = 128
"""Spectrograms read in one go by each thread: 32 MB at the defaults."""

SHORT_SECONDS = 2.0
"""Below this length two people's "네" can be as similar as two copies of one recording: such audio is only a note."""


def audit_split(
    store: Store, split: Split, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Audit:
    """Look for everything that the parts of a split share.

    Parameters
    ----------
    store : Store
        The store whose utterances the split is of.
    split : Split
        A split of this store.
    progress : callable
        Called with the number of utterances whose audio was compared and the number of all utterances.

    Returns
    -------
    Audit
        What the parts share, and the verdict.

    Raises
    ------
    ConfigError
        The split was made for other utterances, or the store lacks an id of the split.
    StoreCorruptError
        The store cannot be read.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.splits import make_split
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> audit_split(store, make_split(store.utterances, scheme="speaker", folds=2)).__class__.__name__
    'Audit'
    """
    utterances = store.utterances
    require_utterances(split, utterances)
    keys = utterance_keys(utterances)
    keys["identical audio"] = _contents(store)
    windows = context_windows(store)
    if not {"mel", "mel_lengths"} <= set(store.arrays):
        return audit(split, keys=keys, windows=windows, unchecked={"near-identical audio": "the store has no mel"})
    for kind, recordings in _recordings(store, progress).items():
        keys[kind] = recordings
    return audit(split, keys=keys, windows=windows)


def _recordings(store: Store, progress: Callable[[int, int], None]) -> dict[str, list[str | None]]:
    """The number of the recording of each utterance, long and short ones separately."""
    numbers = same_recording(list(fingerprints_of(store, progress=progress)))
    frames = np.zeros(numbers.max(initial=-1) + 2)
    np.maximum.at(frames, numbers, np.asarray(store.array("mel_lengths")[:]))
    long = frames >= SHORT_SECONDS * float(store.array("mel").attrs["frame_rate_hz"])  # type: ignore[arg-type]
    return {
        "near-identical audio": [str(each) if each >= 0 and long[each] else None for each in numbers],
        "near-identical short audio": [str(each) if each >= 0 and not long[each] else None for each in numbers],
    }


def _contents(store: Store) -> list[str | None]:
    """The SHA-256 of each utterance's audio file, with the times of its part where a file has several utterances."""
    files, rows = store.sources, store.utterances
    contents = dict(zip(files["path"], files["sha256"], strict=True))
    whole = [contents.get(path) if isinstance(path, str) else None for path in rows["audio"]]
    if not set(SEGMENT) <= set(rows.columns):
        return whole
    times = zip(whole, *(rows[name] for name in SEGMENT), strict=True)
    return [sha if sha is None or start != start else f"{sha}@{start!r}-{end!r}" for sha, start, end in times]


def fingerprints_of(
    store: Store, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[Fingerprint | None]:
    """One fingerprint for each utterance, as shards are read; only fingerprints are kept, about 2 kB each.

    Parameters
    ----------
    store : Store
        A store with ``mel``.
    progress : callable
        Called with the number of utterances done and of all.

    Yields
    ------
    ndarray or None
        Results of :func:`~kemfeat.leakage.fingerprints.fingerprint`.

    Raises
    ------
    StoreCorruptError
        The array cannot be read.
    """
    lengths = np.asarray(store.array("mel_lengths")[:])
    mel = store.array("mel")

    def read(start: int) -> list[Fingerprint | None]:
        block = np.asarray(mel[start : start + _ROWS])
        return [fingerprint(row[:frames]) for row, frames in zip(block, lengths[start : start + _ROWS], strict=True)]

    done = 0
    try:
        for found in parallel.run_threads(read, range(0, len(store), _ROWS), workers=parallel.default_workers()):
            yield from found
            done += len(found)
            progress(done, len(store))
    except (OSError, ValueError) as error:
        raise StoreCorruptError(
            f"{store.path}: array mel cannot be read ({error}); run `kemfeat verify` to see what is damaged"
        ) from None
