"""Synthetic data never pass for the real corpus: what is made from them says so, and digests do not depend on it."""

from __future__ import annotations

import json

import pytest

from kemfeat import build_store, open_store, plugins
from kemfeat.analyses import output
from kemfeat.export import export_store
from kemfeat.provenance import BANNER, NOTICE
from kemfeat.report import write_report
from kemfeat.store.verify import verify
from kemfeat.synth.kemdy20 import SYNTH
from kemfeat.validate import validate_corpus
from tests.e2e.command import kemfeat

SETTINGS = {"features": ["eda"]}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("synthetic") / "KEMDy20"
    SYNTH.write(root, utterances=24, sessions=2)
    return root


@pytest.fixture
def build(corpus, tmp_path):
    def built():
        return build_store("KEMDy20", root=corpus, out=tmp_path / "store", settings=SETTINGS)

    return built


@pytest.fixture
def unmarked(corpus):
    """The corpus without its notice, which comes back afterwards."""
    notice = (corpus / NOTICE).read_bytes()
    (corpus / NOTICE).unlink()
    yield corpus
    (corpus / NOTICE).write_bytes(notice)


def everything_said(store, folder) -> dict[str, str]:
    """What a store, an export, a report and an analysis say to people and to programs."""
    export_store(store, to="tsv-npy", out=folder / "export")
    write_report(store, out=folder / "report.html")
    analysis = plugins.find("analyses", "balance")
    config = analysis.config()
    output.write(analysis, analysis.run(store, config), store=store, config=config, out=folder / "balance")
    paths = (store.path / "README.md", store.path / "croissant.json", folder / "export/README.md")
    return {path.name: path.read_text(encoding="utf-8") for path in (*paths, folder / "report.html")}


def test_all_that_is_made_says_synthetic(build, tmp_path):
    store = build().store
    assert store.synthetic
    assert all(BANNER in text for text in everything_said(store, tmp_path).values())
    assert json.loads((store.path / "croissant.json").read_text(encoding="utf-8"))["name"].endswith("(synthetic)")
    assert json.loads((tmp_path / "export/export.json").read_text(encoding="utf-8"))["synthetic"] is True
    assert json.loads((tmp_path / "balance/result.json").read_text(encoding="utf-8"))["store"]["synthetic"] is True
    assert verify(store).problems == ()


def test_a_corpus_without_the_notice_is_not_called_synthetic(unmarked, build, tmp_path):
    store = build().store
    assert not store.synthetic
    assert not any(BANNER in text or "(synthetic)" in text for text in everything_said(store, tmp_path).values())
    assert not validate_corpus("KEMDy20", root=unmarked).synthetic


def test_a_notice_that_comes_later_is_told_without_extracting_again(build, corpus):
    notice = (corpus / NOTICE).read_bytes()
    (corpus / NOTICE).unlink()
    plain = build()
    (corpus / NOTICE).write_bytes(notice)
    marked = build()
    assert (plain.store.synthetic, marked.store.synthetic) == (False, True)
    assert marked.written == 0
    assert marked.store.digest == plain.store.digest
    assert build().up_to_date


def test_a_store_of_an_earlier_kemfeat_says_nothing_and_opens(build):
    store = build().store
    path = store.path / "kemfeat.json"
    header = json.loads(path.read_text(encoding="utf-8"))
    del header["provenance"]["synthetic"]
    path.write_text(json.dumps(header), encoding="utf-8")
    assert not open_store(store.path).synthetic


def test_the_commands_show_the_banner(build, corpus):
    store = build().store
    assert BANNER in kemfeat("info", store.path).out
    assert kemfeat("info", store.path, "--json").json["synthetic"] is True
    assert BANNER in kemfeat("validate", "--dataset", "KEMDy20", "--root", corpus).out
    assert BANNER in kemfeat("analyze", "balance", store.path).out
    assert BANNER in kemfeat("build", "--dataset", "KEMDy20", "--root", corpus, "--out", store.path).out
