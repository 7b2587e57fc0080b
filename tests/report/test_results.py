"""Results are believed as far as they can be read, and no path of theirs leads out of their folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kemfeat.report.results import FIRST_ROWS, Damaged, Result, read_results
from kemfeat.store.reader import Store, open_store
from tests.build.kit import Bench
from tests.report.conftest import EVIL, add_analysis, columns, groups


@pytest.fixture
def store(bench: Bench) -> Store:
    return open_store(bench.out)


def only(store: Store) -> Result:
    (result,) = read_results(store)
    assert isinstance(result, Result)
    return result


def damage(store: Store) -> str:
    (result,) = read_results(store)
    assert isinstance(result, Damaged)
    return result.reason


def change(folder: Path, **members: Any) -> None:
    content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    (folder / "result.json").write_text(json.dumps(content | members), encoding="utf-8")


def test_a_result_is_shown_with_its_first_rows(store: Store) -> None:
    add_analysis(store, name="alpha")
    result = only(store)
    assert (result.name, result.title, result.stale) == ("alpha", f"The alpha {EVIL}", False)
    assert result.summary == (f"verdict {EVIL}", "a second sentence")
    assert result.warnings == (f"careful {EVIL}",)
    assert result.problems == ()
    (folded,), (picture,) = result.tables, result.pictures
    table = folded.brief
    assert (folded.whole, folded.lines) == (None, ())
    whole = groups(70)
    shown = columns(table)
    assert list(shown) == list(whole.columns)
    assert [row[2].number for row in table.rows] == whole["count"].tolist()[:FIRST_ROWS]
    assert [row[1].number for row in table.rows][:4] == [35.0, 34.5, 34.0, None]
    assert table.note == f"The first {FIRST_ROWS} of 70 rows; all in analyses/alpha/tables/groups.*"
    assert picture.uri.startswith("data:image/svg+xml;base64,")
    assert picture.caption == "A line from 0 to 1."
    assert picture.alt == f"The alpha {EVIL}. A line from 0 to 1."


def test_a_verdict_is_shown_with_its_interval(store: Store) -> None:
    add_analysis(store, name="alpha")
    (card,) = only(store).verdicts
    assert (card.sentence, card.effect) == (f"Groups differ {EVIL}.", f"difference {EVIL}")
    assert (card.value, card.n, card.meaning) == ("1.50 [1.00, 2.00]", f"12 of {EVIL}", f"Nothing follows {EVIL}.")


def test_without_a_verdict_the_first_sentence_stands_for_it(store: Store) -> None:
    add_analysis(store, name="alpha", verdicts=())
    (card,) = only(store).verdicts
    assert (card.sentence, card.value) == (f"verdict {EVIL}", "")


def test_a_result_of_an_earlier_version_has_no_captions(store: Store) -> None:
    folder = add_analysis(store, name="alpha")
    content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    del content["captions"], content["verdicts"]
    (folder / "result.json").write_text(json.dumps(content), encoding="utf-8")
    assert only(store).pictures[0].caption == "line"
    assert only(store).verdicts[0].sentence == f"verdict {EVIL}"


def test_results_stand_in_the_order_of_their_names_without_hidden_folders(store: Store) -> None:
    assert read_results(store) == ()
    for name in ("gamma", "alpha", ".aside"):
        add_analysis(store, name=name)
    (store.path / "analyses" / "note.txt").write_text("")
    assert [result.name for result in read_results(store)] == ["alpha", "gamma"]


def test_a_result_of_another_version_of_the_store_is_stale(store: Store) -> None:
    folder = add_analysis(store, name="alpha")
    change(folder, store={"dataset": "KEMDy20", "digest": "0" * 64, "label_rule": "annotated"})
    assert only(store).stale


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "never finished": (Path.unlink, "result.json is missing; the analysis was stopped"),
    "empty": (lambda file: file.write_bytes(b""), "result.json is damaged: "),
    "cut": (lambda file: file.write_bytes(file.read_bytes()[:300]), "result.json is damaged: "),
    "no text": (lambda file: file.write_bytes(b"\xff\xfe\x00"), "result.json is damaged: "),
    "not an object": (lambda file: file.write_text("[]"), "result.json is damaged: "),
    "too deep": (lambda file: file.write_text("[" * 100_000), "result.json is damaged: "),
    "a lone surrogate": (lambda file: change(file.parent, title="\ud800"), "result.json is damaged: "),
    "a later schema": (lambda file: change(file.parent, schema_version=2), "schema version 2; this kemfeat shows 1"),
    "a wrong type": (lambda file: change(file.parent, summary="all differ"), "result.json is damaged: summary: "),
    "a missing member": (lambda file: file.write_text('{"schema_version": 1}'), "analysis: is required"),
    "a folder": (lambda file: (file.unlink(), file.mkdir()), "result.json cannot be read (Is a directory)"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_result_is_named_with_its_reason_and_the_others_are_shown(store: Store, kind: str) -> None:
    do, reason = DAMAGES[kind]
    do(add_analysis(store, name="alpha") / "result.json")
    assert reason in damage(store)
    add_analysis(store, name="beta")
    assert [type(result) for result in read_results(store)] == [Damaged, Result]


def test_a_folder_that_is_a_link_is_not_followed(store: Store, tmp_path: Path) -> None:
    folder = add_analysis(store, name="alpha")
    shutil.move(folder, tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert damage(store) == "it is a link to another folder, and the report follows no links"


@pytest.mark.parametrize("way", ["up", "absolute", "link", "linked folder", "nul"])
def test_no_path_leads_out_of_the_folder(store: Store, tmp_path: Path, way: str) -> None:
    folder = add_analysis(store, name="alpha")
    secret = tmp_path / "secret"
    secret.mkdir()
    pd.DataFrame({"secret": [1]}).to_parquet(secret / "t.parquet")
    shutil.copyfile(folder / "figures" / "line.svg", secret / "f.svg")
    (folder / "link.parquet").symlink_to(secret / "t.parquet")
    (folder / "link.svg").symlink_to(secret / "f.svg")
    (folder / "linked").symlink_to(secret)
    out = f"../../../{secret.relative_to(tmp_path)}"
    ways = {
        "up": (f"{out}/t.parquet", f"{out}/f.svg"),
        "absolute": (f"{secret}/t.parquet", f"{secret}/f.svg"),
        "link": ("link.parquet", "link.svg"),
        "linked folder": ("linked/t.parquet", "linked/f.svg"),
        "nul": ("t\0.parquet", "f\0.svg"),
    }
    table, figure = ways[way]
    change(folder, tables={"t": {"rows": 1, "columns": ["secret"], "files": [table]}}, figures={"f": [figure]})
    result = only(store)
    assert (result.tables, result.pictures) == ((), ())
    assert result.problems == (
        "table t: no readable Parquet file in the folder of the result",
        "figure f: no readable SVG or PNG file in the folder of the result",
    )


def test_broken_tables_and_figures_are_named_and_the_rest_is_shown(store: Store) -> None:
    folder = add_analysis(store, name="alpha", tables={"one": groups(2), "two": groups(3)})
    (folder / "tables" / "one.parquet").write_bytes(b"PAR1 nothing PAR1")
    (folder / "figures" / "line.svg").write_text(f"<svg>{EVIL}</svg>")
    (folder / "figures" / "line.png").write_text("no pixels")
    result = only(store)
    assert [table.brief.caption for table in result.tables] == ["two"]
    assert [problem.partition(":")[0] for problem in result.problems] == ["table one", "figure line"]


def test_a_table_without_rows_keeps_its_heads(store: Store) -> None:
    add_analysis(store, name="alpha", tables={"none": groups(2).iloc[:0]})
    (folded,) = only(store).tables
    table = folded.brief
    assert (table.rows, table.head) == ((), ("group", EVIL, "count"))
