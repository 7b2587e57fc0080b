"""Every law of features can be broken, and says what was found."""

import importlib
import itertools
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ConfigDict

from kemfeat.features.eda import EXTRACTOR
from kemfeat.records import FeatureArray, FeatureSpec
from kemfeat.testing import LawBroken
from kemfeat.testing import _features as laws

CALLS = itertools.count()


class Loose(EXTRACTOR.config):
    model_config = ConfigDict(frozen=False)


class NotHashed(EXTRACTOR.config):
    __hash__ = None


def extracting(change):
    """The feature, whose results are changed: the function gets media and result."""

    def opened(config, resources):
        extract = EXTRACTOR.open(config, resources)
        return lambda media: change(media, extract(media))

    return replace(EXTRACTOR, open=opened)


def louder(made, by):
    arrays = {name: array if array.dtype == bool else array + by for name, array in made.arrays.items()}
    return FeatureArray(arrays=arrays, columns=made.columns)


def without_a_mask(media, made):
    return FeatureArray(arrays={"eda": made.arrays["eda"]}, columns=made.columns)


def spoiling(media, made):
    media["eda"].values[0] = 99.0
    return made


def made_up(media, made):
    if media["eda"] is not None:
        return made
    return FeatureArray(
        arrays={name: np.ones(3, dtype=array.dtype) for name, array in made.arrays.items()}, columns=made.columns
    )


def two_of_one_name(config) -> tuple[FeatureSpec, ...]:
    first, *_ = EXTRACTOR.specs(config)
    return first, first


BROKEN = {
    "says who it is and what it reads": (replace(EXTRACTOR, media=("smell",)), "no corpus brings 'smell'"),
    "declares arrays that a store can hold": (replace(EXTRACTOR, specs=two_of_one_name), "two arrays have one name"),
    "uses no name of another feature": (
        replace(EXTRACTOR, columns={"mel_frames": "int32"}),
        "column mel_frames is one of the feature mel",
    ),
    "has a configuration that is an identity": (replace(EXTRACTOR, config=NotHashed), "unhashable"),
    "has a configuration that cannot be changed": (replace(EXTRACTOR, config=Loose), "can be changed"),
    "returns what it declares": (extracting(without_a_mask), r"arrays \['eda'\], declared are \['eda', 'eda_mask'\]"),
    "knows its rows before they are made": (replace(EXTRACTOR, axis="clip"), "axis is 'clip'"),
    "depends on its media alone": (
        extracting(lambda media, made: louder(made, next(CALLS))),
        "gives other bytes after another one",
    ),
    "leaves its media alone": (extracting(spoiling), "changes what it reads"),
    "refuses what is missing, or leaves it empty": (extracting(made_up), "has values where nothing was read"),
}
ALONE = "makes the same bytes in another process"


def test_every_law_is_broken_here_or_below():
    assert {*BROKEN, ALONE} == set(laws.LAWS)


@pytest.mark.parametrize("law", BROKEN)
def test_a_broken_law_says_what_was_found(tmp_path, law):
    broken, told = BROKEN[law]
    with pytest.raises((LawBroken, TypeError), match=told):
        laws.LAWS[law](broken, laws.bench(tmp_path))
    laws.LAWS[law](EXTRACTOR, laws.bench(tmp_path))


SALTED = """
import os
from dataclasses import replace

from kemfeat.features.eda import EXTRACTOR as EDA


def _open(config, resources):
    extract = EDA.open(config, resources)

    def salted(media):
        made = extract(media)
        return replace(made, columns={**made.columns, "eda_length": os.getpid()})

    return salted


EXTRACTOR = replace(EDA, open=_open)
"""


def test_another_process_is_another_process(tmp_path, monkeypatch):
    (tmp_path / "salted.py").write_text(SALTED, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    salted = importlib.import_module("salted").EXTRACTOR
    with pytest.raises(LawBroken, match="another process makes other bytes"):
        laws.LAWS[ALONE](salted, laws.bench(tmp_path / "bench", module="salted"))
