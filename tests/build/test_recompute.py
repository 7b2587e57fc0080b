"""Rows computed again from the corpus equal the store's, and whatever differs is told by name."""

import shutil

import numpy as np
import pytest
import zarr

from kemfeat import open_store
from kemfeat.build import recompute
from tests.build.kit import ROWS, with_settings
from tests.corpora.tiny import wav_bytes
from tests.store.kit import vouch


def again(bench, rows=ROWS, **options):
    return recompute(open_store(bench.out), root=bench.corpus.root, rows=rows, **options)


def test_a_sound_store_is_what_its_corpus_gives(finished):
    assert again(finished) == []


def test_more_rows_than_there_are_is_all_of_them(finished):
    seen = []
    assert again(finished, 10 * ROWS, progress=lambda done, total: seen.append((done, total))) == []
    assert seen == [(done, ROWS) for done in range(ROWS + 1)]


def test_the_choice_depends_on_the_store_alone(bench, tmp_path):
    for path in bench.corpus.root.rglob("*.txt"):
        path.write_text("또 다른 말")
    moved = bench.copy(tmp_path / "moved")
    first, second = again(bench, 3), again(moved, 3)
    assert first == second
    assert len({problem.partition(":")[0] for problem in first}) == 3


@pytest.mark.parametrize(("array", "value"), [("mel", -3.0), ("eda_mask", 0), ("input_ids", 7), ("delta_lengths", 1)])
def test_a_changed_cell_of_an_array_is_found_in_its_row(bench, array, value):
    store = open_store(bench.out)
    folder = bench.out / "features.zarr" / store.header.arrays[array].feature / array
    zarr.open_array(folder, mode="r+")[4] = value
    vouch(bench.out)
    name = bench.corpus.ids[4]
    assert again(bench) == [f"{name}: {array} differs from what its sources give; build again with --rehash"]


def test_a_changed_source_is_found_in_all_that_is_made_from_it(bench):
    name = bench.corpus.ids[2]
    bench.corpus.wav(name).write_bytes(wav_bytes(0.9))
    found = again(bench)
    assert all(problem.startswith(f"{name}: ") for problem in found)
    said = " ".join(found)
    assert "duration is" in said
    for made in ("mel differs", "mel_lengths differs", "delta differs", "column mel_frames differs"):
        assert made in said


def test_a_changed_label_is_found(bench):
    bench.corpus.set_cell(3, 5, "angry")
    said = " ".join(again(bench))
    assert "emotion is 'happy;neutral' in the store and 'angry' in the corpus; build again" in said
    assert "is_tie is True in the store and False in the corpus" in said


def test_a_lost_utterance_is_found(bench):
    cells = bench.corpus.cells()
    bench.corpus.write_cells([*cells[:2], *cells[3:]])
    assert again(bench) == [f"{bench.corpus.ids[0]}: the corpus no longer has this utterance; build again"]


def test_lost_audio_and_physiology_are_found(bench):
    bench.corpus.wav(bench.corpus.ids[0]).unlink()
    shutil.rmtree(bench.corpus.root / "TEMP" / "Session02")
    found = again(bench)
    assert any(one.startswith(f"{bench.corpus.ids[0]}: mel: ") for one in found)
    assert sum("temp_mask differs" in one for one in found) == ROWS // 2


def test_a_quarantined_row_is_as_it_should_be_until_the_corpus_is_repaired(bench):
    path = bench.corpus.wav(bench.corpus.ids[1])
    sound = path.read_bytes()
    path.write_bytes(b"")
    settings = with_settings(features=["mel", "eda"])
    new = bench.fresh()
    new.build(settings=settings, on_error="skip", max_failures=0.2)
    assert again(new) == []
    path.write_bytes(sound)
    said = " ".join(again(new))
    assert "mel is missing in the store although it can be extracted now; build again" in said


def test_nothing_is_written(bench):
    before = {path: path.stat().st_mtime_ns for path in bench.out.rglob("*")}
    assert again(bench, 2) == []
    assert {path: path.stat().st_mtime_ns for path in bench.out.rglob("*")} == before


def test_labels_by_vote_are_computed_by_vote(bench):
    new = bench.fresh()
    new.build(settings=with_settings(features=["eda"], labels="votes"))
    assert again(new) == []


def test_float16_is_compared_as_stored(bench):
    settings = with_settings(features=["mel", "delta"], mel={"dtype": "float16"}, delta={"dtype": "float16"})
    new = bench.fresh()
    store = new.build(settings=settings).store
    assert store.array("mel").dtype == np.float16
    assert 0 < store.header.arrays["mel"].max_abs_error < 0.1
    assert again(new) == []
