"""Mel and delta of one utterance, one thread, CPU time: what the project exists for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from kemfeat.features import delta, mel
from kemfeat.media import read_audio
from kemfeat.records import Signal

from . import Comparison
from ._context import Context
from ._record import Row
from ._rounds import Contestant, Turn, cpu_seconds, figure, rows

SECONDS = 5.95
"""The mean of KEMDy20."""
RATE = 16_000
N_FFT, HOP, MELS, FMIN, FMAX, WIDTH = 2048, 512, 128, 100, 8000, 9
CLIPS = 8
"""Clips per turn."""

Clips = list[NDArray[np.float32]]
Extract = Callable[[NDArray[Any]], object]


def measure(context: Context) -> Iterator[Row]:
    """Ratios beside librosa, torch and lhotse, and how far kemfeat's mel is from librosa's in float64."""
    clips = speech(context)
    contestants = {
        "kemfeat": Contestant(open=partial(_turn, kemfeat, clips)),
        "librosa": Contestant(
            open=partial(_turn, librosa, clips),
            what="mel + delta of one utterance, CPU time of one thread, beside librosa",
            library="librosa",
            note="melspectrogram, power_to_db and delta of float32 samples.",
        ),
        "torch": Contestant(
            open=partial(_turn, torch, clips),
            what="the same beside torch.stft, as torchaudio does it",
            library="torch",
            note="float32 throughout, which misses 1e-4 dB on real clips. torchaudio's transforms, spelt out: it has "
            "no build for every torch.",
        ),
        "lhotse": Contestant(
            open=partial(_turn, lhotse, clips),
            what="mel + delta of kemfeat beside the mel alone of lhotse's LibrosaFbank",
            library="lhotse",
            note="lhotse makes no delta here, and no range relative to the maximum.",
        ),
    }
    with threadpool_limits(limits=1):
        outcome = context.contest(contestants, rounds=context.pick(full=15, quick=7))
        yield from rows("mel", contestants, outcome, item="utterance")
        worst = max(map(disagreement, clips))
        what = f"largest difference from librosa on float64 samples, {CLIPS} clips"
        yield figure("mel.agreement", what, [worst], unit="dB")


def speech(context: Context) -> Clips:
    """Clips of the mean length, joined from utterances of a corpus, or from real speech where there is some."""
    folder = context.wavs or context.corpus(context.pick(full=1_200, quick=480))
    samples = round(SECONDS * RATE)
    files = iter(sorted(folder.rglob("*.wav")))
    clips: Clips = []
    while len(clips) < CLIPS:
        clip = np.empty(0, np.float32)
        while len(clip) < samples:
            clip = np.concatenate([clip, read_audio(next(files)).values])
        clips.append(clip[:samples])
    return clips


def kemfeat() -> Extract:
    """Both features, as a build makes them."""
    extract_mel = mel.EXTRACTOR.open(mel.MelConfig(), Path())
    extract_delta = delta.EXTRACTOR.open(delta.DeltaConfig(), Path())

    def extract(clip: NDArray[Any]) -> object:
        features = extract_mel({"audio": Signal(clip, RATE, "1")})
        return features.arrays["mel"], extract_delta({"mel": features}).arrays["delta"]

    return extract


def librosa() -> Extract:
    """As the reference project does it."""
    import librosa

    def extract(clip: NDArray[Any]) -> object:
        powers = librosa.feature.melspectrogram(
            y=clip, sr=RATE, n_fft=N_FFT, hop_length=HOP, n_mels=MELS, fmin=FMIN, fmax=FMAX
        )
        decibels = librosa.power_to_db(powers, ref=np.max)
        return decibels.T, librosa.feature.delta(decibels, width=WIDTH).T

    return extract


def torch() -> Extract:
    """``torchaudio.transforms`` spelt out: MelSpectrogram, AmplitudeToDB, ComputeDeltas."""
    import librosa
    import torch

    torch.set_num_threads(1)
    bands = torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=N_FFT, n_mels=MELS, fmin=FMIN, fmax=FMAX))
    window = torch.hann_window(N_FFT)
    steps = torch.arange(WIDTH, dtype=torch.float32) - WIDTH // 2
    kernel = (steps / (steps**2).sum()).expand(MELS, 1, WIDTH)

    def extract(clip: NDArray[Any]) -> object:
        spectrum = torch.stft(
            torch.from_numpy(clip), N_FFT, HOP, window=window, pad_mode="constant", return_complex=True
        )
        powers = torch.matmul(bands, spectrum.abs().square())
        decibels = 10 * torch.log10(torch.clamp(powers, min=1e-10))
        decibels = torch.maximum(decibels - decibels.max(), torch.tensor(-80.0))
        padded = torch.nn.functional.pad(decibels[None], (WIDTH // 2, WIDTH // 2), mode="replicate")
        slopes = torch.nn.functional.conv1d(padded, kernel, groups=MELS)[0]
        return decibels.T.contiguous().numpy(), slopes.T.contiguous().numpy()

    return extract


def lhotse() -> Extract:
    """``LibrosaFbank`` at the same settings."""
    from lhotse.features.librosa_fbank import LibrosaFbank, LibrosaFbankConfig

    settings = LibrosaFbankConfig(
        sampling_rate=RATE, fft_size=N_FFT, hop_size=HOP, num_mel_bins=MELS, fmin=FMIN, fmax=FMAX
    )
    extractor = LibrosaFbank(settings)
    return lambda clip: extractor.extract(clip, RATE)


def disagreement(clip: NDArray[np.float32]) -> float:
    """Largest difference of kemfeat's mel from that of librosa in float64, dB."""
    made: Any = kemfeat()(clip)
    expected: Any = librosa()(clip.astype(np.float64))
    return float(np.abs(made[0] - expected[0]).max())


def _turn(prepare: Callable[[], Extract], clips: Clips) -> Turn:
    extract = prepare()
    extract(clips[0])

    def turn() -> float:
        return cpu_seconds(lambda: [extract(clip) for clip in clips]) / len(clips)

    return turn


COMPARISON = Comparison(measure=measure, libraries=("librosa", "torch", "lhotse"))
