"""Recordings come into a page only where they may, from the corpus of the store and from nowhere else."""

from __future__ import annotations

import base64
import io
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from kemfeat import media
from kemfeat.build import build_store
from kemfeat.corpora import terms_of
from kemfeat.errors import ConfigError, CorpusError
from kemfeat.report import sound, write_report
from kemfeat.report.sound import MOST_RECORDINGS, MOST_SECONDS, SAMPLING_RATE, recordings
from kemfeat.store.reader import Store, open_store
from kemfeat.synth.kemdy20 import SYNTH
from tests.build.kit import Bench
from tests.e2e.test_cli import kemfeat, sentence
from tests.report.kit import Page


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic corpus and its store."""
    folder = tmp_path_factory.mktemp("sound")
    SYNTH.write(folder / "KEMDy20", utterances=60, sessions=2, seed=3)
    build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings={"features": ("text",)})
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


def samples(uri: str) -> tuple[np.ndarray, int]:
    head, _, content = uri.partition(",")
    assert head == "data:audio/wav;base64"
    with wave.open(io.BytesIO(base64.b64decode(content))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()


def test_a_recording_is_the_beginning_of_the_utterance(made: Path) -> None:
    store = open_store(made / "store")
    found = recordings(store, root=made / "KEMDy20", count=5)
    assert len(found) == 5
    about = store.utterances.set_index("id")
    for recording in found:
        row = about.loc[recording.name]
        whole = media.read_audio(made / "KEMDy20" / row["audio"])
        heard, rate = samples(recording.uri)
        assert rate == SAMPLING_RATE
        assert len(heard) / rate == pytest.approx(min(row["duration"], MOST_SECONDS), abs=1e-3)
        if whole.sampling_rate == SAMPLING_RATE:
            assert np.abs(heard / 32768 - whole.values[: len(heard)]).max() <= 1 / 32768
        assert row["emotion"] in recording.caption
        assert ("The first 8 of" in recording.caption) == (row["duration"] > MOST_SECONDS)


def test_the_page_plays_them_and_its_policy_allows_it(made: Path, tmp_path: Path) -> None:
    store = open_store(made / "store")
    silent = write_report(store, out=tmp_path / "silent.html").path.read_text(encoding="utf-8")
    heard = write_report(store, out=tmp_path / "heard.html", audio=3, root=made / "KEMDy20").path
    page = Page(heard.read_text(encoding="utf-8")).root
    players = page.all("audio")
    assert [player.attributes["src"][:20] for player in players] == ["data:audio/wav;base6"] * 3
    assert all("controls" in player.attributes and player.attributes["aria-label"] for player in players)
    assert "media-src data:;" in heard.read_text(encoding="utf-8")
    assert "media-src" not in silent
    assert "<audio" not in silent


def test_restricted_corpora_are_refused_with_their_licence(finished: Bench, tmp_path: Path) -> None:
    store = open_store(finished.out)
    assert not store.synthetic
    with pytest.raises(ConfigError) as refused:
        write_report(store, out=tmp_path / "report.html", audio=1, root=tmp_path / "not looked for")
    assert terms_of("KEMDy20").licence in str(refused.value)
    assert "omit --audio" in str(refused.value)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("dataset", ["Unheard-of", "EmoDB+RAVDESS"])
def test_a_corpus_whose_terms_are_not_known_or_that_is_several_is_refused(made: Path, dataset: str) -> None:
    store = open_store(made / "store")
    provenance = {**store.header.provenance, "synthetic": False}
    store.header = store.header.model_copy(update={"dataset": dataset, "provenance": provenance})
    assert (store.dataset, store.synthetic) == (dataset, False)
    with pytest.raises(ConfigError, match="omit --audio"):
        sound.refuse_sound(store, count=1)


@pytest.mark.parametrize("count", [-1, MOST_RECORDINGS + 1])
def test_the_number_is_checked(made: Path, tmp_path: Path, count: int) -> None:
    with pytest.raises(ConfigError, match=f"expected 1 to {MOST_RECORDINGS}"):
        write_report(open_store(made / "store"), out=tmp_path / "report.html", audio=count)


def test_a_root_without_recordings_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pass --audio N too, or omit --root"):
        write_report(open_store(made / "store"), out=tmp_path / "report.html", root=made / "KEMDy20")


def heard_file(folder: Path) -> tuple[Store, Path]:
    """The first file that is taken."""
    store = open_store(folder / "store")
    (first,) = recordings(store, root=folder / "KEMDy20", count=1)
    name = store.utterances.set_index("id").loc[first.name, "audio"]
    return store, folder / "KEMDy20" / name


def test_another_corpus_is_not_taken_for_it(folder: Path) -> None:
    store, file = heard_file(folder)
    file.write_bytes(file.read_bytes() + b"\0\0")
    with pytest.raises(CorpusError, match="the store was built from"):
        recordings(store, root=folder / "KEMDy20", count=1)
    file.unlink()
    with pytest.raises(CorpusError, match="no such file, expected the audio"):
        recordings(store, root=folder / "KEMDy20", count=1)


def test_no_path_leads_out_of_the_corpus(folder: Path) -> None:
    store, file = heard_file(folder)
    secret = folder / "secret.wav"
    file.rename(secret)
    file.symlink_to(secret)
    with pytest.raises(CorpusError, match="outside the corpus"):
        recordings(store, root=folder / "KEMDy20", count=1)
    for path in ("../secret.wav", str(secret)):
        store.utterances["audio"] = path
        with pytest.raises(CorpusError, match="outside the corpus"):
            recordings(store, root=folder / "KEMDy20", count=1)


def test_a_store_without_audio_says_so(made: Path) -> None:
    store = open_store(made / "store")
    store.utterances["audio"] = None
    with pytest.raises(ConfigError, match="no utterance has audio; omit --audio"):
        recordings(store, root=made / "KEMDy20", count=1)


def test_the_command(made: Path, finished: Bench, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    said = kemfeat("report", made / "store", "--out", out, "--audio", 2, "--root", made / "KEMDy20")
    assert (said.code, said.err) == (0, "")
    assert out.read_text(encoding="utf-8").count("<audio") == 2
    refused = sentence("report", finished.out, "--out", tmp_path / "no.html", "--audio", 1, code=2)
    assert "signed licence agreement" in refused
