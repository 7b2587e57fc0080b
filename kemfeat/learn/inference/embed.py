"""Embeddings of a store by the models of a run, out of fold where they will be trained on.

The rows of the test part and of the validation part are embedded by the run's own model. Those of its train part are
embedded by models that did not see them: the train part is cut into inner folds by the scheme of the split, and for
each of them the same recipe is trained on the others. Otherwise a model that builds on the embeddings would meet, in
training, embeddings that are better than any it is tested on (P2, J1).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from kemfeat.arrays import Indices
from kemfeat.errors import ConfigError
from kemfeat.learn import run_folder
from kemfeat.learn.data.loader import StoreLoader
from kemfeat.learn.data.side_store import ROWS, SEEN, SIDE, VALUES, SideFacts, SideStore, write_side_store
from kemfeat.learn.models import Model
from kemfeat.learn.training import runtime
from kemfeat.learn.training.audited_fold import AuditedFold
from kemfeat.learn.training.inner_folds import INNER, inner_folds
from kemfeat.learn.training.progress import Silent, TrainingProgress
from kemfeat.learn.training.recipe import Recipe
from kemfeat.learn.training.trainer import Options, fit, load_model, training_data_of_run
from kemfeat.learn.training.training_data import TrainingData
from kemfeat.paths import StrPath, to_path
from kemfeat.store import disk
from kemfeat.store.outside import refuse_in_store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class EmbedOptions:
    """How embeddings are made.

    Parameters
    ----------
    inner_folds : int, 0 or >= 2
        Models that are trained for the train part; 0 has the run's own model embed what it was trained on, as
        published.
    seed : int, >= 0
        Seed of the inner folds.
    device : {"auto", "cpu", "cuda"}
        Where to compute.
    """

    inner_folds: int = 4
    seed: int = 0
    device: str = "auto"


def embed(
    run: StrPath,
    data: AuditedFold,
    *,
    out: StrPath,
    options: EmbedOptions | None = None,
    progress: TrainingProgress | None = None,
) -> SideStore:
    """Write the embeddings of all rows of a fold; what was finished before is not made again.

    Parameters
    ----------
    run : str or PathLike
        Folder of a finished run whose model has embeddings.
    data : AuditedFold
        The fold that it was trained on.
    out : str or PathLike
        Folder of the side store.
    options : EmbedOptions or None
        How; None takes the defaults.
    progress : TrainingProgress or None
        Receives reports of the inner trainings.

    Returns
    -------
    SideStore
        The embeddings.

    Raises
    ------
    ConfigError
        The run was trained on another fold, the model has no embeddings, or there are more inner folds than groups.
    RunError
        The run is unfinished or damaged.
    """
    import pandas as pd

    run, out = to_path(run), to_path(out)
    options, progress = options or EmbedOptions(), progress or Silent()
    if options.inner_folds == 1:
        raise ConfigError("--inner 1: one inner fold leaves nothing to train on; pass 2 or more, or 0 for none")
    _refuse_unusable(out)
    whole = training_data_of_run(run, data)
    sheet = _Sheet(len(data.store.rows(whole.axis)))
    seen = [_seen(whole, 0)]
    known = ("valid", "test") if options.inner_folds else ("train", "valid", "test")
    sheet.fill(0, load_model(run, device=options.device), whole, parts=known, device=options.device)
    for number, inner in enumerate(inner_folds(whole, folds=options.inner_folds, seed=options.seed), start=1):
        folder = out / INNER / str(number)
        fit(whole.recipe, inner, out=folder, options=Options(device=options.device), progress=progress)
        trained = training_data_of_run(folder, inner)
        sheet.fill(number, load_model(folder, device=options.device), trained, parts=("test",), device=options.device)
        seen.append(_seen(trained, number))
    facts = SideFacts(
        recipe=whole.recipe.name,
        run=disk.sha256(run / run_folder.BEST),
        split=data.split.digest,
        fold=data.fold,
        data=data.data_facts(whole.media),
        axis=whole.axis,
        inner_folds=options.inner_folds,
        files={},
        encoder=str(run.absolute()),
    )
    return write_side_store(out, facts, values=sheet.values, model=sheet.model, seen=pd.concat(seen))


def _refuse_unusable(out: Path) -> None:
    """Refuse a folder in which embeddings would be mixed with, or replace, other files."""
    refuse_in_store(out)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is not a folder; choose an absent or empty folder with --out")
    names = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    others = [name for name in names if name not in (SIDE, VALUES, ROWS, SEEN, INNER) and not name.startswith(".")]
    if others:
        raise ConfigError(
            f"{out}: contains {others[0]}, which is not of embeddings; choose an absent or empty folder with --out"
        )


class _Sheet:
    """Embeddings of the rows of an axis, as they are made."""

    def __init__(self, rows: int) -> None:
        self.model = np.full(rows, -1, np.int64)
        self.values: NDArray[np.float32] = np.empty((rows, 0), np.float32)

    def fill(
        self, number: int, model: Model, training_data: TrainingData, *, parts: tuple[str, ...], device: str
    ) -> None:
        """Embed the rows of some parts."""
        for part in parts:
            rows = training_data.rows_of(training_data.rows[part])
            if len(rows):
                where = runtime.device(device)
                loader = training_data.rows_loader(rows, device=where)
                values = embedded(model, loader, rows, recipe=training_data.recipe, device=where)
                self._put(rows, values, number)

    def _put(self, rows: Indices, values: NDArray[np.float32], number: int) -> None:
        if not self.values.shape[1]:
            self.values = np.full((len(self.model), values.shape[1]), np.nan, np.float32)
        self.values[rows], self.model[rows] = values, number


def embedded(
    model: Model, loader: StoreLoader, rows: Indices, *, recipe: Recipe, device: torch.device
) -> NDArray[np.float32]:
    """Embeddings of rows.

    Parameters
    ----------
    model : Model
        The model.
    loader : StoreLoader
        Yields these rows, in any order.
    rows : ndarray, shape (n,), int64
        Rows of the axis of the model.
    recipe : Recipe
        What it was trained by.
    device : torch.device
        Where the model is.

    Returns
    -------
    ndarray, shape (n, H), float32
        In the order of ``rows``.

    Raises
    ------
    ConfigError
        The model has no embeddings.
    """
    model.to(device).eval()
    found: list[NDArray[np.float32]] = []
    order: list[Indices] = []
    with torch.inference_mode():
        for batch in loader:
            embedding = model(batch).embedding
            if embedding is None:
                raise ConfigError(
                    f"{recipe.name}: the model {recipe.model.name} has no embeddings; expected one whose Outputs have "
                    "them, such as that of graph/encoder"
                )
            found.append(embedding.float().cpu().numpy())
            order.append(batch.rows.cpu().numpy())
    places = np.empty(len(rows), np.int64)
    places[np.argsort(rows, kind="stable")] = np.argsort(np.concatenate(order), kind="stable")
    return np.concatenate(found)[places]


def _seen(training_data: TrainingData, number: int) -> pd.DataFrame:
    """What a model was trained and selected on."""
    import pandas as pd

    ids = training_data.audited.store.utterances["id"].to_numpy()
    tables = [pd.DataFrame({"id": ids[training_data.rows[part]], "part": part}) for part in ("train", "valid")]
    return pd.concat(tables).assign(model=number)
