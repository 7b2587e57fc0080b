"""Tasks in one process or in many: the same results, the same errors, and nothing left running."""

import operator
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kemfeat import parallel
from kemfeat.errors import MediaError, StoreIncompleteError, WorkerError
from kemfeat.media import read_audio
from kemfeat.store.reader import open_store

FEW = list(range(7))


@pytest.mark.parametrize("workers", [-1, 0, 1, 2, 3, 9])
def test_any_number_of_workers_gives_the_same_results(workers):
    assert sorted(parallel.run(operator.neg, FEW, workers=workers)) == sorted(map(operator.neg, FEW))


def test_one_worker_is_a_loop_in_this_process():
    assert set(parallel.run(operator.call, [os.getpid] * 3, workers=1)) == {os.getpid()}
    assert list(parallel.run(operator.neg, FEW, workers=1)) == list(map(operator.neg, FEW))


def test_several_workers_are_other_processes():
    assert os.getpid() not in set(parallel.run(operator.call, [os.getpid] * 3, workers=2))


def test_no_task_needs_no_process():
    assert list(parallel.run(operator.neg, [], workers=8)) == []
    assert list(parallel.run_threads(operator.neg, [], workers=8)) == []


def test_a_single_task_needs_no_process():
    assert list(parallel.run(operator.call, [os.getpid], workers=8)) == [os.getpid()]


def test_tasks_are_begun_as_results_are_taken():
    """A loop that is left early does no more work."""
    begun = []
    results = parallel.run(begun.append, FEW, workers=1)
    next(results)
    assert begun == [0]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_error_of_a_task_arrives_as_it_was(tmp_path, workers):
    missing = [tmp_path / "한글 a.wav", tmp_path / "한글 b.wav"]
    with pytest.raises(MediaError, match=r"한글 .\.wav: cannot be opened \(No such file or directory\)"):
        list(parallel.run(read_audio, missing, workers=workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_of_the_store_which_are_system_errors_too_arrive_whole(tmp_path, workers):
    with pytest.raises(StoreIncompleteError, match=r"^\S+/[ab]: there is no such folder; expected a store"):
        list(parallel.run(open_store, [tmp_path / "a", tmp_path / "b"], workers=workers))


def test_a_worker_that_dies_is_a_sentence():
    with pytest.raises(
        WorkerError, match=r"one of 2 worker processes was killed.*run the same command again, with fewer"
    ):
        list(parallel.run(os._exit, [1, 1], workers=2))


def test_workers_use_one_thread_each_for_numbers(monkeypatch):
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert list(parallel.run(os.getenv, ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS"], workers=2)) == ["1", "1"]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert set(parallel.run(os.getenv, ["OMP_NUM_THREADS"] * 2, workers=2)) == {"3"}


def test_workers_leave_the_interrupt_to_their_parent():
    handlers = list(parallel.run(signal.getsignal, [signal.SIGINT] * 2, workers=2))
    assert handlers == [signal.SIG_IGN] * 2


_PARENT = """
import sys, time
from kemfeat import parallel
if __name__ == "__main__":
    print("begun", flush=True)
    list(parallel.run(time.sleep, [600, 600], workers=2))
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes by /proc")
def test_workers_end_with_a_killed_parent(tmp_path, monkeypatch):
    monkeypatch.setenv("KEMFEAT_TEST_MARK", str(tmp_path))
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, start_new_session=True) as parent:
        # The parent, multiprocessing's resource tracker, two workers.
        _wait(lambda: len(_marked(tmp_path)) >= 4)
        time.sleep(0.5)
        parent.kill()
    _wait(lambda: not _marked(tmp_path))
    assert _marked(tmp_path) == []


def _wait(condition):
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def _marked(folder):
    """Processes whose environment names the folder."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            marked = b"KEMFEAT_TEST_MARK=" + os.fsencode(folder) in environment.read_bytes()
        except OSError:
            continue
        found += [environment.parent.name] if marked else []
    return [name for name in found if int(name) != os.getpid()]


def test_threads_keep_the_order_of_the_tasks():
    delays = [0.05, 0.0, 0.02, 0.0]
    done = parallel.run_threads(lambda task: (time.sleep(task[1]), task[0])[1], list(enumerate(delays)), workers=4)
    assert list(done) == [0, 1, 2, 3]


@pytest.mark.parametrize("workers", [-3, 0, 1])
def test_threads_are_at_least_one(workers):
    assert list(parallel.run_threads(operator.neg, FEW, workers=workers)) == list(map(operator.neg, FEW))


def test_there_is_a_worker_for_every_core_this_process_may_use():
    assert parallel.default_workers() >= 1
    if hasattr(os, "sched_getaffinity"):
        assert parallel.default_workers() == len(os.sched_getaffinity(0))
