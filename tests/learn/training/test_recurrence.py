"""kemfeat.learn.training.recurrence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from kemfeat.errors import ConfigError
from kemfeat.learn.models import build_model
from kemfeat.learn.models._tokens import RecurrentHead
from kemfeat.learn.models.spectrogram_image import SpectrogramImageConfig
from kemfeat.learn.training.recurrence import RecurrenceGuard
from kemfeat.store.reader import Store
from tests.learn.models import kit as models_kit
from tests.learn.training import kit

REFUSED = "recurrent layer .* gets sequences of length 1"


def batch_of(length: int, *, batch_first: bool) -> Tensor:
    return torch.zeros((4, length, 3) if batch_first else (length, 4, 3))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_two_batches_of_single_steps_are_refused(kind: type[nn.RNNBase], batch_first: bool) -> None:
    layer = kind(3, 2, batch_first=batch_first)  # type: ignore[call-arg]
    guard = RecurrenceGuard(nn.Sequential(layer))
    layer(batch_of(1, batch_first=batch_first))
    guard.check()
    layer(batch_of(1, batch_first=batch_first))
    with pytest.raises(ConfigError, match=REFUSED):
        guard.check()


@pytest.mark.parametrize("batch_first", [True, False])
def test_one_longer_sequence_ends_the_checks_of_its_layer(batch_first: bool) -> None:
    layer = nn.GRU(3, 2, batch_first=batch_first)
    guard = RecurrenceGuard(nn.Sequential(layer))
    for length in (1, 5, 1, 1, 1):
        layer(batch_of(length, batch_first=batch_first))
        guard.check()
    assert not layer._forward_pre_hooks, "it is no longer watched"


def test_only_batches_in_a_row_count_and_so_do_layers_one_by_one() -> None:
    layers = nn.ModuleList([nn.GRU(3, 2, batch_first=True), nn.RNN(3, 2, batch_first=True)])
    guard = RecurrenceGuard(layers)
    layers[0](batch_of(1, batch_first=True))
    guard.check()
    guard.check()  # a batch in which it was not used
    layers[0](batch_of(1, batch_first=True))
    layers[1](batch_of(4, batch_first=True))
    guard.check()
    layers[0](batch_of(1, batch_first=True))
    with pytest.raises(ConfigError, match="layer 0 gets"):
        guard.check()


def test_packed_sequences_are_as_long_as_their_longest() -> None:
    layer = nn.LSTM(3, 2)
    guard = RecurrenceGuard(nn.Sequential(layer))
    layer(pack_sequence([torch.zeros(1, 3), torch.zeros(1, 3)]))
    guard.check()
    layer(pack_sequence([torch.zeros(2, 3), torch.zeros(1, 3)]))
    guard.check()
    layer(pack_sequence([torch.zeros(1, 3)]))
    guard.check()
    guard = RecurrenceGuard(nn.Sequential(layer))
    layer(pack_sequence([torch.zeros(1, 3), torch.zeros(1, 3)]))
    guard.check()
    layer(pack_sequence([torch.zeros(1, 3), torch.zeros(1, 3)]))
    with pytest.raises(ConfigError, match=REFUSED):
        guard.check()


@pytest.mark.parametrize(
    ("sequence", "declared", "refused"), [("flat", False, True), ("flat", True, False), ("time", False, False)]
)
def test_the_published_network_is_caught_unless_it_says_so(sequence: str, declared: bool, refused: bool) -> None:
    config = SpectrogramImageConfig.model_validate({"kind": "cnn-rnn", "size": (24, 40), "sequence": sequence})
    model, batch = build_model(config), models_kit.batch()
    guard = RecurrenceGuard(model, declared=declared)
    model(batch)
    guard.check()
    model(batch)
    if refused:
        with pytest.raises(ConfigError, match=REFUSED):
            guard.check()
    else:
        guard.check()


def test_the_trainer_looks(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = RecurrentHead.forward
    monkeypatch.setattr(RecurrentHead, "forward", lambda head, x_BTH, mask: real(head, x_BTH[:, :1], mask[:, :1]))
    with pytest.raises(ConfigError, match=REFUSED):
        kit.trained(kit.audio_recipe(), store, kit.session_split(store), tmp_path / "run")
