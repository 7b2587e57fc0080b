"""Stores of every kind: what a store does not have is a sentence of the panel, and so is what is damaged."""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kemfeat.browse import Browser
from kemfeat.browse.frames import series
from kemfeat.browse.utterance import conversation, shown
from kemfeat.browse.views import Query
from kemfeat.store import schema
from kemfeat.store.reader import open_store
from tests.build.kit import FEATURES, ROWS, Bench


def everything(page: Browser) -> list[dict[str, Any]]:
    """All that the page asks for, as JSON without NaN."""
    json.dumps([page.facts(), page.facets(Query()), page.rows(Query(), offset=0, limit=500)], allow_nan=False)
    found = [page.utterance(row) for row in range(len(page.store))]
    pictures = [page.picture(each["row"], name) for each in found for name in each["pictures"]]
    json.dumps([found, pictures], allow_nan=False)
    return found


@pytest.mark.parametrize("features", [(each,) for each in FEATURES if each not in {"tokens", "delta"}])
def test_a_store_of_one_feature(bench: Bench, features: tuple[str, ...]) -> None:
    page = Browser(bench.fresh().build(settings={"features": features}).store)
    for about in everything(page):
        assert bool(about["pictures"]) == (features == ("mel",))
        assert bool(about["series"]) == (features[0] in {"eda", "temp", "ibi"})
        assert about["tokens"] == []


def test_what_is_masked_is_none_and_what_cannot_be_is_marked(bench: Bench) -> None:
    store = open_store(bench.out)
    taken = store.take([3], ("eda", "eda_mask"))
    found = {each["name"]: each for each in series(store, 3, seconds=1.0)}["eda"]
    measured = taken["eda_mask"][0].astype(bool)
    length = len(found["values"])
    assert [value is not None for value in found["values"]] == measured[:length].tolist()
    assert not measured[length:].any()
    known = [value for value in found["values"] if value is not None]
    np.testing.assert_allclose(known, taken["eda"][0][measured])
    assert found["unit"] == "µS"
    assert found["odd"] == [place for place, value in enumerate(found["values"]) if value is not None and value > 100]


def test_pictures_keep_the_values_to_one_level(bench: Bench) -> None:
    import base64

    store = open_store(bench.out)
    found = Browser(store).picture(2, "mel")
    levels = np.frombuffer(base64.b64decode(found["levels"]), np.uint8).reshape(found["frames"], found["bands"])
    taken = store.take([2], ("mel", "mel_lengths"))
    values = taken["mel"][0][: int(taken["mel_lengths"][0])]
    again = found["low"] + (levels - 1.0) / 254 * (found["high"] - found["low"])
    assert np.abs(again - values).max() <= (found["high"] - found["low"]) / 254 / 2 + 1e-4


def test_a_store_in_a_zip_file(bench: Bench) -> None:
    archive = bench.out.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as file:
        for path in bench.out.rglob("*"):
            if path.is_file() and not path.name.startswith(".lock"):
                file.write(path, path.relative_to(bench.out))
    shutil.rmtree(bench.out)
    assert len(everything(Browser(open_store(f"zip://{archive}")))) == ROWS


def test_what_is_damaged_is_a_sentence_and_the_rest_is_shown(bench: Bench) -> None:
    store = open_store(bench.out)
    for name in (f"{schema.array_path('eda', 'eda')}/c/0/0", "ratings.parquet", "resources/tokens/tokenizer.json"):
        path = store.folder / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    about = Browser(open_store(bench.out)).utterance(0)
    for part in ("series", "votes", "tokens"):
        assert "kemfeat" in about[part]["error"]
    assert about["text"]
    assert about["conversation"]


def test_a_conversation_is_in_the_order_of_its_times() -> None:
    table = pd.DataFrame(
        {
            "id": ["c", "a", "x", "b"],
            "session": ["s", "s", "t", "s"],
            "script": ["1", "1", "1", "1"],
            "speaker": ["p", "q", "p", "p"],
            "start": [3.0, 1.0, 0.0, 2.0],
            "end": [4.0, 2.0, 1.0, np.nan],
            "emotion": ["sad", None, "sad", "sad"],
        }
    )
    assert [each["id"] for each in conversation(table, 3)] == ["a", "b", "c"]
    assert conversation(table, 3)[1]["end"] is None
    assert [each["row"] for each in conversation(table.drop(columns="start").assign(start=np.nan), 3)] == [0, 1, 3]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((np.nan, None), (None, None), (pd.NA, None), (pd.NaT, None), (np.float32(0.5), 0.5), (np.inf, None)),
        *((np.array(["a", "b"], dtype=object), "a, b"), (np.True_, True), ("a\x1b", "a\\x1b"), (np.int8(3), 3)),
        (pd.Timestamp("2020-01-02 03:04:05"), "2020-01-02 03:04:05"),
    ],
)
def test_cells_become_json(value: Any, expected: Any) -> None:
    assert shown(value) == expected
    json.dumps(shown(value), allow_nan=False)


def test_banners_say_restricted_or_synthetic(finished: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(finished.out)
    assert [banner[:17] for banner in Browser(store).facts()["banners"]] == ["Restricted corpus"]
    monkeypatch.setattr(type(store), "synthetic", True)
    assert [banner[:14] for banner in Browser(store).facts()["banners"]] == ["SYNTHETIC DATA"]
