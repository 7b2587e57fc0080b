"""Features on rows that are not utterances: built, resumed, brought up to date and checked like any other."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.build import forecast, recompute
from kemfeat.build._axes import Axis, _joined, axes_of
from kemfeat.build._settings import resolve
from kemfeat.errors import ConfigError, ExtractionError, TooManyFailuresError
from kemfeat.plugins import find
from kemfeat.store import schema
from kemfeat.store.reader import open_store
from kemfeat.store.verify import verify
from tests.build.kit import ROWS, Stages, rewritten, shards, tree, with_settings
from tests.corpora.tiny import wav_bytes

TICKS = with_settings(features=("mel", "eda", "temp", "tick_physiology", "temporal_graph"), rows_per_shard=1)
"""Each utterance has three ticks and a shard of ticks has 16 rows: partitions end within utterances."""


def spoilt(path, *, line: int, by: str) -> None:
    lines = path.read_text().splitlines(keepends=True)
    lines[line] = by + lines[line][lines[line].index(",") :]
    path.write_text("".join(lines))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12).filter(any), st.data())
def test_partitions_of_an_axis_hold_every_row_once(counts, data):
    axis = _joined("tick", [{"start": np.zeros(count)} for count in counts])
    assert len(axis) == sum(counts)
    cuts = sorted({0, len(axis), *data.draw(st.lists(st.integers(0, len(axis)), max_size=4))})
    seen: list[tuple[int, int]] = []
    for start, stop in pairwise(cuts):
        parents, spans = axis.within(start, stop)
        assert sum(map(len, spans)) == stop - start
        seen += [
            (parent, number)
            for parent, span in zip(parents.tolist(), spans, strict=True)
            for number in range(span.first, span.last)
        ]
    assert seen == [(parent, number) for parent, count in enumerate(counts) for number in range(count)]


def test_keys_of_rows_are_those_of_their_utterances():
    axis = Axis("clip", np.array([0, 0, 2]), np.array([0, 1, 0]), {})
    assert axis.spread(["a", "b", "c"]) == ["a:0", "a:1", "c:0"]


def test_rows_stand_with_their_utterance(bench):
    store = bench.build(settings=TICKS, force=True).store
    rows = store.rows("tick")
    assert list(rows.columns[:7]) == ["id", "parent", "number", "speaker", "session", "clock", "start"]
    assert rows["parent"].tolist() == [name for name in store.utterances["id"] for _ in range(3)]
    assert rows["number"].tolist() == [0, 1, 2] * ROWS
    assert rows["id"].is_unique
    assert store.header.axes["tick"].rows == len(rows) == store.array("tick_eda").shape[0]
    middle = np.asarray(store.array("tick_eda")[:])[:, 5]
    own = store.utterances["id"].map(dict(zip(store.utterances["id"], np.asarray(store.array("eda")[:]), strict=True)))
    assert np.array_equal(middle, np.concatenate([values[:3] for values in own]))
    assert verify(store).problems == ()
    assert recompute(store, root=bench.corpus.root, rows=ROWS) == []
    with pytest.raises(ConfigError, match="no axis 'tock'; did you mean 'tick'"):
        store.rows("tock")


def test_tables_of_rows_are_made_and_checked(bench):
    store = bench.build(settings=TICKS, force=True).store
    nodes = store.table("temporal_graph_nodes")
    assert len(nodes) == store.header.axes["tick"].rows
    with pytest.raises(ConfigError, match="no table 'tick'"):
        store.table("tick")
    path = store.path / "tables/temporal_graph_edges.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert any("temporal_graph_edges" in problem for problem in verify(open_store(store.path)).problems)


def test_what_changed_is_made_again_and_nothing_else(bench):
    bench.build(settings=TICKS, force=True)
    assert bench.build(settings=TICKS).up_to_date
    before = shards(bench.out)
    path = sorted((bench.corpus.root / "EDA").rglob("*.csv"))[0]
    spoilt(path, line=3, by="9.5")
    bench.build(settings=TICKS)
    assert rewritten(before, bench.out) == {("eda", 0), ("tick_physiology", 0)}
    fresh = bench.fresh()
    fresh.build(settings=TICKS, workers=2)
    assert tree(fresh.out) == tree(bench.out)


def test_rows_are_copied_when_utterances_move(bench):
    bench.build(settings=TICKS, force=True)
    path = bench.corpus.root / "annotation/Sess01_eval.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[:2], *lines[3:]]), encoding="utf-8")
    stages = Stages()
    store = bench.build(settings=TICKS, progress=stages).store
    assert len(store) == ROWS - 1
    fresh = bench.fresh()
    fresh.build(settings=TICKS)
    assert tree(fresh.out) == tree(bench.out)


def test_an_utterance_that_fails_misses_all_its_rows(bench):
    settings = with_settings(features=("mel", "eda", "temp", "tick_audio"), rows_per_shard=1)
    name = bench.corpus.ids[5]
    bench.corpus.wav(name).write_bytes(b"RIFF")
    with pytest.raises(TooManyFailuresError):
        bench.build(settings=settings, force=True, on_error="skip")
    report = bench.build(settings=settings, on_error="skip", max_failures=0.5)
    assert report.failures == 1
    store = report.store
    missing = np.array(store.complete_rows("tick_audio"))
    assert store.rows("tick")["parent"][~missing].tolist() == [name] * 3
    assert set(store.failures["id"]) == {name}
    assert verify(store).problems == ()
    assert bench.build(settings=settings, on_error="skip").up_to_date


@pytest.mark.parametrize("content", [None, b"RIFF"], ids=["missing", "broken"])
def test_an_utterance_without_sound_is_a_missing_clip_and_counts(bench, content):
    settings = with_settings(features=("stft_image",))
    path = bench.corpus.wav(bench.corpus.ids[5])
    whole = path.read_bytes()
    path.unlink()
    if content:
        path.write_bytes(content)
    with pytest.raises(TooManyFailuresError, match="1 of 12 rows failed"):
        bench.build(settings=settings, force=True, on_error="skip")
    report = bench.build(settings=settings, on_error="skip", max_failures=0.5)
    store = report.store
    missing = ~np.array(store.complete_rows("stft_image"))
    assert report.failures == 1
    assert store.rows("clip")["parent"][missing].tolist() == [bench.corpus.ids[5]]
    assert store.rows("clip")["end"][missing].isna().all()
    assert set(store.failures["id"]) == {bench.corpus.ids[5]}
    assert verify(store).problems == ()
    assert recompute(store, root=bench.corpus.root, rows=ROWS) == []
    path.write_bytes(whole)
    assert all(bench.build(settings=settings).store.complete_rows("stft_image"))


def test_ticks_of_sessions_that_alternate_stand_with_their_utterance(bench):
    """Physiology is read session by session, the rows are in the order of the utterances."""
    store = bench.build(settings=TICKS, force=True).store
    utterances = store.utterances.iloc[np.argsort(np.arange(ROWS) % (ROWS // 2), kind="stable")].reset_index(drop=True)
    assert utterances["session"].ne(utterances["session"].shift()).sum() > utterances["session"].nunique()
    resolved = resolve(TICKS, reader=find("corpora", "KEMDy20"), root=bench.corpus.root)
    (bench.out / schema.BUILDING).mkdir()
    (bench.out / schema.BUILDING / "signals").symlink_to(bench.out / "signals")
    axis = axes_of(bench.out, resolved, utterances)["tick"]
    made = axis.table(utterances)[["parent", "clock", "time"]]
    expected = store.rows("tick").set_index("parent").loc[utterances["id"]].reset_index()[["parent", "clock", "time"]]
    pd.testing.assert_frame_equal(made, expected, check_dtype=False)


def test_rows_that_the_corpus_gained_or_lost_are_told(bench):
    store = bench.build(settings=with_settings(features=("tick_physiology", "clip_audio")), force=True).store
    name = bench.corpus.ids[0]
    bench.corpus.wav(name).write_bytes(wav_bytes(6.5))
    for folder in ("EDA", "TEMP"):
        for path in (bench.corpus.root / folder).rglob("*.csv"):
            path.write_text("")
    problems = recompute(store, root=bench.corpus.root, rows=ROWS)
    assert f"{name}: clip_audio has 1 row in the store and 2 in the corpus; build again" in problems
    assert f"{name}: tick_physiology has 3 rows in the store and 0 in the corpus; build again" in problems


def test_two_features_on_an_axis_must_agree(finished):
    settings = with_settings(features=("clip_audio", "stft_image"))
    resolved = resolve(settings, reader=find("corpora", "KEMDy20"), root=finished.corpus.root)
    other = replace(find("features", "stft_image"), rows=lambda config, outline: {"start": np.zeros(0)})
    resolved = replace(resolved, extractors={**resolved.extractors, "stft_image": other})
    utterances = open_store(finished.out).utterances
    with pytest.raises(ConfigError, match="clip_audio and stft_image have different rows on the axis clip"):
        axes_of(finished.out, resolved, utterances)


def test_a_recording_of_another_rate_is_named(bench):
    path = sorted((bench.corpus.root / "TEMP").rglob("*.csv"))[0]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], "8.000000\n", *lines[2:]]))
    with pytest.raises(ExtractionError, match=r"^Sess01_script01_User001F_001: .*temp has 8 samples per second"):
        bench.build(settings=with_settings(features=("mel", "tick_physiology")), force=True)


def test_no_ticks_at_all_are_a_store_too(bench):
    for folder in ("EDA", "TEMP"):
        for path in (bench.corpus.root / folder).rglob("*.csv"):
            path.write_text("")
    store = bench.build(settings=TICKS, force=True).store
    assert store.header.axes["tick"].rows == 0
    assert isinstance(store.rows("tick"), pd.DataFrame)
    assert verify(store).problems == ()


def test_a_plan_knows_rows_that_are_not_utterances(bench):
    made = forecast("KEMDy20", root=bench.corpus.root, out=bench.fresh("planned").out, settings=TICKS)
    store = bench.build(settings=TICKS, force=True).store
    paths = [path for path in (store.path / "features.zarr/tick_physiology/tick_eda").rglob("*") if path.is_file()]
    assert made.arrays["tick_eda"].shards == len([path for path in paths if path.name != "zarr.json"])
