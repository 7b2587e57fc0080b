"""Everything that changes while a run trains: created, saved and loaded again."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch

from kemfeat.errors import RunError
from kemfeat.learn import run_folder
from kemfeat.learn.data.loader import StoreLoader
from kemfeat.learn.models import Model
from kemfeat.learn.run_facts import RunFacts
from kemfeat.learn.run_folder import write_run
from kemfeat.learn.settings import TrainConfig
from kemfeat.learn.training import checkpoint, losses, runtime
from kemfeat.learn.training.checkpoint import Checkpoint, identity, refuse_other
from kemfeat.learn.training.contrastive import ContrastiveLoss
from kemfeat.learn.training.losses import Loss
from kemfeat.learn.training.optimiser import optimiser_of, schedule_of
from kemfeat.learn.training.pretrained import fill_pretrained
from kemfeat.learn.training.recurrence import RecurrenceGuard
from kemfeat.learn.training.stillness import StillnessGuard
from kemfeat.learn.training.training_data import TrainingData
from kemfeat.records import stem
from kemfeat.store import disk, schema


@dataclass(kw_only=True)
class Position:
    """How far training has got; only numbers.

    Parameters
    ----------
    epoch, step : int, >= 0
        How many are finished.
    best_epoch : int, >= 0
        Epoch with the smallest validation loss so far, counted from 1; 0 before the first.
    best_loss : float
        Its validation loss.
    total, weight : float
        Sums of the losses of the current epoch.
    seconds : float [s]
        Time spent in the current epoch.
    """

    epoch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    total: float = 0.0
    weight: float = 0.0
    seconds: float = 0.0

    def stopped(self, config: TrainConfig) -> Literal["patience", "epochs"] | None:
        """Why training is over, if it is.

        Parameters
        ----------
        config : TrainConfig
            Settings, of which epochs and patience count.

        Returns
        -------
        {"patience", "epochs"} or None
            The reason; None where training continues.
        """
        if self.epoch >= config.epochs:
            return "epochs"
        since = max(self.best_epoch, config.contrastive.epochs)
        return "patience" if self.epoch - since >= config.patience else None

    def end_epoch(self, valid_loss: float, *, pretraining: bool = False) -> bool:
        """Count the current epoch as finished.

        Parameters
        ----------
        valid_loss : float
            Its validation loss.
        pretraining : bool
            Whether that was the loss of contrastive pre-training, whose epochs are never kept.

        Returns
        -------
        bool
            Whether it is the best so far.
        """
        self.epoch += 1
        self.total = self.weight = self.seconds = 0.0
        kept = valid_loss < self.best_loss and not pretraining
        if kept:
            self.best_epoch, self.best_loss = self.epoch, valid_loss
        return kept


@dataclass(kw_only=True, eq=False)
class TrainingSession:
    """A run in progress: what it trains, with what, and how far it has got.

    ``drawn`` is the epoch that the rows of ``train`` were drawn for; ``checked`` says whether the gradients of this
    process' first step were looked at.
    """

    out: Path
    facts: RunFacts
    training_data: TrainingData
    device: torch.device
    model: Model
    loss: Loss
    contrastive: ContrastiveLoss
    train: StoreLoader
    valid: StoreLoader
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    scaler: torch.amp.GradScaler
    recurrence: RecurrenceGuard
    stillness: StillnessGuard = field(default_factory=StillnessGuard)
    frozen: str = ""
    drawn: int = 0
    checked: bool = False
    position: Position = field(default_factory=Position)
    history: list[dict[str, float]] = field(default_factory=list)

    @cached_property
    def train_unchanged(self) -> StoreLoader:
        """The train part in the order of the split, opened once."""
        return self.training_data.loader("train", device=self.device)

    @property
    def pretraining(self) -> bool:
        """Whether the current epoch is one of contrastive pre-training."""
        return self.position.epoch < self.training_data.recipe.train.contrastive.epochs


def begin(
    training_data: TrainingData, model: Model, facts: RunFacts, *, out: Path, device: torch.device
) -> TrainingSession:
    """Set up everything as it is before the first step; nothing is written.

    Parameters
    ----------
    training_data : TrainingData
        What is trained on.
    model : Model
        The model, on its device.
    facts : RunFacts
        Contents of ``run.json``.
    out : Path
        Folder of the run.
    device : torch.device
        Device of the training.

    Returns
    -------
    TrainingSession
        The session.
    """
    config = training_data.recipe.train
    loader = training_data.training_loader(epoch=0, device=device)
    optimizer = optimiser_of(model, config, training_data.recipe.model)
    steps = math.ceil(len(loader) / config.accumulate)
    return TrainingSession(
        out=out,
        facts=facts,
        training_data=training_data,
        device=device,
        model=model,
        loss=_loss(training_data, loader),
        contrastive=ContrastiveLoss(config.contrastive),
        train=loader,
        valid=training_data.loader("valid", device=device),
        optimizer=optimizer,
        scheduler=schedule_of(optimizer, config, steps=steps),
        scaler=torch.amp.GradScaler(device.type, enabled=config.amp == "auto" and device.type == "cuda"),
        recurrence=RecurrenceGuard(model, declared=not training_data.recipe.model.recurs),
    )


def _loss(training_data: TrainingData, loader: StoreLoader) -> Loss:
    """Class weights follow the counts of an epoch, so that a class that is repeated is not weighted up as well."""
    train, weights = training_data.recipe.train, None
    if train.class_weights == "balanced":
        weights = losses.class_weights(loader.dataset.facts.emotion, n_classes=len(training_data.emotions))
    return losses.make_loss(train.loss, task=training_data.recipe.task, class_weights=weights)


def start(session: TrainingSession) -> None:
    """Load the runs of a fusion, and write what never changes.

    Parameters
    ----------
    session : TrainingSession
        The session.

    Raises
    ------
    RunError
        A loaded run is damaged.
    StoreWriteError
        The folder cannot be written.
    """
    fill_pretrained(session.model, session.facts.pretrained)
    session.frozen = checkpoint.save_frozen(session.out / run_folder.FROZEN, session.model)
    with disk.writing(session.out):
        _copy_tokenizer(session)
        write_run(session.out, session.facts)


def _copy_tokenizer(session: TrainingSession) -> None:
    """Keep what makes tokens of a new text."""
    for name in session.training_data.media:
        if stem(name) != "tokens":
            continue
        source = session.training_data.audited.store.local(f"{schema.RESOURCES}/{name}")
        for file in sorted(source.iterdir()):
            disk.write_bytes(session.out / run_folder.TOKENIZER / file.name, file.read_bytes())


def save(session: TrainingSession, name: str) -> None:
    """Write a checkpoint in one step.

    Parameters
    ----------
    session : TrainingSession
        The session.
    name : str
        Name of the file.

    Raises
    ------
    StoreWriteError
        The file cannot be written.
    """
    checkpoint.save(
        session.out / name,
        Checkpoint(
            facts=identity(session.facts),
            weights=checkpoint.weights_of(session.model, frozen=False),
            frozen=session.frozen,
            optimizer=session.optimizer.state_dict(),
            scheduler=session.scheduler.state_dict(),
            scaler=session.scaler.state_dict(),
            loader=session.train.state_dict(),
            position=asdict(session.position),
            history=session.history,
            rng=runtime.generator_states(session.device),
        ),
    )


def resume(session: TrainingSession) -> bool:
    """Continue after the last checkpoint, if there is one.

    Parameters
    ----------
    session : TrainingSession
        The session, as :func:`begin` made it.

    Returns
    -------
    bool
        Whether there was a checkpoint.

    Raises
    ------
    ConfigError
        It belongs to a run with other settings.
    RunError
        It is damaged.
    """
    path = session.out / run_folder.LAST
    if not path.is_file():
        return False
    last = checkpoint.load(path)
    refuse_other(last.facts, identity(session.facts), where=path)
    checkpoint.fill(session.model, last, where=session.out)
    try:
        _restore(session, last)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise RunError(
            f"{path}: its state does not fit this run ({reason}); move it away to train from the beginning"
        ) from None
    return True


def _restore(session: TrainingSession, last: Checkpoint) -> None:
    session.frozen = last.frozen
    for ours, theirs in (
        (session.optimizer.state_dict()["param_groups"], last.optimizer["param_groups"]),
        (session.scheduler.state_dict(), last.scheduler),
    ):
        _require_alike(ours, theirs)
    session.optimizer.load_state_dict(last.optimizer)
    session.scheduler.load_state_dict(last.scheduler)
    if last.scaler:  # empty where the run was on a CPU before
        session.scaler.load_state_dict(last.scaler)
    _require_shapes(session.optimizer)
    session.position, session.history = _position(last), _history(last)
    turn_to(session, session.position.epoch)
    if last.loader["batch"]:  # in the middle of an epoch; else of the one before
        session.train.load_state_dict(last.loader)
    runtime.set_generators(last.rng, session.device)


def _require_alike(ours: Any, theirs: Any) -> None:
    """States are taken over unseen, so a text in place of a rate would only fail at the next step."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours.keys() & theirs.keys():
            _require_alike(ours[name], theirs[name])
    elif isinstance(ours, list | tuple) and isinstance(theirs, list | tuple) and len(ours) == len(theirs):
        for mine, other in zip(ours, theirs, strict=True):
            _require_alike(mine, other)
    elif type(ours) is not type(theirs) or isinstance(ours, list | tuple):
        raise TypeError(f"found {theirs!r}, expected a value like {ours!r}")


def _require_shapes(optimizer: torch.optim.Optimizer) -> None:
    """An optimizer takes over moments of any shape, and fails at its next step."""
    for parameter, state in optimizer.state.items():
        for name in ("exp_avg", "exp_avg_sq"):
            if state[name].shape != parameter.shape:
                raise ValueError(f"{name} of shape {tuple(state[name].shape)} for weights of {tuple(parameter.shape)}")


def _position(last: Checkpoint) -> Position:
    """A position of numbers: whole ones where they count."""
    position = Position(**last.position)
    values: dict[str, Any] = asdict(position)
    for name, value in values.items():
        if type(value) is not type(getattr(Position, name)) or not value >= 0:
            raise ValueError(f"position: {name} is {value!r}")
    return position


def _history(last: Checkpoint) -> list[dict[str, float]]:
    history: list[Any] = last.history
    for row in history:
        if not isinstance(row, dict) or not all(isinstance(value, int | float) for value in row.values()):
            raise ValueError("history: a row is not a table of numbers")
    if len(last.history) != last.position["epoch"]:
        raise ValueError(f"history: {len(last.history)} rows for {last.position['epoch']} epochs")
    return last.history


def turn_to(session: TrainingSession, epoch: int) -> None:
    """Make the training loader yield this epoch; the first one for all, as published, where nothing is reshuffled.

    Parameters
    ----------
    session : TrainingSession
        The session.
    epoch : int, >= 0
        The epoch.
    """
    train = session.training_data.recipe.train
    epoch = epoch if train.reshuffle else 0
    if epoch != session.drawn and (train.balance == "weights" or train.draw == "one"):
        session.train = session.training_data.training_loader(epoch=epoch, device=session.device)
        session.drawn = epoch
    session.train.set_epoch(epoch)


def write_history(session: TrainingSession) -> None:
    """Write ``history.csv`` in one step.

    Parameters
    ----------
    session : TrainingSession
        The session.

    Raises
    ------
    StoreWriteError
        The file cannot be written.
    """
    import pandas as pd

    text = pd.DataFrame(session.history).to_csv(index=False)
    with disk.writing(session.out):
        disk.write_bytes(session.out / run_folder.HISTORY, text.encode())
