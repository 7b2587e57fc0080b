"""Laws of readers of corpora."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, Self

import pyarrow as pa

from kemfeat import findings, plugins
from kemfeat.build import BuildOptions, build_store, recompute
from kemfeat.build._settings import with_preset
from kemfeat.config import validated
from kemfeat.corpora import CorpusReader, open_reader
from kemfeat.errors import CorpusError
from kemfeat.labels import parse_emotions
from kemfeat.manifest import FILM, RATINGS, READ_COLUMNS, SIGNALS, UNITS
from kemfeat.store import schema
from kemfeat.store.columns import describe
from kemfeat.store.verify import verify
from kemfeat.testing._law import LawBroken, Laws, require, tree
from kemfeat.validate import validate_corpus

_RULES = {rule.code for rule in vars(findings).values() if isinstance(rule, findings.Rule)}
_MEDIA = {"audio", "transcript", "video", *UNITS}
_GROUPS = {"annotation", "audio", "transcript", "video", "clock"}
_TERMS = ("title", "licence", "citation", "collection", "annotation")
_RUBBISH = (b"", b"\x00\xff\xfe\x00" * 99, b"id\n" * 9, "가,나,다\n".encode() * 99)
_PICKLE = b"cos\nsystem\n(S'touch /tmp/owned'\ntR."


@dataclass(frozen=True)
class Bench:
    """A small corpus, which is left as it is, and the settings of a build of it."""

    root: Path
    settings: Mapping[str, Any] = field(default_factory=lambda: {"rows_per_shard": 16})

    def reader(self, reader: CorpusReader, root: Path | None = None) -> CorpusReader:
        """The reader, opened on the corpus."""
        return open_reader(reader.name, root=root or self.root)

    @contextmanager
    def copied(self) -> Iterator[Path]:
        """A copy of the corpus, to change."""
        with TemporaryDirectory(prefix="kemfeat-laws-") as folder:
            yield Path(shutil.copytree(self.root, Path(folder) / "copy"))


def recordings_of(reader: CorpusReader, root: Path) -> tuple[str, ...]:
    """The audio of a corpus, or the files of its physiology where it has none."""
    groups = reader.sources(root)
    signals = [path for name, paths in groups.items() if name.startswith("signals/") for path in paths]
    return groups["audio"] or tuple(path for path in signals if path not in groups["annotation"])


def _identity(reader: CorpusReader, on: Bench) -> None:
    found = on.reader(reader)
    require(re.fullmatch(r"\w+", found.name), f"name is {found.name!r}, expected letters, digits and _")
    require(found.version >= 1, f"version is {found.version}, expected 1 or more")
    require({"audio", *UNITS} & set(found.media), f"media is {found.media}, expected audio or physiology among them")
    require(set(found.media) <= _MEDIA, f"media: {sorted(set(found.media) - _MEDIA)} is no medium")
    extractors = {feature: plugins.find("features", feature) for feature in plugins.names("features")}
    strange = set(found.settings) - {"audio", *extractors}
    require(not strange, f"settings: there is no feature {', '.join(sorted(strange))}")
    for feature, settings in with_preset({}, extractors, found).items():
        validated(extractors[feature].config, settings, where=feature)


def _terms(reader: CorpusReader, on: Bench) -> None:
    found = on.reader(reader)
    empty = [name for name in _TERMS if not getattr(found.terms, name)]
    require(not empty, f"terms: {', '.join(empty)} is empty")
    for column in found.read_manifest(on.root, on_error="skip").utterances.columns:
        require(describe(column, found.columns), f"columns does not say what {column} means")


def _sources(reader: CorpusReader, on: Bench) -> None:
    root, groups = on.root, on.reader(reader).sources(on.root)
    lacking = {"annotation", "audio", "transcript"} - set(groups)
    require(not lacking, f"sources has no group {', '.join(sorted(lacking))}; one without files is empty")
    odd = [group for group in groups if group not in _GROUPS and not group.startswith("signals/")]
    require(not odd, f"sources has the group {odd[:1]}, expected {', '.join(sorted(_GROUPS))} or signals/SESSION")
    shared = set(groups["annotation"])  # signals may depend on a table, too
    own = [path for paths in groups.values() for path in paths if path not in shared]
    require(len(set(own)) == len(own), "sources names a file twice")
    for path in (*shared, *own):
        require((root / path).resolve().is_relative_to(root.resolve()), f"sources: {path} is outside of the corpus")
        require((root / path).is_file(), f"sources: {path} is no file")
    for group in _GROUPS & set(groups):
        require(list(groups[group]) == sorted(groups[group]), f"sources: {group} is not sorted")


def _manifest(reader: CorpusReader, on: Bench) -> None:
    found = on.reader(reader)
    manifest, sources = found.read_manifest(on.root, on_error="skip"), found.sources(on.root)
    utterances, names = manifest.utterances, READ_COLUMNS.names
    require(list(utterances.columns[: len(names)]) == names, f"the manifest begins with other columns than {names}")
    try:
        pa.Table.from_pandas(utterances[names], schema=READ_COLUMNS, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise LawBroken(f"a column of the manifest has another type ({error})") from None
    ratings = list(manifest.ratings.columns[: len(RATINGS)])
    require(ratings == RATINGS.names, f"the ratings begin with other columns than {RATINGS.names}")
    require(utterances["id"].is_unique, "two utterances have one id")
    blank = utterances[["id", "session", "script", "speaker"]].isna().any()
    require(not blank.any(), f"the manifest has no {', '.join(blank[blank].index)} for some utterance")
    require(set(manifest.ratings["id"]) <= set(utterances["id"]), "an utterance that is rated is not in the manifest")
    for label in [*utterances["emotion"].dropna(), *manifest.ratings["emotion"].dropna()]:
        parse_emotions(label, vocabulary=manifest.vocabulary)
    timed = utterances.dropna(subset=["start", "end"])
    require((timed["start"] < timed["end"]).all(), "an utterance ends before it starts")
    require(set(utterances["audio"].dropna()) <= set(sources["audio"]), "the manifest has audio that is not in sources")
    require(manifest.corpus == found.name, f"the manifest is of {manifest.corpus!r}")


def _films(reader: CorpusReader, on: Bench) -> None:
    found = on.reader(reader)
    utterances, sources = found.read_manifest(on.root, on_error="skip").utterances, found.sources(on.root)
    told = {"video" in found.media, set(FILM) <= set(utterances.columns), "video" in sources}
    require(len(told) == 1, "media, sources and the columns of the manifest do not agree whether there are films")
    if "video" in found.media:
        sides = set(utterances["video_side"].dropna())
        require(sides <= {"left", "right", "whole"}, f"video_side is one of {sides}, expected left, right or whole")
        require(set(utterances["video"].dropna()) <= set(sources["video"]), "a film is not in sources")


class _Backwards:
    """A folder whose entries come in the opposite order."""

    def __init__(self, scandir: Any, path: Any) -> None:
        with scandir(path) as found:
            self._entries = sorted(found, key=lambda entry: entry.name, reverse=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def __iter__(self) -> Iterator[Any]:
        return iter(self._entries)


def _order(reader: CorpusReader, on: Bench) -> None:
    first, scandir = on.reader(reader).read_manifest(on.root, on_error="skip"), os.scandir
    os.scandir = lambda path=".": _Backwards(scandir, path)  # type: ignore[assignment]
    try:
        again = on.reader(reader).read_manifest(on.root, on_error="skip")
    finally:
        os.scandir = scandir
    require(again.fingerprint == first.fingerprint, "the manifest depends on the order in which a folder is listed")
    require(again.findings == first.findings, "the findings depend on the order in which a folder is listed")


def _findings(reader: CorpusReader, on: Bench) -> None:
    report = validate_corpus(reader.name, root=on.root)
    require(report.counts["utterances"] > 0, "validate finds no utterance")
    strange = {finding.rule for finding in report.findings} - _RULES
    require(not strange, f"kemfeat.findings has no rule {', '.join(sorted(strange))}")


def _signals(reader: CorpusReader, on: Bench) -> None:
    found = on.reader(reader)
    sessions = [group.removeprefix("signals/") for group in found.sources(on.root) if group.startswith("signals/")]
    agree = bool(sessions) == bool(set(found.media) & set(UNITS))
    require(agree, f"media is {found.media}, and sources has {len(sessions)} groups signals/SESSION")
    for session in sessions:
        table, _ = found.read_signals(on.root, session)
        require(
            table.schema.equals(SIGNALS), f"{session}: the signals have another schema than kemfeat.manifest.SIGNALS"
        )
        media = set(table["medium"].unique().to_pylist())
        require(media <= set(found.media), f"{session}: has signals of {sorted(media)}")
        for medium, rate in table.to_pandas().groupby("medium")["sampling_rate"]:
            right = rate.isna().all() if medium == "ibi" else rate.notna().all()
            require(right, f"{session}: {medium} has {'a' if medium == 'ibi' else 'no'} sampling rate")


def _other_folder(reader: CorpusReader, on: Bench) -> None:
    with TemporaryDirectory(prefix="kemfeat-laws-") as name:
        (Path(name) / "holiday.jpg").write_bytes(b"")
        try:
            on.reader(reader, Path(name)).sources(Path(name))
        except CorpusError as error:
            require(name in str(error), f"another folder is refused without its name: {error}")
            return
    raise LawBroken("a folder without a corpus is read as one")


def _links(reader: CorpusReader, on: Bench) -> None:
    with on.copied() as root:
        recording = root / recordings_of(on.reader(reader, root), root)[0]
        outside = root.parent / f"outside{recording.suffix}"
        recording.rename(outside)
        recording.symlink_to(outside)
        try:
            on.reader(reader, root).sources(root)
        except CorpusError as error:
            told = f"a link out of the corpus is refused without a way out: {error}"
            require("outside" in str(error) and "--follow-links" in str(error), told)
            return
    raise LawBroken("a link out of the corpus is followed; find files with kemfeat.corpora.census")


def _rubbish(reader: CorpusReader, on: Bench) -> None:
    with on.copied() as root:
        annotation = on.reader(reader, root).sources(root)["annotation"]
        if not annotation:
            return  # the names of its clips say everything
        target = root / annotation[0]
        modes: tuple[Literal["raise", "skip"], ...] = ("raise", "skip")
        for rubbish, on_error in ((each, mode) for each in _RUBBISH for mode in modes):
            target.write_bytes(rubbish)
            told = f"{target.name} with {rubbish[:9]!r} in it is read without a word (on_error={on_error!r})"
            require(target.name in _said(partial(on.reader, reader, root), root, on_error), told)


def _said(opened: Callable[[], CorpusReader], root: Path, on_error: Literal["raise", "skip"]) -> str:
    """What a reader says of a corpus: the error that stops it, or its faults and findings."""
    try:
        manifest = opened().read_manifest(root, on_error=on_error)
    except CorpusError as error:
        return str(error)
    return "\n".join([*manifest.faults, *(example for finding in manifest.findings for example in finding.examples)])


def _pickles(reader: CorpusReader, on: Bench) -> None:
    with on.copied() as root:
        for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
            (folder / "surprise.pickle").write_bytes(_PICKLE)
            (folder / "._droppings.wav").write_bytes(b"\x00")
        opened = on.reader(reader, root)
        manifest = opened.read_manifest(root, on_error="skip")
        listed = {Path(path).name for group in opened.sources(root).values() for path in group}
        strange = listed & {"surprise.pickle", "._droppings.wav"}
        require(not strange, f"sources names {', '.join(sorted(strange))}, which is not of the corpus")
        require(len(manifest) > 0, "files that are not of the corpus leave it without an utterance")


def _workers(reader: CorpusReader, on: Bench) -> None:
    with TemporaryDirectory(prefix="kemfeat-laws-") as name:
        stores = []
        for workers in (1, 2):
            options = BuildOptions(workers=workers, on_error="skip", max_failures=1.0)
            out = Path(name) / str(workers)
            stores.append(build_store(reader.name, root=on.root, out=out, settings=on.settings, options=options).store)
        one, two = (schema.files(store.header) for store in stores)
        unlike = sorted(path for path in {*one, *two} if one.get(path) != two.get(path))
        require(not unlike, f"two workers write other bytes to {', '.join(unlike[:3])}")
        problems = [*verify(stores[0]).problems, *verify(stores[1]).problems]
        require(not problems, f"the store is not as its header says: {problems[:1]}")
        problems = recompute(stores[0], root=on.root, rows=5)
        require(not problems, f"read again, the corpus gives other rows: {problems[:1]}")
        content = tree(stores[0].path)
        told = [path for path in content if path.endswith(".json") and str(on.root).encode() in content[path]]
        require(not told, f"{told[:1]} of the store names the folder of the corpus")


LAWS: Laws = {
    "says who it is and what it brings": _identity,
    "says what holds for it and what its columns mean": _terms,
    "names its files, each once, in order and below the folder": _sources,
    "has the columns of a manifest": _manifest,
    "says the same of its films everywhere": _films,
    "reads the same in whatever order a folder is listed": _order,
    "reports findings that are known rules": _findings,
    "reads signals as a table of signals": _signals,
    "refuses another folder, with its name": _other_folder,
    "refuses a link out of the corpus": _links,
    "says a sentence about a file of rubbish": _rubbish,
    "passes over files that are not of the corpus": _pickles,
    "is built byte for byte again by any number of workers": _workers,
}
