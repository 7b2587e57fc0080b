"""The windows of a plan as one Manifest."""

from __future__ import annotations

import math

import pyarrow as pa

from kemfeat.corpora.e4._plan import Plan
from kemfeat.corpora.e4._windows import Window
from kemfeat.corpora.own_labels import report_others, report_ratings, vocabulary
from kemfeat.findings import Findings
from kemfeat.labels import EMOTIONS, join_emotions
from kemfeat.manifest import RATINGS, READ_COLUMNS, Manifest


def manifest_of(plan: Plan, findings: Findings, *, corpus: str, table: str) -> Manifest:
    """The manifest of a plan.

    Parameters
    ----------
    plan : Plan
        Sessions and windows.
    findings : Findings
        What was noticed; receives what is noticed of the labels.
    corpus : str
        Name of the corpus.
    table : str
        The table of windows, for messages; empty where there is none.

    Returns
    -------
    Manifest
        One utterance per window, none with audio.
    """
    rows = [window.row for window in plan.windows if window.row]
    emotions = [row.emotions for row in rows]
    words = vocabulary(emotions, where=table) if table else EMOTIONS
    report_others(emotions, where=table, findings=findings)
    for column in ("valence", "arousal"):
        report_ratings([getattr(row, column) for row in rows], where=f"{table} column {column}", findings=findings)
    schema = pa.schema([*READ_COLUMNS, *(pa.field(name, pa.string()) for name in plan.own)])
    findings.ledger.used.update({window.where: window.id for window in plan.windows})
    return Manifest(
        corpus,
        pa.Table.from_pylist([_cells(window, plan, words) for window in plan.windows], schema=schema).to_pandas(),
        RATINGS.empty_table().to_pandas(),
        findings.merged(),
        tuple(findings.faults),
        words,
        ledger=findings.ledger,
    )


def _cells(window: Window, plan: Plan, words: tuple[str, ...]) -> dict[str, object]:
    cells: dict[str, object] = {
        "id": window.id,
        "session": window.session,
        "script": window.script,
        "speaker": plan.participants[window.session],
        "start": window.start,
        "end": window.end,
        "valence": math.nan,
        "arousal": math.nan,
    }
    row = window.row
    if row is None:
        return cells
    cells |= {"sex": row.sex or None, "text": row.text, "text_encoding": None if row.text is None else "utf-8"}
    cells |= {"valence": row.valence, "arousal": row.arousal}
    cells["emotion"] = join_emotions(row.emotions, vocabulary=words) or None
    return cells | dict(zip(plan.own, row.own, strict=True))
