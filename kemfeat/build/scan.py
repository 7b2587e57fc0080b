"""Look at a corpus without decoding it: annotation, headers of the audio, sizes of everything else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kemfeat import media, parallel
from kemfeat.build import _settings, _sources
from kemfeat.build._memory import own_peak
from kemfeat.build._settings import Resolved
from kemfeat.corpora import CorpusReader
from kemfeat.errors import CorpusError, MediaError
from kemfeat.manifest import Manifest

if TYPE_CHECKING:
    import pandas as pd

_NO_AUDIO = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a build reads before it does anything, all of it read.

    Parameters
    ----------
    reader, root : the corpus.
    groups : its files.
    resolved : what is to be made of it.
    manifest : its utterances, labelled.
    seconds, memory : how long listing and reading took, and how many bytes this process has grown by; a build needs
        them too.
    """

    reader: CorpusReader
    root: Path
    groups: Mapping[str, tuple[str, ...]]
    resolved: Resolved
    manifest: Manifest
    seconds: float
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the headers say.

    Parameters
    ----------
    files : path, group, size [bytes] and mtime_ns of every file.
    seconds : length of every utterance's audio, NaN where it has none that can be read [shape=(n,)].
    missing_audio, broken_audio : utterances without an audio file, and those whose file is none.
    """

    files: pd.DataFrame
    seconds: NDArray[np.float64]
    missing_audio: int
    broken_audio: int

    def bytes_of(self, groups: Mapping[str, tuple[str, ...]]) -> int:
        """Size of some groups' files."""
        return int(self.files.loc[self.files["path"].isin({p for some in groups.values() for p in some}), "size"].sum())


def listing(reader: CorpusReader, root: Path, settings: Mapping[str, Any]) -> Inventory:
    """Read the annotation and transcripts, as a build does; rows that cannot be read are left out.

    Raises
    ------
    KemfeatError
        There is no such corpus, or no utterance in it, or a setting does not fit.
    """
    import pandas as pd  # noqa: F401 - so that the time below is that of the corpus

    began, held = time.monotonic(), own_peak()
    groups = reader.sources(root)
    listed = time.monotonic()
    resolved = _settings.resolve(settings, reader=reader, root=root)
    resolved_at = time.monotonic()
    manifest = reader.read_manifest(root, on_error="skip")
    if not len(manifest):
        raise CorpusError(f"{root}: the annotation lists no utterances; copy the corpus again")
    labelled = manifest.labelled(resolved.config.labels)
    return Inventory(
        reader=reader,
        root=root,
        groups=groups,
        resolved=resolved,
        manifest=labelled,
        seconds=time.monotonic() - resolved_at + listed - began,
        memory=own_peak() - held,
    )


def survey(found: Inventory, *, workers: int, progress: Callable[[int, int], None]) -> Survey:
    """Size every file and read the header of every utterance's audio.

    Parameters
    ----------
    found : the corpus.
    workers : threads that read.
    progress : gets headers read and headers to read.
    """
    audio = found.manifest.utterances["audio"]
    paths = audio.dropna().tolist()
    known: dict[str, float] = {}
    progress(0, len(paths))
    for done, seconds in enumerate(parallel.run_threads(partial(_seconds, found.root), paths, workers=workers)):
        known[paths[done]] = seconds
        progress(done + 1, len(paths))
    return Survey(
        files=_sources.stat_all(found.root, found.groups),
        seconds=np.array([known.get(path, _NO_AUDIO) for path in audio], dtype=np.float64),
        missing_audio=int(audio.isna().sum()),
        broken_audio=sum(np.isnan(list(known.values()))),
    )


def _seconds(root: Path, path: str) -> float:
    try:
        header = media.scan_header(root / path)
    except MediaError:
        return _NO_AUDIO
    return header.frames / header.sampling_rate
