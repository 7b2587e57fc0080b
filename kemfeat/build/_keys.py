"""Row keys: what a feature's row is made of, as one short digest.

The key of row i is the digest of the source bytes that the feature reads, its canonical configuration and its
extractor's version; a feature made from another takes that one's key for the source. Equal keys mean equal bytes,
so a row is copied, never extracted again, as long as its key exists somewhere in the store.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kemfeat.build._settings import Resolved
from kemfeat.config import digest
from kemfeat.manifest import SEGMENT, UNITS
from kemfeat.store.writer import Part

if TYPE_CHECKING:
    import pandas as pd

_LENGTH = 32
_MISSING = "missing"


def row_keys(resolved: Resolved, sources: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Per feature the key of every row.

    Parameters
    ----------
    resolved : the configuration and its extractors, in order.
    sources : per medium the digest of every row's source, see :func:`medium_digests`.
    """
    keys: dict[str, list[str]] = {}
    for name, extractor in resolved.extractors.items():
        recipe = digest([name, extractor.version, resolved.config.settings[name]])
        columns = [sources[medium] if medium in sources else keys[medium] for medium in extractor.media]
        keys[name] = [_short("|".join((recipe, *row))) for row in zip(*columns, strict=True)]
    return keys


def medium_digests(
    utterances: pd.DataFrame, *, audio: Mapping[str, str], signals: pd.DataFrame
) -> dict[str, list[str]]:
    """Per medium the digest of every utterance's source, ``missing`` where there is none.

    Parameters
    ----------
    utterances : the manifest's table with the column ``clock_start``.
    audio : per path the SHA-256 of the file.
    signals : index of the physiology (id, speaker, medium, start, digest).
    """
    digests = {
        "audio": _audio_digests(utterances, audio),
        "transcript": [_short(text) if isinstance(text, str) else _MISSING for text in utterances["text"]],
    }
    for medium in UNITS:
        own = signals[signals["medium"] == medium]
        found = dict(zip(zip(own["id"], own["speaker"], strict=True), own["digest"], strict=True))
        who = zip(utterances["id"], utterances["speaker"], utterances["clock_start"], strict=True)
        digests[medium] = [_dated(found.get((name, speaker)), start) for name, speaker, start in who]
    return digests


def parts(feature: str, keys: Sequence[str], groups: Sequence[str], *, rows_per_shard: int) -> list[Part]:
    """The partitions of one feature: consecutive rows, each under the digest of its rows' keys and groups.

    Parameters
    ----------
    feature : its name.
    keys : the key of every row.
    groups : of every row what statistics are told apart by.
    rows_per_shard : rows of a partition.
    """
    return [
        Part(
            feature=feature,
            partition=number,
            start=start,
            stop=min(start + rows_per_shard, len(keys)),
            key=digest([start, rows_per_shard, *(column[start : start + rows_per_shard] for column in (keys, groups))]),
        )
        for number, start in enumerate(range(0, len(keys), rows_per_shard))
    ]


def _audio_digests(utterances: pd.DataFrame, audio: Mapping[str, str]) -> list[str]:
    """The digest of every utterance's file, with its stretch of one that it shares."""
    whole = [audio.get(path, _MISSING) if isinstance(path, str) else _MISSING for path in utterances["audio"]]
    if not set(SEGMENT) <= set(utterances.columns):
        return whole
    times = zip(whole, *(utterances[name] for name in SEGMENT), strict=True)
    return [
        found if found == _MISSING or math.isnan(start) else f"{found}@{start!r}-{end!r}" for found, start, end in times
    ]


def _dated(found: str | None, start: Any) -> str:
    """Event times count from the utterance's own clock, which another medium may set."""
    return f"{found}@{start}" if found is not None else _MISSING


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
