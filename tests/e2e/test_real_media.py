"""Real speech, real wristband signals and real Korean text, from the folder to a verified store."""

import json
import subprocess

import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile

from kemfeat import open_store
from kemfeat.build import recompute
from tests.build.kit import KEMFEAT


@pytest.fixture(scope="module")
def corpus(shared):
    return shared / "data" / "kemdy20_real_media"


@pytest.fixture(scope="module")
def store(corpus, shared, tmp_path_factory):
    out = tmp_path_factory.mktemp("real") / "store"
    tokenizer = shared / "data" / "kobert_tokenizer"
    command = [KEMFEAT, "build", "--dataset", "KEMDy20", "--root", corpus, "--out", out, "--tokenizer", tokenizer]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return open_store(out)


def test_it_is_verified_file_by_file_and_row_by_row(store, corpus):
    done = subprocess.run([KEMFEAT, "verify", store.path, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["problems"] == []
    assert len(store) == 154
    assert recompute(store, root=corpus, rows=20) == []


def test_its_mels_are_librosas(store, corpus):
    rows = store.utterances.iloc[::12]
    for place, row in zip(rows.index, rows.itertuples(), strict=True):
        sound, rate = soundfile.read(corpus / row.audio)
        power = librosa.feature.melspectrogram(y=sound, sr=rate, fmin=100, fmax=8000)
        expected = librosa.power_to_db(power, ref=np.max)[:, :512].T
        assert (rate, row.mel_frames) == (16000, len(expected))
        np.testing.assert_allclose(store.array("mel")[place][: len(expected)], expected, rtol=0, atol=1e-4)


def test_its_signals_are_the_rows_that_carry_the_id(store, corpus):
    name = store.utterances["id"][store.utterances["eda_length"] > 0].iloc[0]
    row = store.utterances.set_index("id").loc[name]
    path = corpus / "EDA" / f"Session{name[4:6]}" / f"{name.rpartition('_')[0]}.csv"
    lines = [line.split(",") for line in path.read_text().splitlines()]
    own = [float(fields[0]) for fields in lines if fields[-1].strip() == name]
    values = store.array("eda")[store.utterances.index[store.utterances["id"] == name][0]]
    assert row["eda_length"] == len(own)
    np.testing.assert_array_equal(values[: len(own)], np.float32(own)[:160])


def test_its_text_is_read_and_counted(store):
    table = store.utterances
    assert table["text_clean"].notna().all()
    lengths = store.array("attention_mask")[:].sum(axis=1)
    pd.testing.assert_series_equal(
        pd.Series(lengths), (table["n_pieces"] + 2).clip(upper=64), check_names=False, check_dtype=False
    )
