"""Which columns of each table a reader sees first."""

from __future__ import annotations

from kemfeat.analyses.brief import Brief, Column, values

_MEASURES = {"duration_s": "Duration (s)", "n_pieces": "Text (pieces)"}

BRIEFS = {
    "classes": Brief(
        title="Classes under each label rule",
        columns=(
            *values(labels="Label rule", emotion="Emotion", utterances="Utterances"),
            Column(head="Share", of=("share",), form="share"),
            *values(speakers="Speakers", minutes="Sound (min)"),
        ),
    ),
    "baselines": Brief(
        title="What always predicting the most frequent class scores",
        columns=values(
            labels="Label rule",
            majority="Most frequent class",
            accuracy="Accuracy",
            balanced_accuracy="Balanced accuracy",
            macro_f1="Macro-F1",
        ),
    ),
    "ties": Brief(
        title="Ties of emotions",
        columns=(
            *values(tie="Emotions", utterances="Utterances"),
            Column(head="Share of all", of=("share_of_all",), form="share"),
        ),
    ),
    "lengths": Brief(
        title="Lengths of utterances",
        columns=(
            Column(head="Measure", of=("measure",), words=_MEASURES),
            *values(emotion="Emotion", utterances="Utterances", median="Median", p95="95th percentile", max="Longest"),
        ),
        needs="median",
    ),
    "truncation": Brief(
        title="What rows of the store cut off",
        columns=(
            *values(feature="Feature", unit="Counted in", row_holds="A row holds", cut="Utterances cut"),
            Column(head="Share cut", of=("share_cut",), form="share"),
            Column(head="Content lost", of=("share_of_content_lost",), form="share"),
        ),
    ),
}
