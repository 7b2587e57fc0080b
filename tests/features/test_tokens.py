"""kemfeat.features.tokens: rows of token ids, and the tokenizer that a store carries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, processors

from kemfeat.config import digest, validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Extract, Prepared
from kemfeat.features._tokenizers import refused
from kemfeat.features.tokens import EXTRACTOR, TokensConfig, load_tokenizer
from kemfeat.records import FeatureArray
from kemfeat.synth.tokenizer import train

SENTENCES = (
    "오늘 하루도 정말 고생 많았어요.",
    "내일은 비가 온다고 하던데 우산 챙기세요!",
    "그건 좀 아닌 것 같아, 다시 생각해 보자",
    "너는 내년 대선 때 투표할 수 있어?",
)
CONTROLS = {2, 3, 4}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(train(SENTENCES * 5, vocab_size=120), tmp_path_factory.mktemp("tokenizer"))


def written(files: Any, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def prepared(root: Path, **values: Any) -> Prepared[TokensConfig]:
    return EXTRACTOR.prepare(TokensConfig(**values), root=root, tokenizer="some/default")


def opened(ready: Prepared[TokensConfig], folder: Path) -> Extract:
    return EXTRACTOR.open(ready.config, written(ready.files, folder))


@pytest.fixture(scope="session")
def extract(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Extract:
    return opened(prepared(folder, tokenizer=str(folder), max_length=12), tmp_path_factory.mktemp("resources"))


def media(text: str | None) -> dict[str, FeatureArray]:
    return {"text": FeatureArray({}, {"text_clean": text})}


@given(st.text(st.sampled_from("오늘하루도 정말[SEP]CLMASK😀\u1112\u1161\u11ab?"), max_size=60))
@settings(deadline=None, max_examples=150)
def test_a_row_obeys_its_laws(extract: Extract, text: str) -> None:
    row = extract(media(text))
    ids, mask, types = (row.arrays[name] for name in ("input_ids", "attention_mask", "token_type_ids"))
    pieces = row.columns["n_pieces"]
    assert isinstance(pieces, int)
    assert len(ids) == len(mask) == len(types) == min(pieces + 2, 12)
    assert (ids[0], ids[-1]) == (2, 3)
    assert not CONTROLS & set(ids[1:-1].tolist())
    assert mask.all()
    assert not types.any()


def test_a_row_has_the_declared_types(extract: Extract) -> None:
    row = extract(media(SENTENCES[0]))
    for spec in EXTRACTOR.specs(TokensConfig()):
        assert row.arrays[spec.name].dtype == np.dtype(spec.dtype)
        assert spec.fill not in {0, 1, spec.pad}
    assert set(row.columns) == set(EXTRACTOR.columns)


def test_truncation_keeps_the_beginning_and_both_ends(folder: Path, tmp_path: Path, extract: Extract) -> None:
    whole = opened(prepared(folder, tokenizer=str(folder), max_length=512), tmp_path)
    text = " ".join(SENTENCES)
    long, short = whole(media(text)), extract(media(text))
    assert short.columns == long.columns
    assert short.columns["n_pieces"] == len(long.arrays["input_ids"]) - 2
    assert short.arrays["input_ids"].tolist() == [*long.arrays["input_ids"][:11].tolist(), 3]


def test_an_empty_text_is_a_row_and_a_missing_one_an_error(extract: Extract) -> None:
    row = extract(media(""))
    assert (row.arrays["input_ids"].tolist(), row.columns) == ([2, 3], {"n_pieces": 0})
    for missing in (media(None), {"text": None}):
        with pytest.raises(ExtractionError, match=r"no cleaned text; .*restore the transcript"):
            extract(missing)


def test_the_prepared_configuration_does_not_tell_where_the_tokenizer_lay(folder: Path, tmp_path: Path) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    elsewhere = written(files, tmp_path / "corpus" / "tokenizer")
    given = prepared(tmp_path, tokenizer=str(folder))
    found = prepared(elsewhere.parent)
    assert given == found
    assert digest(given.config) == digest(found.config)
    assert given.config.tokenizer == ""
    assert given.config.pad_id == 1
    assert len(given.config.sha256) == 64


def test_preparing_again_changes_nothing(folder: Path) -> None:
    ready = prepared(folder, tokenizer=str(folder), max_length=20)
    again = validated(TokensConfig, {**ready.config.model_dump(), "tokenizer": str(folder)}, where="tokens")
    assert EXTRACTOR.prepare(again, root=folder, tokenizer="some/default") == ready


def test_the_padding_id_is_the_tokenizers(folder: Path) -> None:
    specs = {spec.name: spec for spec in EXTRACTOR.specs(TokensConfig(pad_id=7, max_length=20))}
    assert {name: spec.pad for name, spec in specs.items()} == {
        "input_ids": 7,
        "attention_mask": 0,
        "token_type_ids": 0,
    }
    assert {spec.shape for spec in specs.values()} == {(20,)}


@pytest.mark.parametrize("pinned", [{"sha256": "0" * 64}, {"pad_id": 0}])
def test_another_tokenizer_than_the_pinned_one_is_refused(folder: Path, pinned: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"tokens.{next(iter(pinned))}: found .*the tokenizer in use has"):
        prepared(folder, tokenizer=str(folder), **pinned)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_length": 2}, "max_length.*3.*found 2"),
        ({"sha256": "abc"}, "sha256"),
        ({"tokeniser": "x"}, "did you mean 'tokenizer'"),
    ],
)
def test_bad_settings_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validated(TokensConfig, values, where="tokens")


def test_the_stores_folder_is_a_transformers_tokenizer(folder: Path, tmp_path: Path, extract: Extract) -> None:
    from transformers import AutoTokenizer

    resources = written(prepared(folder, tokenizer=str(folder), max_length=12).files, tmp_path / "tokens")
    for loaded in (AutoTokenizer.from_pretrained(str(resources), local_files_only=True), load_tokenizer(resources)):
        assert (loaded.unk_token_id, loaded.pad_token_id, loaded.cls_token_id, loaded.sep_token_id) == (0, 1, 2, 3)
        assert (loaded.mask_token_id, loaded.model_max_length, loaded.is_fast) == (4, 12, True)
        for text in (*SENTENCES, "", "오늘 😀"):
            row = extract(media(text)).arrays["input_ids"].tolist()
            batch = loaded(text, truncation=True, padding="max_length", return_tensors="np")
            assert batch["input_ids"][0].tolist() == row + [1] * (12 - len(row))
            assert batch["attention_mask"][0].tolist() == [1] * len(row) + [0] * (12 - len(row))


def test_control_tokens_are_read_by_default_and_are_text_in_a_build(folder: Path, extract: Extract) -> None:
    text = "[CLS] 오늘 [SEP]"
    loaded = load_tokenizer(folder)
    assert loaded(text, add_special_tokens=False)["input_ids"][0] == 2
    assert loaded(text, add_special_tokens=False)["input_ids"][-1] == 3
    built = extract(media(text)).arrays["input_ids"].tolist()
    assert not CONTROLS & set(built[1:-1])
    assert loaded(text, split_special_tokens=True, max_length=12, truncation=True)["input_ids"] == built


def test_kobert_end_to_end(shared: Path, tmp_path: Path) -> None:
    kobert = shared / "data" / "kobert_tokenizer"
    ready = prepared(tmp_path, tokenizer=str(kobert))
    row = opened(ready, tmp_path / "resources")(media("너는 내년 대선 때 투표할 수 있어?"))
    expected = [2, 1457, 5760, 1437, 1654, 1844, 4772, 7836, 2872, 3868, 258, 3]
    assert row.arrays["input_ids"].tolist() == expected
    assert (row.columns["n_pieces"], ready.config.pad_id) == (10, 1)
    loaded = load_tokenizer(kobert)
    assert loaded.tokenize("[CLS] 한국어 모델을 공유합니다. [SEP]") == [
        *("[CLS]", "▁한국", "어", "▁모델", "을", "▁공유", "합니다", ".", "[SEP]")
    ]
    assert loaded.pad_token_id == 1


def test_a_worker_never_imports_transformers(folder: Path, tmp_path: Path) -> None:
    ready = prepared(folder, tokenizer=str(folder))
    resources = written(ready.files, tmp_path / "resources")
    code = (
        "import sys; from pathlib import Path; from kemfeat.features import tokens;"
        "from kemfeat.records import FeatureArray;"
        "extract = tokens.EXTRACTOR.open(tokens.TokensConfig(), Path(sys.argv[1]));"
        "extract({'text': FeatureArray({}, {'text_clean': '오늘'})});"
        "print([name for name in ('transformers', 'torch', 'sentencepiece') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(resources)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    assert done.stdout.strip() == "[]"


def test_a_tokenizer_that_adds_more_than_a_row_has_is_refused(folder: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
    ends = [("[CLS]", tokenizer.token_to_id("[CLS]"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] " * 8 + "$A", special_tokens=ends)
    written({"tokenizer.json": tokenizer.to_str().encode()}, tmp_path)
    with pytest.raises(ConfigError, match="found 8, but the tokenizer adds 8 tokens to every text; expected more than"):
        prepared(folder, tokenizer=str(tmp_path), max_length=8)
    assert prepared(folder, tokenizer=str(tmp_path), max_length=9).config.max_length == 9


def test_a_panic_of_the_library_is_a_failed_row(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Panic(BaseException):
        """As pyo3 raises it: no Exception."""

    def fail(*_: object, **__: object) -> None:
        raise Panic("index out of bounds\nstack")

    monkeypatch.setattr("kemfeat.features.tokens.cleaned", lambda _, feature: Panic)
    extract = opened(prepared(folder, tokenizer=str(folder)), tmp_path / "resources")
    with pytest.raises(ExtractionError, match=r"tokens: the tokenizer fails on the text .*use another tokenizer"):
        extract(media("오늘"))
    words = r"^tokens: fails \(index out of bounds\); go$"
    with pytest.raises(ExtractionError, match=words), refused("tokens", "fails", "go", kind=ExtractionError):
        fail()
    with pytest.raises(KeyboardInterrupt), refused("tokens", "fails", "go"):
        raise KeyboardInterrupt
