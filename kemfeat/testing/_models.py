"""Laws of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kemfeat import plugins
from kemfeat.learn.models import ModelSpec, Outputs, build_model, seeded, spec_of
from kemfeat.learn.settings import ModelConfig
from kemfeat.learn.training.recipe import recipe_from
from kemfeat.testing._batches import BANDS, batch, longer, single
from kemfeat.testing._law import LawBroken, Laws, require

Spec = ModelSpec[ModelConfig]
_TASKS = {"arousal", "valence", "emotion"}
_NEAR = 1e-5
"""Largest difference of two predictions that are to be equal."""


def _usual_config(spec: Spec) -> ModelConfig:
    return spec.config.model_validate({"n_mels": BANDS} if "n_mels" in spec.config.model_fields else {})


def _usual_model(spec: Spec, config: ModelConfig) -> nn.Module:
    with seeded(4):
        return spec.build(config).eval()


@dataclass(frozen=True)
class Bench:
    """How a small model is configured and built; one that its defaults do not build brings its own."""

    config: Callable[[Spec], ModelConfig] = _usual_config
    model: Callable[[Spec, ModelConfig], nn.Module] = _usual_model

    def built(self, spec: Spec) -> nn.Module:
        """A small model, in evaluation."""
        return self.model(spec, self.config(spec))


def predictions(outputs: Outputs) -> dict[str, Tensor]:
    """What was predicted, by task."""
    named = {"emotion": outputs.logits, "arousal": outputs.arousal, "valence": outputs.valence}
    return {task: tensor for task, tensor in named.items() if tensor is not None}


def flat(outputs: Outputs) -> Tensor:
    """Everything that was predicted, one row per utterance."""
    return torch.cat([part.detach().reshape(len(part), -1) for part in predictions(outputs).values()], dim=1)


def require_near(found: Tensor, expected: Tensor, told: str) -> None:
    """Raise a sentence where predictions differ."""
    far = float((found - expected).abs().max()) if found.shape == expected.shape else float("inf")
    require(far <= _NEAR, f"{told}, by up to {far:.2g}")


def _identity(spec: Spec, on: Bench) -> None:
    config = on.config(spec)
    known = set(plugins.names("features"))
    require(spec_of(config) is spec, "another model has the same configuration; derive one of its own from ModelConfig")
    require(
        spec.tasks and set(spec.tasks) <= _TASKS, f"tasks {spec.tasks}, expected some of {', '.join(sorted(_TASKS))}"
    )
    require(config.media, "media is empty, expected what it reads")
    absent = {name.partition("@")[0] for name in config.media} - known
    require(not absent, f"media: there is no feature {', '.join(sorted(absent))}")
    require(config.model_config.get("frozen"), "its configuration can be changed; derive it from ModelConfig")
    again = spec.config.model_validate_json(config.model_dump_json())
    require(again == config, "another configuration comes back from JSON")
    if "emotion" in spec.tasks:
        require(config.classes == config.model_dump()["emotions"], "classes are not its emotions")


def _recipe(spec: Spec, on: Bench) -> None:  # noqa: ARG001 - the shape of a law
    for task in spec.tasks:
        loss = "cross-entropy" if task == "emotion" else "mse"
        values = {"name": "x", "variant": "corrected", "task": task, "model": spec.name, "train": {"loss": loss}}
        recipe = recipe_from(values, where="law")
        require(recipe.model == spec.config.model_validate({}), f"a recipe for {task} has other defaults")
        again = recipe_from(recipe.model_dump(mode="json"), where="law")
        require(again == recipe, f"another recipe for {task} comes back from run.json")


def _tasks(spec: Spec, on: Bench) -> None:
    found = predictions(on.built(spec)(batch()))
    require(set(spec.tasks) <= set(found), f"predicts {sorted(found)}, its tasks are {sorted(spec.tasks)}")
    for task, tensor in found.items():
        wanted = (3, len(on.config(spec).classes)) if task == "emotion" else (3,)
        require(
            tensor.shape == wanted, f"{task} has the shape {tuple(tensor.shape)} for 3 utterances, expected {wanted}"
        )
        require(tensor.isfinite().all(), f"{task} is not finite")


def _padded_length(spec: Spec, on: Bench) -> None:
    model, given = on.built(spec), batch()
    for frames, tokens in ((4, 0), (0, 5), (20, 20)):
        told = f"{frames} frames and {tokens} tokens of padding more change what it predicts"
        require_near(flat(model(longer(given, frames=frames, tokens=tokens))), flat(model(given)), told)


def _padding(spec: Spec, on: Bench) -> None:
    model, given = on.built(spec), longer(batch(), frames=4, tokens=4)
    before = flat(model(given))
    if given.mel is None or given.input_ids is None or given.attention_mask is None:
        raise LawBroken("the batch of the law lacks what it should have")
    for row, length in enumerate(given.mel_lengths):
        given.mel[row, :, int(length) :] = torch.nan
        for name, lengths_B in given.lengths.items():
            values = given.arrays[name]
            values[row, int(lengths_B[row]) :] = torch.nan if values.is_floating_point() else 9
    given.input_ids[given.attention_mask == 0] = 5
    after = flat(model(given))
    require(after.isfinite().all(), "what stands in the padding reaches what it predicts")
    require_near(after, before, "what stands in the padding changes what it predicts")


def _alone(spec: Spec, on: Bench) -> None:
    model, given = on.built(spec), batch()
    alone = torch.cat([flat(model(single(given, row))) for row in range(3)])
    require_near(alone, flat(model(given)), "an utterance alone is predicted otherwise than in a batch")


def _twice(spec: Spec, on: Bench) -> None:
    model, given = on.built(spec), batch()
    require(torch.equal(flat(model(given)), flat(model(given))), "two evaluations of one batch differ")


def _gradients(spec: Spec, on: Bench) -> None:
    model = on.built(spec).train()
    outputs = model(batch((9, 12, 7, 10), (8, 6, 9, 7)))
    found = predictions(outputs)
    trained = [*(found[task] for task in spec.tasks), *outputs.auxiliary.values()]
    torch.stack([one.square().sum() for one in trained]).sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in model.named_parameters():
        if spec.idle and name.startswith(spec.idle):
            continue
        gradient = parameter.grad
        if not parameter.requires_grad:
            require(gradient is None, f"{name} does not train and has a gradient")
            continue
        if gradient is None:
            raise LawBroken(f"{name} trains and has no gradient; name it in idle if that is meant")
        require(gradient.isfinite().all() and gradient.any(), f"{name} trains and its gradient is 0 or not finite")


def _one_row(spec: Spec, on: Bench) -> None:
    model = on.built(spec).train()
    found = predictions(model(batch((9,), (8,))))
    for task in spec.tasks:
        good = found[task].isfinite().all() and found[task].requires_grad
        require(good, f"a batch of one row, as the last of an epoch may be, does not train {task}")


def _seed(spec: Spec, on: Bench) -> None:
    config = on.config(spec)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (build_model(config, seed=seed).state_dict() for seed in (1, 1, 2))
    require(torch.equal(torch.rand(3), expected), "building it draws from PyTorch's global generator")
    require(all(torch.equal(first[key], again[key]) for key in first), "one seed gives two sets of weights")
    require(any(not torch.equal(first[key], other[key]) for key in first), "two seeds give the same weights")


LAWS: Laws = {
    "says who it is and what it reads": _identity,
    "may be named by a recipe": _recipe,
    "predicts what its tasks are": _tasks,
    "predicts the same however far a batch is padded": _padded_length,
    "predicts the same whatever stands in the padding": _padding,
    "predicts an utterance alone as in a batch": _alone,
    "evaluates twice alike": _twice,
    "trains every parameter that trains": _gradients,
    "trains on a batch of one row": _one_row,
    "has weights that depend on the seed alone": _seed,
}
