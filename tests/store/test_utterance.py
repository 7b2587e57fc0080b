"""One utterance: what it is equals what the tables and arrays have, padding is left out, and its sound is its own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from kemfeat.build import BuildOptions, build_store
from kemfeat.errors import AnalysisError, ConfigError, ExtractionError, MediaError, StoreCorruptError
from kemfeat.media import read_audio
from kemfeat.store import utterance as module
from kemfeat.store.reader import Store
from kemfeat.store.valid_lengths import marks
from tests.corpora.tiny import TinyCorpus, wav_bytes, write_tiny_kemdy20

HOSTILE = '<img src=x onerror="alert(1)">&\x1b[31m'


def reopened(store: Store) -> Store:
    """The same store with tables of its own, to change."""
    return Store(store.path, store.header)


@given(st.integers(0, 19))
@settings(max_examples=20, deadline=None)
def test_arrays_are_the_rows_without_their_padding(finished: Store, number: int) -> None:
    one = finished.utterance(finished.utterances["id"][number])
    for name in finished.arrays:
        row, mark = finished.array(name)[number], marks(finished.header, name)
        real = np.asarray(row) if mark is None else _real(np.asarray(row), np.asarray(finished.array(mark)[number]))
        np.testing.assert_array_equal(one[name], real)
        assert one[name].dtype == finished[name].dtype


def _real(row: np.ndarray[Any, Any], mark: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An oracle that walks from the end."""
    end = int(mark) if mark.ndim == 0 else len(mark)
    while mark.ndim and end and not mark[end - 1]:
        end -= 1
    return row[:end]


def test_an_utterance_is_what_the_tables_say(finished: Store, corpus: TinyCorpus) -> None:
    for number, name in enumerate(corpus.ids):
        one = finished.utterance(name)
        assert one.id == name
        assert one.row.equals(finished.utterances.iloc[number])
        assert one.text == finished.utterances["text"][number]
        assert one.mel.shape == (one.row["mel_frames"], 128)
        assert one.mel.dtype == np.float32
        assert one.votes["rater"].tolist() == finished.ratings.loc[finished.ratings["id"] == name, "rater"].tolist()
    assert repr(one).startswith(f"<kemfeat.Utterance {name}: happy;neutral, valence ")


def test_its_row_cannot_change_the_table(finished: Store, corpus: TinyCorpus) -> None:
    row = finished.utterance(corpus.ids[0]).row
    row["emotion"] = "sad"
    assert finished.utterances["emotion"][0] != "sad"


def test_nobody_voted_and_nobody_spoke(finished: Store, corpus: TinyCorpus) -> None:
    store = reopened(finished)
    store.ratings = store.ratings[:0]
    store.utterances["text"] = None
    one = store.utterance(corpus.ids[0])
    assert one.votes.columns.tolist() == ["rater", "rater_sex", "emotion", "valence", "arousal"]
    assert one.votes.shape == (0, 5)
    assert one.text is None
    assert "no votes" in one._repr_html_()


def test_an_unknown_id_names_the_nearest(finished: Store, corpus: TinyCorpus) -> None:
    wanted = corpus.ids[3]
    with pytest.raises(ConfigError, match=f"no utterance .* among 20; did you mean '{wanted}'"):
        finished.utterance(f"{wanted[:-1]}x{wanted[-1]}")
    for name in ("", "\x1b[2J", "사람", 3, None):
        with pytest.raises(ConfigError, match="did you mean"):
            finished.utterance(name)  # type: ignore[arg-type]


def test_of_a_million_ids_those_beside_it_are_compared(
    finished: Store, corpus: TinyCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_COMPARED", 2)
    with pytest.raises(ConfigError, match=f"did you mean '{corpus.ids[3]}'"):
        finished.utterance(f"{corpus.ids[3]}0")


def test_an_id_twice_is_refused(finished: Store, corpus: TinyCorpus) -> None:
    store = reopened(finished)
    store.utterances.loc[1, "id"] = corpus.ids[0]
    with pytest.raises(ConfigError, match=r"2 utterances are .*; run `kemfeat verify`"):
        store.utterance(corpus.ids[0])


def test_an_unknown_array_suggests_one(finished: Store, corpus: TinyCorpus) -> None:
    one = finished.utterance(corpus.ids[0])
    with pytest.raises(ConfigError, match="did you mean 'mel'"):
        one["mell"]
    assert "mel" in one
    assert "mell" not in one
    assert set(one._ipython_key_completions_()) == set(finished.arrays)


@pytest.fixture(scope="module")
def gapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[TinyCorpus, Store]:
    """A store of which one utterance has broken audio, and with an array that has several rows per utterance."""
    folder = tmp_path_factory.mktemp("gapped")
    corpus = write_tiny_kemdy20(folder / "corpus", scripts=1, turns=2)
    corpus.wav(corpus.ids[1]).write_bytes(b"RIFF")
    settings_ = {"features": ("mel", "clip_audio"), "mel": {"max_frames": 8}}
    options = BuildOptions(on_error="skip", max_failures=1.0)
    return corpus, build_store(
        "KEMDy20", root=corpus.root, out=folder / "store", settings=settings_, options=options
    ).store


def test_what_could_not_be_extracted_is_refused_with_the_reason(gapped: tuple[TinyCorpus, Store]) -> None:
    corpus, store = gapped
    with pytest.raises(ExtractionError, match=rf"{corpus.ids[1]}: mel could not be extracted \(.*wav"):
        _ = store.utterance(corpus.ids[1]).mel
    assert store.utterance(corpus.ids[0]).mel.shape == (8, 128)


def test_an_array_with_many_rows_says_how_to_take_them(gapped: tuple[TinyCorpus, Store]) -> None:
    corpus, store = gapped
    one = store.utterance(corpus.ids[0])
    with pytest.raises(ConfigError, match=r"clip_audio: has rows of clip, .*store.take\(store.owners\('clip'\) == "):
        one["clip_audio"]
    taken = store.take(store.owners("clip") == one.id, arrays=["clip_audio"])["clip_audio"]
    assert len(taken) == (store.owners("clip") == one.id).sum() > 0
    assert "clip_audio" not in one._ipython_key_completions_()


def test_its_sound_is_that_of_its_file(finished: Store, corpus: TinyCorpus) -> None:
    for name in corpus.ids[:3]:
        sound, whole = finished.utterance(name).audio(str(corpus.root)), read_audio(corpus.wav(name))
        np.testing.assert_array_equal(sound.values, whole.values)
        assert sound.sampling_rate == whole.sampling_rate


def test_a_part_of_a_recording_is_cut(finished: Store, corpus: TinyCorpus) -> None:
    store = reopened(finished)
    store.utterances[["audio_start", "audio_end"]] = (0.25, 0.5)
    sound = store.utterance(corpus.ids[0]).audio(corpus.root)
    whole = read_audio(corpus.wav(corpus.ids[0]))
    np.testing.assert_array_equal(sound.values, whole.values[whole.sampling_rate // 4 : whole.sampling_rate // 2])


def test_it_plays_at_its_own_level(finished: Store, corpus: TinyCorpus) -> None:
    import io

    import soundfile

    player = finished.utterance(corpus.ids[0]).play(corpus.root)
    played, rate = soundfile.read(io.BytesIO(player.data), dtype="float32")
    whole = read_audio(corpus.wav(corpus.ids[0]))
    np.testing.assert_allclose(played, whole.values, atol=1e-4)
    assert rate == whole.sampling_rate
    assert "<audio" in player._repr_html_()


def test_without_a_root_or_ipython_one_sentence_says_what_to_do(
    finished: Store, corpus: TinyCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = finished.utterance(corpus.ids[0])
    with pytest.raises(ConfigError, match="a store has no sound; pass the folder of the corpus"):
        one.play()
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(ConfigError, match="IPython is not installed: pip install ipython"):
        one.play(corpus.root)


def test_another_corpus_is_not_played(finished: Store, corpus: TinyCorpus, tmp_path: Path) -> None:
    one = finished.utterance(corpus.ids[0])
    with pytest.raises(MediaError, match=r"cannot be read \(No such file or directory\); .*pass the folder"):
        one.audio(tmp_path)
    shutil.copytree(corpus.root / "wav", tmp_path / "wav")
    (tmp_path / corpus.wav(corpus.ids[0]).relative_to(corpus.root)).write_bytes(wav_bytes(0.75, pitch=500.0))
    with pytest.raises(ConfigError, match="is not the file that the store was built from"):
        one.audio(tmp_path)


@pytest.mark.parametrize("path", ["../secret.wav", "/etc/passwd", "wav/../../secret.wav", ""])
def test_no_path_of_a_store_leaves_the_corpus(finished: Store, corpus: TinyCorpus, path: str) -> None:
    store = reopened(finished)
    store.utterances.loc[0, "audio"] = path
    with pytest.raises(StoreCorruptError, match="lists a file outside"):
        store.utterance(corpus.ids[0]).audio(corpus.root)


def test_silence_is_said(finished: Store, corpus: TinyCorpus) -> None:
    store = reopened(finished)
    store.utterances["audio"] = None
    with pytest.raises(ConfigError, match="has no audio"):
        store.utterance(corpus.ids[0]).play(corpus.root)
    store.utterances["corpus"] = "KEMDy20"
    with pytest.raises(ConfigError, match="is in a joined store; play it from the store of KEMDy20 alone"):
        store.utterance(corpus.ids[0]).play(corpus.root)


def texts(figure: Figure) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_a_plot_has_a_panel_for_each_signal_and_a_bar_for_each_emotion(finished: Store, corpus: TinyCorpus) -> None:
    one = finished.utterance(corpus.ids[2])
    shown = texts(one.plot())
    for name in ("mel", "eda", "temp"):
        assert f"{name}: {finished[name].description}" in shown
    assert not any(text.startswith(("delta:", "input_ids:")) for text in shown)
    assert {"happy", "neutral", "raters who named it", "time [s]"} <= set(shown)
    assert f"delta: {finished['delta'].description}" in texts(one.plot(arrays=["delta"]))


def test_a_plot_is_written_where_files_are_asked_for(finished: Store, corpus: TinyCorpus, tmp_path: Path) -> None:
    finished.utterance(corpus.ids[2]).plot(str(tmp_path / "one"))
    assert {path.name for path in tmp_path.iterdir()} == {"one.svg", "one.png"}


def test_what_has_no_clock_is_not_plotted(finished: Store, corpus: TinyCorpus) -> None:
    one = finished.utterance(corpus.ids[0])
    with pytest.raises(AnalysisError, match="nothing among input_ids has a clock and was measured"):
        one.plot(arrays=["input_ids"])
    with pytest.raises(AnalysisError, match="nothing among eda has a clock"):  # this one has no physiology
        one.plot(arrays=["eda"])
    with pytest.raises(ConfigError, match="did you mean 'mel'"):
        one.plot(arrays=["mell"])
    store = reopened(finished)
    store.utterances[["duration", "start", "end"]] = np.nan
    with pytest.raises(AnalysisError, match="nothing has a clock"):
        store.utterance(corpus.ids[0]).plot()


def test_what_a_corpus_says_is_text(finished: Store, corpus: TinyCorpus) -> None:
    store = reopened(finished)
    store.utterances[["id", "text", "emotion", "speaker"]] = store.utterances[
        ["id", "text", "emotion", "speaker"]
    ].astype(object)
    store.utterances.loc[2, ["id", "text", "emotion", "speaker"]] = HOSTILE
    store.ratings = pd.DataFrame({name: [HOSTILE] for name in store.ratings.columns})
    one = store.utterance(HOSTILE)
    for shown in (one._repr_html_(), store._repr_html_()):
        assert "<img" not in shown
    assert one._repr_html_().count("&lt;img") == 4 + 5
    assert "\x1b" not in repr(one)
    assert "\x1b" not in one.plot().get_suptitle()
