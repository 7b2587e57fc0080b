"""Compares the physiology of a session with its annotation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import pyarrow as pa

from kemfeat.findings import (
    CLOCK_GAP,
    KNOWN_BAD,
    MAX_EXAMPLES,
    NO_ECG,
    NO_IBI,
    NO_PHYSIOLOGY,
    ORPHAN_PHYSIOLOGY,
    OTHER_SPEAKER,
    PARTIAL_PHYSIOLOGY,
    Findings,
    Rule,
    merge,
)
from kemfeat.records import Finding

STEP_TOLERANCE = 0.001  # seconds, the resolution of a stamp


_Triple = tuple[str, str, str]
"""An utterance, who wore the sensor, and the medium."""


def check_signals(
    signals: pa.Table,
    *,
    known_ids: Mapping[str, str],
    session: str,
    known_bad: Collection[str] = (),
    media: Collection[str] = ("eda", "temp", "ibi"),
    shared: bool = False,
) -> tuple[Finding, ...]:
    """Compare the signals of one session with its utterances.

    Parameters
    ----------
    signals : pyarrow.Table
        Rows of :data:`kemfeat.manifest.SIGNALS` as read for the session.
    known_ids : mapping of str to str
        Per annotated utterance its speaker; those of other sessions are ignored.
    session : str
        Name of the session, such as ``Sess01``, with which its ids begin.
    known_bad : collection of str
        Conversations whose physiology is known to be broken, such as ``Sess01_script05_User002M``.
    media : collection of str
        What the corpus records.
    shared : bool
        Whether a speaker's file has rows in the partner's utterances, too.

    Returns
    -------
    tuple of Finding
        Rules ``orphan-physiology`` (counts ids), ``other-speaker`` (ids), ``no-physiology``, ``partial-physiology``,
        ``no-ibi``, ``no-ecg`` (utterances), ``clock-gap`` (gaps) and ``known-bad-conversation`` (conversations).
    """
    speakers = {name: speaker for name, speaker in known_ids.items() if name.startswith(f"{session}_")}
    rows = signals.filter(pa.compute.is_valid(signals["id"]))
    groups = rows.group_by(["id", "speaker", "medium"]).aggregate([])
    triples = set(zip(*(groups[name].to_pylist() for name in ("id", "speaker", "medium")), strict=True))
    findings = Findings()
    for rule, example in (
        *_orphans(triples, speakers, session),
        *(() if shared else _other_speakers(triples, speakers)),
        *_absent(triples, speakers, media),
        *_known_bad(speakers, known_bad),
    ):
        findings.add(rule, example)
    return merge((*findings.merged(), *_clock_gaps(rows)))


_Cases = Iterator[tuple[Rule, str]]


def _orphans(triples: Collection[_Triple], speakers: Mapping[str, str], session: str) -> _Cases:
    for name in sorted({name for name, _, _ in triples} - set(speakers)):
        yield ORPHAN_PHYSIOLOGY, f"{session}: {name} is not in the annotation"


def _other_speakers(triples: Collection[_Triple], speakers: Mapping[str, str]) -> _Cases:
    for name, worn_by in sorted({(name, worn_by) for name, worn_by, _ in triples}):
        if speakers.get(name, worn_by) != worn_by:
            yield OTHER_SPEAKER, f"{name}: rows in a file of {worn_by}"


def _absent(triples: Collection[_Triple], speakers: Mapping[str, str], media: Collection[str]) -> _Cases:
    """An utterance has a medium when its own speaker's file has a row of it."""
    for name, speaker in speakers.items():
        eda, temp = ((name, speaker, medium) in triples for medium in ("eda", "temp"))
        if not eda and not temp:
            yield NO_PHYSIOLOGY, f"{name}: no EDA and no TEMP row"
        elif not (eda and temp):
            yield PARTIAL_PHYSIOLOGY, f"{name}: no {'TEMP' if eda else 'EDA'} row"
        for medium, rule, found in (("ibi", NO_IBI, "no beat"), ("ecg", NO_ECG, "no ECG row")):
            if medium in media and (name, speaker, medium) not in triples:
                yield rule, f"{name}: {found}"


def _clock_gaps(rows: pa.Table) -> Iterator[Finding]:
    """Consecutive samples of one utterance that are not one sampling period apart."""
    # Names as categories: an hour of ECG is a million rows.
    uniform = rows.filter(pa.compute.is_valid(rows["sampling_rate"])).to_pandas(strings_to_categorical=True)
    own = uniform.groupby(["medium", "speaker", "id"], sort=False, observed=True)
    step = own["time"].diff().dt.total_seconds()
    period = 1 / uniform["sampling_rate"]
    # Half a tolerance is added because neither step nor period is exact in binary.
    gaps = uniform[(step - period).abs() > 1.5 * STEP_TOLERANCE]
    shown = gaps.head(MAX_EXAMPLES)
    examples = tuple(
        f"{name}: {medium} stamps {found:.3f} s apart, expected {expected:g} s"
        for name, medium, found, expected in zip(
            shown["id"], shown["medium"], step[shown.index], period[shown.index], strict=True
        )
    )
    if examples:
        yield Finding(CLOCK_GAP.code, CLOCK_GAP.severity, len(gaps), examples, CLOCK_GAP.action)


def _known_bad(speakers: Mapping[str, str], known_bad: Collection[str]) -> _Cases:
    for conversation in sorted({name.rpartition("_")[0] for name in speakers} & set(known_bad)):
        yield KNOWN_BAD, f"{conversation}: its physiology is known to be broken"
