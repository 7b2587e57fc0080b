"""Rows in are rows out: kept, failed, or left out by a rule; whatever is in neither is an error of its own."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat import BuildOptions, build_store, validate_corpus
from kemfeat.balance import Mention, balance_of, lost_findings
from kemfeat.corpora._kemdy.annotation import _RowReader
from kemfeat.errors import CorpusError
from kemfeat.findings import MALFORMED_ROW, UNANNOTATED_MEDIA, Findings
from kemfeat.manifest import Manifest
from tests.corpora.tiny import wav_bytes, write_tiny_kemdy20

IDS = st.sampled_from("abcdefgh")
FATES = st.sampled_from(["kept", "dropped", "lost"])


def manifest(ids, findings):
    return Manifest("K", pd.DataFrame({"id": sorted(ids)}), pd.DataFrame(), ledger=findings.ledger)


@given(fates=st.dictionaries(IDS, FATES), unnamed=st.lists(FATES.filter(lambda fate: fate != "kept"), max_size=5))
def test_every_mention_is_counted_once_and_nothing_by_subtraction(fates, unnamed):
    findings, mentions = Findings(), []
    for name, fate in [*fates.items(), *((None, fate) for fate in unnamed)]:
        places = [f"t.csv:{len(mentions)}"] if name is None else [f"t.csv:{len(mentions)}", f"wav/{name}.wav"]
        mentions += [Mention(place, name) for place in places]
        if fate == "kept":
            findings.ledger.used.update(dict.fromkeys(places, name))
        elif fate == "dropped":
            findings.add(MALFORMED_ROW, "x", left_out=places[:1])
            findings.add(UNANNOTATED_MEDIA, "x", left_out=places[1:])
    kept = {name for name, fate in fates.items() if fate == "kept"}
    every = [*fates.values(), *unnamed]
    made = balance_of(manifest(kept, findings), mentions)
    dropped = every.count("dropped")
    assert (made.found, made.kept, len(made.lost)) == (len(every), len(kept), every.count("lost"))
    assert made.left_out == ({"malformed-row": dropped} if dropped else {})
    assert made.holds == ("lost" not in every)
    assert [finding.rule for finding in lost_findings(made)] == (["lost-row"] if made.lost else [])


def test_a_second_row_of_a_kept_utterance_is_a_row_of_its_own():
    findings = Findings()
    findings.ledger.used["t.csv:1"] = "a"
    findings.add(MALFORMED_ROW, "x", left_out=["t.csv:2"])
    made = balance_of(manifest({"a"}, findings), [Mention("t.csv:1", "a"), Mention("t.csv:2", "a")])
    assert (made.found, made.left_out, made.holds) == (2, {"malformed-row": 1}, True)


def test_an_utterance_that_no_place_mentions_is_an_error_too():
    made = balance_of(manifest({"a"}, Findings()), [])
    assert (made.lost, made.holds) == (("a: no place mentions it",), False)


def test_what_is_below_a_folder_that_is_left_out_is_left_out():
    findings = Findings()
    findings.add(UNANNOTATED_MEDIA, "x", left_out=["wav/old"])
    inside = [Mention("wav/old/a/b.wav", "b"), Mention("wav/older/c.wav", "c")]
    made = balance_of(manifest((), findings), inside)
    assert (made.left_out, made.lost) == ({"unannotated-media": 1}, ("wav/older/c.wav",))


def test_a_reader_that_loses_a_row_is_found_out(tmp_path, monkeypatch):
    """Without this count the utterance would be in no store, and its clip an ordinary stray."""
    corpus = write_tiny_kemdy20(tmp_path / "corpus")
    fits = _RowReader.fits

    def losing(self, cells, line):
        return (line != 4 or "Sess02" in self.where) and fits(self, cells, line)

    monkeypatch.setattr(_RowReader, "fits", losing)
    report = validate_corpus("KEMDy20", root=corpus.root)
    (finding,) = [finding for finding in report.findings if finding.rule == "lost-row"]
    assert (finding.severity, finding.count) == ("error", 1)
    assert finding.examples[0].startswith("annotation/Sess01_eval.csv:4")
    settings = {"features": ["mel"], "mel": {"n_mels": 16, "max_frames": 32}}
    with pytest.raises(CorpusError, match=r"Sess01_eval\.csv:4: neither used nor left out .*lost-row"):
        build_store("KEMDy20", root=corpus.root, out=tmp_path / "store", settings=settings)
    options = BuildOptions(on_error="skip", max_failures=1.0)
    built = build_store("KEMDy20", root=corpus.root, out=tmp_path / "store", settings=settings, options=options)
    assert built.failures == 1
    assert not built.balance.holds
    assert "lost-row" in built.store.failures["error"].iloc[0]


def test_the_balance_of_a_build_counts_rows_that_failed(tmp_path):
    root = tmp_path / "corpus"
    root.mkdir()
    for name in "abcx":
        (root / f"{name}.wav").write_bytes(wav_bytes(0.5) if name != "b" else b"")
    (root / "utterances.csv").write_text("id,audio,speaker\na,a.wav,s\nb,b.wav,s\nc,c.wav,s\na,a.wav,s\nd d,c.wav,s\n")
    settings = {"features": ["mel"], "mel": {"n_mels": 16, "max_frames": 32}}
    options = BuildOptions(on_error="skip", max_failures=1.0)
    built = build_store("folder", root=root, out=tmp_path / "store", settings=settings, options=options)
    said = "6 found = 2 kept + 1 failed + 3 left out (duplicate-id 1, malformed-id 1, unlisted-audio 1)"
    assert str(built.balance) == str(validate_corpus("folder", root=root).balance) == said
    assert built.balance.holds
