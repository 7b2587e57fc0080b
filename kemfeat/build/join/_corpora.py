"""The stores to join, and what the names of each become so that no two of them meet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kemfeat import plugins
from kemfeat.build._settings import identity_of
from kemfeat.corpora import CorpusReader, columns_of, corpora_of, terms_of
from kemfeat.errors import ConfigError, StoreVersionError, UnknownPluginError
from kemfeat.features.instances import find_feature
from kemfeat.paths import StrPath
from kemfeat.records import Terms
from kemfeat.store.reader import Store, open_store

if TYPE_CHECKING:
    import pandas as pd

SEPARATOR = "."
"""Between the name of a corpus, which never contains it, and a name in that corpus."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_MAX_BYTES = 200
"""Length of the name of a session, which becomes the name of a file."""


@dataclass(frozen=True, slots=True)
class Source:
    """A store to join.

    Parameters
    ----------
    corpus : str
        Name of its corpus in the joined store.
    store : Store
        The store, opened.
    """

    corpus: str
    store: Store

    def __str__(self) -> str:
        return f"{self.corpus} ({self.store.path})"

    def own(self, name: object) -> str | None:
        """A name of the corpus as it is in the joined store; None for a missing one."""
        return f"{self.corpus}{SEPARATOR}{name}" if isinstance(name, str) and name else None

    def renamed(self, table: pd.DataFrame, *columns: str) -> pd.DataFrame:
        """A table with the names in some columns as they are in the joined store."""
        return table.assign(**{column: table[column].map(self.own).astype("str") for column in columns})


@dataclass(frozen=True, slots=True)
class JoinedCorpora:
    """What the data card says of several corpora.

    Parameters
    ----------
    name : str
        The names of their readers, with ``+`` between them.
    """

    name: str

    @property
    def terms(self) -> Terms:
        """The terms of all of them."""
        return terms_of(self.name)

    @property
    def columns(self) -> Mapping[str, str]:
        """The meaning of the columns that only some of them have."""
        return columns_of(self.name)


def find_sources(places: Sequence[StrPath], names: Sequence[str] | None) -> list[Source]:
    """Open the stores to join.

    Parameters
    ----------
    places : sequence of str or Path
        Folders or addresses of stores.
    names : sequence of str or None
        A name for each corpus; by default those of their readers.

    Returns
    -------
    list of Source
        In the order given.

    Raises
    ------
    ConfigError
        There are fewer than two, two are the same, one is joined itself, or names are missing, equal or not names.
    StoreError
        A store cannot be opened, or was built by another version of its reader or of a feature.
    """
    if len(places) < 2:
        raise ConfigError(f"join: found {len(places)} store, expected two or more")
    stores = [open_store(place) for place in places]
    for store in stores:
        _refuse_joined(store)
    names = [store.dataset for store in stores] if names is None else list(names)
    if len(names) != len(stores):
        raise ConfigError(f"--corpus: found {len(names)} names of {len(stores)} stores; pass one for each, in order")
    _refuse_names(names, stores)
    sources = [Source(name, store) for name, store in zip(names, stores, strict=True)]
    for source in sources:
        _refuse_other_version(source)
        _refuse_long_names(source)
    _refuse_half_synthetic(sources)
    return sources


def _refuse_names(names: Sequence[str], stores: Sequence[Store]) -> None:
    seen: dict[str, Store] = {}
    digests: dict[str, Store] = {}
    for name, store in zip(names, stores, strict=True):
        if (twin := digests.get(store.digest)) is not None:
            raise ConfigError(f"join: {twin.path} and {store.path} are the same store; pass each corpus once")
        if not _NAME.fullmatch(name):
            raise ConfigError(f"--corpus: found {name!r}, expected 1 to 32 letters a-z, digits, _ and -")
        if (twin := seen.get(name.casefold())) is not None:
            raise ConfigError(
                f"join: {twin.path} and {store.path} would both be called {name}; pass a name for each store, in "
                "order: --corpus NAME --corpus NAME"
            )
        seen[name.casefold()] = digests[store.digest] = store


def _refuse_joined(store: Store) -> None:
    if len(corpora_of(store.dataset)) > 1:
        raise ConfigError(f"{store.path}: is joined itself ({store.dataset}); join the stores it was joined from")


def _refuse_other_version(source: Source) -> None:
    """Refuse a store whose reader or features would now give other values: the digest covers their versions."""
    header = source.store.header
    try:
        reader: CorpusReader = plugins.find("corpora", header.dataset)
        extractors = {name: find_feature(name) for name in header.features}
    except UnknownPluginError as error:
        raise StoreVersionError(f"{source.store.path}: {error}; install what it was built with") from None
    if identity_of(header.config, extractors, reader) != header.config_digest:
        raise StoreVersionError(
            f"{source.store.path}: was built by kemfeat {header.versions.get('kemfeat', '')}, whose reader or features "
            "have changed since, so its values cannot stand beside newer ones; run its `kemfeat build` again, then join"
        )


def _refuse_long_names(source: Source) -> None:
    for name in source.store.utterances["session"].unique():
        if len(str(source.own(name)).encode()) > _MAX_BYTES:
            raise ConfigError(
                f"join: the session {source.own(name)} has more than {_MAX_BYTES} bytes in its name; pass shorter "
                "names of the corpora with --corpus"
            )


def _refuse_half_synthetic(sources: Sequence[Source]) -> None:
    """Refuse a mix: it would be marked as synthetic, and the terms of the real corpora would be forgotten."""
    made = [source for source in sources if source.store.synthetic]
    if made and len(made) < len(sources):
        real = next(source for source in sources if not source.store.synthetic)
        raise ConfigError(
            f"join: {made[0]} is computer-generated and {real} is not; join only real corpora, or only synthetic ones"
        )
