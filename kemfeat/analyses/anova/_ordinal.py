"""The ordinal model of the single ratings of a dependent variable."""

from __future__ import annotations

import pandas as pd

from kemfeat.analyses.anova._data import Data
from kemfeat.stats.ordinal import MOST_CATEGORIES, OrdinalModel, ordinal_model

COLUMNS = ("a", "b", "log_odds", "odds_ratio", "se", "t", "df", "p", "log_p", "ci_low", "ci_high", "p_holm")


def fit_ordinal(data: Data, dv: str) -> OrdinalModel | None:
    """The model by the cluster asked for; None where the variable has no single ratings, or no steps."""
    rated = data.ratings.get(dv)
    if rated is None or rated["value"].nunique() > MOST_CATEGORIES:
        return None
    rows, cluster = rated["row"].to_numpy(), next(iter(data.clusters.values()))
    groups, clusters = data.groups.iloc[rows], cluster.iloc[rows]
    if not (groups.notna().to_numpy() & clusters.notna().to_numpy()).any():
        return None
    return ordinal_model(rated["value"], groups.reset_index(drop=True), clusters.reset_index(drop=True))


def ordinal_table(model: OrdinalModel | None) -> pd.DataFrame:
    """Its pairs, with the number of ratings; no rows without a model."""
    if model is None:
        empty = pd.DataFrame(columns=[*COLUMNS, "significant", "ratings", "reason"])
        numeric = dict.fromkeys(COLUMNS[2:], float)
        return empty.astype({**numeric, "significant": bool, "ratings": int})
    return model.pairs.assign(ratings=model.n)[[*COLUMNS, "significant", "ratings", "reason"]]
