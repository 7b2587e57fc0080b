"""Where rows end: lengths, masks with holes, and which array says so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kemfeat.store import valid_lengths
from kemfeat.store.reader import Store


@given(mask=arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6)))
def test_nothing_real_stands_behind_the_end_and_the_last_before_it_is_real(mask: np.ndarray) -> None:
    for row, end in zip(mask, valid_lengths.ends(mask), strict=True):
        assert not row[end:].any()
        assert end == 0 or row[end - 1]


@given(lengths=st.lists(st.integers(-1, 9)))
def test_a_length_is_an_end_and_none_is_before_the_begin(lengths: list[int]) -> None:
    assert valid_lengths.ends(np.array(lengths, np.int32)).tolist() == [max(length, 0) for length in lengths]


@pytest.mark.parametrize(
    ("array", "marks"),
    [
        ("mel", "mel_lengths"),
        ("delta", "delta_lengths"),
        ("mel_lengths", None),
        ("eda", "eda_mask"),
        ("eda_mask", "eda_mask"),
        ("input_ids", "attention_mask"),
        ("token_type_ids", "attention_mask"),
        ("attention_mask", "attention_mask"),
    ],
)
def test_every_kind_of_array_has_its_marks(finished: Store, array: str, marks: str | None) -> None:
    assert valid_lengths.marks(finished.header, array) == marks
