"""Audio in and out: what is read is what was written, and whatever is not whole audio is refused with a reason."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from kemfeat.errors import MediaError
from kemfeat.media import AudioHeader, read_audio, read_header, scan_header
from kemfeat.waveform import is_silent


def wav_bytes(samples: np.ndarray, *, subtype: str = "PCM_16", kind: str = "WAV", rate: int = 16000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


RAMP = np.linspace(-0.5, 0.5, 400)
WAV = wav_bytes(RAMP)


@given(st_numpy.arrays(np.int16, st.integers(1, 300)), st.integers(1, 3), st.sampled_from([8000, 16000, 44100]))
@settings(deadline=None, max_examples=25)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, samples: np.ndarray, channels: int, rate: int
) -> None:
    values = (np.repeat(samples[:, None], channels, axis=1) / 32768).astype(np.float32).squeeze()
    values = np.atleast_1d(values)
    path = tmp_path_factory.mktemp("wav") / "clip.wav"
    path.write_bytes(wav_bytes(np.repeat(samples[:, None], channels, axis=1), rate=rate))
    read = read_audio(path)
    assert read.values.dtype == np.float32
    assert read.sampling_rate == rate
    np.testing.assert_array_equal(np.atleast_1d(read.values.squeeze()), values)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_supported_kind_of_sample(tmp_path: Path, subtype: str) -> None:
    content = wav_bytes(np.stack([RAMP, -RAMP], axis=1), subtype=subtype)
    (tmp_path / "clip.wav").write_bytes(content)
    assert read_header(content, name="clip") == AudioHeader(400, 16000, 2, subtype)
    values = read_audio(tmp_path / "clip.wav").values
    assert values.shape == (400, 2)
    np.testing.assert_allclose(values[:, 0], RAMP, atol=1 / 128 if subtype == "PCM_U8" else 1 / 32768)


def with_bytes(content: bytes, at: int, patch: bytes) -> bytes:
    return content[:at] + patch + content[at + len(patch) :]


DATA_SIZE = WAV.index(b"data") + 4
BROKEN = {
    "empty": (b"", r"the file is empty \(0 bytes\)"),
    "cut in the samples": (WAV[:-100], "truncated: the header announces 800 bytes of samples, the file contains 700"),
    "cut before the samples": (WAV[: DATA_SIZE + 4], "announces 800 bytes of samples, the file contains 0"),
    "cut in the header": (WAV[:30], "cannot be read as audio"),
    "half announced": (with_bytes(WAV, DATA_SIZE, struct.pack("<I", 400)), "announces 400 bytes .* but 400 more bytes"),
    "nearly all announced": (with_bytes(WAV, DATA_SIZE, struct.pack("<I", 780)), "but 20 more bytes follow"),
    "a gigabyte announced": (with_bytes(WAV, DATA_SIZE, struct.pack("<I", 2**30)), "truncated: the header announces"),
    "only the magic": (WAV[:12], "cannot be read as audio"),
    "text": (b"Segment ID,Total Evaluation\n", "not a RIFF/WAVE file"),
    "zeros": (bytes(4096), "not a RIFF/WAVE file"),
    "flac": (wav_bytes(RAMP, kind="FLAC"), "not a RIFF/WAVE file"),
    "unknown coding": (with_bytes(WAV, 20, struct.pack("<H", 0x1234)), "cannot be read as audio|not supported"),
    "no rate": (with_bytes(WAV, 24, struct.pack("<I", 7)), "the header says 7 samples per second"),
    "a-law, cut": (wav_bytes(RAMP, subtype="ALAW")[:-100], "truncated: the header announces 400 bytes of samples"),
    "gsm": (wav_bytes(RAMP, subtype="GSM610"), "samples of type GSM610 are not supported"),
    "bytes per second of another rate": (
        with_bytes(WAV, 24, struct.pack("<I", 8000)),
        "the header says 8000 samples per second of 1 x 16 bits, but 32000 bytes per second and 2 bytes per sample",
    ),
    "bytes of one channel": (with_bytes(WAV, 22, struct.pack("<H", 2)), "of 2 x 16 bits, but .* 2 bytes per sample"),
    "three samples short": (with_bytes(WAV, DATA_SIZE, struct.pack("<I", 794)), "but 6 more bytes follow"),
    "no sample": (wav_bytes(np.zeros(0)), "contains no sample"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_refused_the_same_way_by_both_readers(tmp_path: Path, case: str) -> None:
    content, message = BROKEN[case]
    path = tmp_path / "clip.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=message) as by_header:
        read_header(content, name=str(path))
    with pytest.raises(MediaError) as by_path:
        read_audio(path)
    assert str(by_header.value) == str(by_path.value)
    assert str(path) in str(by_path.value)


KINDS = {
    "clip.flac": ("FLAC", "PCM_16", 1e-4),
    "clip.FLAC": ("FLAC", "PCM_24", 1e-6),
    "clip.aiff": ("AIFF", "PCM_16", 1e-4),
    "clip.aif": ("AIFF", "PCM_S8", 1e-2),
    "clip.au": ("AU", "PCM_16", 1e-4),
    "clip.snd": ("AU", "ULAW", 3e-2),
    "clip.caf": ("CAF", "PCM_24", 1e-6),
    "clip.w64": ("W64", "PCM_16", 1e-4),
    "clip.rf64": ("RF64", "FLOAT", 1e-6),
    "clip.ogg": ("OGG", "VORBIS", 0.1),
    "clip.opus": ("OGG", "OPUS", 0.3),
    "clip.mp3": ("MP3", "MPEG_LAYER_III", 0.2),
    "clip.wav": ("WAV", "ALAW", 3e-2),
}


@pytest.mark.parametrize("name", KINDS)
def test_other_kinds_are_read_by_their_suffix(tmp_path: Path, name: str) -> None:
    kind, subtype, tolerance = KINDS[name]
    tone = (0.5 * np.sin(np.arange(48000) * 0.05)).astype(np.float32)
    path = tmp_path / name
    path.write_bytes(wav_bytes(tone, kind=kind, subtype=subtype, rate=48000))
    found = read_audio(path)
    header = scan_header(path)
    assert (header.sampling_rate, header.channels, header.subtype) == (48000, 1, subtype)
    assert header == read_header(path.read_bytes(), name=name)
    assert header.frames == len(found.values)
    assert abs(len(found.values) - 48000) < 3000  # codecs pad
    assert np.abs(found.values[:40000] - tone[:40000]).max() < tolerance
    expected, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(found.values, expected)


@pytest.mark.parametrize(
    "name", ["clip.flac", "clip.aiff", "clip.au", "clip.caf", "clip.w64", "clip.rf64", "clip.ogg", "clip.mp3"]
)
def test_other_kinds_that_are_broken_are_refused(tmp_path: Path, name: str) -> None:
    kind, subtype, _ = KINDS[name]
    noise = np.random.default_rng(0).normal(scale=0.1, size=48000).astype(np.float32)
    content = wav_bytes(noise, kind=kind, subtype=subtype, rate=48000)
    path = tmp_path / name
    lossy = kind in ("OGG", "MP3")  # where a cut cannot always be seen
    for broken in (b"", b"RIFF" * 9, WAV, *([] if lossy else [content[: len(content) // 2], content[:-7]])):
        path.write_bytes(broken)
        with pytest.raises(MediaError, match=re.escape(name)):
            read_audio(path)
        with pytest.raises(MediaError, match=re.escape(name)):
            scan_header(path)


def test_every_16_bit_sample_is_the_float32_of_libsndfile(tmp_path: Path) -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    soundfile.write(tmp_path / "clip.wav", np.stack([every, every[::-1]], axis=1), 16000, subtype="PCM_16")
    found = read_audio(tmp_path / "clip.wav").values
    expected, _ = soundfile.read(tmp_path / "clip.wav", dtype="float32")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, bad: float, subtype: str) -> None:
    samples = RAMP.copy()
    samples[[3, 70]] = bad
    (tmp_path / "clip.wav").write_bytes(wav_bytes(samples, subtype=subtype))
    with pytest.raises(MediaError, match="2 of 400 samples are NaN or infinite"):
        read_audio(tmp_path / "clip.wav")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"absent\.wav: cannot be opened \(No such file"):
        read_audio(tmp_path / "absent.wav")
    with pytest.raises(MediaError, match="cannot be opened"):
        read_audio(tmp_path)


@given(st.integers(0, len(WAV) - 1))
@settings(deadline=None, max_examples=60)
def test_no_beginning_of_a_file_passes_for_the_file(length: int) -> None:
    with pytest.raises(MediaError):
        read_header(WAV[:length], name="clip")


def test_chunks_before_and_behind_the_samples_do_no_harm(tmp_path: Path) -> None:
    before = b"LIST" + struct.pack("<I", 3) + b"odd\0"
    content = WAV[:36] + before + WAV[36:] + b"LIST" + struct.pack("<I", 2) + b"ok"
    (tmp_path / "clip.wav").write_bytes(content)
    assert read_header(content, name="clip").frames == 400
    assert len(read_audio(tmp_path / "clip.wav").values) == 400


@pytest.mark.parametrize(
    "size", [0xFFFFFFFF, 0xFFFFFFDB, 0xFFFFF000, 0x7FFFFFFF, 0x7FFFFFDB, 0x7FFFF000, 0x7FFFEFDC, 1 << 31, 0x80000024, 0]
)
@pytest.mark.parametrize("riff", [0xFFFFFFFF, 0])
def test_a_header_of_a_stream_is_read_to_the_end_of_the_file(tmp_path: Path, size: int, riff: int) -> None:
    content = with_bytes(with_bytes(WAV, 4, struct.pack("<I", riff)), DATA_SIZE, struct.pack("<I", size))
    (tmp_path / "clip.wav").write_bytes(content)
    (tmp_path / "plain.wav").write_bytes(WAV)
    plain = read_audio(tmp_path / "plain.wav").values
    np.testing.assert_array_equal(read_audio(tmp_path / "clip.wav").values, plain)
    assert read_header(content, name="clip") == scan_header(tmp_path / "clip.wav") == read_header(WAV, name="clip")


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0])
@pytest.mark.parametrize("later", [b"LIST\x04\0\0\0INFO", b"id3 \x01\0\0\0x\0bext\x02\0\0\0ab", b"JUNK\0\0\0\0\0\0"])
def test_chunks_after_the_samples_of_a_stream_are_no_samples(tmp_path: Path, size: int, later: bytes) -> None:
    content = with_bytes(WAV, DATA_SIZE, struct.pack("<I", size)) + later
    (tmp_path / "clip.wav").write_bytes(content)
    (tmp_path / "plain.wav").write_bytes(WAV)
    plain = read_audio(tmp_path / "plain.wav").values
    np.testing.assert_array_equal(read_audio(tmp_path / "clip.wav").values, plain)
    assert scan_header(tmp_path / "clip.wav") == read_header(content, name="clip") == read_header(WAV, name="clip")


def test_the_id_of_a_chunk_among_the_samples_is_sound() -> None:
    spoken = WAV[:-20] + b"LIST" + struct.pack("<I", 4) + WAV[-12:]
    content = with_bytes(spoken, DATA_SIZE, struct.pack("<I", 0xFFFFFFFF))
    assert read_header(content, name="clip").frames == len(RAMP)


def test_zeros_after_the_samples_do_no_harm() -> None:
    assert read_header(WAV + bytes(6), name="clip").frames == len(RAMP)


@given(st.integers(0, 799))
@settings(deadline=None, max_examples=60)
def test_no_size_loses_samples_in_silence(size: int) -> None:
    content = with_bytes(WAV, DATA_SIZE, struct.pack("<I", size))
    if size == 0:  # a stream
        assert read_header(content, name="clip").frames == len(RAMP)
    else:
        with pytest.raises(MediaError, match="more bytes follow"):
            read_header(content, name="clip")


def test_real_clips(shared: Path) -> None:
    paths = sorted((shared / "data" / "kemdy20_real_media" / "wav").rglob("*.wav"))
    assert len(paths) == 154
    for path in paths:
        signal = read_audio(path)
        header = read_header(path.read_bytes(), name=path.name)
        assert header == AudioHeader(len(signal.values), 16000, 1, "PCM_16")
        assert not is_silent(signal)


def test_a_scanned_header_is_the_header_and_refuses_what_is_no_audio(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    path.write_bytes(WAV)
    assert scan_header(path) == read_header(WAV, name="clip")
    for content in (b"", b"no audio at all", wav_bytes(RAMP[:0])):
        path.write_bytes(content)
        with pytest.raises(MediaError, match=re.escape(str(path))):
            scan_header(path)
    with pytest.raises(MediaError, match="nowhere"):
        scan_header(tmp_path / "nowhere.wav")
