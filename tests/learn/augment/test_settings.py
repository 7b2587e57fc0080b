"""Augmentations as recipes write them: a name, or a table; what cannot be is refused with its place."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from kemfeat.config import FrozenConfig, validated
from kemfeat.errors import ConfigError
from kemfeat.learn import augment
from kemfeat.learn.augment import (
    FrequencyNoise,
    HorizontalFlip,
    ImageCrop,
    ImageRotation,
    RandomDeletion,
    RandomSwap,
    SpecAugment,
)
from kemfeat.learn.augment.settings import Augmentation

KINDS = (FrequencyNoise, SpecAugment, RandomSwap, RandomDeletion, ImageCrop, ImageRotation, HorizontalFlip)


class Train(FrozenConfig):
    augment: tuple[Augmentation, ...] = ()


def read(text):
    return validated(Train, tomllib.loads(text), where="recipe").augment


def test_a_recipe_names_them():
    assert read(f"augment = {json.dumps([kind().name for kind in KINDS])}") == tuple(kind() for kind in KINDS)


def test_a_recipe_sets_them():
    text = """
    [[augment]]
    name = "frequency-noise"
    probability = 0.5
    max_width = 12
    copies = [2, 3]

    [[augment]]
    name = "random-swap"
    alpha = 0.1
    """
    assert read(text) == (FrequencyNoise(probability=0.5, max_width=12, copies=(2, 3)), RandomSwap(alpha=0.1))


def test_what_is_written_is_read_again():
    everything = Train(
        augment=(
            FrequencyNoise(copies=(1,)),
            SpecAugment(value="floor"),
            RandomSwap(),
            RandomDeletion(),
            ImageCrop(rows=5),
            ImageRotation(degrees=3.5),
            HorizontalFlip(probability=0.5),
        )
    )
    assert {type(one) for one in everything.augment} == set(KINDS)
    assert Train.model_validate_json(everything.model_dump_json()) == everything
    assert validated(Train, everything.model_dump(mode="json", exclude_none=True), where="run.json") == everything


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["noise"], "augment.*'frequency-noise', 'spec-augment', 'random-swap', 'random-deletion'"),
        ([{"name": "random-swap", "alhpa": 0.1}], "augment.*unknown key 'alhpa'"),
        ([{"name": "random-swap", "alpha": 0.0}], "alpha: expected greater than 0"),
        ([{"name": "random-deletion", "alpha": 1.5}], "alpha: expected less than or equal to 1"),
        ([{"name": "frequency-noise", "probability": 1.1}], "probability: expected less than or equal to 1"),
        ([{"name": "frequency-noise", "min_width": 30}], "min_width 30 is more than max_width 29"),
        ([{"name": "spec-augment", "copies": [-1]}], "copies.*greater than or equal to 0"),
        ([{"name": "image-crop", "rows": 101}], "rows: expected less than or equal to 100"),
        ([{"name": "image-rotation", "degrees": 0.0}], "degrees: expected greater than 0"),
        ([{"name": "horizontal-flip", "copies": [-1]}], "copies.*greater than or equal to 0"),
        ([{"name": "spec-augment", "value": "zero"}], "value: expected 'mean' or 'floor'"),
    ],
)
def test_what_cannot_be_is_refused(values, said):
    with pytest.raises(ConfigError, match=f"^recipe: {said}|^recipe.*{said}"):
        validated(Train, {"augment": values}, where="recipe")


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_is_documented_with_its_default(kind):
    page = (Path(__file__).parents[3] / "docs" / "augmentation.md").read_text(encoding="utf-8")
    words = (RandomSwap, RandomDeletion)
    named = "Of `random-swap` and `random-deletion`" if kind in words else f"Of `{kind().name}`"
    tables = [
        page.partition(f"\n{start}")[2].partition("\nOf ")[0].partition("\n## ")[0]
        for start in ("Of all augmentations", named)
    ]
    documented = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", "".join(tables), re.MULTILINE))
    fields = {name: field.default for name, field in kind.model_fields.items() if name != "name"}
    assert documented == {name: json.dumps(default) for name, default in fields.items()}


def test_every_public_name_is_there():
    assert all(getattr(augment, name) is not None for name in augment.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Mixup'"):
        _ = augment.Mixup
