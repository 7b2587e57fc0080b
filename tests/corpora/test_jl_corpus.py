"""kemfeat.corpora.jl_corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemfeat.corpora.jl_corpus import READER
from kemfeat.errors import CorpusError
from tests.corpora.clips import write_clips

EMOTIONS = ("angry", "sad", "neutral", "happy", "excited", "anxious")


def write_small(folder: Path) -> None:
    names = [f"{who}_{how}_{say}_1" for who in ("female1", "male2") for how in EMOTIONS for say in ("1a", "2a", "10b")]
    write_clips(folder, [f"JL(wav+txt)/{name}.wav" for name in names])


def test_a_name_says_everything(tmp_path: Path) -> None:
    write_clips(tmp_path, ["x/female1_encouraging_10a_2.wav", "x/male2_happy_3b_1.wav"])
    first, second = READER.read_manifest(tmp_path).labelled("annotated").utterances.to_dict("records")
    assert (first["id"], first["speaker"], first["sex"]) == ("female1_encouraging_10a_2", "female1", "F")
    assert (first["emotion"], first["script"], first["repetition"]) == ("encouraging", "10a", "2")
    assert (second["emotion"], second["sex"], second["speaker"]) == ("happy", "M", "male2")


def test_texts_beside_the_clips_are_told(tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "JL(wav+txt)" / "female1_angry_1a_1.txt").write_text("Tom beats that farmer")
    manifest = READER.read_manifest(tmp_path)
    assert {finding.rule: finding.count for finding in manifest.findings} == {
        "stray-file": 1,
        "incomplete-corpus": 2_400 - 36,
    }


@pytest.mark.parametrize("name", ["female3_angry_1a_1.wav", "female1_bored_1a_1.wav", "female1_angry_1c_1.wav"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    write_clips(tmp_path, ["male1_sad_1a_1.wav", name])
    with pytest.raises(CorpusError, match="not a name of JL_corpus"):
        READER.read_manifest(tmp_path)
