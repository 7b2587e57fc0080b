"""kemfeat.corpora.savee."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemfeat.corpora.savee import READER
from kemfeat.errors import CorpusError
from tests.corpora.clips import write_clips

LETTERS = ("a", "d", "f", "h", "n", "sa", "su")


def write_small(folder: Path) -> None:
    write_clips(
        folder, [f"AudioData/{who}/{how}{n:02d}.wav" for who in ("DC", "JE") for how in LETTERS for n in (1, 2, 3)]
    )


@pytest.mark.parametrize("path", ["AudioData/DC/sa01.wav", "DC_sa01.wav", "ALL/DC_sa01.wav"])
def test_both_layouts_say_the_same(tmp_path: Path, path: str) -> None:
    write_clips(tmp_path, [path])
    [row] = READER.read_manifest(tmp_path).labelled("annotated").utterances.to_dict("records")
    assert (row["id"], row["speaker"], row["emotion"], row["sex"]) == ("DC_sa01", "DC", "sad", "M")
    assert row["audio"] == path


@pytest.mark.parametrize("path", ["AudioData/XX/a01.wav", "DC/x01.wav", "a01.wav"])
def test_other_names_are_refused(tmp_path: Path, path: str) -> None:
    write_clips(tmp_path, ["DC/a02.wav", path])
    with pytest.raises(CorpusError, match="not a name of SAVEE"):
        READER.read_manifest(tmp_path)
