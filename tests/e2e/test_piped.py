"""Results that another program reads: whole lines without boxes; at a terminal they are as wide as it is."""

import re

import pytest

from tests.build.kit import ROWS
from tests.e2e.command import at_terminal, kemfeat

BOX = re.compile("[\u2500-\u257f]")


def plain(*arguments, **where):
    """The lines of a command that are read by a program, which is told of a narrow terminal."""
    said = kemfeat(*arguments, COLUMNS="20", **where)
    assert said.code == 0, said
    assert not BOX.search(said.out)
    lines = said.out.splitlines()
    assert lines == [line.rstrip() for line in lines]
    return lines


@pytest.fixture
def broken(bench):
    """A corpus with a finding that has a long example."""
    bench.corpus.wav(bench.corpus.ids[1]).unlink()
    return ("validate", "--dataset", "KEMDy20", "--root", bench.corpus.root, "-j", 1)


def test_every_example_of_a_rule_is_one_line_that_names_the_rule(broken):
    findings = kemfeat(*broken, "--json").json["findings"]
    lines = kemfeat(*broken, COLUMNS="20", FORCE_COLOR="1", NO_COLOR="1").out.splitlines()
    assert findings
    for finding in findings:
        heading = f"{finding['rule']}: {finding['severity']}, {finding['count']:,}: {finding['action']}"
        examples = [f"{example} [{finding['rule']}]" for example in finding["examples"]]
        at = lines.index(heading)
        assert lines[at + 1 : at + 1 + len(examples)] == examples


def test_every_array_is_one_line_with_all_that_is_said_of_it(bench):
    arrays = kemfeat("info", bench.out, "--json").json["arrays"]
    lines = [re.split(" {2,}", line) for line in plain("info", bench.out)]
    for name, array in arrays.items():
        shape = " x ".join(map(str, array["shape"]))
        assert [name, shape, array["dtype"], array["unit"], array["description"]] in lines


def test_every_fold_of_a_split_is_one_line(bench, tmp_path):
    lines = plain("split", bench.out, "--scheme", "speaker", "--folds", 2, "--labels", "annotated", cwd=tmp_path)
    assert [line.split()[0] for line in lines if re.match(" *(fold|[0-9]) ", line)] == ["fold", "0", "1"]


def test_help_of_a_program_has_no_boxes():
    assert any("--scheduler tcp://HOST:PORT" in line for line in plain("build", "--help"))
    assert any("--scheduler" in line for line in plain("analyze", "dtw", "--help"))


@pytest.mark.parametrize("command", [(), ("build",), ("analyze",), ("analyze", "anova")])
def test_a_short_call_for_help_is_one(command):
    assert kemfeat(*command, "-h") == kemfeat(*command, "--help")


def test_help_at_a_terminal_is_in_groups_and_says_what_to_write():
    code, shown = at_terminal("build", "-h", columns=120)
    assert code == 0
    assert all(f"\u2500 {panel} \u2500" in shown for panel in ("Options", "Settings", "How it runs"))
    assert not re.search("<[a-z]", shown)
    assert re.search("--keep +N", shown)
    assert "Example: kemfeat build " in shown


def test_commands_are_in_groups_both_ways():
    groups = ("Corpora", "Stores", "Analyses", "Splits and models", "Names and machine")
    piped = kemfeat("--help").out.splitlines()
    assert [line.rstrip(":") for line in piped if line.rstrip(":") in groups] == list(groups)
    _, shown = at_terminal("--help")
    assert all(f"\u2500 {group} \u2500" in shown for group in groups)


def test_a_terminal_is_not_written_past_its_edge(broken, bench):
    for command in ((*broken, "--no-progress"), ("info", bench.out)):
        _, shown = at_terminal(*command, columns=72)
        table = [line for line in shown.splitlines() if BOX.search(line) or line.startswith(" ")]
        assert table
        assert max(map(len, table)) <= 72
    assert f"{ROWS} utterances" in shown
