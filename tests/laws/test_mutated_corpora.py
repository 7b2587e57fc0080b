"""A corpus in which something went wrong ends in a store or in a sentence, and no row is lost without a word.

``python -m tests.bench.tools.fuzz`` tries thousands; these are a few of each reader, the same in every run.
"""

from __future__ import annotations

import random
import shutil

import pytest

from tests.bench.tools import fuzz
from tests.bench.tools.mutations import MUTATIONS
from tests.laws.corpus_kit import NAMES, make

SEEDS = range(100_000, 100_005)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("dataset", NAMES)
def test_mutated_corpora_end_in_a_store_or_a_sentence(dataset, tmp_path):
    whole = make(dataset, tmp_path / "whole")
    known, usual = fuzz.baseline(dataset, whole, tmp_path / "store")
    for seed in SEEDS:
        root = shutil.copytree(whole, tmp_path / f"case{seed}")
        done = fuzz.mutate(root, seed)
        ended = fuzz.outcome(dataset, root, tmp_path / f"store{seed}", known=known, usual=usual)
        assert not ended.failed, f"{dataset} seed {seed}: {done}: {ended.end}: {ended.said}"


def test_every_mutation_changes_something(tmp_path):
    whole = make("kemdy20", tmp_path / "whole")
    for number, mutation in enumerate(MUTATIONS):
        root = shutil.copytree(whole, tmp_path / f"copy{number}")
        assert any(mutation(root, random.Random(seed)) for seed in range(3)), mutation
        shutil.rmtree(root)
