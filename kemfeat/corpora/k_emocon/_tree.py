"""The folders and files of K-EmoCon, and the messages for a wrong folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kemfeat.corpora.layout import list_files, list_folders, nearby, require_folder, show_contents
from kemfeat.errors import CorpusLayoutError

NAME = "K_EmoCon"
SUBJECTS = "metadata/subjects.csv"
ANNOTATIONS = "emotion_annotations"
AUDIO = "debate_audios"
WRISTBANDS = "e4_data"
MEDIA = ("eda", "temp", "ibi")
_PID = "[1-9]|[12][0-9]|3[0-2]"
_SUBJECTS = re.compile(r"subjects\.csv")
_FOLDERS = {
    "self": ("self_annotations", re.compile(rf"P({_PID})\.self\.csv")),
    "partner": ("partner_annotations", re.compile(rf"P({_PID})\.partner\.csv")),
    "external": ("external_annotations", re.compile(rf"P({_PID})\.R([1-9])\.csv")),
    "aggregated": ("aggregated_external_annotations", re.compile(rf"P({_PID})\.external\.csv")),
}
"""Per perspective its folder and the names of its files."""
_DEBATE = re.compile(rf"p({_PID})\.p({_PID})\.wav")
_PERSON = re.compile(_PID)
_RECORDING = re.compile(r"E4_(EDA|TEMP|IBI)\.csv")
_UNREAD = re.compile(r"E4_(?:ACC|BVP|HR)\.csv")


def partner_of(pid: int) -> int:
    """The number of who debates with a person; the first debates with the second."""
    return pid + 1 if pid % 2 else pid - 1


def session_of(pid: int) -> str:
    """The debate of a person, such as ``p1.p2``."""
    first = pid - 1 + pid % 2
    return f"p{first}.p{first + 1}"


def window_id(pid: int, seconds: int) -> str:
    """The window of a person that ends so many seconds after the debate began, such as ``P1_0005``."""
    return f"P{pid}_{seconds:04}"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A file of ratings: where it is, whom it is about, from which perspective, and by which external rater."""

    path: str
    pid: int
    perspective: str
    rater: str = ""

    @property
    def who(self) -> str:
        """Who rates."""
        if self.perspective == "self":
            return f"P{self.pid}"
        return self.rater or f"P{partner_of(self.pid)}"


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a corpus, as paths relative to its root.

    Parameters
    ----------
    annotations : list of Annotation
        Ratings, by perspective, person and rater.
    audio : dict of str to str
        Per debate its sound.
    signals : dict of str to list of tuple of (str, int, str)
        Per debate the files of its wristbands: path, person and medium.
    strays : list of str
        Files and folders beside them that are not part of the corpus.
    """

    annotations: list[Annotation] = field(default_factory=list)
    audio: dict[str, str] = field(default_factory=dict)
    signals: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)

    def sources(self) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`."""
        signals = {f"signals/{name}": tuple(sorted(path for path, *_ in files)) for name, files in self.signals.items()}
        return {
            "annotation": tuple(sorted(each.path for each in self.annotations)),
            "audio": tuple(sorted(self.audio.values())),
            "transcript": (),
            "clock": (SUBJECTS,),
            **dict(sorted(signals.items())),
        }


def scan(root: Path, *, follow_links: bool = False) -> Tree:
    """List the corpus.

    Parameters
    ----------
    root : Path
        Its folder.
    follow_links : bool
        Whether links may lead out of it.

    Returns
    -------
    Tree
        Its files.

    Raises
    ------
    CorpusLayoutError
        ``root`` is not the corpus, or ratings, sound or metadata are missing.
    CorpusError
        A file is a link that leads out of ``root``.
    """
    require_folder(root, corpus=NAME, holds=f"{ANNOTATIONS}/, {AUDIO}/ and {SUBJECTS}")
    tree = Tree()
    for perspective, (folder, pattern) in _FOLDERS.items():
        for name in _files(tree, root, f"{ANNOTATIONS}/{folder}", pattern, follow_links=follow_links):
            pid, *rater = (pattern.fullmatch(name) or ()).groups()  # type: ignore[union-attr]
            tree.annotations.append(
                Annotation(f"{ANNOTATIONS}/{folder}/{name}", int(pid), perspective, f"R{rater[0]}" if rater else "")
            )
    tree.annotations.sort(key=lambda each: (list(_FOLDERS).index(each.perspective), each.pid, each.rater))
    for name in _files(tree, root, AUDIO, _DEBATE, follow_links=follow_links):
        session = name.removesuffix(".wav")
        first = int(session.partition(".")[0][1:])
        if session == session_of(first):
            tree.audio[session] = f"{AUDIO}/{name}"
        else:
            tree.strays.append(f"{AUDIO}/{name}")
    _add_wristbands(tree, root, follow_links=follow_links)
    clock = list_files(root / "metadata", _SUBJECTS, root=root, follow_links=follow_links).fitting
    for there, expected in (
        (tree.annotations, f"{ANNOTATIONS}/self_annotations/P1.self.csv"),
        (tree.audio, f"{AUDIO}/p1.p2.wav"),
        (clock, SUBJECTS),
    ):
        if not there:
            raise CorpusLayoutError(_absent(root, expected))
    return tree


def _add_wristbands(tree: Tree, root: Path, *, follow_links: bool) -> None:
    people = list_folders(root / WRISTBANDS, _PERSON, root=root, follow_links=follow_links)
    tree.strays.extend(f"{WRISTBANDS}/{name}" for name in people.others)
    for person in sorted(people.fitting, key=int):
        folder = f"{WRISTBANDS}/{person}"
        names = set(_files(tree, root, folder, _RECORDING, follow_links=follow_links))
        for medium in MEDIA:
            if (name := f"E4_{medium.upper()}.csv") in names:
                files = tree.signals.setdefault(session_of(int(person)), [])
                files.append((f"{folder}/{name}", int(person), medium))


def _files(tree: Tree, root: Path, folder: str, pattern: re.Pattern[str], *, follow_links: bool) -> Iterator[str]:
    listed = list_files(root / folder, pattern, root=root, follow_links=follow_links)
    tree.strays.extend(f"{folder}/{name}" for name in listed.others if not _UNREAD.fullmatch(name))
    yield from listed.fitting


def _absent(root: Path, expected: str) -> str:
    corpus = nearby(root, is_corpus=lambda folder: (folder / ANNOTATIONS / "self_annotations").is_dir(), above=2)
    remedy = (
        f"pass --root {corpus}, which contains {ANNOTATIONS}"
        if corpus is not None and corpus != root
        else "unpack its archives side by side, and pass --root the folder that contains them"
    )
    return f"{root}: {NAME} keeps {expected}; found {show_contents(root)} in {root}; {remedy}"
