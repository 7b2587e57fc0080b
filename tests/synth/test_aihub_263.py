"""kemfeat.synth.aihub_263."""

from __future__ import annotations

from pathlib import Path

from kemfeat import plugins
from kemfeat.corpora.aihub_263 import READER
from kemfeat.synth.aihub_263 import SYNTH


def test_it_is_found_by_name_and_as_large_as_the_corpus() -> None:
    assert plugins.find("synth", "AIHub-263") is SYNTH
    assert (SYNTH.utterances, SYNTH.sessions) == (44_000, 3)


def test_tables_recordings_and_votes_are_those_of_the_corpus(tmp_path: Path) -> None:
    SYNTH.write(tmp_path / "A", utterances=144, sessions=3, seed=5)
    assert {path.name for path in (tmp_path / "A").glob("*.csv")} == {
        "4차년도.csv",
        "5차년도.csv",
        "5차년도_2차.csv",
    }
    manifest = READER.read_manifest(tmp_path / "A").labelled("votes")
    assert manifest.utterances.groupby("script").size().tolist() == [48, 48, 48]
    assert manifest.utterances["audio"].notna().all()
    assert {found.rule: found.count for found in manifest.findings}["unannotated-media"] == 6
    assert len(manifest.ratings) == 5 * 144
    neutral = manifest.ratings["emotion"] == "neutral"
    assert (manifest.ratings.loc[neutral, "intensity"] == 0).all()
    agree = (manifest.utterances["emotion"] == manifest.utterances["emotion_annotated"]).mean()
    assert 0.7 < agree < 1
