"""Every law of models can be broken, and says what was found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from kemfeat import plugins
from kemfeat.errors import KemfeatError
from kemfeat.learn.models import Outputs
from kemfeat.testing import LawBroken
from kemfeat.testing import _models as laws
from tests.learn.models import kit

SPEC = plugins.find("learn.models", "linear")


class Changed(nn.Module):
    """A model whose arousal is changed; the function gets the batch and the outputs."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.inner, self.change = kit.linear_model(), change
        self.unused = nn.Parameter(torch.ones(1))

    def forward(self, batch: Any) -> Outputs:
        outputs = self.inner(batch)
        return replace(outputs, logits=self.change(batch, outputs.logits)) if self.change else outputs


def one_row_is_too_few(batch: Any, logits: Any) -> Any:
    if len(logits) == 1:
        raise ValueError("expected more than 1 value per channel")
    return logits


def bench(change: Any = None) -> laws.Bench:
    return laws.Bench(
        config=lambda spec: kit.linear_config(),
        model=lambda spec, config: Changed(change).eval() if change is not None else kit.linear_model(),
    )


BROKEN: dict[str, tuple[Any, laws.Bench, str]] = {
    "says who it is and what it reads": (replace(SPEC, unit="chunk"), bench(), "another model has the same"),
    "may be named by a recipe": (replace(SPEC, tasks=("mood",)), bench(), "mood"),
    "predicts what its tasks are": (SPEC, bench(lambda batch, logits: logits / 0), "emotion is not finite"),
    "predicts the same however far a batch is padded": (
        SPEC,
        bench(lambda batch, logits: logits + batch.mel.shape[2]),
        "4 frames and 0 tokens of padding more change",
    ),
    "predicts the same whatever stands in the padding": (
        SPEC,
        bench(lambda batch, logits: logits + batch.input_ids.sum()),
        "what stands in the padding changes",
    ),
    "predicts an utterance alone as in a batch": (
        SPEC,
        bench(lambda batch, logits: logits - logits.mean(dim=0)),
        "an utterance alone is predicted otherwise",
    ),
    "evaluates twice alike": (SPEC, bench(lambda batch, logits: logits + torch.rand(1)), "two evaluations"),
    "trains every parameter that trains": (SPEC, bench(lambda batch, logits: logits), "unused trains and has no"),
    "trains on a batch of one row": (SPEC, bench(one_row_is_too_few), "expected more than 1 value"),
}
SEED = "has weights that depend on the seed alone"


def test_every_law_is_broken_here_or_below() -> None:
    assert {*BROKEN, SEED} == set(laws.LAWS)


@pytest.mark.parametrize("law", BROKEN)
def test_a_broken_law_says_what_was_found(law: str) -> None:
    spec, broken, told = BROKEN[law]
    with pytest.raises((LawBroken, KemfeatError, ValueError), match=told):
        laws.LAWS[law](spec, broken)
    laws.LAWS[law](SPEC, bench())


def test_weights_that_depend_on_no_seed_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laws, "build_model", lambda config, seed: nn.Linear(2, 2))
    with pytest.raises(LawBroken, match="draws from PyTorch's global generator"):
        laws.LAWS[SEED](SPEC, bench())
    monkeypatch.setattr(laws, "build_model", lambda config, seed: kit.linear_model())
    with pytest.raises(LawBroken, match="two seeds give the same weights"):
        laws.LAWS[SEED](SPEC, bench())
