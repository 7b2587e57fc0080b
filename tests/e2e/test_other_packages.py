"""Plug-ins that another package brings: an installed distribution with entry points, and nothing changed in kemfeat."""

import re
from pathlib import Path

import pytest

from tests.e2e.command import build, kemfeat, sentence

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "add-a-feature.md"
FEATURE = re.search(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]


def installed(folder, *, name="loudness", group="kemfeat.features", content=FEATURE):
    """What pip leaves of a package with one module and one entry point, in a folder of the path."""
    (folder / "acoustics.py").write_text(content, encoding="utf-8")
    told = folder / "acoustics-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: acoustics\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(f"[{group}]\n{name} = acoustics\n")
    return {"PYTHONPATH": str(folder)}


def test_a_feature_of_another_package_is_listed_explained_built_and_verified(bench, tmp_path):
    path = installed(tmp_path)
    listed = {each["name"]: each["about"] for each in kemfeat("list", "features", "--json", **path).json}
    assert listed["loudness"] == "Level of the audio over time, dB against full scale."
    assert kemfeat("config", "explain", "loudness.seconds", **path).out.startswith(
        "loudness.seconds: Length of a frame."
    )
    new = bench.fresh()
    assert build(new, "--features", "loudness", "-j", 2, **path).code == 0
    assert "loudness" in kemfeat("info", new.out, "--json").json["arrays"]
    again = kemfeat("verify", new.out, "--recompute", 3, "--root", bench.corpus.root, **path)
    assert (again.code, "3 utterances recomputed" in again.out) == (0, True), again
    assert "unknown feature 'loudness'" in sentence(
        "build", "--dataset", "KEMDy20", "--root", bench.corpus.root, "--features", "loudness", code=2
    )


def test_a_name_of_kemfeat_is_not_taken_over(tmp_path):
    path = installed(tmp_path, name="mel")
    assert "kemfeat.features: mel = acoustics: kemfeat has a feature of that name" in sentence(
        "config", "explain", "mel", code=2, **path
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("raise RuntimeError('no licence')\n", "cannot be imported (no licence)"),
        ("import nowhere\n", "cannot be imported (No module named 'nowhere')"),
        ("READER = 3\n", "acoustics: expected EXTRACTOR, called 'loudness'"),
        (FEATURE.replace('name="loudness"', 'name="volume"'), "acoustics: expected EXTRACTOR, called 'loudness'"),
    ],
)
def test_a_package_that_cannot_be_used_is_a_sentence_and_disturbs_nothing_else(finished, tmp_path, content, why):
    path = installed(tmp_path, content=content)
    assert why in sentence("config", "explain", "loudness", code=2, **path)
    assert kemfeat("info", finished.out, **path).code == 0
    assert kemfeat("config", "explain", "mel.n_mels", **path).code == 0
