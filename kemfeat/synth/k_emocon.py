"""Synthetic K-EmoCon: the tree, formats and defects of the real corpus, with invented content.

Published and kept: names of files and columns, 16 debates of two people, about 130 windows of five seconds of each,
who has no wristband data, who wore one without contact, and who has rows of two. Distributions of ratings, when each
speaks, and all signals are guesses. Bytes depend on ``utterances``, ``sessions``, ``seed`` and ``speaker_effect``
alone, not on the number of workers.

``emotion_annotations`` is written last, by a rename: an interrupted run leaves a folder that no reader takes for a
corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth import physiology, speech
from kemfeat.synth.sentences import sentence
from kemfeat.synth.streams import Stream, generator
from kemfeat.synth.writing import SAMPLING_RATE, Options, SyntheticCorpus, write_folder, write_wav

WITHOUT_WRISTBAND = (2, 3, 6, 7)
WITHOUT_CONTACT = (17, 20)
ENDS_EARLY = (1, 19, 20, 23, 24, 25, 26)
"""People who rated windows after the recording of their wristband had ended."""
_SERIALS = {
    31: {"EDA": "A013E1", "TEMP": "A013E1", "IBI": "A01525"},
    32: dict.fromkeys(("EDA", "TEMP", "IBI"), "A01A3A"),
}
_OTHER_SERIAL = "A00B99"
_WINDOW = 5
_LEAD = 20
"""Seconds that a wristband records before the debate; the real ones are minutes."""
_BEGAN = 1_547_100_000_000
"""The first debate, milliseconds since 1970; the others follow day by day."""
_RATERS = ("self", "partner", "R1", "R2", "R3", "R4", "R5")
_RATED = ("cheerful", "happy", "angry", "nervous", "sad")
_LISTS = {
    ("boredom", "confusion", "delight", "concentration", "frustration", "surprise", "none_1"): (
        *(0.03, 0.08, 0.06, 0.55, 0.06, 0.02, 0.20),
    ),
    ("confrustion", "contempt", "dejection", "disgust", "eureka", "pride", "sorrow", "none_2"): (
        *(0.05, 0.03, 0.02, 0.02, 0.03, 0.05, 0.02, 0.78),
    ),
}
"""Per list of categories how often each is chosen."""
_HEADER = ("seconds", "arousal", "valence", *_RATED, *(name for names in _LISTS for name in names))
_FOLDERS = {"self": "self_annotations", "partner": "partner_annotations"}


@dataclass(frozen=True, slots=True)
class Person:
    """One of the two of a debate: number, and what each window is like: arousal and valence minus 3 [shape=(n,)]."""

    pid: int
    energy: NDArray[np.float64]
    tone: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Session:
    """A debate: the part of the plan that it needs, with the folder it goes to."""

    out: Path
    seed: int
    number: int
    people: tuple[Person, ...]
    sentences: tuple[str, ...]

    @property
    def began(self) -> int:
        """When the debate began, milliseconds since 1970."""
        return _BEGAN + 86_400_000 * self.number

    def write(self, folder: Path) -> int:
        """Write the sound and the wristbands; see :meth:`kemfeat.synth.writing.CorpusPart.write`."""
        (folder / "debate_audios").mkdir(parents=True)
        first = 2 * self.number - 1
        write_wav(folder / "debate_audios" / f"p{first}.p{first + 1}.wav", _sound(self))
        for person in self.people:
            if person.pid not in WITHOUT_WRISTBAND:
                target = folder / "e4_data" / str(person.pid)
                target.mkdir(parents=True)
                for medium, text in _wristband(self, person).items():
                    (target / f"E4_{medium}.csv").write_text(text, encoding="utf-8")
        return sum(len(person.energy) for person in self.people)

    def ends(self, person: Person) -> int:
        """When the wristband of a person ends.

        Parameters
        ----------
        person : Person
            One of the two.

        Returns
        -------
        int [ms]
            Since 1970.
        """
        windows = len(person.energy) - (person.pid in ENDS_EARLY and len(person.energy) > 1)
        return self.began + 1000 * _WINDOW * windows


class KEmoConSynth(SyntheticCorpus[Session]):
    """Writes a synthetic K-EmoCon."""

    name = "K_EmoCon"
    utterances = 4159
    sessions = 16
    versions = ("1.0",)
    per_session = 2 * 9999 // _WINDOW

    def plan(self, out: Path, options: Options) -> Sequence[Session]:
        """Windows and sentences of each debate; see :meth:`SyntheticCorpus.plan`."""
        sizes = [len(part) for part in np.array_split(np.arange(options.utterances), 2 * options.sessions)]
        return [_session(out, options, number, sizes[2 * number - 2 : 2 * number]) for number in _numbers(options)]

    def finish(self, out: Path, options: Options, plan: Sequence[Session]) -> None:
        """Write the metadata, then the ratings; see :meth:`SyntheticCorpus.finish`."""
        lines = [
            f"{person.pid},{session.began - 1000 * _LEAD},{session.began},{session.ends(person)}"
            for session in plan
            for person in session.people
        ]
        table = "\n".join(["pid,initTime,startTime,endTime", *lines, ""])
        write_folder(out / "metadata", {"subjects.csv": table.encode()})
        files = {name: text for session in plan for name, text in _annotations(session, options)}
        write_folder(out / "emotion_annotations", files)


SYNTH = KEmoConSynth()


def _numbers(options: Options) -> range:
    return range(1, options.sessions + 1)


def _session(out: Path, options: Options, number: int, sizes: Sequence[int]) -> Session:
    people = tuple(_person(options, 2 * number - 1 + place, windows) for place, windows in enumerate(sizes) if windows)
    rng = generator(options.seed, Stream.SENTENCE, number)
    longest = max(people, key=lambda person: len(person.energy))
    words = tuple(sentence(rng, tone=float(tone), syllables=18.0) for tone in longest.tone)
    return Session(out, options.seed, number, people, words)


def _person(options: Options, pid: int, windows: int) -> Person:
    rng = generator(options.seed, Stream.LAYOUT, pid)
    usual = rng.normal(0.0, 0.15 * options.speaker_effect, size=2)
    energy, tone = (0.85 * _wander(rng, windows) + level for level in usual)
    return Person(pid, energy, tone)


def _wander(rng: np.random.Generator, windows: int) -> NDArray[np.float64]:
    """A slow random walk of unit spread: people rate minutes alike."""
    values, now = np.empty(windows), rng.normal()
    for place, step in enumerate(rng.normal(size=windows)):
        now = 0.9 * now + np.sqrt(1 - 0.9**2) * step
        values[place] = now
    return values


def _sound(session: Session) -> NDArray[np.int16]:
    """Both voices in turn, in each channel one of them softer [shape=(n, 2)]."""
    length = _WINDOW * SAMPLING_RATE
    rng = generator(session.seed, Stream.SPEECH, session.number)
    voices = [
        speech.draw_voice(generator(session.seed, Stream.VOICE, person.pid), sex="FM"[person.pid % 2])
        for person in session.people
    ]
    sound = np.empty((len(session.sentences) * length, 2), np.int16)
    for place, words in enumerate(session.sentences):
        speaker = place % len(session.people)
        energy = session.people[speaker].energy
        samples = speech.speak(
            rng, words, voice=voices[speaker], energy=float(energy[min(place, len(energy) - 1)]), samples=length
        )
        loud, soft = samples, samples // 2
        part = (loud, soft) if speaker == 0 else (soft, loud)
        sound[place * length : (place + 1) * length] = np.stack(part, axis=1)
    return sound


def _wristband(session: Session, person: Person) -> dict[str, str]:
    """Text of the file of each medium."""
    rng = generator(session.seed, Stream.PHYSIOLOGY, person.pid)
    body = physiology.draw_body(rng)
    begins = session.began - 1000 * _LEAD
    count = int((session.ends(person) - begins) / 1000 * physiology.RATE)
    windows = np.minimum(np.arange(count) / (physiology.RATE * _WINDOW), len(person.energy) - 1).astype(int)
    energy = person.energy[windows]
    eda = physiology.skin_conductance(rng, body, energy)
    temp = physiology.skin_temperature(rng, body, count)
    times, intervals = physiology.heart_beats(rng, body, energy)
    kept = physiology.detected(rng, len(times))
    if person.pid in WITHOUT_CONTACT:
        eda[:] = 0.0
    clock = begins + (1000 / physiology.RATE * np.arange(count)).astype(np.int64)
    beats = begins + np.rint(1000 * times[kept]).astype(np.int64)
    return {
        "EDA": _recording(person.pid, "EDA", clock, [f"{value:.6f}" for value in eda]),
        "TEMP": _recording(person.pid, "TEMP", clock, [f"{value:.2f}" for value in temp]),
        "IBI": _recording(person.pid, "IBI", beats, [f"{1000 * value:.3f}" for value in intervals[kept]]),
    }


def _recording(pid: int, medium: str, clock: NDArray[np.int64], values: Sequence[str]) -> str:
    serials = [_SERIALS.get(pid, {}).get(medium, f"A0{pid:04X}")]
    if pid in _SERIALS:
        serials.append(_OTHER_SERIAL)
    lines = [
        f"{time},{pid},{value},{serial},1,{_BEGAN}"
        for serial in serials
        for time, value in zip(clock.tolist(), values, strict=True)
    ]
    return "\n".join(["timestamp,pid,value,device_serial,device_number,entry_time", *lines, ""])


def _annotations(session: Session, options: Options) -> Iterator[tuple[str, bytes]]:
    for person in session.people:
        rng = generator(options.seed, Stream.RATINGS, person.pid)
        tables = {rater: _rated(rng, person) for rater in _RATERS}
        externals = [tables[rater] for rater in _RATERS if rater not in _FOLDERS]
        for rater, rows in tables.items():
            folder = _FOLDERS.get(rater, "external_annotations")
            yield f"{folder}/P{person.pid}.{rater}.csv", _csv(rows)
        final = [_majority(rng, [rows[place] for rows in externals]) for place in range(len(person.energy))]
        yield f"aggregated_external_annotations/P{person.pid}.external.csv", _csv(final)


_Row = Mapping[str, str]


def _rated(rng: np.random.Generator, person: Person) -> list[_Row]:
    """The rows of one rater."""
    bias = rng.normal(0.0, 0.3, size=2)
    rows: list[_Row] = []
    for place, (energy, tone) in enumerate(zip(person.energy, person.tone, strict=True)):
        arousal, valence = (
            int(np.clip(np.rint(3 + latent + off + rng.normal(0.0, 0.5)), 1, 5))
            for latent, off in zip((energy, tone), bias, strict=True)
        )
        glad, upset = max(valence - 2, 1), max(4 - valence, 1)
        rated = (glad, glad, max(upset + (arousal > 3) - 1, 1), max(upset, 1), upset)
        row = {"seconds": str(_WINDOW * (place + 1)), "arousal": str(arousal), "valence": str(valence)}
        row |= {name: str(min(value, 4)) for name, value in zip(_RATED, rated, strict=True)}
        row |= {names[rng.choice(len(names), p=shares)]: "x" for names, shares in _LISTS.items()}
        rows.append(row)
    return rows


def _majority(rng: np.random.Generator, rows: Sequence[_Row]) -> _Row:
    """What most raters said, ties at random as in the corpus."""
    said = {name: _most(rng, [row[name] for row in rows]) for name in ("seconds", "arousal", "valence", *_RATED)}
    for names in _LISTS:
        said[_most(rng, [name for row in rows for name in names if name in row])] = "x"
    return said


def _most(rng: np.random.Generator, words: Sequence[str]) -> str:
    known, counts = np.unique(words, return_counts=True)
    return str(rng.choice(known[counts == counts.max()]))


def _csv(rows: Sequence[_Row]) -> bytes:
    lines = [",".join(row.get(name, "") for name in _HEADER) for row in rows]
    return "\n".join([",".join(_HEADER), *lines, ""]).encode()
