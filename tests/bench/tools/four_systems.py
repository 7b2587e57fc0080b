"""The tables of ``docs/four-systems.md``: ``python -m kemfeat_bench.tools.four_systems systems OUT``.

``systems`` trains every recipe of the four published systems at a small size, ``corrected`` and ``faithful``, on
session-disjoint folds of synthetic corpora. ``ablations`` and ``leaks`` look at the same runs (and train a few more):
what each modality carries, and what the published ways of testing would have shown. ``published`` takes one step of
each recipe at its published size. ``real`` trains ``av/cnn`` on real speech, one speaker left out after the other. Each
table is Markdown; runs are kept below ``OUT``, and the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from kemfeat_bench.tools._four_published import READ, measured, save_encoder
from kemfeat_bench.tools._four_recipes import SYSTEMS
from kemfeat_bench.tools._four_runs import Place, baseline_of, place_of, together, trained, trained_one

from kemfeat.build import build_store
from kemfeat.learn.evaluation.compare import differences
from kemfeat.learn.evaluation.evaluate import Evaluation, evaluate, measure
from kemfeat.learn.evaluation.words import NAMES, in_words, shown
from kemfeat.learn.experiments.ablate import ablate
from kemfeat.learn.experiments.ensemble import Formulas, ensemble
from kemfeat.learn.run_folder import RUN, read_run
from kemfeat.learn.training.predictions import predict, table_of
from kemfeat.learn.training.trainer import audited_of_run, load_model, training_data_of_run
from kemfeat.splits import Split, make_split, read_split
from kemfeat.store.reader import Store

VARIANTS = ("corrected", "faithful")
PUBLISHED = {
    "kor/audio-arousal": "RMSE .206: mean over batches, validation part, same speakers in train",
    "kor/text-valence": "RMSE .425: likewise",
    "kor/fusion": "weighted F1 .876: mean over batches, random split; pooled UAR .337",
    "stacked/text": "none",
    "stacked/audio": "none",
    "stacked/cross-modal": "none",
    "soft": "accuracy .691: one softmax over all rows",
    "stacking": "accuracy .727: of the rows that the stacker was fitted on",
    "graph/encoder": "none",
    "graph/spell": "accuracy .905: of the ticks of the training part",
    "av/cnn": "accuracy .522: best look at the validation part",
    "av/cnn-rnn": "accuracy .540: likewise",
    "av/cnn-lstm": "accuracy .398: likewise",
    "av/video": "none: never trained",
    "av/two-stream": "none: only after contrastive pre-training",
    "av/contrastive": "accuracy .519: likewise, and no film was read",
}


def systems(place: Place, *, variant: str, folds: Sequence[int]) -> Iterator[dict[str, str]]:
    """A row for every recipe of a system: its main score over the folds, beside its baselines."""
    found = [trained(place, variant=variant, fold=fold) for fold in folds]
    for name in found[0]:
        runs = [of_fold[name] for of_fold in found if name in of_fold]
        whole, line = together(runs), baseline_of(place, name, runs)
        yield {
            "recipe": f"`{name}`",
            "variant": variant,
            "folds": str(len(runs)),
            **_beside(whole, line),
            "published": PUBLISHED[name],
        }


def _beside(whole: Evaluation, line: Evaluation) -> dict[str, str]:
    target = whole.facts.task
    name = "uar" if target == "emotion" else "ccc"
    mine, gaps = whole.targets[target], differences(whole, line)
    gap = gaps[(gaps["target"] == target) & (gaps["score"] == name)].iloc[0]
    return {
        "score": f"{NAMES[name]} {shown(mine.result.scores[name])}",
        "majority or mean": f"{mine.baseline.scores[name].value:.3f}",
        "better by": shown(mine.gain[name]),
        "linear": shown(line.targets[target].result.scores[name]),
        "better than linear by": in_words(gap["difference"], gap["low"], gap["high"]),
    }


FUSED = {"1": ("kor/fusion", ("audio", "text")), "2": ("stacked/cross-modal", ("audio", "text"))}
FUSED |= {"3": ("graph/encoder", ("eda", "temp", "audio")), "4-film": ("av/two-stream", ("audio", "video"))}
"""By system: the model that reads several modalities."""


def ablations(number: str, place: Place, *, folds: Sequence[int]) -> Iterator[dict[str, str]]:
    """What a model loses without each of its modalities; nothing is trained."""
    name, modalities = FUSED[number]
    tables = []
    for fold in folds:
        run = place.run(name, "corrected", fold)
        data = audited_of_run(run, store=place.store, split=place.split)
        found = ablate(run, data, modalities=modalities, device="cpu")
        tables.append(found[(found["target"] == "emotion") & (found["score"] == "uar")])
    for (modality, way), rows in pd.concat(tables).groupby(["modality", "way"], sort=False):
        yield {
            "recipe": f"`{name}`",
            "modality": f"{modality} {way}",
            "UAR": f"{rows['mine'].mean():.3f}",
            "without": f"{rows['ablated'].mean():.3f}",
            "lost": f"{rows['difference'].mean():+.3f}",
            "lost by fold": ", ".join(f"{one:+.3f}" for one in rows["difference"]),
        }


def leaks(number: str, place: Place, *, folds: Sequence[int]) -> Iterator[dict[str, str]]:
    """Scores as they were published, leaking, beside those of the same recipes on session-disjoint folds."""
    for leak in LEAKS[number]:
        leaking, clean = leak.make(place, leak.name, folds), leak.clean(place, leak.name, folds)
        target = clean.facts.task
        score = "uar" if target == "emotion" else "ccc"
        pair = [found.targets[target].result.scores[score] for found in (leaking, clean)]
        yield {
            "recipe": f"`{leak.name}`",
            "leaks": leak.way,
            "score": NAMES[score],
            "leaking": shown(pair[0]),
            "session-disjoint": shown(pair[1]),
            "optimism": f"{pair[0].value - pair[1].value:+.3f}",
        }


def _clean(place: Place, name: str, folds: Sequence[int]) -> Evaluation:
    return together([trained(place, variant="corrected", fold=fold)[name] for fold in folds])


Maker = Callable[[Place, str, Sequence[int]], Evaluation]
"""Evaluates a recipe on some folds."""


@dataclass(frozen=True)
class Leak:
    """A way of testing that leaks, and the one beside it that does not."""

    name: str
    way: str
    make: Maker
    clean: Maker = _clean


def _other_split(scheme: str, **options: Any) -> Maker:
    """Train on folds of another scheme: on as many as of the clean one, or on the only one."""

    def make(place: Place, name: str, folds: Sequence[int]) -> Evaluation:
        split = make_split(place.store.utterances, scheme=scheme, store=place.store.digest, **options)
        other = replace(place, split=split, out=place.out / scheme)
        mine = [fold for fold in folds if fold < split.folds]
        return together([trained_one(other, name, variant="corrected", fold=fold, leaking=True) for fold in mine])

    return make


def _stacked(formulas: Formulas) -> Maker:
    """The stacker with these formulas, on models that see no session twice."""

    def make(place: Place, name: str, folds: Sequence[int]) -> Evaluation:
        found = []
        for fold in folds:
            trained(place, variant="corrected", fold=fold)
            members = [place.run(member, "corrected", fold) for member in place.system.recipes]
            out = place.run(f"{name}-{formulas.stacker}-{formulas.fit_on}", "corrected", fold)
            if not (out / RUN).is_file():
                ensemble(members, method="stacking", out=out, formulas=formulas)
            found.append(evaluate(out))
        return together(found)

    return make


def _train_part(place: Place, name: str, folds: Sequence[int]) -> Evaluation:
    """The model of the first fold on the part that it was trained on (P1)."""
    run = place.run(name, "corrected", folds[0])
    data = training_data_of_run(run, audited_of_run(run, store=place.store, split=place.split))
    loader = data.loader("train", device=torch.device("cpu"))
    table = table_of(predict(load_model(run), loader, aggregate=data.recipe.model.aggregate), data, "train")
    return measure(table, read_run(run), name=name, part="train")


SPEECH = SYSTEMS["4-sound"]
LIGHTGBM = Formulas(stacker="lightgbm")
TESTED = Formulas(fit_on="test", allow_leakage=True)
LEAKS = {
    "1": (Leak("kor/audio-arousal", "random split (K1)", _other_split("kor-2022")),),
    "2": (
        Leak("stacking", "fitted on the tested rows (J1)", _stacked(TESTED)),
        Leak(
            "stacking",
            "LightGBM, fitted on the tested rows (J1, J4)",
            _stacked(replace(TESTED, stacker="lightgbm")),
            _stacked(LIGHTGBM),
        ),
    ),
    "3": (Leak("graph/spell", "tested on its training part (P1)", _train_part),),
    "4-sound": (Leak("av/cnn", "random folds (S8)", _other_split("kfold", folds=SPEECH.folds, labels=SPEECH.labels)),),
}


def published(out: Path) -> Iterator[dict[str, str]]:
    """One step of every recipe at its published size."""
    out.mkdir(parents=True, exist_ok=True)
    encoder = save_encoder(out / "encoder")
    for name, (_, what, _) in READ.items():
        found = measured(name, encoder)
        yield {
            "recipe": f"`{name}`",
            "batch": f"{found['rows']} x {what}",
            "parameters that train": f"{found['parameters']:,}",
            "s": f"{found['seconds']:.1f}",
            "peak memory, GB": f"{found['peak_gb']:.2f}",
        }


def real(out: Path, corpus: Path) -> Iterator[dict[str, str]]:
    """`av/cnn` and the logistic baseline on real speech, each speaker predicted by a model of the others."""
    settings = {"features": ["stft-image", "mel"]}
    store = build_store("KEMDy20", root=corpus, out=out / "store", settings=settings).store
    split = _one_speaker_out(store, out / "split.csv")
    place = Place(SPEECH, store, split, out / "runs", None)
    runs = [trained_one(place, "av/cnn", variant="corrected", fold=fold, leaking=True) for fold in range(split.folds)]
    whole, line = together(runs), baseline_of(place, "av/cnn", runs)
    for recipe, found in (("av/cnn", whole), ("baseline/logistic", line)):
        target = found.targets["emotion"]
        hits = found.rows.assign(hit=found.rows["emotion_true"] == found.rows["emotion_pred"])
        recall = hits.groupby(["speaker", "emotion_true"])["hit"].mean().groupby("speaker").mean()
        yield {
            "model": f"`{recipe}`",
            "UAR": shown(target.result.scores["uar"]),
            "majority": f"{target.baseline.scores['uar'].value:.3f}",
            **{str(speaker): f"{value:.3f}" for speaker, value in recall.items()},
            "utterances": str(len(found.rows)),
        }


def _one_speaker_out(store: Store, path: Path) -> Split:
    """Each speaker tested once; a fifth of each emotion of the others chooses the epoch."""
    labels = store.labels("4class")
    rows = store.utterances[["id", "speaker"]].assign(emotion=labels)[labels.notna().to_numpy()]
    folds = []
    for fold, speaker in enumerate(sorted(rows["speaker"].unique())):
        part = np.where(rows["speaker"] == speaker, "test", "train").astype(object)
        number = rows[part == "train"].groupby("emotion").cumcount()
        part[np.flatnonzero(part == "train")[(number % 5 == 4).to_numpy()]] = "valid"
        folds.append(pd.DataFrame({"id": rows["id"], "part": part, "fold": fold}))
    pd.concat(folds).to_csv(path, index=False)
    return read_split(path)


def _systems_table(out: Path, options: argparse.Namespace) -> Iterator[str]:
    for _, place, folds in _places(out, options, SYSTEMS):
        began = time.process_time()
        rows = [row for variant in options.variants for row in systems(place, variant=variant, folds=folds)]
        yield _markdown(pd.DataFrame(rows)) + f"\n{time.process_time() - began:.0f} s of CPU time\n"


def _places(
    out: Path, options: argparse.Namespace, among: Container[str]
) -> Iterator[tuple[str, Place, Sequence[int]]]:
    for number in (number for number in options.systems if number in among):
        place = place_of(SYSTEMS[number], out / number)
        yield number, place, options.folds if options.folds is not None else range(place.system.folds)


def _ablations_table(out: Path, options: argparse.Namespace) -> Iterator[str]:
    found = [
        row for number, place, folds in _places(out, options, FUSED) for row in ablations(number, place, folds=folds)
    ]
    yield _markdown(pd.DataFrame(found))


def _leaks_table(out: Path, options: argparse.Namespace) -> Iterator[str]:
    found = [row for number, place, folds in _places(out, options, LEAKS) for row in leaks(number, place, folds=folds)]
    yield _markdown(pd.DataFrame(found))


def _published_table(out: Path, options: argparse.Namespace) -> Iterator[str]:
    yield _markdown(pd.DataFrame(published(out)))


def _real_table(out: Path, options: argparse.Namespace) -> Iterator[str]:
    yield _markdown(pd.DataFrame(real(out, options.corpus)))


def _markdown(table: pd.DataFrame) -> str:
    return str(table.to_markdown(index=False, disable_numparse=True)) + "\n"


TABLES = {
    "systems": _systems_table,
    "ablations": _ablations_table,
    "leaks": _leaks_table,
    "published": _published_table,
    "real": _real_table,
}


def main() -> None:
    """Make the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--folds", type=int, nargs="+", help="some folds instead of all")
    parser.add_argument("--corpus", type=Path, help="of `real`: a KEMDy20 of real speech")
    options = parser.parse_args()
    torch.set_num_threads(1)  # models this small are many times slower on two
    if options.table == "real" and options.corpus is None:
        parser.error("real needs --corpus")
    for text in TABLES[options.table](options.out, options):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
