"""The runs that a fusion loads: what they were trained on, and whether that includes what is tested here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from torch import nn

from kemfeat.config import FrozenConfig
from kemfeat.errors import ConfigError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.data.dataset import StoreDataset
from kemfeat.learn.data.side_store import open_side_store
from kemfeat.learn.models import FusionClassifier, Model, build_model
from kemfeat.learn.models.linear import LinearConfig, summaries
from kemfeat.learn.models.spectrogram_image import SpectrogramImageClassifier, SpectrogramImageConfig
from kemfeat.learn.models.two_stream import TwoStreamClassifier, TwoStreamConfig
from kemfeat.learn.models.video import VideoConfig, VideoOfFaces
from kemfeat.learn.run_facts import PretrainedFacts, RunFacts
from kemfeat.learn.run_folder import read_predictions, read_run
from kemfeat.learn.settings import AudioConfig, FusionConfig, Modality, ModelConfig, TextConfig
from kemfeat.learn.training import checkpoint
from kemfeat.learn.training.audited_fold import AuditedFold
from kemfeat.learn.training.recipe import Recipe, recipe_from
from kemfeat.splits import PARTS
from kemfeat.store import disk

M = TypeVar("M", bound=ModelConfig)

Stream = Literal["audio", "video"]

_STREAMS: Mapping[Stream, type[SpectrogramImageConfig] | type[VideoConfig]] = {
    "audio": SpectrogramImageConfig,
    "video": VideoConfig,
}
"""The models whose runs the streams of ``two_stream`` may begin with."""

_TASKS: Mapping[Modality, str] = {"audio": "arousal", "text": "valence"}


@dataclass(frozen=True, kw_only=True, eq=False)
class ResolvedWeights:
    """A recipe whose pretrained runs have been looked up.

    Parameters
    ----------
    recipe : Recipe
        The recipe, with the settings that the runs were trained with.
    data : AuditedFold
        The fold; a run from another split counts as a leak.
    pretrained : mapping of str to PretrainedFacts
        The runs, by modality.
    """

    recipe: Recipe
    data: AuditedFold
    pretrained: Mapping[str, PretrainedFacts]


def resolved(recipe: Recipe, data: AuditedFold, *, allow_leakage: bool) -> ResolvedWeights:
    """Take over what the runs of a fusion were trained with; other recipes stay as they are.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    data : AuditedFold
        The fold to train on.
    allow_leakage : bool
        Accept runs that were trained on another split.

    Returns
    -------
    ResolvedWeights
        Recipe, fold and runs.

    Raises
    ------
    ConfigError
        A run is not given, was trained with other settings or on another store, or (unless that is allowed) on another
        split: utterances that are tested here may have been trained on there (nested folds).
    RunError
        A run is missing, unfinished or damaged.
    """
    if isinstance(recipe.model, LinearConfig) and not recipe.model.inputs:
        return ResolvedWeights(recipe=_with_inputs(recipe, data), data=data, pretrained={})
    if recipe.model.side:
        return _on_embeddings(recipe, data, allow_leakage=allow_leakage)
    if isinstance(recipe.model, TwoStreamConfig):
        return _on_streams(recipe, recipe.model, data, allow_leakage=allow_leakage)
    if not isinstance(recipe.model, FusionConfig):
        return ResolvedWeights(recipe=recipe, data=data, pretrained={})
    pretrained: dict[str, PretrainedFacts] = {}
    configs: dict[str, ModelConfig] = {}
    for modality in recipe.model.modalities_in_use:
        folder = _folder(recipe.model, modality)
        facts = _fitting(folder, modality, data, task=_TASKS[modality])
        data = _checked(folder, modality, facts, data, allow_leakage=allow_leakage)
        pretrained[modality] = PretrainedFacts(run=str(folder), best=disk.sha256(folder / run_folder.BEST))
        configs[modality] = recipe_from(facts.config, where=f"{folder}/{run_folder.RUN}").model
    model = recipe.model.adopt(
        audio=_of_kind(AudioConfig, configs, "audio", recipe.model),
        text=_of_kind(TextConfig, configs, "text", recipe.model),
    )
    return ResolvedWeights(recipe=recipe.model_copy(update={"model": model}), data=data, pretrained=pretrained)


def _checked(
    folder: Path, modality: Modality | Stream, facts: RunFacts, data: AuditedFold, *, allow_leakage: bool
) -> AuditedFold:
    """The fold, which leaks where the run knows what is tested here and that is allowed."""
    seen = _seen(folder, facts, data)
    if seen and not allow_leakage:
        raise ConfigError(
            f"model.{modality}_run {folder}: was trained on split {facts.split.scheme}, fold {facts.fold} "
            f"({facts.split.digest[:12]}), not on fold {data.fold} of this split ({data.split.digest[:12]}): "
            f"it may have learned from {seen:,} of the utterances that are tested here; "
            "train it on this split and fold, or pass --allow-leakage"
        )
    return data.leaking("pretraining", seen) if seen else data


def _on_streams(recipe: Recipe, model: TwoStreamConfig, data: AuditedFold, *, allow_leakage: bool) -> ResolvedWeights:
    """A recipe of two streams, each of which may begin with the weights of a run of its own."""
    pretrained: dict[str, PretrainedFacts] = {}
    streams: tuple[tuple[Stream, str, FrozenConfig], ...] = (
        ("audio", model.audio_run, model.audio),
        ("video", model.video_run, model.video),
    )
    for stream, name, settings in streams:
        if not name:
            continue
        folder = Path(name)
        facts = _fitting(folder, stream, data, task="emotion")
        data = _checked(folder, stream, facts, data, allow_leakage=allow_leakage)
        trained = recipe_from(facts.config, where=f"{folder}/{run_folder.RUN}").model
        if not isinstance(trained, _STREAMS[stream]):
            raise ConfigError(
                f"model.{stream}_run {folder}: was trained with the model {trained.name!r}; expected a run of "
                f"{_STREAMS[stream].model_fields['name'].default!r}"
            )
        for key, asked in settings:
            if getattr(trained, key) != asked:
                raise ConfigError(
                    f"model.{stream}_run {folder}: was trained with {key} {getattr(trained, key)!r}, but "
                    f"model.{stream}.{key} is {asked!r}; pass --set 'model.{stream}.{key}=...' as it was trained, or "
                    "train it again"
                )
        pretrained[stream] = PretrainedFacts(run=str(folder), best=disk.sha256(folder / run_folder.BEST))
    return ResolvedWeights(recipe=recipe, data=data, pretrained=pretrained)


def _with_inputs(recipe: Recipe, data: AuditedFold) -> Recipe:
    """A linear model knows how many numbers an utterance has once there is a store."""
    row = StoreDataset(data.store, [0], media=recipe.model.media)[0]
    model = recipe.model.model_copy(update={"inputs": summaries(row).shape[1]})
    return recipe.model_copy(update={"model": model})


def _on_embeddings(recipe: Recipe, data: AuditedFold, *, allow_leakage: bool) -> ResolvedWeights:
    """A recipe whose model reads a side store that was made for this fold, by models that knew nothing of its rows."""
    folder = Path(recipe.model.side)
    side = open_side_store(folder)
    here = data.data_facts(side.facts.data.features)
    if (side.facts.data, side.facts.split, side.facts.fold) != (here, data.split.digest, data.fold):
        raise ConfigError(
            f"{folder}: was made for fold {side.facts.fold} of split {side.facts.split[:12]} and its data, not for "
            f"fold {data.fold} of {data.split.digest[:12]} and this store; make it for this one with `kemfeat embed`"
        )
    who = data.store.utterances[["id", "speaker", "session"]]
    parts = {name: part for part in PARTS for name in data.used.ids(part, fold=data.fold)}
    leaks = side.leaks(owners=data.store.owners(side.facts.axis), who=who, parts=parts)
    if leaks and not allow_leakage:
        counts = ", ".join(f"{kind} {count:,}" for kind, count in leaks.items())
        raise ConfigError(
            f"{folder}: models that made embeddings were trained on the rows that they embedded ({counts}), so what "
            "is trained on them meets better ones than it will be tested on (P2); make them out of fold with "
            "`kemfeat embed --inner 4`, or pass --allow-leakage"
        )
    for kind, count in leaks.items():
        data = data.leaking(kind, count)
    facts = PretrainedFacts(run=str(folder), best=side.digest)
    return ResolvedWeights(recipe=recipe, data=data, pretrained={"embeddings": facts})


def fill_pretrained(model: Model, pretrained: Mapping[str, PretrainedFacts]) -> None:
    """Load the weights of the runs into a fusion or into two streams; other models stay as they are.

    Parameters
    ----------
    model : Model
        The model to fill.
    pretrained : mapping of str to PretrainedFacts
        The runs, by modality.

    Raises
    ------
    RunError
        The weights are missing or damaged.
    """
    if isinstance(model, TwoStreamClassifier):
        for stream, encoder in (("audio", model.network.audio), ("video", model.network.video)):
            if stream in pretrained:
                encoder.load_state_dict(_encoder_of(Path(pretrained[stream].run)).state_dict())
    if not isinstance(model, FusionClassifier):
        return
    for modality, part in (("audio", model.audio), ("text", model.text)):
        if part is not None:
            folder = Path(pretrained[modality].run)
            checkpoint.fill(part.inner, checkpoint.load(folder / run_folder.BEST), where=folder)


def _encoder_of(folder: Path) -> nn.Module:
    """The trained encoder of a run of one stream."""
    config = recipe_from(read_run(folder).config, where=f"{folder}/{run_folder.RUN}").model
    model = build_model(config)
    checkpoint.fill(model, checkpoint.load(folder / run_folder.BEST), where=folder)
    assert isinstance(model, SpectrogramImageClassifier | VideoOfFaces)  # noqa: S101 - its configuration was checked
    return model.network.encoder


def _folder(config: FusionConfig, modality: Modality) -> Path:
    name: str = getattr(config, f"{modality}_run")
    if not name:
        raise ConfigError(
            f"model.{modality}_run: is empty, and a fusion reads the tokens of a trained {modality} model; train "
            f"{'kor/audio-arousal' if modality == 'audio' else 'kor/text-valence'} and pass --set "
            f"model.{modality}_run=RUN, or leave {modality} out with --set model.modalities="
            f"{'text' if modality == 'audio' else 'audio'}"
        )
    return Path(name)


def _of_kind(kind: type[M], configs: Mapping[str, ModelConfig], modality: Modality, fusion: FusionConfig) -> M | None:
    """What the run of a modality was trained with; the fusion knows one model for each."""
    found = configs.get(modality)
    if found is None or isinstance(found, kind):
        return found
    raise ConfigError(
        f"model.{modality}_run {_folder(fusion, modality)}: was trained with {type(found).__name__}, expected "
        f"{kind.__name__}: a fusion reads the tokens of the {modality} model; train a recipe without `architecture`"
    )


def _fitting(folder: Path, modality: Modality | Stream, data: AuditedFold, *, task: str) -> RunFacts:
    facts = read_run(folder)
    if facts.task != task:
        raise ConfigError(f"model.{modality}_run {folder}: was trained for {facts.task}; expected a run for {task}")
    if facts.outcome is None:
        raise RunError(f"model.{modality}_run {folder}: is not finished; run its `kemfeat train` again to continue")
    here = data.data_facts(facts.data.features if facts.data else ())
    if facts.data != here:
        theirs = facts.data.features if facts.data else {}
        changed = [name for name, told in here.features.items() if theirs[name] != told]
        what = " and ".join(changed) or "the utterances or their labels"
        raise ConfigError(
            f"model.{modality}_run {folder}: was trained on other data of {facts.store.dataset} (store "
            f"{facts.store.digest[:12]}): {what} differ in this store ("
            f"{data.store.digest[:12]}); train it again on this store"
        )
    return facts


def _seen(folder: Path, facts: RunFacts, data: AuditedFold) -> int:
    """How many utterances that are tested here the run may have learned from: all where its own split leaks."""
    if (facts.split.digest, facts.fold) == (data.split.digest, data.fold):
        return 0
    tested = set(data.split.ids("test", fold=data.fold))
    if facts.leakage.verdict == "clean" and (folder / run_folder.PREDICTIONS).is_file():
        known = read_predictions(folder, facts)
        tested -= set(known.loc[known["part"] == "test", "id"])
    return len(tested)
