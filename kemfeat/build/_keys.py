"""Row keys: what a row of a feature is made from, as one short digest.

The key of row i is the digest of the source bytes that the feature reads, its canonical configuration and the version
of its extractor; a feature made from another feature uses the key of that one as its source. Equal keys mean equal
bytes, so a row is copied, never extracted again, as long as its key exists somewhere in the store.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kemfeat.build._recordings import utterance_lengths
from kemfeat.build._settings import Resolved
from kemfeat.config import digest
from kemfeat.manifest import FILM, RECORDINGS, SEGMENT, UNITS
from kemfeat.store.layout import LAYOUT
from kemfeat.store.writer import Part

if TYPE_CHECKING:
    import pandas as pd

_LENGTH = 32
_MISSING = "missing"


def row_keys(resolved: Resolved, sources: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The key of every row of each feature.

    Parameters
    ----------
    resolved : Resolved
        The configuration and its extractors, in order.
    sources : mapping of str to sequence of str
        For each medium, the digest of the source of every row; see :func:`medium_digests`.

    Returns
    -------
    dict of str to list of str
        Keys by feature.
    """
    keys: dict[str, list[str]] = {}
    for name, extractor in resolved.extractors.items():
        recipe = digest([name, extractor.version, resolved.config.settings[name]])
        columns = [sources[medium] if medium in sources else keys[medium] for medium in extractor.media]
        keys[name] = [_short("|".join((recipe, *row))) for row in zip(*columns, strict=True)]
    return keys


def medium_digests(
    utterances: pd.DataFrame,
    *,
    audio: Mapping[str, str],
    signals: pd.DataFrame,
    sessions: Mapping[str, str],
    video: Mapping[str, str],
) -> dict[str, list[str]]:
    """The digest of the source of every utterance for each medium, ``missing`` where there is none.

    Parameters
    ----------
    utterances : DataFrame
        Table of the manifest with the columns ``duration`` and ``clock_start``.
    audio : mapping of str to str
        SHA-256 of each file, by path.
    signals : DataFrame
        Index of the physiology (id, speaker, medium, start, digest).
    sessions : mapping of str to str
        Digest of the files of physiology of each session.
    video : mapping of str to str
        SHA-256 of each film, by path; empty where no feature reads films.

    Returns
    -------
    dict of str to list of str
        Digests by medium.
    """
    digests = {
        "audio": _audio_digests(utterances, audio),
        "video": _video_digests(utterances, video),
        "transcript": [_short(text) if isinstance(text, str) else _MISSING for text in utterances["text"]],
    }
    for medium in UNITS:
        own = signals[signals["medium"] == medium]
        found = dict(zip(zip(own["id"], own["speaker"], strict=True), own["digest"], strict=True))
        who = zip(utterances["id"], utterances["speaker"], utterances["clock_start"], strict=True)
        digests[medium] = [_dated(found.get((name, speaker)), start) for name, speaker, start in who]
    return digests | dict.fromkeys(RECORDINGS, _recording_digests(utterances, sessions))


def parts(feature: str, keys: Sequence[str], groups: Sequence[str], *, rows_per_shard: int) -> list[Part]:
    """The partitions of one feature: consecutive rows under the digest of their keys and groups.

    Parameters
    ----------
    feature : str
        Name of the feature.
    keys : sequence of str
        Key of every row.
    groups : sequence of str
        Group of every row in the statistics.
    rows_per_shard : int
        Rows of a partition.

    Returns
    -------
    list of Part
        In order.
    """
    return [
        Part(
            feature=feature,
            partition=number,
            start=start,
            stop=min(start + rows_per_shard, len(keys)),
            key=digest(
                [LAYOUT, start, rows_per_shard, *(column[start : start + rows_per_shard] for column in (keys, groups))]
            ),
        )
        for number, start in enumerate(range(0, len(keys), rows_per_shard))
    ]


def _audio_digests(utterances: pd.DataFrame, audio: Mapping[str, str]) -> list[str]:
    """The digest of the file of every utterance, with its segment where it shares the file."""
    whole = [audio.get(path, _MISSING) if isinstance(path, str) else _MISSING for path in utterances["audio"]]
    if not set(SEGMENT) <= set(utterances.columns):
        return whole
    times = zip(whole, *(utterances[name] for name in SEGMENT), strict=True)
    return [
        found if found == _MISSING or math.isnan(start) else f"{found}@{start!r}-{end!r}" for found, start, end in times
    ]


def _video_digests(utterances: pd.DataFrame, video: Mapping[str, str]) -> list[str]:
    """The digest of the film of every utterance, with its name, and who is seen where and when."""
    if not set(FILM) <= set(utterances.columns):
        return [_MISSING] * len(utterances)
    scenes = zip(*(utterances[name] for name in (*FILM, "sex", "start")), strict=True)
    return [
        f"{video[path]}@{path}|{side}|{sex}|{start!r}" if path in video else _MISSING
        for path, side, sex, start in scenes
    ]


def _recording_digests(utterances: pd.DataFrame, sessions: Mapping[str, str]) -> list[str]:
    """The digest of all files of the session, and where the utterance is in it."""
    who = zip(
        *(utterances[name] for name in ("session", "script", "clock_start")), utterance_lengths(utterances), strict=True
    )
    return [
        f"{_dated(sessions.get(session), start)}+{length!r}|{script}" if session in sessions else _MISSING
        for session, script, start, length in who
    ]


def _dated(found: str | None, start: Any) -> str:
    """The digest with the start of the utterance: event times count from it, and another medium may set it."""
    return f"{found}@{start}" if found is not None else _MISSING


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
