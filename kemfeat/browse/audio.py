"""The sound of an utterance, from the folder of its corpus, as something that every browser plays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat import media, waveform
from kemfeat.corpora.layout import refuse_escape, source_file
from kemfeat.errors import CorpusError, MediaError
from kemfeat.manifest import SEGMENT
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    from kemfeat.records import Signal

_PLAYED = {".flac": "audio/flac", ".mp3": "audio/mpeg"}
_PLAYED_WAV = ("PCM_U8", "PCM_16")
_WAV = "audio/wav"
_MOST_CHANNELS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What is sent: a file as it is, or bytes that were made of one.

    Parameters
    ----------
    content : Path or bytes
        The file, or the bytes.
    kind : str
        Its media type.
    """

    content: Path | bytes
    kind: str


def sound_of(store: Store, row: int, *, root: Path | None) -> Sound:
    """The sound of one utterance.

    Parameters
    ----------
    store : Store
        A finished store.
    row : int
        Number of the utterance.
    root : Path or None
        Folder of its corpus.

    Returns
    -------
    Sound
        The file itself where every browser plays it and the utterance is all of it; else 16-bit wav.

    Raises
    ------
    MediaError
        No folder was given, the utterance has no audio, or the file cannot be decoded.
    CorpusError
        The path leads out of the folder, or the file is not the one that the store was built from.
    """
    about = store.utterances.iloc[row]
    path = _file(store, about["audio"], root=root)
    start, end = (float(about[name]) if name in about.index else np.nan for name in SEGMENT)
    if np.isnan(start) and (kind := _plays(path)):
        return Sound(content=path, kind=kind)
    signal = media.read_audio(path)
    if not np.isnan(start):
        signal = waveform.cut(signal, start, end, name=path.name)
    return Sound(content=as_wav(signal), kind=_WAV)


def _file(store: Store, name: Any, *, root: Path | None) -> Path:
    """The file of an utterance, below the root and as long as it was."""
    if not isinstance(name, str):
        raise MediaError("The corpus has no audio of this utterance.")
    if root is None:
        raise MediaError("To hear it, end the command and run it again with --root and the folder of the corpus.")
    try:
        refuse_escape(root / name, root=root)
    except CorpusError:  # which names what a link leads to
        raise CorpusError(f"{name}: leads out of {root}; only files below --root are played") from None
    return source_file(root, name, sources=store.sources)


def _plays(path: Path) -> str | None:
    """The media type of a file that every browser plays as it is."""
    if path.suffix.lower() == ".wav":
        header = media.scan_header(path)
        return _WAV if header.subtype in _PLAYED_WAV and header.channels <= _MOST_CHANNELS else None
    return _PLAYED.get(path.suffix.lower())


def as_wav(signal: Signal) -> bytes:
    """A signal as a 16-bit wav file; what is above full scale is clipped.

    Parameters
    ----------
    signal : Signal
        Shape (n,) or (n, channels); of more than two channels the mean is taken.

    Returns
    -------
    bytes
        The file.
    """
    if waveform.channel_count(signal) > _MOST_CHANNELS:
        signal = waveform.to_mono(signal, policy="mean")
    return waveform.wav_bytes(signal)
