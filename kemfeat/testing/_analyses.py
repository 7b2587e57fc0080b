"""Laws of analyses."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kemfeat.analyses import AnalysisResult, AnyAnalysis
from kemfeat.analyses.output import write
from kemfeat.store.reader import Store, open_store
from kemfeat.testing._law import LawBroken, Laws, require

_NAME = re.compile(r"[a-z0-9_]+")
_COLUMN = re.compile(r"[A-Za-z0-9_]+")
_NOT_P = {"p_within", "p99"}


@dataclass(frozen=True)
class Bench:
    """A store to analyse, an absent folder for results, and what came of it: one run is enough."""

    store: Store
    results: Path
    _found: dict[str, Any] = field(default_factory=dict)

    def result(self, analysis: AnyAnalysis) -> AnalysisResult:
        """What the analysis found with its default settings."""
        if analysis.name not in self._found:
            self._found[analysis.name] = analysis.run(open_store(self.store.path), analysis.config())
        found: AnalysisResult = self._found[analysis.name]
        return found

    def written(self, analysis: AnyAnalysis) -> tuple[Path, dict[str, Any]]:
        """The folder of the result, and its result.json."""
        key = f"{analysis.name}/"
        if key not in self._found:
            out = self.results / analysis.name
            config = analysis.config()
            self._found[key] = out, write(analysis, self.result(analysis), store=self.store, config=config, out=out)
        found: tuple[Path, dict[str, Any]] = self._found[key]
        return found


def _identity(analysis: AnyAnalysis, on: Bench) -> None:  # noqa: ARG001 - the shape of a law
    require(analysis.title.strip(), "title is empty")
    require(analysis.config.model_config.get("frozen"), "its configuration can be changed, expected a frozen one")


def _verdicts(analysis: AnyAnalysis, on: Bench) -> None:
    result = on.result(analysis)
    require(result.verdicts, "has no verdict, expected one for each question it answers")
    for verdict in result.verdicts:
        sentence = verdict.sentence
        require(
            sentence.endswith(".") and sentence[:1] == sentence[:1].upper(),
            f"verdict {sentence!r}: expected a sentence",
        )
        require(verdict.meaning.endswith("."), f"verdict {sentence!r}: its meaning {verdict.meaning!r} is no sentence")
        require(verdict.effect, f"verdict {sentence!r}: does not say what its number is")
        require(any(letter.isdigit() for letter in verdict.n), f"verdict {sentence!r}: n is {verdict.n!r}")
        require(math.isfinite(verdict.value), f"verdict {sentence!r}: its number is {verdict.value}")
        interval = (verdict.low, verdict.high)
        inside = verdict.low <= verdict.value <= verdict.high or all(map(math.isnan, interval))
        require(inside, f"verdict {sentence!r}: {verdict.value} is outside of its interval {interval}")
    told = [entry["sentence"] for entry in on.written(analysis)[1]["verdicts"]]
    require(told == [each.sentence for each in result.verdicts], "result.json has other verdicts")


def _sentences(analysis: AnyAnalysis, on: Bench) -> None:
    result = on.result(analysis)
    require(result.summary, "summary is empty, expected a sentence")
    for sentence in (*result.summary, *result.warnings):
        require(sentence.strip() == sentence != "", f"sentence {sentence!r}: is empty, or has spaces around it")
        require(not re.search(r"\bnan\b", sentence), f"sentence {sentence!r}: says nan")


def _tidy(analysis: AnyAnalysis, on: Bench) -> None:
    tables = on.result(analysis).tables
    require(tables, "has no table")
    for name, table in tables.items():
        require(_NAME.fullmatch(name), f"table {name!r}: expected a name of a-z, 0-9 and _")
        require(list(table.index) == list(range(len(table))), f"table {name}: its index is not 0, 1, 2 ...")
        odd = [column for column in table.columns if not _COLUMN.fullmatch(str(column))]
        require(not odd and table.columns.is_unique, f"table {name}: columns {odd or list(table.columns)}")
        cells = {type(cell) for column in table for cell in table[column]}
        nested = {list, tuple, dict, set, np.ndarray} & cells
        require(not nested, f"table {name}: a cell is a {next(iter(nested), object).__name__}, expected one value")


def _numbers(analysis: AnyAnalysis, on: Bench) -> None:
    for name, table in on.result(analysis).tables.items():
        for column in table:
            if column == "p" or (str(column).startswith("p_") and column not in _NOT_P):
                require(not (table[column] == 0).any(), f"table {name}: {column} is 0, which no p-value is")
        if {"ci_low", "ci_high"} <= set(table):
            known = table.dropna(subset=["ci_low", "ci_high"])
            require((known["ci_low"] <= known["ci_high"]).all(), f"table {name}: ci_low is above ci_high")


def _again(analysis: AnyAnalysis, on: Bench) -> None:
    result, again = on.result(analysis), analysis.run(open_store(on.store.path), analysis.config())
    require(again.summary == result.summary, "run again, it says something else")
    require(again.warnings == result.warnings, "run again, it warns of something else")
    for name, table in result.tables.items():
        try:
            pd.testing.assert_frame_equal(again.tables[name], table)
        except AssertionError as unlike:
            raise LawBroken(f"table {name}: run again, it is another one ({str(unlike).splitlines()[0]})") from None


def _store_left_alone(analysis: AnyAnalysis, on: Bench) -> None:
    before = _times(on.store)
    analysis.run(open_store(on.store.path), analysis.config())
    require(_times(on.store) == before, "it changes files of the store")


def _times(store: Store) -> dict[Path, int]:
    files = (path for path in Path(str(store.path)).rglob("*") if path.is_file())
    return {path: path.stat().st_mtime_ns for path in files}


def _json(analysis: AnyAnalysis, on: Bench) -> None:
    out, content = on.written(analysis)

    def refuse(text: str) -> Any:
        raise LawBroken(f"result.json holds {text}")

    read = json.loads((out / "result.json").read_text(encoding="utf-8"), parse_constant=refuse)
    require(read == json.loads(json.dumps(content)), "result.json is not what was written")
    again = analysis.config.model_validate_json(json.dumps(read["config"]))
    require(again == analysis.config(), "another configuration comes back from result.json")


def _tables(analysis: AnyAnalysis, on: Bench) -> None:
    out, content = on.written(analysis)
    for name, table in on.result(analysis).tables.items():
        entry = content["tables"][name]
        told = (entry["rows"], entry["columns"])
        require(told == (len(table), list(table.columns)), f"table {name}: result.json says {told}")
        parquet, csv, tex, md = (out / file for file in entry["files"])
        try:
            pd.testing.assert_frame_equal(pd.read_parquet(parquet), table, check_dtype=False)
        except AssertionError as unlike:
            raise LawBroken(f"table {name}: its Parquet is another one ({str(unlike).splitlines()[0]})") from None
        require(
            pd.read_csv(csv, keep_default_na=False, dtype=str).shape == table.shape, f"table {name}: its CSV differs"
        )
        require(r"\begin{tabular}" in tex.read_text(encoding="utf-8"), f"table {name}: its TeX is no table")
        lines = len(md.read_text(encoding="utf-8").splitlines())
        require(lines == len(table) + 2, f"table {name}: its Markdown has {lines} lines, expected {len(table) + 2}")


def _figures(analysis: AnyAnalysis, on: Bench) -> None:
    from PIL import Image

    out, content = on.written(analysis)
    drawn = set(on.result(analysis).figures)
    require(set(content["figures"]) == drawn == set(content["captions"]), "a figure has no file or no caption")
    for text in content["captions"].values():
        require(text.endswith(".") and "_" not in text, f"caption {text!r}: expected a sentence of what is to be seen")
    for svg, png in content["figures"].values():
        require((out / svg).read_text(encoding="utf-8").rstrip().endswith("</svg>"), f"{svg}: is no whole SVG")
        with Image.open(out / png) as picture:
            blank = len(picture.convert("L").getcolors(256) or []) < 2
            require(min(picture.size) > 100 and not blank, f"{png}: is blank, or smaller than 100 pixels")


LAWS: Laws = {
    "has a title and settings that cannot be changed": _identity,
    "has verdicts with a number and what it means": _verdicts,
    "says something, and never nan": _sentences,
    "makes tidy tables": _tidy,
    "has no p-value of 0 and no interval upside down": _numbers,
    "finds the same again": _again,
    "leaves the store alone": _store_left_alone,
    "writes all to result.json": _json,
    "writes its tables as they are": _tables,
    "writes figures that show something, with captions": _figures,
}
