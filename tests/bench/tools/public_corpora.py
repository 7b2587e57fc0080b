"""The three commands of docs/howto/public-corpora.md for every public corpus, on folders of its shape.

``python -m kemfeat_bench.tools.public_corpora OUT`` makes a folder for each corpus, whose clips are tones that differ
by emotion under noise, runs the installed command, and prints a row for each. The scores say that the commands work,
and nothing about people.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

RATE = 16_000
KEMFEAT = Path(sys.executable).with_name("kemfeat")


class Clip(NamedTuple):
    """Where a clip is, who speaks, and the number of its emotion."""

    path: str
    speaker: int
    emotion: int


class Shape(NamedTuple):
    """How the folder of a corpus is made, and how it is split."""

    clips: Callable[[], Iterable[Clip]]
    emotions: tuple[str, ...]
    folds: int
    beside: Callable[[Path, list[Clip]], None] = lambda folder, clips: None


def _ravdess() -> Iterator[Clip]:
    for actor, emotion, statement in product(range(1, 13), range(1, 9), (1, 2)):
        name = f"03-01-{emotion:02}-01-{statement:02}-01-{actor:02}.wav"
        yield Clip(f"Actor_{actor:02}/{name}", actor, emotion)


def _crema_d() -> Iterator[Clip]:
    emotions = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
    for actor, (number, emotion), said in product(range(1001, 1013), enumerate(emotions), ("DFA", "IEO", "TIE")):
        yield Clip(f"AudioWAV/{actor}_{said}_{emotion}_XX.wav", actor - 1000, number)


def _with_votes(folder: Path, clips: list[Clip]) -> None:
    """The tables of CREMA-D: who the actors are, and three of the crowd for each clip."""
    people = "".join(f'{1000 + who},30,"Female","X","Y"\n' for who in sorted({clip.speaker for clip in clips}))
    (folder / "VideoDemographics.csv").write_text(f'"ActorID","Age","Sex","Race","Ethnicity"\n{people}')
    head = "localid pos ans ttr queryType numTries clipNum questNum subType clipName sessionNums respEmo respLevel"
    names = ('""', *(f'"{name}"' for name in (*head.split(), "dispEmo", "dispVal", "dispLevel")))
    rows = [
        f'"1",{rater},1,"{letter}_50",3000,1,0,1,1,4,"{Path(clip.path).stem}",1,"{letter}",50,"A","X",50'
        for clip in clips
        for rater, letter in enumerate((clip.path.split("_")[2][0],) * 3)
    ]
    (folder / "finishedResponses.csv").write_text("\n".join([",".join(names), *rows]) + "\n")


def _savee() -> Iterator[Clip]:
    letters = ("a", "d", "f", "h", "n", "sa", "su")
    who = ("DC", "JE", "JK", "KL")
    for (speaker, name), (number, letter), take in product(enumerate(who), enumerate(letters), range(1, 7)):
        yield Clip(f"AudioData/{name}/{letter}{take:02}.wav", speaker, number)


def _jl_corpus() -> Iterator[Clip]:
    emotions = ("angry", "sad", "neutral", "happy", "excited")
    who = ("female1", "male1", "female2", "male2")
    said = ("1a", "2a", "3a", "1b", "2b", "3b")
    for (speaker, name), (number, emotion), sentence in product(enumerate(who), enumerate(emotions), said):
        yield Clip(f"JL(wav+txt)/{name}_{emotion}_{sentence}_1.wav", speaker, number)


SEVEN = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
SHAPES = {
    "RAVDESS": Shape(_ravdess, (*SEVEN, "calm"), 4),
    "CREMA-D": Shape(_crema_d, SEVEN[:6], 4, _with_votes),
    "SAVEE": Shape(_savee, SEVEN, 4),
    "JL-corpus": Shape(_jl_corpus, ("angry", "excited", "happy", "neutral", "sad"), 4),
}


def write(folder: Path, shape: Shape) -> None:
    """Make a folder: each emotion has a pitch, each speaker another, and there is noise."""
    clips = list(shape.clips())
    generator = np.random.default_rng(0)
    for clip in clips:
        pitch = 110 + 14 * clip.emotion + 3 * (clip.speaker % 7) + generator.normal(0, 8)
        seconds = np.arange(int(RATE * generator.uniform(0.8, 1.6))) / RATE
        voice = sum(np.sin(2 * np.pi * pitch * number * seconds) / number for number in range(1, 6))
        path = folder / clip.path
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * voice + generator.normal(scale=0.02, size=len(seconds)), RATE, subtype="PCM_16")
    shape.beside(folder, clips)


def measure(corpus: str, out: Path) -> str:
    """A row of the table for one corpus."""
    shape, here = SHAPES[corpus], out / corpus
    root, store, split = here / "corpus", here / "store", here / "split.parquet"
    write(root, shape)
    _kemfeat("build", "--dataset", corpus, "--root", root, "--out", store, "--features", "prosody")
    _kemfeat("split", store, "--scheme", "speaker", "--folds", shape.folds, "--labels", "annotated", "--out", split)
    runs = [here / f"fold{fold}" for fold in range(shape.folds)]
    chosen = f"model.emotions={json.dumps(list(shape.emotions))}"
    for fold, run in enumerate(runs):
        options = ("--features", "prosody", "--store", store, "--split", split, "--fold", fold, "--set", chosen)
        _kemfeat("train", "baseline/logistic", *options, "--out", run)
    pooled = json.loads(_kemfeat("evaluate", *runs, "--json"))["runs"][-1]["targets"]["emotion"]["scores"]["uar"]
    score = f"{pooled['value']:.3f} [{pooled['ci_low']:.3f}, {pooled['ci_high']:.3f}]".replace("0.", ".")
    speakers, chance = pooled["speakers"], f"{1 / len(shape.emotions):.3f}".replace("0.", ".")
    return f"| {corpus} | {pooled['n']} | {speakers} | {shape.folds} | {score} | {chance} |"


def _kemfeat(*arguments: object) -> str:
    done = subprocess.run([KEMFEAT, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
    return done.stdout


if __name__ == "__main__":
    sys.stdout.write("| corpus | tones | speakers | folds | UAR | chance |\n|---|---|---|---|---|---|\n")
    for name in SHAPES:
        sys.stdout.write(f"{measure(name, Path(sys.argv[1]))}\n")
