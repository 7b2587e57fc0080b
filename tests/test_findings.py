"""Laws of merging, and the rule table itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat import findings
from kemfeat.errors import CorpusError
from kemfeat.findings import MAX_EXAMPLES, Findings, Rule, merge, printable
from kemfeat.records import Finding

RULES = [rule for rule in vars(findings).values() if isinstance(rule, Rule)]

found = st.lists(
    st.builds(
        lambda rule, count: Finding(
            rule.code, rule.severity, count, tuple(f"{rule.code}-{n}" for n in range(count)), rule.action
        ),
        st.sampled_from(RULES[:4] + RULES[-4:]),
        st.integers(1, 8),
    ),
    max_size=12,
)


@given(found, found)
@settings(deadline=None, max_examples=50)
def test_merging_keeps_every_count_and_may_be_done_in_steps(first, second):
    merged = merge(first + second)
    assert sum(finding.count for finding in merged) == sum(finding.count for finding in first + second)
    assert len({finding.rule for finding in merged}) == len(merged)
    assert all(len(finding.examples) == min(MAX_EXAMPLES, finding.count) for finding in merged)
    assert merge([*merge(first), *merge(second)]) == merged
    assert merge(merged) == merged


def test_errors_come_first():
    collected = Findings()
    for rule in reversed(RULES):
        collected.add(rule, "x")
    severities = [finding.severity for finding in collected.merged()]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)


def test_first_examples_are_kept_in_order():
    collected = Findings()
    for number in range(7):
        collected.add(findings.STRAY_FILE, f"wav/{number}")
    (finding,) = collected.merged()
    assert (finding.count, finding.examples) == (7, tuple(f"wav/{number}" for number in range(5)))


def test_names_out_of_a_corpus_steer_no_terminal():
    assert printable("wav/한 글　path\xa0é.wav") == "wav/한 글　path\xa0é.wav"
    assert printable("\x1b[31m\x07\u202e\n") == r"\x1b[31m\x07\u202e\n"
    assert printable("\x07\udcff") == "\\x07\udcff"
    collected = Findings()
    collected.add(findings.STRAY_FILE, "wav/\x1b]0;title\x07")
    collected.fault(findings.BAD_TIME, "\x1b[2J")
    assert all(r"\x1b" in example for finding in collected.merged() for example in finding.examples)
    assert collected.faults[0].startswith(r"\x1b[2J (bad-time")


def test_a_strict_collector_raises_faults_and_records_the_rest():
    strict = Findings(strict=True)
    strict.add(findings.MISSING_WAV, "a.wav: no such file")
    with pytest.raises(CorpusError, match=r"^here: found 7, expected 1 to 5; .*--on-error skip.*rating-off-scale"):
        strict.fault(findings.RATING_OFF_SCALE, "here: found 7, expected 1 to 5")
    lenient = Findings()
    lenient.fault(findings.RATING_OFF_SCALE, "here")
    assert [f.rule for f in strict.merged()] == ["missing-wav"]
    assert [f.rule for f in lenient.merged()] == ["rating-off-scale"]


def test_codes_are_unique_and_kebab_case():
    codes = [rule.code for rule in RULES]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower() and code.replace("-", "").isalpha() for code in codes)
