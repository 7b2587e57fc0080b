"""Cutting and resizing against Pillow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kemfeat.errors import ExtractionError
from kemfeat.features._pictures import Box, cut, half

BILINEAR = Image.Resampling.BILINEAR
FACE = Box(95, 125, 295, 245)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=(height, width, 3)).astype(np.uint8)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(24, 400),
    st.integers(24, 400),
    st.tuples(st.floats(0, 250), st.floats(0, 330), st.floats(30, 110), st.floats(40, 150)),
    st.integers(1, 120),
    st.integers(1, 120),
    st.integers(0, 9),
)
def test_a_cut_is_what_pillow_makes_to_its_rounding(height, width, place, rows, columns, seed):
    left, top, wide, high = place
    box = Box(left, top, left + wide, top + high)
    across, down = width / 360, height / 480
    picture = noise(height, width, seed)
    scaled = (box.left * across, box.top * down, box.right * across, box.bottom * down)
    # Pillow resizes rows or columns first, whichever is faster; here both steps are in one order.
    wide = Image.fromarray(picture).resize((columns, height), BILINEAR, box=(scaled[0], 0, scaled[2], height))
    image = wide.resize((columns, rows), BILINEAR, box=(0, scaled[1], columns, scaled[3]))
    made = cut(picture, box, rows=rows, columns=columns)
    assert made.dtype == np.uint8
    # Pillow keeps boxes in 32 bits: a level may round the other way, in either step.
    apart = np.abs(made.astype(int) - np.asarray(image).astype(int))
    assert apart.max() <= 2
    assert apart.mean() < 0.5


def test_whole_pixels_at_full_size_are_those_of_pillow_to_the_last_bit():
    picture = noise(480, 360)
    for box in (FACE, Box(110, 150, 300, 260)):
        image = Image.fromarray(picture).resize((100, 60), BILINEAR, box=tuple(box))
        np.testing.assert_array_equal(cut(picture, box, rows=60, columns=100), np.asarray(image))


def test_published_steps_give_the_published_box():
    frame = noise(480, 720)
    left = Image.fromarray(frame[120:360, :360])
    published = left.crop((110, 30, 300, 140)).resize((100, 60), BILINEAR)
    made = cut(half(frame, "left"), Box(110, 150, 300, 260), rows=60, columns=100)
    # Cropping before resizing leaves the outermost pixels without their neighbours.
    np.testing.assert_array_equal(made[1:-1, 1:-1], np.asarray(published)[1:-1, 1:-1])


@given(st.integers(0, 255))
@settings(deadline=None, max_examples=20)
def test_one_colour_stays_one_colour(level):
    made = cut(np.full((240, 180, 3), level, dtype=np.uint8), FACE, rows=60, columns=100)
    assert (made == level).all()


def test_halves_are_the_two_sides():
    frame = noise(4, 7)
    np.testing.assert_array_equal(half(frame, "left"), frame[:, :3])
    np.testing.assert_array_equal(half(frame, "right"), frame[:, 4:])
    np.testing.assert_array_equal(half(frame, "whole"), frame)


def test_a_picture_of_a_few_pixels_is_refused():
    with pytest.raises(ExtractionError, match=r"1 by 2 pixels.*expected about 360 by 480"):
        cut(noise(2, 1), FACE, rows=60, columns=100)
