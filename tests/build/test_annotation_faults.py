"""What cannot be read of the annotation: it stops a build, or it is listed, counted and remembered."""

import pytest

from kemfeat.errors import CorpusError, TooManyFailuresError


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
    with pytest.raises(
        TooManyFailuresError, match=r"rows failed, more than --max-failures 0 allows: .*Sess01_eval\.csv"
    ):
        bench.build(on_error="skip", max_failures=0.0)


def test_a_session_with_audio_and_without_annotation_stops_a_build(bench):
    bench.corpus.annotation(2).unlink()
    with pytest.raises(
        CorpusError, match=r"annotation/Sess02_eval\.csv: no such file, but wav/ has \d+ clips of Sess02"
    ):
        bench.build()
    report = bench.build(on_error="skip", max_failures=0.5)
    assert set(report.store.utterances["session"]) == {"Sess01"}
    assert report.failures == 1
