"""What ``run.json`` says: what was trained on what, and how training ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from kemfeat.config import FrozenConfig


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("contains characters that cannot be printed")
    return text


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
"""Text that is safe to show: one line, no control characters."""

Count = Annotated[int, Field(ge=0)]

ROUNDING = 1e-4
"""Largest difference between two predictions of one utterance that float32 rounding explains."""


class SplitFacts(FrozenConfig):
    """The split.

    Parameters
    ----------
    scheme : str
        Name of the scheme.
    digest : str
        Digest of the split.
    facts : mapping
        Everything else that the split file says about itself.
    """

    scheme: Line
    digest: Line
    facts: Mapping[str, Any] = {}


class DataFacts(FrozenConfig):
    """What a run depends on in a store: another store that agrees in it is as good.

    Parameters
    ----------
    utterances : str
        :func:`kemfeat.splits.utterances_digest` of its table.
    features : mapping of str to str
        For each feature that the model reads, a digest over the keys of its rows.
    settings : mapping of str to mapping
        The settings of each of them, and of the features that it is made from.
    """

    utterances: Line
    features: Mapping[Line, Line]
    settings: Mapping[Line, Mapping[str, Any]] = {}


class StoreFacts(FrozenConfig):
    """The store.

    Parameters
    ----------
    digest : str
        Digest of the store.
    dataset : str
        Name of its corpus.
    """

    digest: Line
    dataset: Line


class Leakage(FrozenConfig):
    """What the audit of the split found.

    Parameters
    ----------
    verdict : {"clean", "leaking"}
        ``leaking`` where something of the test part was seen in training.
    counts : mapping of str to int
        What leaked, by kind, such as ``{"speaker": 80}``.
    """

    verdict: Literal["clean", "leaking"]
    counts: Mapping[Line, Count] = {}

    @property
    def warning(self) -> str:
        """The warning that goes on everything made from such a split; empty for a clean one."""
        if self.verdict == "clean":
            return ""
        counts = ", ".join(f"{kind} {count:,}" for kind, count in self.counts.items() if count)
        shared = f" ({counts})" if counts else ""
        return f"LEAKING SPLIT: train and test share what they must not{shared}; this is no estimate for new speakers"


class TrainFacts(FrozenConfig):
    """Labels of the train part before augmentation, from which the baselines are computed.

    Parameters
    ----------
    classes : mapping of str to int
        Utterances by emotion.
    arousal, valence : float or None
        Mean ratings; None where no utterance has a rating.
    """

    classes: Mapping[Line, Count]
    arousal: float | None
    valence: float | None


class PartFacts(FrozenConfig):
    """One part of the model.

    Parameters
    ----------
    part : str
        Dotted name.
    parameters : int, >= 0
        How many parameters it has.
    trainable : int, >= 0
        How many of them are trained.
    frozen : bool
        Whether it is meant not to train.
    """

    part: Line
    parameters: Count
    trainable: Count
    frozen: bool


class PretrainedFacts(FrozenConfig):
    """A run whose model was loaded.

    Parameters
    ----------
    run : str
        Its folder.
    best : str
        SHA-256 of its ``best.pt``.
    """

    run: Line
    best: Line


class MemberFacts(FrozenConfig):
    """A run whose predictions are part of an ensemble.

    Parameters
    ----------
    run : str
        Its folder.
    predictions : str
        SHA-256 of its ``predictions.parquet``.
    """

    run: Line
    predictions: Line


class StackerFacts(FrozenConfig):
    """A logistic regression on the logarithms of the probabilities of the members of an ensemble.

    Parameters
    ----------
    classes : tuple of int, >= 0, increasing
        Places of the classes that it has seen.
    weights : tuple of tuple of float
        For each of them, one number for every class of every member, member after member.
    levels : tuple of float
        For each of them, what is added.
    """

    classes: Annotated[tuple[Count, ...], Field(min_length=2)]
    weights: tuple[tuple[float, ...], ...]
    levels: tuple[float, ...]

    @model_validator(mode="after")
    def _fits(self) -> StackerFacts:
        if not len(self.classes) == len(set(self.classes)) == len(self.weights) == len(self.levels):
            raise ValueError("stacker: expected weights and a level for each class")
        return self


class EnsembleFacts(FrozenConfig):
    """How the predictions of an ensemble were made.

    Parameters
    ----------
    method : {"soft", "weighted", "hard", "stacking"}
        How they were combined.
    members : tuple of MemberFacts
        The runs, in their order.
    weights : tuple of float
        Weight of each run; none for ``stacking``.
    fitted_on : int, >= 0
        Utterances that weights or the stacker were fitted on; 0 where nothing was fitted.
    fitted_part : {"valid", "train", "test"}
        Which part they are of: ``train`` as predicted out of fold, and ``test`` as published (J1).
    stacker : {"logistic", "lightgbm"}
        Model of ``stacking``; ``lightgbm`` reads numbers of labels, as published (J4).
    softmax : {"row", "all"}
        What a softmax was taken over: the classes of an utterance, or all utterances, as published (J3).
    votes : {"sum", "product"}
        How votes of ``hard`` count: the sum of their weights, or number times weight, as published (J4).
    fitted_stacker : StackerFacts or None
        What ``stacking`` predicts with; None for ``lightgbm``, which is not kept.
    """

    method: Literal["soft", "weighted", "hard", "stacking"]
    members: tuple[MemberFacts, ...]
    weights: tuple[float, ...] = ()
    fitted_on: Count = 0
    fitted_part: Literal["valid", "train", "test"] = "valid"
    stacker: Literal["logistic", "lightgbm"] = "logistic"
    softmax: Literal["row", "all"] = "row"
    votes: Literal["sum", "product"] = "sum"
    fitted_stacker: StackerFacts | None = None

    @model_validator(mode="after")
    def _fits(self) -> EnsembleFacts:
        if len(self.weights) != (0 if self.method == "stacking" else len(self.members)):
            raise ValueError("ensemble: expected a weight for each member, and none for stacking")
        return self


class Determinism(FrozenConfig):
    """Whether the trained model predicts an utterance the same way every time, whatever else is in the batch.

    Parameters
    ----------
    rows : int, >= 0
        Utterances of the validation part that were checked.
    two_passes : float
        Largest difference between two passes, in logits or points of the rating.
    batch_of_one : float
        Largest difference between an utterance alone and the same utterance in a batch, in the same unit.
    """

    rows: Count
    two_passes: float
    batch_of_one: float

    @property
    def holds(self) -> bool:
        """Whether two passes are equal and batching changes no more than rounding does."""
        return self.two_passes == 0 and self.batch_of_one <= ROUNDING


class Choice(FrozenConfig):
    """A setting that was chosen on folds within the train part, by speaker.

    Parameters
    ----------
    setting : str
        The setting that lists the values, such as ``model.strengths``.
    chosen : float
        The value.
    folds : int, >= 0
        Inner folds that it was chosen on; 0 where there was one value.
    losses : mapping of str to float
        Loss of each value over the rows that were held out.
    """

    setting: Line
    chosen: float
    folds: Count
    losses: Mapping[Line, float] = {}


class Outcome(FrozenConfig):
    """How training ended.

    Parameters
    ----------
    epochs : int, >= 0
        Epochs trained.
    best_epoch : int, >= 0
        The epoch kept, counted from 1 as in ``history.csv``.
    stopped : {"patience", "epochs"}
        ``patience`` ran out, or all ``epochs`` were trained.
    determinism : Determinism
        Of the epoch kept.
    choice : Choice or None
        What was chosen on inner folds of the train part; None where nothing is.
    """

    epochs: Count
    best_epoch: Count
    stopped: Literal["patience", "epochs"]
    determinism: Determinism
    choice: Choice | None = None


class RunFacts(FrozenConfig):
    """Contents of ``run.json``.

    Parameters
    ----------
    schema_version : int
        Version of this schema.
    recipe : str
        Name of the recipe, such as ``kor/fusion``.
    variant : str
        ``faithful`` or ``corrected``, or what a user's own recipe calls it.
    task : {"emotion", "arousal", "valence"}
        What the model is trained for; also selects the best epoch.
    emotions : tuple of str, length >= 2
        All classes, in the order of the model's outputs.
    split : SplitFacts
        Split that was trained on.
    fold : int, >= 0
        Fold of that split.
    store : StoreFacts
        Store that was trained on.
    data : DataFacts or None
        What the run depends on in it; None in runs of an earlier kemfeat.
    synthetic : bool
        Whether the store says that its corpus is computer-generated.
    leakage : Leakage
        Verdict of the audit.
    train : TrainFacts
        Labels of the train part.
    left_out : mapping of str to int
        Utterances of the split that were neither trained on nor predicted, by reason.
    excluded : tuple of str
        Ids of the utterances that somebody excluded from training and validation.
    config : mapping
        The resolved recipe.
    parameters : tuple of PartFacts
        Parameter counts, part by part.
    pretrained : mapping of str to PretrainedFacts
        Runs whose models were loaded, by modality.
    outcome : Outcome or None
        How training ended; None until it has.
    ensemble : EnsembleFacts or None
        How the predictions were combined; None in a run that was trained.
    versions : mapping of str to str
        Versions of the libraries.
    """

    schema_version: Literal[1] = 1
    recipe: Line
    variant: Line
    task: Literal["emotion", "arousal", "valence"]
    emotions: Annotated[tuple[Line, ...], Field(min_length=2)]
    split: SplitFacts
    fold: Count
    store: StoreFacts
    data: DataFacts | None = None
    synthetic: bool = False
    leakage: Leakage
    train: TrainFacts
    left_out: Mapping[Line, Count] = {}
    excluded: tuple[Line, ...] = ()
    config: Mapping[str, Any] = {}
    parameters: tuple[PartFacts, ...] = ()
    pretrained: Mapping[Line, PretrainedFacts] = {}
    outcome: Outcome | None = None
    ensemble: EnsembleFacts | None = None
    versions: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _each_once(self) -> RunFacts:
        if len(set(self.emotions)) < len(self.emotions):
            raise ValueError("emotions: a class is listed twice")
        unknown = set(self.train.classes) - set(self.emotions)
        if unknown:
            raise ValueError(f"train.classes: {min(unknown)!r} is not one of the emotions")
        return self
