"""kemfeat.corpora.tess."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemfeat.corpora.tess import READER
from kemfeat.errors import CorpusError
from tests.corpora.clips import write_clips

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")


def write_small(folder: Path) -> None:
    words = ("back", "bar", "base")
    write_clips(
        folder, [f"{who}_{how}/{who}_{what}_{how}.wav" for who in ("OAF", "YAF") for what in words for how in EMOTIONS]
    )


def test_a_name_says_everything(tmp_path: Path) -> None:
    write_clips(tmp_path, ["YAF_pleasant_surprised/YAF_back_ps.wav", "OAF_neutral/OA_bite_neutral.wav"])
    bite, back = READER.read_manifest(tmp_path).labelled("annotated").utterances.to_dict("records")
    assert (back["id"], back["speaker"], back["emotion"], back["sex"]) == ("YAF_back_ps", "YAF", "surprise", "F")
    assert back["text"] == "Say the word back."
    assert (bite["id"], bite["speaker"], bite["emotion"]) == ("OAF_bite_neutral", "OAF", "neutral")


def test_a_second_copy_is_refused(tmp_path: Path) -> None:
    write_small(tmp_path)
    write_small(tmp_path / "TESS Toronto emotional speech set data")
    with pytest.raises(CorpusError, match="is there already"):
        READER.read_manifest(tmp_path)
    assert len(READER.read_manifest(tmp_path, on_error="skip")) == 42
