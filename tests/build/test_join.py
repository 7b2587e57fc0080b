"""A joined store is what one build of all its corpora would have made, and says what cannot be joined."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from functools import partial
from itertools import count

import numpy as np
import pandas as pd
import pytest

from kemfeat import open_store
from kemfeat.build import BuildOptions, build_store, join_stores, recompute
from kemfeat.corpora import terms_of
from kemfeat.errors import ConfigError, StoreCorruptError, StoreError, StoreIncompleteError, StoreVersionError
from kemfeat.publish import push_store
from kemfeat.store import disk, schema, writer
from kemfeat.store.verify import verify
from tests.build.join_kit import SETTINGS, build, write_corpora, write_corpus, write_together
from tests.build.kit import Bench, files, tree
from tests.build.kit import write_corpus as write_kemdy20
from tests.kill_kit import run_until

NAMES = ["A", "B"]
SIZES = {"A": 7, "B": 10}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The stores of two corpora, which no test may change, and the folder of both corpora."""
    root = tmp_path_factory.mktemp("corpora")
    folders = write_corpora(root, SIZES)
    outs = [build(folder, root / "stores" / name).store.path for name, folder in folders.items()]
    before = [tree(out) for out in outs]
    yield root, outs
    assert [tree(out) for out in outs] == before


@pytest.fixture(scope="module")
def joined(stores, tmp_path_factory):
    """Their joined store."""
    return join_stores(stores[1], out=tmp_path_factory.mktemp("joined") / "store", corpora=NAMES).store


@pytest.mark.parametrize("sizes", [{"A": 7, "B": 10}, {"A": 1, "B": 4, "C": 6}], ids=str)
def test_a_join_is_what_one_build_of_all_corpora_makes(sizes, tmp_path):
    folders = write_corpora(tmp_path / "all", sizes)
    outs = [build(folder, tmp_path / name).store.path for name, folder in folders.items()]
    write_together(tmp_path / "all", list(sizes))
    expected = build(tmp_path / "all", tmp_path / "together").store
    made = join_stores(outs, out=tmp_path / "joined", corpora=list(sizes)).store
    assert made.header.parts == expected.header.parts  # keys, failures and the hash of every shard
    assert made.header.complete == expected.header.complete
    assert made.header.arrays == expected.header.arrays
    assert made.utterances["corpus"].tolist() == [name for name, size in sizes.items() for _ in range(size)]
    pd.testing.assert_frame_equal(made.utterances[expected.utterances.columns], expected.utterances)
    for name in ("statistics", "keys", "signal_index", "failures"):
        pd.testing.assert_frame_equal(getattr(made, name), getattr(expected, name))
    for axis in ("clip", "tick"):
        pd.testing.assert_frame_equal(made.rows(axis), expected.rows(axis))
    edges = "temporal_graph_edges"
    pd.testing.assert_frame_equal(made.table(edges), expected.table(edges))
    for session in expected.header.sessions:
        pd.testing.assert_frame_equal(made.signals(session), expected.signals(session))
    assert set(made.sources["path"]) >= set(expected.sources["path"]) - {"utterances.csv"}
    assert verify(made).problems == ()


def test_names_are_kept_apart_in_every_table(joined):
    for table, columns in (
        (joined.utterances, ("id", "session", "speaker", "partner")),
        (joined.ratings, ("id", "rater")),
        (joined.signal_index, ("id", "session", "speaker")),
        (joined.statistics, ("session", "speaker")),
        (joined.rows("clip"), ("id", "parent", "session", "speaker")),
    ):
        for column in columns:
            assert set(table[column].str[:2]) == {"A.", "B."}
    assert joined.utterances["id"].is_unique
    assert joined.ratings["rater"].nunique() == 4


def test_the_header_says_what_was_joined(joined, stores):
    assert joined.dataset == "folder+folder"
    said = {each["corpus"]: each["digest"] for each in joined.header.provenance["joined"]}
    assert said == {name: open_store(out).digest for name, out in zip(NAMES, stores[1], strict=True)}


def test_votes_of_emotions_that_a_corpus_does_not_have_are_none(joined):
    assert joined.emotions[-2:] == ("calm", "boredom")
    votes = joined.utterances.groupby("corpus")[["votes_calm", "votes_boredom"]].sum()
    assert votes.loc["A", "votes_boredom"] == votes.loc["B", "votes_calm"] == 0
    assert votes.loc["A", "votes_calm"] > 0 < votes.loc["B", "votes_boredom"]


def test_the_same_join_again_does_nothing(joined, stores):
    before = tree(joined.path)
    again = join_stores(stores[1], out=joined.path, corpora=NAMES)
    assert (again.written, again.kept, again.store.digest) == (0, 0, joined.digest)
    assert tree(joined.path) == before


def test_other_names_add_a_version(joined, stores, tmp_path):
    shutil.copytree(joined.path, tmp_path / "store", symlinks=True)
    made = join_stores(stores[1], out=tmp_path / "store", corpora=["C", "D"]).store
    assert made.header.history[0].digest == joined.digest
    assert set(made.utterances["corpus"]) == {"C", "D"}


def test_an_interrupted_join_leaves_no_store_and_resumes(joined, stores, tmp_path):
    out = tmp_path / "store"

    def stop(stage, done, total):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        join_stores(stores[1], out=out, corpora=NAMES, progress=stop)
    with pytest.raises(StoreIncompleteError, match="`kemfeat join"):
        open_store(out)
    done = join_stores(stores[1], out=out, corpora=NAMES)
    assert done.kept == 5
    assert tree(out) == tree(joined.path)


def test_another_join_takes_nothing_from_an_interrupted_one(joined, stores, tmp_path):
    out = tmp_path / "store"

    def stop(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        join_stores(stores[1], out=out, corpora=["C", "D"], progress=stop)
    assert join_stores(stores[1], out=out, corpora=NAMES).kept == 0
    assert tree(out) == tree(joined.path)


def test_shorter_rows_are_padded_as_a_build_with_the_greater_length_pads_them(stores, tmp_path):
    root, outs = stores
    longer = build(root / "A", tmp_path / "longer", mel={"max_frames": 50, "n_mels": 16}).store
    shorter = open_store(outs[1])
    made = join_stores([longer.path, shorter.path], out=tmp_path / "joined", corpora=NAMES).store
    expected = build(root / "B", tmp_path / "expected", mel={"max_frames": 50, "n_mels": 16}).store
    for array in ("mel", "mel_lengths", "delta"):
        assert made.array(array)[SIZES["A"] :].tobytes() == expected.array(array)[:].tobytes()
        assert made.array(array)[: SIZES["A"]].tobytes() == longer.array(array)[:].tobytes()
    assert made.header.config.settings["mel"]["max_frames"] == 50
    assert verify(made).problems == ()


def test_rows_that_may_have_been_cut_are_not_padded(stores, tmp_path):
    cut = build(stores[0] / "A", tmp_path / "cut", mel={"max_frames": 10, "n_mels": 16}).store
    with pytest.raises(ConfigError, match=r"rows fill them and may be cut.*--set mel.max_frames=32"):
        join_stores([cut.path, stores[1][1]], out=tmp_path / "joined", corpora=NAMES)
    made = join_stores([cut.path, stores[1][1]], out=tmp_path / "joined", corpora=NAMES, common=True)
    assert list(made.left_out) == ["mel", "delta"]


def test_missing_rows_stay_missing_and_say_why(stores, tmp_path):
    write_corpus(tmp_path / "A", 5)
    (tmp_path / "A/wav/2.wav").write_bytes(b"RIFF")
    options = BuildOptions(on_error="skip", max_failures=1)
    broken = build_store(
        "folder", root=tmp_path / "A", out=tmp_path / "store", settings=SETTINGS, options=options
    ).store
    made = join_stores([stores[1][0], broken.path], out=tmp_path / "joined", corpora=["B", "A"]).store
    assert len(made.failures) == len(broken.failures) > 0
    assert set(made.failures["id"]) == {"A.u2"}
    assert made.failures["error"].tolist() == broken.failures["error"].tolist()
    assert np.flatnonzero(np.invert(made.complete_rows("mel"))).tolist() == [SIZES["A"] + 2]
    assert verify(made).problems == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mel": {"max_frames": 32, "n_mels": 20}}, r"join: mel: n_mels is 16 in A \(.*\) and 20 in B \(.*build them"),
        ({"features": ["mel", "delta"]}, r"join: text: A \(.*\) has it, and B \(.*--common to join .*: mel, delta$"),
        ({"text": {"preset": "kor-2022"}}, r"join: text: preset is 'none' in A"),
    ],
)
def test_a_difference_is_named(stores, tmp_path, changes, sentence):
    other = build(stores[0] / "B", tmp_path / "other", **changes).store
    with pytest.raises(ConfigError, match=sentence):
        join_stores([stores[1][0], other.path], out=tmp_path / "joined", corpora=NAMES)
    assert not (tmp_path / "joined").exists()


def test_what_is_common_is_joined_when_asked_for(stores, tmp_path):
    other = build(stores[0] / "B", tmp_path / "other", features=["mel", "delta"], rows_per_shard=3).store
    made = join_stores([stores[1][0], other.path], out=tmp_path / "joined", corpora=NAMES, common=True)
    assert list(made.store.header.features) == ["mel", "delta"]
    assert list(made.left_out) == ["text", "eda", "temp", "clip_audio", "temporal_graph"]
    assert "text_clean" not in made.store.utterances
    assert set(made.store.header.sessions) == {f"A.s{session}" for session in range(3)} | {
        f"B.{session}" for session in other.header.sessions
    }
    assert verify(made.store).problems == ()


def test_what_is_made_of_a_feature_that_differs_is_not_alike(stores, tmp_path):
    other = build(stores[0] / "B", tmp_path / "other", mel={"max_frames": 32, "n_mels": 16, "fmin": 50.0}).store
    left_out = join_stores([stores[1][0], other.path], out=tmp_path / "joined", corpora=NAMES, common=True).left_out
    assert left_out["delta"] == "is made of mel, which is not alike"


@pytest.mark.parametrize(
    ("which", "names", "sentence"),
    [
        ([0], None, "found 1 store, expected two or more"),
        ([0, 0], None, "are the same store"),
        ([0, 1], None, "would both be called folder; .*--corpus NAME --corpus NAME"),
        ([0, 1], ["A"], "found 1 names of 2 stores"),
        ([0, 1], ["A", "a"], "would both be called a"),
        ([0, 1], ["A", "B.C"], "found 'B.C', expected 1 to 32 letters"),
        ([0, 1], ["A", "../B"], "expected 1 to 32 letters"),
        ([0, 1], ["A", "B+C"], "expected 1 to 32 letters"),
    ],
)
def test_a_wrong_call_is_refused(stores, tmp_path, which, names, sentence):
    with pytest.raises(ConfigError, match=sentence):
        join_stores([stores[1][each] for each in which], out=tmp_path / "joined", corpora=names)
    assert not (tmp_path / "joined").exists()


def test_stores_that_are_joined_are_never_written(stores, tmp_path):
    for out in stores[1]:
        with pytest.raises(ConfigError, match=r"is a store of folder; choose another folder with --out"):
            join_stores(stores[1], out=out, corpora=NAMES)
    with pytest.raises(ConfigError, match="is inside the store"):
        join_stores(stores[1], out=stores[1][0] / "versions" / "joined", corpora=NAMES)


def test_a_joined_store_is_not_joined_again(joined, stores, tmp_path):
    with pytest.raises(ConfigError, match=r"is joined itself \(folder\+folder\)"):
        join_stores([stores[1][0], joined.path], out=tmp_path / "joined", corpora=NAMES)


def test_a_joined_store_is_not_recomputed_nor_built(joined, stores):
    with pytest.raises(ConfigError, match=r"was joined, .*stores that it was joined from: A [0-9a-f]{12}, B"):
        recompute(joined, root=stores[0], rows=1)
    with pytest.raises(ConfigError, match=r"is a store of folder\+folder"):
        build(stores[0] / "A", joined.path)


def test_a_store_of_another_version_is_refused(stores, tmp_path):
    old = edited(stores[1][0], tmp_path / "old", config_digest=lambda header: "0" * 64)
    with pytest.raises(StoreVersionError, match="run its `kemfeat build` again, then join"):
        join_stores([old, stores[1][1]], out=tmp_path / "joined", corpora=NAMES)


def test_synthetic_and_real_corpora_are_not_joined(stores, tmp_path):
    write_corpus(tmp_path / "made", 4)
    (tmp_path / "made/SYNTHETIC.txt").write_text("computer-generated")
    made = build(tmp_path / "made", tmp_path / "store").store
    with pytest.raises(ConfigError, match=r"B \(.*\) is computer-generated and A \(.*\) is not"):
        join_stores([stores[1][0], made.path], out=tmp_path / "joined", corpora=NAMES)


def test_a_column_of_two_types_is_named(stores, tmp_path):
    write_corpus(tmp_path / "A", 4)
    store = build(tmp_path / "A", tmp_path / "store").store
    path = store.folder / "utterances.parquet"
    other = store.utterances.assign(valence=[["high"]] * 4)
    path.unlink()
    disk.write_table(path, other)
    header = store.header.model_copy(
        update={"tables": {**store.header.tables, schema.UTTERANCES: disk.receipt(path)}, "digest": "2" * 64}
    )
    for folder in (store.path, store.folder):
        content = header.model_dump(mode="json", exclude={"folder"} if folder == store.folder else set())
        (folder / schema.HEADER).write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="the column valence of the utterances is double in A"):
        join_stores([stores[1][0], store.path], out=tmp_path / "joined", corpora=NAMES)


def edited(store, folder, **members):
    """A copy of a store in which some members of the header are others."""
    shutil.copytree(store, folder, symlinks=True)
    for path in folder.rglob("kemfeat.json"):
        header = json.loads(path.read_bytes())
        path.write_text(json.dumps({**header, "digest": "1" * 64, **{k: of(header) for k, of in members.items()}}))
    return folder


@pytest.mark.parametrize("name", ["../../evil", "..", "a/../../../evil"])
def test_no_session_leads_out_of_a_store(stores, tmp_path, name):
    bad = edited(
        stores[1][0],
        tmp_path / "bad",
        sessions=lambda header: {name: next(iter(header["sessions"].values()))},
    )
    with pytest.raises(StoreCorruptError):
        join_stores([bad, stores[1][1]], out=tmp_path / "joined", corpora=NAMES)
    assert not list(tmp_path.rglob("*evil*"))
    with pytest.raises(StoreIncompleteError):
        open_store(tmp_path / "joined")


def test_no_resource_leads_out_of_a_store(tmp_path):
    bench = Bench(write_kemdy20(tmp_path / "corpus"), tmp_path / "store")
    bench.build()
    evil = "resources/tokens/../../../evil"
    bad = edited(
        bench.out,
        tmp_path / "bad",
        tables=lambda header: {**header["tables"], evil: header["tables"]["keys.parquet"]},
    )
    twin = edited(
        bench.out,
        tmp_path / "twin",
        tables=lambda header: {**header["tables"], evil: header["tables"]["keys.parquet"]},
        digest=lambda header: "2" * 64,
    )
    with pytest.raises(StoreCorruptError):
        join_stores([bad, twin], out=tmp_path / "joined", corpora=NAMES)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_damaged_shard_stops_the_join(stores, tmp_path):
    shutil.copytree(stores[1][0], tmp_path / "store", symlinks=True)
    shard = next(path for path in files(tmp_path / "store") if "/mel/mel/c/" in path.as_posix())
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.unlink()
    shard.write_bytes(content)
    with pytest.raises(StoreCorruptError):
        join_stores([tmp_path / "store", stores[1][1]], out=tmp_path / "joined", corpora=NAMES)
    with pytest.raises(StoreIncompleteError):
        open_store(tmp_path / "joined")


def test_the_terms_are_those_of_all_corpora(joined):
    assert terms_of("EmoDB+IEMOCAP").restricted
    assert not terms_of("EmoDB+RAVDESS").restricted
    licence = terms_of("EmoDB+IEMOCAP").licence
    assert terms_of("EmoDB").title in licence
    assert terms_of("IEMOCAP").licence.rstrip(". ") in licence
    assert "Joined of several corpora" in (joined.folder / "README.md").read_text()


def test_label_rules_of_corpora_are_recorded(stores, tmp_path):
    votes = build(stores[0] / "B", tmp_path / "votes", labels="votes").store
    made = join_stores([stores[1][0], votes.path], out=tmp_path / "joined", corpora=NAMES).store
    assert made.header.label_rule == made.header.config.labels == "A=annotated,B=votes"
    labels = made.labels("A=annotated,B=votes")
    assert labels[: SIZES["A"]].tolist() == open_store(stores[1][0]).labels("annotated").tolist()
    assert labels[SIZES["A"] :].tolist() == votes.labels("votes").tolist()
    assert "for A the corpus' own final label; for B the majority of the raters" in (
        (made.folder / "README.md").read_text()
    )


def test_the_card_counts_each_corpus(joined):
    text = (joined.folder / "README.md").read_text()
    assert "## Corpora" in text
    assert "| A | 7 | 5 |" in text
    assert "| B | 10 | 7 |" in text


def test_a_store_in_a_bucket_is_joined_as_one_in_a_folder(joined, stores, tmp_path):
    push_store(open_store(stores[1][1]), "memory://tests/studio")
    made = join_stores([stores[1][0], "memory://tests/studio"], out=tmp_path / "store", corpora=NAMES)
    assert made.store.digest == joined.digest
    assert tree(made.store.path) == tree(joined.path)


def test_corpora_of_other_kinds_are_joined_with_what_each_has(finished, tmp_path):
    write_corpus(tmp_path / "own", 5)
    text = (tmp_path / "own/utterances.csv").read_text().splitlines()
    lines = [f"{text[0]},room", *(f"{line},7" for line in text[1:])]
    (tmp_path / "own/utterances.csv").write_text("\n".join(lines))
    mel = open_store(finished.out).header.config.settings["mel"]
    own = build(tmp_path / "own", tmp_path / "store", features=["mel", "delta"], mel=dict(mel)).store
    made = join_stores([finished.out, own.path], out=tmp_path / "joined", common=True)
    assert list(made.store.header.features) == ["mel", "delta"]
    utterances = made.store.utterances
    first = utterances["corpus"] == "KEMDy20"
    assert made.store.dataset == "KEMDy20+folder"
    assert utterances["x_room"].isna().tolist() == first.tolist()
    assert utterances["scripted"].isna().tolist() == first.tolist()
    assert utterances["votes_calm"].dtype == "int64"
    assert (utterances.loc[~first, "ibi_coverage"] == 0).all()
    kept = open_store(finished.out).utterances
    for column in ("emotion", "valence", "duration", "votes_neutral", "clock_start"):
        assert utterances.loc[first, column].tolist() == kept[column].tolist()
    assert set(made.store.header.sessions) >= {f"KEMDy20.{name}" for name in open_store(finished.out).header.sessions}
    assert verify(made.store).problems == ()


def test_a_joined_store_is_pushed(joined):
    assert push_store(joined, "memory://tests/joined").sent > 0


def test_an_unfinished_build_is_not_taken_for_a_join(stores, tmp_path):
    writer.staging(tmp_path / "store").mkdir(parents=True)
    (writer.staging(tmp_path / "store") / "sources.parquet").touch()
    with pytest.raises(StoreError, match="has an unfinished build"):
        join_stores(stores[1], out=tmp_path / "store", corpora=NAMES)


@pytest.mark.slow
def test_killed_before_any_change_of_the_disk_a_join_is_no_store_or_the_whole_one(tmp_path, monkeypatch):
    folders = write_corpora(tmp_path, {"A": 3, "B": 2})
    outs = [build(folder, tmp_path / f"store-{name}", features=["mel"]).store.path for name, folder in folders.items()]
    expected = join_stores(outs, out=tmp_path / "expected", corpora=NAMES).store
    before = [tree(out) for out in outs]
    killed = 0
    for change in count(0, 13):
        out = tmp_path / f"killed{change}"
        if not run_until(change, partial(join_stores, outs, out=out, corpora=NAMES), monkeypatch):
            break
        killed += 1
        with suppress(StoreIncompleteError):  # the last changes only tidy up
            assert open_store(out).digest == expected.digest
        assert tree(join_stores(outs, out=out, corpora=NAMES).store.path) == tree(expected.path)
    assert killed > 3
    assert [tree(out) for out in outs] == before
