"""Read audio; the only file that uses soundfile.

Reading is stricter than libsndfile, which silently shortens a file whose header is wrong: a file with fewer or more
samples than its header announces is refused. Headers of streams, which leave the size open, are accepted. A file is wav
unless its name has the suffix of another kind that libsndfile reads: FLAC, Ogg (Vorbis, Opus), MP3, AIFF, AU, CAF,
W64, RF64. Those are decoded as a whole to see that they are; an Ogg or MP3 file that was cut where a packet ends cannot
be told from a short one. The sound of an mp4 file is that of :mod:`kemfeat.film_sound`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat.errors import MediaError
from kemfeat.film_sound import SUFFIX as FILM_SUFFIX
from kemfeat.film_sound import film_sound
from kemfeat.paths import StrPath, to_path
from kemfeat.records import Signal
from kemfeat.stale_reads import asked_again
from kemfeat.wav_chunks import COPY_AGAIN, EXPECTED, states_size, whole

if TYPE_CHECKING:
    import soundfile
    from numpy.typing import NDArray

_SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
_OTHER_SUBTYPES = (*_SUBTYPES, "PCM_S8", "VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")
_RATES = (1_000, 1_000_000)
"""Lowest and highest sampling rate that is accepted, Hz; any other means a damaged header."""
_WAVE = ("WAV", "WAVEX")
_KINDS = {
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".oga": "OGG",
    ".opus": "OGG",
    ".mp3": "MP3",
    ".aif": "AIFF",
    ".aiff": "AIFF",
    ".aifc": "AIFF",
    ".au": "AU",
    ".snd": "AU",
    ".caf": "CAF",
    ".w64": "W64",
    ".rf64": "RF64",
}
SUFFIXES = (".wav", *_KINDS)
"""Suffixes of names of audio, in lower case; a file under any other is read as wav."""
_HEAD = 4096
"""Bytes that nearly always contain all that is before the samples."""


@dataclass(frozen=True, slots=True)
class AudioHeader:
    """What a header says.

    Parameters
    ----------
    frames : int
        Samples per channel.
    sampling_rate : int [Hz]
        Samples per second.
    channels : int
        Number of channels.
    subtype : str
        Encoding of the samples as libsndfile calls it, such as ``PCM_16``.
    """

    frames: int
    sampling_rate: int
    channels: int
    subtype: str


def read_header(content: bytes, *, name: str) -> AudioHeader:
    """Read the header of an audio file in memory.

    Parameters
    ----------
    content : bytes
        Content of the file.
    name : str
        Name of the file, for messages.

    Returns
    -------
    AudioHeader
        What the header says.

    Raises
    ------
    MediaError
        The bytes are not audio of a kind that is read, or contain no sample or fewer than the header announces.
    """
    if _is_film(name):
        sound = film_sound(content, name=name)
        return AudioHeader(len(sound.values), sound.sampling_rate, sound.values.shape[1], sound.codec)
    with _opened(content, name) as file:
        if _kind_of(name):  # which says less of its size than a wav file does
            _samples(file, name)
        return _header_of(file)


def scan_header(path: StrPath) -> AudioHeader:
    """Read the header of an audio file, of wav without its samples: of a cut one it says what it announces.

    Parameters
    ----------
    path : str or PathLike
        The file.

    Returns
    -------
    AudioHeader
        What the header says.

    Raises
    ------
    MediaError
        The file cannot be opened, is not audio of a kind that is read, or contains no sample.
    """
    import soundfile

    path = to_path(path)
    if _is_film(str(path)):
        return read_header(_content(path), name=str(path))
    try:
        with path.open("rb") as binary:
            sized = states_size(binary.read(_HEAD))
            binary.seek(0)
            with soundfile.SoundFile(binary) as file:
                if sized and file.frames and file.format in _WAVE and _kind_of(str(path)) is None:
                    _check_samples(file, str(path))
                    return _header_of(file)
    except (soundfile.LibsndfileError, OSError):
        pass
    return read_header(_content(path), name=str(path))  # no sample, the header of a stream, or what is wrong


def read_audio(path: StrPath) -> Signal:
    """Read an audio file as it is: every channel, at the file's own rate.

    Parameters
    ----------
    path : str or PathLike
        The file.

    Returns
    -------
    Signal
        Samples, shape (n,) for one channel, else (n, channels), float32; full scale is [-1, 1], which float files may
        exceed.

    Raises
    ------
    MediaError
        The file is missing or not readable, is not audio of a kind that is read, contains no sample, fewer than its
        header announces, or NaN or infinite samples.

    Examples
    --------
    >>> signal = read_audio("corpora/KEMDy20/wav/Session01/Sess01_script01_User001F_001.wav")
    >>> signal.sampling_rate, signal.values.ndim
    (16000, 1)
    """
    return decode_audio(_content(to_path(path)), name=str(path))


def decode_audio(content: bytes, *, name: str) -> Signal:
    """Decode the content of an audio file, as :func:`read_audio` does.

    Parameters
    ----------
    content : bytes
        All of the file.
    name : str
        Its path, for messages.

    Returns
    -------
    Signal
        As of :func:`read_audio`.

    Raises
    ------
    MediaError
        As :func:`read_audio`.
    """
    if _is_film(name):
        values, sampling_rate, _ = film_sound(content, name=name)
        values = values[:, 0] if values.shape[1] == 1 else values
    else:
        with _opened(content, name) as file:
            values, sampling_rate = _samples(file, name), file.samplerate
    finite = np.isfinite(values)
    if not finite.all():
        raise MediaError(
            f"{name}: {np.size(finite) - np.count_nonzero(finite)} of {np.size(finite)} samples are NaN or infinite; "
            f"expected finite samples; repair the file or leave the utterance out"
        )
    return Signal(values, sampling_rate, "1")


def _is_film(name: str) -> bool:
    return name.lower().endswith(FILM_SUFFIX)


def _samples(file: soundfile.SoundFile, name: str) -> NDArray[np.float32]:
    """All samples; those of 16 bits are read as such: libsndfile makes the same floats of them, in thrice the time."""
    found: NDArray[np.float32]
    if file.subtype == "PCM_16":
        found = np.multiply(file.read(dtype="int16"), np.float32(2**-15), dtype=np.float32)
    else:
        found = file.read(dtype="float32")
    if len(found) != file.frames:
        raise MediaError(f"{name}: has {len(found)} of the {file.frames} samples that it announces; {COPY_AGAIN}")
    return found


def _content(path: Path) -> bytes:
    try:
        return asked_again(path, Path.read_bytes)
    except OSError as error:
        away = f"{COPY_AGAIN}, or wait until a network disk is back"
        raise MediaError(f"{path}: cannot be opened ({error.strerror}); expected a wav file; {away}") from None


def _header_of(file: Any) -> AudioHeader:
    return AudioHeader(file.frames, file.samplerate, file.channels, file.subtype)


@contextmanager
def _opened(content: bytes, name: str) -> Iterator[Any]:
    """The open ``soundfile.SoundFile`` over ``content``, after all checks."""
    import soundfile

    kind = _kind_of(name)
    complete = _sized(content, kind, name=name) if kind else whole(content, name=name)
    try:
        with soundfile.SoundFile(io.BytesIO(complete)) as file:
            if kind and file.format != kind:
                raise MediaError(f"{name}: is {file.format}, not {kind}; give it the suffix of what it is")
            _check_samples(file, name)
            yield file
    except soundfile.LibsndfileError as error:
        raise _not_audio(name, error) from None


def _kind_of(name: str) -> str | None:
    """What libsndfile calls a file of that name, where it is not wav."""
    return _KINDS.get(Path(name).suffix.lower())


def _sized(content: bytes, kind: str, *, name: str) -> bytes:
    """The content of a file that is not wav, as long as its header says, where that says how long it is."""
    if not content:
        raise MediaError(f"{name}: the file is empty (0 bytes); {COPY_AGAIN}")
    announced = _announced(content, kind)
    if announced > len(content):
        raise MediaError(f"{name}: has {len(content):,} of the {announced:,} bytes that it announces; {COPY_AGAIN}")
    return content


def _announced(content: bytes, kind: str) -> int:
    """Bytes that a file should have according to its header; 0 where that does not say."""
    if kind == "AIFF" and content[:4] == b"FORM":
        return 8 + int.from_bytes(content[4:8], "big")
    if kind == "AU" and content[:4] == b".snd":
        start, size = (int.from_bytes(content[place : place + 4], "big") for place in (4, 8))
        return start + (0 if size == _OPEN else size)
    if kind == "W64" and content[:4] == b"riff":
        return int.from_bytes(content[16:24], "little")
    if kind == "RF64" and content[:4] == b"RF64":
        return 8 + int.from_bytes(content[20:28], "little")
    return _end_of_caf(content) if kind == "CAF" and content[:4] == b"caff" else 0


def _end_of_caf(content: bytes) -> int:
    """Where the last chunk ends; a size of -1 is that of a stream."""
    end = 8
    while end + 12 <= len(content):
        end += 12 + max(int.from_bytes(content[end + 4 : end + 12], "big", signed=True), 0)
    return end


_OPEN = 2**32 - 1
"""Size in the header of a stream of AU."""


def _not_audio(name: str, error: Any) -> MediaError:
    why = error.error_string.rstrip(".")
    kind = _kind_of(name)
    expected = EXPECTED if kind is None else f"expected {kind}"
    return MediaError(f"{name}: cannot be read as audio ({why}); {expected}; {COPY_AGAIN}")


def _check_samples(file: Any, name: str) -> None:
    known = _SUBTYPES if _kind_of(name) is None else _OTHER_SUBTYPES
    if file.subtype not in known:
        raise MediaError(
            f"{name}: samples of type {file.subtype} are not supported; expected one of {', '.join(known)}; "
            f"convert the file to 16-bit PCM wav"
        )
    if not _RATES[0] <= file.samplerate <= _RATES[1]:
        raise MediaError(
            f"{name}: the header says {file.samplerate} samples per second, expected {_RATES[0]} to {_RATES[1]}; "
            f"{COPY_AGAIN}"
        )
    if file.frames == 0:
        raise MediaError(f"{name}: contains no sample; expected at least one; {COPY_AGAIN} or leave the utterance out")
