"""Batches streamed over a bad network: those of a folder, byte for byte, or one sentence."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from kemfeat.errors import KemfeatError
from kemfeat.publish import push_store
from kemfeat.store.reader import Store, open_store
from tests.cloud.conftest import ADDRESS
from tests.cloud.server import Server, some

pytest.importorskip("torch", reason="torch is not installed: pip install 'kemfeat[train]'")

from tests.learn.data.kit import all_same

if TYPE_CHECKING:
    from kemfeat.learn.data.batch import Batch

EPOCHS = 2
SECONDS = 60.0
"""An epoch without faults takes less than one."""


class Pass(threading.Thread):
    """Epochs of a loader that streams, in a thread, so that one that never ends is noticed.

    Attributes
    ----------
    batches : those that were delivered.
    error : what ended it, if not the last epoch.
    """

    def __init__(self, place: str, *, seed: int) -> None:
        super().__init__(daemon=True)
        self._place, self._seed = place, seed
        self.batches: list[Batch] = []
        self.error: Exception | None = None

    def run(self) -> None:
        from kemfeat.learn import StoreLoader

        try:
            store = open_store(self._place)
            loader = StoreLoader(store, batch_size=3, shuffle=True, seed=self._seed, resident="stream")
            for _ in range(EPOCHS):
                self.batches.extend(loader)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def ended(self) -> Pass:
        self.start()
        self.join(SECONDS)
        assert not self.is_alive(), f"no end in {SECONDS:.0f} s"
        return self


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("KEMFEAT_FAULT_SEEDS", "4"))))
def test_batches_over_a_bad_network_are_those_of_a_folder(
    server: Server, finished: Store, record_property: Callable[[str, object], None], seed: int
) -> None:
    """One request in a hundred, up to every second, fails somehow; others come late."""
    push_store(finished, ADDRESS, may_pass_on=True)
    expected = Pass(str(finished.path), seed=seed).ended().batches
    server.faults.reset()
    assert all_same(Pass(ADDRESS, seed=seed).ended().batches, expected)
    requests = len(server.faults.seen)
    rng = random.Random(seed)
    server.faults.before = lambda method, path: time.sleep(rng.random() * 0.01)
    ends = []
    for share in (0.01, 0.03, 0.125, 0.5):
        server.faults.seen.clear()
        server.faults.choose = some(seed, share)
        found = Pass(ADDRESS, seed=seed).ended()
        assert all_same(found.batches, expected[: len(found.batches)])
        assert found.error is not None or len(found.batches) == len(expected)
        assert len(server.faults.seen) <= 4 * requests  # every one is sent again three times at most
        ends.append(found.error)
    record_property("faults", len(server.faults.given))
    record_property("ended well", ends.count(None))
    assert all(isinstance(error, KemfeatError) and "\n" not in str(error) for error in ends if error is not None)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("kemfeat-")]
    server.faults.reset()
    assert all_same(Pass(ADDRESS, seed=seed).ended().batches, expected)
