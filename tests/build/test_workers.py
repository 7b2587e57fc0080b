"""A build and its workers: how many pools it starts, and what tasks do that come late or twice."""

import pytest

from kemfeat import parallel
from kemfeat.build import _job, _partition
from kemfeat.errors import StoreError
from tests.build.kit import PARTITIONS, tree

pytestmark = pytest.mark.slow  # each starts worker processes


@pytest.fixture
def pools(monkeypatch):
    """Every start of processes."""
    started = []
    real = parallel.ProcessPoolExecutor

    def noted(*arguments, **options):
        started.append(arguments)
        return real(*arguments, **options)

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", noted)
    return started


@pytest.fixture
def tasks(monkeypatch):
    """The tasks of builds in this process."""
    begun = []

    def noted(task):
        begun.append(task)
        return _partition.write_partition(task)

    monkeypatch.setattr(_job, "write_partition", noted)
    return begun


def test_one_pool_serves_a_whole_build_and_a_build_of_nothing_starts_none(bench, finished, pools):
    new = bench.fresh()
    new.build(workers=2)
    assert len(pools) == 1
    assert tree(new.out) == tree(finished.out)
    assert new.build(workers=2).up_to_date
    assert len(pools) == 1


def test_a_task_that_runs_again_while_others_follow_changes_nothing(bench, finished, tasks):
    new = bench.fresh()
    again = []

    def repeat(stage, done, total):
        if stage == "extract" and done:
            again.extend(_partition.write_partition(task) for task in list(tasks))

    new.build(progress=repeat)
    assert len(again) == sum(range(1, PARTITIONS + 1))
    assert tree(new.out) == tree(finished.out)


def test_a_task_that_comes_after_the_end_finds_nothing_to_write_to(bench, tasks):
    new = bench.fresh()
    new.build()
    before = tree(new.out)
    for task in tasks:
        with pytest.raises(StoreError, match=r"\.building|vanished during the work"):
            _partition.write_partition(task)
    assert tree(new.out) == before
