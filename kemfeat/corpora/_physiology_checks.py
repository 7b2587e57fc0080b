"""What only shows once the physiology of a session and its annotation stand side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import pandas as pd
import pyarrow as pa

from kemfeat.findings import (
    CLOCK_GAP,
    KNOWN_BAD,
    NO_IBI,
    NO_PHYSIOLOGY,
    ORPHAN_PHYSIOLOGY,
    OTHER_SPEAKER,
    PARTIAL_PHYSIOLOGY,
    Findings,
    Rule,
)
from kemfeat.records import Finding

STEP_TOLERANCE = 0.001  # seconds, the resolution of a stamp


def check_signals(
    signals: pa.Table, *, known_ids: Mapping[str, str], session: str, known_bad: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Compare the signals of one session with its utterances.

    Parameters
    ----------
    signals : table of :data:`kemfeat.manifest.SIGNALS` as read for the session.
    known_ids : per annotated utterance its speaker; those of other sessions are passed over.
    session : name of the session, e.g. ``Sess01``, with which its ids begin.
    known_bad : conversations whose physiology is known to be broken, as ``Sess01_script05_User002M``.

    Returns
    -------
    tuple of Finding
        Rules ``orphan-physiology`` (counts ids), ``other-speaker`` (ids), ``no-physiology``, ``partial-physiology``,
        ``no-ibi`` (utterances), ``clock-gap`` (gaps) and ``known-bad-conversation`` (conversations).
    """
    speakers = {name: speaker for name, speaker in known_ids.items() if name.startswith(f"{session}_")}
    rows = signals.filter(pa.compute.is_valid(signals["id"])).to_pandas()
    findings = Findings()
    for rule, example in (
        *_orphans(rows, speakers, session),
        *_other_speakers(rows, speakers),
        *_absent(rows, speakers),
        *_clock_gaps(rows),
        *_known_bad(speakers, known_bad),
    ):
        findings.add(rule, example)
    return findings.merged()


_Cases = Iterator[tuple[Rule, str]]


def _orphans(rows: pd.DataFrame, speakers: Mapping[str, str], session: str) -> _Cases:
    for name in sorted(set(rows["id"]) - set(speakers)):
        yield ORPHAN_PHYSIOLOGY, f"{session}: {name} is not in the annotation"


def _other_speakers(rows: pd.DataFrame, speakers: Mapping[str, str]) -> _Cases:
    for name, worn_by in sorted(set(zip(rows["id"], rows["speaker"], strict=True))):
        if speakers.get(name, worn_by) != worn_by:
            yield OTHER_SPEAKER, f"{name}: rows in a file of {worn_by}"


def _absent(rows: pd.DataFrame, speakers: Mapping[str, str]) -> _Cases:
    """An utterance has a medium when its own speaker's file has a row of it."""
    triples = set(zip(rows["id"], rows["speaker"], rows["medium"], strict=True))
    for name, speaker in speakers.items():
        eda, temp, ibi = ((name, speaker, medium) in triples for medium in ("eda", "temp", "ibi"))
        if not eda and not temp:
            yield NO_PHYSIOLOGY, f"{name}: no EDA and no TEMP row"
        elif not (eda and temp):
            yield PARTIAL_PHYSIOLOGY, f"{name}: no {'TEMP' if eda else 'EDA'} row"
        if not ibi:
            yield NO_IBI, f"{name}: no beat"


def _clock_gaps(rows: pd.DataFrame) -> _Cases:
    """Consecutive samples of one utterance that are not one sampling period apart."""
    uniform = rows[rows["sampling_rate"].notna()]
    step = uniform.groupby(["medium", "speaker", "id"], sort=False)["time"].diff().dt.total_seconds()
    period = 1 / uniform["sampling_rate"]
    # Half a tolerance more, because neither step nor period is exact in binary.
    gaps = uniform[(step - period).abs() > 1.5 * STEP_TOLERANCE]
    for name, medium, found, expected in zip(
        gaps["id"], gaps["medium"], step[gaps.index], period[gaps.index], strict=True
    ):
        yield CLOCK_GAP, f"{name}: {medium} stamps {found:.3f} s apart, expected {expected:g} s"


def _known_bad(speakers: Mapping[str, str], known_bad: Collection[str]) -> _Cases:
    for conversation in sorted({name.rpartition("_")[0] for name in speakers} & set(known_bad)):
        yield KNOWN_BAD, f"{conversation}: its physiology is known to be broken"
