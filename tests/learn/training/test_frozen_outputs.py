"""kemfeat.learn.training.frozen_outputs: what is kept equals what is computed, and nothing of it is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from torch import nn

from kemfeat.learn import run_folder
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._batches import Reading
from kemfeat.learn.models._text_encoder import TextEncoder
from kemfeat.learn.training import frozen_outputs
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.augmented import augmentations_of
from kemfeat.learn.training.pretrained import resolved
from kemfeat.learn.training.progress import Silent
from kemfeat.learn.training.recipe import Recipe, load_recipe
from kemfeat.learn.training.trainer import Options, fit, train
from kemfeat.learn.training.training_data import training_data_of
from kemfeat.splits import Split
from kemfeat.store.reader import Store
from tests.learn.models import kit as models
from tests.learn.training import kit

pytestmark = pytest.mark.slow  # models are trained

IN_ORDER = {"train__shuffle": False, "train__bucket_by_length": False}
OFF = {"train__frozen_cache": 0}


@pytest.fixture(scope="module")
def split(store: Store) -> Split:
    return kit.session_split(store)


@pytest.fixture(scope="module")
def encoder(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.saved_bert(tmp_path_factory.mktemp("encoder"), store)


@pytest.fixture(scope="module")
def stages(store: Store, split: Split, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("stages")
    audio = kit.trained(kit.audio_recipe(train__epochs=1), store, split, folder / "audio")
    return audio, kit.trained(kit.text_recipe(encoder, train__epochs=1), store, split, folder / "text")


def recipe_of(name: str, encoder: Path, stages: tuple[Path, Path], **values: Any) -> Recipe:
    return kit.text_recipe(encoder, **values) if name == "text" else kit.fusion_recipe(*stages, **values)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many rows the text encoder computed."""
    counts = {"rows": 0}

    def counted(self: Any, batch: Batch, *, _read: Any = TextEncoder.read) -> Reading:
        counts["rows"] += len(batch)
        found: Reading = _read(self, batch)
        return found

    monkeypatch.setattr(TextEncoder, "read", counted)
    return counts


@pytest.mark.parametrize("name", ["text", "fusion"])
@pytest.mark.parametrize("ordered", [True, False], ids=["in order", "shuffled"])
def test_kept_is_computed(
    name: str, ordered: bool, store: Store, split: Split, encoder: Path, stages: tuple[Path, Path], tmp_path: Path
) -> None:
    """The same batches give the same numbers to the last bit; where batches change, they round otherwise."""
    values = IN_ORDER if ordered else {}
    found = [
        kit.losses(kit.trained(recipe_of(name, encoder, stages, **values, **off), store, split, tmp_path / str(at)))
        for at, off in enumerate(({}, OFF))
    ]
    if ordered:
        pd.testing.assert_frame_equal(*found, check_exact=True)
    else:
        pd.testing.assert_frame_equal(*found, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("changes", [{"model__masks": "values"}, {"model__pooling": "padded-end"}], ids=str)
def test_padding_that_is_read_is_kept(
    changes: dict[str, Any], store: Store, split: Split, encoder: Path, tmp_path: Path
) -> None:
    """K5, K7: the published model looks at the hidden states of padding."""
    kept, computed = (
        kit.trained(kit.text_recipe(encoder, **IN_ORDER, **changes, **off), store, split, tmp_path / str(at))
        for at, off in enumerate(({}, OFF))
    )
    pd.testing.assert_frame_equal(kit.losses(kept), kit.losses(computed), check_exact=True)


def test_every_row_is_computed_once_whatever_the_number_of_epochs(
    read: dict[str, int], store: Store, split: Split, encoder: Path, tmp_path: Path
) -> None:
    counts = []
    for epochs in (2, 5):
        before = read["rows"]
        kit.trained(kit.text_recipe(encoder, train__epochs=epochs), store, split, tmp_path / str(epochs))
        counts.append(read["rows"] - before)
    assert counts[0] == counts[1] > 0


class Reported(Silent):
    """Notes what was reported of the frozen parts, and that no step came before."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []
        self.stepping = False

    def remembered(self, done: int, total: int) -> None:
        assert not self.stepping
        self.seen.append((done, total))

    def stepped(self, done: int, total: int) -> None:  # noqa: ARG002 - as Progress has it
        self.stepping = True


def test_what_is_read_before_the_first_step_is_reported(
    store: Store, split: Split, stages: tuple[Path, Path], tmp_path: Path
) -> None:
    reported, recipe = Reported(), kit.fusion_recipe(*stages)
    data = audit_fold(store, split, fold=0)
    fit(recipe, data, out=tmp_path / "fusion", options=kit.CPU, progress=reported)
    known = resolved(recipe, data, allow_leakage=False)
    rows = training_data_of(known.recipe, known.data).rows
    done = [done for done, _ in reported.seen]
    assert done == sorted(done)
    assert reported.stepping
    assert (
        {total for _, total in reported.seen} == {done[-1]} == {2 * (len(rows["train"]) + len(rows["valid"]))}
    )  # a part of sound, one of text


def names(model: nn.Module, changed: set[str]) -> list[str]:
    """The parts that are kept where these inputs are augmented."""
    known = {part: name for name, part in model.named_modules()}
    return [known[part] for part in frozen_outputs._outermost(model, changed)]


def test_what_is_augmented_or_drops_out_is_not_kept() -> None:
    text, fusion = models.text_model(), models.fusion_model()
    assert names(text, set()) == names(text, {"mel"}) == ["text_encoder"]
    assert names(text, {"tokens"}) == []
    assert names(fusion, set()) == ["audio", "text"]
    assert names(fusion, {"tokens"}) == ["audio"]
    assert names(fusion, {"mel"}) == ["text"]
    assert names(models.audio_model(), set()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"extractors": "train"},
        {"pooling": "padded-end"},
        {"masks": "values"},
        {"audio": {"attention_dropout": "always"}, "text": {"attention_dropout": "always"}},
        {"audio": {"masks": "values"}, "text": {"pooling": "padded-end"}},
    ],
    ids=str,
)
def test_of_a_fusion_as_published_the_encoder_alone_is_kept(changes: dict[str, Any]) -> None:
    """K6, K7, K21: dropout runs in the regressors, or tokens depend on the padding."""
    of_parts = {"audio": models.audio_config, "text": models.text_config}
    made = {key: of_parts[key](**value) if key in of_parts else value for key, value in changes.items()}
    assert names(models.fusion_model(models.fusion_config(**made)), set()) == ["text.inner.text_encoder"]


@pytest.mark.parametrize("train", [{"augment": ["random-swap"]}, {"balance": "kor-2022"}], ids=str)
def test_augmentations_of_a_recipe_name_what_they_change(train: dict[str, Any]) -> None:
    recipe = load_recipe("kor/text-valence", {f"train.{name}": value for name, value in train.items()})
    assert {one.medium for one in augmentations_of(recipe, ("tokens",))} == {"tokens"}


def leftovers(run: Path) -> list[str]:
    return [path.name for path in run.iterdir() if path.name.endswith(".aside")]


def test_nothing_is_left_and_nothing_is_in_a_checkpoint(
    store: Store, split: Split, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    during: list[str] = []

    @contextmanager
    def watched(session: Any, *, _kept: Any = frozen_outputs.kept, **options: Any) -> Iterator[None]:
        with _kept(session, **options):
            during.extend(leftovers(session.out))
            yield

    monkeypatch.setattr(frozen_outputs, "kept", watched)
    recipe = kit.text_recipe(encoder)
    with pytest.raises(kit.StopError):
        train(recipe, store=store, split=split, out=tmp_path / "run", options=kit.CPU, progress=kit.StoppedAt(3))
    assert len(during) == 1
    assert leftovers(tmp_path / "run") == []
    kit.trained(recipe, store, split, tmp_path / "run")
    kit.trained(kit.text_recipe(encoder, **OFF), store, split, tmp_path / "off")
    assert len(during) == 2
    sizes = [(tmp_path / run / run_folder.LAST).stat().st_size for run in ("run", "off")]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {path.name for path in (tmp_path / "off").iterdir()}


def test_a_stopped_run_continues_bit_for_bit(store: Store, split: Split, encoder: Path, tmp_path: Path) -> None:
    recipe = kit.text_recipe(encoder, train__epochs=3)
    whole = kit.trained(recipe, store, split, tmp_path / "whole")
    often = Options(device="cpu", save_every=0)
    with pytest.raises(kit.StopError):
        train(recipe, store=store, split=split, out=tmp_path / "run", options=often, progress=kit.StoppedAt(7))
    train(recipe, store=store, split=split, out=tmp_path / "run", options=often)
    pd.testing.assert_frame_equal(kit.losses(tmp_path / "run"), kit.losses(whole), check_exact=True)


@pytest.mark.parametrize("why", ["room", "disk"])
def test_what_does_not_fit_is_computed_in_every_epoch(
    why: str, store: Store, split: Split, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"train__frozen_cache": 1e-5} if why == "room" else {}
    if why == "disk":

        def full(*_args: object, **_options: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(np, "memmap", full)
    with monkeypatch.context() as watch:
        opened: list[object] = []
        watch.setattr(frozen_outputs._Kept, "__call__", lambda *given: opened.append(given))
        run = kit.trained(kit.text_recipe(encoder, **IN_ORDER, **values), store, split, tmp_path / "run")
        assert not opened
    assert leftovers(run) == []
    computed = kit.trained(kit.text_recipe(encoder, **IN_ORDER, **OFF), store, split, tmp_path / "off")
    pd.testing.assert_frame_equal(kit.losses(run), kit.losses(computed), check_exact=True)
