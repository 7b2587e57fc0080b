"""Versions of a store: listed, opened by digest, shared, pruned; and what is done where a disk has no links."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kemfeat.errors import StoreError, StoreIncompleteError
from kemfeat.store import disk, versions
from kemfeat.store.reader import open_store
from kemfeat.store.verify import verify
from tests.build.kit import KEMFEAT, Bench, shards, tree, with_settings, write_corpus

FIRST = with_settings(features=["mel", "eda"])
SECOND = with_settings(features=["mel", "eda", "temp"])
THIRD = with_settings(features=["mel", "eda", "temp"], eda={"max_length": 13})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(write_corpus(tmp_path / "corpus"), tmp_path / "store")


def states(store: Path) -> list[str]:
    return [
        "current" if version.current else "kept" if version.folder else "gone" for version in versions.versions(store)
    ]


def test_versions_are_listed_with_what_changed_and_one_earlier_is_kept(bench: Bench) -> None:
    digests = [bench.build(settings=settings).store.digest for settings in (FIRST, SECOND, THIRD)]
    found = versions.versions(bench.out)
    assert [version.record.digest for version in found] == digests[::-1]
    assert states(bench.out) == ["current", "kept", "gone"]
    changes = [version.record.changes for version in found]
    assert changes == [
        ("eda.max_length: 12 -> 13", "eda: 3 of 3 partitions made again"),
        ("feature temp added",),
        (),
    ]
    assert [version.record.config.features for version in found] == [("mel", "eda", "temp")] * 2 + [("mel", "eda")]


def test_rows_annotation_and_physiology_that_changed_are_named(bench: Bench) -> None:
    bench.build(settings=FIRST)
    name = bench.corpus.ids[0]
    bench.corpus.set_cell(3, 5, "angry")
    recording = bench.corpus.recording("EDA", name)
    recording.write_text(recording.read_text() + recording.read_text().splitlines()[-1] + "\n")
    changes = bench.build(settings=FIRST).store.header.changes
    assert "annotation or transcripts changed" in changes
    assert any(change.startswith("physiology of Sess01") for change in changes)


def test_a_version_is_opened_by_the_first_digits_of_its_digest(bench: Bench) -> None:
    old = bench.build(settings=FIRST).store
    before = old.array("eda")[:]
    new = bench.build(settings=with_settings(features=["mel", "eda"], eda={"max_length": 13})).store
    for digits in (4, 12, 64):
        again = open_store(bench.out, at=old.digest[:digits])
        assert (again.digest, again.folder, verify(again).problems) == (old.digest, old.folder, ())
        assert (again.array("eda")[:] == before)[~(before != before)].all()
    assert open_store(bench.out, at=new.digest).folder == new.folder
    assert open_store(old.folder).digest == old.digest
    assert open_store(old.folder).path == bench.out


@pytest.mark.parametrize("digest", ["", "abc", "xyzw", "ABCD", "0" * 65, "../x", "abcd\n"])
def test_what_names_no_version_is_said(bench: Bench, digest: str) -> None:
    bench.build(settings=FIRST)
    with pytest.raises(StoreError, match="does not name a version; expected 4 or more of the hexadecimal digits"):
        open_store(bench.out, at=digest)


def test_an_unknown_version_and_one_of_several_are_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    store = bench.build(settings=FIRST).store
    other = "0" if store.digest[0] != "0" else "1"
    with pytest.raises(StoreError, match=f"no version begins with {other * 4}; it has had {store.digest[:12]}"):
        open_store(bench.out, at=other * 4)
    bench.build(settings=SECOND)
    found = versions.versions(bench.out)
    twins = [found[0], versions.Version(found[1].record.model_copy(update={"digest": "f" * 64}), None, current=False)]
    twins.append(versions.Version(found[1].record.model_copy(update={"digest": "f" * 63 + "e"}), None, current=False))
    monkeypatch.setattr(versions, "versions", lambda store: twins)
    with pytest.raises(StoreError, match="2 versions begin with ffff; write more digits: ffffffffffff, ffffffffffff"):
        open_store(bench.out, at="ffff")


def test_a_version_that_is_no_longer_kept_says_how_it_is_made_again(bench: Bench, tmp_path: Path) -> None:
    old = bench.build(settings=FIRST).store
    bench.build(settings=SECOND, keep=0)
    with pytest.raises(StoreError, match=rf"version {old.digest[:12]} is no longer kept\. kemfeat .* made it") as said:
        open_store(bench.out, at=old.digest[:8])
    assert f"kemfeat log {bench.out} --config {old.digest[:12]}" in str(said.value)
    settings = subprocess.run(
        [KEMFEAT, "log", bench.out, "--config", old.digest[:12]], capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "old.toml").write_text(settings)
    command = [KEMFEAT, "build", "--dataset", "KEMDy20", "--root", bench.corpus.root, "--out", tmp_path / "again"]
    subprocess.run([*command, "--config", tmp_path / "old.toml"], capture_output=True, check=True)
    assert open_store(tmp_path / "again").digest == old.digest


def test_an_update_costs_what_changed(bench: Bench) -> None:
    old = bench.build(settings=FIRST).store
    inodes, before = shards(bench.out), disk.used(bench.out)
    new = bench.build(settings=THIRD).store
    same = {key for key, found in shards(bench.out).items() if inodes.get(key) == found}
    assert {feature for feature, _ in same} == {"mel"}
    for part in new.header.parts:
        for name in part.files if part.feature == "mel" else ():
            assert (new.folder / name).stat().st_ino == (old.folder / name).stat().st_ino
    shared = sum(file.bytes for part in new.header.parts if part.feature == "mel" for file in part.files.values())
    size = sum(path.stat().st_size for path in new.folder.rglob("*") if path.is_file())
    headers = 3 * (new.folder / "kemfeat.json").stat().st_size
    assert disk.used(bench.out) - before <= size - shared + headers


def test_versions_are_kept_and_pruned_as_asked(bench: Bench) -> None:
    settings = [with_settings(features=["eda"], eda={"max_length": length}) for length in (10, 11, 12, 13)]
    stores = [bench.build(settings=each, keep=2).store for each in settings]
    assert states(bench.out) == ["current", "kept", "kept", "gone"]
    assert bench.build(settings=settings[-1], keep=1).up_to_date
    assert states(bench.out) == ["current", "kept", "gone", "gone"]
    run = subprocess.run([KEMFEAT, "prune", bench.out, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["removed"] == [stores[2].digest]
    assert [path.name for path in (bench.out / "versions").iterdir()] == [stores[3].folder.name]
    assert verify(open_store(bench.out)).problems == ()
    again = subprocess.run([KEMFEAT, "prune", bench.out], capture_output=True, text=True, check=True)
    assert again.stdout == f"{bench.out}: removed nothing\n"


def test_a_version_that_comes_back_is_listed_once(bench: Bench) -> None:
    digests = [bench.build(settings=with_settings(labels=labels), keep=5).store.digest for labels in LABELS]
    assert digests[0] == digests[2]
    assert [version.record.digest for version in versions.versions(bench.out)] == [digests[2], digests[1]]
    assert len(list((bench.out / "versions").iterdir())) == 2


LABELS = ("annotated", "votes", "annotated")


def test_a_damaged_version_is_replaced_by_the_same_one(bench: Bench) -> None:
    store = bench.build(settings=FIRST).store
    shard = store.folder / "features.zarr/mel/mel/c/0/0/0"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    mended = bench.build(settings=FIRST, rehash=True).store
    assert mended.digest == store.digest
    assert mended.folder.name == f"{store.digest[:16]}-2"
    assert (verify(mended).problems, states(bench.out)) == ((), ["current"])
    assert not store.folder.exists()


def test_who_has_a_version_open_reads_on_until_it_is_removed(bench: Bench) -> None:
    old = bench.build(settings=FIRST).store
    mel = old.array("mel")[:]
    bench.build(settings=SECOND)
    assert "temp_mask" not in old.arrays
    assert (old.array("mel")[:] == mel).all()
    assert (old.take([3], arrays=("mel",))["mel"][0] == mel[3]).all()
    assert len(old.utterances) == len(mel)
    bench.build(settings=THIRD)
    for read in (lambda: old.ratings, lambda: old.array("eda"), lambda: old.take([0], arrays=("mel",))):
        with pytest.raises(StoreIncompleteError, match=f"version {old.digest[:12]} is not there any more: .* open it"):
            read()


def test_a_version_that_is_copied_elsewhere_is_a_store(bench: Bench, tmp_path: Path) -> None:
    first = bench.build(settings=FIRST).store
    bench.build(settings=SECOND)
    copy = open_store(shutil.copytree(first.folder, tmp_path / "copy"))
    assert (copy.digest, copy.folder, verify(copy).problems) == (first.digest, copy.path, ())
    updated = Bench(bench.corpus, copy.path).build(settings=SECOND)
    assert updated.store.digest == open_store(bench.out).digest
    assert tree(copy.path) == tree(bench.out)
    assert states(copy.path) == ["current", "kept"]


def test_a_copy_that_followed_links_is_read_and_put_right(bench: Bench, tmp_path: Path) -> None:
    store = bench.build(settings=FIRST).store
    copy = Bench(bench.corpus, shutil.copytree(bench.out, tmp_path / "copy"))
    assert not (copy.out / "features.zarr").is_symlink()
    assert verify(open_store(copy.out)).problems == ()
    assert open_store(copy.out).digest == store.digest
    copy.build(settings=SECOND)
    assert (copy.out / "features.zarr").is_symlink()
    assert verify(open_store(copy.out)).problems == ()


@pytest.mark.parametrize("call", ["symlink", "link"])
def test_a_disk_without_links_has_versions_too(bench: Bench, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def refused(*_arguments: Any, **_options: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, call, refused)
    digests = [bench.build(settings=settings).store.digest for settings in (FIRST, SECOND)]
    assert (bench.out / "current").is_symlink() == (call == "link")
    assert states(bench.out) == ["current", "kept"]
    for digest in digests:
        assert verify(open_store(bench.out, at=digest)).problems == ()


def test_a_link_that_leads_astray_is_found_and_mended(bench: Bench) -> None:
    old = bench.build(settings=FIRST).store
    new = bench.build(settings=SECOND).store
    (bench.out / "current").unlink()
    (bench.out / "current").symlink_to(old.header.folder or "")
    said = f"current: leads to {old.header.folder}, expected {new.header.folder}; run the same build again"
    assert verify(open_store(bench.out)).problems == (said,)
    assert bench.build(settings=SECOND).up_to_date
    assert verify(open_store(bench.out)).problems == ()


def test_nothing_outside_of_a_store_is_removed_and_nothing_of_somebody_else_inside(
    bench: Bench, tmp_path: Path
) -> None:
    old = bench.build(settings=FIRST).store
    outside = shutil.copytree(old.folder, tmp_path / "outside")
    shutil.rmtree(old.folder)
    old.folder.symlink_to(outside)
    stranger = bench.out / "versions" / "notes"
    stranger.mkdir()
    before = sorted(outside.rglob("*"))
    bench.build(settings=SECOND, keep=0)
    assert sorted(outside.rglob("*")) == before
    assert stranger.is_dir()
    second = open_store(bench.out)
    (second.folder / "mine.txt").write_text("of somebody")
    bench.build(settings=THIRD, keep=0)
    assert [path.name for path in second.folder.iterdir()] == ["mine.txt"]


def test_a_store_without_a_header_is_built_anew_and_its_versions_stay(bench: Bench) -> None:
    first = bench.build(settings=FIRST).store
    (bench.out / "kemfeat.json").unlink()
    bench.build(settings=SECOND, keep=0)
    assert open_store(first.folder).digest == first.digest
    assert verify(open_store(first.folder)).problems == ()


def test_the_log_shows_versions_to_people_and_programs(bench: Bench) -> None:
    bench.build(settings=FIRST)
    bench.build(settings=SECOND, keep=0)
    said = subprocess.run([KEMFEAT, "log", bench.out], capture_output=True, text=True, check=True).stdout
    new, old = versions.versions(bench.out)
    assert said.splitlines()[0].split() == [new.record.digest[:12], new.record.created, "kemfeat", "0.1.0", "current"]
    assert "    feature temp added" in said.splitlines()
    assert "    features: mel, eda, temp" in said.splitlines()
    assert f"{old.record.digest[:12]}  {old.record.created}  kemfeat 0.1.0  no longer kept" in said.splitlines()
    listed = json.loads(
        subprocess.run([KEMFEAT, "log", bench.out, "--json"], capture_output=True, text=True, check=True).stdout
    )
    assert [(each["digest"], each["current"], each["folder"]) for each in listed] == [
        (new.record.digest, True, str(new.folder)),
        (old.record.digest, False, None),
    ]


def test_what_a_store_says_of_itself_does_not_steer_a_terminal(bench: Bench) -> None:
    store = bench.build(settings=FIRST).store
    header = bench.out / "kemfeat.json"
    content = json.loads(header.read_bytes())
    content["provenance"]["command"] = "kemfeat \x1b[31m build\n\x07"
    header.write_text(json.dumps(content))
    said = subprocess.run([KEMFEAT, "log", store.path], capture_output=True, text=True, check=True).stdout
    assert not {"\x1b", "\x07"} & set(said)
    assert len(said.splitlines()) == 3


@pytest.mark.parametrize("folder", ["../x", "versions/../..", "/etc", "versions/x", "versions/0123456789abcdef/..", ""])
def test_a_folder_that_is_no_version_is_refused(bench: Bench, folder: str) -> None:
    bench.build(settings=FIRST)
    header = bench.out / "kemfeat.json"
    header.write_text(json.dumps(json.loads(header.read_bytes()) | {"folder": folder}))
    with pytest.raises(StoreError, match="folder"):
        open_store(bench.out)


def test_analyses_of_an_earlier_version_are_kept_with_the_store(bench: Bench) -> None:
    old = bench.build(settings=FIRST).store
    bench.build(settings=SECOND)
    subprocess.run([KEMFEAT, "analyze", "balance", old.folder], capture_output=True, check=True)
    assert (bench.out / "analyses" / "balance").is_dir()
    assert verify(open_store(bench.out)).problems == ()
