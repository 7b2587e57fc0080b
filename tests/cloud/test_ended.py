"""A command that is ended by whoever may end it leaves nothing temporary, and says so in a word."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from kemfeat.publish import push_store
from kemfeat.store.address import Address
from kemfeat.store.bucket import Bucket
from kemfeat.store.reader import Store, open_store
from kemfeat.store.remote_claim import RemoteClaim
from tests.build.kit import KEMFEAT
from tests.build.test_interruption import WORKING
from tests.cloud.conftest import ADDRESS
from tests.cloud.server import Server
from tests.cloud.test_build import CORPUS, upload
from tests.corpora.tiny import TinyCorpus
from tests.dask_kit import wait

pytestmark = pytest.mark.slow

BUILD = ("build", "--dataset", "KEMDy20", "--root", CORPUS, "--out", ADDRESS, "--features", "mel,text")
ALLOWED = "--i-may-pass-this-on"
KEPT = "kemfeat: what is finished is kept: run the same command again to continue"


def _as_from_a_terminal() -> None:
    """What started the tests may ignore SIGHUP, as nohup does, and what they start would, too."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Running:
    """A command with a temporary folder of its own, whose process is the first of a group, as of a job."""

    def __init__(self, folder: Path, *command: object) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.process = subprocess.Popen(
            [str(each) for each in command],
            env={**os.environ, "TMPDIR": str(self.temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_as_from_a_terminal,
        )

    def there(self) -> set[str]:
        """What is temporary, by how its name begins."""
        names = [name for _, folders, _ in os.walk(self.temporary) for name in folders]
        return {"-".join(name.split("-")[:2]) for name in names}

    def require_clean_end(self, code: int) -> None:
        said = self.process.communicate(timeout=120)[1].decode()
        assert self.process.returncode == code, said
        assert "Traceback" not in said
        assert KEPT in said.splitlines()  # Python may warn of semaphores of workers that were ended, too
        assert list(self.temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "workers", "all_of_them"),
    [(signal.SIGTERM, 1, False), (signal.SIGHUP, 2, False), (signal.SIGTERM, 2, True), (signal.SIGHUP, 2, True)],
)
def test_a_build_that_is_ended(
    server: Server, corpus: TinyCorpus, tmp_path: Path, number: signal.Signals, workers: int, all_of_them: bool
) -> None:
    """Also where the workers are ended at once with the command, as schedulers of jobs do."""
    upload(corpus)
    server.faults.latency = 0.02
    running = Running(tmp_path, *WORKING, *BUILD, ALLOWED, "--set", "rows_per_shard=1", "-j", workers)
    there = {"kemfeat-build", "kemfeat-corpus", *(["kemfeat-workers"] if workers > 1 else [])}
    staged = "/stores/KEMDy20/.building/finished/receipts/"
    wait(lambda: any(staged in path for _, path in server.faults.seen) and running.there() >= there, "a part")
    (os.killpg if all_of_them else os.kill)(running.process.pid, number)
    running.require_clean_end(128 + number)
    RemoteClaim(Bucket(Address(ADDRESS))).take()  # it was released


@pytest.mark.parametrize("command", ["push", "pull", "verify"])
def test_a_copy_that_is_ended(server: Server, finished: Store, tmp_path: Path, command: str) -> None:
    arguments = {
        "push": (finished.path, ADDRESS, ALLOWED),
        "pull": (ADDRESS, tmp_path / "pulled"),
        "verify": (ADDRESS,),
    }[command]
    if command != "push":
        push_store(finished, ADDRESS, may_pass_on=True)
    server.faults.reset()
    server.faults.latency = 0.1
    running = Running(tmp_path, KEMFEAT, command, *arguments)
    wait(lambda: len(server.faults.seen) > 10, "ten requests")
    running.process.terminate()
    running.require_clean_end(143)


def test_what_ignores_its_terminal_goes_on(server: Server, finished: Store, tmp_path: Path) -> None:
    running = Running(tmp_path, "nohup", KEMFEAT, "push", finished.path, ADDRESS, ALLOWED)
    wait(lambda: len(server.faults.seen) > 3, "the first requests")
    running.process.send_signal(signal.SIGHUP)
    running.process.communicate(timeout=120)
    assert running.process.returncode == 0
    assert open_store(ADDRESS).digest == finished.digest
