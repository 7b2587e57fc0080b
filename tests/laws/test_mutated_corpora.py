"""A corpus in which something went wrong ends in a store or in a sentence, and no row is lost without a word.

``python -m tests.bench.tools.fuzz`` tries thousands; these are a few of each reader, the same in every run, and those
of ``mutated.txt``.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.bench.tools import fuzz
from tests.bench.tools.mutations import MUTATIONS
from tests.laws.corpus_kit import NAMES, make

SEEDS = range(100_000, 100_005)
KEPT = [fuzz.read(line) for line in Path(__file__).with_name("mutated.txt").read_text(encoding="utf-8").splitlines()]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("dataset", NAMES)
def test_mutated_corpora_end_in_a_store_or_a_sentence(dataset, tmp_path):
    corpus = fuzz.bed(dataset, tmp_path)
    kept = [steps for name, steps in KEPT if name == dataset]
    for steps in [*map(fuzz.steps_of, SEEDS), *kept]:
        done, ended = corpus.outcome(steps)
        assert not ended.failed, f"{fuzz.written(dataset, steps)}: {done}: {ended.end}: {ended.said}"


def test_of_a_failure_the_fewest_steps_are_kept():
    steps = (("delete", 1), ("rename", 2), ("append", 3))
    assert fuzz.fewest(steps, lambda given: ("rename", 2) in given) == (("rename", 2),)
    assert fuzz.fewest(steps, lambda given: {("delete", 1), ("append", 3)} <= set(given)) == (steps[0], steps[2])
    assert fuzz.read(fuzz.written("folder", steps)) == ("folder", steps)


def test_every_mutation_changes_something(tmp_path):
    whole = make("kemdy20", tmp_path / "whole")
    for number, mutation in enumerate(MUTATIONS):
        root = shutil.copytree(whole, tmp_path / f"copy{number}")
        assert any(mutation(root, random.Random(seed)) for seed in range(3)), mutation
        shutil.rmtree(root)
