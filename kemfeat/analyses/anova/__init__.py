"""Do groups of utterances differ in a number, such as emotions in arousal? Tests that count speakers, not utterances.

Welch's analysis of variance and Games-Howell's pairs are what the literature reports; both treat utterances as
independent. The same questions are put to tests that take into account that utterances are nested in speakers and
speakers in dyads, and to tests with fewer assumptions. The test by speaker (CR2, HTZ) is the primary one whatever it
finds; the others are reported beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, field_validator

from kemfeat.analyses import Analysis, AnalysisResult, Draw, LabelRule, Seed, Spelling
from kemfeat.analyses._columns import as_stored
from kemfeat.analyses.anova._brief import briefs
from kemfeat.analyses.anova._data import Columns, Data, read
from kemfeat.analyses.anova._lines import lines
from kemfeat.analyses.anova._tables import simultaneous, tables
from kemfeat.analyses.anova._tests import ALPHA, Tests, run_tests
from kemfeat.analyses.anova._verdicts import verdicts
from kemfeat.analyses.anova._words import captions, summary, verdict, verdict_by, warnings
from kemfeat.config import FrozenConfig
from kemfeat.corpora import columns_of
from kemfeat.figures import groups as figures
from kemfeat.stats.group_tests import CI_CONVENTION
from kemfeat.store.columns import describe
from kemfeat.store.reader import Store


class AnovaConfig(FrozenConfig):
    """What is compared.

    Parameters
    ----------
    dv : tuple of str
        Dependent variables: numeric columns of ``utterances``.
    between : str
        The factor: a categorical column of ``utterances``. ``emotion`` is read under ``labels``.
    labels : str
        Rule of :func:`kemfeat.labels.apply_rule` that makes one label of several.
    cluster : str
        Column of the units that utterances are nested in; the session is tested beside it.
    covariate : tuple of str
        Columns that the mixed model holds constant: numbers, or a second factor.
    interaction : tuple of str
        Such columns whose effect may differ from group to group; whether it does is tested.
    crossed : tuple of str
        Categorical columns whose values enter the mixed model as crossed random intercepts; raters do in any case.
    smallest_effect : float, > 0
        Smallest difference of interest, in standard deviations within groups: two groups that differ by less are
        equivalent.
    seed : int, >= 0
        Seed of bootstrap, permutations and subsamples.
    """

    dv: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="Numeric column; may be repeated."),
        Spelling(metavar="COLUMN", default="arousal and valence, where the store has them"),
    ] = ("arousal", "valence")
    between: Annotated[str, Field(description="Categorical column."), Spelling(metavar="COLUMN")] = "emotion"
    labels: LabelRule = "5class"
    cluster: Annotated[
        str, Field(description="Column of the units that utterances are nested in."), Spelling(metavar="COLUMN")
    ] = "speaker"
    covariate: Annotated[
        tuple[str, ...],
        Field(description="Column that the mixed model holds constant, such as sex; may be repeated."),
        Spelling(metavar="COLUMN"),
    ] = ()
    interaction: Annotated[
        tuple[str, ...],
        Field(description="Covariate whose interaction with the factor is tested, too; may be repeated."),
        Spelling(metavar="COLUMN"),
    ] = ()
    crossed: Annotated[
        tuple[str, ...],
        Field(description="Crossed random effect of the mixed model, such as text; may be repeated."),
        Spelling(metavar="COLUMN"),
    ] = ()
    smallest_effect: Annotated[
        float,
        Field(gt=0, le=10, description="Smallest difference of interest, in standard deviations within groups."),
        Spelling(metavar="SD"),
    ] = 0.2
    seed: Seed = 0

    @field_validator("dv")
    @classmethod
    def _each_once(cls, dv: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(dv)) < len(dv):
            raise ValueError("a dependent variable is given twice; give each once")
        return dv


def run(store: Store, config: AnovaConfig) -> AnalysisResult:
    """Compare groups of utterances.

    Parameters
    ----------
    store : Store
        The store whose utterances are compared.
    config : AnovaConfig
        What is compared.

    Returns
    -------
    AnalysisResult
        The tables that ``docs/analyses.md`` describes, one set of figures per dependent variable.

    Raises
    ------
    ConfigError
        A column or label rule does not exist, or a column is of the wrong kind.
    AnalysisError
        Fewer than two groups, or fewer than two with values that vary.
    """
    config = as_stored(store, config, ("dv", "between", "cluster", "covariate", "interaction", "crossed"))
    dv, absent = _dependent(store, config)
    data = read(store, _columns(config, dv))
    found = [run_tests(data, name, smallest=config.smallest_effect, seed=config.seed) for name in dv]
    made, own = tables(found), columns_of(store.dataset)
    return AnalysisResult(
        summary=summary(found, made, between=data.between),
        tables=made,
        figures={name: draw for tests in found for name, draw in _figures(data, tests, own).items()},
        captions=captions(found, between=data.between),
        briefs=briefs({name: _unit(name, own) for name in dv}, cluster=found[0].primary),
        lines=lines(made, between=data.between),
        verdicts=verdicts(found, between=data.between),
        values=_values(data, found, config.smallest_effect),
        warnings=(*absent, *warnings(data, found)),
    )


def _unit(column: str, own: Mapping[str, str]) -> str:
    """The unit that the meaning of a column names; empty where it has none."""
    found = re.search(r"\[([^\]]+)\](?:[,;]|$)", describe(column, own))
    return found[1] if found else ""


def _columns(config: AnovaConfig, dv: tuple[str, ...]) -> Columns:
    return Columns(
        dv=dv,
        between=config.between,
        labels=config.labels,
        cluster=config.cluster,
        covariates=config.covariate,
        interactions=config.interaction,
        crossed=config.crossed,
    )


def _dependent(store: Store, config: AnovaConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The dependent variables, and a warning about default ones that the store does not have."""
    there = tuple(name for name in config.dv if name in store.utterances)
    if "dv" in config.model_fields_set or not there or there == config.dv:
        return config.dv, ()
    absent = ", ".join(name for name in config.dv if name not in there)
    return there, (f"the utterances have no {absent}: only {', '.join(there)} is compared",)


def _values(data: Data, found: Sequence[Tests], smallest: float) -> dict[str, Any]:
    return {
        "between": data.between,
        "rows": len(data.groups),
        "rows_without_group": int(data.groups.isna().sum()),
        "alpha": ALPHA,
        "smallest_effect_sd": smallest,
        "effect_size_intervals": CI_CONVENTION,
        "dv": {tests.dv: _findings(tests) for tests in found},
    }


def _findings(tests: Tests) -> dict[str, Any]:
    counted = tests.groups.set_index("group")
    return {
        "leading": tests.primary,
        "verdict": verdict_by(tests, tests.primary),
        "naive_verdict": verdict(tests.pairs),
        "margin": tests.equivalence[tests.primary]["margin"].max(),
        "nested_verdicts": {name: verdict_by(tests, name) for name in tests.nested},
        "n": counted["n"].to_dict(),
        "means": counted["mean"].to_dict(),
    }


def _figures(data: Data, tests: Tests, own: Mapping[str, str]) -> dict[str, Draw]:
    dv, groups = tests.dv, tests.groups
    label = f"{dv}: {meaning}" if (meaning := describe(dv, own).partition(";")[0]) else dv
    values = pd.DataFrame({"group": data.groups, "value": data.values[dv]}).dropna()
    families = {"Games-Howell": _intervals(tests.pairs, low="ci_low", high="ci_high")}
    for name, robust in tests.nested.items():
        families[f"CR2 by {name}"] = _intervals(simultaneous(robust.pairs), low="low_all", high="high_all")
    return {
        f"raincloud_{dv}": partial(figures.raincloud, values, groups=groups, label=label),
        f"forest_{dv}": partial(figures.forest, families, label=label),
        f"qq_{dv}": partial(figures.qq, values, label=label),
    }


def _intervals(pairs: pd.DataFrame, *, low: str, high: str) -> pd.DataFrame:
    return pairs[["a", "b", "diff"]].assign(low=pairs[low], high=pairs[high])


ANALYSIS = Analysis(name="anova", title="Group differences", config=AnovaConfig, run=run)
