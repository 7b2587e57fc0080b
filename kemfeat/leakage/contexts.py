"""What features read beyond an utterance: a window of a wristband, which reaches into the time of its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kemfeat.splits.audit import WINDOW
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd


def context_windows(store: Store) -> pd.DataFrame | None:
    """The time from which the features of each utterance are made, where some feature reads a context.

    Parameters
    ----------
    store : Store
        Any store.

    Returns
    -------
    DataFrame or None
        One row per utterance, indexed by its id: ``owner``, of whom and in which conversation, None where the corpus
        has no clock; ``begin`` and ``end`` [s]. None where no feature reads a context.

    Notes
    -----
    A context ends with the conversation, so two windows share samples where speaker, session and script are the same.
    """
    import numpy as np
    import pandas as pd

    context = max((float(made.get("context", 0)) for made in store.header.config.settings.values()), default=0.0)
    if not context:
        return None
    rows = store.utterances
    lengths = (rows["end"] - rows["start"]).fillna(rows["duration"]).fillna(0.0)
    begin = (rows["clock_start"] - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    owner = rows[["session", "speaker", "script"]].astype(object).fillna("").astype(str).agg("\n".join, axis=1)
    columns = (owner.where(begin.notna(), None), begin - context, begin + lengths + context)
    return pd.DataFrame({name: np.asarray(values) for name, values in zip(WINDOW, columns, strict=True)}, rows["id"])
