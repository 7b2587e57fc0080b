"""kemfeat.corpora.emodb."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemfeat.corpora.emodb import READER
from kemfeat.errors import CorpusError
from tests.corpora.clips import write_clips


def write_small(folder: Path) -> None:
    sentences = ("a01", "a02", "b10")
    write_clips(
        folder, [f"wav/{who}{what}{how}a.wav" for who in ("03", "08") for what in sentences for how in "WLEAFTN"]
    )


def test_a_name_says_everything(tmp_path: Path) -> None:
    write_clips(tmp_path, ["wav/03a01Fa.wav", "wav/16b10Lb.wav"])
    happy, bored = READER.read_manifest(tmp_path).labelled("annotated").utterances.to_dict("records")
    assert (happy["id"], happy["speaker"], happy["sex"], happy["emotion"]) == ("03a01Fa", "speaker03", "M", "happy")
    assert happy["text"] == "Der Lappen liegt auf dem Eisschrank."
    assert (bored["emotion"], bored["sex"], bored["take"], bored["script"]) == ("boredom", "F", "b", "b10")


def test_every_letter_is_an_emotion(tmp_path: Path) -> None:
    write_small(tmp_path)
    found = READER.read_manifest(tmp_path).labelled("annotated").utterances["emotion"]
    assert set(found) == {"angry", "boredom", "disgust", "fear", "happy", "sad", "neutral"}


@pytest.mark.parametrize("name", ["04a01Fa.wav", "03a03Fa.wav", "03a01Xa.wav", "03a01F.wav", "03a01Fa.WAV"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    write_clips(tmp_path, ["wav/03a01Fa.wav", f"wav/{name}" if name != "03a01Fa.WAV" else "wav/x/03a01Fa.WAV"])
    with pytest.raises(CorpusError, match=r"not a name of EmoDB; expected a name such as wav/03a01Fa\.wav"):
        READER.read_manifest(tmp_path)
