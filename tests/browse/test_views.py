"""Queries against a plain reading of the same table, and at the borders of what a column may have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.browse.columns import Column, agreement_of
from kemfeat.browse.facets import AnyOf, OneOf, joined
from kemfeat.browse.views import SCORE, Finds, Query, Views
from kemfeat.errors import ConfigError

TEXT = st.text(alphabet="aBé한 %_\\.*", max_size=4)
ROW = st.tuples(TEXT, st.none() | TEXT, st.none() | st.floats(-2, 2), st.none() | st.sampled_from("xyz"), st.booleans())


def views_of(rows: list[tuple[str, str | None, float | None, str | None, bool]]) -> Views:
    ids, texts, numbers, kinds, flags = zip(*rows, strict=True)
    columns = {
        "id": Column(title="Id", kind="text", values=pa.array(ids, pa.string())),
        "text": Column(title="Transcript", kind="text", values=pa.array(texts, pa.string())),
        "number": Column(title="Number", kind="number", values=pa.array(numbers, pa.float64())),
    }
    facets = {
        "kind": OneOf("Kind", pa.array(kinds, pa.string()), absent="none"),
        "flag": AnyOf("Flag", {"on": np.array(flags), "off": ~np.array(flags)}),
    }
    return Views(columns, facets)


@given(st.lists(ROW, min_size=1, max_size=12), TEXT, st.sets(st.sampled_from(["x", "y", "none", "?"])), st.booleans())
def test_a_view_is_what_a_plain_reading_finds(rows, search, kinds, descending):
    query = Query(search=search, chosen=(("kind", tuple(kinds)),), sort="number", descending=descending)
    kept = [
        place
        for place, (name, text, _, kind, _) in enumerate(rows)
        if (search.lower() in name.lower() or (text is not None and search.lower() in text.lower()))
        and (kind or "none") in kinds
    ]
    known = [place for place in kept if rows[place][2] is not None]
    ordered = sorted(known, key=lambda place: rows[place][2], reverse=descending)
    absent = [place for place in kept if rows[place][2] is None]
    views = views_of(rows)
    assert views.order(query).tolist() == ordered + absent
    counts = views.counts(query)
    assert sum(counts["flag"][name] for name in ("on", "off")) == len(kept)
    assert counts["flag"]["none"] == 0
    searched = views.counts(Query(search=search))["kind"]
    assert counts["kind"] == searched  # what is chosen of a facet does not change its own counts


def test_rows_of_a_lens_are_in_the_order_of_their_scores():
    views = views_of([("a", None, 1.0, "x", True), ("b", None, 2.0, "y", True), ("c", None, 3.0, "x", False)])
    views.finds = {"found": Finds(scores=np.array([0.1, np.nan, 0.9]), whys={0: "little", 2: "much"})}
    assert views.order(Query(lens="found", sort=SCORE, descending=True)).tolist() == [2, 0]
    assert views.order(Query(lens="found", sort=SCORE)).tolist() == [0, 2]
    assert views.counts(Query(lens="found"))["kind"] == {"x": 2, "y": 0}


def test_hangul_is_found_however_it_is_typed():
    views = views_of([("a", "안녕하세요", None, None, True)])
    assert views.order(Query(search="\u110b\u1161\u11ab\u1102\u1167\u11bc")).tolist() == [0]


@pytest.mark.parametrize("query", [Query(sort="x"), Query(sort=SCORE), Query(lens="x"), Query(chosen=(("x", ()),))])
def test_what_does_not_exist_is_refused(query):
    with pytest.raises(ConfigError, match="no "):
        views_of([("a", None, None, None, True)]).order(query)


def test_agreement_is_the_share_of_the_most_frequent_vote():
    votes = pd.DataFrame({"votes_sad": [3, 0, 1], "votes_happy": [1, 0, 1], "other": [9, 9, 9]})
    np.testing.assert_array_equal(agreement_of(votes), [0.75, np.nan, 0.5])
    assert np.isnan(agreement_of(votes[["other"]])).all()


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=9))
def test_values_of_a_row_are_joined_in_order(rows):
    flags = {name: np.array(flag) for name, flag in zip("abc", zip(*rows, strict=True), strict=True)}
    expected = [", ".join(name for name, has in zip("abc", row, strict=True) if has) or None for row in rows]
    assert joined(flags, rows=len(rows)).to_pylist() == expected
