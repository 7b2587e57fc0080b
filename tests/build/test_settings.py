"""What the user asked for becomes a configuration that stands on its own, or a sentence that says what to change."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.build import _settings
from kemfeat.build._settings import DEFAULT_FEATURES, resolve
from kemfeat.config import BuildConfig, validated
from kemfeat.corpora.kemdy20 import READER, Kemdy20Reader
from kemfeat.errors import ConfigError, KemfeatError, UnknownPluginError

BASE = {"features": ["mel", "delta", "eda"]}


@pytest.fixture
def resolved(tmp_path):
    return lambda **raw: resolve({**BASE, **raw}, reader=READER, root=tmp_path)


def test_it_stands_on_its_own(resolved):
    made = resolved(mel={"n_mels": 16})
    again = validated(BuildConfig, made.config.model_dump(mode="json"), where="stored")
    assert again == made.config
    assert made.settings("mel").n_mels == 16
    assert made.settings("eda").max_length == 160


def test_the_default_is_everything_the_corpus_has(finished):
    made = resolve({}, reader=READER, root=finished.corpus.root)
    assert made.config.features == tuple(name for name in DEFAULT_FEATURES if name != "ecg")
    assert list(made.resources) == ["tokens"]
    deaf = Kemdy20Reader(media=("transcript", "temp"))
    assert resolve({}, reader=deaf, root=finished.corpus.root).config.features == ("text", "tokens", "temp")


def test_the_digest_knows_values_and_not_how_they_were_said(resolved):
    digest = resolved().digest
    assert resolved(mel={}).digest == digest
    assert resolved(mel={"n_mels": 128}, labels="annotated").digest == digest
    assert resolved(features=("mel", "delta", "eda")).digest == digest
    assert resolved(features=["MEL", "Delta", "e-da"]).digest == digest
    assert len({digest, resolved(mel={"n_mels": 64}).digest, resolved(labels="votes").digest}) == 3
    assert resolved(features=["eda", "mel", "delta"]).digest != digest


@pytest.mark.parametrize("change", [{"version": 99}, {"name": "Other"}])
def test_the_digest_knows_the_reader(tmp_path, change):
    other = Kemdy20Reader(**change)
    assert resolve(BASE, reader=other, root=tmp_path).digest != resolve(BASE, reader=READER, root=tmp_path).digest


def test_a_preset_reaches_every_feature_that_knows_it(resolved):
    made = resolved(preset="kor-2022", features=["mel", "delta", "text", "eda"])
    assert made.settings("mel").preset == "kor-2022"
    assert made.settings("eda").preset == "default"
    assert resolved(preset="kor-2022", mel={"preset": "default"}).settings("mel").preset == "default"
    assert resolved(preset="kor-2022", mel={"n_mels": 64}).settings("mel").n_mels == 64


REFUSED = {
    "unknown key": ({"rows_per_shards": 4}, r"unknown key 'rows_per_shards'; did you mean 'rows_per_shard'\?"),
    "unknown table": ({"mell": {"n_mels": 1}}, r"unknown key 'mell'; did you mean 'mel'\?"),
    "unknown key in a table": ({"mel": {"n_mel": 64}}, r"mel: unknown key 'n_mel'; did you mean 'n_mels'\?"),
    "wrong type": ({"mel": {"n_mels": "many"}}, r"mel: n_mels: .*found 'many'"),
    "out of range": ({"mel": {"n_mels": 0}}, r"mel: n_mels: .*found 0"),
    "no table": ({"mel": 64}, r"mel = 64; expected a table such as \[mel\]"),
    "no rows": ({"rows_per_shard": 0}, r"rows_per_shard: .*found 0"),
    "half a row": ({"rows_per_shard": 1.5}, r"rows_per_shard: .*found 1.5"),
    "labels": ({"labels": "majority"}, r"labels: .*'annotated' or 'votes'.*found 'majority'"),
    "preset": ({"preset": "kor2022"}, r"unknown preset 'kor2022'; did you mean 'kor-2022'\?"),
    "preset of a feature": ({"mel": {"preset": "kor"}}, r"unknown preset 'kor'"),
    "preset that is no name": ({"preset": ["kor-2022"]}, r"unknown preset \['kor-2022'\]"),
    "twice": ({"features": ["mel", "mel"]}, r"'mel' is named twice"),
    "twice in two spellings": ({"features": ["mel", "Mel"]}, r"'mel' is named twice"),
    "order": ({"features": ["delta", "mel"]}, "delta needs mel before it"),
    "lacking": ({"features": ["tokens"]}, "tokens needs text before it; add it to `features`, or leave tokens out"),
    "none": ({"features": []}, r"features: found \[\]; expected a list of names"),
    "one text": ({"features": "mel"}, r"features: found 'mel'; expected a list of names"),
    "numbers": ({"features": [1]}, r"features: found \[1\]; expected a list of names"),
    "shape that does not follow": ({"delta": {"n_mels": 64}}, r"delta"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_built_is_refused_with_a_way_out(resolved, case):
    raw, said = REFUSED[case]
    with pytest.raises(ConfigError, match=said) as caught:
        resolved(**raw)
    assert caught.value.exit_code == 2


def test_an_unknown_feature_lists_the_known_ones(resolved):
    with pytest.raises(UnknownPluginError, match=r"'mell'; did you mean 'mel'\? \(known: .*video_frames\)"):
        resolved(features=["mell"])


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["labels", "features", "rows_per_shard", "preset", "mel", "delta", "eda", "ibi", "text"])


@settings(max_examples=150, deadline=None)
@given(raw=st.dictionaries(KEYS, JUNK, min_size=1, max_size=3))
def test_no_settings_whatever_end_in_anything_but_a_sentence(finished, raw):
    """Any value of any type that a TOML file may hold, in any place."""
    try:
        made = _settings.resolve({**BASE, **raw}, reader=READER, root=finished.corpus.root)
    except KemfeatError as error:
        said = str(error)
    else:
        said = made.digest
    assert said


def test_one_setting_of_the_channel_reaches_every_feature_that_reads_audio(resolved):
    made = resolved(audio={"channel": 2}, features=["mel", "delta", "mfcc"], mfcc={"channel": "mean"})
    assert (made.settings("mel").channels, made.settings("mfcc").channels) == (2, "mean")
    assert resolved(audio={"channel": 2}).digest == resolved(mel={"channel": 2}).digest
    assert resolved(audio={"channel": "first"}).digest == resolved().digest


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"audio": 2}, "expected a table such as audio.channel = 2"),
        ({"audio": {"chanel": 2}}, "did you mean 'channel'"),
        ({"audio": {"channel": "left"}}, "mel: channels: expected one of first"),
        ({"audio": {"channel": 2}, "features": ["eda"]}, "no feature of this build reads audio"),
    ],
)
def test_a_channel_that_means_nothing_is_refused(resolved, raw, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        resolved(**raw)
