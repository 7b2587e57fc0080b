"""Films of a synthetic IEMOCAP: real avi files in which the face of who speaks moves and shows the emotion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from kemfeat import build_store, plugins
from kemfeat.errors import ConfigError
from kemfeat.store.reader import Store
from kemfeat.synth.iemocap import SYNTH
from kemfeat.synth.iemocap._films import FRAME_RATE, Part, draw_look, pictures
from kemfeat.video import measured

pytest.importorskip("av", reason="the extra `video` is not installed")

LOOKS = {"F": draw_look(0, 1), "M": draw_look(0, 2)}
LEFT, RIGHT = slice(0, 180), slice(180, 360)


def part(code: str = "neu", *, actor: int = 0, start: float = 0.0, tone: float = 0.0, energy: float = 0.0) -> Part:
    return Part(start, start + 3.0, actor, code, tone, energy)


def film(*parts: Part, wearer: str = "F") -> np.ndarray:
    return np.stack(list(pictures(list(parts), wearer=wearer, looks=LOOKS))).astype(int)


def moved(frames: np.ndarray) -> float:
    """Mean change from one frame to the next."""
    return float(np.abs(np.diff(frames, axis=0)).mean())


def test_a_film_lasts_until_a_second_after_the_last_turn() -> None:
    assert film(part(), part(actor=1, start=3.5)).shape == (round(7.5 * FRAME_RATE), 240, 360, 3)


@pytest.mark.parametrize(("wearer", "speaks", "listens"), [("F", LEFT, RIGHT), ("M", RIGHT, LEFT)])
def test_who_wears_the_markers_is_on_the_left_and_who_speaks_moves(wearer: str, speaks: slice, listens: slice) -> None:
    frames = film(part(actor=0), wearer=wearer)[:30]
    assert moved(frames[:, :, speaks]) > 3 * moved(frames[:, :, listens]) > 0
    before = moved(film(part(actor=0, start=4.0), wearer=wearer)[:35, :, speaks])
    assert moved(frames[:, :, speaks]) > 3 * before


@pytest.mark.parametrize(
    "other", [part("ang"), part("sad"), part("sur"), part(tone=1.2), part(tone=-1.2), part(energy=1.0)]
)
def test_the_face_depends_on_what_is_felt(other: Part) -> None:
    one, two = film(part())[:30], film(other)[:30]
    assert np.abs(one - two)[:, :, LEFT].mean() > 0.05
    np.testing.assert_array_equal(one[:, :, RIGHT], two[:, :, RIGHT])


def test_people_have_faces_of_their_own_and_there_is_black_above_and_below() -> None:
    frame = film(part())[0]
    colours = [tuple(frame[95, middle + 20]) for middle in (90, 282)]
    assert colours[0] != colours[1]
    assert not frame[:30].any()
    assert not frame[210:].any()
    assert draw_look(0, 1) != draw_look(1, 1)
    assert draw_look(0, 1) == draw_look(0, 1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("films") / "corpus"
    SYNTH.write(out, utterances=12, sessions=1, seed=3, video=True)
    return out


@pytest.fixture(scope="module")
def store(corpus: Path) -> Store:
    settings: dict[str, Any] = {"features": ["video-frames"]}
    return build_store("IEMOCAP", root=corpus, out=corpus.parent / "store", settings=settings).store


def films(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(root.rglob("*.avi"))}


def test_every_dialog_has_a_film_that_covers_it(corpus: Path) -> None:
    utterances = plugins.find("corpora", "IEMOCAP").read_manifest(corpus).utterances
    for path, end in utterances.groupby("video")["end"].max().items():
        assert end + 0.8 < measured(corpus / str(path), name=str(path)) < end + 1.2
    assert set(utterances["dialog"]) == {name.removesuffix(".avi") for name in films(corpus)}
    assert "video = True" in (corpus / "SYNTHETIC.txt").read_text()


def test_films_are_beside_a_corpus_that_is_otherwise_the_same(corpus: Path, tmp_path: Path) -> None:
    for name, video, workers in (("plain", False, 1), ("again", True, 2)):
        SYNTH.write(tmp_path / name, utterances=12, sessions=1, seed=3, video=video, workers=workers)
    trees = {
        root.name: {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (corpus, tmp_path / "plain", tmp_path / "again")
    }
    assert trees["again"] == trees["corpus"]
    trees["plain"].pop("SYNTHETIC.txt")
    assert trees["plain"].items() <= trees["corpus"].items()


def test_a_store_shows_faces_that_move_and_differ(store: Store) -> None:
    """What the published system would have failed: it fed twenty copies of one spectrogram."""
    frames = np.asarray(store.array("video_frames")[:]).astype(int)
    lengths = np.asarray(store.array("video_frames_lengths")[:])
    rows = store.rows("clip")
    assert set(rows["video_frames_side"]) == {"left", "right"}
    assert set(rows["video_frames_missing"]) == {""}
    for row, length in zip(frames, lengths, strict=True):
        assert (np.abs(np.diff(row[:length], axis=0)).mean(axis=(1, 2, 3)) > 0.3).all()
    speakers = {name: np.median(frames[rows["speaker"] == name, 0], axis=0) for name in set(rows["speaker"])}
    one, other = speakers.values()
    assert np.abs(one - other).mean() > 5


@pytest.mark.slow
def test_shuffled_pairs_lose(tmp_path: Path) -> None:
    """Faces tell the emotion of people never seen, and those of another utterance do not."""
    SYNTH.write(tmp_path / "corpus", utterances=120, sessions=3, seed=3, video=True)
    settings: dict[str, Any] = {"features": ["video-frames"]}
    store = build_store("IEMOCAP", root=tmp_path / "corpus", out=tmp_path / "store", settings=settings).store
    rows = store.rows("clip")
    emotion = store.utterances.set_index("id")["emotion_annotated"].reindex(rows["parent"]).to_numpy()
    used = np.isin(emotion, ["neutral", "sad", "happy", "angry"])
    tested = used & (rows["session"] == rows["session"].max()).to_numpy()
    faces = _faces(store, rows["speaker"])
    model = LogisticRegression(C=1e-3, max_iter=3000, class_weight="balanced")
    model.fit(faces[used & ~tested], emotion[used & ~tested])
    found, rng = model.predict(faces[tested]), np.random.default_rng(0)
    shuffled = [balanced_accuracy_score(emotion[tested], rng.permutation(found)) for _ in range(200)]
    assert balanced_accuracy_score(emotion[tested], found) > np.quantile(shuffled, 0.99)


def _faces(store: Store, speakers: pd.Series) -> np.ndarray:
    """The mean picture of each clip, 20 by 25, less that of its speaker; shape (clips, 500)."""
    frames, lengths = store.array("video_frames")[:], store.array("video_frames_lengths")[:]
    pictures = np.stack([np.mean(row[:length], axis=(0, 3)) for row, length in zip(frames, lengths, strict=True)])
    small = pd.DataFrame(pictures.reshape(-1, 20, 3, 25, 4).mean(axis=(2, 4)).reshape(len(pictures), -1))
    return np.asarray(small - small.groupby(speakers.to_numpy()).transform("mean"))


def test_only_iemocap_has_films(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a synthetic KEMDy20 has no films; leave --video out"):
        plugins.find("synth", "KEMDy20").write(tmp_path / "out", utterances=40, sessions=40, video=True)
    assert not (tmp_path / "out").exists()


def test_without_pyav_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r"--video: needs PyAV.*pip install 'kemfeat\[video\]'"):
        SYNTH.write(tmp_path / "out", utterances=2, sessions=1, video=True)
    assert not (tmp_path / "out").exists()
