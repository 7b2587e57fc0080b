"""Leases: tasks of one command at a time, and nobody waits for ever."""

import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from kemfeat import leases
from kemfeat.errors import StoreWriteError, WorkerError

HOLDER = """
import pathlib, sys, time
from kemfeat import leases
with leases.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_tasks_of_one_command_hold_its_lease_together(tmp_path):
    lease = leases.begin(tmp_path)
    with leases.held(lease), leases.held(lease):
        assert not leases.end(lease)
    assert leases.end(lease)
    assert list(tmp_path.iterdir()) == []
    assert leases.end(lease)


def test_the_next_command_waits_for_what_runs_and_refuses_what_is_queued(tmp_path):
    old = leases.begin(tmp_path)
    with ExitStack() as running:
        running.enter_context(leases.held(old))
        taken = []
        follower = threading.Thread(target=lambda: taken.append(leases.begin(tmp_path)))
        follower.start()
        follower.join(0.3)
        assert (follower.is_alive(), taken) == (True, [])
    follower.join(30)
    assert list(tmp_path.iterdir()) == taken
    with (
        pytest.raises(WorkerError, match=r"cannot be held by a task on \S+ \(No such file.*taken the folder over"),
        leases.held(old),
    ):
        pass


def test_a_lease_that_ends_while_a_task_waits_for_it_is_refused(tmp_path, monkeypatch):
    """The task opens the file; then the file goes; then the task has its lock on nothing."""
    lease = leases.begin(tmp_path)
    monkeypatch.setattr(leases, "flock", lambda file, how: lease.unlink())
    with pytest.raises(WorkerError, match=r"\(it has ended\); either another command"), leases.held(lease):
        pass


def test_a_killed_process_holds_nothing(tmp_path):
    lease = leases.begin(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLDER, lease], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert not leases.end(lease)
        holder.kill()
        holder.wait()
    leases.end_all(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_task_that_never_ends_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "_PATIENCE", 0.1)
    with (
        leases.held(leases.begin(tmp_path)),
        pytest.raises(WorkerError, match=r"a worker still writes here for a command that is gone; wait for it"),
    ):
        leases.end_all(tmp_path)


def test_the_error_of_a_task_is_its_own(tmp_path):
    lease = leases.begin(tmp_path)
    with pytest.raises(FileNotFoundError), leases.held(lease):
        (tmp_path / "missing").read_bytes()
    assert leases.end(lease)


def test_a_folder_that_refuses_is_a_sentence(tmp_path):
    with pytest.raises(StoreWriteError, match=r"nowhere: cannot be written to \(No such file or directory\)"):
        leases.begin(tmp_path / "nowhere")
    assert leases.end_all(tmp_path / "nowhere") is None
