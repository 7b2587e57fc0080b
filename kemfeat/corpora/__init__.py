"""The corpora that kemfeat reads: one folder or file each, found by its name.

Each ends in ``READER``, an object with what :class:`CorpusReader` asks for; its docstring is the datasheet of the
corpus: size, labels, licence, citation, known defects. Readers never write, never open a pickle, never follow a path
out of their root, and repair only what the datasheet documents, leaving a finding each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from kemfeat import plugins
from kemfeat.balance import Balance, Mention, balance_of
from kemfeat.errors import ConfigError, UnknownPluginError
from kemfeat.manifest import Manifest
from kemfeat.records import Finding, Terms


class CorpusReader(Protocol):
    """What build and validation ask of a corpus."""

    @property
    def name(self) -> str:
        """The corpus' own spelling, such as ``KEMDy20``."""
        ...

    @property
    def version(self) -> int:
        """Raised whenever the same files are read differently; part of every store's identity."""
        ...

    @property
    def media(self) -> tuple[str, ...]:
        """What an utterance may have, such as ``("audio", "transcript", "eda", "temp", "ibi")``."""
        ...

    @property
    def tokenizer(self) -> str:
        """Hugging Face name of the tokenizer used when neither user nor corpus folder has one; may be empty."""
        ...

    @property
    def settings(self) -> Mapping[str, Mapping[str, Any]]:
        """Per feature the settings whose defaults do not suit this corpus; the user's settings win.

        ``audio`` with a ``channel`` is for every feature of its sound.
        """
        ...

    @property
    def terms(self) -> Terms:
        """Licence, citation, collection and annotation, as every store and export of the corpus repeats them."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """The meaning of the columns of ``utterances`` that only this corpus has, one line each."""
        ...

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Every file a build depends on, as paths relative to ``root`` (with ``/``), sorted, in groups.

        The groups are ``annotation``, ``audio``, ``transcript`` and one ``signals/<session>`` per session, whose
        files :meth:`read_signals` reads for that session, and ``video`` where there are films; a build ignores those
        unless a feature reads them. ``clock`` has what :meth:`read_signals` reads for every session, where there is
        such a file. Only existing files are listed.

        Parameters
        ----------
        root : Path
            Folder of the corpus.

        Returns
        -------
        mapping of str to tuple of str
            Per group its paths.

        Raises
        ------
        CorpusLayoutError
            ``root`` is not this corpus; the message says what was expected and what to do.
        """
        ...

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read annotation and transcripts.

        Missing audio is None in the table and a finding, whatever ``on_error`` says.

        Parameters
        ----------
        root : Path
            Folder of the corpus.
        on_error : str
            With ``raise`` a cell that cannot be read raises; with ``skip`` it becomes missing and is only reported.

        Returns
        -------
        Manifest
            The utterances in the corpus' order, the ratings and the findings.

        Raises
        ------
        CorpusError
            A file is not as expected: where, found, expected, what to do.
        """
        ...

    def read_signals(self, root: Path, session: str) -> tuple[pa.Table, tuple[Finding, ...]]:
        """Parse the physiology of one session.

        Parameters
        ----------
        root : Path
            Folder of the corpus.
        session : str
            Name of the session as in the manifest.

        Returns
        -------
        tuple of (pyarrow.Table, tuple of Finding)
            Rows of :data:`kemfeat.manifest.SIGNALS`, and what was found wrong.

        Raises
        ------
        CorpusError
            A file cannot be opened, or the session has no such name.
        """
        ...

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:
        """Compare the signals of a session with its utterances.

        Parameters
        ----------
        signals : pyarrow.Table
            What :meth:`read_signals` returned.
        known_ids : mapping of str to str
            Per annotated utterance its speaker.
        session : str
            Name of the session.

        Returns
        -------
        tuple of Finding
            One per rule.
        """
        ...


@runtime_checkable
class CountedReader(CorpusReader, Protocol):
    """A reader whose rows can be counted by other code than that which reads them."""

    def mentions(self, root: Path) -> Iterable[Mention]:
        """Every place of the raw files that mentions an utterance: lines of the annotation, and recordings.

        It is found without the functions that read the corpus; what the ledger of the manifest does not account for is
        reported as lost. Use :mod:`kemfeat.corpora.census`.

        Parameters
        ----------
        root : Path
            Folder of the corpus, which :meth:`read_manifest` has read.

        Returns
        -------
        iterable of Mention
            In any order.
        """
        ...


@runtime_checkable
class TableReader(CorpusReader, Protocol):
    """A reader of folders that the user describes by a table."""

    def opened(self, root: Path, table: Path | None) -> CorpusReader:
        """The reader of a folder as a table describes it.

        Parameters
        ----------
        root : Path
            Folder of the recordings.
        table : Path or None
            The table; None stands for its usual place.

        Returns
        -------
        CorpusReader
            A reader bound to the table.

        Raises
        ------
        CorpusError
            The table does not exist or cannot be read.
        """
        ...


def open_reader(dataset: str, *, root: Path, table: Path | None = None, follow_links: bool = False) -> CorpusReader:
    """The reader of a corpus, ready for its folder.

    Parameters
    ----------
    dataset : str
        Name of a corpus reader, in upper or lower case.
    root : Path
        Folder of the corpus.
    table : Path or None
        The user's table of utterances, for readers that take one.
    follow_links : bool
        Whether links may lead out of ``root``, to files and folders.

    Returns
    -------
    CorpusReader
        The reader.

    Raises
    ------
    UnknownPluginError
        No reader has this name.
    ConfigError
        A table was given to a reader that takes none, or the reader never follows links.
    CorpusError
        The table is missing or cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> reader = open_reader("kemdy20", root=Path("corpora/KEMDy20"))
    >>> len(reader.read_manifest(Path("corpora/KEMDy20")))
    36
    """
    reader: CorpusReader = plugins.find("corpora", dataset)
    if follow_links:
        reader = _following(reader)
    if isinstance(reader, TableReader):
        return reader.opened(root, table)
    if table is not None:
        raise ConfigError(
            f"--table {table}: {reader.name} has its own annotation; leave --table out, or pass --dataset folder"
        )
    return reader


def _following(reader: Any) -> CorpusReader:
    """A copy of a reader that follows links out of its root."""
    if not (is_dataclass(type(reader)) and hasattr(reader, "follow_links")):
        raise ConfigError(f"--follow-links: the reader of {reader.name} never follows links; copy the files instead")
    made: CorpusReader = replace(reader, follow_links=True)
    return made


def balance(reader: CorpusReader, root: Path, manifest: Manifest) -> Balance | None:
    """What became of every utterance that a corpus mentions.

    Parameters
    ----------
    reader : CorpusReader
        Reader of the corpus.
    root : Path
        Folder of the corpus.
    manifest : Manifest
        What it read, with errors skipped or without errors.

    Returns
    -------
    Balance or None
        None where the reader does not count.

    Examples
    --------
    >>> from pathlib import Path
    >>> root = Path("corpora/KEMDy20")
    >>> reader = open_reader("KEMDy20", root=root)
    >>> str(balance(reader, root, reader.read_manifest(root)))
    '36 found = 36 kept + 0 failed + 0 left out'
    """
    return balance_of(manifest, reader.mentions(root)) if isinstance(reader, CountedReader) else None


def terms_of(dataset: str) -> Terms:
    """The terms of use of a store's corpus.

    Parameters
    ----------
    dataset : str
        Name of the corpus as in the store.

    Returns
    -------
    Terms
        Those that its reader declares; where no such reader is installed, a note that the corpus' own terms apply.

    Examples
    --------
    >>> terms_of("KEMDy20").restricted
    True
    """
    if len(names := corpora_of(dataset)) > 1:
        return _joined([terms_of(name) for name in dict.fromkeys(names)])
    reader = _installed(dataset)
    if reader is not None:
        return reader.terms
    own = "apply to everything derived from it, including this store; read them before you pass it on."
    return Terms(
        title=dataset,
        licence=f"The terms of {dataset} {own}",
        citation=f"{dataset}, as its publishers ask",
        collection=f"See the documentation of {dataset}",
        annotation=f"See the documentation of {dataset}",
    )


def is_known(dataset: str) -> bool:
    """Tell whether the readers of a store's corpora are installed, so that their terms are known.

    Parameters
    ----------
    dataset : str
        Name of the corpus as in the store.

    Returns
    -------
    bool
        Whether :func:`terms_of` gives what the readers declare.

    Examples
    --------
    >>> is_known("KEMDy20"), is_known("EmoDB+Unheard-of")
    (True, False)
    """
    return all(_installed(name) is not None for name in corpora_of(dataset))


def columns_of(dataset: str) -> Mapping[str, str]:
    """The meaning of the columns that only this corpus has.

    Parameters
    ----------
    dataset : str
        Name of the corpus as in the store.

    Returns
    -------
    mapping of str to str
        One line per column; empty where no such reader is installed.

    Examples
    --------
    >>> columns_of("KEMDy19")["scripted"]
    'whether the words were given, as in a scene of a play'
    """
    found: dict[str, str] = {}
    for name in reversed(corpora_of(dataset)):
        reader = _installed(name)
        found |= {} if reader is None else reader.columns
    return found


JOIN = "+"
"""What separates the names of the corpora of a joined store."""


def corpora_of(dataset: str) -> tuple[str, ...]:
    """The corpora of a store, in order.

    Parameters
    ----------
    dataset : str
        Name of the corpus as in the store.

    Returns
    -------
    tuple of str
        Several where the store was joined.

    Examples
    --------
    >>> corpora_of("EmoDB+RAVDESS"), corpora_of("EmoDB")
    (('EmoDB', 'RAVDESS'), ('EmoDB',))
    """
    return tuple(dataset.split(JOIN))


def _joined(terms: Sequence[Terms]) -> Terms:
    """Every term of several corpora: whoever keeps them all keeps the strictest."""

    def each(text: str, of: Callable[[Terms], str]) -> str:
        return text + " ".join(f"{one.title}: {of(one).strip().rstrip('.')}." for one in terms)

    return Terms(
        title=" and ".join(one.title for one in terms),
        licence=each("Joined of several corpora: the terms of each apply to the whole. ", lambda one: one.licence),
        citation="; ".join(one.citation for one in terms),
        collection=each("", lambda one: one.collection),
        annotation=each("", lambda one: one.annotation),
        restricted=any(one.restricted for one in terms),
    )


def _installed(dataset: str) -> CorpusReader | None:
    """The reader of a store's corpus; None where this installation has none."""
    try:
        reader: CorpusReader = plugins.find("corpora", dataset)
    except UnknownPluginError:
        return None
    return reader
