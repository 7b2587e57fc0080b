"""One utterance of a store, as a person looks at it: words, votes, features, sound."""

from __future__ import annotations

import difflib
import hashlib
import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from kemfeat import provenance
from kemfeat.errors import AnalysisError, ConfigError, ExtractionError, MediaError
from kemfeat.figures.spectrogram import Image, Trace, utterance
from kemfeat.figures.style import watermarked
from kemfeat.findings import printable
from kemfeat.manifest import SEGMENT
from kemfeat.media import decode_audio
from kemfeat.paths import StrPath, to_path
from kemfeat.store import disk, valid_lengths
from kemfeat.store.panels import panel
from kemfeat.waveform import cut, to_mono

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Audio
    from numpy.typing import NDArray

    from kemfeat.figures.style import Figure
    from kemfeat.records import Signal
    from kemfeat.store.arrays import StoreArrays
    from kemfeat.waveform import ChannelPolicy

_NEAREST = 3
_MOST_COMPARED = 10_000
"""Ids that an unknown one is compared with, which takes about 30 µs each; of more, those beside it in their order."""
_VOTES = "votes_"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Utterance:
    """One utterance; made by :meth:`kemfeat.Store.utterance`. Its arrays are ``utterance["eda"]`` and so on.

    A row of an array is given as far as it is real: its padding is left out, gaps within it stay (NaN in signals).

    Parameters
    ----------
    store : Store
        Where it is.
    number : int, >= 0
        Its row in the table of utterances.

    Examples
    --------
    >>> import kemfeat
    >>> utterance = kemfeat.open_store("stores/KEMDy20").utterance("Sess01_script01_User001F_001")
    >>> utterance["eda"].dtype, utterance["eda"].ndim
    (dtype('float32'), 1)
    """

    store: StoreArrays
    number: int

    def __getitem__(self, name: str) -> NDArray[Any]:
        store, row = self.store, [self.number]
        info = store[name].info
        if info.axis != "utterance":
            raise ConfigError(
                f"{name}: has rows of {info.axis}, of which an utterance may have many; take them with "
                f"store.take(store.owners({info.axis!r}) == {self.id!r}, arrays=[{name!r}])"
            )
        if not store.complete_rows(info.feature)[self.number]:
            raise ExtractionError(f"{printable(self.id)}: {name} could not be extracted{self._reason(info.feature)}")
        mark = valid_lengths.marks(store.header, name)
        if mark is None:
            return np.asarray(store.take(row, (name,))[name][0])
        found = store.take(row, (name, mark))
        return np.asarray(found[name][0][: valid_lengths.ends(found[mark])[0]])

    def __contains__(self, name: object) -> bool:
        return name in self.store

    def _ipython_key_completions_(self) -> list[str]:
        return [name for name, info in self.store.header.arrays.items() if info.axis == "utterance"]

    def __repr__(self) -> str:
        return f"<kemfeat.Utterance {printable(self.id)}: {self._label}>"

    def _repr_html_(self) -> str:
        from kemfeat.store.html import utterance_html

        return utterance_html(self.store, self.row)

    @property
    def row(self) -> pd.Series[Any]:
        """Its row of the table of utterances, with what the corpus says of it.

        Examples
        --------
        >>> import kemfeat
        >>> utterance = kemfeat.open_store("stores/KEMDy20").utterance("Sess01_script01_User001F_001")
        >>> utterance.row["session"]
        'Sess01'
        """
        return self.store.utterances.iloc[self.number]

    @property
    def id(self) -> str:
        """Its id.

        Examples
        --------
        >>> import kemfeat
        >>> kemfeat.open_store("stores/KEMDy20").utterance("Sess01_script01_User001F_001").id
        'Sess01_script01_User001F_001'
        """
        return str(self.store.utterances["id"].iloc[self.number])

    @property
    def text(self) -> str | None:
        """Its transcript as the corpus has it; None where there is none.

        Examples
        --------
        >>> import kemfeat
        >>> isinstance(kemfeat.open_store("stores/KEMDy20").utterance("Sess01_script01_User001F_001").text, str)
        True
        """
        text = self.row["text"]
        return text if isinstance(text, str) else None

    @property
    def votes(self) -> pd.DataFrame:
        """What each rater said: rater, rater_sex, emotion, valence, arousal; without a row where nobody did.

        Examples
        --------
        >>> import kemfeat
        >>> kemfeat.open_store("stores/KEMDy20").utterance("Sess01_script01_User001F_001").votes.shape
        (10, 5)
        """
        ratings = self.store.ratings
        return ratings[ratings["id"] == self.id].drop(columns="id").reset_index(drop=True)

    @property
    def mel(self) -> NDArray[np.float32]:
        """Its mel spectrogram without padding, shape (frames, mels), float32 [dB against its loudest bin].

        Raises
        ------
        ConfigError
            The store has no mel.
        ExtractionError
            The mel of this utterance could not be extracted.

        Examples
        --------
        >>> import kemfeat
        >>> utterance = kemfeat.open_store("stores/KEMDy20").utterance("Sess01_script01_User001F_001")
        >>> bool(len(utterance.mel) == utterance.row["mel_frames"]), bool(utterance.mel.max() <= 0)
        (True, True)
        """
        return np.asarray(self["mel"], dtype=np.float32)

    def audio(self, root: StrPath) -> Signal:
        """Read its sound from the corpus: a store has none.

        Parameters
        ----------
        root : str or PathLike
            Folder of the corpus that the store was built from.

        Returns
        -------
        Signal
            Samples of the channel that the store's features were made from, shape (n,), float32, full scale [-1, 1], at
            the rate of the file.

        Raises
        ------
        ConfigError
            The utterance has no audio, or the file below ``root`` is not the one that the store was built from.
        MediaError
            The file cannot be read.

        Examples
        --------
        >>> import kemfeat
        >>> utterance = kemfeat.open_store("stores/KEMDy20").utterance("Sess01_script01_User001F_001")
        >>> sound = utterance.audio("corpora/KEMDy20")
        >>> bool(abs(len(sound.values) / sound.sampling_rate - utterance.row["duration"]) < 1e-3)
        True
        """
        row, name = self.row, f"{printable(self.id)}: "
        if "corpus" in row:
            raise ConfigError(f"{name}is in a joined store; play it from the store of {printable(row['corpus'])} alone")
        if not isinstance(row["audio"], str):
            raise ConfigError(f"{name}has no audio; choose another utterance")
        path = disk.inside(to_path(root), row["audio"])
        whole = decode_audio(self._source(path, row["audio"]), name=str(path))
        start, end = (float(row.get(time, math.nan)) for time in SEGMENT)
        part = whole if math.isnan(start) else cut(whole, start, end, name=str(path))
        return to_mono(part, policy=self._channel)

    def play(self, root: StrPath | None = None) -> Audio:
        """Play its sound in a notebook, at the level that it has.

        Parameters
        ----------
        root : str or PathLike
            Folder of the corpus that the store was built from; has to be given, as a store has no sound.

        Returns
        -------
        IPython.display.Audio
            A player; what is below the cell.

        Raises
        ------
        ConfigError
            There is no ``root``, IPython is not installed, or as for :meth:`audio`.
        MediaError
            The file cannot be read.

        Examples
        --------
        >>> import kemfeat
        >>> utterance = kemfeat.open_store("stores/KEMDy20").utterance("Sess01_script01_User001F_001")
        >>> type(utterance.play("corpora/KEMDy20")).__name__
        'Audio'
        """
        if root is None:
            raise ConfigError(
                f"{printable(self.id)}: a store has no sound; pass the folder of the corpus, such as play('KEMDy20')"
            )
        try:
            from IPython.display import Audio
        except ImportError:
            raise ConfigError("playing needs a notebook, and IPython is not installed: pip install ipython") from None
        sound = self.audio(root)
        louder = bool(np.abs(sound.values).max(initial=0) > 1)  # which float files may be
        return Audio(sound.values, rate=sound.sampling_rate, normalize=louder)  # type: ignore[no-untyped-call]

    def plot(self, stem: StrPath | None = None, *, arrays: Sequence[str] | None = None) -> Figure:
        """Draw what it has on a clock, one panel above the other, and its votes below; what was not measured is grey.

        Parameters
        ----------
        stem : str, PathLike or None
            Path without suffix of the SVG and PNG to write; None writes none.
        arrays : sequence of str or None
            Names of arrays; None draws the first spectrogram and every signal.

        Returns
        -------
        matplotlib.figure.Figure
            What was drawn; a notebook shows it.

        Raises
        ------
        ConfigError
            The store has no such array.
        AnalysisError
            Nothing that is asked for has a clock and was measured.

        Examples
        --------
        >>> import kemfeat
        >>> utterance = kemfeat.open_store("stores/KEMDy20").utterance("Sess01_script01_User001F_001")
        >>> figure = utterance.plot(arrays=["mel", "eda"])
        >>> figure.get_suptitle().partition(":")[0]
        'Sess01_script01_User001F_001'
        """
        seconds = self._seconds
        panels = self._panels(self.store.arrays if arrays is None else arrays, seconds)
        if arrays is None:
            images = [one for one in panels if isinstance(one, Image)]
            panels = [one for one in panels if isinstance(one, Trace) or one is images[0]]
        if not panels:
            names = "" if arrays is None else f" among {', '.join(arrays)}"
            raise AnalysisError(f"{printable(self.id)}: nothing{names} has a clock and was measured; name other arrays")
        title = f"{printable(self.id)}: {self._label}"
        with watermarked(provenance.WATERMARK if self.store.synthetic else ""):
            return utterance(stem, panels=panels, seconds=seconds, title=title, votes=self._counts)

    def _panels(self, names: Sequence[str], seconds: float) -> list[Image | Trace]:
        for name in names:
            self.store.array(name)
        drawn = (panel(self.store, name, self.number, seconds) for name in names) if seconds > 0 else ()
        return [one for one in drawn if one is not None]

    def _source(self, path: Any, listed: str) -> bytes:
        """The content of a file of the corpus, as the store was built from it."""
        sources = self.store.sources
        known = sources.loc[sources["path"] == listed, "sha256"]
        try:
            content: bytes = path.read_bytes()
        except OSError as error:
            raise MediaError(
                f"{path}: cannot be read ({error.strerror}); expected the corpus of this store in {path.parent}; "
                "pass the folder that it was built from"
            ) from None
        if hashlib.sha256(content).hexdigest() not in set(known):
            raise ConfigError(
                f"{path}: is not the file that the store was built from; pass the folder of that corpus, or build again"
            )
        return content

    def _reason(self, feature: str) -> str:
        failures = self.store.failures
        mine = failures[(failures["id"] == self.id) & (failures["feature"] == feature)]
        return f" ({printable(str(mine['error'].iloc[0]))})" if len(mine) else ""

    @property
    def _channel(self) -> ChannelPolicy:
        """The channel that features of the sound were made from."""
        asked = (settings.get("channels") for settings in self.store.header.config.settings.values())
        return cast("ChannelPolicy", next((each for each in asked if each not in (None, "refuse")), "first"))

    @property
    def _seconds(self) -> float:
        row = self.row
        return float(row["duration"]) if row["duration"] > 0 else float(row["end"] - row["start"])

    @property
    def _counts(self) -> dict[str, int]:
        """How many raters named each emotion that any of them named."""
        row = self.row
        named = {str(name).removeprefix(_VOTES): row[name] for name in row.index if str(name).startswith(_VOTES)}
        return {printable(name): int(count) for name, count in named.items() if count > 0}

    @property
    def _label(self) -> str:
        row = self.row
        known = [f"{name} {row[name]:.1f}" for name in ("valence", "arousal") if np.isfinite(row[name])]
        emotion = printable(row["emotion"]) if isinstance(row["emotion"], str) else "no label"
        return ", ".join([emotion, *known])


def number_of(store: StoreArrays, name: str) -> int:
    """The row of an utterance.

    Parameters
    ----------
    store : Store
        Where it is.
    name : str
        Its id.

    Returns
    -------
    int
        Row of the table of utterances.

    Raises
    ------
    ConfigError
        There is no such utterance; the message names the nearest ids.
    """
    ids = store.utterances["id"]
    found = np.flatnonzero(ids == name)
    if len(found) == 1:
        return int(found[0])
    if len(found):
        raise ConfigError(f"{store.path}: {len(found)} utterances are {printable(name)}; run `kemfeat verify`")
    known = sorted(map(str, ids))
    place = bisect(known, str(name))
    beside = known if len(known) <= _MOST_COMPARED else known[max(0, place - _NEAREST) : place + _NEAREST]
    near = difflib.get_close_matches(str(name), beside, n=_NEAREST, cutoff=0.4) or known[:1]
    nearest = " or ".join(repr(printable(each)) for each in near)
    raise ConfigError(f"{store.path}: no utterance {name!r} among {len(ids):,}; did you mean {nearest}?")
