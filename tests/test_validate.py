"""Validation reads a whole corpus; it says ``error`` exactly where a build in its default mode would refuse."""

import io
import shutil
import sys

import numpy as np
import pytest
import soundfile

from kemfeat.errors import CorpusError, CorpusLayoutError, KemfeatError
from kemfeat.validate import DURATION_TOLERANCE, validate_corpus
from tests.build.kit import ROWS, Stages, with_settings
from tests.corpora.tiny import wav_bytes
from tests.corpora.tiny_iemocap import DIALOGS, write_tiny_iemocap
from tests.film_kit import write_pattern

QUICK = with_settings(features=["mel", "text", "temp"])


def validate(bench, **options):
    return validate_corpus("KEMDy20", root=bench.corpus.root, **options)


def found(report):
    return {finding.rule: finding for finding in report.findings}


def test_a_flawless_corpus_has_its_counts_and_no_complaint(finished):
    report = validate(finished)
    assert report.dataset == "KEMDy20"
    assert report.counts == {
        "utterances": ROWS,
        "sessions": 2,
        "speakers": 4,
        "ratings": 10 * ROWS,
        "audio files": ROWS,
        "transcripts": ROWS,
        "physiology files": 12,
    }
    assert report.count("error") == 0
    assert {rule: finding.severity for rule, finding in found(report).items()}.get("decoding-fallback") == "info"


def _float_nan():
    buffer = io.BytesIO()
    soundfile.write(buffer, np.array([0.1, np.nan], dtype=np.float32), 16000, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


def _wav(content):
    return lambda corpus: corpus.wav(corpus.ids[4]).write_bytes(content)


def _txt(content):
    return lambda corpus: corpus.txt(corpus.ids[4]).write_bytes(content)


def _cell(line, column, text):
    return lambda corpus: corpus.set_cell(line, column, text)


def _twice(corpus):
    corpus.write_cells([*corpus.cells(), corpus.cells()[-1]])


def _short_row(corpus):
    cells = corpus.cells()
    corpus.write_cells([*cells[:-1], cells[-1][:-1]])


def _other_session(corpus):
    path = corpus.recording("EDA", corpus.ids[0])
    path.write_text(path.read_text().replace("Sess01_", "Sess42_"))


def _no_eda(corpus):
    shutil.rmtree(corpus.root / "EDA")


def _no_beats(corpus):
    corpus.recording("IBI", corpus.ids[0]).write_text("1597976937.000000, IBI\n")


def _copied(corpus):
    corpus.wav(corpus.ids[4]).write_bytes(corpus.wav(corpus.ids[3]).read_bytes())


DAMAGES = {
    "no wav": (lambda corpus: corpus.wav(corpus.ids[4]).unlink(), "missing-wav"),
    "empty wav": (_wav(b""), "unreadable-wav"),
    "truncated wav": (_wav(wav_bytes(0.5)[:-100]), "unreadable-wav"),
    "no wav at all": (_wav(b"ID3 an mp3"), "unreadable-wav"),
    "wav of NaN": (_wav(_float_nan()), "unreadable-wav"),
    "silent wav": (_wav(wav_bytes(0.5)[:44] + bytes(16000)), "silent-wav"),
    "constant wav": (_wav(wav_bytes(0.5)[:44] + bytes([0, 32]) * 8000), "silent-wav"),
    "copied wav": (_copied, "same-audio"),
    "damaged txt": (_txt("저\ufffd는".encode()), "damaged-txt"),
    "longer wav": (_wav(wav_bytes(1.1)), "duration-mismatch"),
    "no txt": (lambda corpus: corpus.txt(corpus.ids[4]).unlink(), "missing-txt"),
    "empty txt": (_txt(b" \n"), "empty-txt"),
    "binary txt": (_txt(b"\xff\xff\x81"), "decoding-failed"),
    "joy": (_cell(3, 5, "joy"), "unknown-label"),
    "rating 7": (_cell(3, 6, "7"), "rating-off-scale"),
    "rating of a rater": (_cell(3, 9, "0"), "rating-off-scale"),
    "no label": (_cell(3, 5, " "), "label-missing"),
    "bad time": (_cell(3, 2, "soon"), "bad-time"),
    "end before start": (_cell(3, 3, "0"), "end-before-start"),
    "bad id": (_cell(3, 4, "../../etc/passwd"), "malformed-id"),
    "twice": (_twice, "duplicate-id"),
    "short row": (_short_row, "malformed-row"),
    "other session": (_other_session, "session-prefix"),
    "no eda": (_no_eda, "missing-physiology-file"),
    "no beats": (_no_beats, "empty-ibi"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_named_and_an_error_is_what_a_build_refuses(bench, damage):
    harm, rule = DAMAGES[damage]
    harm(bench.corpus)
    report = validate(bench)
    finding = found(report)[rule]
    assert finding.count >= 1
    assert 1 <= len(finding.examples) <= 5
    assert not any(str(bench.corpus.root) in example for example in finding.examples)
    refused = False
    try:
        bench.fresh().build(settings=QUICK)
    except KemfeatError:
        refused = True
    assert refused == bool(report.count("error"))
    assert refused == (finding.severity == "error")


def test_findings_are_counted_over_the_whole_corpus_with_five_examples(bench):
    for name in bench.corpus.ids[:8]:
        bench.corpus.wav(name).write_bytes(b"")
    finding = found(validate(bench))["unreadable-wav"]
    assert finding.count == 8
    assert [example.split(".wav")[0].split("/")[-1] for example in finding.examples] == list(bench.corpus.ids[:5])


def test_errors_come_first(bench):
    DAMAGES["silent wav"][0](bench.corpus)
    DAMAGES["joy"][0](bench.corpus)
    order = [finding.severity for finding in validate(bench).findings]
    assert order == sorted(order, key=("error", "warning", "info").index)
    assert set(order) == {"error", "warning", "info"}


def test_the_number_of_workers_changes_nothing(bench):
    for damage in ("empty wav", "other session", "joy"):
        DAMAGES[damage][0](bench.corpus)
    assert validate(bench, workers=2) == validate(bench, workers=1)


def test_a_quarter_of_a_second_is_tolerated(bench):
    path = bench.corpus.wav(bench.corpus.ids[0])
    path.write_bytes(wav_bytes(0.75 + DURATION_TOLERANCE))
    before = found(validate(bench)).get("duration-mismatch")
    path.write_bytes(wav_bytes(0.75 + DURATION_TOLERANCE + 0.01))
    after = found(validate(bench))["duration-mismatch"]
    assert after.count == (before.count if before else 0) + 1


@pytest.mark.parametrize(
    ("gains", "rule", "said"),
    [
        ((1.0, 1.0), "multi-channel", "2 equal channels"),
        ((1.0, 0.0), "channels-differ", "2 channels that differ: -9 dB, silent"),
        ((1.0, -1.0), "channels-differ", "2 channels that differ: -9 dB, -9 dB; they cancel in the mean"),
        ((0.0, 1.0), "quiet-channel", "2 channels that differ: silent, -9 dB"),
        ((0.01, 1.0, 0.1), "quiet-channel", "3 channels that differ: -49 dB, -9 dB, -29 dB"),
        ((0.0, 0.0), "silent-wav", "samples are 0"),
    ],
)
def test_several_channels_are_named_with_their_levels(tmp_path, gains, rule, said):
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(8000) / 16000)
    soundfile.write(tmp_path / "a.wav", np.outer(tone, gains), 16000, subtype="FLOAT")
    (tmp_path / "utterances.csv").write_text("id,audio,speaker,start,end\na,a.wav,s,0,0.5\n")
    (finding,) = validate_corpus("folder", root=tmp_path).findings
    assert finding.rule == rule
    assert said in finding.examples[0]


def test_nothing_is_written(bench):
    before = {path: path.stat().st_mtime_ns for path in bench.corpus.root.rglob("*")}
    validate(bench)
    assert {path: path.stat().st_mtime_ns for path in bench.corpus.root.rglob("*")} == before


def test_progress_ends_where_there_is_nothing_left(bench):
    seen = []
    validate(bench, progress=Stages(lambda *what: seen.append(what)))
    assert ("parse", 2, 2) in seen
    assert seen[-1] == ("check", ROWS, ROWS)


def test_what_is_no_corpus_is_refused(tmp_path):
    with pytest.raises(CorpusLayoutError, match="--root"):
        validate_corpus("KEMDy20", root=tmp_path)


def test_a_table_whose_rows_cannot_be_told_apart_is_refused_with_its_place(bench):
    bench.corpus.set_cell(1, 4, "Utterance")
    with pytest.raises(CorpusError, match=r"annotation/Sess01_eval\.csv:1"):
        validate(bench)


def test_a_stray_pickle_is_named_and_never_opened(bench):
    stray = bench.corpus.root / "wav" / "Session01.pkl"
    stray.write_bytes(b"cos\nsystem\n(S'touch " + str(bench.out.parent / "pwned").encode() + b"'\ntR.")
    report = validate(bench)
    assert found(report)["stray-file"].examples[0].startswith("wav/Session01.pkl")
    bench.fresh().build(settings=QUICK)
    assert not (bench.out.parent / "pwned").exists()


@pytest.fixture
def filmed(tmp_path):
    pytest.importorskip("av", reason="the extra `video` is not installed")
    corpus = write_tiny_iemocap(tmp_path / "corpus")
    for dialog in DIALOGS:
        write_pattern(corpus.avi(dialog), frames=36)
    return corpus


def of_films(corpus, **options):
    found = validate_corpus("IEMOCAP", root=corpus.root, **options).findings
    return {finding.rule: finding for finding in found if finding.rule.endswith("-video")}


def test_films_that_last_as_long_as_their_dialogs_are_no_finding(filmed):
    assert of_films(filmed) == {}


def test_films_that_are_missing_broken_or_short_are_named(filmed):
    missing, broken, short, _ = DIALOGS
    filmed.avi(missing).unlink()
    filmed.avi(broken).write_bytes(b"RIFF, not a video")
    write_pattern(filmed.avi(short), frames=34)
    found = of_films(filmed)
    assert {rule: (each.severity, each.count) for rule, each in found.items()} == {
        "missing-video": ("info", 1),
        "unreadable-video": ("warning", 1),
        "short-video": ("warning", 1),
    }
    assert found["short-video"].examples == (
        f"Session1/dialog/avi/DivX/{short}.avi: 3.40 s of film, its last utterance ends at 3.50 s",
    )
    assert found["unreadable-video"].examples[0].startswith(f"Session1/dialog/avi/DivX/{broken}.avi: cannot be read")
    assert of_films(filmed, workers=2) == found


def test_without_pyav_films_are_not_checked_and_it_says_so(filmed, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    found = of_films(filmed)
    assert {rule: each.count for rule, each in found.items()} == {"unchecked-video": len(DIALOGS)}
    assert found["unchecked-video"].severity == "info"
