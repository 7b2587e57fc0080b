"""One build of a store at a time; the lock ends with the process that holds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kemfeat.errors import StoreLockedError
from kemfeat.store import locking

HOLDER = """
    import sys
    from pathlib import Path
    from kemfeat.store import locking
    with locking.locked(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
    """


@contextmanager
def holding(store: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the lock until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder


def test_a_held_lock_names_its_owner(tmp_path: Path) -> None:
    with holding(tmp_path) as holder:
        assert holder.stdin is not None
        owner = json.loads((tmp_path / ".lock.json").read_bytes())
        (tmp_path / ".lock.json").write_text(json.dumps(owner | {"since": owner["since"] - 7200}))
        with pytest.raises(StoreLockedError) as caught, locking.locked(tmp_path):
            pytest.fail("the lock was given twice")
        said = str(caught.value)
        assert f"process {holder.pid} on {os.uname().nodename}, for 72" in said
        assert "wait for it to end, or end it, then run the same command again" in said
        (tmp_path / ".lock.json").unlink()
        with pytest.raises(StoreLockedError, match="another process, just now"), locking.locked(tmp_path):
            pytest.fail("the lock was given twice")
        holder.stdin.close()
        assert holder.wait() == 0
    with locking.locked(tmp_path):
        assert json.loads((tmp_path / ".lock.json").read_bytes())["pid"] == os.getpid()
    assert not (tmp_path / ".lock.json").exists()


def test_a_killed_owner_leaves_no_lock(tmp_path: Path) -> None:
    with holding(tmp_path) as holder:
        holder.kill()
    with locking.locked(tmp_path):
        assert json.loads((tmp_path / ".lock.json").read_bytes())["pid"] == os.getpid()
