"""Tasks on a real Dask cluster: the same results and errors as here, and a sentence for what can be amiss."""

import operator
import os
import socket
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from kemfeat import cluster, parallel
from kemfeat.errors import ConfigError, MediaError, StoreIncompleteError, StoreWriteError, WorkerError
from kemfeat.media import read_audio
from kemfeat.store.reader import open_store
from tests.dask_kit import DaskCluster, wait

pytestmark = pytest.mark.slow  # each starts a Dask cluster or its workers

FEW = list(range(7))
STRANGER = """
import importlib.metadata
import distributed.versions
def told(name, real=importlib.metadata.version):
    return "0.0.0" if name == "kemfeat" else real(name)
importlib.metadata.version = distributed.versions.version = told
distributed.versions._version_cached.cache_clear()
"""
"""Has a worker believe that its kemfeat is another."""


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    """Three workers; losing two is one too many for a task."""
    made = DaskCluster(tmp_path_factory.mktemp("dask"), DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1")
    try:
        made.start(3)
        yield made
    finally:
        made.stop()


@pytest.fixture
def lonely(tmp_path, monkeypatch):
    """A scheduler without workers, and little patience."""
    made = DaskCluster(tmp_path)
    monkeypatch.setattr(cluster, "_CONNECT", 3.0)
    monkeypatch.setattr(cluster, "_PATIENCE", 1.0)
    yield made
    made.stop()


class Counted(list):
    """Tasks that say how many were taken."""

    taken = 0

    def __iter__(self):
        for task in super().__iter__():
            self.taken += 1
            yield task


def test_results_are_those_of_a_loop(dask):
    many = list(range(300))
    with parallel.open_pool(scheduler=dask.address) as pool:
        assert sorted(pool.run(operator.neg, FEW)) == sorted(map(operator.neg, FEW))
        assert list(pool.run(operator.neg, [])) == []
        assert sorted(pool.run(operator.neg, many)) == sorted(map(operator.neg, many))


def test_equal_tasks_are_done_each_and_by_several_workers(dask):
    with parallel.open_pool(scheduler=dask.address) as pool:
        workers = list(pool.run(operator.call, [os.getpid] * 100))
    assert len(workers) == 100
    assert set(workers) <= {process.pid for process in dask.workers.values()}
    assert len(set(workers)) > 1


def test_tasks_in_flight_are_twice_the_threads(dask):
    tasks = Counted([0.01] * 100)
    with parallel.open_pool(scheduler=dask.address) as pool:
        results = pool.run(time.sleep, tasks)
        next(results)
        assert tasks.taken <= 2 * 3
        results.close()


def test_the_error_of_a_task_arrives_as_it_was_and_the_rest_is_dropped(dask, tmp_path):
    missing = [tmp_path / f"한글 {number}.wav" for number in range(50)]
    with parallel.open_pool(scheduler=dask.address) as pool:
        with pytest.raises(MediaError, match=r"한글 \d+\.wav: cannot be opened \(No such file or directory\)"):
            list(pool.run(read_audio, missing))
        with pytest.raises(StoreIncompleteError, match=r"^\S+/a: does not exist; expected a store"):
            list(pool.run(open_store, [tmp_path / "a"]))
        with pytest.raises(ZeroDivisionError):
            list(pool.run(operator.call, [partial(operator.truediv, 1, 0)]))
    wait(dask.is_idle, "an idle cluster")


def test_a_task_that_kills_its_workers_is_a_sentence_that_names_it(dask):
    with parallel.open_pool(scheduler=dask.address) as pool:
        with pytest.raises(WorkerError, match=r"rows 4 to 7: 2 workers died with this task, the last one tcp://\S+, "):
            list(pool.run(os._exit, [1], name=lambda task: "rows 4 to 7"))

        def dead() -> list[str]:
            return [name for name, process in dask.workers.items() if process.poll() is not None]

        wait(lambda: len(dead()) == 2, "two workers to be gone")  # the scheduler knows before their processes end
        for name in dead():
            dask.workers.pop(name)
        assert list(pool.run(operator.neg, [1])) == [-1]
        dask.start(2)


def test_workers_with_other_versions_are_refused_early_or_late(dask, tmp_path):
    preload = tmp_path / "stranger.py"
    preload.write_text(STRANGER)
    with parallel.open_pool(scheduler=dask.address) as pool:
        (name,) = dask.start(1, "--preload", str(preload))
        with pytest.raises(WorkerError, match=r"^tcp://\S+: this worker has kemfeat 0\.0\.0 \(expected "):
            list(pool.run(time.sleep, [0.1] * 40))
    with pytest.raises(WorkerError, match=r"1 of 5 processes have other versions.*: tcp://\S+ has kemfeat 0\.0\.0 \("):
        parallel.open_pool(scheduler=dask.address).__enter__()
    dask.kill(name)
    wait(lambda: len(dask.known()) == 3, "the stranger to be gone")


def test_workers_that_do_not_see_a_folder_are_refused(dask, tmp_path, monkeypatch):
    with parallel.open_pool(scheduler=dask.address) as pool:
        monkeypatch.chdir(tmp_path)
        assert pool.reads(Path("..")) == tmp_path / ".."
        mine = os.open(tmp_path, os.O_RDONLY)
        os.dup2(mine, 917)
        with pytest.raises(WorkerError, match=r"3 of 3 workers do not see .*\(/proc/self/fd/917\); tcp:.*share these"):
            pool.reads(Path("/proc/self/fd/917"))
        os.close(917)
        os.close(mine)


def test_a_folder_of_the_same_name_is_not_the_same_folder(dask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with parallel.open_pool(scheduler=dask.address) as pool:
        with pytest.raises(WorkerError, match=r"3 of 3 workers do not see .*/proc/self/cwd/.kemfeat-lease-"):
            pool.writes(Path("/proc/self/cwd"))
        with pytest.raises(StoreWriteError, match=r"nowhere: cannot be written to \(No such file or directory\)"):
            pool.writes(Path("nowhere"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("follower", ["cluster", "processes", "loop"])
def test_tasks_of_a_command_are_refused_once_another_has_taken_the_folder(dask, tmp_path, follower):
    options = {"cluster": {"scheduler": dask.address}, "processes": {"workers": 2}, "loop": {}}[follower]
    with parallel.open_pool(scheduler=dask.address) as zombie, parallel.open_pool(**options) as pool:
        assert zombie.writes(tmp_path) == tmp_path
        assert list(zombie.run(operator.neg, FEW[1:2])) == [-1]
        pool.writes(tmp_path)
        assert sorted(pool.run(operator.neg, FEW)) == sorted(map(operator.neg, FEW))
        with pytest.raises(WorkerError, match=r"/.kemfeat-lease-\w+: cannot be locked by a task on \S+ \(No such"):
            list(zombie.run(operator.neg, FEW))
    assert list(tmp_path.iterdir()) == []


def test_a_scheduler_without_workers_is_a_sentence(lonely, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT", 1.0)
    with pytest.raises(WorkerError, match=r"the scheduler has no workers; .*: dask worker tcp://\S+ --nthreads 1$"):
        parallel.open_pool(scheduler=lonely.address).__enter__()


def test_workers_that_do_not_come_back_are_a_sentence(lonely):
    (name,) = lonely.start()
    with parallel.open_pool(scheduler=lonely.address) as pool:
        results = pool.run(time.sleep, [0.01] * 200)
        next(results)
        lonely.kill(name)
        with pytest.raises(WorkerError, match=r"has had no workers for 1 s; start some .* run the same command again$"):
            list(results)


def test_a_worker_lost_with_results_that_nobody_fetched_is_a_sentence(lonely, monkeypatch):
    (name,) = lonely.start()
    fetch = cluster.Cluster._gathered

    def late(self, ended):
        lonely.kill(name)
        return fetch(self, ended)

    monkeypatch.setattr(cluster.Cluster, "_gathered", late)
    refusal = r"has had no workers for 1 s; start some .* run the same command again$"
    with parallel.open_pool(scheduler=lonely.address) as pool, pytest.raises(WorkerError, match=refusal):
        list(pool.run(time.sleep, [0.01] * 4))


@pytest.mark.parametrize("status", ["pending", "lost", "finished"])
def test_a_result_that_is_lost_before_it_is_looked_at_is_not_waited_for(lonely, status):
    """A worker may be lost between the end of a task and this look at it; its future then never ends."""

    class Lost:
        def __init__(self):
            self.status = status

        def result(self):
            raise AssertionError("would wait for ever")

    lonely.start()
    with parallel.open_pool(scheduler=lonely.address) as pool:
        assert pool._raise_failure(Lost(), "task") is None


def test_a_lost_scheduler_is_a_sentence(lonely):
    lonely.start()
    with parallel.open_pool(scheduler=lonely.address) as pool:
        results = pool.run(time.sleep, [0.01] * 200)
        next(results)
        lonely.scheduler.kill()
        with pytest.raises(
            WorkerError, match=r"the connection to the scheduler was lost; .* run the same command again$"
        ):
            list(results)


@pytest.mark.parametrize(
    "address", ["tcp://here", "here:8786", "tcp://a/b:1", "http://h:1", "tcp://h:99999", "tcp://h:8786/x", "tcp://:1"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ConfigError, match="is not an address; expected one such as tcp://HOST:8786"):
        parallel.open_pool(scheduler=address).__enter__()


def _answer(server, words):
    line, _ = server.accept()
    with line:
        line.sendall(words)


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_is_no_scheduler_is_a_sentence(answer, monkeypatch):
    """A port that is closed, a server that says nothing, and one that speaks otherwise."""
    monkeypatch.setattr(cluster, "_CONNECT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if answer is None:
            server.close()
        elif answer:
            threading.Thread(target=_answer, args=(server, answer), daemon=True).start()
        with pytest.raises(
            WorkerError, match=rf"^tcp://127.0.0.1:{port}: found no Dask scheduler \(.+\); expected one"
        ):
            parallel.open_pool(scheduler=f"tcp://127.0.0.1:{port}").__enter__()
