"""The frame in which every synthetic corpus is written: options, notice, sessions, tokenizer, annotation.

``SYNTHETIC.txt`` is written first, and the files by which a reader recognises the corpus last, by a rename: an
interrupted run leaves a folder that says what it is and that no reader takes for a corpus.
"""

from __future__ import annotations

import math
import shutil
import uuid
import wave
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from kemfeat import parallel
from kemfeat.errors import ConfigError, StoreWriteError
from kemfeat.paths import StrPath, to_path
from kemfeat.plural import many
from kemfeat.provenance import NOTICE
from kemfeat.store.outside import refuse_in_store
from kemfeat.video import pyav

SAMPLING_RATE = 16000
VOCAB_SIZE = 2000

_NOTICE = """This folder is a SYNTHETIC corpus made by kemfeat in the shape of {name}.
It holds no recording of any person. Signals, sentences, ratings and defects are computer-generated;
results on it say nothing about people.

utterances = {options.utterances}
sessions = {options.sessions}
seed = {options.seed}
version = {options.version}
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the bytes of a synthetic corpus depend on; see :meth:`SyntheticCorpus.write`."""

    utterances: int
    sessions: int
    seed: int
    version: str
    speaker_effect: float
    video: bool = False


class CorpusPart(Protocol):
    """The part of the plan that one session needs; it survives a trip between processes."""

    @property
    def out(self) -> Path:
        """Folder of the corpus, as a worker sees it."""
        ...

    @property
    def number(self) -> int:
        """Number of the session, from 1."""
        ...

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is said in each utterance, for the tokenizer."""
        ...

    def write(self, folder: Path) -> int:
        """Write the session's media.

        Parameters
        ----------
        folder : Path
            Where; files are two folders deep below it.

        Returns
        -------
        int
            Its number of utterances.
        """
        ...


P = TypeVar("P", bound=CorpusPart)


class SyntheticCorpus(ABC, Generic[P]):
    """Writes a synthetic corpus; a subclass says what it has, plans it, and writes what only the whole has."""

    name: str
    """The corpus' own spelling."""
    utterances: int
    """How many utterances the real corpus has."""
    sessions: int
    """How many sessions the real corpus has."""
    versions: tuple[str, ...]
    """Releases whose defects it can have; the first is the default."""
    per_session: int
    """The most utterances that the names of one session have room for."""
    filmed: bool = False
    """Whether it can have films."""

    @abstractmethod
    def plan(self, out: Path, options: Options) -> Sequence[P]:
        """Decide everything but the media.

        Parameters
        ----------
        out : Path
            Folder of the corpus, as a worker sees it.
        options : Options
            What the bytes depend on.

        Returns
        -------
        sequence of CorpusPart
            One per session.
        """

    @abstractmethod
    def finish(self, out: Path, options: Options, plan: Sequence[P]) -> None:
        """Write what is not media; last, and by a rename, the files by which a reader recognises the corpus.

        Parameters
        ----------
        out : Path
            Folder of the corpus.
        options : Options
            What the bytes depend on.
        plan : sequence of CorpusPart
            One per session.
        """

    def write(
        self,
        out: StrPath,
        *,
        utterances: int | None = None,
        sessions: int | None = None,
        seed: int = 0,
        version: str | None = None,
        speaker_effect: float = 1.0,
        video: bool = False,
        workers: int = 1,
        scheduler: str | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Write the corpus below ``out``.

        Parameters
        ----------
        out : str or PathLike
            Folder, absent or empty.
        utterances : int or None
            How many, at least one per session and at most what its names have room for; None stands for as many as the
            real corpus has.
        sessions : int or None
            At most as many as the real corpus has, for which None stands.
        seed : int, >= 0
            The same seed and options give identical bytes.
        version : str or None
            Release whose defects it has; None stands for the first of ``versions``.
        speaker_effect : float, >= 0
            Factor on how far speakers differ in the valence and arousal they are given; neither speech nor words
            show it.
        video : bool
            Whether to write films, which need PyAV.
        workers : int, >= 1
            Processes.
        scheduler : str or None
            Address of a Dask scheduler whose workers write instead, such as ``tcp://HOST:8786``.
        progress : callable
            Gets the utterances done and in all, after each session.

        Raises
        ------
        ConfigError
            An option is out of range, ``out`` is not empty, or the corpus cannot have films, or not without PyAV.
        StoreWriteError
            The disk refused a write.
        WorkerError
            A worker died, or the scheduler's cannot be used.
        """
        options = Options(
            utterances=self.utterances if utterances is None else utterances,
            sessions=self.sessions if sessions is None else sessions,
            seed=seed,
            version=version or self.versions[0],
            speaker_effect=speaker_effect,
            video=video,
        )
        out = to_path(out)
        self._check(options)
        if video:
            pyav(what="--video")
        try:
            _refuse_what_is_there(out)
            with parallel.open_pool(workers=workers, scheduler=scheduler) as pool:
                self._begin(out, options)
                plan = self.plan(pool.writes(out), options)
                _write_tokenizer(out / "tokenizer", plan)
                done = 0
                progress(0, options.utterances)
                for count in pool.run(_write_whole, plan, name=lambda session: f"session {session.number}"):
                    done += count
                    progress(done, options.utterances)
            self.finish(out, options, plan)
        except OSError as error:
            raise StoreWriteError(
                f"{error.filename or out}: the disk refused a write ({error.strerror}); "
                f"free space or permit writing and run again with another --out; {out} is left unfinished"
            ) from None

    def _check(self, options: Options) -> None:
        sessions, utterances = options.sessions, options.utterances
        if not 1 <= sessions <= self.sessions:
            raise ConfigError(f"sessions: found {sessions}; {self.name} has 1 to {self.sessions}")
        if not sessions <= utterances <= sessions * self.per_session:
            raise ConfigError(
                f"utterances: found {utterances} for {many(sessions, 'session')}; "
                f"expected {sessions} to {sessions * self.per_session}; change --utterances or --sessions"
            )
        if options.seed < 0:
            raise ConfigError(f"seed: found {options.seed}; expected 0 or more")
        if options.version not in self.versions:
            raise ConfigError(f"version: found {options.version!r}; expected one of {', '.join(self.versions)}")
        if options.video and not self.filmed:
            raise ConfigError(f"video: a synthetic {self.name} has no films; leave --video out")
        if not 0 <= options.speaker_effect < math.inf:
            raise ConfigError(f"speaker effect: found {options.speaker_effect}; expected a number of 0 or more")

    def _begin(self, out: Path, options: Options) -> None:
        notice = _NOTICE.format(name=self.name, options=options)
        if options.speaker_effect != 1:
            notice += f"speaker effect = {options.speaker_effect}\n"
        if options.video:
            notice += "video = True\n"
        out.mkdir(parents=True, exist_ok=True)
        (out / NOTICE).write_text(notice, encoding="utf-8")


def _refuse_what_is_there(out: Path) -> None:
    """Refuse to write over anything: it may be the real corpus."""
    refuse_in_store(out)
    if out.is_symlink() and not out.exists():
        raise ConfigError(f"{out}: is a link to nothing; choose an absent or empty folder with --out")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is not a folder; choose an absent or empty folder with --out")
    found = next(iter(sorted(out.iterdir())), None) if out.exists() else None
    if found is not None:
        raise ConfigError(f"{out}: is not empty (found {found.name}); choose an absent or empty folder with --out")


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that is complete or absent.

    Parameters
    ----------
    folder : Path
        Which must not exist yet.
    files : mapping of str to bytes
        Content by path below it.
    """
    aside = folder.with_name(f"{folder.name}.partial")
    aside.mkdir()
    for name, content in files.items():
        (aside / name).parent.mkdir(parents=True, exist_ok=True)
        (aside / name).write_bytes(content)
    aside.rename(folder)


def write_wav(path: Path, samples: NDArray[np.int16]) -> None:
    """Write 16-bit PCM at 16 kHz.

    Parameters
    ----------
    path : Path
        The file.
    samples : ndarray, shape (n,) or (n, channels), int16
        Full scale is 32768.
    """
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(SAMPLING_RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def _write_whole(session: CorpusPart) -> int:
    """Write a session aside and put it in place, so that a second attempt finds nothing half-written."""
    aside = session.out / f"session{session.number:02}.{uuid.uuid4().hex}.partial"
    try:
        count = session.write(aside)
        for folder in sorted(aside.glob("*/*")):
            target = session.out / folder.relative_to(aside)
            target.parent.mkdir(exist_ok=True)
            if not target.exists():  # else another worker was faster; the bytes are the same
                folder.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return count


def _write_tokenizer(folder: Path, plan: Sequence[CorpusPart]) -> None:
    from kemfeat.synth.tokenizer import train

    write_folder(folder, train([text for session in plan for text in session.sentences], vocab_size=VOCAB_SIZE))
