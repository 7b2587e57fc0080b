"""Which columns of each table a reader sees first, and the tests as lines in the style of the APA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from kemfeat.analyses import apa, rows
from kemfeat.analyses.brief import Brief, Column, values
from kemfeat.figures.units import signal_name, signal_words

_PAIR = (Column(head="Signal", of=("signal",), words=signal_words()), *values(target="Judgement"))
_R = Column(head="r [95 % CI]", of=("r", "ci_low", "ci_high"), form="interval")
_P = Column(head="p (Holm)", of=("p_holm",), form="p")

BRIEFS = {
    "tests": Brief(
        title="Correlations of changes",
        columns=(*_PAIR, _R, _P, *values(speakers="Speakers", changes="Changes")),
        needs="p_holm",
    ),
    "lags": Brief(
        title="Correlations at lags of the signal",
        columns=(*_PAIR, *values(lag_s="Lag (s)"), _R, _P),
        needs="p_holm",
    ),
    "speakers": Brief(
        title="Correlations of each speaker",
        columns=(*_PAIR, *values(speaker="Speaker", conversations="Conversations", r="Mean r")),
        needs="r",
    ),
    "conversations": Brief(
        title="Correlations within each conversation",
        columns=(*_PAIR, *values(script="Script", speaker="Speaker", n="Changes", r="r")),
        needs="r",
    ),
}


def lines(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    """Each test over speakers, its companions and its lags as lines."""
    return {
        "tests": tuple(filter(None, (line for row in rows(tables["tests"]) for line in _tests(row)))),
        "lags": tuple(filter(None, map(_lag, rows(tables["lags"])))),
    }


def _tests(row: Any) -> Iterator[str]:
    found = row._asdict()
    about = _named(found)
    yield apa.line(
        f"{about}, mean over {found['speakers']} speakers",
        _r("r", found, ""),
        apa.t_test(found["t"], df=found["df"]),
        apa.p_value(found["p"]),
        apa.p_value(found["p_holm"], "Holm-adjusted p"),
    )
    yield apa.line(
        f"{about}, Spearman",
        _r("ρ", found, "spearman_"),
        apa.p_value(found["spearman_p"]),
        apa.p_value(found["spearman_p_holm"], "Holm-adjusted p"),
    )
    repeated = "" if found["rm_df"] != found["rm_df"] else f"r({found['rm_df']:.0f})"
    yield apa.line(
        f"{about}, repeated measures", _r(repeated, found, "rm_") if repeated else "", apa.p_value(found["rm_p"])
    )


def _lag(row: Any) -> str:
    found = row._asdict()
    return apa.line(
        f"{_named(found)} at a lag of {apa.number(found['lag_s'], decimals=0)} s",
        _r("r", found, ""),
        apa.p_value(found["p"]),
        apa.p_value(found["p_holm"], "Holm-adjusted p"),
    )


def _named(found: Mapping[str, str]) -> str:
    return f"{signal_name(found['signal'])} and {found['target']}"


def _r(name: str, found: Mapping[str, float], prefix: str) -> str:
    low, high = found[f"{prefix}ci_low"], found[f"{prefix}ci_high"]
    return apa.effect(name, found[f"{prefix}r"], low=low, high=high, bounded=True)
