"""What shells offer: the installed command asked as their scripts ask it, and a real bash."""

import shlex
import shutil
import subprocess

import pytest

from kemfeat import plugins
from kemfeat.labels import RULES
from kemfeat.learn.training.recipe import recipe_names
from kemfeat.splits import SCHEMES
from tests.build.kit import KEMFEAT
from tests.e2e.command import kemfeat


def offered(line, cwd=None):
    """What bash is told for the last word of a line."""
    words = ["kemfeat", *line.split(" ")]
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), "_KEMFEAT_COMPLETE": "complete_bash"}
    said = kemfeat(cwd=cwd, **asked)
    assert (said.code, said.err) == (0, "")
    return said.out.split()


@pytest.mark.parametrize("command", ["validate", "plan", "build", "doctor", "config show"])
def test_every_corpus_is_offered_in_the_case_that_was_typed(command):
    names = [plugins.find("corpora", name).name for name in plugins.names("corpora")]
    assert offered(f"{command} --dataset ") == names
    assert offered(f"{command} --dataset KEMDy") == ["KEMDy19", "KEMDy20"]
    assert [name[:4] for name in offered(f"{command} --dataset kemd")] == ["kemd", "kemd"]
    assert all(plugins.find("corpora", name) for name in offered(f"{command} --dataset kem"))


def test_a_list_of_features_goes_on_with_those_that_are_not_in_it():
    assert offered("build --features ") == list(plugins.names("features"))
    assert offered("build --features mel,te") == ["mel,temp", "mel,temporal_graph", "mel,text", "mel,text_embedding"]
    assert "temp,text" in offered("build --features temp,te")
    assert "temp,temp" not in offered("build --features temp,te")


def test_recipes_rules_presets_formats_and_analyses_are_offered():
    assert offered("train ") == list(recipe_names())
    assert offered("split x --labels ") == offered("analyze anova --labels ") == list(RULES)
    assert offered("build --preset k") == ["kor-2022"]
    assert offered("export x --to w") == ["webdataset"]
    assert offered("analyze a") == ["agreement", "anova"]
    assert offered("list p") == ["presets"]
    assert offered("split x --scheme ") == list(SCHEMES)
    assert offered("train x --ablate v") == ["video"]


def test_only_corpora_that_can_be_made_are_offered_to_synth():
    assert offered("synth --dataset ") == [plugins.find("synth", name).name for name in plugins.names("synth")]


def test_settings_are_offered_feature_by_feature():
    first = offered("config explain ")
    assert {"mel.", "features", "cloud.private"} <= set(first)
    assert offered("config explain mel.n_m") == ["mel.n_mels"]
    assert offered("config explain cloud.") == ["cloud.private"]
    assert offered("config explain nothing.") == []


def test_stores_are_offered_where_commands_put_them(finished, tmp_path):
    shutil.copytree(finished.out, tmp_path / "stores" / "first")
    (tmp_path / "stores" / "unfinished").mkdir()
    for command in ("info ", "analyze anova ", "train kor/fusion --store ", "push "):
        assert offered(command, cwd=tmp_path) == ["stores/first"]
    assert offered("info elsewhere/", cwd=tmp_path) == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_the_same_names(shell):
    asked = {"_TYPER_COMPLETE_ARGS": "kemfeat build --preset k", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    said = kemfeat(**asked, _KEMFEAT_COMPLETE=f"complete_{shell}")
    assert "kor-2022" in said.out


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_with_the_script_that_the_command_prints():
    script = kemfeat(_KEMFEAT_COMPLETE="source_bash").out
    ask = f"COMP_WORDS=(kemfeat build --preset k); COMP_CWORD=3; _kemfeat_completion {shlex.quote(str(KEMFEAT))}"
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{ask}\necho "${{COMPREPLY[*]}}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["kor-2022"]
