"""The commands of the page on published systems make stores that these systems can be fed from."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kemfeat import plugins
from kemfeat.store.reader import Store, open_store
from tests.build.kit import KEMFEAT

PAGE = Path(__file__).parents[2] / "docs/howto/published-systems.md"
CORPORA = {"KEMDy20": (36, 2), "KEMDy19": (40, 2), "IEMOCAP": (30, 2)}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every command of the page has run, beside small corpora."""
    here = tmp_path_factory.mktemp("systems")
    for name, (utterances, sessions) in CORPORA.items():
        plugins.find("synth", name).write(here / name, utterances=utterances, sessions=sessions)
    environment = {**os.environ, "PATH": f"{KEMFEAT.parent}{os.pathsep}{os.environ['PATH']}"}
    for script in re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        done = subprocess.run(["bash", "-euc", script], cwd=here, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return here


def shapes(store: Store) -> dict[str, tuple[int, ...]]:
    return {name: store.array(name).shape[1:] for name in store.arrays}


def test_system_1_reads_mels_and_tokens(stores):
    store = open_store(stores / "stores/kor")
    assert shapes(store)["mel"] == shapes(store)["delta"] == (512, 128)
    assert shapes(store)["input_ids"] == (64,)
    assert store.header.config.settings["mel"]["pad_value"] == 0.0


def test_system_2_reads_what_the_exported_table_names(stores):
    store = open_store(stores / "stores/stacked")
    assert shapes(store)["log_spectrogram"] == (1024, 321)
    assert shapes(store)["input_ids"] == (128,)
    assert not store.utterances["text_clean"].str.contains("[^ㄱ-ㅎㅏ-ㅣ가-힣 ]").any()
    (table,) = (stores / "exports/stacked").glob("*.tsv")
    rows = pd.read_csv(table, sep="\t", keep_default_na=False)
    assert rows["id"].tolist() == store.utterances["id"].tolist()
    published = np.load(stores / "exports/stacked/mfcc.npy").transpose(0, 2, 1)
    assert published.shape == (len(store), 100, 465)
    real = int(store.utterances["mfcc_frames"][0])
    np.testing.assert_allclose(published[0, :, :real].mean(axis=1), 0.0, atol=1e-4)


def test_system_3_reads_windows_and_edges(stores):
    store = open_store(stores / "stores/graph")
    ticks = store.rows("tick")
    assert shapes(store)["tick_eda"] == (11,)
    assert shapes(store)["tick_audio"] == (274, 13)
    edges, nodes = store.table("temporal_graph_edges"), store.table("temporal_graph_nodes")
    assert len(nodes) == len(ticks) > 0
    clock = ticks["clock"].to_numpy()
    apart = (clock[edges["target"]] - clock[edges["source"]]) / np.timedelta64(1, "s")
    assert np.abs(apart).max() <= 7.2
    assert set(np.sign(apart)) == {-1, 0, 1}
    speaker = ticks["speaker"].to_numpy()
    assert (speaker[edges["source"]] == speaker[edges["target"]])[apart != 0].all()


def test_system_4_reads_four_sets(stores):
    sets = {path.name.removeprefix("images-"): open_store(path) for path in (stores / "stores").glob("images-*")}
    assert set(sets) == {"whole", "whole-denoised", "clips", "clips-denoised"}
    for name, store in sets.items():
        assert shapes(store)["stft_image"] == (200, 300)
        rows = store.rows("clip")
        counts = rows["parent"].value_counts().reindex(store.utterances["id"]).to_numpy()
        seconds = store.utterances["duration"].to_numpy()
        expected = np.where(seconds <= 3.01, 1, seconds // 3) if name.startswith("clips") else np.ones(len(store))
        assert counts.tolist() == expected.tolist()
    one, other = (np.asarray(sets[name].array("stft_image")[:]) for name in ("whole", "whole-denoised"))
    assert not np.array_equal(one, other)
