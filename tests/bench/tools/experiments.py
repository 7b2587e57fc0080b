"""The tables of ``docs/experiments.md``: ``python -m kemfeat_bench.tools.experiments stages|leakage|real OUT``.

``stages`` trains the three recipes on every fold of a session-disjoint split of a synthetic KEMDy20. ``leakage`` trains
the first of them on ``kor-2022`` and on session-disjoint folds. ``real`` tells angry from sad in real speech, one
speaker after the other. Each prints a Markdown table; runs are kept below ``OUT``, and the same command goes on where
it was stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from kemfeat.build import build_store
from kemfeat.learn.evaluation.compare import pooled
from kemfeat.learn.evaluation.evaluate import Evaluation
from kemfeat.learn.evaluation.words import NAMES, in_words, shown
from kemfeat.learn.training.recipe import Recipe, load_recipe
from kemfeat.learn.training.trainer import Options, train
from kemfeat.splits import Split, make_split
from kemfeat.stats.metrics import Classification, classification
from kemfeat.store.reader import Store, open_store
from kemfeat.synth import SyntheticCorpus
from kemfeat.synth.kemdy20 import SYNTH
from kemfeat.synth.writing import VOCAB_SIZE

SMALL_STORE = {
    "features": ["mel", "delta", "text", "tokens"],
    "mel": {"n_mels": 32, "hop_length": 2048},
}
"""A quarter of the bands and of the frames."""

SMALL: Mapping[str, Any] = {
    "model.n_layers": 1,
    "model.n_heads": 2,
    "model.inner_size": 32,
    "model.recurrent_size": 64,
    "train.learning_rate": 1e-3,
    "train.gamma": 0.95,
}
AUDIO = {**SMALL, "model.n_mels": 32, "model.conv_channels": [4, 4], "train.batch_size": 8}
AUDIO_EPOCHS, TEXT_EPOCHS, FUSION_EPOCHS = 20, 10, 25
WIDTH = 32
"""Numbers of a token, in both modalities."""

FOLDS = 4


def corpus_store(folder: Path, *, utterances: int, sessions: int, seed: int = 0, speaker_effect: float = 1.0) -> Store:
    """The store of a synthetic corpus, both below ``folder``."""
    if not (folder / "corpus").exists():
        SYNTH.write(
            folder / "corpus", utterances=utterances, sessions=sessions, seed=seed, speaker_effect=speaker_effect
        )
    build_store("KEMDy20", root=folder / "corpus", out=folder / "store", settings=SMALL_STORE)
    return open_store(folder / "store")


def text_encoder(
    folder: Path,
    *,
    tokenizer: Path,
    utterances: int = 4000,
    seed: int = 1,
    corpus: SyntheticCorpus[Any] = SYNTH,
    pooled: bool = False,
) -> Path:
    """A tiny BERT that knows the words: fitted to the valence of another synthetic corpus, with other speakers.

    It stands for KoBERT, which has read other texts too. A random one carries the words, but a few hundred utterances
    do not suffice to learn what each of them means.
    """
    if not (folder / "encoder").exists():
        sessions = min(corpus.sessions, utterances // 24)
        corpus.write(folder / "corpus", utterances=utterances, sessions=sessions, seed=seed)
        settings = {"features": ["text", "tokens"], "tokens": {"tokenizer": str(tokenizer)}}
        build_store(corpus.name, root=folder / "corpus", out=folder / "store", settings=settings)
        _fit_encoder(open_store(folder / "store"), pooled=pooled).save_pretrained(folder / "encoder")
    return folder / "encoder"


def _fit_encoder(store: Store, *, pooled: bool, epochs: int = 3) -> Any:
    from transformers import BertConfig, BertModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    ids, real = (torch.tensor(store.array(name)[:]).long() for name in ("input_ids", "attention_mask"))
    valence = torch.tensor(store.utterances["valence"].to_numpy(dtype="float32"))
    target = (valence - valence.mean()) / valence.std()
    config = BertConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=WIDTH,
        max_position_embeddings=ids.shape[1],
        pad_token_id=int(store.array("input_ids").attrs["pad"]),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder, out = BertModel(config, add_pooling_layer=pooled), nn.Linear(WIDTH, 1)
        optimizer = torch.optim.Adam([*encoder.parameters(), *out.parameters()], lr=3e-3)
        for _ in range(epochs):
            for rows in torch.randperm(len(ids)).split(64):
                found = encoder(input_ids=ids[rows], attention_mask=real[rows])
                tokens = found.last_hidden_state
                mean = (tokens * real[rows, :, None]).sum(1) / real[rows].sum(1, keepdim=True)
                read = found.pooler_output if pooled else mean
                loss = (out(read)[:, 0] - target[rows]).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return encoder


def audio_recipe(*, epochs: int = AUDIO_EPOCHS, seed: int = 0) -> Recipe:
    """Stage 1, small."""
    values = {**AUDIO, "train.epochs": epochs, "train.patience": epochs, "train.seed": seed}
    return load_recipe("kor/audio-arousal", values)


def text_recipe(encoder: Path, *, epochs: int = TEXT_EPOCHS) -> Recipe:
    """Stage 2, small."""
    values = {**SMALL, "train.epochs": epochs, "train.patience": epochs, "model.text_encoder": str(encoder)}
    return load_recipe("kor/text-valence", values)


def fusion_recipe(audio: Path, text: Path, *, epochs: int = FUSION_EPOCHS) -> Recipe:
    """Stage 3, small."""
    runs = {"model.audio_run": str(audio), "model.text_run": str(text)}
    return load_recipe("kor/fusion", {**SMALL, **runs, "train.epochs": epochs, "train.patience": epochs})


def split_of(store: Store, scheme: str, *, folds: int | None = None) -> Split:
    """A split of a store."""
    return make_split(store.utterances, scheme=scheme, folds=folds, store=store.digest)


def stages(out: Path, store: Store, encoder: Path, *, folds: Sequence[int] = range(FOLDS)) -> list[Evaluation]:
    """The three recipes on each fold; then pooled over folds, if they are several."""
    split = split_of(store, "session", folds=FOLDS)
    found: list[Evaluation] = []
    for fold in folds:
        audio, text, fusion = (out / f"{name}{fold}" for name in ("audio", "text", "fusion"))
        options = Options(fold=fold, device="cpu")
        recipes = {audio: audio_recipe(), text: text_recipe(encoder), fusion: fusion_recipe(audio, text)}
        found += [train(recipe, store=store, split=split, out=run, options=options) for run, recipe in recipes.items()]
    return [*found, *pooled(found)]


def leakage(out: Path, store: Store, *, seed: int, folds: int = FOLDS) -> tuple[Evaluation, Evaluation]:
    """Stage 1 on ``kor-2022``, which leaks, and on all session-disjoint folds, pooled."""
    recipe, random, apart = (
        audio_recipe(seed=seed),
        split_of(store, "kor-2022"),
        split_of(store, "session", folds=folds),
    )
    options = Options(device="cpu", allow_leakage=True)
    leaking = train(recipe, store=store, split=random, out=out / "kor-2022", options=options)
    clean = [
        train(recipe, store=store, split=apart, out=out / f"session{fold}", options=Options(fold=fold, device="cpu"))
        for fold in range(folds)
    ]
    return leaking, pooled(clean)[0]


def angry_or_sad(store: Store) -> tuple[pd.DataFrame, Classification]:
    """Angry against sad for each speaker, learned from the others: logistic regression on how each mel band behaves.

    Returns
    -------
    The predictions, ``speaker truth predicted``, and what they are worth.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    labels, speakers = store.labels("7class"), store.utterances["speaker"]
    rows = np.flatnonzero(labels.isin(["angry", "sad"]))
    truth, who = labels.iloc[rows].to_numpy(dtype=str), speakers.iloc[rows].to_numpy(dtype=str)
    features = np.stack([_band_statistics(store, row) for row in rows])
    predicted = np.empty_like(truth)
    for speaker in np.unique(who):
        test = who == speaker
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000))
        predicted[test] = model.fit(features[~test], truth[~test]).predict(features[test])
    table = pd.DataFrame({"speaker": who, "truth": truth, "predicted": predicted})
    judged = classification(table["truth"], table["predicted"], classes=("angry", "sad"), speakers=table["speaker"])
    return table, judged


def _band_statistics(store: Store, row: int) -> np.ndarray:
    """Mean and deviation of every mel band over the utterance."""
    mel = np.asarray(store.array("mel")[row])[: int(store.array("mel_lengths")[row])]
    return np.concatenate([mel.mean(axis=0), mel.std(axis=0)])


def _scores(one: Evaluation) -> list[dict[str, str]]:
    """Per score that counts a row of texts: the model, the baseline, and how much better it is."""
    target = one.facts.task
    mine = one.targets[target]
    return [
        {
            "recipe": one.facts.recipe,
            "folds": ", ".join(map(str, one.folds)),
            "score": NAMES[name],
            "model": shown(mine.result.scores[name]),
            "baseline": f"{mine.baseline.scores[name].value:.3f}",
            "better by": shown(mine.gain[name]),
        }
        for name in (("uar", "accuracy") if target == "emotion" else ("ccc", "rmse"))
    ]


def _stages_table(out: Path, options: argparse.Namespace) -> pd.DataFrame:
    store = corpus_store(out, utterances=options.utterances, sessions=options.sessions)
    encoder = text_encoder(out / "other", tokenizer=out / "corpus" / "tokenizer")
    return pd.DataFrame([row for one in stages(out, store, encoder) for row in _scores(one)])


def _leakage_table(out: Path, options: argparse.Namespace) -> pd.DataFrame:
    rows = []
    for effect in options.effects:
        for seed in options.seeds:
            folder = out / f"effect{effect:g}" / f"seed{seed}"
            sizes = {"utterances": options.utterances, "sessions": options.sessions}
            store = corpus_store(folder, **sizes, seed=seed, speaker_effect=effect)
            rows.append({"speaker effect": f"{effect:g}", "seed": str(seed), **_optimism(folder, store, seed=seed)})
    return pd.DataFrame(rows)


def _optimism(folder: Path, store: Store, *, seed: int) -> dict[str, str]:
    scores = [one.targets["arousal"].result.scores["ccc"] for one in leakage(folder, store, seed=seed)]
    return {
        "`kor-2022`, leaking": shown(scores[0]),
        "`session`": shown(scores[1]),
        "optimism": f"{scores[0].value - scores[1].value:+.3f}",
    }


def _real_table(out: Path, options: argparse.Namespace) -> pd.DataFrame:
    build_store("KEMDy20", root=options.corpus, out=out, settings={"features": ["mel"]})
    table, judged = angry_or_sad(open_store(out))
    hits = table.assign(hit=table["truth"] == table["predicted"]).groupby(["speaker", "truth"])["hit"]
    rows = hits.mean().unstack().assign(n=hits.size().groupby("speaker").sum()).reset_index()
    rows["UAR"] = rows[["angry", "sad"]].mean(axis=1)
    whole = judged.scores["uar"]
    recall = judged.per_class.set_index("class")["recall"]
    rows.loc[len(rows)] = ["all", recall["angry"], recall["sad"], len(table), whole.value]
    texts = rows.map(lambda value: f"{value:.3f}" if isinstance(value, float) else str(value))
    texts.loc[len(texts) - 1, "UAR"] = in_words(whole.value, *whole.interval)
    return texts


def main() -> None:
    """Make the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=("stages", "leakage", "real"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--corpus", type=Path, help="of `real`: a KEMDy20 of real speech")
    parser.add_argument("--utterances", type=int, default=600)
    parser.add_argument("--sessions", type=int, default=12)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of `leakage`")
    parser.add_argument("--effects", type=float, nargs="+", default=[1.0, 5.0], help="of `leakage`")
    options = parser.parse_args()
    if options.table == "real" and options.corpus is None:
        parser.error("real needs --corpus")
    torch.set_num_threads(1)  # models this small are many times slower on two
    began = time.process_time()
    make = {"stages": _stages_table, "leakage": _leakage_table, "real": _real_table}[options.table]
    table = make(options.out, options).to_markdown(index=False, disable_numparse=True)
    sys.stdout.write(f"{table}\n\n{time.process_time() - began:.0f} s of CPU time\n")


if __name__ == "__main__":
    main()
