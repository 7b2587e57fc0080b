"""Files of torch that would grow in memory, and contents that are not plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kemfeat.learn.torch_files import content_problem


def nested(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


def test_what_torch_writes_is_sound(tmp_path: Path) -> None:
    content = {"w": torch.zeros(3), "rows": [{"epoch": 1, "loss": 0.5}], "name": "x", "none": None}
    torch.save(content, tmp_path / "a.pt")
    assert content_problem(torch.load(tmp_path / "a.pt", weights_only=True)) == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"w": torch.zeros(1).expand(10**12)}, "contains a tensor of 1,000,000,000,000 numbers, more than are stored"),
        ({"w": torch.zeros(2, 2).to_sparse()}, "contains a tensor that is not plain numbers"),
        ({"w": torch.empty(2, device="meta")}, "contains a tensor that is not plain numbers"),
        (nested(10**5), "is nested more than 32 levels deep"),
        ([{1, 2}], "contains a set; expected tensors, numbers, texts, lists and tables"),
    ],
)
def test_contents_that_are_not_plain_values_are_named(content: Any, said: str) -> None:
    assert content_problem(content) == said


def test_a_list_within_itself_ends() -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert content_problem(ring) == "is nested more than 32 levels deep"
