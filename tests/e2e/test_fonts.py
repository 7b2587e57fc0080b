"""Without a Korean font a command says once, at its end, which one to install; figures are drawn all the same."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import soundfile
from kemfeat_cli import app as command

from kemfeat.errors import AnalysisError
from kemfeat.figures import style
from tests.e2e.command import kemfeat

TABLE = "id,audio,speaker,emotion\n"


@pytest.fixture
def drawn(monkeypatch, capsys, tmp_path):
    """Run ``main`` with another command in place of the real ones, which all pass through it."""

    def run(after=lambda: None):
        style._advise.cache_clear()
        monkeypatch.setattr(style, "_families", lambda: ["DejaVu Sans"])
        monkeypatch.setattr(sys, "argv", ["kemfeat"])

        def draws(args, standalone_mode):
            for name in ("a", "b"):
                with style.saved(tmp_path / name) as figure:
                    figure.suptitle("각성")
            after()

        monkeypatch.setattr(command, "app", draws)
        with pytest.raises(SystemExit) as end:
            command.main()
        return end.value.code, capsys.readouterr().err.splitlines()

    return run


def test_any_command_says_it_once(drawn):
    code, (sentence,) = drawn(lambda: sys.exit(0))
    assert code == 0
    assert sentence.startswith("kemfeat: figures: Korean text")
    assert "fonts-nanum" in sentence


def test_a_command_that_fails_says_both(drawn):
    def fail():
        raise AnalysisError("somewhere: what was found")

    code, (sentence, refusal) = drawn(fail)
    assert code == 3
    assert "fonts-nanum" in sentence
    assert refusal == "kemfeat: somewhere: what was found"


def test_other_warnings_stay_as_they_are(drawn):
    with pytest.warns(UserWarning, match="something else"):
        drawn(lambda: warnings.warn("something else", UserWarning, stacklevel=1) or sys.exit(0))


@pytest.fixture(scope="module")
def korean(tmp_path_factory):
    """A store of a few tones whose emotions have Korean names."""
    folder = tmp_path_factory.mktemp("korean")
    lines = [TABLE]
    for row in range(8):
        rng = np.random.default_rng(row)
        soundfile.write(folder / f"{row}.wav", rng.normal(scale=0.1, size=8_000), 16_000)
        lines.append(f"u{row},{row}.wav,s{row % 2},{'설렘' if row % 2 else '그리움'}\n")
    (folder / "utterances.csv").write_text("".join(lines), encoding="utf-8")
    corpus = ("--dataset", "folder", "--root", folder, "--table", folder / "utterances.csv")
    assert kemfeat("build", *corpus, "--features", "mel", "-j", 1, "--out", folder / "store").code == 0
    return folder / "store"


def test_the_installed_command_without_fonts(korean, tmp_path):
    hidden = {"MPL_IGNORE_SYSTEM_FONTS": "1", "MPLCONFIGDIR": str(tmp_path / "matplotlib")}
    said = kemfeat("analyze", "balance", korean, "--out", tmp_path / "balance", **hidden)
    assert (said.code, said.err.count("fonts-nanum"), said.err.count("\n")) == (0, 1, 1)
    assert (tmp_path / "balance" / "result.json").exists()
