"""Lenses in the page: what they find narrows and orders the table, and what they lack is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest

from kemfeat.browse import Browser
from kemfeat.browse.views import SCORE, Query
from kemfeat.errors import ConfigError
from kemfeat.store.reader import Store, open_store
from tests.browse.kit import served
from tests.build.kit import Bench


@dataclass(frozen=True)
class Longest:
    """Finds three utterances."""

    title: str = "Longest"
    help: str = "The longest three."
    unit: str = "s"

    def needs(self, _: Any) -> str:
        return ""

    def find(self, context: Any) -> pd.DataFrame:
        table = context.store.utterances.nlargest(3, "duration")
        return pd.DataFrame({"id": table["id"], "score": table["duration"], "why": "is <b>long</b>"})


@dataclass(frozen=True)
class Named(Longest):
    """Finds what validation names."""

    def needs(self, context: Any) -> str:
        return "" if context.findings is not None else "needs --root"

    def find(self, context: Any) -> pd.DataFrame:
        rules = ", ".join(sorted(context.findings["rule"]))
        return pd.DataFrame({"id": context.store.utterances["id"][:1], "score": [1.0], "why": [rules]})


LENSES = {"longest": Longest(), "named": Named()}


@pytest.fixture
def store(finished: Bench) -> Store:
    return open_store(finished.out)


def test_a_lens_orders_the_table_by_its_score(store: Store) -> None:
    page = Browser(store, lenses=LENSES)
    query = Query(lens="longest", sort=SCORE, descending=True)
    found = page.rows(query, offset=0, limit=9)
    longest = store.utterances.nlargest(3, "duration")
    assert found["total"] == 3
    assert [row[1] for row in found["rows"]] == longest["id"].tolist()
    assert [row[-2:] for row in found["rows"]] == [[each, "is <b>long</b>"] for each in longest["duration"]]
    assert sum(count for *_, count in page.facets(query)["emotion"]["values"]) == 3


def test_what_a_lens_needs_is_said_and_validation_is_run_for_it(store: Store, finished: Bench) -> None:
    alone = Browser(store, lenses=LENSES)
    assert [each["needs"] for each in alone.lenses.listed()] == ["", "needs --root"]
    with pytest.raises(ConfigError, match="needs --root"):
        alone.look("named")
    page = Browser(store, root=finished.corpus.root, lenses=LENSES)
    assert [each["needs"] for each in page.lenses.listed()] == ["", ""]
    assert page.look("named") == {"found": 1}
    assert page.rows(Query(lens="named"), offset=0, limit=1)["rows"][0][-1]


def test_lenses_are_answered_by_name(store: Store) -> None:
    with served(Browser(store, lenses=LENSES)) as running:
        assert [each["name"] for each in running.ask("/api/lenses").json] == ["longest", "named"]
        assert running.ask("/api/lens/longest").json == {"found": 3}
        assert running.ask("/api/lens/none").code == 422
        assert running.ask("/api/lens/none", token=None).code == 403
    with served(Browser(store)) as running:
        assert running.ask("/api/lenses").json == []
