"""Extracts some rows of a store again from the corpus and compares them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kemfeat.build._axes import UTTERANCE, Span
from kemfeat.build._block import Block
from kemfeat.build._footage import Films
from kemfeat.build._physiology import index, media_of
from kemfeat.build._recordings import LENGTH, recordings, utterance_lengths
from kemfeat.build._sources import scan
from kemfeat.build._tables import with_media
from kemfeat.build._utterance_media import Bound, UtteranceMedia, bind
from kemfeat.config import canonical
from kemfeat.corpora import CorpusReader, corpora_of, open_reader
from kemfeat.errors import ConfigError, ExtractionError, MediaError
from kemfeat.features.instances import find_feature
from kemfeat.manifest import RECORDINGS
from kemfeat.paths import StrPath, to_path, to_path_or_none
from kemfeat.plural import many
from kemfeat.records import Medium
from kemfeat.store import schema
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd


def recompute(
    store: Store,
    *,
    root: StrPath,
    rows: int,
    table: StrPath | None = None,
    follow_links: bool = False,
    encoders: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """Read ``rows`` utterances from the corpus again, extract every feature, and compare all bytes.

    Embeddings, which are computed many at a time and maybe on another device, are compared within a tolerance.

    The rows are drawn at random with the digest of the store as seed: the same store checks the same rows.

    Parameters
    ----------
    store : Store
        The store to check.
    root : str or PathLike
        Folder of the corpus that it was built from.
    rows : int
        Number of utterances to check.
    table : str or PathLike, optional
        The user's table of utterances, for a reader that takes one.
    follow_links : bool
        Whether links of the corpus may lead out of its folder.
    encoders : sequence of str
        Folders or Hugging Face names of the encoders whose embeddings the store has; it knows them by their digest
        alone.
    progress : callable, optional
        Called with the number of utterances done and of all to check.

    Returns
    -------
    list of str
        One sentence for each difference; empty where all rows are equal.

    Raises
    ------
    KemfeatError
        The corpus cannot be read, or an encoder is not among ``encoders``.
    """
    root = to_path(root)
    require_one_corpus(store)
    settings = {name: _settings_again(store, name, encoders) for name in store.header.config.settings}
    generator = np.random.default_rng(int(store.digest[:16], 16))
    chosen = np.sort(generator.choice(len(store), size=min(rows, len(store)), replace=False))
    ids = store.utterances["id"].iloc[chosen].tolist()
    reader = open_reader(store.dataset, root=root, table=to_path_or_none(table), follow_links=follow_links)
    fresh = _read_again(store, reader, root, ids)
    bound = {name: bind(name, text, store.folder / schema.RESOURCES) for name, text in settings.items()}
    problems = []
    progress(0, len(ids))
    for done, (row, name) in enumerate(zip(chosen, ids, strict=True), start=1):
        problems += [f"{name}: {problem}" for problem in _differences(store, int(row), name, fresh, root, bound)]
        progress(done, len(ids))
    return problems


def require_one_corpus(store: Store) -> None:
    """Refuse a joined store: its rows are made from several corpora, each with its own names.

    Parameters
    ----------
    store : Store
        A store.

    Raises
    ------
    ConfigError
        It was joined; the message names the stores that can be recomputed.
    """
    if len(corpora_of(store.dataset)) > 1:
        said = store.header.provenance.get("joined", [])
        named = [f"{each.get('corpus')} {str(each.get('digest'))[:12]}" for each in said if isinstance(each, dict)]
        raise ConfigError(
            f"{store.path}: was joined, and rows are recomputed from one corpus; run `kemfeat verify --recompute` on "
            f"the stores that it was joined from: {', '.join(named)}"
        )


def _settings_again(store: Store, name: str, encoders: Sequence[str]) -> str:
    """The settings of a feature as JSON text, with what is kept nowhere: where its encoder is."""
    recorded = dict(store.header.config.settings[name])
    extractor = find_feature(name)
    if "encoder" not in extractor.config.model_fields:
        return canonical(recorded)
    config = extractor.config.model_validate_json(canonical(recorded))
    for encoder in encoders:
        with suppress(ConfigError):
            given = config.model_copy(update={"encoder": encoder})
            return canonical(recorded | dict(extractor.prepare(given, root=store.folder, tokenizer="").local))
    tried = f", and it is not {' or '.join(encoders)}" if encoders else ""
    raise ConfigError(
        f"{name}: was made by the {config.model_type} encoder with the digest {config.sha256[:16]}..., which a store "
        f"does not contain{tried}; pass --encoder DIR, its folder or Hugging Face name"
    )


class _Fresh:
    """The utterances that the corpus has now, by id, with their physiology."""

    def __init__(
        self,
        utterances: pd.DataFrame,
        signals: dict[tuple[str, str], Medium],
        media: frozenset[str],
        films: Films,
    ) -> None:
        self.media = media
        self.films = films
        self.rows: dict[str, Any] = {str(row.id): row for row in utterances.itertuples(index=False)}
        self.signals = signals


def _read_again(store: Store, reader: CorpusReader, root: Path, ids: list[str]) -> _Fresh:
    made = store.header.config
    manifest = reader.read_manifest(root, on_error="skip").renamed(made.label_map).labelled(made.labels)
    utterances = manifest.utterances[manifest.utterances["id"].isin(ids)].reset_index(drop=True)
    groups = reader.sources(root)
    audio = set(utterances["audio"].dropna())
    wanted = {"audio": tuple(path for path in groups["audio"] if path in audio)}
    sources = scan(root, wanted, known=None, workers=1, progress=lambda done, total: None)
    sessions = [name for name in utterances["session"].unique() if f"signals/{name}" in groups]
    tables = {name: reader.read_signals(root, name)[0] for name in sessions}
    indexes = [index(table, session=name) for name, table in tables.items()]
    entries = pa.concat_tables(indexes).to_pandas() if indexes else store.signal_index.iloc[:0]
    utterances = with_media(utterances, sources=sources.table, signals=entries, beats=tables.values())
    signals: dict[tuple[str, str], Medium] = {}
    for name, table in tables.items():
        rows = utterances[utterances["session"] == name]
        signals |= media_of(table, rows)
        signals |= recordings(table, rows.assign(**{LENGTH: utterance_lengths(rows)}), RECORDINGS)
    films = Films(utterances.assign(video_sha256=None), root=root)
    return _Fresh(utterances, signals, frozenset(reader.media), films)


def _differences(store: Store, row: int, name: str, fresh: _Fresh, root: Path, bound: dict[str, Bound]) -> list[str]:
    if name not in fresh.rows:
        return ["the corpus no longer has this utterance; build again"]
    again: Any = fresh.rows[name]
    stored = store.utterances.iloc[row]
    problems = [
        f"{column} is {_shown(stored[column])} in the store and {_shown(getattr(again, column))} in the corpus; "
        "build again"
        for column in again._fields
        if column in stored.index and not _equal(stored[column], getattr(again, column))
    ]
    given = UtteranceMedia(again, root=root, media=fresh.media, signals=fresh.signals, bound=bound, films=fresh.films)
    for feature, ready in bound.items():
        problems += _feature_differences(store, row, feature, ready, given)
    return problems


def _feature_differences(store: Store, row: int, feature: str, ready: Bound, given: UtteranceMedia) -> list[str]:
    rows, span = _rows_of(store, row, store.header.features[feature])
    block = Block(ready, len(span))
    complete = all(store.complete_rows(feature)[rows])
    try:
        made = given.feature(feature)
        if made.arrays and store.header.features[feature] != UTTERANCE:
            count = len(next(iter(made.arrays.values())))
            if count != len(span):
                return [f"{feature} has {many(len(span), 'row')} in the store and {count} in the corpus; build again"]
        block.put(slice(0, len(span)), span, made)
    except (ExtractionError, MediaError) as error:
        return [f"{feature}: {error}"] if complete else []
    if not complete:
        return [f"{feature} is missing in the store although it can be extracted now; build again with --force"]
    table = block.table()
    stored = store.rows(ready.extractor.axis).iloc[rows]
    arrays = [
        spec.name
        for spec in ready.specs
        if not _agree(
            np.asarray(store.array(spec.name)[rows]), block.arrays[spec.name], tolerance=ready.extractor.tolerance
        )
    ]
    columns = [
        f"column {name}" for name in table.columns if not all(map(_equal, stored[name].tolist(), table[name].tolist()))
    ]
    return [f"{name} differs from what its sources give; build again with --rehash" for name in (*arrays, *columns)]


def _agree(stored: NDArray[Any], made: NDArray[Any], *, tolerance: float) -> bool:
    """Whether bytes are equal, or values within a tolerance beside the largest."""
    if stored.tobytes() == made.tobytes():
        return True
    if not tolerance or stored.shape != made.shape or stored.dtype.kind != "f":
        return False
    largest = float(np.nanmax(np.abs(stored), initial=0))
    return np.allclose(stored, made, rtol=0, atol=tolerance * largest, equal_nan=True)


def _rows_of(store: Store, row: int, axis: str) -> tuple[slice, Span]:
    """The rows of an utterance on an axis, which are consecutive, and the span of all of them."""
    places = np.flatnonzero(store.owners(axis) == store.utterances["id"].iloc[row])
    first = int(places[0]) if len(places) else 0
    return slice(first, first + len(places)), Span(0, len(places))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple | np.ndarray) or isinstance(other, list | tuple | np.ndarray):
        return list(one) == list(other)
    return bool(_missing(one) and _missing(other)) or bool(one == other)


def _shown(value: Any) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)


def _missing(value: Any) -> bool:
    return value is None or bool(value != value)
