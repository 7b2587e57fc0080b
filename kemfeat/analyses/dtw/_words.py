"""Sentences about a clustering, each made from the numbers that it reports."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kemfeat.analyses import Verdict
from kemfeat.analyses.dtw._choice import RULE, preferred_by_db
from kemfeat.analyses.dtw._findings import BOOTSTRAP_SERIES, ClusterFindings
from kemfeat.analyses.dtw._tables import SMALLEST
from kemfeat.figures.units import shown_unit, signal_name, with_unit

ALPHA = 0.05
STRONG = 0.3
"""Rank correlation of distance and length from which readers are warned."""
UNDERFLOW = 1e-3
"""Index SF below which its exponentials have lost the difference between clusterings."""


def summary(found: ClusterFindings) -> tuple[str, ...]:
    """The verdict on emotion first, then the clusters, their stability, and what the distances depend on."""
    sentences = [_verdict(found), _choice(found), _stability(found), _length(found), _lost(found)]
    return tuple(sentence for sentence in sentences if sentence)


def _verdict(found: ClusterFindings) -> str:
    cohort, n = found.cohort, len(found.series)
    crossed = found.association
    head = f"{found.chosen.k} clusters of {n:,} series of {signal_name(cohort.signal)}"
    if crossed is None:
        emotion = cohort.table["emotion"].iloc[0]
        return f"{head}; all have the emotion {emotion!r}, so an association with emotion cannot be tested."
    found_any = "an" if crossed.p_permutation < ALPHA else "no evidence of an"
    return (
        f"{head}: {found_any} association with emotion within speakers (permutation p = {crossed.p_permutation:.3g}); "
        f"adjusted mutual information {crossed.ami:.3f}, adjusted Rand {crossed.ari:.3f}, Cramér's V "
        f"{crossed.cramers_v:.3f}; chi-square {crossed.chi2:.1f}, {crossed.df} df, p {_p(crossed.p_chi2)} if "
        "utterances are taken as independent."
    )


def _p(p: float) -> str:
    return f"= {p:.2g}" if p > SMALLEST else f"< {SMALLEST:.2g}"


def _choice(found: ClusterFindings) -> str:
    chosen, trials = found.chosen, found.trials
    db = chosen.indices["DB"]
    numbers = (
        f"silhouette {chosen.indices['Sil']:.3f}, Davies-Bouldin {f'{db:.3f}' if np.isfinite(db) else 'undefined'}"
    )
    why = "as asked for" if len(trials) == 1 else f"of {trials[0].k} to {trials[-1].k} by {RULE}"
    return (
        f"k = {chosen.k} {why}: {numbers}. Low or high, a silhouette says how distinct the clusters are and nothing "
        "about emotion, which the association tests."
    )


def _stability(found: ClusterFindings) -> str:
    bootstrap, others = found.bootstrap, len(found.chosen.found.restart_costs) - 1
    size = min(len(found.distances.sample), BOOTSTRAP_SERIES)
    resampled = (
        f"{len(bootstrap)} bootstrap resamples of {size:,} series to {bootstrap.mean():.2f} ({bootstrap.min():.2f} to "
        f"{bootstrap.max():.2f})"
    )
    name = "start" if others == 1 else f"{others} starts"
    starts = f"the other {name} to {found.chosen.found.stability:.2f}, " if others else "no other start, "
    return f"Agreement with these clusters (adjusted Rand, at most 1): {starts}{resampled}."


def _length(found: ClusterFindings) -> str:
    confound = found.confound
    measure = "Distance divided by the summed length" if found.config.normalize else "Distance"
    if np.isnan(confound.rho):
        return f"{measure} and summed length have no rank correlation, as one of them is constant."
    return (
        f"{measure} and summed length have a rank correlation of {confound.rho:.2f} over {confound.pairs:,} pairs "
        "(Spearman)."
    )


def _lost(found: ClusterFindings) -> str:
    if not found.config.scale:
        return ""
    low, high, unit = found.scaled.low, found.scaled.high, shown_unit(found.cohort.unit)
    spans = high - low
    return (
        f"Scaling by each series' own range removed level and range: values between {low.min():.4g} and "
        f"{high.max():.4g} {unit}, with spans of {spans.min():.3g} to {spans.max():.3g} {unit} (median "
        f"{np.median(spans):.3g}), now range from 0 to 1."
    )


def verdicts(found: ClusterFindings) -> tuple[Verdict, ...]:
    """Whether clusters are associated with emotion; nothing where that cannot be tested."""
    crossed, cohort = found.association, found.cohort
    if crossed is None or np.isnan(crossed.cramers_v):
        return ()
    related = crossed.p_permutation < ALPHA
    shown = "are" if related else "show no evidence of being"
    signal = with_unit(signal_name(cohort.signal), cohort.unit)
    return (
        Verdict(
            sentence=f"Clusters of {signal} {shown} associated with emotion.",
            effect="Cramér's V",
            value=crossed.cramers_v,
            n=f"{len(found.series):,} series in {found.chosen.k} clusters",
            meaning=f"Permutation within speakers, p = {crossed.p_permutation:.3g}. "
            + (
                "The shapes of the signal carry some information on emotion beyond who speaks."
                if related
                else "That does not show that the signal says nothing about emotion."
            ),
        ),
    )


def captions(found: ClusterFindings) -> dict[str, str]:
    """What is to be seen in each figure."""
    k, n = found.chosen.k, len(found.series)
    return {
        "silhouettes": f"Silhouette of every clustered series in {k} clusters: near 1 it is inside its own, below 0 "
        "nearer to another one.",
        "medoids": f"The medoid of each of {k} clusters over time, in front of some of its members.",
        "distances": f"Distances between the {n:,} series, at most 400 of them, sorted by cluster: dark blocks along "
        "the diagonal are clusters.",
        "indices_by_k": "Silhouette (higher is better) and Davies-Bouldin index (lower is better) for each number of "
        "clusters tried.",
    }


def warnings(found: ClusterFindings) -> tuple[str, ...]:
    """What a reader must know to trust the clusters."""
    sentences = [
        *_left_out(found),
        _constant(found),
        _sampled(found),
        _of_length(found),
        _edge(found),
        _disagreement(found),
        *_odd_indices(found),
        _unsettled(found),
    ]
    return tuple(sentence for sentence in sentences if sentence)


def _left_out(found: ClusterFindings) -> list[str]:
    cohort = found.cohort
    sentences = [
        (cohort.unlabelled, f"{cohort.unlabelled:,} utterances are left out by label rule {found.config.labels}"),
        (cohort.silent, f"{cohort.silent:,} labelled utterances are left out: they have no value of {cohort.signal}"),
        (cohort.gapped, f"{cohort.gapped:,} series have gaps, which are closed: the time within them is lost"),
    ]
    return [sentence for count, sentence in sentences if count]


def _constant(found: ClusterFindings) -> str:
    constant, n = int(found.scaled.constant.sum()), len(found.series)
    if not constant:
        return ""
    effect = ": scaled, they are 0 throughout and all equal" if found.config.scale else ""
    return f"{constant:,} of {n:,} series ({constant / n:.0%}) are constant{effect}"


def _sampled(found: ClusterFindings) -> str:
    if not found.is_sample:
        return ""
    return (
        f"the matrix of distances does not fit into {found.config.memory:g} GB: {len(found.distances.sample):,} series "
        "drawn at random were clustered and the others assigned to the nearest medoid; indices and costs are of the "
        "sample, all distances are kept beside the result"
    )


def _of_length(found: ClusterFindings) -> str:
    if not abs(found.confound.rho) >= STRONG:
        return ""
    advice = "" if found.config.normalize else ", or divide by length with --normalize"
    return (
        f"distances depend in part on length (rank correlation {found.confound.rho:.2f}): compare the lengths of the "
        f"clusters' members{advice}"
    )


def _edge(found: ClusterFindings) -> str:
    k, tried = found.chosen.k, len(found.trials)
    if tried == 1 or k < found.trials[-1].k:
        return ""
    return f"k = {k} is the largest that was tried: more clusters may be more distinct still, see --k-range"


def _disagreement(found: ClusterFindings) -> str:
    other, chosen = preferred_by_db(found.trials), found.chosen
    if other is None or other is chosen:
        return ""
    return f"the indices disagree on k: Davies-Bouldin is smallest at k = {other.k} ({other.indices['DB']:.3f})"


def _odd_indices(found: ClusterFindings) -> list[str]:
    lost = [trial.k for trial in found.trials if trial.indices["SF"] < UNDERFLOW]
    undefined = [trial.k for trial in found.trials if not np.isfinite(list(trial.indices.values())).all()]
    return [
        *(
            [f"index SF underflows to 0 for {_ks(lost)} and is meaningless there: distances are too large"]
            if lost
            else []
        ),
        *([f"an index divides by 0 for {_ks(undefined)}, for example where medoids are equal"] if undefined else []),
    ]


def _unsettled(found: ClusterFindings) -> str:
    stopped = [trial.k for trial in found.trials if not trial.found.converged]
    return f"clustering was stopped before it converged for {_ks(stopped)}" if stopped else ""


def _ks(ks: Sequence[int]) -> str:
    return f"k = {ks[0]}" if len(ks) == 1 else f"k = {', '.join(map(str, ks[:-1]))} and {ks[-1]}"
