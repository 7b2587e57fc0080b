"""Nothing is written into a store, nor over a file that the same command did not write."""

from __future__ import annotations

from pathlib import Path

import pytest
from kemfeat_cli.app import app
from typer.testing import CliRunner

from kemfeat.build import build_store
from kemfeat.errors import ConfigError, KemfeatError
from kemfeat.store.outside import refuse_foreign, refuse_in_store, store_around
from kemfeat.synth.kemdy20 import SYNTH


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    SYNTH.write(folder / "corpus", utterances=8, sessions=2, seed=1)
    build_store("KEMDy20", root=folder / "corpus", out=folder / "store", settings={"features": ["text"]})
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_path_in_a_store_is_found_through_links_and_before_it_exists(place: Path, tmp_path: Path) -> None:
    store = (place / "store").resolve()
    (tmp_path / "link").symlink_to(store / "signals")
    for path in (store, store / "new" / "deep", store / "utterances.parquet", tmp_path / "link" / "x"):
        assert store_around(path) == store
        with pytest.raises(ConfigError, match=r"is inside the store .*; choose a path outside it"):
            refuse_in_store(path)
    refuse_in_store(store, but_itself=True)
    with pytest.raises(ConfigError, match="is inside the store"):
        refuse_in_store(store / "new", but_itself=True)
    refuse_in_store(place / "storey")


@pytest.mark.parametrize(
    "command",
    [
        "split STORE --scheme speaker --folds 2 --out STORE/utterances.parquet",
        "split STORE --scheme speaker --folds 2 --out STORE/splits/mine.parquet",
        "split STORE --scheme speaker --folds 2 --out MINE",
        "synth --dataset KEMDy20 --utterances 4 --sessions 1 -j 1 --out STORE/corpus",
        "build --dataset KEMDy20 --root CORPUS --features text -j 1 --out STORE/inner",
        "report STORE --out STORE/report.html",
        "report STORE --out MINE.html",
        "export STORE --to tsv-npy --out STORE/export",
        "bench --quick --only no --out STORE/bench.json",
        "bench --quick --only no --out MINE",
    ],
)
def test_no_command_writes_into_a_store_or_over_another_file(place: Path, tmp_path: Path, command: str) -> None:
    mine = tmp_path / "mine"
    for path in (mine, mine.with_suffix(".html")):
        path.write_text('{"notes": 1}')
    names = {"STORE": place / "store", "CORPUS": place / "corpus", "MINE": mine}
    for name, path in names.items():
        command = command.replace(name, str(path))
    before = _contents(place), _contents(tmp_path)
    said = CliRunner().invoke(app, command.split())
    assert isinstance(said.exception, KemfeatError)
    assert str(said.exception).rstrip().endswith("--out")
    assert (_contents(place), _contents(tmp_path)) == before


def test_a_file_of_the_same_command_is_replaced_and_another_one_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"

    def begins(path: Path) -> bool:
        return path.read_text(encoding="utf-8").startswith("id,")

    refuse_foreign(file, command="test", is_ours=begins)
    file.write_text("id,x\n")
    refuse_foreign(file, command="test", is_ours=begins)
    for content in (b"name,x\n", b"\xff\xfe", b""):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match="exists and was not made by kemfeat test; pass another --out"):
            refuse_foreign(file, command="test", is_ours=begins)
    file.unlink()
    file.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="exists and was not made"):
        refuse_foreign(file, command="test", is_ours=begins)
    with pytest.raises(ConfigError, match="is a folder, expected a file"):
        refuse_foreign(tmp_path, command="test", is_ours=begins)
