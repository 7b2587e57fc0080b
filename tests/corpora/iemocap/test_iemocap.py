"""The reader as the build sees it: found by name, on a tiny corpus, sound and defective."""

import math

import pytest

from kemfeat.corpora.iemocap import READER, SIDE_OVERRIDES, VOCABULARY, IemocapReader
from kemfeat.errors import ConfigError, CorpusError, CorpusLayoutError
from kemfeat.labels import EMOTIONS, apply_rule
from kemfeat.manifest import RATINGS, READ_COLUMNS, SIGNALS
from kemfeat.plugins import find
from tests.corpora.tiny_iemocap import DIALOGS, write_tiny_iemocap

NORMAL = {"no-majority"}
DIALOG = DIALOGS[0]


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_iemocap(tmp_path / "IEMOCAP full")


def read(tiny, on_error="raise", reader=READER):
    manifest = reader.read_manifest(tiny.root, on_error=on_error)
    return manifest, {finding.rule: finding for finding in manifest.findings}


def row(manifest, name):
    return manifest.utterances.set_index("id").loc[name]


def test_found_by_its_name():
    assert find("corpora", "IEMOCAP") is READER
    assert (READER.name, READER.version, READER.media) == ("IEMOCAP", 1, ("audio", "transcript", "video"))
    assert READER.settings == {"text": {"preset": "none"}}


def test_sources_are_sorted_and_leave_dialogs_audio_out(tiny):
    sources = READER.sources(tiny.root)
    assert list(sources) == ["annotation", "audio", "transcript", "video"]
    assert all(list(paths) == sorted(paths) for paths in sources.values())
    assert all((tiny.root / path).is_file() for paths in sources.values() for path in paths)
    assert [len(paths) for paths in sources.values()] == [len(DIALOGS), len(tiny.ids), len(DIALOGS), len(DIALOGS)]


def test_sources_of_a_wrong_folder(tmp_path):
    with pytest.raises(CorpusLayoutError, match="found nothing in"):
        READER.sources(tmp_path)


def test_a_sound_corpus(tiny):
    manifest, findings = read(tiny)
    assert tuple(manifest.utterances["id"]) == tiny.ids
    assert list(manifest.utterances)[: len(READ_COLUMNS)] == READ_COLUMNS.names
    assert list(manifest.ratings) == [*RATINGS.names, "dominance"]
    assert set(findings) == NORMAL
    assert manifest.faults == ()
    assert manifest.vocabulary == VOCABULARY == (*EMOTIONS, "excited", "frustrated", "other")
    assert row(manifest, "Ses01M_script02_1_F001").to_dict() == {
        "session": "Ses01", "script": "M_script02_1", "speaker": "Ses01F", "sex": "F", "partner": "Ses01M",
        "start": 2.0, "end": 2.5, "text": "Said F001.", "text_encoding": "latin-1",
        "audio": "Session1/sentences/wav/Ses01M_script02_1/Ses01M_script02_1_F001.wav",
        "emotion": "excited", "valence": 2.5, "arousal": 3.0,
        "dialog": "Ses01M_script02_1", "emotion_code": "exc", "dominance": 3.5,
        "self_emotion": "neutral", "self_valence": 1.0, "self_arousal": 5.0, "self_dominance": 2.0,
        "dialog_audio": "Session1/dialog/wav/Ses01M_script02_1.wav",
        "video": "Session1/dialog/avi/DivX/Ses01M_script02_1.avi", "video_side": "right", "scripted": True,
    }  # fmt: skip


def test_session_and_script_name_one_dialog(tiny):
    utterances = read(tiny)[0].utterances
    assert (utterances["session"] + utterances["script"]).to_list() == utterances["dialog"].to_list()
    assert utterances.groupby(["session", "script"])["dialog"].nunique().to_list() == [1] * len(DIALOGS)


def test_ratings_are_the_observers_and_never_the_speaker_s(tiny):
    manifest, _ = read(tiny)
    first = manifest.ratings[manifest.ratings["id"] == tiny.ids[1]]
    assert first["rater"].to_list() == ["E1", "E2", "E3", "E4"]
    assert first["emotion"].fillna("").to_list() == ["excited", "excited", "", "angry;frustrated"]
    assert first["dominance"].fillna(0).to_list() == [0, 0, 3, 4]
    assert manifest.ratings["rater_sex"].isna().all()
    labelled = manifest.labelled("votes").utterances.set_index("id").loc[tiny.ids[1]]
    assert (labelled["votes_excited"], labelled["votes_neutral"], labelled["emotion"]) == (2, 0, "excited")


def test_no_majority_is_no_label_but_the_votes_may_give_one(tiny):
    manifest, findings = read(tiny)
    assert findings["no-majority"].count == len(DIALOGS)
    name = tiny.ids[3]
    assert not isinstance(row(manifest, name)["emotion"], str)
    assert row(manifest, name)["emotion_code"] == "xxx"
    votes = manifest.labelled("votes").utterances.set_index("id").loc[name, "emotion"]
    assert votes == "angry;sad;frustrated;other"


def test_both_error_modes_agree_on_a_sound_corpus(tiny):
    assert read(tiny, "raise")[0].fingerprint == read(tiny, "skip")[0].fingerprint


def test_four_classes_with_and_without_excited(tmp_path):
    codes = ["neu"] * 4 + ["hap"] * 2 + ["exc"] * 3 + ["sad"] * 3 + ["ang"] * 2 + ["xxx"] * 2
    tiny = write_tiny_iemocap(tmp_path, dialogs=DIALOGS[:1], codes=codes, turns=8)
    labelled = read(tiny)[0].labelled("annotated").utterances
    merged, unmerged = (apply_rule(labelled, rule=rule) for rule in ("4class", "4class-unmerged"))
    assert merged.value_counts().to_dict() == {"happy": 5, "neutral": 4, "sad": 3, "angry": 2}
    assert unmerged.value_counts().to_dict() == {"neutral": 4, "sad": 3, "happy": 2, "angry": 2}
    assert (merged.attrs["dropped"], unmerged.attrs["dropped"]) == (2, 5)


def test_the_speaker_s_side_follows_the_letters_and_the_overrides(tiny):
    def sides(reader):
        sided = row(read(tiny, reader=reader)[0], list(tiny.ids))
        return {name: side for name, side in sided["video_side"].items() if name.endswith("000")}

    assert SIDE_OVERRIDES == {}
    assert sides(READER) == {
        "Ses01F_impro01_F000": "left", "Ses01F_impro01_M000": "right",
        "Ses01M_impro01_F000": "right", "Ses01M_impro01_M000": "left",
        "Ses01M_script02_1_F000": "right", "Ses01M_script02_1_M000": "left",
        "Ses02F_impro05a_F000": "left", "Ses02F_impro05a_M000": "right",
    }  # fmt: skip
    swapped = sides(IemocapReader(side_overrides={DIALOG: "right"}))
    assert {name for name, side in sides(READER).items() if swapped[name] != side} == {
        f"{DIALOG}_F000", f"{DIALOG}_M000",
    }  # fmt: skip


@pytest.mark.parametrize("overrides", [{"Ses01F": "left"}, {DIALOG: "Left"}])
def test_an_override_that_names_nothing_is_refused(overrides):
    with pytest.raises(ConfigError, match="side_overrides: found"):
        IemocapReader(side_overrides=overrides)


def test_dialogs_without_audio_or_video_are_only_pointed_out(tiny):
    tiny.dialog_wav(DIALOG).unlink()
    tiny.avi(DIALOG).unlink()
    manifest, findings = read(tiny)
    assert row(manifest, tiny.ids[0])[["dialog_audio", "video"]].isna().all()
    assert row(manifest, tiny.ids[0])["video_side"] == "left"
    assert findings["missing-dialog-audio"].examples == (f"Session1/dialog/wav/{DIALOG}.wav: no such file",)
    assert findings["missing-video"].examples == (f"Session1/dialog/avi/DivX/{DIALOG}.avi: no such file",)
    assert {findings[rule].severity for rule in ("missing-dialog-audio", "missing-video")} == {"info"}


def test_a_missing_clip_is_none_in_both_modes(tiny):
    name = tiny.ids[2]
    tiny.wav(name).unlink()
    for mode in ("raise", "skip"):
        manifest, findings = read(tiny, mode)
        assert manifest.utterances["audio"].isna().to_list() == [one == name for one in tiny.ids]
        assert findings["missing-wav"].examples == (f"Session1/sentences/wav/{DIALOG}/{name}.wav: no such file",)


def test_text_without_annotation_and_annotation_without_text(tiny):
    path = tiny.transcription(DIALOG)
    tiny.replace(path, f"{DIALOG}_F000", f"{DIALOG}_F099")
    tiny.replace(path, "Said F001.", " ")
    manifest, findings = read(tiny)
    assert row(manifest, tiny.ids[0])[["text", "text_encoding"]].isna().all()
    where = f"Session1/dialog/transcriptions/{DIALOG}.txt"
    assert findings["missing-txt"].examples == (f"{where}: no line of {DIALOG}_F000",)
    assert findings["unannotated-media"].examples == (f"{where}: {DIALOG}_F099: no annotation of it",)
    assert findings["empty-txt"].count == 1
    path.unlink()
    assert read(tiny)[1]["missing-txt"].count == 4


def test_a_clip_that_nobody_annotated(tiny):
    extra = f"{DIALOG}_M099"
    tiny.wav(extra).write_bytes(tiny.wav(tiny.ids[0]).read_bytes())
    examples = read(tiny)[1]["unannotated-media"].examples
    assert examples == (f"Session1/sentences/wav/{DIALOG}/{extra}.wav: no annotation of it",)


@pytest.mark.parametrize("emptied", [True, False])
def test_a_dialog_without_evaluation(tiny, emptied):
    path = tiny.evaluation(DIALOG)
    path.write_text("% nothing\n") if emptied else path.unlink()
    with pytest.raises(CorpusError, match=rf"^Session1/dialog/EmoEvaluation/{DIALOG}\.txt: no .*missing-evaluation"):
        read(tiny)
    manifest, findings = read(tiny, "skip")
    assert findings["missing-evaluation"].count == len(manifest.faults) == 1
    assert tuple(manifest.utterances["id"]) == tiny.ids[4:]


def test_a_corpus_without_utterances(tiny):
    for dialog in DIALOGS:
        tiny.evaluation(dialog).write_bytes(b"")
    with pytest.raises(CorpusError, match="the annotation contains no utterance"):
        read(tiny, "skip")


def test_a_bad_line_raises_or_is_quarantined(tiny):
    tiny.replace(tiny.evaluation(DIALOG), "[2.5000, 3.0000, 3.5000]", "[2.5000, 3.0000, 7]")
    with pytest.raises(CorpusError, match=rf"^Session1/dialog/EmoEvaluation/{DIALOG}\.txt:3: .*rating-off-scale"):
        read(tiny)
    manifest, findings = read(tiny, "skip")
    assert findings["rating-off-scale"].count == 1
    assert math.isnan(row(manifest, tiny.ids[0])["dominance"])


def test_final_ratings_that_are_not_the_observers_mean(tiny):
    tiny.replace(tiny.evaluation(DIALOG), "[2.5000, 3.0000, 3.5000]", "[2.5050, 3.0000, 2.0000]")
    manifest, findings = read(tiny)
    assert row(manifest, tiny.ids[0])["dominance"] == 2.0
    where = f"Session1/dialog/EmoEvaluation/{DIALOG}.txt:3"
    assert findings["vad-not-mean"].examples == (
        f"{where}: {DIALOG}_F000: dominance 2, mean of the observers 3.5",
    )  # fmt: skip


def test_a_label_against_the_votes_is_pointed_out(tiny):
    tiny.replace(tiny.evaluation(DIALOG), "\tneu\t", "\tsad\t")
    assert read(tiny)[1]["label-not-majority"].examples == (f"{DIALOG}_F000: labelled sad, most votes for neutral",)


def test_droppings_are_never_opened(tiny):
    sound, _ = read(tiny)
    for path in (tiny.evaluation(DIALOG), tiny.transcription(DIALOG), tiny.wav(tiny.ids[0]), tiny.avi(DIALOG)):
        path.with_name(f"._{path.name}").symlink_to("nowhere")
    manifest, findings = read(tiny)
    assert manifest.fingerprint == sound.fingerprint
    assert (findings["stray-file"].severity, findings["stray-file"].count) == ("info", 4)


def test_there_is_no_physiology(tiny):
    table, findings = READER.read_signals(tiny.root, "Ses01")
    assert table.equals(SIGNALS.empty_table())
    assert findings == READER.check_signals(table, known_ids={}, session="Ses01") == ()
