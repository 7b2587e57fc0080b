"""Training for ``four_systems.py``: stores, folds, and runs that build on one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kemfeat_bench.tools import experiments
from kemfeat_bench.tools._four_recipes import ENCODERS, System, small
from kemfeat_bench.tools._linear import linear, summaries

from kemfeat import plugins
from kemfeat.build import build_store
from kemfeat.learn.evaluation.compare import pooled
from kemfeat.learn.evaluation.evaluate import Evaluation, evaluate, judge
from kemfeat.learn.experiments.ensemble import Method, ensemble
from kemfeat.learn.inference.embed import EmbedOptions, embed
from kemfeat.learn.run_folder import RUN
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.trainer import Options, train
from kemfeat.splits import Split, make_split
from kemfeat.store.reader import Store, open_store
from kemfeat.synth import SyntheticCorpus

METHODS: tuple[Method, ...] = ("soft", "stacking")
BASELINES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "kor/audio-arousal": ("baseline/ridge", ("mel", "delta")),
    "stacked/audio": ("baseline/logistic", ("log_spectrogram",)),
    "graph/encoder": ("baseline/logistic", ("mel", "eda", "temp")),
    "graph/spell": ("baseline/logistic", ("mel", "eda", "temp")),
    "av/cnn": ("baseline/logistic", ("mel",)),
    "av/cnn-rnn": ("baseline/logistic", ("mel",)),
    "av/cnn-lstm": ("baseline/logistic", ("mel",)),
    "kor/text-valence": ("", ("tokens",)),
    "kor/fusion": ("", ("mel", "delta", "tokens")),
    "stacked/text": ("", ("tokens",)),
    "stacked/cross-modal": ("", ("tokens", "mfcc")),
    "soft": ("", ("tokens", "log_spectrogram", "mfcc")),
    "stacking": ("", ("tokens", "log_spectrogram", "mfcc")),
    "av/video": ("", ("video_frames",)),
    "av/two-stream": ("", ("mel", "video_frames")),
    "av/contrastive": ("", ("mel", "video_frames")),
}
"""The linear baseline of each recipe: kemfeat's own where it can read the features, else that of ``_linear``."""


@dataclass(frozen=True)
class Place:
    """Where a system is trained on what.

    Parameters
    ----------
    system : System
        The system.
    store : Store
        Its store.
    split : Split
        The split.
    out : Path
        Folder of the runs.
    encoder : Path or None
        Text encoder.
    """

    system: System
    store: Store
    split: Split
    out: Path
    encoder: Path | None

    def run(self, name: str, variant: str, fold: int) -> Path:
        """Folder of a run."""
        return self.out / variant / name.replace("/", "-") / str(fold)


def place_of(system: System, out: Path) -> Place:
    """Write the corpus, build the store and fit the text encoder, as far as they are not there."""
    corpus: SyntheticCorpus[Any] = plugins.find("synth", system.dataset)
    if not (out / "corpus").exists():
        sizes = {"utterances": system.utterances, "sessions": system.sessions}
        corpus.write(out / "corpus", **sizes, seed=system.seed, video=system.video)
    build_store(system.dataset, root=out / "corpus", out=out / "store", settings=system.settings)
    store, encoder = open_store(out / "store"), None
    if set(system.recipes) & set(ENCODERS):
        encoder = experiments.text_encoder(
            out / "other",
            tokenizer=out / "corpus" / "tokenizer",
            utterances=system.read,
            seed=system.seed + 1,
            corpus=corpus,
            pooled=system.dataset == "KEMDy19",
        )
    options: dict[str, Any] = {"scheme": "session", "folds": system.folds, "labels": system.labels}
    split = make_split(store.utterances, store=store.digest, **options)
    return Place(system, store, split, out / "runs", encoder)


def trained(place: Place, *, variant: str, fold: int, leaking: bool = False) -> dict[str, Evaluation]:
    """Every recipe of a system on one fold, each with what it builds on; ensembles where there are several votes."""
    found = {
        name: trained_one(place, name, variant=variant, fold=fold, leaking=leaking) for name in place.system.recipes
    }
    if "stacked/text" not in found:
        return found
    members = [place.run(name, variant, fold) for name in place.system.recipes]
    return found | {method: _ensemble(place.run(method, variant, fold), members, method) for method in METHODS}


def trained_one(place: Place, name: str, *, variant: str, fold: int, leaking: bool = False) -> Evaluation:
    """A recipe on one fold; what it builds on has been trained."""
    values: dict[str, Any] = {}
    if name == "kor/fusion":
        values = {
            "model.audio_run": str(place.run("kor/audio-arousal", variant, fold)),
            "model.text_run": str(place.run("kor/text-valence", variant, fold)),
        }
    elif name == "graph/spell":
        values = {"model.embeddings": str(_side(place, variant, fold, leaking=leaking))}
    recipe = small(name, variant, encoder=place.encoder, values=values)
    options = Options(fold=fold, device="cpu", allow_leakage=leaking)
    return train(recipe, store=place.store, split=place.split, out=place.run(name, variant, fold), options=options)


def _side(place: Place, variant: str, fold: int, *, leaking: bool) -> Path:
    """Embeddings of the encoder's fold, those of its train part by two models that did not see them."""
    out = place.run("side", variant, fold)
    data = audit_fold(place.store, place.split, fold=fold, allow_leakage=leaking)
    embed(place.run("graph/encoder", variant, fold), data, out=out, options=EmbedOptions(inner_folds=2, device="cpu"))
    return out


def _ensemble(out: Path, members: Sequence[Path], method: Method) -> Evaluation:
    if not (out / RUN).is_file():
        out.parent.mkdir(parents=True, exist_ok=True)
        ensemble(members, method=method, out=out)
    return evaluate(out)


def together(found: Iterable[Evaluation]) -> Evaluation:
    """Folds of one recipe, pooled; a single one stays as it is."""
    several = list(found)
    return several[0] if len(several) == 1 else pooled(several)[0]


def baseline_of(place: Place, name: str, found: Sequence[Evaluation]) -> Evaluation:
    """The linear baseline of a recipe on the rows of its runs, pooled."""
    recipe, features = BASELINES[name]
    labels = str(place.split.facts["labels"])
    if not recipe:
        x = summaries(place.store, features)
        return together(linear(one, x, place.store, place.split, labels=labels) for one in found)
    values: dict[str, Any] = {"model.features": list(features)}
    emotions = found[0].facts.emotions
    if found[0].facts.task == "emotion":
        values["model.emotions"] = list(emotions)
    runs = []
    for one in found:
        out = place.run(f"linear-{'-'.join(features)}", one.facts.variant, one.facts.fold)
        made = experiments.load_recipe(recipe, values)
        options = Options(fold=one.facts.fold, device="cpu", allow_leakage=bool(one.warning))
        line = train(made, store=place.store, split=place.split, out=out, options=options)
        runs.append(_on_rows(line, one))
    return together(runs)


def _on_rows(line: Evaluation, other: Evaluation) -> Evaluation:
    """A run on the utterances of another one, which may lack some: those without ticks, for instance."""
    rows = line.rows[line.rows["id"].isin(other.rows["id"])]
    return judge(rows, line.facts, name=line.name, folds=line.folds, part=line.part, warning=line.warning)
