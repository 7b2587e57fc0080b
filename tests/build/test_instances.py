"""Several instances of a feature in one store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kemfeat import open_store
from kemfeat.build._recompute import recompute
from kemfeat.config import thawed
from kemfeat.errors import ConfigError
from kemfeat.export import export_store
from kemfeat.records import stem, tag_of
from kemfeat.store import summary, valid_lengths
from kemfeat.store.verify import verify
from tests.build import kit

PLAIN = ("mel", "delta", "text", "tokens")
BOTH = ("mel", "delta", "mel@narrow", "delta@narrow", "text", "tokens", "tokens@5")


def settings(*features: str, **tables: Any) -> dict[str, Any]:
    return {**kit.SETTINGS, "features": features, **tables}


TABLES = {"mel@narrow": {"fmax": 4000.0, "max_frames": 20}, "tokens@5": {"max_length": 5}}


@pytest.fixture
def empty(finished: kit.Bench, tmp_path: Path) -> kit.Bench:
    """A corpus, and a store that is not there yet."""
    return kit.Bench(finished.corpus, tmp_path / "store")


def arrays(bench: kit.Bench, tag: str = "") -> dict[str, np.ndarray]:
    store = open_store(bench.out)
    return {stem(name): np.asarray(store.array(name)[:]) for name in store.arrays if tag_of(name) == tag}


def test_an_instance_has_the_values_of_a_store_with_its_settings(empty: kit.Bench) -> None:
    empty.build(settings=settings(*BOTH, **TABLES))
    narrow, five, plain = arrays(empty, "narrow"), arrays(empty, "5"), arrays(empty)
    fresh = empty.fresh("plain")
    fresh.build(settings=settings(*PLAIN))
    assert plain.keys() == arrays(fresh).keys()
    assert all(np.array_equal(plain[name], value, equal_nan=name == "mel") for name, value in arrays(fresh).items())
    other = empty.fresh("other")
    mel = {**kit.SETTINGS["mel"], **TABLES["mel@narrow"]}
    other.build(settings=settings(*PLAIN, mel=mel, tokens=TABLES["tokens@5"]))
    expected = arrays(other)
    assert (narrow | five).keys() == expected.keys()
    assert all(np.array_equal(value, expected[name]) for name, value in (narrow | five).items())


def test_a_store_with_instances_is_sound_and_recomputes(empty: kit.Bench) -> None:
    store = empty.build(settings=settings(*BOTH, **TABLES)).store
    assert verify(store).problems == ()
    assert recompute(store, root=empty.corpus.root, rows=3) == []
    assert {name: valid_lengths.marks(store.header, name) for name in store.arrays if tag_of(name)} == {
        "mel@narrow": "mel_lengths@narrow",
        "mel_lengths@narrow": None,
        "delta@narrow": "delta_lengths@narrow",
        "delta_lengths@narrow": None,
        "input_ids@5": "attention_mask@5",
        "attention_mask@5": "attention_mask@5",
        "token_type_ids@5": "attention_mask@5",
    }
    cuts = {cut.what for cut in summary.cuts(store.header, store.utterances)}
    assert {"mel_frames", "mel_frames@narrow", "input_ids", "input_ids@5"} <= cuts
    assert set(store.statistics["array"]) == {"mel", "delta", "mel@narrow", "delta@narrow"}


def test_an_instance_comes_without_touching_the_rest(empty: kit.Bench) -> None:
    empty.build(settings=settings(*PLAIN))
    before = kit.shards(empty.out)
    empty.build(settings=settings(*BOTH, **TABLES))
    assert {feature for feature, _ in kit.rewritten(before, empty.out)} == {"mel@narrow", "delta@narrow", "tokens@5"}
    before = kit.shards(empty.out)
    changed = {**TABLES, "tokens@5": {"max_length": 4}}
    empty.build(settings=settings(*BOTH, **changed))
    assert {feature for feature, _ in kit.rewritten(before, empty.out)} == {"tokens@5"}
    fresh = empty.fresh()
    fresh.build(settings=settings(*BOTH, **changed))
    assert kit.tree(empty.out) == kit.tree(fresh.out)


class StopError(Exception):
    """What stops a build in the middle."""


def test_an_interrupted_build_resumes(empty: kit.Bench) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "extract" and 0 < done < total:
            raise StopError

    with pytest.raises(StopError):
        empty.build(settings=settings(*BOTH, **TABLES), progress=stop)
    report = empty.build(settings=settings(*BOTH, **TABLES))
    assert report.kept > 0
    fresh = empty.fresh()
    fresh.build(settings=settings(*BOTH, **TABLES))
    assert kit.tree(empty.out) == kit.tree(fresh.out)


def test_an_instance_begins_with_the_settings_of_the_feature(empty: kit.Bench) -> None:
    made = empty.build(settings=settings("mel", "delta", "mel@a", "delta@a", **{"mel@a": {"fmax": 3000.0}})).store
    found = {name: thawed(table) for name, table in made.header.config.settings.items()}
    assert found["mel@a"] == {**found["mel"], "fmax": 3000.0}
    assert (found["delta@a"]["n_mels"], found["delta@a"]["max_frames"]) == (16, 32)


@pytest.mark.parametrize(
    ("features", "tables", "message"),
    [
        (("delta@a",), {}, "delta@a needs mel@a before it; add it to `features`"),
        (("mel", "mel@a", "mel@a"), {}, "'mel@a' is named twice"),
        (("mel@a",), {"mel@a": 3}, 'mel@a = 3; expected a table such as \\["mel@a"\\]'),
        (("mel@a",), {"mel@a": {"n_mel": 3}}, r"mel@a[.:].*n_mel"),
        (("mel@a",), {"mell@a": {}}, "unknown key 'mell@a'"),
        (("mel@a/b",), {}, "is not the name of an instance"),
        (("temporal_graph@a",), {}, "makes tables of the store"),
    ],
)
def test_what_cannot_be_built_is_said(
    empty: kit.Bench, features: tuple[str, ...], tables: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        empty.build(settings=settings(*features, **tables))


@pytest.mark.parametrize("to", ["tsv-npy", "datasets", "webdataset"])
def test_an_export_has_the_arrays_of_every_instance(empty: kit.Bench, to: str) -> None:
    store = empty.build(settings=settings(*BOTH, **TABLES)).store
    export_store(store, to=to, out=empty.out.parent / to)
    said = json.loads((empty.out.parent / to / "export.json").read_text(encoding="utf-8"))
    assert list(said["arrays"]) == list(store.arrays)
    assert {"mel_length", "mel_length@narrow", "input_ids_length@5"} <= set(said["columns"])
