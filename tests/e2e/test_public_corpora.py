"""The installed command over folders of public corpora of conversations, from validation to splits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpora.test_meld import write_small
from tests.e2e.command import kemfeat

pytestmark = pytest.mark.slow
SETTINGS = ("--set", "mel.max_frames=64", "--set", "mel.n_mels=16")


def made(dataset: str, folder: Path) -> Path:
    """A small folder of a corpus."""
    if dataset == "MELD":
        write_small(folder)
    else:
        sessions = {"AIHub-263": 3}.get(dataset, 2)
        said = kemfeat("synth", "--dataset", dataset, "--out", folder, "--utterances", 48, "--sessions", sessions)
        assert said.code == 0, said.err
    return folder


@pytest.mark.parametrize(
    ("dataset", "features", "utterances"),
    [("MELD", "mel,text", 40), ("K-EmoCon", "mel,eda,temp,ibi", 48), ("ESD", "mel,text", 48), ("AIHub-263", "mel", 48)],
)
def test_a_corpus_is_validated_built_described_and_verified(
    tmp_path: Path, dataset: str, features: str, utterances: int
) -> None:
    root, store = made(dataset, tmp_path / "corpus"), tmp_path / "store"
    validated = kemfeat("validate", "--dataset", dataset, "--root", root, "--json")
    assert validated.code == 0, validated.out
    assert validated.json["balance"]["lost"] == []
    built = kemfeat("build", "--dataset", dataset, "--root", root, "--out", store, "--features", features, *SETTINGS)
    assert built.code == 0, built.err
    told = kemfeat("info", store, "--json")
    assert told.json["utterances"] == utterances
    assert kemfeat("verify", store, "--recompute", 5, "--root", root).code == 0


def test_official_parts_are_split_and_audited_and_what_needs_arousal_says_so(tmp_path: Path) -> None:
    root, store = made("MELD", tmp_path / "corpus"), tmp_path / "store"
    kemfeat("build", "--dataset", "MELD", "--root", root, "--out", store, "--features", "mel", *SETTINGS)
    split = tmp_path / "official.parquet"
    said = kemfeat("split", store, "--scheme", "official", "--labels", "7class", "--out", split)
    assert said.code == 0, said.err
    audited = kemfeat("audit", store, split, "--json")
    assert audited.code == 3
    assert "speaker" in {overlap["kind"] for overlap in audited.json["overlaps"]}
    refused = kemfeat("analyze", "anova", store, "--dv", "arousal", "--out", tmp_path / "a")
    assert refused.code != 0
    assert "arousal" in refused.err
