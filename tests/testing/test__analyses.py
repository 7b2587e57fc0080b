"""Every law of analyses can be broken, and says what was found."""

import itertools
import random
from dataclasses import replace

import pandas as pd
import pytest
from pydantic import ConfigDict, Field

from kemfeat.analyses.balance import ANALYSIS
from kemfeat.figures.style import saved
from kemfeat.testing import LawBroken
from kemfeat.testing import _analyses as laws
from tests.analyses import kit as small_store

CALLS = itertools.count()
TABLE = pd.DataFrame({"p": [0.5]})


class Loose(ANALYSIS.config):
    model_config = ConfigDict(frozen=False)


class Random(ANALYSIS.config):
    chosen: float = Field(default_factory=random.random)


def finding(**changes):
    """The analysis, parts of whose result are replaced."""
    return replace(ANALYSIS, run=lambda store, config: replace(ANALYSIS.run(store, config), **changes))


def counting(store, config):
    return replace(ANALYSIS.run(store, config), summary=(f"Found {next(CALLS)} classes.",))


def writing(store, config):
    (store.path / "cache").write_bytes(b"x")
    return ANALYSIS.run(store, config)


def blank(path):
    with saved(path):
        pass


BROKEN = {
    "has a title and settings that cannot be changed": (replace(ANALYSIS, config=Loose), "can be changed"),
    "has verdicts with a number and what it means": (finding(verdicts=()), "has no verdict"),
    "says something, and never nan": (finding(summary=("The mean is nan.",)), "says nan"),
    "makes tidy tables": (finding(tables={"one": TABLE.assign(x=[[1, 2]])}), "a cell is a list"),
    "has no p-value of 0 and no interval upside down": (finding(tables={"one": TABLE * 0}), "p is 0"),
    "finds the same again": (replace(ANALYSIS, run=counting), "says something else"),
    "leaves the store alone": (replace(ANALYSIS, run=writing), "changes files of the store"),
    "writes all to result.json": (replace(ANALYSIS, config=Random), "another configuration comes back"),
    "writes figures that show something, with captions": (
        finding(figures={"empty": blank}, captions={"empty": "see_the_plot"}),
        "caption 'see_the_plot': expected a sentence",
    ),
}
WRITTEN = "writes its tables as they are"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store.build(tmp_path_factory.getbasetemp() / "small")


def test_every_law_is_broken_here_or_below():
    assert {*BROKEN, WRITTEN} == set(laws.LAWS)


@pytest.mark.parametrize("law", BROKEN)
def test_a_broken_law_says_what_was_found(store, tmp_path, law):
    broken, told = BROKEN[law]
    laws.LAWS[law](ANALYSIS, laws.Bench(store, tmp_path / "sound"))
    with pytest.raises(LawBroken, match=told):
        laws.LAWS[law](broken, laws.Bench(store, tmp_path / "broken"))
    (store.path / "cache").unlink(missing_ok=True)


def test_a_table_that_is_written_otherwise_is_found(store, tmp_path):
    on = laws.Bench(store, tmp_path)
    out, content = on.written(ANALYSIS)
    name = next(iter(content["tables"]))
    parquet = out / content["tables"][name]["files"][0]
    pd.read_parquet(parquet).iloc[::-1].reset_index(drop=True).to_parquet(parquet)
    with pytest.raises(LawBroken, match=f"table {name}: its Parquet is another one"):
        laws.LAWS[WRITTEN](ANALYSIS, on)
