"""kemfeat.learn.evaluation.verdict: whether a network is worth more than a linear model, said by the command too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kemfeat.learn.evaluation.compare import pooled
from kemfeat.learn.evaluation.evaluate import Evaluation, measure
from kemfeat.learn.evaluation.verdict import is_linear, verdicts
from tests.e2e.command import kemfeat
from tests.learn.kit import facts, predictions, write

LINEAR = {"recipe": "baseline/logistic", "config": {"model": {"name": "linear"}}}


def table(**of: Any) -> pd.DataFrame:
    return predictions(targets=("emotion",), **of)


def judged(name: str, *, skill: float, fold: int = 0, seed: int = 0, **changes: Any) -> Evaluation:
    return measure(table(fold=fold, seed=seed, skill=skill), facts(fold=fold, **changes), name=name)


def line(skill: float = 0.6, **changes: Any) -> Evaluation:
    return judged("line", skill=skill, seed=1, **{**LINEAR, **changes})


@pytest.mark.parametrize(
    ("skill", "beats", "said"),
    [
        (0.95, True, "net beats the linear baseline line: emotion UAR 0."),
        (0.6, False, "net does not beat the linear baseline line: emotion UAR 0."),
        (0.05, False, "net is worse than the linear baseline line: emotion UAR 0."),
    ],
)
def test_a_run_is_told_what_it_is_beside_the_baseline(skill: float, beats: bool, said: str) -> None:
    (found,) = verdicts([judged("net", skill=skill), line()])
    assert (found.run, found.baseline, found.beats) == ("net", "line", beats)
    assert found.words.startswith(said)
    assert " against 0." in found.words
    assert "difference " in found.words


def test_only_what_answers_the_same_question_is_compared() -> None:
    run = judged("net", skill=0.6)
    assert is_linear(line())
    assert not is_linear(run)
    assert verdicts([run]) == verdicts([line()]) == []
    assert verdicts([run, line(split={"scheme": "session", "digest": "6" * 64})]) == []
    assert verdicts([run, line(task="arousal")]) == []
    assert verdicts([run, line(fold=1)]) == []
    folds = [judged("net", skill=0.6, fold=fold) for fold in (0, 1)]
    lines = [line(fold=fold) for fold in (0, 1)]
    found = verdicts([*folds, *lines, *pooled([*folds, *lines])])
    assert [(one.run, one.baseline) for one in found][-1] == ("net ... net pooled", "line ... line pooled")
    assert len(found) == 3


def test_other_utterances_are_not_compared() -> None:
    other = line()
    every = table(seed=1, skill=0.6)
    fewer = every.drop(every.index[every["part"] == "test"][0])
    (found,) = verdicts([judged("net", skill=0.6), measure(fewer, other.facts, name="line")])
    assert found.beats is None
    assert found.words.startswith("not compared: net and line: of ")


def test_the_command_says_it(tmp_path: Path) -> None:
    for name, skill, changes in (("net", 0.3, {}), ("line", 0.6, LINEAR)):
        write(tmp_path / name, said=facts(**changes), table=table(seed=int(skill * 10), skill=skill))
    for more in (["line"], ["--against", "line"]):
        said = kemfeat("evaluate", "net", *more, cwd=tmp_path)
        assert said.code == 0, said
        assert "net is worse than the linear baseline line: emotion UAR 0." in said.out
    (content,) = json.loads(kemfeat("evaluate", "net", "line", "--json", cwd=tmp_path).out)["beside_linear"]
    assert (content["run"], content["baseline"], content["beats"]) == ("net", "line", False)
