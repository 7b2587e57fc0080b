"""Killed at any moment and started again, a build ends in the store that an undisturbed one makes."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from kemfeat import open_store
from kemfeat.errors import CorpusError, StoreIncompleteError
from kemfeat.store import disk, swap, writer
from tests.build.kit import (
    PARTITIONS,
    ROWS,
    SETTINGS,
    Bench,
    files,
    parts,
    rewritten,
    shards,
    tree,
    with_settings,
)
from tests.corpora.tiny import wav_bytes

pytestmark = pytest.mark.slow  # builds are killed, each in a process of its own

TOP = Path(__file__).parents[2]

WORKING = [
    sys.executable,
    "-c",
    "from kemfeat.build import _sources; _sources.WORTH_A_WORKER = 0; from kemfeat_cli.app import main; main()",
]
"""The command, with as many processes as it is told to start, however small the corpus."""


class Killed(BaseException):
    """Stands for SIGKILL inside one process: nothing in the way catches it."""


@pytest.fixture
def command(bench):
    """The command line that builds what the kit builds."""
    config = bench.out.with_name("config.toml")
    tables = {name: table for name, table in SETTINGS.items() if isinstance(table, dict)}
    lines = [f"features = {json.dumps(SETTINGS['features'])}", f"rows_per_shard = {SETTINGS['rows_per_shard']}"]
    lines += [f"{name}.{key} = {json.dumps(value)}" for name, table in tables.items() for key, value in table.items()]
    config.write_text("\n".join(lines))
    return [*WORKING, "build", "--dataset", "KEMDy20", "--root", bench.corpus.root, "--config", config, "--out"]


def _start(command, out, workers):
    return subprocess.Popen(
        [*command, out, "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _receipts(store):
    return sum(len(names) for _, _, names in os.walk(store / ".building" / "receipts"))


def _kill_after(process, store, receipts, delay):
    """Kill the process, never its workers, once so many parts are staged and some more time has passed."""
    while process.poll() is None and _receipts(store) < receipts:
        time.sleep(0.002)
    time.sleep(delay)
    process.kill()
    process.wait()


@pytest.mark.parametrize(("seed", "workers"), [(0, 1), (1, 1), (2, 2)])
def test_killed_at_random_moments_it_ends_as_if_undisturbed(bench, finished, command, seed, workers):
    generator = random.Random(seed)
    out = bench.out.with_name("killed")
    staged = [0]
    for _ in range(3):
        process = _start(command, out, workers)
        _kill_after(process, out, staged[-1] + generator.randint(0, 8), generator.uniform(0, 0.05))
        staged.append(_receipts(out))
        assert open_or_sentence(out) in {"unfinished", "finished"}
    _wait_for_orphans(out)
    Bench(bench.corpus, out).build()
    assert tree(out) == tree(finished.out)


def open_or_sentence(out):
    try:
        open_store(out)
    except StoreIncompleteError:
        return "unfinished"
    return "finished"


def _processes_on(out):
    """Processes that hold or name this folder, this one left out."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
            if int(proc.name) != os.getpid() and os.fsencode(out) in told:
                found.append(int(proc.name))
    return found


def _wait_for_orphans(out):
    deadline = time.monotonic() + 20
    while _processes_on(out) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _processes_on(out) == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes by /proc")
def test_workers_end_with_a_killed_parent(bench, command, monkeypatch):
    out = bench.out.with_name("orphaned")
    monkeypatch.setenv("MARK", str(out))
    process = _start(command, out, 2)
    while process.poll() is None and len(_processes_on(out)) < 3:
        time.sleep(0.01)
    assert process.poll() is None
    process.kill()
    process.wait()
    _wait_for_orphans(out)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes by /proc")
def test_a_worker_killed_for_want_of_memory_is_a_sentence_and_the_build_resumes(bench, finished, command, monkeypatch):
    out = bench.out.with_name("starved")
    monkeypatch.setenv("MARK", str(out))
    process = subprocess.Popen([*command, out, "--workers", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and not _workers(out):
        time.sleep(0.005)
    os.kill(_workers(out)[0], signal.SIGKILL)
    said = process.communicate(timeout=300)[1].decode()
    assert process.returncode == 1
    assert "kemfeat: one of 2 worker processes was killed, most often because memory ran out; what is finished" in said
    assert "Traceback" not in said
    Bench(bench.corpus, out).build()
    assert tree(out) == tree(finished.out)


def _workers(out):
    return [pid for pid in _processes_on(out) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_of_two_builds_at_once_one_waits_for_nothing(bench, finished, command):
    """One makes the store, the other is told so; or comes later and finds it made."""
    out = bench.out.with_name("twice")
    both = [
        subprocess.Popen([*command, out, "-j", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in "ab"
    ]
    said = [process.communicate(timeout=300)[1].decode() for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 4], [0, 0]), said
    assert codes == [0, 0] or any("is being built by" in text for text in said)
    assert tree(out) == tree(finished.out)


def test_an_interrupted_terminal_ends_in_a_word_and_the_build_resumes(bench, finished, command):
    """Ctrl-C goes to the whole group of processes."""
    out = bench.out.with_name("interrupted")
    process = subprocess.Popen(
        [*command, out, "--workers", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    while process.poll() is None and not _receipts(out):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    said = b"".join(process.communicate(timeout=300))
    assert process.returncode not in {0, None}
    assert b"Traceback" not in said
    Bench(bench.corpus, out).build()
    assert tree(out) == tree(finished.out)


def _killed_before_the_swap(bench, monkeypatch, **build):
    """Leave a store that is staged whole, with its header, and not yet in place."""

    def killed(store):
        if writer.staging(store).joinpath("kemfeat.json").exists():
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(swap, "complete_swap", killed)
        with pytest.raises(Killed):
            bench.build(**build)


class Budget:
    """Lets so many calls that change a folder through, then kills."""

    def __init__(self, calls):
        self.left = calls

    def wrap(self, function):
        def counted(*arguments, **named):
            if not self.left:
                raise Killed
            self.left -= 1
            return function(*arguments, **named)

        return counted


def _swap_killed_after(out, calls, monkeypatch):
    """Whether the swap was over before so many changes."""
    budget = Budget(calls)
    with monkeypatch.context() as patched:
        for name in ("replace", "rename", "unlink"):
            patched.setattr(Path, name, budget.wrap(getattr(Path, name)))
        patched.setattr(shutil, "rmtree", budget.wrap(shutil.rmtree))
        try:
            swap.complete_swap(out)
        except Killed:
            return False
    return True


OTHER = with_settings(rows_per_shard=5)


def _but_staging(found):
    return {name: content for name, content in found.items() if not name.startswith(".building")}


@pytest.mark.parametrize("update", [False, True], ids=["first", "update"])
def test_killed_anywhere_inside_the_swap_the_next_build_completes_it(bench, monkeypatch, tmp_path, update):
    staged, settings = (bench, OTHER) if update else (bench.fresh(), SETTINGS)
    _killed_before_the_swap(staged, monkeypatch, settings=settings)
    expected = bench.fresh("expected")
    expected.build(settings=settings)
    half = Bench(bench.corpus, tmp_path / "half")
    for calls in range(100):
        shutil.copytree(staged.out, half.out, symlinks=True)
        over = _swap_killed_after(half.out, calls, monkeypatch)
        in_place = (half.out / "kemfeat.json").exists()
        assert open_or_sentence(half.out) == ("finished" if in_place else "unfinished")
        assert half.build(settings=settings).up_to_date
        assert _but_staging(tree(half.out)) == tree(expected.out)
        shutil.rmtree(half.out)
        if over:
            break
    assert 10 < calls < 99


def test_a_staged_store_is_not_lost_to_a_build_of_something_else(bench, finished, monkeypatch):
    new = bench.fresh()
    _killed_before_the_swap(new, monkeypatch)
    settings = with_settings(tokens={"max_length": 6})
    assert new.build(settings=settings).written == PARTITIONS
    new.build()
    assert tree(new.out) == tree(finished.out)


def _killed_during(stage, done):
    def progress(now, count, total):
        if now == stage and count >= done:
            raise Killed

    return progress


STAGES = [("hash", 0), ("hash", 1), ("parse", 0), ("parse", 1), ("extract", 0), ("extract", 4), ("extract", 12)]


@pytest.mark.parametrize(("stage", "done"), STAGES)
def test_what_was_done_before_is_not_done_again(bench, finished, stage, done):
    new = bench.fresh()
    with pytest.raises(Killed):
        new.build(progress=_killed_during(stage, done))
    report = new.build()
    assert report.kept == (done // 4 * 7 if stage == "extract" else 0)
    assert tree(new.out) == tree(finished.out)


@pytest.mark.parametrize(("stage", "done"), STAGES[1:])
def test_an_interrupted_update_is_not_taken_for_finished(bench, stage, done):
    """The sources are hashed by then, the store is not what they say."""
    path = bench.corpus.wav(bench.corpus.ids[9])
    path.write_bytes(wav_bytes(0.65, pitch=321.0))
    cells = bench.corpus.recording("TEMP", bench.corpus.ids[9])
    cells.write_text(cells.read_text().replace(",2020", "1,2020"))
    before = shards(bench.out)
    with suppress(Killed):
        bench.build(progress=_killed_during(stage, done), settings=SETTINGS)
    report = bench.build()
    assert not report.up_to_date or stage == "extract"
    assert rewritten(before, bench.out) == parts(("mel", "delta"), {2}) | parts(("temp",), {2})
    fresh = bench.fresh("expected")
    fresh.build()
    assert tree(bench.out) == tree(fresh.out)


def test_an_update_refused_midway_goes_on_being_refused_until_repaired(bench):
    bench.corpus.wav(bench.corpus.ids[9]).unlink()
    for _ in range(3):
        with pytest.raises(CorpusError, match="has no audio file"):
            bench.build()
    assert open_store(bench.out).digest


def test_what_another_interrupted_build_left_does_not_get_into_the_store(bench):
    """Features, sessions and partitions that the second build does not have."""
    new = bench.fresh()
    with pytest.raises(Killed):
        new.build(progress=_killed_during("extract", ROWS))
    for path in (bench.corpus.root / "annotation/Sess02_eval.csv", *(bench.corpus.root.glob("*/Session02"))):
        path.rename(bench.out.parent / f"{path.parent.name}-{path.name}")
    settings = with_settings(features=["mel", "temp"], rows_per_shard=12)
    new.build(settings=settings)
    expected = bench.fresh("expected")
    expected.build(settings=settings)
    assert tree(new.out) == tree(expected.out)


@pytest.mark.parametrize("name", ["features.zarr/mel/mel/c/2/0/0", "columns/mel/000002.parquet"])
def test_a_staged_part_whose_bytes_a_crash_lost_is_made_again(bench, finished, name):
    """Parts are staged without waiting for the disk, so their sizes alone say nothing."""
    new = bench.fresh()
    with pytest.raises(Killed):
        new.build(progress=_killed_during("extract", ROWS))
    file = new.out / ".building" / name
    file.write_bytes(bytes(file.stat().st_size))
    assert new.build().written == 1
    assert tree(new.out) == tree(finished.out)


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_disk_holds_every_file_before_the_store_is_put_in_place(bench, monkeypatch, interrupted):
    new = bench.fresh()
    if interrupted:
        with pytest.raises(Killed):
            new.build(progress=_killed_during("extract", 8))
    held, complete_swap, fsync = set(), swap.complete_swap, disk.fsync

    def synced(path):
        fsync(path)
        held.add((path.stat().st_ino, path.stat().st_mtime_ns))

    def checked(store):
        staged = [path for path in files(writer.staging(store) / "features.zarr") if path.name == "0"]
        if writer.staging(store).joinpath("kemfeat.json").exists():
            assert staged
            assert {(path.stat().st_ino, path.stat().st_mtime_ns) for path in staged} <= held
        return complete_swap(store)

    monkeypatch.setattr(disk, "fsync", synced)
    monkeypatch.setattr(swap, "complete_swap", checked)
    assert new.build(workers=1).written


@pytest.mark.parametrize(
    "lost", ["receipts", "columns", "features.zarr", "template.zarr", "sources.parquet", "signals"]
)
def test_a_staging_folder_that_lost_files_is_completed(bench, finished, lost):
    new = bench.fresh()
    with pytest.raises(Killed):
        new.build(progress=_killed_during("extract", 8))
    path = new.out / ".building" / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    new.build()
    assert tree(new.out) == tree(finished.out)


@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b'{"key": 1}'])
def test_staged_receipts_that_are_garbage_are_made_again(bench, finished, garbage):
    new = bench.fresh()
    with pytest.raises(Killed):
        new.build(progress=_killed_during("extract", ROWS))
    for folder in ("receipts", "sessions"):
        for path in files(new.out / ".building" / folder):
            path.write_bytes(garbage)
    assert new.build().written == 7 * PARTITIONS
    assert tree(new.out) == tree(finished.out)
