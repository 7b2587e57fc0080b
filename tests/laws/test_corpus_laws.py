"""Laws that every corpus keeps: a file put into ``kemfeat/corpora`` is tested here before it has tests of its own.

Most are those of :mod:`kemfeat.testing`.
"""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import pytest
from kemfeat_cli.app import app
from typer.testing import CliRunner

from kemfeat import plugins
from kemfeat.analyses.missingness import MissingnessConfig
from kemfeat.analyses.missingness import run as missingness
from kemfeat.build import BuildOptions, build_store
from kemfeat.corpora import balance, open_reader
from kemfeat.errors import ConfigError, CorpusError
from kemfeat.testing import _corpora as laws
from tests.laws.corpus_kit import NAMES, SETTINGS, SYNTHETIC, make, reader

every_corpus = pytest.mark.parametrize("name", NAMES)
every_synthetic = pytest.mark.parametrize("name", SYNTHETIC)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """The folder of a corpus of every kind, made once; not to be changed."""
    return cache(lambda name: make(name, tmp_path_factory.mktemp("corpora") / name))


@pytest.fixture
def copied(corpora, tmp_path):
    """A copy of a corpus, to change."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(corpora(name), tmp_path / "copy"))

    return copy


@every_corpus
@pytest.mark.parametrize("law", laws.LAWS)
def test_a_corpus_keeps_the_law(name, law, corpora):
    root = corpora(name)
    settings = SETTINGS if (root / "tokenizer").is_dir() else {k: v for k, v in SETTINGS.items() if k != "tokens"}
    laws.LAWS[law](plugins.find("corpora", name), laws.Bench(root, settings))


@every_corpus
def test_a_reader_is_called_as_its_file(name, corpora):
    found = reader(name, corpora(name))
    assert plugins.find("corpora", found.name) is plugins.find("corpora", name)


def test_every_restricted_corpus_has_a_synthetic_one():
    restricted = {name for name in NAMES if plugins.find("corpora", name).terms.restricted}
    assert "kemdy20" in restricted
    assert restricted <= set(SYNTHETIC) <= set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if hasattr(plugins.find("corpora", name), "follow_links")])
def test_links_out_of_the_corpus_are_followed_where_it_is_allowed(name, copied, tmp_path):
    """Files and a folder elsewhere give the same manifest; what is not a file is not read."""
    root = copied(name)
    usual = reader(name, root).read_manifest(root, on_error="skip")
    recordings = laws.recordings_of(reader(name, root), root)
    folder = (root / recordings[0]).parent
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    following = open_reader(name, root=root, follow_links=True)
    manifest = following.read_manifest(root, on_error="skip")
    assert manifest.fingerprint == usual.fingerprint
    assert balance(following, root, manifest).holds
    assert laws.recordings_of(following, root) == recordings
    with pytest.raises(CorpusError, match="outside"):
        reader(name, root).sources(root)
    (folder / Path(recordings[0]).name).unlink()
    (folder / Path(recordings[0]).name).symlink_to("/dev/zero")
    lost = following.read_manifest(root, on_error="skip").utterances["audio"]
    assert recordings[0] not in {*lost, *laws.recordings_of(following, root)}


@every_synthetic
def test_coverage_mask_and_length_say_the_same_to_all_who_ask(name, corpora, tmp_path):
    media = [medium for medium in reader(name, corpora(name)).media if medium in {"eda", "temp", "ibi"}]
    if not media:
        pytest.skip(f"{name} has no such physiology")
    options = BuildOptions(on_error="skip", max_failures=1.0)
    settings = {**SETTINGS, "features": media}
    store = build_store(name, root=corpora(name), out=tmp_path / "s", settings=settings, options=options).store
    utterances = store.utterances
    found = missingness(store, MissingnessConfig()).tables["coverage"].query("by == 'all'")
    said = json.loads(CliRunner().invoke(app, ["info", str(store.path), "--json"]).output)["coverage"]
    for medium in media:
        mask = store.array(f"{medium}_mask")[:]
        covered = utterances[f"{medium}_coverage"].to_numpy()
        assert 0 < mask.any(axis=1).sum() < len(store)
        assert ((covered > 0) == mask.any(axis=1)).all()
        assert ((covered >= 0) & (covered <= 1)).all()
        length = utterances["ibi_samples" if medium == "ibi" else f"{medium}_length"]  # ibi_length counts beats
        assert (length == mask.sum(axis=1)).all()
        assert said[medium] == mask.any(axis=1).sum()
        (row,) = found.query("medium == @medium").to_dict("records")
        assert row["present"] == mask.any(axis=1).sum()
        assert row["mean_coverage_where_present"] == pytest.approx(covered[covered > 0].mean())


@every_synthetic
def test_a_synthetic_corpus_depends_on_its_options_alone(name, corpora, tmp_path):
    def content(root: Path) -> dict[str, bytes]:
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    first = content(corpora(name))
    assert content(make(name, tmp_path / "again", workers=2)) == first
    assert content(make(name, tmp_path / "other", seed=1)) != first
    assert "SYNTHETIC.txt" in first


@every_synthetic
def test_a_table_is_for_folders_of_the_users_own(name, corpora):
    with pytest.raises(ConfigError, match="has its own annotation"):
        open_reader(name, root=corpora(name), table=Path("utterances.csv"))
