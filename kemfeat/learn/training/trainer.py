"""Train a recipe: one loop, the best epoch chosen on the validation part alone, tested once.

A run can be killed at any time. The same call continues after the last checkpoint, and on a CPU with the same number of
threads its losses equal those of a run that was never killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from kemfeat import provenance
from kemfeat.errors import ConfigError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.evaluation.evaluate import Evaluation, evaluate
from kemfeat.learn.models import Model, build_model, check_trainable, spec_of
from kemfeat.learn.run_facts import Outcome, PartFacts, PretrainedFacts, RunFacts
from kemfeat.learn.run_folder import read_run, write_run
from kemfeat.learn.training import checkpoint, frozen_outputs, runtime
from kemfeat.learn.training.audited_fold import AuditedFold, audit_fold
from kemfeat.learn.training.checkpoint import identity, refuse_other
from kemfeat.learn.training.loop import run_epochs
from kemfeat.learn.training.predictions import determinism, predict, table_of
from kemfeat.learn.training.pretrained import resolved
from kemfeat.learn.training.progress import Silent, TrainingProgress
from kemfeat.learn.training.recipe import Recipe, recipe_from
from kemfeat.learn.training.session import TrainingSession, begin, resume, start
from kemfeat.learn.training.training_data import TrainingData, training_data_of
from kemfeat.paths import StrPath, to_path
from kemfeat.store import disk

if TYPE_CHECKING:
    from kemfeat.splits import Split
    from kemfeat.store.reader import Store


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a recipe is trained, apart from what it says itself.

    Parameters
    ----------
    fold : int, >= 0
        Fold of the split.
    device : {"auto", "cpu", "cuda"}
        Where to train; ``auto`` is the GPU where there is one.
    allow_leakage : bool
        Train on a split that leaks, and say so everywhere.
    save_every : float [s]
        Time between checkpoints within an epoch; there is always one after every epoch.
    excluded : tuple of str
        Ids of utterances that are neither trained on nor validated with; what is tested does not change.
    """

    fold: int = 0
    device: str = "auto"
    allow_leakage: bool = False
    save_every: float = 300.0
    excluded: tuple[str, ...] = ()


def train(
    recipe: Recipe,
    *,
    store: Store,
    split: Split,
    out: StrPath,
    options: Options | None = None,
    progress: TrainingProgress | None = None,
) -> Evaluation:
    """Train a recipe on one fold of a split, or continue where an earlier call stopped; test the best epoch.

    Parameters
    ----------
    recipe : Recipe
        See :func:`~kemfeat.learn.training.recipe.load_recipe`.
    store : Store
        Store to train on.
    split : Split
        Split of that store.
    out : str or PathLike
        Folder of the run (:mod:`kemfeat.learn.run_folder`).
    options : Options or None
        Fold, device and the like; None takes the defaults.
    progress : TrainingProgress or None
        Receives reports; None reports nothing.

    Returns
    -------
    Evaluation
        Scores of the best epoch on the test part.

    Raises
    ------
    ConfigError
        The split leaks, the folder contains another run, or a setting does not fit.
    AnalysisError
        The store lacks a feature, or a part has no labelled row.
    RunError
        The loss is no longer a finite number, memory ran out, or a file of the run is damaged.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.learn import load_recipe
    >>> from kemfeat.splits import make_split
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> split = make_split(store.utterances, scheme="session", folds=4, labels="annotated")
    >>> recipe = load_recipe("baseline/ridge", {"model.features": ["eda"]})

    >>> train(recipe, store=store, split=split, out="runs/ridge").headline().partition(" ")[0]
    'arousal'
    """
    out, options, progress = to_path(out), options or Options(), progress or Silent()
    data = audit_fold(
        store,
        split,
        fold=options.fold,
        allow_leakage=options.allow_leakage,
        excluded=options.excluded,
        progress=progress.compared,
    )
    fit(recipe, data, out=out, options=options, progress=progress)
    return conclude(out, data, device=options.device)


def fit(recipe: Recipe, data: AuditedFold, *, out: Path, options: Options, progress: TrainingProgress) -> RunFacts:
    """Train until patience or epochs run out, without touching the test part.

    Parameters
    ----------
    recipe : Recipe
        What to train.
    data : AuditedFold
        The fold to train on.
    out : Path
        Folder of the run.
    options : Options
        Device and the like.
    progress : TrainingProgress
        Receives reports.

    Returns
    -------
    RunFacts
        Contents of ``run.json``, with the outcome.

    Raises
    ------
    ConfigError, AnalysisError, RunError
        As :func:`train`.
    """
    device = runtime.device(options.device)
    known = resolved(recipe, data, allow_leakage=options.allow_leakage)
    training_data, seed = training_data_of(known.recipe, known.data), recipe.train.seed
    with runtime.owned(out), runtime.seeded(device, seed), runtime.memory(recipe.train):
        model = build_model(training_data.recipe.model, seed=seed)
        facts = _facts(training_data, model, pretrained=known.pretrained)
        progress.began(facts, out)
        if finished := _finished(out, facts):
            return finished
        session = begin(training_data, model.to(device), facts, out=out, device=device)
        if not resume(session):
            start(session)
        with frozen_outputs.kept(session, progress=progress.remembered):
            run_epochs(session, save_every=options.save_every, progress=progress)
        return _finish(session)


def conclude(run: Path, data: AuditedFold, *, device: str = "auto") -> Evaluation:
    """Predict the validation and test parts with the best epoch, once, and evaluate the predictions.

    Parameters
    ----------
    run : Path
        Folder of a finished run.
    data : AuditedFold
        The fold that it was trained on.
    device : str
        Where to predict; ``auto`` is the GPU where there is one.

    Returns
    -------
    Evaluation
        Scores on the test part.

    Raises
    ------
    RunError
        The run is unfinished or damaged.
    """
    if not (run / run_folder.PREDICTIONS).is_file():
        import pandas as pd

        training_data = training_data_of_run(run, data)
        where = runtime.device(device)
        with runtime.seeded(where, training_data.recipe.train.seed):
            model = load_model(run, device=device)
            how = training_data.recipe.model.aggregate
            loaders = {part: training_data.loader(part, device=where) for part in ("valid", "test")}
            found = {part: predict(model, loader, aggregate=how) for part, loader in loaders.items()}
        table = pd.concat([table_of(one, training_data, part) for part, one in found.items()], ignore_index=True)
        with disk.writing(run):
            disk.write_table(run / run_folder.PREDICTIONS, table)
    return evaluate(run)


def load_model(run: StrPath, *, device: str = "cpu") -> Model:
    """Load the model of a run as it was after its best epoch, in evaluation mode.

    Parameters
    ----------
    run : str or PathLike
        Folder of a finished run.
    device : str
        Where the model goes; ``auto`` is the GPU where there is one.

    Returns
    -------
    Model
        The model.

    Raises
    ------
    RunError
        There is no such run, its training is not finished, or a file is damaged.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.learn import load_recipe
    >>> from kemfeat.splits import make_split
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> split = make_split(store.utterances, scheme="session", folds=4, labels="annotated")
    >>> recipe = load_recipe("baseline/ridge", {"model.features": ["eda"]})

    >>> _ = train(recipe, store=store, split=split, out="runs/ridge")
    >>> load_model("runs/ridge").training
    False
    """
    run = to_path(run)
    facts = read_run(run)
    if facts.outcome is None:
        raise RunError(f"{run}: is not finished; run the same `kemfeat train` again to continue")
    best = checkpoint.load(run / run_folder.BEST)
    refuse_other(best.facts, identity(facts), where=run / run_folder.BEST)
    model = build_model(recipe_of(run, facts).model)
    checkpoint.fill(model, best, where=run)
    return model.to(runtime.device(device)).eval()


def audited_of_run(run: StrPath, *, store: Store, split: Split) -> AuditedFold:
    """The fold that a run was trained on, with the leakage found then; nothing is compared again.

    Parameters
    ----------
    run : str or PathLike
        Folder of the run.
    store : Store
        Store of the run; :func:`training_data_of_run` refuses others.
    split : Split
        Split of the run, likewise.

    Returns
    -------
    AuditedFold
        The fold.

    Raises
    ------
    RunError
        There is no such run, or it is damaged.
    """
    facts = read_run(run)
    return AuditedFold(store=store, split=split, fold=facts.fold, leakage=facts.leakage, excluded=facts.excluded)


def training_data_of_run(run: Path, data: AuditedFold) -> TrainingData:
    """What a run was trained on.

    Parameters
    ----------
    run : Path
        Folder of the run.
    data : AuditedFold
        The fold that it was trained on.

    Returns
    -------
    TrainingData
        Rows and labels.

    Raises
    ------
    ConfigError
        The run was trained on another split, fold or store.
    RunError
        There is no such run, or it is damaged.
    """
    facts = read_run(run)
    names = {"split", "fold", "data"}
    features = facts.data.features if facts.data else ()
    ours = {"split": data.split_facts(), "fold": data.fold, "data": data.data_facts(features)}
    wanted = facts.model_copy(update=ours).model_dump(mode="json", include=names)
    refuse_other(facts.model_dump(mode="json", include=names), wanted, where=run)
    return training_data_of(recipe_of(run, facts), data)


def recipe_of(run: Path, facts: RunFacts) -> Recipe:
    """The recipe that a run was trained by.

    Parameters
    ----------
    run : Path
        Folder of the run.
    facts : RunFacts
        Contents of its ``run.json``.

    Returns
    -------
    Recipe
        The resolved recipe.

    Raises
    ------
    ConfigError
        The run is an ensemble, or this kemfeat does not know its settings.
    """
    if facts.ensemble:
        raise ConfigError(
            f"{run}: is an ensemble, which has predictions and no model; take one of the runs that it was made from"
        )
    return recipe_from(facts.config, where=f"{run}/{run_folder.RUN}")


def _finish(session: TrainingSession) -> RunFacts:
    """Check the best epoch for determinism, and record how training ended."""
    best = checkpoint.load(session.out / run_folder.BEST)
    session.model.load_state_dict(best.weights, strict=False)
    choice = spec_of(session.training_data.recipe.model).choice
    outcome = Outcome(
        epochs=session.position.epoch,
        best_epoch=session.position.best_epoch,
        stopped=session.position.stopped(session.training_data.recipe.train) or "epochs",
        determinism=determinism(session.model, session.training_data, device=session.device),
        choice=choice(session.model) if choice else None,
    )
    facts = session.facts.model_copy(update={"outcome": outcome})
    with disk.writing(session.out):
        write_run(session.out, facts)
    return facts


def _facts(training_data: TrainingData, model: Model, *, pretrained: Mapping[str, PretrainedFacts]) -> RunFacts:
    recipe, data = training_data.recipe, training_data.audited
    return RunFacts(
        recipe=recipe.name,
        variant=recipe.variant,
        task=recipe.task,
        emotions=training_data.emotions,
        split=data.split_facts(),
        fold=data.fold,
        store=data.store_facts(),
        data=data.data_facts(training_data.media),
        synthetic=data.store.synthetic,
        leakage=data.leakage,
        train=training_data.train_facts(),
        left_out=training_data.left_out,
        excluded=data.excluded,
        config=recipe.model_dump(mode="json"),
        parameters=tuple(PartFacts.model_validate(row) for row in check_trainable(model).to_dict("records")),
        pretrained=pretrained,
        versions={**provenance.versions(), "torch": torch.__version__},
    )


def _finished(out: Path, facts: RunFacts) -> RunFacts | None:
    """The facts of a run whose training is over; a folder with anything else in it is refused."""
    if (out / run_folder.RUN).is_file():
        there = read_run(out)
        refuse_other(identity(there), identity(facts), where=out)
        return there if there.outcome else None
    others = [
        path.name
        for path in sorted(out.iterdir())
        if path.name not in (runtime.LOCK, run_folder.FROZEN, run_folder.TOKENIZER)
    ]
    if others:
        raise ConfigError(f"{out}: is not empty and is not a run (found {others[0]}); choose another --out")
    return None
