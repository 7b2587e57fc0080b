"""The report page of a store and its analyses; the only room that imports jinja2."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kemfeat.data_home import find_root
from kemfeat.errors import ConfigError
from kemfeat.paths import StrPath, to_path
from kemfeat.report.examples import examples
from kemfeat.report.front import front
from kemfeat.report.measures import features
from kemfeat.report.overview import card, labels, made_by, physiology
from kemfeat.report.page import render
from kemfeat.report.results import Damaged, Result, read_results
from kemfeat.report.sound import Recording, recordings, refuse_sound
from kemfeat.store import beside, disk
from kemfeat.store.outside import refuse_foreign
from kemfeat.store.reader import Store

_SUFFIXES = (".html", ".htm")
_MARK, _HEAD = b'<meta name="generator" content="kemfeat">', 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSummary:
    """What a page contains.

    Parameters
    ----------
    path : Path
        The file.
    size : int, bytes
        Its size.
    analyses : tuple of str
        Names of the results shown.
    stale : tuple of str
        Those that were made from another version of the store.
    damaged : tuple of (str, str)
        Results that cannot be shown: name and reason.
    """

    path: Path
    size: int
    analyses: tuple[str, ...]
    stale: tuple[str, ...]
    damaged: tuple[tuple[str, str], ...]


def write_report(store: Store, *, out: StrPath, audio: int = 0, root: StrPath | None = None) -> ReportSummary:
    """Write one self-contained HTML page about a store and the results of analyses in it.

    The page loads nothing from elsewhere. It shows transcripts and spectrograms of a few utterances, so the licence of
    the corpus applies to the page as well.

    Parameters
    ----------
    store : Store
        A finished store.
    out : str or PathLike
        The file to write, ``.html`` or ``.htm``; an earlier page is replaced.
    audio : int, 0 to 20
        How many utterances can be heard: their first seconds are in the page. Only for a corpus whose terms allow it,
        and for a synthetic one.
    root : str or PathLike, optional
        Folder of the corpus, from which ``audio`` is read; by default where :func:`kemfeat.data_home.find_root` finds
        it.

    Returns
    -------
    ReportSummary
        What the page contains.

    Raises
    ------
    ConfigError
        ``out`` is not the name of an HTML file, is inside a store, or is a file that is not such a page; ``audio`` is
        out of range or not allowed.
    CorpusError
        The folder of the corpus or a recording is not found, or is not the one that the store was built from.
    StoreError
        Part of the store cannot be read, or the page cannot be written.

    Examples
    --------
    >>> import kemfeat
    >>> write_report(kemfeat.open_store("stores/KEMDy20"), out="report.html").analyses
    ()
    """
    out = to_path(out)
    with disk.usable(out.parent):
        _check(out)
    if root is not None and not audio:
        raise ConfigError(f"--root {root}: the corpus is read for recordings alone; pass --audio N too, or omit --root")
    heard = _heard(store, audio, root) if audio else ()
    results = read_results(store)
    content = render(_facts(store, results) | {"recordings": heard}).encode("utf-8", "backslashreplace")
    with disk.usable(out.parent), disk.writing(out, resumes=False), beside.made_file(out) as page:
        page.write_bytes(content)
    shown = [result for result in results if isinstance(result, Result)]
    return ReportSummary(
        path=out,
        size=len(content),
        analyses=tuple(result.name for result in shown),
        stale=tuple(result.name for result in shown if result.stale),
        damaged=tuple((result.name, result.reason) for result in results if isinstance(result, Damaged)),
    )


def _heard(store: Store, count: int, root: StrPath | None) -> tuple[Recording, ...]:
    """Recordings of the corpus; what may not be heard is refused before its folder is looked for."""
    refuse_sound(store, count=count)
    return recordings(store, root=find_root(store.dataset, root=None if root is None else to_path(root)), count=count)


def _facts(store: Store, results: tuple[Result | Damaged, ...]) -> dict[str, Any]:
    """The values that the template shows, by the names that it uses."""
    return {
        "card": card(store),
        "front": front(store, results),
        "physiology": physiology(store),
        "labels": labels(store),
        "features": features(store),
        "examples": examples(store),
        "results": results,
        "provenance": made_by(store),
    }


def _check(out: Path) -> None:
    if out.suffix.lower() not in _SUFFIXES:
        raise ConfigError(f"{out}: expected a file whose name ends in .html; pass for example --out report.html")
    refuse_foreign(out, command="report", is_ours=_is_report)
    blocked = next((folder for folder in out.parents if folder.exists() and not folder.is_dir()), None)
    if blocked is not None:
        raise ConfigError(f"{out}: {blocked} is a file, expected a folder; pass another --out")


def _is_report(path: Path) -> bool:
    """Whether a file is a page that this function wrote; only the beginning is read."""
    with path.open("rb") as file:
        return _MARK in file.read(_HEAD)
