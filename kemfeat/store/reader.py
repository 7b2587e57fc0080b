"""Open a finished store, read-only."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat.config import digest, suggest
from kemfeat.errors import ConfigError
from kemfeat.labels import apply_rule
from kemfeat.paths import StrPath, to_path_or_none
from kemfeat.store import schema
from kemfeat.store.address import Address, place
from kemfeat.store.arrays import StoreArrays
from kemfeat.store.header import read_header, store_of
from kemfeat.store.versions import find

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.store.utterance import Utterance


class Store(StoreArrays):
    """A finished store; made by :func:`open_store`.

    Parameters
    ----------
    path : Path
        Absolute path of the folder of the store.
    header : Header
        Content of ``kemfeat.json``.
    folder : Path, optional
        Absolute path of the folder of the version, which has its files; where absent, the one that the header names.

    Examples
    --------
    >>> import kemfeat
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> len(store), store.arrays[0]
    (36, 'mel')
    """

    def __repr__(self) -> str:
        return f"<kemfeat.Store {self.dataset}: {len(self)} utterances, {', '.join(self.arrays)}; {self.digest[:12]}>"

    def _repr_html_(self) -> str:
        from kemfeat.store.html import store_html

        return store_html(self)

    def utterance(self, id: str) -> Utterance:  # noqa: A002 - the name of the column
        """One utterance: its words, its votes, its features, its sound.

        Parameters
        ----------
        id : str
            Its id, as in the column ``id`` of :attr:`utterances`.

        Returns
        -------
        Utterance
            Nothing but the table of utterances is read yet.

        Raises
        ------
        ConfigError
            The store has no such utterance; the message names the nearest ids.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> utterance = store.utterance("Sess01_script01_User001F_001")
        >>> utterance.row["speaker"], utterance.mel.shape[1]
        ('User001F', 128)
        """
        from kemfeat.store.utterance import Utterance, number_of

        return Utterance(self, number_of(self, id))

    @property
    def dataset(self) -> str:
        """Name of the corpus.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> store.dataset
        'KEMDy20'
        """
        return self.header.dataset

    @property
    def digest(self) -> str:
        """SHA-256 over content and configuration: the version of the store.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> len(store.digest)
        64
        """
        return self.header.digest

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that labels and votes of the corpus may have, in canonical order.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> "angry" in store.emotions
        True
        """
        votes = "votes_"
        return tuple(name.removeprefix(votes) for name in map(str, self.utterances.columns) if name.startswith(votes))

    def labels(self, rule: str = "annotated") -> pd.Series[Any]:
        """Emotion labels under a rule.

        Parameters
        ----------
        rule : str
            Name of a rule; see :func:`kemfeat.labels.apply_rule`.

        Returns
        -------
        Series of str
            One label per utterance; None where the rule drops it.

        Raises
        ------
        ConfigError
            There is no such rule.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> len(store.labels("annotated"))
        36
        """
        return apply_rule(self.utterances, rule=rule)

    def feature_digests(self, features: Iterable[str]) -> dict[str, str]:
        """What the rows of features depend on: two stores that agree in it have the same rows.

        Parameters
        ----------
        features : iterable of str
            Names of features.

        Returns
        -------
        dict of str to str
            For each feature a digest over the keys of its rows, in the order of the utterances' ids.

        Raises
        ------
        ConfigError
            The store has no such feature.

        Examples
        --------
        >>> import kemfeat
        >>> list(kemfeat.open_store("stores/KEMDy20").feature_digests(["mel"]))
        ['mel']
        """
        order = self.utterances["id"].argsort().to_numpy()
        found = {}
        for name in features:
            if name not in self.header.features:
                raise ConfigError(f"{self.path}: no feature {name!r}{suggest(name, self.header.features)}")
            found[name] = digest(self.keys[name].iloc[order].tolist())
        return found


def open_store(path: StrPath, *, at: str | None = None, cache: StrPath | None = None, cache_gb: float = 50.0) -> Store:
    """Open a finished store for reading.

    Parameters
    ----------
    path : str or PathLike
        Folder of the store, or of one of its versions; or the address of a store: ``s3://BUCKET/STORE``, ``gs://``,
        ``az://``, ``https://HOST/STORE``, ``zip://FILE``, ``memory://``. Addresses other than ``zip://`` need the extra
        ``cloud``.
    at : str or None
        The version to open: its digest or the first digits of it; the current one where None.
    cache : str, PathLike or None
        Folder in which files behind an address are kept whole, for the next process too; None fetches shards in parts,
        whenever they are read.
    cache_gb : float [GB]
        Size that the shards in the cache may have; those fetched first go first.

    Returns
    -------
    Store
        This version of the store. It can be read on while the store is built again, for as long as the version is kept;
        after that, reading from it is an error.

    Raises
    ------
    StoreIncompleteError
        The folder is not a store, or its build was never finished; the message says how to resume.
    StoreError
        The store has had no version ``at``, or no longer keeps it; the message says how to make it again.
    StoreVersionError
        The store has another format version.
    StoreCorruptError
        ``kemfeat.json`` is damaged.

    Examples
    --------
    >>> import kemfeat
    >>> kemfeat.open_store("stores/KEMDy20").dataset
    'KEMDy20'
    """
    folder = place(path)
    if isinstance(folder, Address):
        return _open_address(folder, at=at, cache=to_path_or_none(cache), cache_gb=cache_gb)
    if at is not None:
        found = Path(find(folder, at))
        return Store(folder, read_header(found), folder=found)
    if (store := store_of(folder)) != folder:
        return Store(store, read_header(folder), folder=folder)
    return Store(folder, read_header(folder))


def _open_address(address: Address, *, at: str | None, cache: Path | None, cache_gb: float) -> Store:
    from kemfeat.store.outside import refuse_in_store
    from kemfeat.store.remote import RemoteFiles
    from kemfeat.store.remote_versions import header_at, read_remote_header

    if cache is not None:
        refuse_in_store(cache)
    header, objects = header_at(address)
    below = header.folder or ""
    if at is not None:
        below = str(find(address, at)).removeprefix(address).strip("/")
        header = read_remote_header(address, objects, f"{below}/{schema.HEADER}".lstrip("/"))
    version = address / below if below else address
    return Store(address, header, remote=RemoteFiles(version, objects, below, header, cache=cache, cache_gb=cache_gb))
