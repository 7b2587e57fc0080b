"""Embeddings in a store: made together, found again by digest, and never with a path of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from kemfeat import open_store
from kemfeat.build import recompute
from kemfeat.errors import ConfigError
from tests.build import kit
from tests.corpora.tiny import wav_bytes
from tests.features import encoder_kit
from tests.store.kit import vouch

FEATURES = ("text", "speech_embedding", "text_embedding", "speech_embedding@all")
ARRAYS = ("speech_embedding", "text_embedding", "speech_embedding@all")


@pytest.fixture(scope="module")
def encoders(finished: kit.Bench, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("encoders")
    return {
        "speech": encoder_kit.save_speech_encoder(folder / "speech"),
        "text": encoder_kit.save_text_encoder(folder / "text", finished.corpus.root / "tokenizer"),
    }


def settings(encoders: dict[str, Path], **speech: Any) -> dict[str, Any]:
    return {
        "features": FEATURES,
        "rows_per_shard": 4,
        "speech-embedding": {"encoder": str(encoders["speech"]), **speech},
        "speech_embedding@all": {"layer": [0, 1, 2, 3]},
        "text_embedding": {"encoder": str(encoders["text"])},
    }


@pytest.fixture(scope="module")
def built(finished: kit.Bench, encoders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> kit.Bench:
    bench = finished.copy(tmp_path_factory.mktemp("built")).fresh("embeddings")
    bench.build(settings=settings(encoders))
    return bench


@pytest.fixture
def made(built: kit.Bench, tmp_path: Path) -> kit.Bench:
    """A corpus and its embeddings, to change."""
    return built.copy(tmp_path / "own")


def again(bench: kit.Bench, *encoders: Path) -> list[str]:
    return recompute(open_store(bench.out), root=bench.corpus.root, rows=kit.ROWS, encoders=[*map(str, encoders)])


def test_workers_change_no_byte(made: kit.Bench, encoders: dict[str, Path]) -> None:
    two = made.fresh("two")
    report = two.build(settings=settings(encoders), workers=2)
    assert report.store.digest == open_store(made.out).digest
    assert kit.tree(two.out) == kit.tree(made.out)


def test_a_store_has_every_row_and_no_path_of_this_machine(made: kit.Bench, encoders: dict[str, Path]) -> None:
    store = open_store(made.out)
    assert {name: store.array(name).shape for name in ARRAYS} == {
        "speech_embedding": (12, 1, 16),
        "text_embedding": (12, 1, 16),
        "speech_embedding@all": (12, 4, 16),
    }
    assert all(np.isfinite(np.asarray(store.array(name)[:])).all() for name in ARRAYS)
    texts = [path.read_bytes() for path in made.out.rglob("*") if path.is_file()]
    assert not any(str(folder.parent).encode() in text for folder in encoders.values() for text in texts)


def test_the_same_command_is_up_to_date_wherever_the_encoder_is(
    made: kit.Bench, encoders: dict[str, Path], tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    encoder_kit.save_speech_encoder(moved)
    report = made.build(settings=settings(encoders | {"speech": moved}), workers=1)
    assert report.written == 0
    other = encoder_kit.save_speech_encoder(tmp_path / "other", hidden_act="relu")
    report = made.build(settings=settings(encoders | {"speech": other}))
    assert report.written == 2 * kit.PARTITIONS, "speech_embedding and its instance"


def test_rows_that_are_there_are_kept_and_new_ones_agree(made: kit.Bench, encoders: dict[str, Path]) -> None:
    before = np.asarray(open_store(made.out).array("speech_embedding")[:])
    [changed, *_] = sorted(made.corpus.root.rglob("*.wav"))
    changed.write_bytes(wav_bytes(1.1, pitch=333.0))
    made.build(settings=settings(encoders))
    after = np.asarray(open_store(made.out).array("speech_embedding")[:])
    assert (after != before).any(axis=(1, 2)).sum() == 1
    fresh = made.fresh("fresh")
    fresh.build(settings=settings(encoders))
    np.testing.assert_allclose(np.asarray(open_store(fresh.out).array("speech_embedding")[:]), after, atol=1e-5)


def test_recomputing_needs_the_encoders_and_finds_what_was_changed(made: kit.Bench, encoders: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match=r"speech_embedding: was made by the wav2vec2 encoder .* pass --encoder DIR"):
        again(made)
    with pytest.raises(ConfigError, match="which a store does not contain, and it is not"):
        again(made, encoders["text"])
    assert again(made, encoders["text"], encoders["speech"]) == []
    path = made.out / "features.zarr" / "speech_embedding" / "speech_embedding"
    zarr.open_array(path, mode="r+")[5, 0, 3] += 0.5
    vouch(made.out)
    [problem] = again(made, encoders["speech"], encoders["text"])
    assert problem.endswith("speech_embedding differs from what its sources give; build again with --rehash")


def test_an_utterance_without_sound_or_text_is_a_missing_row(made: kit.Bench, encoders: dict[str, Path]) -> None:
    for path in (sorted(made.corpus.root.rglob("*.wav"))[0], sorted(made.corpus.root.rglob("*.txt"))[1]):
        path.unlink()
    report = made.build(settings=settings(encoders), on_error="skip", max_failures=0.5)
    assert report.failures == 2
    for name in ARRAYS:
        rows = np.asarray(report.store.array(name)[:])
        assert np.isnan(rows).all(axis=(1, 2)).sum() == 1
