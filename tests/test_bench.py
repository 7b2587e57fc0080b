"""The benchmark's own arithmetic, record, table and check. Nothing is timed here."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import kemfeat_bench
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kemfeat_bench import _process, _record, _rounds, _run, _table, _targets, codec, plan, scaling
from kemfeat_bench._context import Context
from kemfeat_bench._record import Row
from kemfeat_bench._rounds import Contestant
from kemfeat_bench.tools import enlarge, page
from kemfeat_cli import bench as command

from kemfeat import plugins
from kemfeat.errors import ConfigError, UnknownPluginError, WorkerError
from kemfeat.store.reader import open_store
from kemfeat.validate import validate_corpus
from tests.e2e.command import kemfeat, sentence

DOCS = Path(__file__).resolve().parents[1] / "docs"
COSTS = st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)), min_size=1, max_size=7)


def silent(text):
    """Told what happens, says nothing."""


def document(*rows, quick=False):
    return _record.Document(
        created="2026-01-02T03:04:05+00:00",
        options=("--quick",) if quick else (),
        quick=quick,
        machine=_record.Machine(cpu="A", cores=2, memory=8.0, system="Linux 6", python="3.11", load=(0.1, 0.2, 0.3)),
        versions={"numpy": "2"},
        rows=rows,
    )


def measured(key, value, **more):
    return Row(key=key, what="it", unit="times", value=value, low=value / 2, high=value * 2, **more)


def test_contestants_take_turns_in_order():
    order = []
    turns = {name: lambda name=name: order.append(name) or 1.0 for name in "ABC"}
    outcome = _rounds.alternate(turns, rounds=3, say=silent)
    assert "".join(order) == "ABCABCABC"
    assert outcome.samples == {name: [1.0] * 3 for name in "ABC"}


def test_a_peer_that_fails_takes_no_further_part():
    def fails():
        raise WorkerError("no room")

    outcome = _rounds.alternate({"kemfeat": lambda: 1.0, "peer": fails}, rounds=2, say=silent)
    assert outcome.samples == {"kemfeat": [1.0, 1.0]}
    assert outcome.missing == {"peer": "failed: no room"}
    with pytest.raises(WorkerError, match="no room"):
        _rounds.alternate({"kemfeat": fails, "peer": lambda: 1.0}, rounds=2, say=silent)


def test_a_ratio_is_that_of_medians():
    assert _rounds.ratio([1.0, 2.0, 4.0], [6.0, 4.0, 40.0]) == (3.0, 2.0, 10.0)
    assert _rounds.spread([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)


@settings(deadline=None)
@given(COSTS)
def test_a_ratio_lies_between_those_of_rounds_and_turns_over(costs):
    ours, peer = zip(*costs, strict=True)
    value, low, high = _rounds.ratio(ours, peer)
    assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9)
    assert _rounds.ratio(peer, ours) == pytest.approx((1 / value, 1 / high, 1 / low))


def test_who_is_not_installed_gets_a_row_that_says_how_to():
    contestants = {
        "kemfeat": Contestant(open=lambda: lambda: 1.0),
        "absent": Contestant(open=lambda: lambda: 1.0, what="beside absent", library="no_such_library"),
        "broken": Contestant(open=lambda: __import__("no_such_part"), what="beside broken", library="numpy"),
        "there": Contestant(open=lambda: lambda: 2.0, what="beside there", library="numpy", note="slow"),
    }
    outcome = Context(scratch=Path()).contest(contestants, rounds=2)
    absent, broken, there = _rounds.rows("mel", contestants, outcome, item="clip")
    assert (absent.key, absent.value) == ("mel.absent", None)
    assert absent.missing == "not installed: pip install 'kemfeat[bench]'"
    assert broken.missing == "cannot be used here: No module named 'no_such_part'"
    assert (there.key, there.value, there.low, there.high) == ("mel.there", 2.0, 2.0, 2.0)
    assert there.samples == {"kemfeat": (1.0, 1.0), "there": (2.0, 2.0)}
    assert (there.sample_unit, there.note) == ("s/clip", "slow")


def test_a_record_reads_back_as_it_was_written(tmp_path):
    whole = document(measured("mel.librosa", 3.5, samples={"kemfeat": (0.5, 0.25)}), Row(key="a.b", what="", unit="s"))
    _record.write(whole, tmp_path / "new" / "results.json")
    assert _record.read(tmp_path / "new" / "results.json") == whole


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"rows": [{"key": "a.b"}]}, "rows.0.what"),
        ({"more": 1}, "more"),
    ],
)
def test_another_record_is_refused(tmp_path, change, said):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({**json.loads(document().model_dump_json()), **change}))
    with pytest.raises(ConfigError, match=rf"--from .*results.json: {said}: .*kemfeat bench --out"):
        _record.read(path)


def test_a_file_that_is_not_there_or_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        _record.read(tmp_path / "absent.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        _record.write(document(), tmp_path / "file" / "results.json")


def test_the_table_has_every_row_with_its_command_and_verdict():
    rows = (
        measured("mel.librosa", 3.456, samples={"kemfeat": (0.5, 0.25), "librosa": (1.0, 2.0)}, sample_unit="s/clip"),
        measured("startup.help", 0.5, note="cold"),
        Row(key="build.datasets", what="beside x|y", unit="times", missing="not installed: pip"),
    )
    text = _table.table(document(*rows))
    assert text.startswith(
        "2026-01-02; 2 cores of A, 8 GB, Linux 6, Python 3.11; load 0.1 before; numpy 2.\n\n| what |"
    )
    assert [line for line in text.splitlines() if line.startswith("| `")] == [
        "| `mel.librosa` it | 3.46 times | 1.73 to 6.91, 2 rounds | kemfeat 2.67, librosa 0.667 clips/s | >= 3: met "
        "| `kemfeat bench --only mel` |",
        "| `startup.help` it | 0.5 times | 1 round |  | <= 0.4: **missed** | `kemfeat bench --only startup` |",
        "| `build.datasets` beside x/y | not installed: pip |  |  | >= 5 | `kemfeat bench --only build` |",
    ]
    assert text.endswith("\n- `startup.help`: cold\n")
    assert "`kemfeat bench --quick --only mel`" in _table.table(document(*rows, quick=True))


def test_misses_name_the_figure_and_the_target():
    rows = (
        measured("mel.librosa", 2.71828),
        measured("memory.worker", 800.0),
        measured("build.reference_gzip", 7.9),
        Row(key="build.datasets", what="it", unit="times", missing="not installed: pip"),
        measured("mel.torch", 0.1),
    )
    assert list(_targets.misses(document(*rows))) == [
        "mel.librosa: measured 2.718 times, target >= 3",
        "build.reference_gzip: measured 7.9 times, target >= 10",
        "build.datasets: not measured (not installed: pip); target >= 5",
    ]
    assert [line.partition(":")[0] for line in _targets.misses(document(*rows, quick=True))] == ["mel.librosa"]


@pytest.mark.parametrize("key", _targets.TARGETS)
def test_every_target_belongs_to_a_comparison(key):
    assert key.partition(".")[0] in kemfeat_bench.names()


@pytest.mark.parametrize("name", kemfeat_bench.names())
def test_every_comparison_is_one(name):
    comparison = kemfeat_bench.find(name)
    assert isinstance(comparison, kemfeat_bench.Comparison)
    assert callable(comparison.measure)


def test_an_unknown_comparison_is_refused_with_those_there_are():
    with pytest.raises(UnknownPluginError, match=r"'mell'.*mel"):
        kemfeat_bench.find("mell")


def test_a_run_is_handed_over_after_every_comparison(monkeypatch, tmp_path):
    made = kemfeat_bench.Comparison(measure=lambda context: iter([measured(f"x.{context.quick}", 1.0)]))
    monkeypatch.setattr(_run, "find", lambda name: replace(made, libraries=("no-such-library",)))
    kept = []
    whole = _run.run(["x", "y"], quick=True, scratch=tmp_path, done=kept.append)
    assert [len(part.rows) for part in kept] == [1, 2]
    assert (kept[-1], whole.options) == (whole, ("--quick",))
    assert whole.versions["no-such-library"] == "not installed"
    assert whole.versions["numpy"] == np.__version__
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_fails_is_a_sentence_with_its_last_line():
    with pytest.raises(WorkerError, match=r"ended with 3: at last$"):
        _process.run([sys.executable, "-c", "import sys; print('first\\nat last', file=sys.stderr); sys.exit(3)"])


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is known on Linux only")
def test_peaks_of_a_process_and_of_its_worker_are_told_apart():
    worker = "import time; room = bytearray(150_000_000); time.sleep(0.5); del room; time.sleep(0.5)"
    program = f"import subprocess, sys; print('said'); subprocess.run([sys.executable, '-c', {worker!r}])"
    ran = _process.run([sys.executable, "-c", program], watch=True)
    assert ran.out == "said\n"
    assert ran.worker > 150 > ran.parent > 1


def test_efficiency_is_one_speed_up_over_the_other():
    samples = {"one": [8.0, 8.0], "two": [4.0, 5.0], "alone": [6.0, 6.0], "both": [3.0, 3.0]}
    row = scaling.efficiency(samples, what="it")
    assert (row.low, row.high) == (0.8, 1.0)
    assert row.value == pytest.approx(8 / 4.5 / 2)


def test_a_prediction_is_off_in_percent_of_what_was():
    assert plan.off(80.0, 100.0) == plan.off(120.0, 100.0) == pytest.approx(20)


def test_sizes_on_disk_are_those_of_the_files(finished):
    rows = finished.out / "features.zarr/mel/mel/c"
    files = [path for path in rows.rglob("*") if path.is_file()]
    assert files
    assert codec.on_disk(finished.out, "mel") == sum(path.stat().st_size for path in files)
    store = open_store(finished.out)
    assert codec.unpadded(finished.out) == 4 * int(store.utterances["mel_frames"].sum()) * store.array("mel").shape[-1]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "KEMDy20"
    plugins.find("synth", "KEMDy20").write(folder, utterances=24, sessions=2)
    return folder


def test_an_enlarged_corpus_is_one_of_hard_links(corpus, tmp_path):
    large = tmp_path / "large"
    enlarge.enlarge(corpus, large, times=3)
    before, after = (validate_corpus("KEMDy20", root=root) for root in (corpus, large))
    assert after.counts["utterances"] == 3 * before.counts["utterances"]
    assert after.counts["audio files"] == 3 * before.counts["audio files"]
    assert after.counts["physiology files"] == before.counts["physiology files"]
    rules, more = ({finding.rule for finding in report.findings} for report in (before, after))
    assert more == {*rules, "same-audio"}  # a copy is a copy
    assert all(path.stat().st_nlink == 4 for path in (corpus / "wav").rglob("*.wav"))


def test_more_utterances_than_three_digits_number_are_refused(corpus, tmp_path):
    with pytest.raises(ConfigError, match="beyond 999"):
        enlarge.enlarge(corpus, tmp_path / "huge", times=1000)


def test_the_page_keeps_what_stands_around_its_table():
    before = f"a\n{page.BEGIN}old\n{page.END}b\n"
    assert page.with_table(before, "new\n") == f"a\n{page.BEGIN}\nnew\n\n{page.END}b\n"
    assert page.with_table(page.with_table(before, "x"), "new\n") == page.with_table(before, "new\n")
    with pytest.raises(ConfigError, match="no place for the table"):
        page.with_table("nothing", "new")


def test_the_documented_table_is_that_of_its_results():
    text = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    results = DOCS / "benchmarks" / "results.json"
    made = page.with_table(text, _table.table(_record.read(results)) if results.is_file() else "")
    assert text == made if results.is_file() else page.BEGIN + page.END in text


def test_one_comparison_from_the_command_line_to_the_check(tmp_path):
    path = tmp_path / "results.json"
    said = kemfeat("bench", "--quick", "--only", "startup", "--out", path, "--scratch", tmp_path)
    assert said.code == 0
    assert said.err.startswith("startup: round 1 of 7\n")
    whole = _record.read(path)
    assert [row.key for row in whole.rows] == ["startup.help", "startup.python"]
    assert [len(row.samples["kemfeat"]) for row in whole.rows] == [7, 7]
    assert said.out == _table.table(whole)
    assert kemfeat("bench", "--from", path).out == said.out
    assert list(tmp_path.iterdir()) == [path]


def test_the_check_fails_with_the_figure(tmp_path):
    for value, code, err in ((2.5, 1, "mel.librosa: measured 2.5 times, target >= 3\n"), (3.5, 0, "")):
        _record.write(document(measured("mel.librosa", value)), tmp_path / "results.json")
        said = kemfeat("bench", "--from", tmp_path / "results.json", "--check")
        assert (said.code, said.err) == (code, err)


def test_a_wrong_name_is_one_line(tmp_path):
    assert "no comparison 'mell'" in sentence("bench", "--only", "mell", code=2)
    assert "cannot be read" in sentence("bench", "--from", tmp_path / "absent", code=2)


def test_without_the_benchmarks_one_sentence_says_how_to_get_them(monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"not part of the installed package.*clone it and run `make bench` there"):
        command.bench()


def test_ctrl_c_leaves_no_trace_and_no_folder(tmp_path):
    command = [_process.KEMFEAT, "bench", "--only", "startup", "--scratch", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert running.stderr.readline() == "startup: round 1 of 15\n"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
