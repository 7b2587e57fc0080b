"""Tasks in one process or in many: the same results, the same errors, and nothing left running."""

import operator
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from kemfeat import parallel
from kemfeat.errors import KemfeatError, MediaError, StoreIncompleteError, WorkerError
from kemfeat.media import read_audio
from kemfeat.store.reader import open_store

pytestmark = pytest.mark.slow  # each starts worker processes

FEW = list(range(7))


def run(function, tasks, *, workers):
    with parallel.open_pool(workers=workers) as pool:
        return list(pool.run(function, tasks))


@pytest.mark.parametrize("workers", [-1, 0, 1, 2, 3, 9])
def test_any_number_of_workers_gives_the_same_results(workers):
    assert sorted(run(operator.neg, FEW, workers=workers)) == sorted(map(operator.neg, FEW))


def test_one_worker_is_a_loop_in_this_process():
    assert set(run(operator.call, [os.getpid] * 3, workers=1)) == {os.getpid()}
    assert run(operator.neg, FEW, workers=1) == list(map(operator.neg, FEW))


def test_several_workers_are_other_processes_and_stay_for_all_that_is_run():
    with parallel.open_pool(workers=2) as pool:
        first = set(pool.run(operator.call, [os.getpid] * 50))
        assert os.getpid() not in first
        assert len(first | set(pool.run(operator.call, [os.getpid] * 50))) <= 2


def test_no_task_needs_no_process():
    assert run(operator.neg, [], workers=8) == []
    assert list(parallel.run_threads(operator.neg, [], workers=8)) == []


def test_a_single_task_needs_no_process():
    assert run(operator.call, [os.getpid], workers=8) == [os.getpid()]


def test_tasks_are_begun_as_results_are_taken():
    """A loop that is left early does no more work."""
    begun = []
    with parallel.open_pool() as pool:
        next(pool.run(begun.append, FEW))
    assert begun == [0]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_error_of_a_task_arrives_as_it_was(tmp_path, workers):
    missing = [tmp_path / "한글 a.wav", tmp_path / "한글 b.wav"]
    with pytest.raises(MediaError, match=r"한글 .\.wav: cannot be opened \(No such file or directory\)"):
        run(read_audio, missing, workers=workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_of_the_store_which_are_system_errors_too_arrive_whole(tmp_path, workers):
    with pytest.raises(StoreIncompleteError, match=r"^\S+/[ab]: does not exist; expected a store"):
        run(open_store, [tmp_path / "a", tmp_path / "b"], workers=workers)


def _family(kind):
    return [kind, *(member for child in kind.__subclasses__() for member in _family(child))]


@pytest.mark.parametrize("kind", _family(KemfeatError))
def test_every_error_survives_the_trip_between_processes(kind):
    arrived = pickle.loads(pickle.dumps(kind("한글/a.wav: found 1, expected 2; do this")))  # noqa: S301
    assert type(arrived) is kind
    assert str(arrived) == "한글/a.wav: found 1, expected 2; do this"
    assert arrived.exit_code == kind.exit_code


def test_a_failed_task_leaves_the_workers_to_the_next(tmp_path):
    with parallel.open_pool(workers=2) as pool:
        with pytest.raises(MediaError):
            list(pool.run(read_audio, [tmp_path / str(number) for number in range(20)]))
        assert sorted(pool.run(operator.neg, FEW)) == sorted(map(operator.neg, FEW))


def test_a_worker_that_dies_is_a_sentence():
    with pytest.raises(
        WorkerError, match=r"one of 2 worker processes was killed.*run the same command again, with fewer"
    ):
        run(os._exit, [1, 1], workers=2)


def test_warmed_workers_have_run_what_was_asked_and_its_failure_is_none(tmp_path):
    with parallel.open_pool(workers=2) as pool:
        pool.warm(partial(os.mkdir, tmp_path / "warm"))  # the second worker finds it there already
        pool.warm(partial(os.mkdir, tmp_path / "never"))
        assert sorted(pool.run(operator.neg, FEW)) == sorted(map(operator.neg, FEW))
    assert [path.name for path in tmp_path.iterdir()] == ["warm"]
    with parallel.open_pool() as pool:
        pool.warm(partial(os.mkdir, tmp_path / "never"))
    assert [path.name for path in tmp_path.iterdir()] == ["warm"]


def test_folders_keep_their_names_for_local_workers(tmp_path):
    for workers in (1, 2):
        with parallel.open_pool(workers=workers) as pool:
            assert pool.reads(Path("a")) == Path("a")
            assert pool.writes(tmp_path) == tmp_path


def test_workers_use_one_thread_each_for_numbers(monkeypatch):
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert run(os.getenv, ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS"], workers=2) == ["1", "1"]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert set(run(os.getenv, ["OMP_NUM_THREADS"] * 2, workers=2)) == {"3"}


def test_workers_leave_the_interrupt_to_their_parent():
    assert run(signal.getsignal, [signal.SIGINT] * 2, workers=2) == [signal.SIG_IGN] * 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_temporary_goes_with_the_pool_also_where_a_worker_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with parallel.open_pool(workers=2) as pool:
        made = list(map(Path, pool.run(operator.call, [tempfile.mkdtemp] * 4)))
        assert all(place.is_dir() and place.is_relative_to(tmp_path) for place in made)
        with pytest.raises(WorkerError, match="was killed"):
            list(pool.run(os._exit, [1, 1]))
    assert list(tmp_path.iterdir()) == []


def test_workers_without_a_temporary_folder_do_what_needs_none(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    assert sorted(run(operator.neg, FEW, workers=2)) == sorted(map(operator.neg, FEW))


_PARENT = """
import sys, time
from kemfeat import parallel
if __name__ == "__main__":
    print("begun", flush=True)
    with parallel.open_pool(workers=2) as pool:
        list(pool.run(time.sleep, [600, 600]))
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


@pytest.mark.parametrize("workers", [-3, 1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_threads_share_tasks_with_the_one_that_calls(workers, count):
    done = []
    parallel.share_among_threads(lambda task: done.append((task, threading.get_ident())), range(count), workers=workers)
    assert sorted(task for task, _ in done) == list(range(count))
    if workers < 2:
        assert {thread for _, thread in done} <= {threading.get_ident()}


@pytest.mark.parametrize("place", [0, 1])
def test_the_first_error_ends_what_threads_share(place):
    both, done = threading.Barrier(2), []

    def work(task):
        if task < 2:
            both.wait(10)  # one task is that of the calling thread, the other that of another
        if (task < 2) and (threading.current_thread() is threading.main_thread()) == (place == 0):
            raise ValueError("broken")
        time.sleep(0.05)
        done.append(task)

    with pytest.raises(ValueError, match="broken"):
        parallel.share_among_threads(work, range(100), workers=2)
    assert len(done) <= 3


def test_there_is_a_worker_for_every_core_this_process_may_use():
    assert parallel.default_workers() >= 1
    if hasattr(os, "sched_getaffinity"):
        assert parallel.default_workers() == len(os.sched_getaffinity(0))
