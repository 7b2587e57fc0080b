"""The folders and files of KEMDy19."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from kemfeat.corpora._kemdy.e4 import Sensor
from kemfeat.corpora._kemdy.tree import ANNOTATION, SESSION_FOLDER, WAV, Layout, Tree
from kemfeat.corpora.layout import entries

EDA = Sensor("eda", "EDA", lead=2, value=0, header_lines=0, rate=4.0)
TEMP = Sensor("temp", "TEMP", lead=2, value=0, header_lines=0, rate=4.0)
ECG = Sensor("ecg", "ECG", lead=2, value=1, header_lines=0, rate=250.0, has_unit=False)
SENSORS = (EDA, TEMP, ECG)
"""``value,period,stamp`` from the wristband, ``time,value,stamp`` from the chest strap; no file states its rate."""

UTTERANCE = re.compile(r"(Sess[0-9]{2})_((?:script|impro)[0-9]{2})_([FM])[0-9]{3}")
ORIGINAL = "Original"
_SCENE = re.compile(r"Sess[0-9]{2}_(?:script|impro)[0-9]{2}")
_RECORDING = re.compile(r"Sess[0-9]{2}[FM]\.csv")
TABLE = re.compile(r"Session[0-9]{2}_[FM]_res\.csv")
_LAYOUT = Layout(
    corpus="KEMDy19",
    table=TABLE,
    clip=(SESSION_FOLDER, _SCENE, re.compile(UTTERANCE.pattern + r"\.(?:wav|txt)")),
    recording=(SESSION_FOLDER, re.compile(ORIGINAL), _RECORDING),
    media=SENSORS,
    tables="SessionNN_F_res.csv and SessionNN_M_res.csv",
    clips="SessionNN/SessNN_sceneMM/<utterance>.wav",
)
_PRODUCT = re.compile(rf"(?:{'|'.join((ANNOTATION, WAV, *(medium.folder for medium in SENSORS)))}).+")
"""Folders that users made from those of the corpus, such as ``ECG_NAdelete``."""


def scan(root: Path, *, follow_links: bool = False) -> Tree:
    """List the corpus; see :meth:`kemfeat.corpora._kemdy.tree.Layout.scan`.

    A file in a folder of a session or scene other than that in its name is a stray.
    """
    tree = _LAYOUT.scan(root, follow_links=follow_links)
    kept: dict[str, tuple[str, ...]] = {name: tuple(filter(_at_home, getattr(tree, name))) for name in _CLIPS}
    signals = {session: tuple(filter(_at_home, paths)) for session, paths in tree.signals.items()}
    everything = (*tree.audio, *tree.transcript, *(path for paths in tree.signals.values() for path in paths))
    strays = (*tree.strays, *(path for path in everything if not _at_home(path)), *_products(root))
    return replace(tree, **kept, signals={name: paths for name, paths in signals.items() if paths}, strays=strays)


_CLIPS = ("audio", "transcript")


def _at_home(path: str) -> bool:
    """Whether session, scene and name agree: ``wav/Session01/Sess01_impro02/Sess01_impro02_F001.wav``."""
    _, session, inside, name = path.split("/")
    scene = f"Sess{session[7:]}" if inside == ORIGINAL else inside
    return scene.startswith(f"Sess{session[7:]}") and name.startswith(scene)


def _products(root: Path) -> Iterable[str]:
    return sorted(entry.name for entry in entries(root) if _PRODUCT.fullmatch(entry.name))


def session_recordings(root: Path, session: str, *, follow_links: bool = False) -> Iterator[tuple[str, Sensor]]:
    """List one session's physiology, without strays; see :meth:`kemfeat.corpora._kemdy.tree.Layout.recordings`."""
    listed = _LAYOUT.recordings(root, session, follow_links=follow_links)
    return (found for found in listed if _at_home(found[0]))


def place_of(name: str) -> str:
    """The path where the audio and the transcript of an utterance belong, without the suffix."""
    return f"{WAV}/Session{name[4:6]}/{name.rpartition('_')[0]}/{name}"


def speaker_of(path: str) -> str:
    """The actor of a recording: ``Sess01F`` for ``ECG/Session01/Original/Sess01F.csv``."""
    return PurePosixPath(path).stem
