"""Predict every utterance of a store, or one new recording, with the model of a run.

The preprocessing is that of the run's own store: a store whose features were made with other settings is refused, and a
recording is preprocessed with the settings that the run recorded.
"""

from __future__ import annotations

import shutil
import tempfile
import wave
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kemfeat.arrays import Indices
from kemfeat.build import build_store
from kemfeat.config import canonical, thawed
from kemfeat.errors import ConfigError, RunError
from kemfeat.features.instances import find_feature
from kemfeat.learn import run_folder
from kemfeat.learn.data.loader import StoreLoader
from kemfeat.learn.data.side_store import SideStore, open_side_store, write_side_store
from kemfeat.learn.inference.embed import embedded
from kemfeat.learn.inference.together import predicted_together
from kemfeat.learn.models import spec_of
from kemfeat.learn.run_facts import RunFacts
from kemfeat.learn.run_folder import read_run
from kemfeat.learn.training import runtime
from kemfeat.learn.training.predictions import columns_of_predictions, predict
from kemfeat.learn.training.recipe import Recipe
from kemfeat.learn.training.trainer import load_model, recipe_of
from kemfeat.learn.training.training_data import complete_rows
from kemfeat.paths import StrPath, to_path, to_path_or_none
from kemfeat.provenance import BANNER
from kemfeat.records import stem
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.store.reader import Store

_OPTIONS = {"audio": "--wav", "transcript": "--text"}
"""How a recording is given, by medium."""
_SEEN = "these are the utterances of the run's own store: it was trained on some of them"


def predict_store(run: StrPath, store: Store, *, encoder: StrPath | None = None, device: str = "auto") -> pd.DataFrame:
    """Predict every utterance of a store that has what the model reads.

    Parameters
    ----------
    run : str or PathLike
        Folder of a finished run, or of an ensemble of such runs by votes.
    store : Store
        Any store with the features that the model reads, made with the settings of the run's own store.
    encoder : str, PathLike or None
        Where a model reads embeddings: the run whose model made them, which embeds this store; None takes the place
        that its side store gives.
    device : str
        Where to predict; ``auto`` is the GPU where there is one.

    Returns
    -------
    DataFrame
        ``id session speaker``, then ``emotion_pred`` and the probability ``p_EMOTION`` of each class, or
        ``arousal_pred`` or ``valence_pred``. ``attrs["left_out"]`` is the number of utterances that lack a feature;
        ``attrs["warnings"]`` are sentences that belong to the table.

    Raises
    ------
    ConfigError
        The store lacks a feature, or made it with other settings; or the run is an ensemble that was fitted.
    RunError
        The run, its encoder or a member is unfinished or damaged.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.learn import load_recipe, train
    >>> from kemfeat.splits import make_split
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> split = make_split(store.utterances, scheme="session", folds=4, labels="annotated")
    >>> recipe = load_recipe("baseline/ridge", {"model.features": ["eda"]})

    >>> _ = train(recipe, store=store, split=split, out="runs/ridge")
    >>> list(predict_store("runs/ridge", store, device="cpu").columns)
    ['id', 'session', 'speaker', 'arousal_pred']
    """
    run, encoder = to_path(run), to_path_or_none(encoder)
    facts = read_run(run)
    if facts.ensemble:
        return predicted_together(
            run, facts, lambda member: predict_store(member, store, encoder=encoder, device=device)
        )
    recipe = recipe_of(run, facts)
    _require_settings(facts, store, run)
    if not recipe.model.side:
        if encoder is not None:
            raise ConfigError(f"--encoder {encoder}: {recipe.name} reads no embeddings; leave it out")
        return _predicted(run, facts, store, side=None, device=device)
    with tempfile.TemporaryDirectory(prefix="kemfeat-") as folder:
        side = _embeddings(run, facts, store, encoder=encoder, out=Path(folder) / "side", device=device)
        return _predicted(run, facts, store, side=side, device=device)


def _predicted(run: Path, facts: RunFacts, store: Store, *, side: SideStore | None, device: str) -> pd.DataFrame:
    import pandas as pd

    from kemfeat.splits import utterances_digest

    recipe, where = recipe_of(run, facts), runtime.device(device)
    rows = _rows(store, recipe, side)
    with runtime.seeded(where, recipe.train.seed):
        loader = _loader(store, recipe, rows, side=side, device=where)
        found = predict(load_model(run, device=device), loader, aggregate=recipe.model.aggregate)
    who = store.utterances.set_index("id", drop=False).loc[list(found.ids), ["id", "session", "speaker"]]
    table = pd.concat([who.reset_index(drop=True), columns_of_predictions(found, facts.emotions)], axis=1)
    table.attrs["left_out"] = len(store) - len(table)
    seen = facts.data is not None and facts.data.utterances == utterances_digest(store.utterances)
    banner = BANNER if store.synthetic or facts.synthetic else ""
    table.attrs["warnings"] = [line for line in (banner, facts.leakage.warning, _SEEN if seen else "") if line]
    return table


def _rows(store: Store, recipe: Recipe, side: SideStore | None) -> Indices:
    """The rows that have what a model reads."""
    rows = np.flatnonzero(complete_rows(store, recipe, side))
    if not len(rows):
        raise ConfigError(
            f"{store.path}: no utterance has {' and '.join(recipe.model.media)}; nothing can be predicted"
        )
    return rows


def _loader(
    store: Store, recipe: Recipe, rows: Indices, *, side: SideStore | None, device: torch.device
) -> StoreLoader:
    spec = spec_of(recipe.model)
    return StoreLoader(
        store,
        rows,
        recipe.train.batch_size,
        device,
        media=recipe.model.media,
        emotions=(),
        frames=recipe.train.frames or None,
        axis=spec.axis,
        unit=spec.unit,
        side=side,
        rank=0,
        world_size=1,
    )


def _embeddings(run: Path, facts: RunFacts, store: Store, *, encoder: Path | None, out: Path, device: str) -> SideStore:
    """Embeddings of a store by the model whose embeddings a run was trained on."""
    recipe, where = recipe_of(run, facts), runtime.device(device)
    known = open_side_store(Path(recipe.model.side))
    if known.digest != facts.pretrained["embeddings"].best:
        raise ConfigError(f"{known.path}: is not what {run} was trained on; restore it, or train the run again")
    encoder = encoder or Path(known.facts.encoder or "(not recorded)")
    if not (encoder / run_folder.BEST).is_file() or disk.sha256(encoder / run_folder.BEST) != known.facts.run:
        raise ConfigError(
            f"{encoder}: is not the run of {known.facts.recipe} whose embeddings {run} reads; pass its folder as "
            f"--encoder (the SHA-256 of its {run_folder.BEST} is {known.facts.run[:12]}...)"
        )
    theirs = read_run(encoder)
    _require_settings(theirs, store, encoder)
    made_by = recipe_of(encoder, theirs)
    rows = _rows(store, made_by, None)
    loader = _loader(store, made_by, rows, side=None, device=where)
    values = embedded(load_model(encoder, device=device), loader, rows, recipe=made_by, device=where)
    count = len(store.rows(spec_of(made_by.model).axis))
    model, whole = np.full(count, -1, np.int64), np.full((count, values.shape[1]), np.nan, np.float32)
    model[rows], whole[rows] = 0, values
    return write_side_store(out, known.facts, values=whole, model=model, seen=known.seen)


def predict_recording(run: StrPath, *, wav: StrPath | None, text: str | None, device: str = "auto") -> pd.DataFrame:
    """Predict one new recording.

    Parameters
    ----------
    run : str or PathLike
        Folder of a finished run whose model reads sound, text or both.
    wav : str, PathLike or None
        The recording; None where the model reads text alone.
    text : str or None
        What is said in it; None where the model reads sound alone.
    device : str
        Where to predict.

    Returns
    -------
    DataFrame
        As :func:`predict_store`, one row.

    Raises
    ------
    ConfigError
        The model reads something else, the recording or the text is missing, or one is given that it does not read.
    RunError
        The run is unfinished or damaged, or does not say how its store was made.
    KemfeatError
        The recording cannot be read.
    """
    run, wav = to_path(run), to_path_or_none(wav)
    read = _options_of(run)
    for option in sorted(_given(wav, text) - read):
        reads = ", ".join(sorted(read)) or "neither"
        raise ConfigError(f"{option}: is not read by {run} (it reads {reads}); leave it out")
    return _predicted_recording(run, wav=wav, text=text, device=device)


def _given(wav: Path | None, text: str | None) -> set[str]:
    return {option for option, value in (("--wav", wav), ("--text", text)) if value is not None}


def _options_of(run: Path) -> set[str]:
    """Options for what a run, or a member of an ensemble, reads of a recording."""
    facts = read_run(run)
    if facts.ensemble:
        return {option for member in facts.ensemble.members for option in _options_of(Path(member.run))}
    needed = _needed(_settings_of(facts, run)["features"])
    return {option for medium, option in _OPTIONS.items() if medium in needed}


def _predicted_recording(run: Path, *, wav: Path | None, text: str | None, device: str) -> pd.DataFrame:
    facts = read_run(run)
    if facts.ensemble:
        return predicted_together(
            run, facts, lambda member: _predicted_recording(member, wav=wav, text=text, device=device)
        )
    settings = _settings_of(facts, run)
    _require_media(settings["features"], _given(wav, text), recipe=facts.recipe)
    if wav is not None and not wav.is_file():
        raise ConfigError(f"--wav {wav}: is not a file; pass a recording, such as a wav")
    with tempfile.TemporaryDirectory(prefix="kemfeat-") as folder:
        root = Path(folder) / "recording"
        root.mkdir()
        _write_corpus(root, wav=wav, text=text)
        store = build_store("folder", root=root, out=Path(folder) / "store", settings=settings).store
        return predict_store(run, store, device=device)


def _settings_of(facts: RunFacts, run: Path) -> dict[str, Any]:
    """What a build needs to make the features of the run's store again."""
    if facts.data is None or not facts.data.settings:
        raise RunError(
            f"{run}: does not say how its features were made (an earlier kemfeat trained it); train it again"
        )
    settings: dict[str, Any] = {name: dict(thawed(table)) for name, table in facts.data.settings.items()}
    for name in settings:
        if stem(name) == "tokens":
            settings[name]["tokenizer"] = str((run / run_folder.TOKENIZER).resolve())
    return {"features": tuple(settings), **settings}


def _require_media(features: Sequence[str], given: Collection[str], *, recipe: str) -> None:
    """Refuse a recording that lacks what the features are made of."""
    for medium in sorted(_needed(features)):
        if medium not in _OPTIONS:
            raise ConfigError(
                f"{recipe} reads {medium}, which one recording has not; build a store of a corpus with it, and pass "
                "it as --store"
            )
        if _OPTIONS[medium] not in given:
            raise ConfigError(f"{_OPTIONS[medium]}: is missing, and {recipe} reads {medium}; pass it")


def _needed(features: Sequence[str]) -> set[str]:
    """Media of features that are not features themselves."""
    media = [(name, medium) for name in features for medium in find_feature(name).media]
    return {medium for name, medium in media if medium == name or medium not in features}


def _write_corpus(root: Path, *, wav: Path | None, text: str | None) -> None:
    """A corpus of one utterance, as a table and its recording."""
    import pandas as pd

    row = {"id": "recording", "speaker": "unknown", "audio": f"recording{wav.suffix if wav else '.wav'}"}
    if wav is not None:
        shutil.copyfile(wav, root / row["audio"])
    else:
        _write_silence(root / row["audio"])
    if text is not None:
        row["text"] = text
    pd.DataFrame([row]).to_csv(root / "utterances.csv", index=False)


def _write_silence(path: Path) -> None:
    """A corpus has sound, even if the model reads text alone."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(3200))


def _require_settings(facts: RunFacts, store: Store, run: Path) -> None:
    """A model is only as good as its preprocessing is that of its training."""
    ours = store.header.config.settings
    for feature, table in (facts.data.settings if facts.data else {}).items():
        if feature not in ours:
            raise ConfigError(
                f"{store.path}: has no {feature}, which {facts.recipe} reads (it has {', '.join(ours)}); build it with "
                f"--features {','.join(facts.data.settings if facts.data else ())}"
            )
        theirs, mine = dict(thawed(table)), dict(thawed(ours[feature]))
        known = sorted(theirs.keys() | mine.keys())
        other = [key for key in known if canonical(theirs.get(key)) != canonical(mine.get(key))]
        if other:
            changes = ", ".join(f"{feature}.{key} {mine.get(key)!r} in place of {theirs.get(key)!r}" for key in other)
            raise ConfigError(
                f"{store.path}: was made with {changes}; the model of {run} was trained with the latter, and what it "
                "would predict from this store means nothing; build the store with the settings of the run"
            )
