"""What a run leaves: one JSON document of rows. ``SCHEMA`` rises when a reader of the older ones would misread it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from kemfeat.config import expectation
from kemfeat.errors import ConfigError

SCHEMA = 1
_EXPECTED = "expected a file that `kemfeat bench --out` wrote"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(_Model):
    """One measured figure.

    Parameters
    ----------
    key : comparison and peer or aspect, ``mel.librosa``.
    what : what it is, for people.
    unit : of ``value``; ``times`` is how many times as long the peer takes.
    value, low, high : median, or ratio of medians; the smallest and the largest of a round. None: not measured.
    samples : per contestant what each round gave, in order.
    sample_unit : of the samples; ``s/utterance`` is the seconds that one takes.
    missing : why there is no value, and what to do about it.
    note : what a reader must know to judge the figure.
    """

    key: str
    what: str
    unit: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    samples: dict[str, tuple[float, ...]] = {}
    sample_unit: str = ""
    missing: str = ""
    note: str = ""

    @property
    def comparison(self) -> str:
        """Name of the comparison that made the row."""
        return self.key.partition(".")[0]


class Machine(_Model):
    """Where it was measured: ``cores`` this process may use, ``memory`` in GB, ``load`` over 1, 5 and 15 minutes."""

    cpu: str
    cores: int
    memory: float
    system: str
    python: str
    load: tuple[float, float, float]


class Document(_Model):
    """A whole run; ``versions`` of every library involved, ``options`` that reproduce it."""

    schema_version: Literal[1] = SCHEMA
    created: str
    options: tuple[str, ...]
    quick: bool
    machine: Machine
    versions: dict[str, str]
    rows: tuple[Row, ...]


def write(document: Document, path: Path) -> None:
    """Write a document as JSON.

    Raises
    ------
    ConfigError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"--out {path}: cannot be written ({error.strerror}); name a file in a folder of yours"
        ) from None


def is_document(path: Path) -> bool:
    """Whether a file is a document that :func:`write` wrote."""
    try:
        Document.model_validate_json(path.read_bytes())
    except ValidationError:
        return False
    return True


def read(path: Path) -> Document:
    """Read a document.

    Raises
    ------
    ConfigError
        The file cannot be read or is no document of this schema.
    """
    try:
        return Document.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"--from {path}: cannot be read ({error.strerror}); expected a file that --out wrote"
        ) from None
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the whole file"
        raise ConfigError(f"--from {path}: {where}: {expectation(problem)}; {_EXPECTED}") from None
