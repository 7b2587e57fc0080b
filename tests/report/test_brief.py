"""The short form of a table: the columns that an analysis names, over the rows that have a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kemfeat.analyses.brief import Brief, Column
from kemfeat.report import write_report
from kemfeat.report.brief import FIRST_ROWS, Folded
from kemfeat.report.results import Damaged, Result, read_results
from kemfeat.store.reader import Store, open_store
from tests.build.kit import Bench
from tests.report.conftest import EVIL, add_analysis, columns
from tests.report.kit import Page

TABLE = pd.DataFrame(
    {
        "test": ["t_robust", "t_robust", "t_robust", "t_other"],
        "a": ["x", "x", EVIL, "x"],
        "b": ["y", "z", "z", "y"],
        "diff": [1.25, np.nan, -0.5, 9.0],
        "low": [1.0, np.nan, -1.0, 8.0],
        "high": [1.5, np.nan, 0.0, 10.0],
        "p": [0.0004, np.nan, 0.0512, 0.9999],
        "share": [0.5, 0.1, 1.0, 0.0],
        "reason": ["", "too few", "", ""],
    }
)
BRIEF = Brief(
    title="Pairs",
    columns=(
        Column(head="Test", of=("test",), words={"t_robust": "Robust"}),
        Column(head="Pair", of=("a", "b"), form="pair"),
        Column(head="Difference [95 % CI]", of=("diff", "low", "high"), form="interval"),
        Column(head="95 % CI", of=("low", "high"), form="ends"),
        Column(head="p", of=("p",), form="p"),
        Column(head="Share", of=("share",), form="share"),
    ),
    needs="diff",
    where={"test": ("t_robust",)},
)


@pytest.fixture
def store(bench: Bench) -> Store:
    return open_store(bench.out)


def folded(store: Store, table: pd.DataFrame = TABLE, brief: Brief = BRIEF, **parts: Any) -> Folded:
    add_analysis(store, name="alpha", tables={"t": table}, briefs={"t": brief}, **parts)
    (result,) = read_results(store)
    assert isinstance(result, Result)
    assert result.problems == ()
    (found,) = result.tables
    return found


def test_each_form_of_a_column(store: Store) -> None:
    found = folded(store)
    assert columns(found.brief) == {
        "Test": ["Robust", "Robust"],
        "Pair": ["x \u2212 y", f"{EVIL} \u2212 z"],
        "Difference [95 % CI]": ["1.25 [1.00, 1.50]", "-0.50 [-1.00, 0.00]"],
        "95 % CI": ["[1.00, 1.50]", "[-1.00, 0.00]"],
        "p": ["< .001", ".051"],
        "Share": ["50.0%", "100.0%"],
    }
    assert [row[4].number for row in found.brief.rows] == [0.0004, 0.0512]


def test_rows_without_a_result_are_counted_and_the_whole_table_keeps_them(store: Store) -> None:
    found = folded(store)
    assert found.brief.note == "1 row has no result. 1 further row: see all columns."
    assert found.whole is not None
    assert found.whole.head == tuple(TABLE.columns)
    assert len(found.whole.rows) == len(TABLE)
    assert found.whole.note == "In analyses/alpha/tables/t.*"
    assert found.whole.anchor != found.brief.anchor


def test_the_first_rows_are_those_that_have_a_result(store: Store) -> None:
    long = pd.DataFrame({"n": range(3 * FIRST_ROWS), "x": [np.nan] * (2 * FIRST_ROWS) + [1.0] * FIRST_ROWS})
    brief = Brief(title="Long", columns=(Column(head="N", of=("n",)), Column(head="X", of=("x",))), needs="x")
    found = folded(store, long, brief)
    assert [row[0].number for row in found.brief.rows] == [*range(2 * FIRST_ROWS, 3 * FIRST_ROWS)]
    assert found.brief.note == "100 rows have no result."
    assert folded(store, long[long["x"].isna()], brief).brief.rows == ()


def test_tables_stand_in_the_order_of_their_short_forms(store: Store) -> None:
    brief = Brief(title="One", columns=(Column(head="A", of=("a",)),))
    tables = {"other": TABLE, "first": TABLE, "second": TABLE}
    add_analysis(store, name="alpha", tables=tables, briefs={"first": brief, "second": brief, "absent": brief})
    (result,) = read_results(store)
    assert isinstance(result, Result)
    assert [table.brief.caption for table in result.tables] == ["One", "One", "other"]


def test_a_short_form_that_does_not_fit_the_file_gives_way_to_the_whole_table(store: Store) -> None:
    brief = Brief(title="Gone", columns=(Column(head="Gone", of=("gone",)),))
    add_analysis(store, name="alpha", tables={"t": TABLE}, briefs={"t": brief})
    (result,) = read_results(store)
    assert isinstance(result, Result)
    assert result.problems == ("table t is shown with all columns: its file cannot be shortened (has no column gone)",)
    assert result.tables[0].brief.head == tuple(TABLE.columns)


@pytest.mark.parametrize(
    ("column", "complaint"),
    [({"head": "A", "of": ["a"], "form": "pair"}, "takes 2 columns, found 1"), ({"head": "A", "of": "a"}, "briefs.t.")],
)
def test_a_damaged_short_form_is_a_sentence(store: Store, column: dict[str, Any], complaint: str) -> None:
    file = add_analysis(store, name="alpha", tables={"t": TABLE}) / "result.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(content | {"briefs": {"t": {"title": "T", "columns": [column]}}}), encoding="utf-8")
    (result,) = read_results(store)
    assert isinstance(result, Damaged)
    assert complaint in result.reason


def test_nothing_of_a_short_form_or_a_line_becomes_markup(store: Store, tmp_path: Path) -> None:
    heads = tuple(Column(head=f"{name} {EVIL}", of=(name,), words={"x": EVIL}) for name in ("a", "b"))
    line = f"{EVIL} & co: F(4, 3.8) = 50.53, p < .001, t = 1"
    folded(store, TABLE, Brief(title=EVIL, columns=heads), lines={"t": (line,)})
    html = write_report(store, out=tmp_path / "report.html").path.read_text(encoding="utf-8")
    page = Page(html).root
    assert html.count("<script") == 1
    (table,) = [each for each in page.all("table") if each.attributes.get("id") == "analysis-1-table-0"]
    assert [head.text for head in table.all("thead")[0].all("th")] == [f"a {EVIL}", f"b {EVIL}"]
    (item,) = [each for each in page.all("li") if "50.53" in each.text]
    assert item.text == line
    assert [each.text for each in item.all("i")] == ["F", "p", "t"]
