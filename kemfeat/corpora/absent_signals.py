"""Which signals the utterances of a corpus lack, as findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from kemfeat.findings import NO_ECG, NO_IBI, NO_PHYSIOLOGY, PARTIAL_PHYSIOLOGY, Rule


def absent(signals: pa.Table, ids: Iterable[str], *, media: Sequence[str]) -> Iterator[tuple[Rule, str]]:
    """Which signals utterances lack.

    Parameters
    ----------
    signals : pyarrow.Table
        Rows of :data:`kemfeat.manifest.SIGNALS`.
    ids : iterable of str
        The utterances.
    media : sequence of str
        The signals that they may have.

    Yields
    ------
    tuple of (Rule, str)
        A rule and an example of what breaks it.
    """
    there = set(zip(signals["id"].to_pylist(), signals["medium"].to_pylist(), strict=True))
    skin = [medium for medium in ("eda", "temp") if medium in media]
    for name in ids:
        lacking = [medium.upper() for medium in skin if (name, medium) not in there]
        if lacking:
            rule = NO_PHYSIOLOGY if len(lacking) == len(skin) else PARTIAL_PHYSIOLOGY
            yield rule, f"{name}: no {' and no '.join(lacking)} row"
        for medium, rule, what in (("ecg", NO_ECG, "ECG row"), ("ibi", NO_IBI, "beat")):
            if medium in media and (name, medium) not in there:
                yield rule, f"{name}: no {what}"
