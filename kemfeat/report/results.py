"""Results of analyses in a store. Files are checked before they are shown, because anyone may have written them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ConfigDict, Field, ValidationError

from kemfeat.analyses.output import RESULT, SCHEMA_VERSION
from kemfeat.config import FrozenConfig, expectation
from kemfeat.report.brief import FIRST_ROWS, Folded, StoredBrief, shortened
from kemfeat.report.overview import leaves
from kemfeat.report.pictures import Picture, embedded
from kemfeat.report.tables import Table, estimate, printable, table
from kemfeat.store.reader import Store

ANALYSES = "analyses"
_WORDS = str.maketrans("_-", "  ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A verdict as the page shows it.

    Parameters
    ----------
    sentence : str
        What was found.
    effect, value : str
        What was measured, and how much, with its interval; empty where the analysis does not say.
    n, meaning : str
        How much it is based on, and what follows from it; empty likewise.
    """

    sentence: str
    effect: str = ""
    value: str = ""
    n: str = ""
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One analysis of the page.

    Parameters
    ----------
    anchor : str
        Its address in the page.
    name : str
        Name of its folder below ``analyses``.
    title : str
        Heading.
    stale : bool
        Whether it was made from another version of the store.
    verdicts : tuple of Card
        Its findings in short; the first sentence of the summary where the analysis gives none.
    summary, warnings : tuple of str
        Sentences, as the analysis wrote them.
    problems : tuple of str
        What could not be shown, and why.
    tables : tuple of Folded
        The first rows of each table that could be read, the main one first.
    pictures : tuple of Picture
        The figures that could be read.
    details : tuple of Table
        Its settings and single values.
    made : tuple of (str, str)
        When it was made, by which command, from which store.
    """

    anchor: str
    name: str
    title: str
    stale: bool
    verdicts: tuple[Card, ...]
    summary: tuple[str, ...]
    warnings: tuple[str, ...]
    problems: tuple[str, ...]
    tables: tuple[Folded, ...]
    pictures: tuple[Picture, ...]
    details: tuple[Table, ...]
    made: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A folder whose result cannot be shown.

    Parameters
    ----------
    name : str
        Name of the folder.
    reason : str
        Why the result cannot be shown.
    """

    name: str
    reason: str


class _Stored(FrozenConfig):
    model_config = ConfigDict(extra="ignore")


class _StoreEntry(_Stored):
    digest: str


class _TableEntry(_Stored):
    rows: int
    files: tuple[str, ...]


class _Verdict(_Stored):
    sentence: str
    effect: str
    value: float | None
    low: float | None
    high: float | None
    n: str
    meaning: str


class _Content(_Stored):
    """``result.json``, as far as the page needs it."""

    schema_version: Literal[1]
    analysis: str
    title: str
    store: _StoreEntry
    config: dict[str, Any]
    summary: tuple[str, ...]
    warnings: tuple[str, ...]
    values: dict[str, Any]
    tables: dict[str, _TableEntry]
    figures: dict[str, tuple[str, ...]]
    briefs: dict[str, StoredBrief] = Field(default_factory=dict)
    lines: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    captions: dict[str, str] = Field(default_factory=dict)
    verdicts: tuple[_Verdict, ...] = ()
    provenance: dict[str, Any]


def read_results(store: Store) -> tuple[Result | Damaged, ...]:
    """Read every result below ``analyses`` in the store.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    tuple of Result or Damaged
        In the order of the folders' names; hidden folders are skipped. None of a store behind an address.
    """
    root = store.path / ANALYSES
    found = sorted(root.iterdir()) if isinstance(root, Path) and root.is_dir() else []
    folders = [path for path in found if path.is_dir() and not path.name.startswith(".")]
    return tuple(
        _read(folder, anchor=f"analysis-{number}", digest=store.digest) for number, folder in enumerate(folders, 1)
    )


def _read(folder: Path, *, anchor: str, digest: str) -> Result | Damaged:
    name = printable(folder.name)
    if folder.is_symlink():
        return Damaged(name=name, reason="it is a link to another folder, and the report follows no links")
    try:
        content = _Content.model_validate_json((folder / RESULT).read_bytes())
    except FileNotFoundError:
        return Damaged(name=name, reason=f"{RESULT} is missing; the analysis was stopped before its end")
    except OSError as error:
        return Damaged(name=name, reason=f"{RESULT} cannot be read ({error.strerror})")
    except ValidationError as error:
        return Damaged(name=name, reason=_complaint(error))
    return _result(folder, content, anchor=anchor, stale=content.store.digest != digest)


def _complaint(error: ValidationError) -> str:
    problem = error.errors()[0]
    if problem["loc"] == ("schema_version",):
        return f"{RESULT} has schema version {problem['input']!r}; this kemfeat shows {SCHEMA_VERSION}"
    where = ".".join(map(str, problem["loc"]))
    return f"{RESULT} is damaged: {': '.join(filter(None, [where, expectation(problem)]))}"


def _result(folder: Path, content: _Content, *, anchor: str, stale: bool) -> Result:
    problems: list[str] = []
    return Result(
        anchor=anchor,
        name=printable(folder.name),
        title=printable(content.title),
        stale=stale,
        verdicts=tuple(_verdicts(content)),
        summary=tuple(map(printable, content.summary)),
        warnings=tuple(map(printable, content.warnings)),
        tables=tuple(_tables(folder, content, problems, anchor=anchor)),
        pictures=tuple(_pictures(folder, content, problems)),
        details=tuple(_details(content, anchor=anchor)),
        made=tuple(_made(content)),
        problems=tuple(problems),
    )


def _tables(folder: Path, content: _Content, problems: list[str], *, anchor: str) -> Iterator[Folded]:
    """Those with a short form first, in the order of these."""
    order = [*(key for key in content.briefs if key in content.tables), *content.tables]
    for number, key in enumerate(dict.fromkeys(order)):
        file = _file(folder, content.tables[key].files, ".parquet")
        try:
            found = None if file is None else _first_rows(file)
        except (OSError, ValueError, pa.ArrowException):
            found = None
        if file is None or found is None:
            problems.append(f"table {printable(key)}: no readable Parquet file in the folder of the result")
            continue
        place = f"{ANALYSES}/{printable(folder.name)}/{file.relative_to(folder.resolve()).with_suffix('')}.*"
        head, rows = found
        more = len(rows) < content.tables[key].rows
        note = (
            f"The first {len(rows):,} of {content.tables[key].rows:,} rows; all in {place}" if more else f"In {place}"
        )
        whole = table(f"{anchor}-table-{number}", _words(key), head, rows, note=note)
        lines = tuple(map(printable, content.lines.get(key, ())))
        yield _folded(file, whole, content.briefs.get(key), lines, problems)


def _folded(file: Path, whole: Table, brief: StoredBrief | None, lines: tuple[str, ...], problems: list[str]) -> Folded:
    """The table in short and whole; whole alone where there is no short form or it does not fit the file."""
    if brief is None:
        return Folded(brief=whole, whole=None, lines=lines)
    try:
        short = shortened(file, brief, anchor=whole.anchor)
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        problems.append(f"table {whole.caption} is shown with all columns: its file cannot be shortened ({error})")
        return Folded(brief=whole, whole=None, lines=lines)
    named = replace(whole, anchor=f"{whole.anchor}-all", caption=f"{short.caption}: all columns")
    return Folded(brief=short, whole=named, lines=lines)


def _first_rows(file: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    parquet = pq.ParquetFile(file)
    batch = next(parquet.iter_batches(batch_size=FIRST_ROWS), None)
    columns = [] if batch is None else [column.to_pylist() for column in batch.columns]
    return list(parquet.schema_arrow.names), list(zip(*columns, strict=True))


def _pictures(folder: Path, content: _Content, problems: list[str]) -> Iterator[Picture]:
    for key, files in content.figures.items():
        try:
            uri = embedded(_file(folder, files, ".svg"), _file(folder, files, ".png"))
        except OSError:
            uri = None
        if uri is None:
            problems.append(f"figure {printable(key)}: no readable SVG or PNG file in the folder of the result")
            continue
        caption = printable(content.captions.get(key, "")) or _words(key)
        yield Picture(uri=uri, alt=f"{printable(content.title)}. {caption}", caption=caption)


def _file(folder: Path, names: Iterable[str], suffix: str) -> Path | None:
    """The file of that kind if it is inside the folder: no absolute path, no ``..``, no link that leads out."""
    for name in names:
        pure = PurePosixPath(name)
        if pure.suffix != suffix or pure.is_absolute() or ".." in pure.parts or "\0" in name:
            continue
        path = folder.joinpath(*pure.parts).resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            return path
    return None


def _verdicts(content: _Content) -> Iterator[Card]:
    for verdict in content.verdicts:
        yield Card(
            sentence=printable(verdict.sentence),
            effect=printable(verdict.effect),
            value=estimate(verdict.value, verdict.low, verdict.high),
            n=printable(verdict.n),
            meaning=printable(verdict.meaning),
        )
    if not content.verdicts:
        yield from (Card(sentence=printable(sentence)) for sentence in content.summary[:1])


def _details(content: _Content, *, anchor: str) -> Iterator[Table]:
    if content.config:
        yield table(f"{anchor}-settings", "Settings", ("setting", "value"), leaves(content.config))
    if content.values:
        yield table(f"{anchor}-values", "Values", ("value", "is"), leaves(content.values))


def _made(content: _Content) -> Iterator[tuple[str, str]]:
    for key in ("created", "command"):
        if key in content.provenance:
            yield key, printable(content.provenance[key])
    yield "store digest", printable(content.store.digest)


def _words(key: str) -> str:
    return printable(key).translate(_WORDS)
