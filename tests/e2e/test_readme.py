"""What somebody who read only the README can do in ten minutes, in either language: its commands in an empty folder."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.build.kit import KEMFEAT

ROOT = Path(__file__).resolve().parents[2]
ENGLISH, KOREAN = ROOT / "README.md", ROOT / "README.ko.md"
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROMISED = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")
OWN = "--dataset folder"
"""Needs recordings of one's own; docs/howto/own-corpus.md is followed elsewhere."""


def commands(page):
    """Every command that the page has the reader run, in order."""
    lines = [line for block in SHELL.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()]
    return [line for line in lines if line.startswith("kemfeat ") and OWN not in line]


def promised():
    """What the page says that commands print."""
    (shown,) = PROMISED.findall(ENGLISH.read_text(encoding="utf-8"))
    return dict(re.findall(r"^\$ (.*)\n(.*)$", shown, re.MULTILINE))


def form(text):
    """A line without its numbers."""
    return re.sub(r"[0-9a-f]*[0-9][0-9a-f.,]*", "#", text)


def test_both_languages_have_the_same_commands():
    assert commands(KOREAN) == commands(ENGLISH)
    assert len(commands(ENGLISH)) > 10


def test_both_languages_have_the_same_picture_which_is_there_and_small():
    (english,), (korean,) = (PICTURE.findall(page.read_text(encoding="utf-8")) for page in (ENGLISH, KOREAN))
    assert english == korean
    assert (ROOT / english).read_bytes().startswith(b"\x89PNG")
    assert (ROOT / english).stat().st_size < 200_000


@pytest.mark.slow
def test_the_commands_do_what_the_page_promises(tmp_path):
    told = {}
    path = f"{Path(KEMFEAT).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands(ENGLISH):
        done = subprocess.run(
            shlex.split(command),
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "KEMFEAT_DATA": "", "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        told[command] = done.stdout
    for command, line in promised().items():
        assert form(line) in map(form, told[command].splitlines())
    for name in ("anova", "dtw"):
        result = json.loads((tmp_path / f"stores/KEMDy20/analyses/{name}/result.json").read_text(encoding="utf-8"))
        assert result["tables"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "SYNTHETIC" in page
    assert not re.search(r"(?:src|href)=\"https?:", page.partition("<main")[0])
    assert (tmp_path / "runs/first/predictions.parquet").is_file()
    assert "macro F1" in told["kemfeat evaluate runs/first"]
    build = "kemfeat build --dataset KEMDy20"
    again = subprocess.run([KEMFEAT, *build.split()[1:]], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "up to date" in again.stdout
