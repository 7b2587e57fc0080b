"""How long rows are is known from durations: what is predicted is what extraction stores."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat import plugins
from kemfeat.build import _lengths, _settings
from tests.build.kit import SETTINGS, with_settings

SECONDS = st.lists(st.floats(0, 60) | st.just(float("nan")), min_size=1, max_size=20).map(np.array)


def resolved(bench, **changes):
    return _settings.resolve(
        with_settings(**changes), reader=plugins.find("corpora", "KEMDy20"), root=bench.corpus.root
    )


def test_the_frames_of_a_store_are_those_that_its_durations_give(finished):
    store = finished.build().store
    predicted = _lengths.lengths(resolved(finished), store.utterances["duration"].to_numpy("float64"))
    assert predicted["mel"].tolist() == np.asarray(store.array("mel_lengths")[:]).tolist()
    assert predicted["delta"].tolist() == predicted["mel"].tolist()
    assert predicted["input_ids"].tolist() == [SETTINGS["tokens"]["max_length"]] * len(store)
    whole = _lengths.whole_lengths(resolved(finished), store.utterances["duration"].to_numpy("float64"))
    assert whole["mel"].tolist() == store.utterances["mel_frames_total"].tolist()


@given(SECONDS)
@settings(deadline=None, max_examples=25)
def test_a_row_is_never_longer_than_its_array_and_longer_sound_never_shorter(finished, seconds):
    made = resolved(finished)
    filled, more = _lengths.lengths(made, seconds), _lengths.lengths(made, seconds + 1)
    shapes = {spec.name: spec.shape for specs in _lengths.specs_of(made).values() for spec in specs}
    for name, rows in filled.items():
        assert rows.max() <= (shapes[name] or (1,))[0]
        assert (more[name] >= rows).all()
    assert (filled["mel"][~(seconds > 0)] == 0).all()


@given(SECONDS)
@settings(deadline=None, max_examples=25)
def test_only_what_is_made_from_audio_counts_as_sound(finished, seconds):
    made = resolved(finished)
    sizes = _lengths.sound_bytes(made, seconds)
    assert set(sizes) == {"mel", "delta"} == _lengths.from_audio(made)
    bands = SETTINGS["mel"]["n_mels"]
    assert sizes["mel"].tolist() == (_lengths.lengths(made, seconds)["mel"] * bands * 4).tolist()


def test_half_the_precision_is_half_the_bytes(finished):
    seconds = np.array([0.5, 2.0])
    single, half = (
        _lengths.sound_bytes(resolved(finished, mel={"dtype": dtype}), seconds)["mel"]
        for dtype in ("float32", "float16")
    )
    assert (single == 2 * half).all()


def test_a_padded_row_has_the_bytes_of_the_block_that_holds_it(finished):
    made = resolved(finished)
    specs = [spec for some in _lengths.specs_of(made).values() for spec in some]
    assert _lengths.row_bytes(made) == sum(np.zeros(spec.shape, spec.dtype).nbytes for spec in specs)
