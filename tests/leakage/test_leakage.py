"""The audit of a store, and the two commands, on small corpora with planted copies."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from kemfeat.build import build_store
from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.leakage import SHORT_SECONDS, audit_split
from kemfeat.splits import PARTS, Split, make_split, read_split
from kemfeat.store.reader import Store, open_store
from kemfeat.synth.kemdy20 import SYNTH
from tests.e2e.command import kemfeat, sentence

SETTINGS = {"features": ("mel", "text"), "mel": {"n_mels": 32, "max_frames": 400}}
SPLIT = {"scheme": "session", "folds": 4, "labels": "5class"}


@dataclass(frozen=True)
class Planted:
    """A store, and pairs of utterances of two sessions whose audio is the same by construction."""

    store: Store
    linked: tuple[str, str]
    louder: tuple[str, str]
    short: tuple[str, str]
    whole: Path


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    root = folder / "KEMDy20"
    SYNTH.write(root, utterances=160, sessions=4, seed=3)
    clean = build_store("KEMDy20", root=root, out=folder / "clean", settings=SETTINGS).store.utterances
    clean = clean[clean["in_5class"]]
    long, short = clean[clean["duration"].between(2.6, 8)], clean[clean["duration"].between(0.9, SHORT_SECONDS - 0.4)]
    one, two = [long[long["session"] == name] for name in ("Sess01", "Sess02")]
    linked, louder = ((one.iloc[each], two.iloc[each]) for each in (0, 1))
    brief = tuple(short[short["session"] == name].iloc[0] for name in ("Sess03", "Sess04"))
    (root / linked[1]["audio"]).unlink()
    os.link(root / linked[0]["audio"], root / linked[1]["audio"])
    for source, target, start in ((*louder, 400), (*brief, 100)):
        values, rate = soundfile.read(root / source["audio"], dtype="float32")
        soundfile.write(root / target["audio"], 0.5 * values[start:], rate, subtype="PCM_16")
    store = build_store("KEMDy20", root=root, out=folder / "store", settings=SETTINGS).store
    pairs = [(source["id"], target["id"]) for source, target in (linked, louder, brief)]
    return Planted(store, *pairs, whole=folder / "clean")


def examples(found, kind: str) -> set[frozenset[str]]:
    return {
        frozenset(example.partition(": ")[0].split(" with "))
        for overlap in found.overlaps
        if overlap.kind == kind
        for example in overlap.examples
    }


def test_planted_copies_are_found_and_nothing_else(planted):
    seen = []
    split = make_split(planted.store.utterances, store=planted.store.digest, **SPLIT)
    found = audit_split(planted.store, split, progress=lambda done, total: seen.append((done, total)))
    assert found.verdict == "leaking"
    assert {overlap.kind for overlap in found.leaks} == {"identical audio", "near-identical audio"}
    assert examples(found, "identical audio") == {frozenset(planted.linked)}
    assert examples(found, "near-identical audio") == {frozenset(planted.linked), frozenset(planted.louder)}
    assert frozenset(planted.short) in examples(found, "near-identical short audio")
    assert seen[-1] == (len(planted.store), len(planted.store))
    assert not found.unchecked


def test_the_corpus_without_copies_is_clean(planted):
    store = open_store(planted.whole)
    found = audit_split(store, make_split(store.utterances, store=store.digest, **SPLIT))
    assert found.verdict == "clean"
    assert found.folds == 4


def test_a_store_without_mel_says_that_audio_was_not_compared(planted, tmp_path):
    root = planted.whole.parent / "KEMDy20"
    store = build_store("KEMDy20", root=root, out=tmp_path / "store", settings={"features": ("text",)}).store
    found = audit_split(store, make_split(store.utterances, **SPLIT))
    assert found.unchecked == {"near-identical audio": "the store has no mel"}
    assert examples(found, "identical audio") == {frozenset(planted.linked)}
    assert found.sentences()[-1] == "near-identical audio: not checked, the store has no mel"


def test_a_split_of_another_store_is_refused(planted):
    utterances = planted.store.utterances
    split = make_split(utterances.assign(speaker=utterances["speaker"][::-1].to_numpy()), **SPLIT)
    with pytest.raises(ConfigError, match="was made for other utterances"):
        audit_split(planted.store, split)


def test_a_damaged_shard_is_a_sentence(planted, tmp_path):
    shutil.copytree(planted.whole, tmp_path / "store", symlinks=True)
    shard = next(path for path in (tmp_path / "store/features.zarr/mel/mel/c").rglob("*") if path.is_file())
    content = bytearray(shard.read_bytes())
    content[len(content) // 3] ^= 0xFF
    shard.write_bytes(content)
    store = open_store(tmp_path / "store")
    with pytest.raises(StoreCorruptError, match=r"mel cannot be read .* run `kemfeat verify`"):
        audit_split(store, make_split(store.utterances, **SPLIT))


def test_the_commands_split_and_audit(planted, tmp_path):
    arguments = ("--folds", 4, "--labels", "5class")
    said = kemfeat("split", planted.store.path, *arguments, cwd=tmp_path)
    assert said.code == 0
    file = tmp_path / "splits" / "store-session.parquet"
    split = read_split(file)
    made = make_split(planted.store.utterances, store=planted.store.digest, **SPLIT)
    assert split.digest == made.digest
    lines = said.out.splitlines()
    rows = sum(len(split.ids(part)) for part in PARTS)
    assert lines[0] == f"session: {rows} of 160 utterances in 4 folds, seed 0"
    assert lines[-1] == f"splits/store-session.parquet, digest {split.digest[:12]}"

    said = kemfeat("audit", planted.store.path, file)
    assert said.code == 3
    assert said.out.splitlines()[0] == "leaking: identical audio, near-identical audio"
    assert "comparing audio: 160 of 160 utterances" in said.err
    said = kemfeat("audit", planted.store.path, file, "--json")
    assert (said.code, said.err) == (3, "")
    assert said.json == audit_split(planted.store, split).to_json()


def test_a_clean_split_exits_with_0_and_json_is_alone(planted, tmp_path):
    said = kemfeat("split", planted.whole, "--folds", 4, "--labels", "5class", "--out", tmp_path / "s", "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json["folds"] == 4
    assert {sum(fold["rows"].values()) + said.json["dropped"] for fold in said.json["made"]} == {160}
    assert all(sum(fold["test"].values()) == fold["rows"]["test"] for fold in said.json["made"])
    said = kemfeat("audit", planted.whole, tmp_path / "s", "--no-progress")
    assert said.code == 0
    assert said.out.startswith("clean: nothing leaks in 4 folds")


def test_rows_without_a_label_are_counted(planted, tmp_path):
    said = kemfeat("split", planted.store.path, "--scheme", "kor-2022", cwd=tmp_path)
    table = planted.store.utterances
    kept = int(table["in_5class"].sum())
    assert 0 < kept < len(table)
    assert f"left out without a label under the rule 5class: {len(table) - kept}" in said.out
    split = read_split(tmp_path / "splits" / "store-kor-2022.parquet")
    sizes = [len(split.ids(part)) for part in PARTS]
    assert sum(sizes) == kept
    assert sizes[2] == -(-kept // 5)
    assert sizes[1] == -(-(kept - sizes[2]) // 10)


def test_a_table_of_a_user_is_audited(planted, tmp_path):
    ids = planted.store.utterances["id"]
    table = pd.DataFrame({"id": ids, "part": ["train", "test"] * (len(ids) // 2)})
    table.to_csv(tmp_path / "mine.csv", index=False)
    said = kemfeat("audit", planted.store.path, tmp_path / "mine.csv", "--json")
    assert said.code == 3
    assert {"speaker", "session", "conversation"} <= {overlap["kind"] for overlap in said.json["overlaps"]}
    table.assign(id=ids + "x").to_csv(tmp_path / "mine.csv", index=False)
    assert "160 utterances that the store does not have" in sentence(
        "audit", planted.store.path, tmp_path / "mine.csv", code=2
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--scheme", "sessions"], 2, "did you mean 'session'"),
        (["--folds", "9"], 2, "9 folds of 4 sessions; expected 2 to 4"),
        (["--scheme", "loso", "--folds", "3"], 2, "loso sets folds itself; leave --folds out"),
        (["--folds", "4", "--out", "/dev/null/x"], 4, "choose another --out"),
    ],
)
def test_refusals_are_one_sentence(arguments, code, message, planted, tmp_path):
    assert message in sentence("split", planted.store.path, *arguments, code=code, cwd=tmp_path)
    assert not (tmp_path / "splits").exists()


def alternating(store: Store, folder: Path) -> Split:
    """Every other utterance is tested."""
    ids = store.utterances["id"]
    rows = pd.DataFrame({"id": ids, "part": [("train", "test")[place % 2] for place in range(len(ids))]})
    rows.to_csv(folder / "split.csv", index=False)
    return read_split(folder / "split.csv")


def test_windows_around_utterances_leak_where_a_conversation_is_split(planted, tmp_path):
    settings = {"features": ("hrv", "hrv@wide"), "hrv@wide": {"context": 30.0}}
    root = planted.whole.parent / "KEMDy20"
    store = build_store("KEMDy20", root=root, out=tmp_path / "wide", settings=settings).store
    apart = audit_split(store, make_split(store.utterances, **SPLIT))
    assert "overlapping context" not in {overlap.kind for overlap in apart.overlaps}
    mixed = audit_split(store, alternating(store, tmp_path))
    assert "overlapping context" in {overlap.kind for overlap in mixed.leaks}
    rows = store.utterances.set_index("id")
    for pair in examples(mixed, "overlapping context"):
        one, other = (rows.loc[name] for name in pair)
        assert (one["session"], one["speaker"], one["script"]) == (other["session"], other["speaker"], other["script"])
        assert (
            abs((one["clock_start"] - other["clock_start"]).total_seconds()) < 60 + one["duration"] + other["duration"]
        )


def test_without_a_context_nothing_is_said_of_it(planted, tmp_path):
    root = planted.whole.parent / "KEMDy20"
    store = build_store("KEMDy20", root=root, out=tmp_path / "plain", settings={"features": ("hrv",)}).store
    found = audit_split(store, alternating(store, tmp_path))
    assert "conversation" in {overlap.kind for overlap in found.leaks}
    assert "overlapping context" not in {overlap.kind for overlap in found.overlaps}
