"""The documentation says what the code does: rules, options, settings, targets. Its examples run."""

import contextlib
import importlib.util
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
from kemfeat_cli.app import app

from kemfeat import findings, plugins
from kemfeat.config import BuildConfig, thawed
from kemfeat.errors import KemfeatError

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TOP = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md")
PAGES = (*TOP, *sorted(DOCS.rglob("*.md")))
ALONE = (DOCS / "decisions/0004-one-hash.md",)
"""Pages whose examples need nothing but the library."""
ADDING = tuple(sorted(DOCS.glob("howto/add-*.md")))
"""Pages whose examples are followed by tests/e2e/test_howtos.py, in a copy of the package."""
TOUR = (
    DOCS / "quickstart.md",
    ROOT / "README.md",
    DOCS / "validation.md",
    DOCS / "loading.md",
    DOCS / "augmentation.md",
    DOCS / "lenses.md",
)
"""Pages whose examples need the corpus and store that the first of them makes."""
FORMAT = DOCS / "store-format.md"
"""Its examples are run by tests/store/test_format.py."""

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^\$ |`)kemfeat ([a-z]+(?: [a-z]+)?)([^`\n]*)", re.MULTILINE)


def leaves(commands: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Every command that does something, by its whole name such as ``analyze anova``."""
    found: dict[str, Any] = {}
    for name, command in commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{above}{name}": command} if inner is None else leaves(inner, f"{above}{name} ")
    return found


COMMANDS = leaves(typer.main.get_command(app).commands)
GROUPS = {name.split()[0] for name in COMMANDS if " " in name}


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def section(page: Path, heading: str) -> str:
    """The text below a heading, up to the next of its level."""
    _, found, behind = read(page).partition(f"\n## {heading}\n")
    assert found, f"{page.name} has no section {heading!r}"
    return behind.partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, without headers."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    headers = {number - 1 for number, line in enumerate(lines) if set(line) <= set("|-")}
    return [row for number, row in enumerate(cells) if number not in headers and not set(row[0]) <= set("|-")]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def long_and_short(parameter: Any) -> set[str]:
    return {option for option in (*parameter.opts, *parameter.secondary_opts) if option.startswith("-")} - {"--help"}


def test_every_rule_is_documented_with_its_severity_and_action():
    documented = [(code(row[0])[0], row[1], row[3]) for row in rows(read(DOCS / "validation.md"))]
    rules = [rule for rule in vars(findings).values() if isinstance(rule, findings.Rule)]
    assert sorted(documented) == sorted((rule.code, rule.severity, rule.action) for rule in rules)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented_with_its_default(name):
    documented = {
        option.split()[0]: row[1]
        for row in rows(section(DOCS / "cli.md", f"kemfeat {name}"))
        for option in code(row[0])
    }
    parameters = COMMANDS[name].params
    known = set().union(*map(long_and_short, parameters))
    assert {option for option in documented if option.startswith("-")} == known
    numbers = [p for p in parameters if isinstance(p.default, int | float) and not isinstance(p.default, bool)]
    for parameter in numbers:
        assert f"default {parameter.default:g}" in documented[parameter.opts[0]]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_and_documentation_call_the_value_of_an_option_the_same(name):
    context = COMMANDS[name].make_context(name, [], resilient_parsing=True)
    metavars = {
        option: parameter.metavar
        for parameter in COMMANDS[name].get_params(context)
        for option in parameter.opts
        if not parameter.type_descriptor.is_choice
    }
    told = (each.split() for row in rows(section(DOCS / "cli.md", f"kemfeat {name}")) for each in code(row[0]))
    documented = {option: " ".join(value) for option, *value in told if option in metavars and option.startswith("--")}
    assert documented == {option: metavars[option] for option in documented}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_ends_in_an_example_that_is_right_and_leads_to_the_documentation(name):
    example, _, more = COMMANDS[name].epilog.partition("\n\n")
    words = shlex.split(example.removeprefix(f"Example: kemfeat {name}"))
    assert example.startswith(f"Example: kemfeat {name} ")
    assert COMMANDS[name].make_context(name, words).params
    assert more == f"More: docs/cli.md, section kemfeat {name}"
    assert section(DOCS / "cli.md", f"kemfeat {name}")


def test_every_command_and_global_option_is_documented():
    page = read(DOCS / "cli.md")
    assert sorted(re.findall(r"^## kemfeat ([\w ]+)$", page, re.MULTILINE)) == sorted(COMMANDS)
    documented = {option for row in rows(page.partition("\n## ")[0]) for option in code(row[0])}
    assert documented == set().union(*map(long_and_short, typer.main.get_command(app).params)) | {"--help", "-h"}


def test_every_exit_code_is_documented():
    documented = {int(code(row[0])[0]) for row in rows(section(DOCS / "cli.md", "Exit codes"))}
    assert documented == {0, 1, 129, 130, 143} | {error.exit_code for error in descendants(KemfeatError)}


def descendants(kind: type[KemfeatError]) -> Iterator[type[KemfeatError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from descendants(child)


@pytest.mark.parametrize("feature", plugins.names("features"))
def test_every_setting_of_a_feature_is_documented_with_its_default(feature):
    documented = {code(row[0])[0]: code(row[1])[0] for row in rows(section(DOCS / "configuration.md", feature))}
    fields = plugins.find("features", feature).config.model_fields
    assert documented == {name: json.dumps(thawed(field.default)) for name, field in fields.items()}


def test_every_setting_of_a_build_is_documented():
    documented = {code(row[0])[0]: code(row[1]) for row in rows(section(DOCS / "configuration.md", "Whole build"))}
    fields = BuildConfig.model_fields
    assert set(documented) == set(fields) - {"dataset", "settings"} | {"preset", "audio.channel"}
    for name in ("labels", "rows_per_shard"):
        assert documented[name] == [json.dumps(fields[name].default)]


def test_every_preset_is_documented():
    documented = {(code(row[0])[0], row[1]) for row in rows(section(DOCS / "configuration.md", "Presets"))}
    named = {name: plugins.find("features", name).config.PRESETS for name in plugins.names("features")}
    assert documented - {("default", "all but text")} == {
        (preset, name) for name, presets in named.items() for preset in presets if preset != "default"
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_text_exist(page):
    shell = "".join(text for language, text, _ in BLOCK.findall(read(page)) if language == "sh")
    for words, rest in COMMAND.findall(read(page) + re.sub("^", "$ ", shell, flags=re.MULTILINE)):
        name = words if words in COMMANDS else words.split()[0]
        if name in GROUPS and (words == name or page in ADDING):
            continue  # the how-to adds the command
        assert name in COMMANDS, f"kemfeat {words}"
        known = set().union(*map(long_and_short, COMMANDS[name].params)) | {"--help", "--debug"}
        used = {word for word in shlex.split(words + rest, comments=True) if word.startswith("-")}
        assert used <= known, f"kemfeat {name}: {used - known}"


def test_the_makefile_has_every_target_that_is_named_and_explains_it():
    targets = set(re.findall(r"^([a-z]+):.*##", read(ROOT / "Makefile"), re.MULTILINE))
    named = {
        target for page in PAGES for target in re.findall(r"(?:^|`)make ([a-z]+)(?:`|$)", read(page), re.MULTILINE)
    }
    assert {"demo", "test", "check", "docs"} <= named <= targets


def test_the_readme_says_what_the_demo_makes():
    size = re.search(r"synth .*--out (\S+) --utterances (\d+) --sessions (\d+)", read(ROOT / "Makefile"))
    store = re.search(r"build .*--out (\S+)", read(ROOT / "Makefile"))
    assert size
    assert store
    text = " ".join(read(ROOT / "README.md").split())
    assert f"({size[2]} utterances in {size[3]} sessions) in `{size[1]}`" in text
    assert f"builds `{store[1]}`" in text


@pytest.mark.parametrize("page", TOP, ids=lambda page: page.name)
def test_links_of_the_top_level_pages_lead_to_files(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", read(page))
    assert [link for link in links if not (page.parent / link).is_file()] == []


def test_the_tour_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quickstart, *others = TOUR
    made = run(quickstart, monkeypatch, languages=("sh", "python"))
    assert len(made.store) > 0
    for page in others:
        run(page, monkeypatch)


@pytest.mark.parametrize("page", ALONE, ids=lambda page: page.stem)
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = run(page, monkeypatch)
    assert [name for name in vars(module) if not name.startswith("__")]


def test_no_page_has_an_example_that_is_not_run():
    assert {page for page in PAGES if "\n```python\n" in read(page)} == {*ALONE, *ADDING, *TOUR, FORMAT}


def run(page: Path, monkeypatch: pytest.MonkeyPatch, *, languages: tuple[str, ...] = ("python",)) -> ModuleType:
    """Run the examples of a page in order, in one module; a ``text`` block right behind one is what it must print."""
    module = ModuleType(f"example_{page.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for language, text, expected in BLOCK.findall(read(page)):
        if language in languages:
            printed = RUNNERS[language](text, module)
            assert not expected or printed == expected
    return module


def run_python(text: str, module: ModuleType) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, module.__name__, "exec", dont_inherit=True), vars(module))  # noqa: S102
    return printed.getvalue()


def run_shell(text: str, module: ModuleType) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", text], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


RUNNERS: dict[str, Callable[[str, ModuleType], str]] = {"python": run_python, "sh": run_shell}


def test_docstrings_become_markdown():
    spec = importlib.util.spec_from_file_location("docstrings", DOCS / "docstrings.py")
    assert spec is not None
    assert spec.loader is not None
    docstrings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docstrings)
    text = "Makes :class:`~kemfeat.Store`.\n\nParameters\n----------\na, b : int\n    What they are.\n"
    rewritten = "Makes `kemfeat.Store`.\n\nParameters\n----------\na, b : int\n    What they are.\n"
    assert docstrings.to_markdown(text, definitions=False) == rewritten
    assert docstrings.to_markdown("Size\n    80 adults.\n", definitions=True) == "\nSize\n:   80 adults.\n"
