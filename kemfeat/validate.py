"""Read a whole corpus and report what is wrong with it; nothing is written."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kemfeat import corpora, findings, media, parallel, provenance, video, waveform
from kemfeat.balance import Balance, lost_findings
from kemfeat.corpora import CorpusReader, open_reader
from kemfeat.errors import ConfigError, CorpusError, MediaError
from kemfeat.findings import Findings
from kemfeat.manifest import FILM, SEGMENT, Manifest
from kemfeat.parallel import Progress
from kemfeat.paths import StrPath, to_path, to_path_or_none
from kemfeat.records import Finding, Severity, Signal

if TYPE_CHECKING:
    import pandas as pd

DURATION_TOLERANCE = 0.25
"""Seconds by which annotated times and audio may differ: one sample of the 4 Hz wristband."""

CANCELLED = 20.0
"""By how many dB the mean of channels must be below the loudest of them to say that they cancel: n channels of which
all but one are silent lose 20 log10(n) dB, 6 for two."""

_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationReport:
    """What validation found.

    Parameters
    ----------
    dataset : str
        Name of the corpus.
    root : Path
        Its folder.
    counts : mapping of str to int
        Number of utterances, sessions, speakers, ratings, audio files, transcripts and physiology files.
    findings : tuple of Finding
        One per rule, errors first.
    balance : Balance or None
        What became of every utterance that the corpus mentions; None where its reader does not count.
    synthetic : bool
        Whether the corpus is computer-generated, as its folder says.

    Examples
    --------
    >>> report = validate_corpus("KEMDy20", root="corpora/KEMDy20")
    >>> report.counts["utterances"], report.count("error")
    (36, 0)
    """

    dataset: str
    root: Path
    synthetic: bool
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]
    balance: Balance | None

    def count(self, severity: Severity) -> int:
        """The number of broken rules of a severity.

        Parameters
        ----------
        severity : {"error", "warning", "info"}
            Which rules to count.

        Returns
        -------
        int
            Number of rules, not of places.
        """
        return sum(finding.severity == severity for finding in self.findings)


def validate_corpus(
    dataset: str,
    *,
    root: StrPath,
    table: StrPath | None = None,
    follow_links: bool = False,
    workers: int = 1,
    scheduler: str | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> ValidationReport:
    """Check every file of a corpus against the rules of :mod:`kemfeat.findings`.

    Parameters
    ----------
    dataset : str
        Name of a corpus reader.
    root : str or PathLike
        Folder of the corpus.
    table : str, PathLike or None
        The user's table of utterances, for a reader that takes one.
    follow_links : bool
        Whether links of the corpus may lead out of its folder.
    workers : int, >= 1
        Number of processes that read.
    scheduler : str or None
        Address of a Dask scheduler whose workers read instead, such as ``tcp://HOST:8786``.
    progress : callable
        Called with ``parse`` or ``check``, the number of files done and the number of all.

    Returns
    -------
    ValidationReport
        Counts and findings.

    Raises
    ------
    CorpusLayoutError
        ``root`` is not this corpus.
    CorpusError
        A table is so damaged that its rows cannot be read.

    Examples
    --------
    >>> report = validate_corpus("KEMDy20", root="corpora/KEMDy20")
    >>> [finding.rule for finding in report.findings if finding.severity == "error"]
    []
    """
    root = to_path(root)
    reader = open_reader(dataset, root=root, table=to_path_or_none(table), follow_links=follow_links)
    with parallel.open_pool(workers=workers, scheduler=scheduler) as pool:
        return _validated(reader, root=pool.reads(root), pool=pool, progress=progress)


def _validated(reader: CorpusReader, *, root: Path, pool: parallel.Pool, progress: Progress) -> ValidationReport:
    groups = reader.sources(root)
    manifest = reader.read_manifest(root, on_error="skip")
    found = [*manifest.findings]
    speakers = {session: dict(zip(rows["id"], rows["speaker"], strict=True)) for session, rows in _by_session(manifest)}
    names = [group.removeprefix("signals/") for group in groups if group.startswith("signals/")]
    sessions = [_SessionTask(reader, root, name, speakers.get(name, {})) for name in names]
    progress("parse", 0, len(sessions))
    by_session: dict[str, tuple[Finding, ...]] = {}
    for session, some in pool.run(_check_session, sessions, name=lambda task: task.session):
        by_session[session] = some
        progress("parse", len(by_session), len(sessions))
    found += [finding for task in sessions for finding in by_session[task.session]]
    audio = _check_audio(root, manifest.utterances, pool=pool, progress=progress)
    found += _check_films(root, manifest.utterances, pool=pool, progress=progress)
    balance = corpora.balance(reader, root, manifest)
    if balance is not None:
        failed = _failed(manifest.utterances, audio) if "audio" in reader.media else 0
        balance = balance.with_failed(failed)
        found += lost_findings(balance)
    return ValidationReport(
        dataset=reader.name,
        root=root,
        synthetic=provenance.is_synthetic(root),
        counts=_counts(manifest, groups),
        findings=findings.merge([*found, *audio]),
        balance=balance,
    )


def _failed(utterances: pd.DataFrame, audio: Iterable[Finding]) -> int:
    """The number of utterances that cannot be built: audio that is missing, or refused by a rule that says so."""
    refused = {rule.code for rule in (findings.UNREADABLE_WAV, findings.SEGMENT_OUTSIDE, findings.QUIET_CHANNEL)}
    return int(utterances["audio"].isna().sum()) + sum(one.count for one in audio if one.rule in refused)


def _by_session(manifest: Manifest) -> Iterable[tuple[str, pd.DataFrame]]:
    return ((str(name), rows) for name, rows in manifest.utterances.groupby("session"))


@dataclass(frozen=True, slots=True)
class _SessionTask:
    """A session whose signals are to be checked, and the speaker of each of its utterances."""

    reader: CorpusReader
    root: Path
    session: str
    speakers: Mapping[str, str]


def _check_session(task: _SessionTask) -> tuple[str, tuple[Finding, ...]]:
    signals, found = task.reader.read_signals(task.root, task.session)
    more = task.reader.check_signals(signals, known_ids=task.speakers, session=task.session)
    return task.session, (*found, *more)


@dataclass(frozen=True, slots=True)
class _AudioTask:
    """Audio files to check: path, annotated duration, start and end of the part [s]; NaN where there is none."""

    first: int
    root: Path
    files: tuple[tuple[str, float, float, float], ...]


def _check_audio(root: Path, utterances: pd.DataFrame, *, pool: parallel.Pool, progress: Progress) -> list[Finding]:
    have = utterances[utterances["audio"].notna()]
    cut = [have[name] if name in have else [math.nan] * len(have) for name in SEGMENT]
    files = list(zip(have["audio"], have["end"] - have["start"], *cut, strict=True))
    tasks = [_AudioTask(start, root, tuple(files[start : start + _BATCH])) for start in range(0, len(files), _BATCH)]
    batches: dict[int, _Checked] = {}
    progress("check", 0, len(files))
    for some in pool.run(_check_files, tasks, name=lambda task: task.files[0][0]):
        batches[some.first] = some
        progress("check", min(len(batches) * _BATCH, len(files)), len(files))
    checked = [batches[first] for first in sorted(batches)]
    return [finding for some in checked for finding in some.findings] + _same_audio(checked)


@dataclass(frozen=True, slots=True)
class _Checked:
    """What was found in the files of a task, and the place and digest of what is heard in each."""

    first: int
    findings: tuple[Finding, ...]
    sounds: tuple[tuple[str, str], ...]


def _same_audio(checked: Iterable[_Checked]) -> list[Finding]:
    """A finding where utterances have the same samples: copies of one recording, or one part of it."""
    places: dict[str, list[str]] = {}
    for some in checked:
        for place, sound in some.sounds:
            places.setdefault(sound, []).append(place)
    found = Findings()
    for first, *others in places.values():
        for other in others:
            found.add(findings.SAME_AUDIO, f"{other}: the same samples as {first}")
    return list(found.merged())


def _check_files(task: _AudioTask) -> _Checked:
    found = Findings()
    sounds = []
    for path, annotated, start, end in task.files:
        try:
            signal: Signal | None = media.read_audio(task.root / path)
            if signal is not None and not math.isnan(start):
                signal = _stretch(signal, start, end, path, found)
        except MediaError as error:
            found.add(findings.UNREADABLE_WAV, str(error).removeprefix(f"{task.root}{os.sep}"))
            continue
        if signal is None:
            continue
        if waveform.is_silent(signal):
            found.add(findings.SILENT_WAV, f"{path}: all {len(signal.values)} samples are {signal.values.flat[0]:g}")
        else:
            sounds.append((_place(path, start, end), hashlib.sha256(signal.values.tobytes()).hexdigest()))
            if signal.values.ndim > 1:
                _check_channels(signal, path, found)
        seconds = len(signal.values) / signal.sampling_rate
        if abs(seconds - annotated) > DURATION_TOLERANCE:
            found.add(findings.DURATION_MISMATCH, f"{path}: {seconds:.3f} s of audio, annotated as {annotated:.3f} s")
    return _Checked(task.first, found.merged(), tuple(sounds))


def _place(path: str, start: float, end: float) -> str:
    return path if math.isnan(start) else f"{path} from {start:g} to {end:g} s"


@dataclass(frozen=True, slots=True)
class _FilmTask:
    """A film to check, and when the last utterance in it ends [s]."""

    root: Path
    path: str
    end: float


def _check_films(root: Path, utterances: pd.DataFrame, *, pool: parallel.Pool, progress: Progress) -> list[Finding]:
    if FILM[0] not in utterances or not utterances[FILM[0]].notna().any():
        return []
    ends = utterances.groupby(FILM[0])["end"].max()
    tasks = [_FilmTask(root, str(path), float(end)) for path, end in ends.items()]
    progress("check", 0, len(tasks))
    by_path: dict[str, tuple[Finding, ...]] = {}
    for path, some in pool.run(_check_film, tasks, name=lambda task: task.path):
        by_path[path] = some
        progress("check", len(by_path), len(tasks))
    return [finding for path in sorted(by_path) for finding in by_path[path]]


def _check_film(task: _FilmTask) -> tuple[str, tuple[Finding, ...]]:
    found = Findings()
    try:
        end = video.measured(task.root / task.path, name=task.path)
        if end < task.end:
            example = f"{task.path}: {end:.2f} s of film, its last utterance ends at {task.end:.2f} s"
            found.add(findings.SHORT_VIDEO, example)
    except (MediaError, CorpusError) as error:
        found.add(findings.UNREADABLE_VIDEO, str(error))
    except ConfigError:
        found.add(findings.UNCHECKED_VIDEO, task.path)
    return task.path, found.merged()


def _check_channels(signal: Signal, path: str, found: Findings) -> None:
    """Report that a clip has several channels, with their levels where they differ."""
    values, count = signal.values, waveform.channel_count(signal)
    if np.array_equal(values, np.repeat(values[:, :1], count, axis=1)):
        found.add(findings.MULTI_CHANNEL, f"{path}: {count} equal channels")
        return
    levels = waveform.channel_levels(signal)
    said = ", ".join("silent" if np.isneginf(level) else f"{level:.0f} dB" for level in levels)
    mean = waveform.channel_levels(waveform.to_mono(signal, policy="mean"))[0]
    if mean < levels.max() - CANCELLED:
        said += "; they cancel in the mean"
    quiet = levels[0] < levels.max() - waveform.QUIET_CHANNEL
    rule = findings.QUIET_CHANNEL if quiet else findings.CHANNELS_DIFFER
    found.add(rule, f"{path}: {count} channels that differ: {said}")


def _stretch(signal: Signal, start: float, end: float, path: str, found: Findings) -> Signal | None:
    """The part of a recording; None and a finding where it is not within the recording."""
    try:
        return waveform.cut(signal, start, end, name=path)
    except MediaError as error:
        found.add(findings.SEGMENT_OUTSIDE, str(error))
        return None


def _counts(manifest: Manifest, groups: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    utterances = manifest.utterances
    physiology = {path for group, paths in groups.items() if group.startswith("signals/") for path in paths}
    return {
        "utterances": len(utterances),
        "sessions": int(utterances["session"].nunique()),
        "speakers": int(utterances["speaker"].nunique()),
        "ratings": len(manifest.ratings),
        "audio files": len(groups["audio"]),
        "transcripts": len(groups["transcript"]),
        "physiology files": len(physiology.difference(groups["annotation"])),
    }
