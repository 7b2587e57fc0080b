"""Numbers with their nouns, in what people read."""

import re
from pathlib import Path

import pytest

from kemfeat.plural import many

ROOT = Path(__file__).resolve().parents[1]
BARE = re.compile(r"\{[^{}]*\} (?:utterance|session|epoch|fold|row|file|part|worker|speaker)s\b")


@pytest.mark.parametrize(("count", "told"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234, "1,234 rows")])
def test_only_one_is_singular(count, told):
    assert many(count, "row") == told


def test_no_command_prints_a_number_before_a_plural_whatever_the_number_is():
    lines = [line for path in (ROOT / "cli").glob("*.py") for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line.strip() for line in lines if BARE.search(line)] == []
