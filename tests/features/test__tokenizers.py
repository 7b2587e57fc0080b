"""kemfeat.features._tokenizers: finding a tokenizer without network, foreign code or pickles."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from kemfeat.errors import ConfigError
from kemfeat.features._sentencepiece import SPECIALS, parse
from kemfeat.features._tokenizers import DEFAULT_MAX_LENGTH, MOST_BYTES, Source, locate, read_folder, resolve

TOKENS = [*SPECIALS.values(), "오늘", "하루", "##도", "."]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The real cache look-up, in an empty cache and without network."""
    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


def words(tokens: list[str] = TOKENS) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token=TOKENS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([token for token in tokens if token in SPECIALS.values()])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def fast_folder(folder: Path, tokens: list[str] = TOKENS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(words(tokens).to_str(), encoding="utf-8")
    return folder


def model_bytes() -> bytes:
    model = io.BytesIO()
    sentences = ("오늘 하루도 고생 많았어요", "내일은 비가 온다고 하던데", "[그래] 다시 생각해 보자") * 20
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=model, vocab_size=80, hard_vocab_limit=False, minloglevel=2
    )
    return model.getvalue()


def kobert_folder(folder: Path) -> tuple[Path, list[str]]:
    folder.mkdir(parents=True)
    model = model_bytes()
    pieces = sorted(piece.piece for piece in parse(model, where="test").pieces if piece.type == 1)
    vocabulary = [*SPECIALS.values(), *pieces]
    (folder / "tokenizer_0123456789.model").write_bytes(model)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return folder, vocabulary


def cached(cache: Path, name: str, fill: Callable[[Path], object]) -> Path:
    """The layout of a Hugging Face cache: the snapshot's files are links to blobs."""
    commit = "a" * 40
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    snapshot = repository / "snapshots" / commit
    fill(snapshot)
    (repository / "blobs").mkdir()
    for number, path in enumerate(sorted(snapshot.iterdir())):
        blob = repository / "blobs" / f"{number:040x}"
        path.rename(blob)
        path.symlink_to(blob)
    return snapshot


def ids(source: Source, text: str) -> list[int]:
    return list(Tokenizer.from_str(source.json.decode()).encode(text).ids)


def test_tokenizer_json_is_taken_byte_for_byte(tmp_path: Path) -> None:
    folder = fast_folder(tmp_path / "한글 이름")
    source = read_folder(folder)
    assert source.json == (folder / "tokenizer.json").read_bytes()
    assert source.specials == SPECIALS
    assert (source.pad_id, source.max_length) == (1, DEFAULT_MAX_LENGTH)


def test_settings_name_the_special_tokens_and_the_length(tmp_path: Path) -> None:
    folder = fast_folder(tmp_path, [*TOKENS, "<빈칸>", "<pad>"])
    settings = {"pad_token": {"content": "<빈칸>", "__type": "AddedToken"}, "model_max_length": 128}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    source = read_folder(folder)
    assert (source.specials["pad_token"], source.pad_id, source.max_length) == ("<빈칸>", len(TOKENS), 128)


@pytest.mark.parametrize("length", [int(1e30), 1e30, 0, -1, None, True, "512"])
def test_an_unusable_length_becomes_the_default(tmp_path: Path, length: object) -> None:
    folder = fast_folder(tmp_path)
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": length}))
    assert read_folder(folder).max_length == DEFAULT_MAX_LENGTH


def test_without_padding_token_is_refused(tmp_path: Path) -> None:
    folder = fast_folder(tmp_path, [entry for entry in TOKENS if entry != "[PAD]"])
    with pytest.raises(ConfigError, match="no padding token"):
        read_folder(folder)


def test_kobert_layouts_give_the_same_tokenizer(tmp_path: Path) -> None:
    folder, vocabulary = kobert_folder(tmp_path / "txt")
    expected = read_folder(folder)
    lists = {"idx_to_token": vocabulary}, {"token_to_idx": {token: i for i, token in enumerate(vocabulary)}}
    for name, content in zip(("list", "dict"), lists, strict=True):
        other = shutil.copytree(folder, tmp_path / name)
        (other / "kobertvocab_0123.json").write_text(json.dumps(content))
        assert read_folder(other).json == expected.json  # both vocabularies, in agreement
        (other / "vocab.txt").unlink()
        assert read_folder(other).json == expected.json
    assert ids(expected, "오늘")[0::2] != []
    assert expected.pad_id == 1


def test_crlf_and_bom_in_a_vocabulary_do_no_harm(tmp_path: Path) -> None:
    folder, vocabulary = kobert_folder(tmp_path / "k")
    expected = read_folder(folder).json
    (folder / "vocab.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(vocabulary).encode())
    assert read_folder(folder).json == expected


def test_disagreeing_vocabularies_are_refused(tmp_path: Path) -> None:
    folder, vocabulary = kobert_folder(tmp_path / "k")
    (folder / "v.json").write_text(json.dumps({"idx_to_token": vocabulary[::-1]}))
    with pytest.raises(ConfigError, match=r"vocab.txt and v.json are different"):
        read_folder(folder)


def test_the_real_kobert_folder(shared: Path) -> None:
    source = locate(str(shared / "data" / "kobert_tokenizer"))
    assert ids(source, "너는 내년 대선 때 투표할 수 있어?") == [
        *(2, 1457, 5760, 1437, 1654, 1844, 4772, 7836, 2872, 3868, 258, 3)
    ]
    assert source.pad_id == 1


def test_a_folder_of_slow_files_goes_through_transformers(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(TOKENS), encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": False}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert ids(read_folder(tmp_path), "오늘 하루도.") == [2, 5, 6, 7, 8, 3]


def test_foreign_code_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": ["evil.Evil", None]}}))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="has no tokenizer"):
        read_folder(tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta", "electra"])
def test_a_model_without_its_vocabulary_is_refused(tmp_path: Path, kind: str) -> None:
    """transformers makes a tokenizer of such a folder, to which every word is unknown."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(ConfigError, match="its tokenizer knows no word"):
        read_folder(tmp_path)


def test_an_empty_folder_is_no_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty: has no tokenizer.*--tokenizer"):
        read_folder(tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer.json", b"{", "not a tokenizer"),
        ("tokenizer.json", b"\xff\xfe", "not a tokenizer"),
        ("second.model", b"", "2 SentencePiece models"),
        ("tokenizer_0123456789.model", b"cut", "not a SentencePiece model"),
        ("vocab.txt", b"\xff", "not UTF-8"),
        ("v.json", b"{", "not JSON"),
        ("v.json", b'{"token_to_idx": {"a": 3}}', "ids that count from 0"),
        ("v.json", b'{"idx_to_token": [1]}', "a list of tokens"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    folder, _ = kobert_folder(tmp_path / "k")
    (folder / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_folder(folder)


def test_the_corpus_folder_comes_before_the_default(tmp_path: Path, offline: Path) -> None:
    fast_folder(tmp_path / "corpus" / "tokenizer")
    cached(offline, "some/default", lambda folder: fast_folder(folder, [*TOKENS, "더"]))
    root = tmp_path / "corpus"
    assert resolve("", root=root, default="some/default").json == read_folder(root / "tokenizer").json
    shutil.rmtree(root / "tokenizer")
    assert "더" in json.loads(resolve("", root=root, default="some/default").json)["model"]["vocab"]


def test_a_named_tokenizer_comes_before_the_corpus_folder(tmp_path: Path) -> None:
    fast_folder(tmp_path / "corpus" / "tokenizer")
    mine = fast_folder(tmp_path / "mine", [*TOKENS, "더"])
    found = resolve(str(mine), root=tmp_path / "corpus", default="some/default")
    assert found.json == (mine / "tokenizer.json").read_bytes()


def test_a_cached_snapshot_of_a_model_with_its_own_specials(tmp_path: Path, offline: Path) -> None:
    """As skt/kobert-base-v1: one spiece.model, whose pieces hold the control tokens at KoBERT's ids."""

    def fill(folder: Path) -> None:
        folder.mkdir(parents=True)
        proto = parse(model_bytes(), where="test")
        normal = [piece for piece in proto.pieces if piece.type == 1]
        del proto.pieces[:]
        for control in SPECIALS.values():
            proto.pieces.add(piece=control, score=0.0, type=2 if control == "[UNK]" else 4)
        proto.pieces.extend(normal)
        (folder / "spiece.model").write_bytes(proto.SerializeToString())
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "XLNetTokenizer"}))

    cached(offline, "skt/kobert-base-v1", fill)
    source = resolve("", root=tmp_path, default="skt/kobert-base-v1")
    assert (source.pad_id, ids(source, "")) == (1, [2, 3])
    assert 0 not in ids(source, "오늘 하루도 고생")


def test_a_missing_default_prints_the_line_to_run(tmp_path: Path) -> None:
    line = r"run `hf download skt/kobert-base-v1 --include '\*.json' --include '\*.model' --include '\*.txt'`"
    with pytest.raises(ConfigError, match=f"{line}, or pass --tokenizer DIR"):
        resolve("", root=tmp_path, default="skt/kobert-base-v1")


@pytest.mark.parametrize("name", ["./none", "/no/such/folder", "~/none", "a/b/c", "../up", "a..b/c", "a b", "모델"])
def test_what_is_neither_folder_nor_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no such folder, and not a Hugging Face name"):
        locate(name)


def test_a_link_out_of_the_corpus_is_refused(tmp_path: Path) -> None:
    outside = fast_folder(tmp_path / "outside")
    root = tmp_path / "corpus"
    (root / "tokenizer").mkdir(parents=True)
    (root / "tokenizer" / "tokenizer.json").symlink_to(outside / "tokenizer.json")
    with pytest.raises(ConfigError, match="links out of the corpus folder"):
        resolve("", root=root, default="some/default")
    shutil.rmtree(root / "tokenizer")
    (root / "tokenizer").symlink_to(outside, target_is_directory=True)
    with pytest.raises(ConfigError, match="links out of the corpus folder"):
        resolve("", root=root, default="some/default")


def test_files_hold_no_path(tmp_path: Path) -> None:
    source = read_folder(kobert_folder(tmp_path / "somewhere")[0])
    files = source.files(max_length=64)
    assert set(files) == {"tokenizer.json", "tokenizer_config.json"}
    assert not any(str(tmp_path).encode() in content for content in files.values())
    assert json.loads(files["tokenizer_config.json"])["model_max_length"] == 64


def settings_of(tokenizer: Tokenizer, **changes: object) -> str:
    return json.dumps({**json.loads(tokenizer.to_str()), **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}}, "not a tokenizer"),
        ({"normalizer": {"type": "Replace", "pattern": {"Regex": "("}, "content": ""}}, "not a tokenizer"),
        ({"model": {"type": "WordLevel", "vocab": {"[PAD]": 0, "a": 2**31}, "unk_token": "a"}}, "token id 2147483648"),
    ],
)
def test_a_hostile_tokenizer_json_is_a_sentence(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    """The first one makes the Rust library panic, which is no Exception in Python."""
    (tmp_path / "tokenizer.json").write_text(settings_of(words(), **changes), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_folder(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "vocab.txt", "a.model"])
def test_a_file_larger_than_any_tokenizer_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(TOKENS), encoding="utf-8")
    with (tmp_path / name).open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ConfigError, match=f"{name}: has 67 MB, more than any tokenizer"):
        read_folder(tmp_path)


@pytest.mark.parametrize("name", ["vocab.json", "a.model"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / "vocab.txt").write_text("\n".join(TOKENS), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"{name}: is not a file"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "auto_map"),
    [
        ("tokenizer_config.json", {"AutoTokenizer": ["evil.Evil", None]}),
        ("tokenizer_config.json", ["evil.Evil", None]),
        ("config.json", {"AutoTokenizer": "evil.Evil"}),
    ],
)
def test_code_that_comes_with_a_tokenizer_is_named(tmp_path: Path, name: str, auto_map: object) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(TOKENS), encoding="utf-8")
    (tmp_path / name).write_text(json.dumps({"auto_map": auto_map, "model_type": "bert"}))
    with pytest.raises(ConfigError, match=f"auto_map in {name} names Python code, which kemfeat never runs"):
        read_folder(tmp_path)


def test_code_of_the_model_alone_does_not_matter(tmp_path: Path) -> None:
    fast_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "evil.Evil"}}))
    assert ids(read_folder(tmp_path), "하루.") == [2, 6, 8, 3]


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"model_max_length": ' + "9" * 5_000 + "}",
        '{"token_to_idx": {"a": 0, "b": "1"}}',
        '{"token_to_idx": {"a": false, "b": true}}',
        '{"token_to_idx": {"a": 0, "b": 0}}',
    ],
)
def test_hostile_json_is_a_sentence(tmp_path: Path, content: str) -> None:
    kobert_folder(tmp_path / "k")
    (tmp_path / "k/extra.json").write_text(content)
    with pytest.raises(ConfigError, match=r"extra\.json: (not JSON|expected idx_to_token)"):
        read_folder(tmp_path / "k")
