"""Commands on a real Dask cluster make the bytes that they make here, whatever happens to the workers."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import numpy as np
import pytest

from kemfeat.analyses.dtw import _distances as distances
from kemfeat.store import blocks
from tests.analyses.dtw.kit import configured, shapes
from tests.build.kit import KEMFEAT, tree
from tests.dask_kit import DaskCluster, wait
from tests.e2e.command import kemfeat, sentence

SYNTH = ("synth", "--dataset", "KEMDy20", "--utterances", 32, "--sessions", 2)
BUILD = ("build", "--dataset", "KEMDy20", "--set", "rows_per_shard=2")
PARTS = 16 * 7


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    made = DaskCluster(tmp_path_factory.mktemp("dask"))
    try:
        made.start(3)
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """A folder with a corpus and its store, made by one process."""
    folder = tmp_path_factory.mktemp("serial")
    assert kemfeat(*SYNTH, "--out", folder / "corpus", "-j", 1).code == 0
    assert kemfeat(*BUILD, "--root", folder / "corpus", "--out", folder / "store", "-j", 1).code == 0
    return folder


def digest(store):
    return json.loads((store / "kemfeat.json").read_text())["digest"]


def receipts(store):
    return sum(len(names) for _, _, names in os.walk(store / ".building" / "receipts"))


def start(*arguments, cwd):
    return subprocess.Popen(
        [KEMFEAT, *map(str, arguments)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_build_outlives_a_worker_and_takes_on_a_new_one(dask, serial, tmp_path):
    """Named by relative paths, which mean something else to every worker."""
    (tmp_path / "corpus").symlink_to(serial / "corpus")
    build = start(*BUILD, "--root", "corpus", "--out", "store", "--scheduler", dask.address, cwd=tmp_path)
    wait(lambda: receipts(tmp_path / "store") > 7 or build.poll() is not None, "the first parts")
    lost, *others = dask.workers
    for name in (lost, *others):
        dask.tell(name, signal.SIGSTOP)
    left = PARTS - receipts(tmp_path / "store")
    dask.kill(lost)
    (added,) = dask.start()
    for name in others:
        dask.tell(name, signal.SIGCONT)
    out, err = (text.decode() for text in build.communicate(timeout=200))
    assert (build.returncode, left > PARTS / 2) == (0, True), err
    assert {line.partition(":")[0] for line in err.splitlines()} <= {"reading", "physiology", "extracting"}
    assert f"{PARTS} parts written, 0 kept" in out
    assert tree(tmp_path / "store") == tree(serial / "store")
    assert dask.ask(added, lambda: "kemfeat.build._partition" in sys.modules)


def test_workers_of_several_threads_make_the_same_bytes(dask, serial, tmp_path):
    alone = DaskCluster(tmp_path / "dask")
    try:
        alone.start(1, threads=4)
        said = kemfeat(
            *BUILD, "--root", serial / "corpus", "--out", tmp_path / "store", "--scheduler", alone.address, "--json"
        )
    finally:
        alone.stop()
    assert (said.code, said.err) == (0, "")
    assert tree(tmp_path / "store") == tree(serial / "store")


def test_tasks_that_outlive_their_command_spoil_nothing(dask, serial, tmp_path):
    """The command is killed while its tasks run; another one, of other settings and without cluster, waits for them."""
    corpus = ("--root", serial / "corpus")
    killed = start(*BUILD, *corpus, "--out", "store", "--scheduler", dask.address, cwd=tmp_path)
    wait(lambda: _stopped_while_at_work(dask, tmp_path / "store") or killed.poll() is not None, "running tasks")
    killed.kill()
    killed.communicate()
    other = (*BUILD, *corpus, "--set", "mel.top_db=60.0", "-j", 1)
    follower = start(*other, "--out", "store", cwd=tmp_path)
    wait(lambda: (tmp_path / "store" / ".lock.json").is_file(), "the lock to be taken over")
    assert kemfeat(*other, "--out", tmp_path / "expected").code == 0
    assert follower.poll() is None
    for name in dask.workers:
        dask.tell(name, signal.SIGCONT)
    assert follower.wait(timeout=100) == 0, follower.communicate()
    follower.communicate()
    assert tree(tmp_path / "store") == tree(tmp_path / "expected")


def _stopped_while_at_work(dask, store):
    if receipts(store) <= 7:
        return False
    for name in dask.workers:
        dask.tell(name, signal.SIGSTOP)
    (lease,) = (store / ".building").glob(".kemfeat-lease-*")
    with lease.open("r+b") as file, suppress(BlockingIOError):
        flock(file, LOCK_EX | LOCK_NB)
        for name in dask.workers:
            dask.tell(name, signal.SIGCONT)
        return False
    return True


def test_ctrl_c_drops_what_is_queued_and_another_build_goes_on(dask, serial, tmp_path):
    build = start(
        *BUILD, "--root", serial / "corpus", "--out", "store", "--scheduler", dask.address, "--force", cwd=tmp_path
    )
    wait(lambda: receipts(tmp_path / "store") > 7 or build.poll() is not None, "the first parts")
    build.send_signal(signal.SIGINT)
    err = build.communicate(timeout=100)[1].decode()
    assert build.returncode == 130, err
    assert err.endswith("kemfeat: what is finished is kept: run the same command again to continue\n")
    assert "Traceback" not in err
    assert "distributed" not in err
    wait(dask.is_idle, "an idle cluster")
    said = kemfeat(*BUILD, "--root", serial / "corpus", "--out", tmp_path / "store", "-j", 1)
    assert said.code == 0
    assert f"{PARTS} parts written" not in said.out
    assert tree(tmp_path / "store") == tree(serial / "store")


@pytest.mark.parametrize(("features", "on_error"), [("mel", "skip"), ("eda", "raise")])
def test_a_worker_that_does_not_see_the_corpus_is_refused_by_name(serial, tmp_path, features, on_error):
    """The path of the corpus is one that every process finds in its own working folder."""
    cluster = DaskCluster(tmp_path / "dask")
    try:
        (blind,) = cluster.start()
        (cluster.folder / blind / "corpus").mkdir()
        (tmp_path / "corpus").symlink_to(serial / "corpus")
        options = ("--features", features, "--on-error", on_error, "--max-failures", 1, "--scheduler", cluster.address)
        command = (*BUILD, "--root", "/proc/self/cwd/corpus", "--out", tmp_path / "store", *options)
        address = cluster.known()[blind]
        refused = start(*command, cwd=tmp_path)
        err = refused.communicate(timeout=200)[1].decode()
        assert refused.returncode == 1
        assert f"as the worker {address} sees it; share the same folders with that worker" in err
        (good,) = cluster.start()
        (cluster.folder / good / "corpus").symlink_to(serial / "corpus")
        cluster.kill(blind)
        again = start(*command, cwd=tmp_path)
        err = again.communicate(timeout=200)[1].decode()
        assert again.returncode == 0, err
    finally:
        cluster.stop()
    alone = kemfeat(*BUILD, "--features", features, "--root", serial / "corpus", "--out", tmp_path / "alone", "-j", 1)
    assert alone.code == 0
    assert digest(tmp_path / "store") == digest(tmp_path / "alone")


def test_a_corpus_is_synthesised_to_the_same_bytes(dask, serial, tmp_path):
    said = kemfeat(*SYNTH, "--out", "corpus", "--scheduler", dask.address, cwd=tmp_path)
    assert said.code == 0
    made, expected = (sorted(path for path in folder.rglob("*")) for folder in (tmp_path / "corpus", serial / "corpus"))
    assert [path.relative_to(tmp_path) for path in made] == [path.relative_to(serial) for path in expected]
    assert all(
        one.read_bytes() == other.read_bytes() for one, other in zip(made, expected, strict=True) if one.is_file()
    )


def test_a_corpus_is_validated_alike(dask, serial):
    there, here = (
        kemfeat("validate", "--dataset", "KEMDy20", "--root", serial / "corpus", "--json", *where)
        for where in (("--scheduler", dask.address), ("-j", 1))
    )
    assert there == here


def test_distances_are_computed_to_the_same_bytes(dask, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 64)
    series = shapes(np.random.default_rng(3).integers(4, size=150))
    monkeypatch.chdir(tmp_path)
    for name, scheduler in (("here", None), ("there", dask.address)):
        room = distances.DistanceStorage(memory=1e4, folder=Path(name), workers=1, scheduler=scheduler)
        distances.measure(series, config=configured().distance, room=room, seed=7)
    here, there = (
        {path.relative_to(name): path.read_bytes() for path in Path(name).rglob("*") if path.is_file()}
        for name in ("here", "there")
    )
    assert len(here) > 2 * 6
    assert there == here


def test_an_analysis_has_its_distances_computed_there_even_where_memory_would_do(dask, serial, tmp_path):
    options = ("--k", 2, "--restarts", 1, "--labels", "annotated", "--out", "found")
    said = kemfeat("analyze", "dtw", serial / "store", *options, "--scheduler", dask.address, cwd=tmp_path)
    assert (said.code, said.err) == (0, "")
    assert (tmp_path / "found" / "result.json").is_file()
    assert len(list((tmp_path / "found").glob("distances-*/done/*.json"))) == 1


@pytest.mark.parametrize("command", [("build",), ("synth", "--out", "new"), ("validate",), ("analyze", "dtw")])
def test_workers_of_a_scheduler_are_not_counted_here(command, tmp_path):
    dataset = () if command[0] == "analyze" else ("--dataset", "KEMDy20")
    said = sentence(*command, *dataset, "--workers", 2, "--scheduler", "tcp://h:8786", code=2, cwd=tmp_path)
    assert "--workers 2 and --scheduler tcp://h:8786: pass only one of them" in said


def test_a_scheduler_that_is_not_there_is_a_sentence_and_nothing_is_touched(serial, tmp_path):
    shutil.copytree(serial / "store", tmp_path / "store", symlinks=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    where = ("--root", serial / "corpus", "--out", tmp_path / "store", "--force")
    said = sentence(*BUILD, *where, "--scheduler", address, code=1)
    assert f"{address}: found no Dask scheduler ([Errno 111] Connection refused); expected one" in said
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert digest(tmp_path / "store") == digest(serial / "store")
