"""kemfeat.features.instances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat import plugins
from kemfeat.errors import ConfigError, ExtractionError, UnknownPluginError
from kemfeat.features.instances import find_feature
from kemfeat.records import FeatureArray, Signal, beside, stem, tag_of, tagged

FEATURES = plugins.names("features")
SOUND = Signal(np.sin(np.arange(8000) / 9).astype(np.float32) / 2, 16000, "1")
tags = st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True)


@given(name=st.from_regex(r"[a-z_]+", fullmatch=True), tag=tags)
def test_a_name_has_a_stem_and_a_tag(name: str, tag: str) -> None:
    whole = tagged(name, tag)
    assert (stem(whole), tag_of(whole)) == (name, tag)
    assert (stem(name), tag_of(name), tagged(name, "")) == (name, "", name)
    assert beside(whole, "_lengths") == tagged(beside(name, "_lengths"), tag)


@pytest.mark.parametrize("name", FEATURES)
@given(tag=tags)
def test_an_instance_has_the_arrays_and_columns_of_the_feature_under_its_tag(name: str, tag: str) -> None:
    plain = plugins.find("features", name)
    if plain.tables is not None:
        with pytest.raises(ConfigError, match="makes tables of the store"):
            find_feature(f"{name}@{tag}")
        return
    made, config = find_feature(f"{name}@{tag}"), plain.config()
    assert made.name == f"{name}@{tag}"
    renamed = [replace(spec, name=stem(spec.name)) for spec in made.specs(config)]
    assert repr(renamed) == repr(list(plain.specs(config)))  # NaN is not equal to itself
    assert {tag_of(spec.name) for spec in made.specs(config)} <= {tag}
    assert {stem(column): kind for column, kind in made.columns.items()} == plain.columns
    assert (made.version, made.config, made.axis, made.rows) == (plain.version, plain.config, plain.axis, plain.rows)


def test_without_a_tag_it_is_the_feature() -> None:
    assert all(find_feature(name) is plugins.find("features", name) for name in FEATURES)
    assert find_feature("MEL@X").name == "mel@X"


@pytest.mark.parametrize("name", ["mel@", "mel@a b", "mel@a@b", "mel@../a", "mel@a.b", f"mel@{'a' * 33}"])
def test_a_tag_that_is_not_a_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="expected mel@NAME, where NAME has 1 to 32 letters, digits, - or _"):
        find_feature(name)


def test_an_instance_of_nothing_is_refused() -> None:
    with pytest.raises(UnknownPluginError, match="mell"):
        find_feature("mell@a")


def test_delta_alone_reads_the_instance_of_another_feature() -> None:
    read = {name: find_feature(f"{name}@x").media for name in FEATURES if plugins.find("features", name).tables is None}
    assert {name for name, media in read.items() if any("@" in one for one in media)} == {"delta"}
    assert read["delta"] == ("mel@x",)


def test_an_instance_makes_the_values_of_the_feature(tmp_path: Path) -> None:
    made: dict[str, FeatureArray] = {}
    for mel_name, delta_name in (("mel", "delta"), ("mel@x", "delta@x")):
        mel, delta = find_feature(mel_name), find_feature(delta_name)
        config = mel.config(n_mels=16, max_frames=9)
        followed = delta.follow(delta.config(), {mel_name: config})
        made[mel_name] = mel.open(config, tmp_path)({"audio": SOUND})
        made[delta_name] = delta.open(followed, tmp_path)({mel_name: made[mel_name]})
    for name in ("mel", "delta"):
        plain, tag = made[name], made[f"{name}@x"]
        assert {stem(key): value for key, value in tag.columns.items()} == plain.columns
        assert all(np.array_equal(tag.arrays[f"{key}@x"], value) for key, value in plain.arrays.items())
        assert len(tag.arrays) == len(plain.arrays)


def test_delta_of_an_instance_follows_the_settings_of_that_instance() -> None:
    delta, mel = find_feature("delta@x"), find_feature("mel").config
    followed = delta.follow(delta.config(), {"mel": mel(n_mels=64), "mel@x": mel(n_mels=32)})
    assert followed.n_mels == 32
    with pytest.raises(ConfigError, match=r"found 64, but mel\.n_mels is 32"):
        delta.follow(delta.config(n_mels=64), {"mel": mel(n_mels=64), "mel@x": mel(n_mels=32)})


def test_what_goes_wrong_says_in_which_instance(tmp_path: Path) -> None:
    spectrogram = find_feature("log_spectrogram@x")
    with pytest.raises(ExtractionError, match=r"^log_spectrogram@x: 3 samples"):
        spectrogram.open(spectrogram.config(), tmp_path)({"audio": replace(SOUND, values=SOUND.values[:3])})
