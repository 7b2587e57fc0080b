"""Several labels of an utterance, by what the annotators were given."""

import pytest

from kemfeat import validate_corpus
from kemfeat.build import build_store
from kemfeat.errors import ConfigError
from kemfeat.labels import LABEL_COLUMNS
from kemfeat.splits import make_split, utterances_digest
from kemfeat.store import columns
from tests.corpora.folder.kit import edit, read

LABELS = {"u1": ("기쁨", "sad", ""), "u2": ("neutral", "boredom;joy", "neutral"), "u3": ("", "anger", "sadness")}


@pytest.fixture
def several(private):
    """The private set with three further columns of labels."""
    lines = (private / "utterances.csv").read_text().splitlines()
    made = [f"{lines[0]},emotion_speech,emotion_face,emotion_multimodal"]
    made += [",".join((line, *LABELS[line.partition(",")[0]])) for line in lines[1:]]
    (private / "utterances.csv").write_text("\n".join(made) + "\n")
    return private


def build(root, out, **settings):
    return build_store("folder", root=root, out=out, settings={"features": ["mel"], **settings}).store


def test_every_column_is_read_as_the_column_emotion_is(several):
    manifest, _ = read(several)
    table = manifest.utterances.astype(object).where(manifest.utterances.notna(), None)
    assert table["emotion_speech"].tolist() == ["happy", "neutral", None]
    assert table["emotion_face"].tolist() == ["sad", "happy;boredom", "angry"]
    assert manifest.vocabulary[-1] == "boredom"
    assert "emotion_text" not in table


def test_a_column_is_a_rule_of_a_finished_store(several, tmp_path):
    store = build(several, tmp_path / "store")
    assert store.utterances["emotion"].tolist() == store.utterances["emotion_annotated"].tolist()
    assert store.labels("emotion_face").tolist() == ["sad", "happy;boredom", "angry"]
    assert make_split(store.utterances, scheme="kfold", folds=2, labels="emotion_face").facts["dropped"] == 0
    with pytest.raises(ConfigError, match=r"known: .*emotion_face, emotion_multimodal, emotion_speech"):
        store.labels("emotion_text")


def test_a_store_may_be_built_with_a_column(several, tmp_path):
    store = build(several, tmp_path / "store", labels="emotion_face")
    assert store.header.label_rule == "emotion_face"
    assert store.utterances["emotion"].tolist() == ["sad", "happy;boredom", "angry"]
    assert store.utterances["is_tie"].tolist() == [False, True, False]
    assert store.labels("5class").tolist() == ["sad", None, "angry"]
    with pytest.raises(ConfigError, match=r"labels: folder has no 'emotion_text'.*did you mean 'emotion_face'"):
        build(several, tmp_path / "other", labels="emotion_text")
    with pytest.raises(ConfigError, match="labels: folder has no 'A=votes'"):
        build(several, tmp_path / "other", labels="A=votes")


def test_a_map_renames_the_labels_of_every_column(several, tmp_path):
    store = build(several, tmp_path / "store", labels={"map": {"boredom": "neutral", "angry": "sad"}})
    assert store.labels("emotion_face").tolist() == ["sad", "happy;neutral", "sad"]


def test_a_split_is_void_when_labels_of_such_a_column_change(several, tmp_path):
    before = utterances_digest(build(several, tmp_path / "store").utterances)
    edit(several, "기쁨", "sad")
    assert utterances_digest(build(several, tmp_path / "store").utterances) != before


def test_a_table_without_the_column_emotion_is_told_how_to_choose(several):
    edit(several, ",emotion,", ",mood,")
    found = {finding.rule: finding.examples for finding in validate_corpus("folder", root=several).findings}
    assert "--set labels=emotion_multimodal" in found["label-missing"][0]


def test_each_column_has_a_meaning():
    assert all(columns.describe(name, {}) for name in (*LABEL_COLUMNS, "corpus"))
