"""The corpora kemfeat reads: one file each, found by its name.

A file of this room ends in ``READER``, an object with what :class:`CorpusReader` asks for, and its docstring is the
corpus' datasheet: size, labels, licence, citation, known defects. Readers never write, never open a pickle, never
follow a path out of their root, and repair only what the datasheet documents, leaving a finding each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from kemfeat.manifest import Manifest
from kemfeat.records import Finding


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
        """Hugging Face name of the tokenizer used when the user names none and the corpus folder has none."""
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
