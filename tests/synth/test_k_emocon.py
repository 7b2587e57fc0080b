"""kemfeat.synth.k_emocon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kemfeat import plugins
from kemfeat.errors import ConfigError
from kemfeat.synth.k_emocon import ENDS_EARLY, SYNTH, WITHOUT_CONTACT, WITHOUT_WRISTBAND


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "K-EmoCon"
    SYNTH.write(out, utterances=200, sessions=10, seed=7)
    return out


def test_it_is_found_by_name_and_as_large_as_the_corpus() -> None:
    assert plugins.find("synth", "K-EmoCon") is SYNTH
    assert (SYNTH.utterances, SYNTH.sessions) == (4159, 16)


def test_the_tree_has_the_real_shape(small: Path) -> None:
    top = {"debate_audios", "e4_data", "emotion_annotations", "metadata", "SYNTHETIC.txt", "tokenizer"}
    assert {path.name for path in small.iterdir()} == top
    assert {path.name for path in (small / "debate_audios").iterdir()} == {
        f"p{first}.p{first + 1}.wav" for first in range(1, 21, 2)
    }
    assert {int(path.name) for path in (small / "e4_data").iterdir()} == set(range(1, 21)) - set(WITHOUT_WRISTBAND)
    folders = {path.name: len(list(path.iterdir())) for path in (small / "emotion_annotations").iterdir()}
    assert folders == {
        "self_annotations": 20,
        "partner_annotations": 20,
        "external_annotations": 100,
        "aggregated_external_annotations": 20,
    }


def test_ratings_are_those_of_a_scale_and_one_mark_of_each_list(small: Path) -> None:
    tables = [pd.read_csv(path) for path in sorted((small / "emotion_annotations").glob("*/*.csv"))]
    assert sum(map(len, tables)) == 8 * 200
    for table in tables:
        assert list(table["seconds"]) == list(range(5, 5 * len(table) + 1, 5))
        assert table[["arousal", "valence"]].isin(range(1, 6)).all().all()
        assert table[["cheerful", "happy", "angry", "nervous", "sad"]].isin(range(1, 5)).all().all()
        marks = table.iloc[:, 8:].notna()
        assert (marks.iloc[:, :7].sum(axis=1) == 1).all()
        assert (marks.iloc[:, 7:].sum(axis=1) == 1).all()


def test_the_final_rating_is_one_of_the_most_frequent(small: Path) -> None:
    folder = small / "emotion_annotations"
    raters = [pd.read_csv(folder / f"external_annotations/P4.R{rater}.csv")["valence"] for rater in range(1, 6)]
    final = pd.read_csv(folder / "aggregated_external_annotations/P4.external.csv")["valence"]
    for place, value in enumerate(final):
        said = [int(rater[place]) for rater in raters]
        assert said.count(int(value)) == max(map(said.count, said))


def test_people_differ_as_in_the_corpus(small: Path) -> None:
    subjects = pd.read_csv(small / "metadata/subjects.csv").set_index("pid")
    lengths = subjects["endTime"] - subjects["startTime"]
    assert set(lengths[lengths == 45_000].index) == set(ENDS_EARLY) & set(range(1, 21))
    for pid in WITHOUT_CONTACT:
        assert (pd.read_csv(small / f"e4_data/{pid}/E4_EDA.csv")["value"] == 0).all()
    assert np.isclose(pd.read_csv(small / "e4_data/4/E4_EDA.csv")["timestamp"].diff().dropna(), 250).all()
    assert pd.read_csv(small / "e4_data/4/E4_IBI.csv")["value"].between(300, 2000).all()


def test_more_windows_than_names_have_room_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="utterances: found 4000 for 1 session"):
        SYNTH.write(tmp_path / "K", utterances=4000, sessions=1)
