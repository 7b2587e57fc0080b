"""The corpora kemfeat reads: one file each, found by its name.

A file of this room ends in ``READER``, an object with what :class:`CorpusReader` asks for, and its docstring is the
corpus' datasheet: size, labels, licence, citation, known defects. Readers never write, never open a pickle, never
follow a path out of their root, and repair only what the datasheet documents, leaving a finding each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from kemfeat import plugins
from kemfeat.errors import ConfigError, UnknownPluginError
from kemfeat.manifest import Manifest
from kemfeat.records import Finding, Terms


class CorpusReader(Protocol):
    """What the build and the validation ask of a corpus."""

    @property
    def name(self) -> str:
        """The corpus' own spelling, e.g. ``KEMDy20``."""
        ...

    @property
    def version(self) -> int:
        """Raised whenever the same files are read differently; part of every store's identity."""
        ...

    @property
    def media(self) -> tuple[str, ...]:
        """What an utterance may have, e.g. ``("audio", "transcript", "eda", "temp", "ibi")``."""
        ...

    @property
    def tokenizer(self) -> str:
        """Hugging Face name of the tokenizer used when the user names none and the corpus folder has none, or empty."""
        ...

    @property
    def settings(self) -> Mapping[str, Mapping[str, Any]]:
        """Per feature the settings whose defaults do not suit this corpus; what the user sets wins."""
        ...

    @property
    def terms(self) -> Terms:
        """Licence, citation, collection and annotation, as every store and export of the corpus repeats them."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """What the columns of ``utterances`` mean that only this corpus has, one line each."""
        ...

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Every file a build depends on, as paths relative to ``root`` (with ``/``), sorted, in groups.

        The groups are ``annotation``, ``audio``, ``transcript`` and one ``signals/<session>`` per session, whose
        files :meth:`read_signals` reads for that session. Only what exists is listed.

        Raises
        ------
        CorpusLayoutError
            ``root`` is not this corpus; the message says what was looked for and what to do.
        """
        ...

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read annotation and transcripts.

        With ``on_error="raise"`` a cell that cannot be read raises; with ``"skip"`` it becomes missing and is only
        reported. Missing audio is None in the table and a finding either way.

        Raises
        ------
        CorpusError
            A file does not say what it should: where, found, expected, what now.
        """
        ...

    def read_signals(self, root: Path, session: str) -> tuple[pa.Table, tuple[Finding, ...]]:
        """Parse the physiology of one session into a table of :data:`kemfeat.manifest.SIGNALS`, with its findings."""
        ...

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:
        """Compare a session's signals with its utterances; ``known_ids`` gives the speaker of every utterance."""
        ...


@runtime_checkable
class TableReader(CorpusReader, Protocol):
    """A reader of folders that a table of the user's own describes."""

    def opened(self, root: Path, table: Path | None) -> CorpusReader:
        """The reader of ``root`` as ``table`` describes it; None stands for the table's usual place."""
        ...


def open_reader(dataset: str, *, root: Path, table: Path | None = None) -> CorpusReader:
    """The reader of a corpus, ready for its folder.

    Parameters
    ----------
    dataset : name of a corpus reader.
    root : folder of the corpus.
    table : the user's table of utterances, for readers that take one.

    Raises
    ------
    UnknownPluginError
        No such reader.
    ConfigError
        A table was given that the reader has no use for.
    CorpusError
        The table is missing or says nothing that can be read.
    """
    reader: CorpusReader = plugins.find("corpora", dataset)
    if isinstance(reader, TableReader):
        return reader.opened(root, table)
    if table is not None:
        raise ConfigError(
            f"--table {table}: {reader.name} has an annotation of its own; leave --table out, or pass --dataset folder"
        )
    return reader


def terms_of(dataset: str) -> Terms:
    """The terms of a store's corpus.

    Parameters
    ----------
    dataset : str
        As the store has it.

    Returns
    -------
    Terms
        Those its reader declares; where this installation has no such reader, that the corpus' own terms apply.

    Examples
    --------
    >>> terms_of("KEMDy20").restricted
    True
    """
    try:
        reader: CorpusReader = plugins.find("corpora", dataset)
    except UnknownPluginError:
        own = "apply to everything derived from it, including this store; read them before you pass it on."
        return Terms(
            title=dataset,
            licence=f"The terms of {dataset} {own}",
            citation=f"{dataset}, as its publishers ask",
            collection=f"See the documentation of {dataset}",
            annotation=f"See the documentation of {dataset}",
        )
    return reader.terms


def columns_of(dataset: str) -> Mapping[str, str]:
    """What the columns mean that only a store's corpus has; none where this installation has no such reader.

    Parameters
    ----------
    dataset : str
        As the store has it.

    Returns
    -------
    mapping of str to str
        One line per column.

    Examples
    --------
    >>> columns_of("KEMDy19")["scripted"]
    'whether the words were given, as in a scene of a play'
    """
    try:
        reader: CorpusReader = plugins.find("corpora", dataset)
    except UnknownPluginError:
        return {}
    return reader.columns
