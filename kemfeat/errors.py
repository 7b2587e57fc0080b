"""Every exception kemfeat raises on purpose, and its one warning.

::

    KemfeatError
    ├── ConfigError(ValueError)           a setting is unknown, has the wrong type or is out of range
    ├── UnknownPluginError(LookupError)   there is no corpus, feature or analysis of that name
    ├── CorpusError(ValueError)           a file of a corpus does not contain what it should
    │   └── CorpusLayoutError             folders or files are not where the corpus keeps them
    ├── MediaError(ValueError)            an audio file cannot be read as audio
    ├── ExtractionError(ValueError)       a feature cannot be computed for one utterance
    ├── AnalysisError(ValueError)         a store does not have what an analysis needs
    ├── RunError(ValueError)              the folder of a training run is missing, unfinished or does not match
    ├── StoreError(OSError)               a store cannot be used
    │   ├── StoreIncompleteError          the store was never finished, or parts of it are missing
    │   ├── StoreCorruptError             the files on disk are not those that were written
    │   ├── StoreVersionError             the store has a format version that this kemfeat cannot read
    │   ├── StoreLockedError              another build is running on the same store
    │   └── StoreWriteError               the disk refused a write
    ├── WorkerError(RuntimeError)         workers died, or the workers of a scheduler cannot be used
    └── TooManyFailuresError(RuntimeError) more rows failed than the user allowed

Each message says where, what was found, what was expected and what to do now. Only the command line catches
:class:`KemfeatError`; it prints the message on one line and exits with :attr:`KemfeatError.exit_code`.
"""

from __future__ import annotations


class KemfeatError(Exception):
    """Root of all errors of kemfeat; ``exit_code`` is the exit code of the command line.

    Examples
    --------
    >>> import kemfeat
    >>> try:
    ...     kemfeat.open_store("stores/absent")
    ... except KemfeatError as error:
    ...     error.exit_code
    4
    """

    exit_code = 3


class ConfigError(KemfeatError, ValueError):
    """A setting is unknown, has the wrong type or is out of range."""

    exit_code = 2


class UnknownPluginError(KemfeatError, LookupError):
    """There is no plug-in of that name; the message lists the known ones."""

    exit_code = 2


class PluginError(KemfeatError, ImportError):
    """A plug-in of another package cannot be used."""

    exit_code = 2


class CorpusError(KemfeatError, ValueError):
    """A file of a corpus does not contain what it should."""


class CorpusLayoutError(CorpusError):
    """Folders or files are not where the corpus keeps them."""


class MediaError(KemfeatError, ValueError):
    """An audio file cannot be read as audio."""


class ExtractionError(KemfeatError, ValueError):
    """A feature cannot be computed for one utterance."""


class AnalysisError(KemfeatError, ValueError):
    """A store does not have what an analysis needs."""


class RunError(KemfeatError, ValueError):
    """The folder of a training run is missing, unfinished or does not match."""


class StoreError(KemfeatError, OSError):
    """A store cannot be used."""

    exit_code = 4


class StoreIncompleteError(StoreError):
    """The store was never finished, or parts of it are missing."""


class StoreCorruptError(StoreError):
    """The files on disk are not those that were written."""


class StoreVersionError(StoreError):
    """The store has a format version that this kemfeat cannot read."""


class StoreLockedError(StoreError):
    """Another build is running on the same store."""


class StoreWriteError(StoreError):
    """The disk refused a write."""


class WorkerError(KemfeatError, RuntimeError):
    """Workers died, or the workers of a scheduler cannot be used."""

    exit_code = 1


class TooManyFailuresError(KemfeatError, RuntimeError):
    """More rows failed than the user allowed."""

    exit_code = 5


class MissingFontWarning(UserWarning):
    """A figure has Korean text and no installed font can draw it; the text of the warning says which to install."""
