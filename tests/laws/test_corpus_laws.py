"""Laws that every corpus keeps: a file put into ``kemfeat/corpora`` is tested here before it has tests of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from kemfeat_cli.app import app
from typer.testing import CliRunner

from kemfeat import findings, plugins
from kemfeat.analyses.missingness import MissingnessConfig
from kemfeat.analyses.missingness import run as missingness
from kemfeat.build import BuildOptions, build_store, recompute
from kemfeat.build._settings import with_preset
from kemfeat.config import validated
from kemfeat.corpora import balance, open_reader
from kemfeat.errors import ConfigError, CorpusError, CorpusLayoutError
from kemfeat.labels import parse_emotions
from kemfeat.manifest import FILM, RATINGS, READ_COLUMNS, SIGNALS, UNITS
from kemfeat.store.columns import describe
from kemfeat.store.verify import verify
from kemfeat.validate import validate_corpus
from tests.build.kit import tree
from tests.laws.corpus_kit import NAMES, SETTINGS, SYNTHETIC, make, reader

RULES = {rule.code for rule in vars(findings).values() if isinstance(rule, findings.Rule)}
MEDIA = {"audio", "transcript", "video", *UNITS}

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
def test_a_reader_says_who_it_is(name, corpora):
    found = reader(name, corpora(name))
    assert plugins.find("corpora", found.name) is plugins.find("corpora", name)
    assert re.fullmatch(r"\w+", found.name)
    assert found.version >= 1
    assert {"audio", *UNITS} & set(found.media)
    assert set(found.media) <= MEDIA
    extractors = {feature: plugins.find("features", feature) for feature in plugins.names("features")}
    assert set(found.settings) <= {"audio", *extractors}
    for feature, settings in with_preset({}, extractors, found).items():
        validated(extractors[feature].config, settings, where=feature)


def test_every_restricted_corpus_has_a_synthetic_one():
    restricted = {name for name in NAMES if plugins.find("corpora", name).terms.restricted}
    assert "kemdy20" in restricted
    assert restricted <= set(SYNTHETIC) <= set(NAMES)


@every_corpus
def test_a_corpus_says_what_holds_for_it_and_what_its_own_columns_mean(name, corpora):
    root = corpora(name)
    found = reader(name, root)
    assert all(getattr(found.terms, field) for field in ("title", "licence", "citation", "collection", "annotation"))
    for column in found.read_manifest(root, on_error="skip").utterances.columns:
        assert describe(column, found.columns), f"{found.name} does not say what {column} means"


@every_corpus
def test_sources_are_there_each_once_in_order_and_below_the_root(name, corpora):
    root = corpora(name)
    groups = reader(name, root).sources(root)
    assert {"annotation", "audio", "transcript"} <= set(groups)
    named = {"annotation", "audio", "transcript", "video", "clock"}
    assert all(group in named or group.startswith("signals/") for group in groups)
    shared = set(groups["annotation"])  # signals may depend on a table, too
    listed = [path for group in groups.values() for path in group]
    assert len(set(listed)) == len([path for path in listed if path not in shared]) + len(shared)
    for path in listed:
        assert (root / path).resolve().is_relative_to(root.resolve())
        assert (root / path).is_file()
    for group in named & set(groups):
        assert list(groups[group]) == sorted(groups[group])


@every_corpus
def test_a_manifest_has_the_columns_of_a_manifest(name, corpora):
    root = corpora(name)
    manifest = reader(name, root).read_manifest(root, on_error="skip")
    utterances = manifest.utterances
    assert list(utterances.columns[: len(READ_COLUMNS)]) == READ_COLUMNS.names
    pa.Table.from_pandas(utterances[READ_COLUMNS.names], schema=READ_COLUMNS, preserve_index=False)
    assert list(manifest.ratings.columns[: len(RATINGS)]) == RATINGS.names
    assert utterances["id"].is_unique
    assert not utterances[["id", "session", "script", "speaker"]].isna().any().any()
    assert set(manifest.ratings["id"]) <= set(utterances["id"])
    for label in [*utterances["emotion"].dropna(), *manifest.ratings["emotion"].dropna()]:
        assert parse_emotions(label, vocabulary=manifest.vocabulary)
    timed = utterances.dropna(subset=["start", "end"])
    assert (timed["start"] < timed["end"]).all()
    audio = set(utterances["audio"].dropna())
    assert audio <= set(reader(name, root).sources(root)["audio"])
    assert manifest.corpus == reader(name, root).name
    filmed = "video" in reader(name, root).media
    assert filmed == (set(FILM) <= set(utterances.columns)) == ("video" in reader(name, root).sources(root))
    if filmed:
        assert set(utterances["video_side"].dropna()) <= {"left", "right", "whole"}
        assert set(utterances["video"].dropna()) <= set(reader(name, root).sources(root)["video"])


@every_corpus
def test_reading_again_reads_the_same_whatever_the_order_of_a_folder(name, corpora, monkeypatch):
    root = corpora(name)
    first = reader(name, root).read_manifest(root, on_error="skip")
    scandir = os.scandir

    class Backwards:
        def __init__(self, path: str) -> None:
            with scandir(path) as found:
                self._entries = sorted(found, key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self._entries)

        def __exit__(self, *error: object) -> None: ...

        def __iter__(self):
            return iter(self._entries)

    monkeypatch.setattr(os, "scandir", Backwards)
    again = reader(name, root).read_manifest(root, on_error="skip")
    assert again.fingerprint == first.fingerprint
    assert again.findings == first.findings


@every_corpus
def test_findings_are_known_rules(name, corpora):
    root = corpora(name)
    report = validate_corpus(name, root=root)
    assert report.counts["utterances"] > 0
    assert {finding.rule for finding in report.findings} <= RULES


@every_corpus
def test_signals_are_a_table_of_signals(name, corpora):
    root = corpora(name)
    found = reader(name, root)
    sessions = [group.removeprefix("signals/") for group in found.sources(root) if group.startswith("signals/")]
    assert bool(sessions) == bool(set(found.media) & set(UNITS))
    for session in sessions:
        table, _ = found.read_signals(root, session)
        assert table.schema.equals(SIGNALS)
        assert set(table["medium"].unique().to_pylist()) <= set(found.media)
        rates = table.to_pandas().groupby("medium")["sampling_rate"]
        assert all(rate.isna().all() if medium == "ibi" else rate.notna().all() for medium, rate in rates)


@every_corpus
def test_another_folder_is_refused_with_what_was_looked_for(name, tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises((CorpusLayoutError, CorpusError), match=re.escape(str(tmp_path))):
        reader(name, tmp_path).sources(tmp_path)


def recordings_of(found, root: Path) -> tuple[str, ...]:
    """The audio of a corpus, or the files of its physiology where it has none."""
    groups = found.sources(root)
    signals = [path for name, paths in groups.items() if name.startswith("signals/") for path in paths]
    return groups["audio"] or tuple(path for path in signals if path not in groups["annotation"])


@every_corpus
def test_a_link_out_of_the_corpus_is_refused(name, copied, tmp_path):
    root = copied(name)
    recording = root / recordings_of(reader(name, root), root)[0]
    outside = tmp_path / f"outside{recording.suffix}"
    recording.rename(outside)
    recording.symlink_to(outside)
    with pytest.raises(CorpusError, match=r"outside.*--follow-links"):
        reader(name, root).sources(root)


@pytest.mark.parametrize("name", [name for name in NAMES if hasattr(plugins.find("corpora", name), "follow_links")])
def test_links_out_of_the_corpus_are_followed_where_it_is_allowed(name, copied, tmp_path):
    """Files and a folder elsewhere give the same manifest; what is not a file is not read."""
    root = copied(name)
    usual = reader(name, root).read_manifest(root, on_error="skip")
    recordings = recordings_of(reader(name, root), root)
    folder = (root / recordings[0]).parent
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    following = open_reader(name, root=root, follow_links=True)
    manifest = following.read_manifest(root, on_error="skip")
    assert manifest.fingerprint == usual.fingerprint
    assert balance(following, root, manifest).holds
    assert recordings_of(following, root) == recordings
    with pytest.raises(CorpusError, match="outside"):
        reader(name, root).sources(root)
    (folder / Path(recordings[0]).name).unlink()
    (folder / Path(recordings[0]).name).symlink_to("/dev/zero")
    lost = following.read_manifest(root, on_error="skip").utterances["audio"]
    assert recordings[0] not in {*lost, *recordings_of(following, root)}


@every_corpus
def test_a_file_of_rubbish_is_a_sentence_or_a_fault(name, copied):
    root = copied(name)
    annotation = reader(name, root).sources(root)["annotation"]
    if not annotation:
        pytest.skip("the names of its clips say everything")
    target = root / annotation[0]
    for rubbish in (b"", b"\x00\xff\xfe\x00" * 99, b"id\n" * 9, "가,나,다\n".encode() * 99):
        target.write_bytes(rubbish)
        for on_error in ("raise", "skip"):
            assert target.name in said_of(name, root, on_error=on_error)


def said_of(name: str, root: Path, *, on_error: str) -> str:
    """What a reader says of a corpus: the error that stops it, or its faults and findings."""
    try:
        manifest = reader(name, root).read_manifest(root, on_error=on_error)
    except CorpusError as error:
        return str(error)
    return "\n".join([*manifest.faults, *(example for finding in manifest.findings for example in finding.examples)])


@every_corpus
def test_nothing_in_a_corpus_is_unpickled(name, copied):
    root = copied(name)
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        (folder / "surprise.pickle").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
        (folder / "._droppings.wav").write_bytes(b"\x00")
    opened = reader(name, root)
    manifest = opened.read_manifest(root, on_error="skip")
    listed = {Path(path).name for group in opened.sources(root).values() for path in group}
    assert not listed & {"surprise.pickle", "._droppings.wav"}
    assert len(manifest) > 0


@every_corpus
def test_a_store_is_built_byte_for_byte_again_by_any_number_of_workers(name, corpora, tmp_path):
    root = corpora(name)
    settings = SETTINGS if (root / "tokenizer").is_dir() else {k: v for k, v in SETTINGS.items() if k != "tokens"}
    stores = []
    for out, workers in ((tmp_path / "one", 1), (tmp_path / "two", 2)):
        options = BuildOptions(workers=workers, on_error="skip", max_failures=1.0)
        stores.append(build_store(name, root=root, out=out, settings=settings, options=options).store)
    assert tree(stores[0].path) == tree(stores[1].path)
    store = stores[0]
    assert verify(store).problems == ()
    assert recompute(store, root=root, rows=5) == []
    assert isinstance(store.utterances, pd.DataFrame)
    assert not any(str(root) in path.read_text("utf-8", "ignore") for path in store.path.glob("*.json"))


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
