"""A side store: embeddings of the rows of a store by a trained model, in a folder of their own.

::

    side.json       what made them, of which store, split and fold
    values.npy      float32, one row per row of the axis of the model; NaN where there is none
    rows.parquet    per row of the axis: ``model`` (0 for that of the run, from 1 on those of inner folds, -1 for none)
    seen.parquet    per model: the id of every utterance that it was trained or selected on, and in which ``part``

Whoever trains on embeddings has to know what the model that made a row had seen. It is written beside the values, and
:meth:`SideStore.leaks` compares it with the fold that is trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kemfeat.config import FrozenConfig, digest, validated
from kemfeat.errors import RunError
from kemfeat.learn.data.columns import Column
from kemfeat.learn.run_facts import Count, DataFacts, Line
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd

SIDE, VALUES, ROWS, SEEN = "side.json", "values.npy", "rows.parquet", "seen.parquet"
ARRAY = "embedding"
_BLOCK = 512
"""Rows that are read together."""


class SideFacts(FrozenConfig):
    """Contents of ``side.json``.

    Parameters
    ----------
    recipe, run : str
        Recipe of the models, and SHA-256 of the best checkpoint of the run.
    split, fold : str, int
        Digest of the split, and the fold.
    data : DataFacts
        What the models depend on in the store.
    axis : str
        What the rows are.
    inner_folds : int, >= 0
        Models that were trained for the train part; 0 where the run's own model made those rows, too.
    files : mapping of str to str
        SHA-256 of the other files.
    encoder : str
        Folder of the run when it was read; its checkpoint is known by ``run``.
    """

    recipe: Line
    run: Line
    split: Line
    fold: Count
    data: DataFacts
    axis: Line
    inner_folds: Count
    files: Mapping[Line, Line]
    encoder: str = ""


@dataclass(frozen=True, eq=False)
class SideStore:
    """Embeddings that are read only.

    Parameters
    ----------
    path : Path
        Folder.
    facts : SideFacts
        What it says about itself.
    """

    path: Path
    facts: SideFacts

    @property
    def digest(self) -> str:
        """SHA-256 over everything in it, wherever the run is stored."""
        return digest(self.facts.model_dump(mode="json", exclude={"encoder"}))

    @cached_property
    def values(self) -> NDArray[np.float32]:
        """The embeddings, shape (rows, H), mapped and not read."""
        found: NDArray[np.float32] = np.load(self.path / VALUES, mmap_mode="r", allow_pickle=False)
        return found

    @cached_property
    def model(self) -> NDArray[np.int64]:
        """Number of the model that made each row; -1 for none."""
        return self._table(ROWS)["model"].to_numpy(np.int64)

    @property
    def seen(self) -> pd.DataFrame:
        """Utterances that each model was trained or selected on: ``model``, ``id``, ``part``."""
        return self._table(SEEN)

    @property
    def column(self) -> Column:
        """The embeddings as an array of a batch."""
        width = self.values.shape[1]
        return Column(
            name=ARRAY,
            feature=ARRAY,
            shape=(width,),
            pad=float("nan"),
            lengths=None,
            array=self.values,
            rows_per_shard=_BLOCK,
        )

    def leaks(self, *, owners: pd.Series[str], who: pd.DataFrame, parts: Mapping[str, str]) -> dict[str, int]:
        """What a model that is trained on these rows would learn of what it must not know.

        Parameters
        ----------
        owners : Series of str
            Id of the utterance of every row.
        who : DataFrame
            ``id``, ``speaker`` and ``session`` of every utterance.
        parts : mapping of str to str
            Part of every utterance of the fold, by id.

        Returns
        -------
        dict of str to int
            ``embedding``: train utterances that the model of their own rows was trained on, whose embeddings are better
            than those of new ones. ``test-embedding``: test utterances of whose speaker or session a model has seen
            anything. Empty where there is neither.
        """
        import pandas as pd

        seen = self.seen
        rows = pd.DataFrame({"id": owners.to_numpy(), "model": self.model}).drop_duplicates()
        rows["part"] = rows["id"].map(parts)
        known = set(zip(seen["model"], seen["id"], strict=True))
        own = {one.id for one in rows[rows["part"] == "train"].itertuples() if (one.model, one.id) in known}
        people = who.set_index("id")
        met = people.loc[people.index.isin(set(seen["id"]))]
        tested = people.loc[[name for name, part in parts.items() if part == "test"]]
        again = tested["speaker"].isin(set(met["speaker"])) | tested["session"].isin(set(met["session"]))
        counts = {"embedding": len(own), "test-embedding": int(again.sum())}
        return {kind: count for kind, count in counts.items() if count}

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd

        try:
            return pd.read_parquet(self.path / name)
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path / name}: cannot be read ({error}); make the folder again") from None


def open_side_store(path: Path) -> SideStore:
    """Open a folder that ``kemfeat embed`` wrote, and check every file of it.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    SideStore
        Its embeddings.

    Raises
    ------
    RunError
        There is no such folder, or a file of it is damaged.
    """
    try:
        content = json.loads((path / SIDE).read_bytes())
    except FileNotFoundError:
        raise RunError(f"{path}: has no {SIDE}; expected a folder that `kemfeat embed` wrote") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path / SIDE}: cannot be read ({error}); make the folder again") from None
    facts = validated(SideFacts, content, where=str(path / SIDE))
    for name in (VALUES, ROWS, SEEN):
        if not (path / name).is_file() or facts.files.get(name) != disk.sha256(path / name):
            raise RunError(f"{path / name}: is missing, or is not what {SIDE} says; make the folder again")
    return SideStore(path, facts)


def write_side_store(
    path: Path, facts: SideFacts, *, values: NDArray[np.float32], model: NDArray[np.int64], seen: pd.DataFrame
) -> SideStore:
    """Write embeddings; ``side.json`` last, so that the folder is complete or none.

    Parameters
    ----------
    path : Path
        Folder to write.
    facts : SideFacts
        What made them; ``files`` is filled in.
    values : ndarray, shape (rows, H), float32
        Embeddings.
    model : ndarray, shape (rows,), int64
        Number of the model of each row.
    seen : DataFrame
        ``model``, ``id``, ``part``.

    Returns
    -------
    SideStore
        What was written.

    Raises
    ------
    StoreWriteError
        The folder cannot be written.
    """
    import pandas as pd

    with disk.writing(path):
        disk.atomic_write(path / VALUES, lambda aside: _save(aside, values))
        disk.write_table(path / ROWS, pd.DataFrame({"model": model}))
        disk.write_table(path / SEEN, seen)
        files = {name: disk.sha256(path / name) for name in (VALUES, ROWS, SEEN)}
        complete = facts.model_copy(update={"files": files})
        disk.write_json(path / SIDE, complete.model_dump(mode="json"))
    return SideStore(path, complete)


def _save(path: Path, values: NDArray[np.float32]) -> None:
    with path.open("wb") as file:
        np.save(file, values, allow_pickle=False)
