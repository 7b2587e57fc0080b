"""Lenses in the page: what they find narrows and orders the table, and what they lack is said."""

from __future__ import annotations

from typing import Any

import pytest

from kemfeat import plugins
from kemfeat.browse import Browser
from kemfeat.browse.views import SCORE, Query
from kemfeat.errors import ConfigError
from kemfeat.lenses import Context, Lens, Suspect
from kemfeat.store.reader import Store, open_store
from tests.browse.kit import served
from tests.build.kit import Bench


def longest(context: Context) -> list[Suspect]:
    table = context.store.utterances.nlargest(3, "duration")
    return [
        Suspect(name, length, "is <b>long</b>") for name, length in zip(table["id"], table["duration"], strict=True)
    ]


def named(context: Context) -> list[Suspect]:
    assert context.findings is not None
    return [Suspect(context.store.utterances["id"][0], 1.0, ", ".join(sorted(context.findings["rule"])))]


def lens(name: str, **how: Any) -> Lens:
    return Lens(name=name, title=name.capitalize(), unit="s", help=f"Finds {name}.", **how)


LENSES = {
    "longest": lens("longest", needs=lambda _: "", look=longest),
    "named": lens("named", needs=lambda context: "needs --root" if context.findings is None else "", look=named),
}


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
    first, last = longest.index[0], store.utterances["duration"].idxmin()
    assert page.utterance(int(first))["finds"] == [["Longest", "is <b>long</b>"]]
    assert page.utterance(int(last))["finds"] == []


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
    with served(Browser(store, lenses={})) as running:
        assert running.ask("/api/lenses").json == []


def test_every_lens_that_is_installed_looks_or_says_what_it_lacks(store: Store, finished: Bench) -> None:
    for page in (Browser(store), Browser(store, root=finished.corpus.root)):
        listed = page.lenses.listed()
        assert [each["name"] for each in listed] == list(plugins.names("lenses"))
        for each in listed:
            if each["needs"]:
                with pytest.raises(ConfigError, match=each["title"]):
                    page.look(each["name"])
            else:
                found = page.look(each["name"])["found"]
                query = Query(lens=each["name"], sort=SCORE, descending=True)
                rows = page.rows(query, offset=0, limit=500)["rows"]
                assert len(rows) == found
                assert [row[-2] for row in rows] == sorted((row[-2] for row in rows), reverse=True)
