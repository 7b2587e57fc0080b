"""Find the plug-in of a module, and try the laws of its room on it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kemfeat import plugins
from kemfeat.errors import ConfigError, PluginError
from kemfeat.testing._law import LawBroken, Laws

_INSTALLED = ("corpora", "export", "learn.models")
"""Rooms whose laws find the plug-in by its name, as commands do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one law.

    Parameters
    ----------
    law : str
        What it says of a plug-in.
    broken : str
        What was found instead; empty where the law is kept.
    """

    law: str
    broken: str = ""


def check(module: str, *, root: Path | None = None) -> list[Verdict]:
    """Try the laws of its room on the plug-in that a module defines.

    Parameters
    ----------
    module : str
        Name of a module that can be imported and defines ``EXTRACTOR``, ``READER``, ``ANALYSIS``, ``MODEL`` or
        ``EXPORTER``. A corpus, a model and an export must be installed with their entry point, too.
    root : Path, optional
        Folder with a small corpus; a corpus needs one, and nothing else.

    Returns
    -------
    list of Verdict
        One for each law, in the order of the room.

    Raises
    ------
    PluginError
        The module cannot be imported, or defines no such object.
    ConfigError
        It is not installed with its entry point, a corpus has no ``root``, or another plug-in has one.

    Examples
    --------
    >>> verdicts = check("kemfeat.features.eda")
    >>> [verdict.law for verdict in verdicts if verdict.broken]
    []
    """
    room, found = _plugin(module)
    if room in _INSTALLED and not module.startswith("kemfeat."):
        _require_installed(room, module)
    if (root is None) == (room == "corpora"):
        wanted = "pass --root, the folder of a small corpus" if root is None else "leave --root out, which corpora need"
        raise ConfigError(f"{module}: defines {plugins.OBJECTS[room]}; {wanted}")
    laws, prepared = _ROOMS[room]()
    with TemporaryDirectory(prefix="kemfeat-laws-") as folder:
        bench = prepared(Path(folder) if root is None else root, module)
        return [Verdict(law=law, broken=_tried(attempt, found, bench)) for law, attempt in laws.items()]


def _tried(attempt: Callable[[Any, Any], None], found: Any, bench: Any) -> str:
    try:
        attempt(found, bench)
    except LawBroken as broken:
        return str(broken)
    except Exception as error:  # noqa: BLE001 - it is somebody else's code, and whatever it raises breaks the law
        return f"{type(error).__name__}: {error}"
    return ""


def _plugin(module: str) -> tuple[plugins.Room, Any]:
    try:
        loaded = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        told = str(error) or type(error).__name__
        raise PluginError(
            f"{module}: cannot be imported ({told}); pass the name of a module, as after import"
        ) from error
    rooms = [room for room in _ROOMS if hasattr(loaded, plugins.OBJECTS[room])]
    if len(rooms) != 1:
        wanted = ", ".join(plugins.OBJECTS[room] for room in _ROOMS)
        found = " and ".join(plugins.OBJECTS[room] for room in rooms) or "none"
        raise PluginError(f"{module}: expected one of {wanted}, found {found}")
    return rooms[0], getattr(loaded, plugins.OBJECTS[rooms[0]])


def _require_installed(room: plugins.Room, module: str) -> None:
    if module not in {entry.value for entry in entry_points(group=f"kemfeat.{room}")}:
        raise ConfigError(
            f"{module}: no entry point of the group kemfeat.{room} leads to it; name it in the pyproject.toml of its "
            "package, and run pip install -e ."
        )


Room = tuple[Laws, Callable[[Path, str], Any]]


def _features() -> Room:
    from kemfeat.testing import _features

    return _features.LAWS, lambda folder, module: _features.bench(folder, module=module)


def _analyses() -> Room:
    from kemfeat.testing import _analyses

    return _analyses.LAWS, lambda folder, module: _analyses.Bench(_small_store(folder), folder / "results")


def _exports() -> Room:
    from kemfeat.testing import _exports

    return _exports.LAWS, lambda folder, module: _exports.Bench(_small_store(folder))


def _models() -> Room:
    if find_spec("torch") is None:
        raise ConfigError("laws of models need PyTorch, which is not installed; run pip install 'kemfeat[train]'")
    from kemfeat.testing import _models

    return _models.LAWS, lambda folder, module: _models.Bench()


def _corpora() -> Room:
    from kemfeat.testing import _corpora

    return _corpora.LAWS, lambda folder, module: _corpora.Bench(folder)


_ROOMS: Mapping[plugins.Room, Callable[[], Room]] = {
    "features": _features,
    "analyses": _analyses,
    "export": _exports,
    "learn.models": _models,
    "corpora": _corpora,
}


def _small_store(folder: Path) -> Any:
    """A store of 240 synthetic utterances of 8 speakers, some without physiology, some with a tie."""
    from kemfeat.build import build_store
    from kemfeat.synth.kemdy20 import SYNTH

    settings = {"mel": {"n_mels": 16, "max_frames": 400}, "delta": {"max_frames": 400}}
    SYNTH.write(folder / "KEMDy20", utterances=240, sessions=4, seed=1)
    return build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=settings).store
