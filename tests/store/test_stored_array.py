"""An array as a user holds it: what it says of itself is what NumPy gets, and nothing is read before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.store.reader import Store

places = st.one_of(st.integers(-20, 19), st.slices(20).filter(lambda part: part.step is None or part.step > 0))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_slices_are_those_of_the_whole(finished: Store, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(finished.arrays))
    where = data.draw(places)
    np.testing.assert_array_equal(finished[name][where], np.asarray(finished.array(name)[:])[where])


def test_it_says_what_numpy_gets(finished: Store) -> None:
    for name in finished.arrays:
        array, whole = finished[name], np.asarray(finished[name])
        assert (array.shape, array.ndim, array.dtype, len(array)) == (whole.shape, whole.ndim, whole.dtype, len(whole))
        assert len(array.dims) == array.ndim
        assert array.dims[0] == "utterance"
        assert array.attrs["units"] == array.units
    assert finished["mel"].attrs["frame_rate_hz"] > 0
    assert np.asarray(finished["mel"], dtype="float64").dtype == np.float64
    assert repr(finished["mel"]).startswith(
        "<kemfeat.StoredArray mel (utterance: 20, frame: 20, mel_bin: 128) float32 [dB]"
    )


def test_it_cannot_be_had_without_a_copy(finished: Store) -> None:
    with pytest.raises(ValueError, match="mel: it has to be read from its files"):
        np.asarray(finished["mel"], copy=False)


def test_nothing_is_read_before_a_slice(copied: Store) -> None:
    array = copied["mel"]
    for shard in (copied.folder / "features.zarr/mel/mel/c").rglob("*"):
        if shard.is_file():
            shard.unlink()
    assert array.shape == (20, 20, 128)
    with pytest.raises(StoreCorruptError):
        array[0]


def test_a_store_is_indexed_by_names_alone(finished: Store) -> None:
    assert "mel" in finished
    assert "mell" not in finished
    assert 0 not in finished
    assert finished._ipython_key_completions_() == list(finished.arrays)
    with pytest.raises(ConfigError, match="did you mean 'mel'"):
        finished["mell"]
    wrong: Any
    for wrong in (0, slice(3), ["mel"], None):
        with pytest.raises(ConfigError, match=r"expected the name of an array, such as \['mel'\]; one utterance is"):
            finished[wrong]
    with pytest.raises(TypeError, match="not iterable"):
        iter(finished)  # type: ignore[call-overload]
