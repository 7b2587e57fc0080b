"""Size on disk of mel and delta, losslessly compressed, relative to the unpadded raw float32 bytes."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kemfeat.media import read_audio
from kemfeat.store.reader import open_store

from . import Comparison
from ._context import Context, build
from ._record import Row
from ._rounds import figure

_ITEM = 4
_RATE = 16_000


def measure(context: Context) -> Iterator[Row]:
    """One share for both arrays, and each of them."""
    if context.wavs is None:
        path, speech = context.store(context.size), "synthetic speech"
    else:
        path, speech = _real(context, context.wavs), f"real speech ({context.wavs.name})"
    store = open_store(path)
    shares = {name: on_disk(path, name) / unpadded(path) for name in ("mel", "delta")}
    what = f"bytes of mel and delta on disk, {len(store):,} utterances of {speech}"
    yield figure("codec.size", what, [sum(shares.values()) / 2], unit="of the unpadded raw bytes")
    for name, share in shares.items():
        yield figure(f"codec.{name}", f"{name} alone", [share], unit="of the unpadded raw bytes")


def on_disk(store: Path, array: str) -> int:
    """Bytes of the files of one array's rows, as their receipts have them."""
    parts = open_store(store).header.parts
    files = {name: receipt.bytes for part in parts for name, receipt in part.files.items()}
    return sum(size for name, size in files.items() if f"/{array}/c/" in name)


def unpadded(store: Path) -> int:
    """Bytes of the real frames of mel, as of delta, in float32."""
    opened = open_store(store)
    return int(opened.utterances["mel_frames"].sum()) * opened.header.arrays["mel"].shape[-1] * _ITEM


def _real(context: Context, wavs: Path) -> Path:
    """A store of real speech in the shape and with the durations of the corpus."""
    utterances = context.pick(full=1_024, quick=128)
    corpus, store = context.folder("speech"), context.folder("speech-store")
    context.synth(corpus, utterances)
    speak(corpus, wavs)
    build(corpus, store)
    return store


def speak(corpus: Path, wavs: Path) -> None:
    """Put real clips, joined and cut to the durations there are, into the audio files of a synthetic corpus."""
    clips = [read_audio(path).values for path in sorted(wavs.rglob("*.wav"))]
    rng = np.random.default_rng(0)
    for path in sorted((corpus / "wav").rglob("*.wav")):
        samples = len(read_audio(path).values)
        joined = np.empty(0, np.float32)
        while len(joined) < samples:
            joined = np.concatenate([joined, clips[rng.integers(len(clips))]])
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, _RATE, samples, "NONE", ""))
            file.writeframes((np.clip(joined[:samples], -1, 1) * 32767).astype("<i2").tobytes())


COMPARISON = Comparison(measure=measure)
