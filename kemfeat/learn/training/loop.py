"""The loop of a training: epochs until there is a reason to stop, each of them ending with a checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from kemfeat.errors import RunError
from kemfeat.learn import run_folder
from kemfeat.learn.models import check_gradients, spec_of
from kemfeat.learn.training.contrastive import agreement
from kemfeat.learn.training.losses import Sums
from kemfeat.learn.training.predictions import judge, numbers_of, table_of
from kemfeat.learn.training.progress import TrainingProgress
from kemfeat.learn.training.session import TrainingSession, save, turn_to, write_history


def run_epochs(session: TrainingSession, *, save_every: float, progress: TrainingProgress) -> None:
    """Train epoch by epoch until patience or epochs run out.

    Parameters
    ----------
    session : TrainingSession
        The run, which is changed.
    save_every : float [s]
        Time between checkpoints within an epoch.
    progress : TrainingProgress
        Receives reports.

    Raises
    ------
    RunError
        A loss or a gradient is no longer a finite number.
    ConfigError
        A parameter that should train gets no gradient.
    """
    config, position = session.training_data.recipe.train, session.position
    if session.history:  # a run that was killed may have kept its last epoch and not yet written its row
        write_history(session)
    while not position.stopped(config):
        began = time.monotonic() - position.seconds
        rate = float(session.scheduler.get_last_lr()[0])
        if fit := spec_of(session.training_data.recipe.model).fit:
            train_loss = _fit(session, fit)
        else:
            train_loss = _train_epoch(session, began=began, save_every=save_every, progress=progress)
            if config.schedule_by == "epoch":
                session.scheduler.step()
        pretraining = session.pretraining
        valid_loss, numbers = _judged(session)
        _require_number(valid_loss, f"the validation loss of epoch {position.epoch + 1}")
        kept = position.end_epoch(valid_loss, pretraining=pretraining)
        losses = {"train_loss": train_loss, "valid_loss": valid_loss, **numbers}
        facts = {"seconds": time.monotonic() - began, "kept": int(kept)}
        session.history.append({"epoch": position.epoch, "lr": rate, **losses, **facts})
        if kept:
            save(session, run_folder.BEST)
        save(session, run_folder.LAST)
        write_history(session)
        progress.ended(session.history[-1])


def _fit(session: TrainingSession, fit: Callable[..., None]) -> float:
    """An epoch of a model that is fitted at once; returns the loss on the train part."""
    data = session.training_data
    turn_to(session, session.position.epoch)
    truth = data.truth("train")
    speakers = dict(zip(truth["id"], truth["speaker"], strict=True))
    fit(session.model, session.train, task=data.recipe.task, speakers=speakers, train=data.recipe.train)
    loss, _ = judge(session.model, session.train_unchanged, session.loss, aggregate=data.recipe.model.aggregate)
    return loss


def _judged(session: TrainingSession) -> tuple[float, dict[str, float]]:
    """Loss and scores of the validation part."""
    if session.pretraining:
        found = agreement(session.model, session.valid, session.contrastive)
        return found.loss, {"valid_matching": found.matching, "valid_spread": found.spread}
    aggregate = session.training_data.recipe.model.aggregate
    valid_loss, predicted = judge(session.model, session.valid, session.loss, aggregate=aggregate)
    return valid_loss, numbers_of(table_of(predicted, session.training_data, "valid"), session.training_data)


def _train_epoch(session: TrainingSession, *, began: float, save_every: float, progress: TrainingProgress) -> float:
    """What is left of one pass over the train part; returns the loss of all its utterances together."""
    position, objective = session.position, session.contrastive if session.pretraining else session.loss
    session.model.train()
    turn_to(session, position.epoch)
    sums = Sums(*torch.tensor([position.total, position.weight], device=session.device))
    saved = time.monotonic()
    for batch in session.train:
        with _precision(session):
            outputs = session.model(batch)
        session.recurrence.check()
        session.stillness.check(batch)
        of_batch = objective.sums(outputs, batch)
        position.step += 1
        stepped = _step(session, objective.value(of_batch))
        sums += of_batch.detach()
        progress.stepped(position.step, session.training_data.recipe.train.epochs * len(session.train))
        if stepped and time.monotonic() - saved >= save_every:
            position.total, position.weight = float(sums.total), float(sums.weight)
            position.seconds = time.monotonic() - began
            save(session, run_folder.LAST)
            saved = time.monotonic()
    return float(objective.value(sums))


def _precision(session: TrainingSession) -> torch.autocast:
    amp, kind = session.training_data.recipe.train.amp, session.device.type
    dtype = torch.bfloat16 if amp == "bfloat16" else torch.float16
    return torch.autocast(kind, dtype=dtype, enabled=amp == "bfloat16" or session.scaler.is_enabled())


def _step(session: TrainingSession, loss: Tensor) -> bool:
    """Add the gradient of a batch; step after every so many batches and at the end of an epoch, and say whether."""
    config, scaler, position = session.training_data.recipe.train, session.scaler, session.position
    where = f"of epoch {position.epoch + 1}, step {position.step},"
    _require_number(float(loss.detach()), f"the loss {where}")
    place = (position.step - 1) % len(session.train)
    group = min(config.accumulate, len(session.train) - place // config.accumulate * config.accumulate)
    scaler.scale(loss / group).backward()  # type: ignore[no-untyped-call]
    if (place + 1) % config.accumulate and place + 1 < len(session.train):
        return False
    scaler.unscale_(session.optimizer)
    if not session.checked and not session.pretraining:
        check_gradients(session.model, idle=spec_of(session.training_data.recipe.model).idle)
        session.checked = True
    trained = [parameter for parameter in session.model.parameters() if parameter.requires_grad]
    norm = nn.utils.clip_grad_norm_(trained, config.clip or math.inf)
    if not scaler.is_enabled():  # a scaler skips a step whose gradient is not finite, and lowers its scale
        _require_number(float(norm), f"the gradient {where}")
    scaler.step(session.optimizer)
    scaler.update()
    session.optimizer.zero_grad(set_to_none=True)
    if config.schedule_by == "step":
        session.scheduler.step()
    return True


def _require_number(value: float, what: str) -> None:
    if not math.isfinite(value):
        raise RunError(
            f"{what} is {value}: training stopped, and the last checkpoint is kept; try a smaller --set "
            "train.learning_rate, or --set train.clip=1 where it was off, with another --out"
        )
