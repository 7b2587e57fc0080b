"""Splits on disk: what comes back, and what is refused."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError, StoreWriteError
from kemfeat.splits import PARTS, SCHEMES, make_split, read_split, require_utterances, write_split
from tests.splits.tables import like_kemdy20, of_two_corpora


@pytest.fixture(scope="module")
def split():
    return make_split(like_kemdy20(), store="a" * 64)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_written_is_read(scheme, tmp_path):
    table = of_two_corpora(like_kemdy20())
    table["part"] = [PARTS[row % 3] for row in range(len(table))]  # as a corpus with official parts has
    made = make_split(table, scheme=scheme, store="a" * 64)
    write_split(tmp_path / "deep" / "split.parquet", made)
    read = read_split(tmp_path / "deep" / "split.parquet")
    pd.testing.assert_frame_equal(read.rows, made.rows)
    assert dict(read.facts) == dict(made.facts)
    assert read.digest == made.digest
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["split.parquet"]


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 1000))
def test_the_same_seed_gives_the_same_bytes(seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("twice")
    for name in ("one", "two"):
        write_split(folder / name, make_split(like_kemdy20(rows=300, sessions=6), scheme="kfold", seed=seed))
    assert (folder / "one").read_bytes() == (folder / "two").read_bytes()


def test_the_digest_covers_settings_and_rows_but_not_the_store(split):
    table = like_kemdy20()
    assert make_split(table, store="b" * 64).digest == split.digest
    assert make_split(table, seed=3, store="a" * 64).digest != split.digest
    assert make_split(table.iloc[1:], store="a" * 64).digest != split.digest


def test_a_failed_write_leaves_the_old_file(split, tmp_path, monkeypatch):
    file = tmp_path / "split.parquet"
    write_split(file, make_split(like_kemdy20(), seed=9))
    old = file.read_bytes()

    def full(table, where, **options):
        where.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(StoreWriteError, match="No space left on device"):
        write_split(file, split)
    assert file.read_bytes() == old
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_that_cannot_be_written_is_a_sentence(split, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreWriteError, match="choose another --out"):
        write_split(tmp_path / "file" / "split.parquet", split)


def test_only_a_split_is_replaced(split, tmp_path):
    file = tmp_path / "split.parquet"
    (tmp_path / "link").symlink_to("nowhere")
    like_kemdy20().to_parquet(file)
    mine = file.read_bytes()
    for place in (tmp_path, file, tmp_path / "link"):
        with pytest.raises(ConfigError, match="exists and is not a split that kemfeat wrote; pass another --out"):
            write_split(place, split)
    assert file.read_bytes() == mine


def test_a_csv_of_a_user(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("\ufeffid,part\nb,train\na,train\nNA,test\n", encoding="utf-8")
    read = read_split(file)
    assert read.ids("train") == ["b", "a"]
    assert read.ids("test") == ["NA"]
    assert (read.facts["scheme"], read.folds, read.facts["store"]) == ("user", 1, None)


def test_a_csv_with_folds_in_any_order(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("part,fold,id,why\ntest,1,a,\ntrain,0,a,\ntrain,1,b,\ntest,0,b,\nvalid,0,c,\n", encoding="utf-8")
    read = read_split(file)
    assert (read.folds, read.ids("test"), read.ids("test", fold=1), read.ids("valid")) == (2, ["b"], ["a"], ["c"])


def test_an_id_in_two_parts_can_be_read_so_that_the_audit_can_tell(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("id,part\na,train\na,test\n", encoding="utf-8")
    assert read_split(file).ids("train") == read_split(file).ids("test") == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a split"),
        ("id,part\n", "no row in train"),
        ("name,part\na,train\n", "has no column 'id'"),
        ("id,fold\na,0\n", "has no column 'part'"),
        ("id,part\na,train\nb,dev\n", r"row 2 of 2 has 'dev'; expected a part \(train, valid, test\)"),
        ("id,part\na,train\n,test\n", "row 2 of 2 has ''; expected the id"),
        ("id,part,fold\na,train,x\n", "has 'x'; expected a fold"),
        ("id,part,fold\na,train,0.5\n", "has '0.5'; expected a fold"),
        ("id,part,fold\na,train,-1\n", "has '-1'; expected a fold"),
        ("id,part,fold\na,train,999999999999\n", "has '999999999999'; expected a fold"),
        ("id,part,fold\na,train,0\nb,test,0\na,train,1\n", "fold 1 has no row in test"),
        ("id,part\na,train\na,train\nb,test\n", "row 2 of 3 has 'a'; expected an id once"),
        ('id,part\na,train,x,y,z\nb\n"', "is not a split"),
    ],
)
def test_tables_that_cannot_be_used(text, message, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_split(file)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00id", b"PAR1", b"PAR1" + b"\0" * 40 + b"PAR1"])
def test_files_that_are_something_else(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ConfigError, match="file: "):
        read_split(tmp_path / "file")


def test_no_file_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="make it with `kemfeat split`"):
        read_split(tmp_path / "nothing")


def change(file, *, rows=None, facts=None):
    table = pq.read_table(file)
    known = json.loads(table.schema.metadata[b"kemfeat_split"])
    metadata = {b"kemfeat_split": json.dumps(known if facts is None else facts(known)).encode()}
    changed = table if rows is None else pa.Table.from_pandas(rows(table.to_pandas()), preserve_index=False)
    pq.write_table(changed.replace_schema_metadata(metadata), file)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": lambda rows: rows.iloc[:-1]}, "its rows are not those that were written"),
        ({"facts": lambda facts: {**facts, "seed": 7}}, "its rows are not those that were written"),
        ({"facts": lambda facts: {"scheme": "session"}}, "is not that of a split"),
        ({"facts": lambda facts: [1]}, "is not that of a split"),
    ],
)
def test_a_changed_file_is_noticed(changes, message, split, tmp_path):
    file = tmp_path / "split.parquet"
    write_split(file, split)
    change(file, **changes)
    with pytest.raises(ConfigError, match=message):
        read_split(file)


def test_indices_are_rows_of_the_store_in_the_order_of_the_split(split):
    ids = like_kemdy20()["id"].tolist()
    assert [ids[row] for row in split.indices(ids, "valid", fold=2)] == split.ids("valid", fold=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"part": "val"}, "no part 'val'; did you mean 'valid'"), ({"part": "test", "fold": 5}, "no fold 5; it has 5")],
)
def test_a_part_or_fold_that_is_not_there(arguments, message, split):
    with pytest.raises(ConfigError, match=message):
        split.ids(**arguments)


def test_a_split_of_another_store_is_refused(split):
    utterances = like_kemdy20()
    require_utterances(split, utterances)
    require_utterances(split, utterances[::-1].assign(mel_frames=7))
    for column in ("speaker", "session", "emotion"):
        other = utterances.assign(**{column: utterances[column].sample(frac=1, random_state=0).to_numpy()})
        with pytest.raises(ConfigError, match=r"was made for other utterances \(\w{12}\) than this store's"):
            require_utterances(split, other)
    with pytest.raises(ConfigError, match=r"names [\d,]+ utterances that the store does not have, such as 'u\d+'"):
        require_utterances(split, utterances[:10])
    with pytest.raises(ConfigError, match="does not have"):
        split.indices(utterances["id"].tolist()[:10], "test")


def test_facts_without_end_are_a_sentence(tmp_path):
    file = tmp_path / "split.parquet"
    table = pa.table({"fold": [0], "id": ["a"], "part": ["train"]})
    pq.write_table(table.replace_schema_metadata({b"kemfeat_split": b"[" * 100_000}), file)
    with pytest.raises(ConfigError, match=r"split\.parquet: is not a split"):
        read_split(file)
