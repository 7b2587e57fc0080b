"""kemfeat.corpora.k_emocon, over the synthetic corpus and changes to it."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat import plugins
from kemfeat.analyses.agreement import AgreementConfig
from kemfeat.analyses.agreement import run as agreement
from kemfeat.build import BuildOptions, build_store
from kemfeat.build._settings import with_preset
from kemfeat.corpora import balance, open_reader
from kemfeat.corpora.k_emocon import READER
from kemfeat.errors import CorpusError, CorpusLayoutError
from kemfeat.labels import EMOTIONS
from kemfeat.store.verify import verify
from kemfeat.synth.k_emocon import SYNTH

SELF = "emotion_annotations/self_annotations/P1.self.csv"
EDA, IBI = "e4_data/1/E4_EDA.csv", "e4_data/1/E4_IBI.csv"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("k_emocon") / "K"
    SYNTH.write(folder, utterances=48, sessions=2)
    return folder


@pytest.fixture
def corpus(written: Path, tmp_path: Path) -> Path:
    """A copy of the corpus, to change."""
    return Path(shutil.copytree(written, tmp_path / "K-EmoCon"))


def read(folder: Path):
    """The manifest and its findings by rule, with errors skipped; no row is lost."""
    manifest = READER.read_manifest(folder, on_error="skip")
    assert balance(READER, folder, manifest).holds
    return manifest, {finding.rule: finding for finding in manifest.findings}


def set_cell(path: Path, line: int, column: str, text: str) -> None:
    """Replace a cell; the header is line 1."""
    lines = path.read_text().split("\n")
    cells = lines[line - 1].split(",")
    cells[lines[0].split(",").index(column)] = text
    path.write_text("\n".join([*lines[: line - 1], ",".join(cells), *lines[line:]]))


def test_a_window_is_a_person_five_seconds_and_the_sound_of_the_debate(written: Path) -> None:
    manifest, findings = read(written)
    assert findings == {}
    assert len(manifest) == 48
    row = manifest.utterances.set_index("id").loc["P2_0010"]
    assert (row["session"], row["speaker"], row["partner"], row["script"]) == ("p1.p2", "P2", "P1", "debate")
    assert (row["start"], row["end"], row["audio_start"], row["audio_end"]) == (5, 10, 5, 10)
    assert row["audio"] == "debate_audios/p1.p2.wav"
    assert list(manifest.utterances["speaker"].unique()) == ["P1", "P2", "P3", "P4"]


def test_the_reader_is_found_under_the_usual_spelling(written: Path) -> None:
    assert open_reader("K-EmoCon", root=written).name == "K_EmoCon"


def test_every_feature_of_sound_takes_both_voices_unless_told_otherwise() -> None:
    found = {name: plugins.find("features", name) for name in plugins.names("features")}
    of_sound = {name for name, extractor in found.items() if "channels" in extractor.config.model_fields}
    taken = with_preset({}, found, READER)
    assert {name for name, table in taken.items() if table.get("channels") == "mean"} == of_sound
    told = with_preset({"audio": {"channel": 2}, "mel": {"channel": 1}}, found, READER)
    assert (told["mfcc"]["channels"], told["mel"]["channel"]) == (2, 1)
    assert "channels" not in told["mel"]


def test_labels_are_the_majority_and_others_have_columns_of_their_own(corpus: Path) -> None:
    for folder, name in (("self", "P1.self"), ("partner", "P1.partner"), ("aggregated_external", "P1.external")):
        path = corpus / f"emotion_annotations/{folder}_annotations/{name}.csv"
        set_cell(path, 2, "valence", {"self": "1", "partner": "2"}.get(folder, "5"))
    row = read(corpus)[0].utterances.set_index("id").loc["P1_0005"]
    assert (row["valence"], row["self_valence"], row["partner_valence"]) == (5, 1, 2)


def test_raters_are_who_they_are(written: Path) -> None:
    ratings = read(written)[0].ratings
    own = ratings[ratings["id"] == "P2_0005"].set_index("rater")["perspective"].to_dict()
    assert own == {"P2": "self", "P1": "partner", **dict.fromkeys(("R1", "R2", "R3", "R4", "R5"), "external")}
    assert ratings[["valence", "arousal", "cheerful", "happy", "angry", "nervous", "sad"]].notna().all().all()
    assert ratings["valence"].between(1, 5).all()
    assert ratings["happy"].between(1, 4).all()


def test_categories_are_words_and_none_is_said_where_both_lists_have_none(corpus: Path) -> None:
    path = corpus / SELF
    marked = {"2": ("surprise", "disgust"), "3": ("none_1", "none_2"), "4": ("boredom", "none_2"), "5": ()}
    header = path.read_text().split("\n")[0].split(",")
    for line, names in marked.items():
        for name in header[8:]:
            set_cell(path, int(line), name, "x" if name in names else "")
    emotions = read(corpus)[0].utterances.set_index("id")["self_emotion"]
    assert list(emotions[["P1_0005", "P1_0010", "P1_0015"]]) == ["surprise;disgust", "none", "boredom"]
    assert not isinstance(emotions["P1_0020"], str)


def test_votes_count_all_who_rate(written: Path) -> None:
    manifest = read(written)[0].labelled("votes")
    votes = [f"votes_{emotion}" for emotion in manifest.vocabulary]
    assert (manifest.utterances[votes].sum(axis=1) >= 7).all()
    assert set(EMOTIONS) < set(manifest.vocabulary)


@pytest.mark.parametrize(
    ("path", "column", "cell", "rule"),
    [
        (SELF, "seconds", "7", "bad-time"),
        (SELF, "seconds", "-5", "bad-time"),
        (SELF, "seconds", "10", "duplicate-rating"),
        (SELF, "valence", "6", "rating-off-scale"),
        (SELF, "arousal", "2.5", "rating-off-scale"),
        (SELF, "happy", "5", "rating-off-scale"),
        (SELF, "surprise", "y", "unknown-label"),
        (SELF, "sad", "1,1", "malformed-row"),
    ],
)
def test_a_cell_that_cannot_be_is_a_fault(corpus: Path, path: str, column: str, cell: str, rule: str) -> None:
    set_cell(corpus / path, 2 if cell != "10" else 4, column, cell)
    with pytest.raises(CorpusError, match=rf"P1.self.csv:.*{rule}"):
        READER.read_manifest(corpus)
    assert rule in read(corpus)[1]


def test_a_missing_sound_and_missing_labels_are_said(corpus: Path) -> None:
    (corpus / "debate_audios/p3.p4.wav").rename(corpus / "debate_audios/p4.p5.wav")
    (corpus / "emotion_annotations/aggregated_external_annotations/P1.external.csv").unlink()
    manifest, findings = read(corpus)
    assert findings["missing-wav"].count == 24
    assert findings["label-missing"].examples == ("P1: no aggregated_external_annotations/P1.external.csv",)
    assert findings["stray-file"].examples == ("debate_audios/p4.p5.wav",)
    assert manifest.utterances.set_index("speaker").loc["P1", "emotion"].isna().all()


@pytest.mark.parametrize("missing", ["metadata", "emotion_annotations", "debate_audios"])
def test_half_a_corpus_is_refused_with_what_is_missing(corpus: Path, missing: str) -> None:
    shutil.rmtree(corpus / missing)
    with pytest.raises(CorpusLayoutError, match=f"K_EmoCon keeps {missing}/.*; found .*; unpack its archives"):
        READER.sources(corpus)


def test_the_folder_above_is_told_which_one_to_pass(corpus: Path) -> None:
    with pytest.raises(CorpusLayoutError, match=r"pass --root .*K-EmoCon, which contains emotion_annotations"):
        READER.sources(corpus.parent)


@pytest.mark.parametrize("line", ["1,0,2000,1000", "33,0,1000,2000", "1.5,0,1000,2000", "1,0,soon,2000", "1"])
def test_times_of_a_debate_that_cannot_be_are_refused(corpus: Path, line: str) -> None:
    (corpus / "metadata/subjects.csv").write_text(f"pid,initTime,startTime,endTime\n{line}\n")
    with pytest.raises(CorpusError, match=r"subjects\.csv:2"):
        READER.read_manifest(corpus, on_error="skip")


def began(corpus: Path) -> int:
    """When the debate of P1 began [ms]."""
    return int((corpus / "metadata/subjects.csv").read_text().split("\n")[1].split(",")[2])


def write_recording(path: Path, rows: list[tuple[float, float]], *, serial: str = "A1") -> None:
    lines = [f"{time},1,{value},{serial},1,0" for time, value in rows]
    path.write_text("\n".join(["timestamp,pid,value,device_serial,device_number,entry_time", *lines, ""]))


@given(milliseconds=st.integers(-20_000, 70_000))
def test_a_sample_is_in_the_window_that_contains_it(written: Path, milliseconds: int) -> None:
    from kemfeat.corpora.k_emocon._signals import Debate, _windows

    debate = Debate(1e12, 1e12 + 60_000)
    [found] = _windows(np.array([1e12 + milliseconds]), 1, debate)
    if not 0 <= milliseconds < 60_000:
        assert found is None
    else:
        end = int(found.removeprefix("P1_"))
        assert end - 5 <= milliseconds / 1000 < end


def test_signals_are_those_of_the_window(corpus: Path) -> None:
    start = began(corpus)
    write_recording(corpus / EDA, [(start - 1000, 0.1), (start, 0.2), (start + 4999, 0.3), (start + 5000, 0.4)])
    table, _ = READER.read_signals(corpus, "p1.p2")
    eda = table.to_pandas().query("medium == 'eda' and speaker == 'P1'")
    assert [name if isinstance(name, str) else None for name in eda["id"]] == [None, "P1_0005", "P1_0005", "P1_0010"]
    assert list(eda["value"]) == [0.1, 0.2, 0.3, 0.4]
    assert list(eda["script"]) == ["", "debate", "debate", "debate"]
    assert set(eda["sampling_rate"]) == {4.0}


@pytest.mark.parametrize(("factor", "unit"), [(1.0, "ms"), (0.001, "s")])
def test_intervals_are_seconds_whatever_their_unit(corpus: Path, factor: float, unit: str) -> None:
    start = began(corpus)
    write_recording(corpus / IBI, [(start + 800 * beat, factor * 800) for beat in range(9)])
    READER.read_manifest(corpus)
    table, _ = READER.read_signals(corpus, "p1.p2")
    assert set(table.to_pandas().query("medium == 'ibi' and speaker == 'P1'")["value"]) == {0.8}, unit


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        (IBI, "timestamp,value,device_serial\n1,75,A\n2,75,A\n", "median of 75, expected one of 0.2 to 4 s"),
        (IBI, "timestamp,value,device_serial\n1,0,A\n2,0,A\n", "median of 0, expected"),
        (EDA, "timestamp,value,device_serial\n1,0.5,A\n2,0.5,B\n", r"rows of 2 wristbands \(A, B\), expected one"),
        (EDA, "time,value\n1,0.5\n", "has no column 'timestamp'"),
        (EDA, "PK\x03\x04", "found a zip archive"),
    ],
)
def test_a_wristband_that_needs_a_guess_is_refused(corpus: Path, path: str, content: str, said: str) -> None:
    (corpus / path).write_text(content)
    with pytest.raises(CorpusError, match=rf"{path}: .*{said}.*unreadable-recording"):
        READER.read_manifest(corpus)
    findings = read(corpus)[1]
    assert findings["unreadable-recording"].count == 1
    table, _ = READER.read_signals(corpus, "p1.p2")
    rows = table.to_pandas()
    assert not ((rows["speaker"] == "P1") & (rows["medium"] == {IBI: "ibi", EDA: "eda"}[path])).any()


def test_lines_that_are_no_samples_are_named(corpus: Path) -> None:
    start = began(corpus)
    (corpus / EDA).write_text(
        f"timestamp,value,device_serial\n{start},0.5,A\nsoon,0.5,A\n{start + 250},,A\n{start + 500},wet,A\n"
    )
    table, findings = READER.read_signals(corpus, "p1.p2")
    found = {finding.rule: finding.count for finding in findings}
    assert (found["bad-physiology-line"], found["missing-value"]) == (2, 1)
    assert len(table.to_pandas().query("speaker == 'P1' and medium == 'eda'")) == 2


def test_another_rate_than_that_of_the_wristband_is_said(corpus: Path) -> None:
    start = began(corpus)
    write_recording(corpus / EDA, [(start + 125 * place, 0.5) for place in range(99)])
    findings = {finding.rule: finding for finding in READER.read_signals(corpus, "p1.p2")[1]}
    assert "samples 0.125 s apart" in findings["nominal-rate"].examples[0]


def test_of_two_wristbands_the_one_that_the_authors_name_is_read(tmp_path: Path) -> None:
    SYNTH.write(tmp_path / "K", utterances=64, sessions=16)
    assert "A00B99" in (tmp_path / "K/e4_data/31/E4_EDA.csv").read_text()
    READER.read_manifest(tmp_path / "K")
    table, _ = READER.read_signals(tmp_path / "K", "p31.p32")
    rows = table.to_pandas().query("medium == 'eda'")
    assert set(rows["speaker"]) == {"P31", "P32"}
    assert not rows.duplicated(["speaker", "time"]).any()


def test_whoever_lacks_a_wristband_is_named(written: Path) -> None:
    manifest, _ = read(written)
    known = dict(zip(manifest.utterances["id"], manifest.utterances["speaker"], strict=True))
    table, _ = READER.read_signals(written, "p1.p2")
    found = {each.rule: each for each in READER.check_signals(table, known_ids=known, session="p1.p2")}
    assert found["no-physiology"].count == 12 + 1  # P2, and the window after the wristband of P1 ended
    with pytest.raises(CorpusError, match="no wristband data of such a debate"):
        READER.read_signals(written, "p5.p6")


def test_a_link_out_of_the_wristbands_is_refused(corpus: Path, tmp_path: Path) -> None:
    (corpus / EDA).rename(tmp_path / "eda.csv")
    (corpus / EDA).symlink_to(tmp_path / "eda.csv")
    with pytest.raises(CorpusError, match="outside the corpus"):
        READER.sources(corpus)


@pytest.mark.slow
def test_a_debate_that_began_at_another_time_is_another_store(corpus: Path, tmp_path: Path) -> None:
    """The table of times belongs to no session, and an update must parse all of them again."""

    def eda() -> np.ndarray:
        settings = {"features": ["eda"]}
        options = BuildOptions(on_error="skip", max_failures=1.0)
        return build_store("K-EmoCon", root=corpus, out=tmp_path / "s", settings=settings, options=options).store.array(
            "eda"
        )[:]

    before = eda()
    table = corpus / "metadata/subjects.csv"
    start = str(began(corpus))
    table.write_text(table.read_text().replace(f",{start},", f",{int(start) + 1000},"))
    after = eda()
    assert np.array_equal(before[0, 4:20], after[0, :16])
    assert not np.array_equal(before[0, :16], after[0, :16])


@pytest.mark.slow
def test_a_store_has_windows_of_sound_and_raters_that_agree(written: Path, tmp_path: Path) -> None:
    settings = {"features": ["mel", "eda"], "mel": {"max_frames": 64, "n_mels": 16}}
    store = build_store("K-EmoCon", root=written, out=tmp_path / "store", settings=settings).store
    assert all(store.complete_rows("mel"))
    assert verify(store).problems == ()
    with wave.open(str(written / "debate_audios/p1.p2.wav")) as file:
        assert (file.getnchannels(), file.getnframes() / file.getframerate()) == (2, 60)
    assert set(store.utterances["duration"]) == {5.0}
    tables = agreement(store, AgreementConfig()).tables
    assert set(tables["raters"]["rater"]) == {"P1", "P2", "P3", "P4", "R1", "R2", "R3", "R4", "R5"}
    assert tables["alpha"]["alpha"].between(-1, 1).all()


@pytest.mark.slow
def test_sound_that_is_the_same_in_other_windows_is_still_found(corpus: Path, tmp_path: Path) -> None:
    for path in (corpus / "debate_audios").iterdir():
        content = path.read_bytes()
        window = content[44 : 44 + 5 * 16_000 * 4]
        path.write_bytes(content[:44] + window * 12)
    settings = {"features": ["mel"], "mel": {"max_frames": 64, "n_mels": 16}}
    store = build_store("K-EmoCon", root=corpus, out=tmp_path / "store", settings=settings).store
    assert "mel: 48 of 48 rows are those of another utterance" in verify(store).problems[0]
