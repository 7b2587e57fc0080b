"""``python -m kemfeat.testing``: the laws tried on plug-ins of another package, with neither pytest nor a traceback."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kemfeat.testing import _analyses, _features
from tests.corpora.test_tess import write_small
from tests.e2e.command import Said
from tests.e2e.test_other_packages import FEATURE, installed

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"


def example(page):
    """The file that a how-to adds."""
    return re.search(r"^```python\n(.*?)^```", (HOWTO / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]


def tried(module, *options, **environment):
    line = [sys.executable, "-W", "error", "-m", "kemfeat.testing", module, *map(str, options)]
    where = {**os.environ, **environment}
    done = subprocess.run(line, capture_output=True, text=True, env=where, timeout=300, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def test_a_feature_that_keeps_the_laws_is_one_line_for_each(tmp_path):
    said = tried("acoustics", **installed(tmp_path))
    assert (said.code, said.err) == (0, "")
    *lines, last = said.out.splitlines()
    assert lines == [f"kept    {law}" for law in _features.LAWS]
    assert last == f"acoustics: {len(_features.LAWS)} laws, 0 broken"


def test_a_feature_that_breaks_one_says_which_and_why(tmp_path):
    content = FEATURE.replace('unit="dB"', 'unit=""')
    said = tried("acoustics", **installed(tmp_path, content=content))
    assert said.code == 1
    assert [line for line in said.out.splitlines() if not line.startswith("kept ")] == [
        "broken  declares arrays that a store can hold: array loudness: has no unit; 1 where it has none",
        f"acoustics: {len(_features.LAWS)} laws, 1 broken",
    ]


def test_a_feature_that_fails_in_any_way_is_a_line_too(tmp_path):
    content = FEATURE.replace("samples = to_mono", "raise KeyError('surprise\\x1b[31m')\n    samples = to_mono")
    said = tried("acoustics", **installed(tmp_path, content=content))
    assert said.code == 1
    assert "broken  returns what it declares: KeyError: " in said.out
    assert "\x1b" not in said.out


@pytest.mark.slow
def test_plug_ins_of_the_other_rooms_keep_their_laws(tmp_path):
    path = installed(tmp_path, name="speaking_time", group="kemfeat.analyses", content=example("add-an-analysis.md"))
    said = tried("acoustics", **path)
    assert (said.code, said.out.count("kept    ")) == (0, len(_analyses.LAWS)), said
    (tmp_path / "export").mkdir()
    content = example("add-an-export.md")
    path = installed(tmp_path / "export", name="json_lines", group="kemfeat.export", content=content)
    said = tried("acoustics", **path)
    assert (said.code, said.out.splitlines()[-1]) == (0, "acoustics: 4 laws, 0 broken"), said
    (tmp_path / "model").mkdir()
    content = example("add-a-model.md")
    path = installed(tmp_path / "model", name="band_means", group="kemfeat.learn.models", content=content)
    said = tried("acoustics", **path)
    assert (said.code, said.out.splitlines()[-1]) == (0, "acoustics: 10 laws, 0 broken"), said


@pytest.mark.slow
def test_a_corpus_keeps_its_laws_on_a_folder_of_its_own(tmp_path):
    write_small(tmp_path / "TESS")
    said = tried("kemfeat.corpora.tess", "--root", tmp_path / "TESS")
    assert (said.code, said.out.splitlines()[-1]) == (0, "kemfeat.corpora.tess: 13 laws, 0 broken"), said


@pytest.mark.parametrize(
    ("module", "options", "why"),
    [
        ("nowhere", (), "nowhere: cannot be imported (No module named 'nowhere'); pass the name of a module"),
        ("kemfeat.records", (), "expected one of EXTRACTOR, ANALYSIS, EXPORTER, MODEL, READER, found none"),
        ("kemfeat.corpora.tess", (), "defines READER; pass --root, the folder of a small corpus"),
        ("kemfeat.features.eda", ("--root", "x"), "defines EXTRACTOR; leave --root out, which corpora need"),
    ],
)
def test_what_cannot_be_tried_is_a_sentence(module, options, why):
    said = tried(module, *options)
    assert (said.code, said.out) == (2, "")
    assert why in said.err
    assert said.err.count("\n") == 1


def test_an_export_that_is_not_installed_is_told_how(tmp_path):
    (tmp_path / "lines.py").write_text(example("add-an-export.md"), encoding="utf-8")
    said = tried("lines", PYTHONPATH=str(tmp_path))
    assert said.code == 2
    assert "no entry point of the group kemfeat.export leads to it" in said.err
    assert "pip install -e ." in said.err
