"""All that changes while a run trains: made, saved, and loaded again."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import torch

from kemfeat.learn import run_folder
from kemfeat.learn.data.loader import StoreLoader
from kemfeat.learn.models import Model
from kemfeat.learn.run_folder import RunFacts, write_run
from kemfeat.learn.settings import TrainConfig
from kemfeat.learn.training import checkpoint, losses, runtime
from kemfeat.learn.training.checkpoint import Checkpoint, identity, refuse_other
from kemfeat.learn.training.losses import Loss
from kemfeat.learn.training.pretrained import fill_pretrained
from kemfeat.learn.training.training_data import TrainingData
from kemfeat.store import disk


@dataclass(kw_only=True)
class Position:
    """Where training stands; numbers alone.

    Parameters
    ----------
    epoch, step : finished.
    best_epoch, best_loss : of the smallest validation loss so far.
    total, weight : sums of the losses of the epoch under way.
    seconds : spent in the epoch under way.
    """

    epoch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    total: float = 0.0
    weight: float = 0.0
    seconds: float = 0.0

    def stopped(self, config: TrainConfig) -> Literal["patience", "epochs"] | None:
        """Why training is over, if it is."""
        if self.epoch >= config.epochs:
            return "epochs"
        return "patience" if self.epoch - self.best_epoch >= config.patience else None

    def end_epoch(self, valid_loss: float) -> bool:
        """Count the epoch under way; True where it is the best so far."""
        self.epoch += 1
        self.total = self.weight = self.seconds = 0.0
        kept = valid_loss < self.best_loss
        if kept:
            self.best_epoch, self.best_loss = self.epoch, valid_loss
        return kept


@dataclass(kw_only=True, eq=False)
class TrainingSession:
    """A run under way: what it is of, what trains it, and where it stands.

    ``drawn`` is the epoch that the rows of ``train`` were drawn for.
    """

    out: Path
    facts: RunFacts
    training_data: TrainingData
    device: torch.device
    model: Model
    loss: Loss
    train: StoreLoader
    valid: StoreLoader
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.ExponentialLR
    scaler: torch.amp.GradScaler
    frozen: str = ""
    drawn: int = 0
    position: Position = field(default_factory=Position)
    history: list[dict[str, float]] = field(default_factory=list)


def begin(
    training_data: TrainingData, model: Model, facts: RunFacts, *, out: Path, device: torch.device
) -> TrainingSession:
    """Everything as it is before the first step; nothing is written."""
    config = training_data.recipe.train
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=config.learning_rate)
    loader = training_data.training_loader(epoch=0, device=device)
    return TrainingSession(
        out=out,
        facts=facts,
        training_data=training_data,
        device=device,
        model=model,
        loss=_loss(training_data, loader),
        train=loader,
        valid=training_data.loader("valid", device=device),
        optimizer=optimizer,
        scheduler=torch.optim.lr_scheduler.ExponentialLR(optimizer, config.gamma),
        scaler=torch.amp.GradScaler(device.type, enabled=config.amp == "auto" and device.type == "cuda"),
    )


def _loss(training_data: TrainingData, loader: StoreLoader) -> Loss:
    """Classes weigh by what an epoch has of them: a class that is repeated is not weighed up once more."""
    train, weights = training_data.recipe.train, None
    if train.class_weights == "balanced":
        weights = losses.class_weights(loader.dataset.facts.emotion, n_classes=len(training_data.emotions))
    return losses.make_loss(train.loss, task=training_data.recipe.task, class_weights=weights)


def start(session: TrainingSession) -> None:
    """Load the runs that a fusion names, and write what never changes.

    Raises
    ------
    RunError
        A loaded run is damaged.
    """
    fill_pretrained(session.model, session.facts.pretrained)
    session.frozen = checkpoint.save_frozen(session.out / run_folder.FROZEN, session.model)
    with disk.writing(session.out):
        write_run(session.out, session.facts)


def save(session: TrainingSession, name: str) -> None:
    """Write a checkpoint in one step."""
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
    """Go on behind the last checkpoint, if there is one.

    Raises
    ------
    ConfigError
        It is of a run with other settings.
    RunError
        It is damaged.
    """
    path = session.out / run_folder.LAST
    if not path.is_file():
        return False
    last = checkpoint.load(path)
    refuse_other(last.facts, identity(session.facts), where=path)
    checkpoint.fill(session.model, last, where=session.out)
    session.frozen = last.frozen
    session.optimizer.load_state_dict(last.optimizer)
    session.scheduler.load_state_dict(last.scheduler)
    if last.scaler:  # empty where the run went on a CPU before
        session.scaler.load_state_dict(last.scaler)
    session.position, session.history = Position(**last.position), last.history
    turn_to(session, session.position.epoch)
    if last.loader["batch"]:  # in the middle of an epoch; else of the one before
        session.train.load_state_dict(last.loader)
    runtime.set_generators(last.rng, session.device)
    return True


def turn_to(session: TrainingSession, epoch: int) -> None:
    """Have the training loader yield this epoch; the first one for all, as published, where nothing is reshuffled."""
    train = session.training_data.recipe.train
    epoch = epoch if train.reshuffle else 0
    if epoch != session.drawn and train.balance == "weights":
        session.train = session.training_data.training_loader(epoch=epoch, device=session.device)
        session.drawn = epoch
    session.train.set_epoch(epoch)


def write_history(session: TrainingSession) -> None:
    """Write ``history.csv``."""
    import pandas as pd

    text = pd.DataFrame(session.history).to_csv(index=False)
    with disk.writing(session.out):
        disk.write_bytes(session.out / run_folder.HISTORY, text.encode())
