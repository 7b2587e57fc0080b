"""Builds of a corpus with numbered films: every frame is of the right time and side, and no broken film aborts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kemfeat import build_store, open_store
from kemfeat.build import BuildOptions, BuildReport, _footage, recompute, trial_build
from kemfeat.build.scan import listing
from kemfeat.corpora.iemocap import READER
from kemfeat.errors import ConfigError, CorpusError
from kemfeat.store.reader import Store
from kemfeat.store.verify import verify
from kemfeat.validate import validate_corpus
from tests.build.kit import states, tree
from tests.corpora.tiny import wav_bytes
from tests.corpora.tiny_iemocap import DIALOGS, TinyIemocap, write_tiny_iemocap
from tests.film_kit import BROKEN, FRAME_RATE, cut_off, number_of, side_of, write_pattern

pytest.importorskip("av", reason="the extra `video` is not installed")

SETTINGS: dict[str, Any] = {"features": ["video-frames"], "rows_per_shard": 3}
FRAMES = 60
"""Of a film: six seconds; the last utterance of a dialog ends at 3.5 s."""


def make(root: Path) -> TinyIemocap:
    corpus = write_tiny_iemocap(root)
    for place, dialog in enumerate(DIALOGS):
        write_pattern(corpus.avi(dialog), frames=FRAMES, first=FRAMES * place)
    return corpus


def build(corpus: TinyIemocap, out: Path, *, settings: dict[str, Any] | None = None, **options: Any) -> BuildReport:
    return build_store(
        "IEMOCAP", root=corpus.root, out=out, settings=settings or SETTINGS, options=BuildOptions(**options)
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> TinyIemocap:
    return make(tmp_path_factory.mktemp("films") / "corpus")


@pytest.fixture(scope="module")
def built(whole: TinyIemocap) -> Store:
    return build(whole, whole.root.parent / "store").store


@pytest.fixture
def corpus(tmp_path: Path) -> TinyIemocap:
    return make(tmp_path / "corpus")


def frames_of(store: Store, name: str) -> tuple[list[int], set[str], str, str]:
    """Numbers in the film and sides seen in the frames of an utterance, and its columns side and missing."""
    rows = store.rows("clip")
    place = int(np.flatnonzero(rows["parent"] == name)[0])
    length = int(store.array("video_frames_lengths")[place])
    frames = np.asarray(store.array("video_frames")[place])
    mask = np.asarray(store.array("video_frames_mask")[place])
    assert mask.tolist() == [True] * length + [False] * (20 - length)
    assert not frames[length:].any()
    seen = {side_of(frame) for frame in frames[:length]}
    row = rows.iloc[place]
    numbers = [number_of(frame) % FRAMES for frame in frames[:length]]
    return numbers, seen, row["video_frames_side"], row["video_frames_missing"]


def test_every_clip_shows_its_speaker_at_its_time(whole: TinyIemocap, built: Store) -> None:
    starts = built.utterances.set_index("id")["start"]
    for name in whole.ids:
        numbers, seen, side, missing = frames_of(built, name)
        assert numbers == list(range(round(starts[name] * FRAME_RATE), round((starts[name] + 0.5) * FRAME_RATE) + 1))
        assert seen == {side}
        assert side == ("left" if name[-4] == name[5] else "right"), "who wears the markers is on the left"
        assert missing == ""
    assert set(built.rows("clip")["video_frames_side"]) == {"left", "right"}
    assert verify(built).problems == ()


def test_processes_and_an_interruption_change_no_byte(whole: TinyIemocap, built: Store, tmp_path: Path) -> None:
    two = build(whole, tmp_path / "two", workers=2).store
    assert tree(two.path) == tree(built.path)

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "extract" and done > total / 2:
            raise KeyboardInterrupt

    out = tmp_path / "resumed"
    with pytest.raises(KeyboardInterrupt):
        build_store("IEMOCAP", root=whole.root, out=out, settings=SETTINGS, progress=stop)
    report = build(whole, out)
    assert 0 < report.written < report.written + report.kept
    assert tree(out) == tree(built.path)
    before = states(out)
    assert build(whole, out).up_to_date
    assert states(out) == before


def test_rows_can_be_made_again(whole: TinyIemocap, built: Store) -> None:
    assert recompute(built, root=whole.root, rows=len(built)) == []


def test_a_film_is_decoded_once_for_all_utterances_of_a_partition(
    whole: TinyIemocap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    open_film = _footage.open_film

    def counted(path: Path, *, name: str) -> Any:
        opened.append(Path(name).stem)
        return open_film(path, name=name)

    monkeypatch.setattr(_footage, "open_film", counted)
    build(whole, tmp_path / "one", settings={**SETTINGS, "rows_per_shard": 128})
    assert opened == list(DIALOGS)


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_film_is_a_mask_and_a_finding_with_the_reason(corpus: TinyIemocap, how: str) -> None:
    broken, intact = DIALOGS[:2]
    damage, said = BROKEN[how]
    damage(corpus.avi(broken))
    store = build(corpus, corpus.root.parent / "store").store
    for name in corpus.ids:
        numbers, _, side, missing = frames_of(store, name)
        if not name.startswith(broken):
            assert len(numbers) == 6
            continue
        assert numbers == []
        if how == "missing":
            assert (side, missing) == ("", "the utterance has no video")
            continue
        assert missing.startswith(f"Session1/dialog/avi/DivX/{broken}.avi: ")
        assert any(each in missing for each in said.split("|"))
        assert str(corpus.root) not in missing
    assert all(store.complete_rows("video_frames"))
    assert intact not in str(store.failures.to_dict())
    found = {finding.rule: finding for finding in validate_corpus("IEMOCAP", root=corpus.root).findings}
    rule = "missing-video" if how == "missing" else "unreadable-video"
    assert broken in found[rule].examples[0]
    assert found[rule].count == 1


def test_a_film_that_was_cut_off_masks_what_is_after_its_end(corpus: TinyIemocap) -> None:
    cut_off(corpus.avi(DIALOGS[0]))
    store = build(corpus, corpus.root.parent / "store").store
    starts = store.utterances.set_index("id")["start"]
    lengths = {}
    for name in (name for name in corpus.ids if name.startswith(DIALOGS[0])):
        numbers, _, side, missing = frames_of(store, name)
        first = round(starts[name] * FRAME_RATE)
        assert numbers == list(range(first, first + len(numbers)))
        assert side in {"left", "right"}
        assert (missing == "") == (len(numbers) == 6)
        assert missing == "" or ".avi: ends at " in missing or ".avi: is damaged at " in missing
        lengths[name] = len(numbers)
    assert max(lengths.values()) == 6
    assert min(lengths.values()) == 0
    found = {finding.rule: finding for finding in validate_corpus("IEMOCAP", root=corpus.root).findings}
    assert "its last utterance ends at 3.50 s" in found["short-video"].examples[0]


def test_a_pipe_in_place_of_a_film_is_never_opened(corpus: TinyIemocap) -> None:
    path = corpus.avi(DIALOGS[0])
    path.unlink()
    os.mkfifo(path)
    store = build(corpus, corpus.root.parent / "store").store
    assert frames_of(store, corpus.ids[0])[3] == "the utterance has no video"
    found = {finding.rule: finding for finding in validate_corpus("IEMOCAP", root=corpus.root).findings}
    assert DIALOGS[0] in found["missing-video"].examples[0]
    assert path.name in found["stray-file"].examples[0]


def test_the_side_can_be_set_for_a_dialog_or_by_a_table(corpus: TinyIemocap, built: Store, tmp_path: Path) -> None:
    other = DIALOGS[1]
    table = tmp_path / "sides.csv"
    table.write_text(f"film,left\n{other},F\n")
    by_setting, by_table = (
        build(corpus, tmp_path / name, settings={**SETTINGS, "video-frames": values}).store
        for name, values in (("set", {"left": {other: "F"}}), ("table", {"left_table": str(table)}))
    )
    assert by_setting.digest == by_table.digest != built.digest
    for name in corpus.ids:
        _, seen, side, _ = frames_of(by_setting, name)
        usual = frames_of(built, name)[2]
        assert seen == {side}
        assert (side != usual) == name.startswith(other)


def test_a_film_that_the_corpus_does_not_have_is_refused(whole: TinyIemocap, tmp_path: Path) -> None:
    settings = {**SETTINGS, "video_frames": {"left": {"Ses01F_impro02": "F"}}}
    with pytest.raises(ConfigError, match=r"video_frames\.left: 'Ses01F_impro02' is not .*; did you mean 'Ses0"):
        build(whole, tmp_path / "store", settings=settings)


def test_films_count_only_where_a_feature_reads_them(corpus: TinyIemocap) -> None:
    out = corpus.root.parent / "store"
    text = {"features": ["text"]}
    without = build(corpus, out, settings=text)
    corpus.avi(DIALOGS[0]).write_bytes(b"another film")
    assert build(corpus, out, settings=text).up_to_date
    assert not any(path.endswith(".avi") for path in without.store.sources["path"])


def test_a_film_that_changed_is_read_again_and_the_others_are_not(corpus: TinyIemocap) -> None:
    out = corpus.root.parent / "store"
    build(corpus, out, settings={**SETTINGS, "rows_per_shard": 2})
    write_pattern(corpus.avi(DIALOGS[0]), frames=20)
    report = build(corpus, out, settings={**SETTINGS, "rows_per_shard": 2})
    assert (report.written, report.kept) == (1, 3)
    assert [frames_of(report.store, name)[0] for name in corpus.ids[:4]][1] == []
    assert len(open_store(out)) == len(corpus.ids)


def test_a_film_that_changes_during_a_build_is_refused(corpus: TinyIemocap) -> None:
    def change(stage: str, done: int, total: int) -> None:
        if stage == "extract" and done == 0:
            corpus.avi(DIALOGS[2]).write_bytes(b"another film")

    with pytest.raises(CorpusError, match=rf"{DIALOGS[2]}\.avi: is not the file that it was when this build began"):
        build_store("IEMOCAP", root=corpus.root, out=corpus.root.parent / "store", settings=SETTINGS, progress=change)


def test_clips_of_sound_and_of_film_have_the_same_rows(corpus: TinyIemocap) -> None:
    corpus.wav(corpus.ids[0]).write_bytes(wav_bytes(7.0))
    settings = {**SETTINGS, "features": ["clip_audio", "video_frames"], "video_frames": {"preset": "clips"}}
    store = build(corpus, corpus.root.parent / "store", settings=settings).store
    assert store.rows("clip")["parent"].tolist()[:2] == [corpus.ids[0]] * 2
    assert store.array("video_frames").shape[0] == store.array("clip_audio").shape[0] == len(corpus.ids) + 1


def test_an_utterance_without_sound_is_a_failed_row(corpus: TinyIemocap) -> None:
    corpus.wav(corpus.ids[3]).unlink()
    with pytest.raises(CorpusError, match="has no audio file"):
        build(corpus, corpus.root.parent / "store")
    store = build(corpus, corpus.root.parent / "store", on_error="skip", max_failures=0.5).store
    assert set(store.failures["id"]) == {corpus.ids[3]}


def never(*_: Any, **__: Any) -> Callable[..., None]:
    raise AssertionError("asked for")


def test_an_utterance_without_a_film_asks_for_nothing(tmp_path: Path) -> None:
    import pandas as pd

    rows = pd.DataFrame([{"id": "a", "video": None}])
    films = _footage.Films(rows, root=tmp_path)
    assert films.footage(next(rows.itertuples(index=False)), never) is None


def test_a_trial_build_of_some_utterances_has_their_films_alone(whole: TinyIemocap) -> None:
    found = listing(READER, whole.root, SETTINGS)
    some = found.manifest.utterances.head(5)
    assert [Path(path).stem for path in trial_build._groups(found, some)["video"]] == list(DIALOGS[:2])
    assert "video" not in listing(READER, whole.root, {"features": ["text"]}).groups
