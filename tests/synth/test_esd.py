"""kemfeat.synth.esd."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemfeat import plugins
from kemfeat.corpora.esd import READER
from kemfeat.errors import ConfigError
from kemfeat.splits import make_split
from kemfeat.synth.esd import SYNTH


def test_it_is_found_by_name_and_as_large_as_the_corpus() -> None:
    assert plugins.find("synth", "ESD") is SYNTH
    assert (SYNTH.utterances, SYNTH.sessions) == (35_000, 20)


@pytest.mark.parametrize("version", ["parts", "flat"])
def test_every_clip_has_its_words_whatever_their_encoding(tmp_path: Path, version: str) -> None:
    SYNTH.write(tmp_path / "E", utterances=240, sessions=12, version=version)
    utterances = READER.read_manifest(tmp_path / "E").utterances
    assert len(utterances) == 240
    assert utterances.groupby("script")["text"].nunique().eq(1).all()
    assert utterances["text"].notna().all()
    assert utterances["emotion"].value_counts().nunique() == 1
    assert utterances["part"].notna().all() == (version == "parts")


def test_the_official_parts_are_a_split(tmp_path: Path) -> None:
    SYNTH.write(tmp_path / "E", utterances=40, sessions=2)
    split = make_split(READER.read_manifest(tmp_path / "E").labelled("annotated").utterances, scheme="official")
    assert {part: len(split.ids(part)) for part in ("train", "valid", "test")} == {"train": 20, "valid": 10, "test": 10}


def test_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected one of parts, flat"):
        SYNTH.write(tmp_path / "E", utterances=40, sessions=2, version="1.0")
