"""Utterances to hear: a few recordings inside of the page, where the terms of the corpus allow it."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from pathlib import Path

from kemfeat import media, waveform
from kemfeat.corpora import corpora_of, is_known, terms_of
from kemfeat.corpora.layout import source_file
from kemfeat.errors import ConfigError
from kemfeat.manifest import SEGMENT
from kemfeat.report.examples import judged, typical_rows
from kemfeat.report.tables import printable
from kemfeat.store.reader import Store

MOST_RECORDINGS = 20
MOST_SECONDS = 8.0
SAMPLING_RATE = 16_000
"""Of the recordings in the page [Hz]; 8 s of it are a third of a megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An utterance with a player.

    Parameters
    ----------
    uri : str
        The sound itself as a data URI.
    name : str
        The utterance.
    caption : str
        Its judgements, and how much of it there is.
    quote : str
        Its transcript.
    """

    uri: str
    name: str
    caption: str
    quote: str = ""


def refuse_sound(store: Store, *, count: int) -> None:
    """Refuse to put recordings into a page that may be passed on, before anything is read.

    Parameters
    ----------
    store : Store
        A finished store.
    count : int
        How many recordings are asked for.

    Raises
    ------
    ConfigError
        ``count`` is out of range, the terms of the corpus do not allow it or are not known here, or the store was
        joined of several corpora. A synthetic corpus is nobody's recording.
    """
    if not 1 <= count <= MOST_RECORDINGS:
        raise ConfigError(f"--audio {count}: expected 1 to {MOST_RECORDINGS} recordings; ask for as many")
    if len(corpora_of(store.dataset)) > 1:
        raise ConfigError(f"{store.path}: is joined of several corpora, which have no folder in common; omit --audio")
    if store.synthetic:
        return
    terms = terms_of(store.dataset)
    if terms.restricted or not is_known(store.dataset):
        raise ConfigError(
            f"{store.path}: a page with recordings of {store.dataset} may not be made; omit --audio. {terms.licence}"
        )


def recordings(store: Store, *, root: Path, count: int) -> tuple[Recording, ...]:
    """Take the beginning of typical utterances out of the corpus.

    Parameters
    ----------
    store : Store
        A finished store.
    root : Path
        Folder of its corpus.
    count : int
        How many, at most.

    Returns
    -------
    tuple of Recording
        One of each emotion, the most frequent first, then a second of each, and so on; mono, 16 bit,
        :data:`SAMPLING_RATE`, the first :data:`MOST_SECONDS`.

    Raises
    ------
    ConfigError
        See :func:`refuse_sound`; or no utterance has audio.
    CorpusError
        A file is absent, is not the one that the store was built from, leads out of ``root``, or cannot be decoded.
    """
    refuse_sound(store, count=count)
    heard = store.utterances[store.utterances["audio"].map(lambda name: isinstance(name, str) and name != "")]
    if heard.empty:
        raise ConfigError(f"{store.path}: no utterance has audio; omit --audio")
    rows = heard.index.to_numpy()[typical_rows(heard, count)]
    return tuple(_recording(store, int(row), root) for row in rows)


def _recording(store: Store, row: int, root: Path) -> Recording:
    about = store.utterances.iloc[row]
    path = source_file(root, str(about["audio"]), sources=store.sources)
    signal = media.read_audio(path)
    start, end = (float(about[name]) if name in about.index else math.nan for name in SEGMENT)
    if not math.isnan(start):
        signal = waveform.cut(signal, start, end, name=path.name)
    signal = waveform.to_mono(signal, policy="mean")
    whole = len(signal.values) / signal.sampling_rate
    signal = waveform.resample(waveform.cut(signal, 0, min(whole, MOST_SECONDS), name=path.name), target=SAMPLING_RATE)
    part = "" if whole <= MOST_SECONDS else f" The first {MOST_SECONDS:g} of {whole:.1f} s."
    return Recording(
        uri=f"data:audio/wav;base64,{base64.b64encode(waveform.wav_bytes(signal)).decode('ascii')}",
        name=printable(about["id"]),
        caption=f"{', '.join(judged(about))}.{part}",
        quote=printable(about["text"]) if isinstance(about["text"], str) else "",
    )
