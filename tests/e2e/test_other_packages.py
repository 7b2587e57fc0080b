"""Plug-ins that another package brings: an installed distribution with entry points, and nothing changed in kemfeat."""

import re
from pathlib import Path

import pytest

from tests.e2e.command import build, kemfeat, sentence

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "add-a-feature.md"
FEATURE = re.search(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]


def installed(folder, *, name="loudness", group="kemfeat.features", content=FEATURE, package="acoustics"):
    """What pip leaves of a package with one module and one entry point, in a folder of the path."""
    (folder / f"{package}.py").write_text(content, encoding="utf-8")
    told = folder / f"{package}-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(f"[{group}]\n{name} = {package}\n")
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


@pytest.mark.parametrize("name", ["mel", "Me-l"])
def test_a_name_of_kemfeat_is_not_taken_over(tmp_path, name):
    path = installed(tmp_path, name=name)
    assert f"kemfeat.features: {name} = acoustics: kemfeat has a feature of that name" in sentence(
        "config", "explain", "mel", code=2, **path
    )


def test_two_packages_of_one_name_are_both_refused(tmp_path):
    installed(tmp_path)
    path = installed(tmp_path, package="phonetics")
    said = sentence("config", "explain", "loudness", code=2, **path)
    assert "package acoustics 1.0, kemfeat.features: loudness = acoustics and package phonetics 1.0" in said
    assert said.rstrip().endswith("two of one name; uninstall one of the packages")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("raise RuntimeError('no licence')\n", "cannot be imported (no licence)"),
        ("raise SystemExit\n", "cannot be imported (SystemExit)"),
        ("import nowhere\n", "cannot be imported (No module named 'nowhere')"),
        ("READER = 3\n", "acoustics: expected EXTRACTOR, called 'loudness'"),
        (FEATURE.replace('name="loudness"', 'name="volume"'), "acoustics: expected EXTRACTOR, called 'loudness'"),
    ],
)
def test_a_package_that_cannot_be_used_is_a_sentence_and_disturbs_nothing_else(finished, tmp_path, content, why):
    path = installed(tmp_path, content=content)
    said = sentence("config", "explain", "loudness", code=2, **path)
    assert why in said
    assert "package acoustics 1.0" in said
    assert kemfeat("info", finished.out, **path).code == 0
    assert kemfeat("config", "explain", "mel.n_mels", **path).code == 0


def broken(folder, *groups):
    """A package for each group whose module cannot be imported."""
    for group in groups:
        package = group.replace(".", "_")
        path = installed(folder, name="odd", group=group, content="raise RuntimeError('no licence')\n", package=package)
    return path


@pytest.mark.parametrize(
    ("kind", "group"),
    [("features", "features"), ("presets", "features"), ("datasets", "corpora"), ("exports", "export")],
)
def test_what_is_sound_is_listed_beside_what_is_broken(tmp_path, kind, group):
    path = broken(tmp_path, f"kemfeat.{group}")
    usual = kemfeat("list", kind)
    said = kemfeat("list", kind, **path)
    assert (said.code, said.out) == (2, usual.out)
    assert said.err.startswith(f"kemfeat: package kemfeat_{group} 1.0, kemfeat.{group}: odd = ")
    assert said.err.rstrip().endswith("correct the package, or uninstall it")
    assert said.err.count("\n") == 1


def test_doctor_has_a_line_for_each_plug_in_of_another_package(tmp_path):
    path = broken(tmp_path, "kemfeat.corpora", "kemfeat.analyses") | installed(tmp_path)
    said = kemfeat("doctor", "--json", cwd=tmp_path, KEMFEAT_DATA="", **path)
    found = {line["what"]: line for line in said.json}
    assert said.code == 1
    sound = {"what": "plug-in features.loudness", "state": "ok", "found": "package acoustics 1.0", "todo": ""}
    assert found["plug-in features.loudness"] == sound
    assert {found[f"plug-in {room}.odd"]["state"] for room in ("corpora", "analyses")} == {"broken"}
    assert "no licence" in found["plug-in corpora.odd"]["found"]
    assert {"kemfeat", "corpora", "disk"} <= set(found)


def test_help_and_completion_name_what_is_sound(tmp_path):
    path = broken(tmp_path, "kemfeat.analyses", "kemfeat.export", "kemfeat.corpora")
    shown = kemfeat("analyze", "--help", **path)
    assert shown.code == 0
    assert "anova" in shown.out
    assert "Cannot be used; kemfeat doctor says why." in shown.out
    assert "no licence" in sentence("analyze", "odd", code=2, **path)
    assert "webdataset" in kemfeat("export", "--help", **path).out
    asked = {"COMP_WORDS": "kemfeat build --dataset KEMDy", "COMP_CWORD": "3", "_KEMFEAT_COMPLETE": "complete_bash"}
    assert kemfeat(**asked, **path).out.split() == ["KEMDy19", "KEMDy20"]
