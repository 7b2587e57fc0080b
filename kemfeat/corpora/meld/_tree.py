"""The folders and files of MELD, and the messages for a wrong folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kemfeat.corpora.layout import list_files, nearby, require_folder, show_contents
from kemfeat.errors import CorpusLayoutError

NAME = "MELD"
PARTS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
"""Per part, as the corpus calls it, the folder of its films."""
_FILM = re.compile(r"(dia(?:0|[1-9][0-9]{0,3})_utt(?:0|[1-9][0-9]{0,3}))\.mp4")
_SECOND = re.compile(rf"final_videos_test({_FILM.pattern})")


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a corpus, as paths relative to its root, parts in the order of :data:`PARTS`.

    Parameters
    ----------
    tables : dict of str to str
        Per part its table.
    clips : dict of str to dict of (str to str)
        Per part and id within it, such as ``dia0_utt0``, its film.
    second : dict of str to str
        Per film of test that has a namesake, that namesake.
    strays : list of str
        Files and folders beside the films that are none.
    """

    tables: dict[str, str] = field(default_factory=dict)
    clips: dict[str, dict[str, str]] = field(default_factory=dict)
    second: dict[str, str] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)


def scan(root: Path, *, follow_links: bool = False) -> Tree:
    """List the corpus; any of its parts may be absent.

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
        ``root`` is not the corpus, its films are missing, or a table or folder is there twice.
    CorpusError
        A file is a link that leads out of ``root``.
    """
    require_folder(root, corpus=NAME, holds="train_sent_emo.csv and train_splits")
    tree = Tree()
    for part, folder in PARTS.items():
        table = _once(root, list(_tables(root, part, follow_links=follow_links)))
        if table is not None:
            tree.tables[part] = table
        films = _once(root, [path for path in (folder, f"{part}/{folder}") if (root / path).exists()])
        tree.clips[part] = {} if films is None else _films(tree, root, films, follow_links=follow_links)
    if not tree.tables or not any(tree.clips.values()):
        raise CorpusLayoutError(_absent(root, tree))
    return tree


def _tables(root: Path, part: str, *, follow_links: bool) -> Iterator[str]:
    name = re.compile(rf"{part}_sent_emo\.csv")
    for folder in ("", f"{part}/"):
        found = list_files(root / folder, name, root=root, follow_links=follow_links).fitting
        yield from (f"{folder}{each}" for each in found)


def _once(root: Path, paths: list[str]) -> str | None:
    if len(paths) > 1:
        raise CorpusLayoutError(
            f"{root}: found both {paths[0]} and {paths[1]}, expected one of them; move the one that is not to be read "
            "out of the folder"
        )
    return paths[0] if paths else None


def _films(tree: Tree, root: Path, folder: str, *, follow_links: bool) -> dict[str, str]:
    listed = list_files(root / folder, _FILM, root=root, follow_links=follow_links)
    films = {name.removesuffix(".mp4"): f"{folder}/{name}" for name in listed.fitting}
    for name in listed.others:
        second = _SECOND.fullmatch(name)
        if second is None:
            tree.strays.append(f"{folder}/{name}")
        else:
            tree.second[f"{folder}/{name}"] = second[2]
    return films


def _absent(root: Path, tree: Tree) -> str:
    expected = "train_splits/dia0_utt0.mp4" if tree.tables else "train_sent_emo.csv"
    corpus = nearby(root, is_corpus=_is_corpus, above=2)
    if corpus is not None and not tree.tables:
        remedy = f"pass --root {corpus}, which contains the tables"
    else:
        remedy = "unpack MELD.Raw.tar.gz and the archives in it, and pass --root the folder with train_sent_emo.csv"
    return f"{root}: {NAME} keeps {expected}; found {show_contents(root)} in {root}; {remedy}"


def _is_corpus(folder: Path) -> bool:
    return any((folder / below / f"{part}_sent_emo.csv").is_file() for part in PARTS for below in ("", part))
