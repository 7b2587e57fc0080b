"""Leases: tasks of one command at a time, and nobody waits for ever."""

import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from kemfeat import write_claims
from kemfeat.errors import StoreWriteError, WorkerError

HOLDER = """
import pathlib, sys, time
from kemfeat import write_claims
with write_claims.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_tasks_of_one_command_hold_its_lease_together(tmp_path):
    lease = write_claims.begin(tmp_path)
    with write_claims.held(lease), write_claims.held(lease):
        assert not write_claims.end(lease)
    assert write_claims.end(lease)
    assert list(tmp_path.iterdir()) == []
    assert write_claims.end(lease)


def test_the_next_command_waits_for_what_runs_and_refuses_what_is_queued(tmp_path):
    old = write_claims.begin(tmp_path)
    with ExitStack() as running:
        running.enter_context(write_claims.held(old))
        taken = []
        follower = threading.Thread(target=lambda: taken.append(write_claims.begin(tmp_path)))
        follower.start()
        follower.join(0.3)
        assert (follower.is_alive(), taken) == (True, [])
    follower.join(30)
    assert list(tmp_path.iterdir()) == taken
    with (
        pytest.raises(WorkerError, match=r"cannot be locked by a task on \S+ \(No such file.*taken the folder over"),
        write_claims.held(old),
    ):
        pass


def test_a_lease_that_ends_while_a_task_waits_for_it_is_refused(tmp_path, monkeypatch):
    """The task opens the file; then the file goes; then the task has its lock on nothing."""
    lease = write_claims.begin(tmp_path)
    monkeypatch.setattr(write_claims, "flock", lambda file, how: lease.unlink())
    with pytest.raises(WorkerError, match=r"\(it has ended\); either another command"), write_claims.held(lease):
        pass


def test_a_killed_process_holds_nothing(tmp_path):
    lease = write_claims.begin(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLDER, lease], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert not write_claims.end(lease)
        holder.kill()
        holder.wait()
    write_claims.end_all(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_task_that_never_ends_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(write_claims, "_PATIENCE", 0.1)
    with (
        write_claims.held(write_claims.begin(tmp_path)),
        pytest.raises(WorkerError, match=r"a worker still writes here for a command that has ended; wait for the"),
    ):
        write_claims.end_all(tmp_path)


def test_the_error_of_a_task_is_its_own(tmp_path):
    lease = write_claims.begin(tmp_path)
    with pytest.raises(FileNotFoundError), write_claims.held(lease):
        (tmp_path / "missing").read_bytes()
    assert write_claims.end(lease)


def test_a_folder_that_refuses_is_a_sentence(tmp_path):
    with pytest.raises(StoreWriteError, match=r"nowhere: cannot be written to \(No such file or directory\)"):
        write_claims.begin(tmp_path / "nowhere")
    assert write_claims.end_all(tmp_path / "nowhere") is None
