"""The page on tables says what the reader does, and its scripts write tables."""

import re
import subprocess
from pathlib import Path

import pytest

from kemfeat.corpora import open_reader
from kemfeat.corpora.folder._columns import KNOWN
from kemfeat.labels import SPELLINGS
from tests.corpora.tiny import wav_bytes

PAGE = Path(__file__).parents[2] / "docs/howto/own-corpus.md"


def test_the_page_on_tables_names_every_column_and_spelling():
    rows = [line.strip("|").split(" | ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    columns = [row[0].strip(" `") for row in rows if len(row) == 3]
    assert sorted(columns) == sorted(KNOWN)
    spellings = {word.strip(" `"): row[1].strip(" `") for row in rows if len(row) == 2 for word in row[0].split(",")}
    assert spellings == SPELLINGS


@pytest.mark.parametrize(
    ("place", "clips", "emotions", "speakers"),
    [
        (0, ["wav/03a01Fa.wav", "wav/16b10Lb.wav", "wav/08a02Nc.wav"], ["happy", "neutral", "boredom"], ["spk03"]),
        (
            1,
            ["Actor_02/03-01-08-01-01-01-02.wav", "Actor_12/03-01-06-02-02-01-12.wav"],
            ["surprise", "fear"],
            ["Actor_2", "Actor_12"],
        ),
    ],
    ids=["EmoDB", "RAVDESS"],
)
def test_the_lines_of_the_page_write_tables(place, clips, emotions, speakers, tmp_path):
    for clip in clips:
        (tmp_path / clip).parent.mkdir(exist_ok=True)
        (tmp_path / clip).write_bytes(wav_bytes(0.3))
    script = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)[place]
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True)
    manifest = open_reader("folder", root=tmp_path).read_manifest(tmp_path)
    assert {finding.rule for finding in manifest.findings} <= {"own-emotion"}
    assert manifest.utterances["emotion"].to_list() == emotions
    assert manifest.utterances["speaker"].to_list()[: len(speakers)] == speakers
