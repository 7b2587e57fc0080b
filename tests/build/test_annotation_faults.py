"""What cannot be read of the annotation: it stops a build, or it is listed, counted and remembered."""

import pytest

from kemfeat.errors import CorpusError, TooManyFailuresError
from tests.build.kit import with_settings


def _spoil_annotation(bench):
    """One row too short, one label unknown, one rating off the scale: a dropped row and two blanked cells."""
    cells = bench.corpus.cells(1)
    cells[2] = cells[2][:-1]
    bench.corpus.write_cells(cells, 1)
    bench.corpus.set_cell(4, 5, "joy")
    bench.corpus.set_cell(5, 9, "7")


def test_what_skip_drops_from_the_annotation_is_listed_counted_and_not_forgotten(bench):
    _spoil_annotation(bench)
    report = bench.build(on_error="skip", max_failures=0.5)
    lost = report.store.failures
    assert report.failures == len(lost) == report.store.header.annotation_faults >= 3
    assert set(lost["feature"]) == {"annotation"}
    assert all("Sess01_eval.csv" in error for error in lost["error"])
    assert bench.build(on_error="skip", max_failures=0.5).failures == report.failures
    with pytest.raises(CorpusError, match=r"Sess01_eval\.csv"):
        bench.build()


def test_too_much_lost_annotation_stops_a_skipping_build(bench):
    _spoil_annotation(bench)
    said = (
        r"^0 of 11 rows failed and 3 rows or cells of the annotation cannot be read, a share of 0\.2143, more than "
        r"--max-failures 0 allows: .*Sess01_eval\.csv"
    )
    with pytest.raises(TooManyFailuresError, match=said):
        bench.build(on_error="skip", max_failures=0.0)


def test_no_more_rows_fail_than_there_are_and_a_share_of_one_allows_all(bench):
    """Every utterance lacks its audio, and entries of the annotation are spoiled too."""
    new = bench.fresh()
    _spoil_annotation(bench)
    for name in bench.corpus.ids:
        bench.corpus.wav(name).write_bytes(b"")
    with pytest.raises(TooManyFailuresError, match=r"^11 of 11 rows failed and 3 rows or cells .*, a share of 1, more"):
        new.build(settings=with_settings(features=["mel"]), on_error="skip", max_failures=0.99)
    report = new.build(settings=with_settings(features=["mel"]), on_error="skip", max_failures=1.0)
    assert report.failures == 11 + 3


def test_a_session_with_audio_and_without_annotation_stops_a_build(bench):
    bench.corpus.annotation(2).unlink()
    with pytest.raises(
        CorpusError, match=r"annotation/Sess02_eval\.csv: no such file, but wav/ has \d+ clips of Sess02"
    ):
        bench.build()
    report = bench.build(on_error="skip", max_failures=0.5)
    assert set(report.store.utterances["session"]) == {"Sess01"}
    assert report.failures == 1
