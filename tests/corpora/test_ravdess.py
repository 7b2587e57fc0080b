"""kemfeat.corpora.ravdess."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemfeat.build import BuildOptions, build_store
from kemfeat.corpora.ravdess import READER
from kemfeat.errors import CorpusError, CorpusLayoutError
from tests.corpora.clips import write_clips


def paths(actors: tuple[int, ...] = (1, 2)) -> list[str]:
    return [
        f"Actor_{actor:02d}/03-01-{emotion:02d}-{intensity:02d}-{statement:02d}-01-{actor:02d}.wav"
        for actor in actors
        for emotion in range(1, 9)
        for intensity in ((1,) if emotion == 1 else (1, 2))
        for statement in (1, 2)
    ]


def write_small(folder: Path) -> None:
    write_clips(folder, paths())


def test_a_name_says_everything(tmp_path: Path) -> None:
    write_clips(tmp_path, ["Actor_12/03-01-06-01-02-01-12.wav", "Actor_11/03-01-02-02-01-02-11.wav"])
    calm, fear = READER.read_manifest(tmp_path).labelled("annotated").utterances.to_dict("records")
    assert (fear["id"], fear["speaker"], fear["session"], fear["sex"]) == (
        *("03-01-06-01-02-01-12", "Actor_12", "Actor_12"),
        "F",
    )
    assert (fear["emotion"], fear["intensity"], fear["repetition"]) == ("fear", "normal", "1")
    assert fear["text"] == "Dogs are sitting by the door."
    assert (calm["emotion"], calm["sex"], calm["intensity"], calm["script"]) == ("calm", "M", "strong", "statement1")


def test_calm_is_counted_where_a_rule_leaves_it_out(tmp_path: Path) -> None:
    write_small(tmp_path / "RAVDESS")
    settings = {"features": ("mel",), "mel": {"max_frames": 20}}
    report = build_store("RAVDESS", root=tmp_path / "RAVDESS", out=tmp_path / "store", settings=settings)
    found = report.store.utterances["emotion_annotated"].value_counts()
    assert found["calm"] == 8
    assert "calm" in report.store.emotions
    assert "calm" not in set(report.store.labels("5class").dropna())


def test_songs_are_not_read_and_are_told(tmp_path: Path) -> None:
    write_clips(tmp_path, [*paths((1,)), "Actor_01/03-02-01-01-01-01-01.wav"])
    manifest = READER.read_manifest(tmp_path)
    assert len(manifest) == len(paths((1,)))
    assert {finding.rule: finding.count for finding in manifest.findings} == {
        "stray-file": 1,
        "incomplete-corpus": 1_440 - len(manifest),
    }


def test_a_second_copy_is_refused_or_left_out(tmp_path: Path) -> None:
    write_clips(tmp_path, [*paths((1,)), *(f"audio_speech_actors_01-24/{path}" for path in paths((1,)))])
    with pytest.raises(CorpusError, match="is there already, as Actor_01/"):
        READER.read_manifest(tmp_path)
    skipped = READER.read_manifest(tmp_path, on_error="skip")
    assert len(skipped) == len(paths((1,)))
    options = BuildOptions(on_error="skip", max_failures=1.0)
    settings = {"features": ("mel",), "mel": {"max_frames": 20}}
    report = build_store("RAVDESS", root=tmp_path, out=tmp_path.parent / "store", settings=settings, options=options)
    assert report.balance is not None
    assert (report.balance.kept, report.balance.lost) == (len(skipped), ())


@pytest.mark.parametrize("name", ["03-01-09-01-01-01-01.wav", "03-01-01-01-01-01-25.wav", "kids.wav", "03-01-01.WAV"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    write_clips(tmp_path, [*paths((1,)), f"Actor_01/{name}"])
    with pytest.raises(CorpusError, match="not a name of RAVDESS; expected a name such as Actor_01/03-01-06"):
        READER.read_manifest(tmp_path)
    assert len(READER.read_manifest(tmp_path, on_error="skip")) == len(paths((1,)))


def test_another_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(CorpusLayoutError, match=r"found x\.txt, expected clips of RAVDESS such as"):
        READER.sources(tmp_path)
    with pytest.raises(CorpusLayoutError, match="found nothing, expected the folder of RAVDESS"):
        READER.sources(tmp_path / "none")
