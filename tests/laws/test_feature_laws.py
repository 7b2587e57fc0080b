"""Laws that every feature keeps: a file put into ``kemfeat/features`` is tested here before it has a test of its own.

They are those of :mod:`kemfeat.testing`. A feature that reads a medium not among its samples fails here until a sample
of the medium is added to them.
"""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from kemfeat import plugins
from kemfeat.features import AnyExtractor
from kemfeat.manifest import READ_COLUMNS
from kemfeat.testing import _features as laws
from tests.features import encoder_kit

FEATURES = plugins.names("features")
ALONE = "makes the same bytes in another process"
"""The law that is tried on all features at once, as a process takes seconds."""


def find(name: str) -> AnyExtractor:
    return plugins.find("features", name)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    made = laws.bench(folder)
    encoder_kit.save_speech_encoder(folder / "speech_embedding")
    encoder_kit.save_text_encoder(folder / "text_embedding", folder / "tokenizer")
    return made


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("law", [law for law in laws.LAWS if law != ALONE])
def test_a_feature_keeps_the_law(bench, law, name):
    laws.LAWS[law](find(name), bench)


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_called_as_its_file(name):
    assert find(name).name == name


def test_no_two_features_use_one_name(bench):
    arrays = [spec.name for name in FEATURES for spec in find(name).specs(bench.config(find(name)))]
    columns = [column for name in FEATURES for column in find(name).columns]
    assert len(set(arrays)) == len(arrays)
    assert len(set(columns)) == len(columns)
    assert not set(columns) & set(READ_COLUMNS.names)


@pytest.mark.parametrize("name", FEATURES)
def test_a_config_travels_to_another_process(bench, name):
    for preset in find(name).config.PRESETS:
        config = bench.config(find(name), preset)
        assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - written one call earlier


def fingerprints(on: laws.Bench) -> dict[str, dict[str, str]]:
    return {name: laws.fingerprints(find(name), on) for name in FEATURES}


def test_another_process_makes_the_same_bytes(bench):
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-W", "error", "-m", "tests.laws.test_feature_laws", str(bench.root)]
    above = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=above, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == fingerprints(bench)


def test_the_law_of_another_process_is_tried_alone_too(bench):
    laws.LAWS[ALONE](find("eda"), bench)


if __name__ == "__main__":
    print(json.dumps(fingerprints(laws.Bench(Path(sys.argv[1])))))  # noqa: T201 - read by test_another_process_makes_the_same_bytes
