"""Speech-like audio: a glottal source through moving formants, timed by the syllables of a Korean sentence.

Not intelligible, but shaped like speech: voiced pulses and noise, four resonances that follow the vowels, an envelope
at syllable rate, pauses between words, a low noise floor. Pitch, level and brightness rise with ``energy`` (arousal).
The resonators are those of D. H. Klatt, Software for a cascade/parallel formant synthesizer, JASA 67 (1980).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kemfeat.compiled import compiled
from kemfeat.synth.writing import SAMPLING_RATE

HOP = 80
SEMITONES_PER_POINT = 5.0
DECIBELS_PER_POINT = 6.0
LEVEL = -27.0
"""dB re full scale of an utterance of average arousal."""
NOISE_FLOOR = -68.0
SYLLABLES_PER_SECOND = 4.6

# F1, F2, F3 [Hz] of an adult male for the 21 vowels in Unicode order.
_A, _E, _EO, _O, _U, _EU, _I = (
    (750, 1250, 2550),
    (520, 1850, 2500),
    (580, 950, 2500),
    (400, 750, 2450),
    (330, 800, 2350),
    (350, 1350, 2350),
    (280, 2200, 2950),
)
_VOWELS = np.array(
    [_A, _E, _A, _E, _EO, _E, _EO, _E, _O, _A, _E, _E, _O, _U, _EO, _E, _I, _U, _EU, _EU, _I], dtype=np.float64
)
# How noisy the 19 initial consonants are (0 sonorant to 1 fricative), and where a burst or hiss is centred [Hz].
_HISS = np.array([0.2, 0.1, 0, 0.2, 0.1, 0, 0, 0.2, 0.1, 1, 1, 0, 0.7, 0.6, 0.9, 0.7, 0.7, 0.6, 0.5])
_HISS_HZ = np.array(
    [1800, 1800, 0, 3500, 3500, 0, 0, 900, 900, 5200, 5600, 0, 3800, 3800, 4200, 1900, 3700, 1000, 1500]
)
_HISS_GAIN = 0.1
# Bandwidths [Hz] of the four formants and of the hiss.
_WIDTHS = np.array([70.0, 100.0, 160.0, 300.0, 1200.0])
_FIRST, _LAST = ord("가"), ord("힣")


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker's voice.

    Parameters
    ----------
    pitch : float [Hz]
        Fundamental frequency at average arousal.
    tract : float
        Factor on the formants of an adult male.
    level : float [dB]
        Added to :data:`LEVEL`.
    rate : float
        Factor on :data:`SYLLABLES_PER_SECOND`.
    """

    pitch: float
    tract: float
    level: float
    rate: float


def draw_voice(rng: np.random.Generator, *, sex: str) -> Voice:
    """A voice.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    sex : {"M", "F"}
        Of the speaker.

    Returns
    -------
    Voice
        Pitch, vocal tract, level and rate.
    """
    pitch, tract = (118.0, 1.0) if sex == "M" else (205.0, 1.16)
    shape = rng.standard_normal(4)
    return Voice(
        pitch=float(pitch * np.exp(0.09 * shape[0])),
        tract=float(tract * np.exp(0.035 * shape[1])),
        level=float(1.5 * shape[2]),
        rate=float(np.exp(0.08 * shape[3])),
    )


def target_syllables(voice: Voice, *, energy: float, seconds: float) -> float:
    """How many syllables the speaker fits into an utterance; aroused speakers speak faster.

    Parameters
    ----------
    voice : Voice
        Of the speaker.
    energy : float
        Arousal minus the corpus mean.
    seconds : float [s]
        Duration of the utterance.

    Returns
    -------
    float
        Syllables.
    """
    return (seconds - 0.2) * SYLLABLES_PER_SECOND * voice.rate * (1 + 0.12 * energy)


def speak(rng: np.random.Generator, text: str, *, voice: Voice, energy: float, samples: int) -> NDArray[np.int16]:
    """Audio of a text at 16 kHz.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the noise.
    text : str
        Korean text.
    voice : Voice
        Of the speaker.
    energy : float
        Arousal minus the corpus mean.
    samples : int, >= 1
        Length.

    Returns
    -------
    ndarray, shape (samples,), int16
        Full scale is 32768.
    """
    frames = samples // HOP + 2
    pitch, voicing, hiss, resonators = _tracks(rng, text, voice=voice, energy=energy, frames=frames)
    noise = rng.standard_normal(samples, dtype=np.float32)
    speech = _synthesise(pitch, voicing, hiss, resonators, 0.45 + 0.3 * float(np.tanh(energy)), noise)
    level = LEVEL + voice.level + DECIBELS_PER_POINT * energy + rng.normal(0.0, 1.0)
    gain = 10 ** (level / 20) / max(float(np.sqrt(np.mean(speech**2))), 1e-9)
    floor = rng.standard_normal(samples, dtype=np.float32) * np.float32(10 ** (NOISE_FLOOR / 20))
    scaled = np.rint((speech * gain + floor) * 32767)
    return np.asarray(np.clip(scaled, -32767, 32767), dtype=np.int16)


def _tracks(
    rng: np.random.Generator, text: str, *, voice: Voice, energy: float, frames: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Pitch [Hz], voicing and hiss, each shape=(frames,), and the resonators, shape=(3, frames, 5)."""
    codes, pauses = _syllables(rng, text)
    unit, position = _timing(rng, pauses, frames)
    spoken = ~pauses[unit]
    onset, vowel = codes[unit] // 588, codes[unit] % 588 // 28
    consonant = np.clip(1 - position / 0.3, 0, 1) * _HISS[onset] * spoken
    stress = rng.normal(0.0, 1.0, size=len(pauses))
    envelope = np.sin(np.pi * np.clip(position, 0.02, 0.98)) ** 0.6 * 10 ** (0.1 * stress[unit])
    voicing = _smooth(spoken * envelope * (1 - np.minimum(1.0, 1.3 * consonant)), 3)
    centres = np.column_stack(
        [_smooth(_VOWELS[vowel] * voice.tract, 9), np.full(frames, 3700.0), _HISS_HZ[onset] + 500.0]
    )
    return (
        _pitch(rng, voice, energy, stress[unit], asks=text.endswith("?")),
        voicing,
        _smooth(consonant, 3) * _HISS_GAIN,
        _resonators(centres, _WIDTHS),
    )


def _pitch(
    rng: np.random.Generator, voice: Voice, energy: float, stress: NDArray[np.float64], *, asks: bool
) -> NDArray[np.float64]:
    """Arousal shifts the pitch and widens its range; it declines over the utterance and rises in a question."""
    where = np.linspace(0.0, 1.0, len(stress))
    semitones = SEMITONES_PER_POINT * energy + rng.normal(0.0, 0.6) + 1.5 - 3.0 * where
    semitones = semitones + (1.0 + 0.4 * np.tanh(energy)) * _smooth(stress, 15)
    if asks:
        semitones = semitones + 6.0 * np.clip(where - 0.85, 0.0, None) / 0.15
    jitter = _smooth(rng.normal(0.0, 0.3, size=len(stress)), 3)
    return np.asarray(voice.pitch * 2.0 ** ((semitones + jitter) / 12))


def _syllables(rng: np.random.Generator, text: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Hangul codes counted from the first one, and which units are pauses; both ends are pauses."""
    units: list[int] = [-1]
    for letter in text:
        if _FIRST <= ord(letter) <= _LAST:
            units.append(ord(letter) - _FIRST)
        elif letter in ",." or (letter == " " and rng.random() < 0.15):
            units.append(-1)
    codes = np.array([*units, -1], dtype=np.int64)
    pauses = codes < 0
    # A pause keeps the mouth where the next syllable needs it.
    following = np.where(pauses, len(codes), np.arange(len(codes)))
    nearest = np.minimum.accumulate(following[::-1])[::-1]
    return np.where(nearest < len(codes), codes[np.minimum(nearest, len(codes) - 1)], 0).clip(0), pauses


def _timing(
    rng: np.random.Generator, pauses: NDArray[np.bool_], frames: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Per frame the index of its unit and the position within it, 0 to 1."""
    lengths = np.exp(0.2 * rng.standard_normal(len(pauses))) * np.where(pauses, 0.9, 1.0)
    ends = np.cumsum(lengths) / lengths.sum() * frames
    frame = np.arange(frames) + 0.5
    unit = np.minimum(np.searchsorted(ends, frame), len(ends) - 1)
    begins = np.concatenate([[0.0], ends[:-1]])
    return unit, (frame - begins[unit]) / (ends - begins)[unit]


def _smooth(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Moving average over ``width`` (odd) frames of the first axis, edges repeated."""
    half = width // 2
    padded = np.concatenate([values[:1].repeat(half + 1, axis=0), values, values[-1:].repeat(half, axis=0)])
    total = np.cumsum(padded, axis=0)
    return np.asarray((total[width:] - total[:-width]) / width)


def _resonators(centres: NDArray[np.float64], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients a, b, c of ``y = a x + b y1 + c y2`` with unit gain at 0 Hz [shape=(3, *centres.shape)]."""
    radius = np.exp(-np.pi * widths / SAMPLING_RATE)
    b = 2.0 * radius * np.cos(2.0 * np.pi * centres / SAMPLING_RATE)
    c = np.broadcast_to(-(radius**2), b.shape)
    return np.stack([1.0 - b - c, b, c])


@compiled()
def _synthesise(
    pitch: NDArray[np.float64],
    voicing: NDArray[np.float64],
    hiss: NDArray[np.float64],
    resonators: NDArray[np.float64],
    brightness: float,
    noise: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Glottal pulses through a cascade of four resonators, plus hiss through the fifth [shape=(samples,)]."""
    out = np.empty(len(noise))
    state = np.zeros((5, 2))
    phase, tilted, previous = 0.0, 0.0, 0.0
    for index in range(len(noise)):
        frame = index // HOP
        step = (index - frame * HOP) / HOP
        phase += (pitch[frame] * (1 - step) + pitch[frame + 1] * step) / SAMPLING_RATE
        phase -= np.floor(phase)
        # Derivative of a cubic glottal flow that is open for 60 % of the period (KLGLOTT88).
        opening = phase / 0.6
        pulse = 2.0 * opening - 3.0 * opening * opening if opening < 1.0 else 0.0
        voiced = voicing[frame] * (1 - step) + voicing[frame + 1] * step
        tilted += brightness * (voiced * (pulse + 0.05 * noise[index]) - tilted)
        # The difference keeps the hiss out of the low bands.
        turbulence = (hiss[frame] * (1 - step) + hiss[frame + 1] * step) * noise[index]
        value, breath = tilted, turbulence - previous
        previous = turbulence
        for k in range(5):
            driven = value if k < 4 else breath
            driven = (
                resonators[0, frame, k] * driven
                + resonators[1, frame, k] * state[k, 0]
                + resonators[2, frame, k] * state[k, 1]
            )
            state[k, 1] = state[k, 0]
            state[k, 0] = driven
            if k < 4:
                value = driven
        out[index] = value + state[4, 0]
    return out
