"""kemfeat.synth.tokenizer: the same sentences give the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from kemfeat.synth.tokenizer import SPECIALS, train

WORDS = [
    "오늘",
    "내일",
    "비",
    "우산",
    "하루",
    "정말",
    "좋아요",
    "싫어",
    "그래서",
    "아니",
    "고마워",
    "미안해",
    "[SEP]",
    "OK",
    "ㅋㅋ?",
]
SENTENCES = [" ".join(WORDS[(i * k) % len(WORDS)] for k in range(1, 7)) for i in range(200)]
PROGRAM = """
import hashlib, json, sys
from kemfeat.synth.tokenizer import train
files = train(json.load(sys.stdin), vocab_size=150)
print(json.dumps({name: hashlib.sha256(content).hexdigest() for name, content in files.items()}))
"""


@pytest.mark.parametrize("seed", ["0", "1", "2", "random"])
def test_bytes_are_equal_in_any_process(seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(SENTENCES),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": "1" if seed == "1" else "3"},
    )
    here = {name: hashlib.sha256(content).hexdigest() for name, content in train(SENTENCES, vocab_size=150).items()}
    assert json.loads(done.stdout) == here


def test_bytes_do_not_depend_on_the_order_or_form_of_the_iterable() -> None:
    assert train(iter(SENTENCES[::-1]), vocab_size=150) == train(SENTENCES, vocab_size=150)


def test_other_sentences_give_another_tokenizer() -> None:
    assert train(["오늘 오늘"], vocab_size=150) != train(SENTENCES, vocab_size=150)


def test_special_ids_are_koberts_and_the_size_is_kept() -> None:
    tokenizer = Tokenizer.from_str(train(SENTENCES, vocab_size=90)["tokenizer.json"].decode())
    assert [tokenizer.token_to_id(token) for token in SPECIALS] == [0, 1, 2, 3, 4]
    assert tokenizer.get_vocab_size() <= 90


def test_known_text_comes_back_and_unknown_characters_are_unknown() -> None:
    tokenizer = Tokenizer.from_str(train(SENTENCES, vocab_size=150)["tokenizer.json"].decode())
    assert tokenizer.decode(tokenizer.encode("오늘 비 우산").ids) == "오늘 비 우산"
    assert 0 not in tokenizer.encode("오늘 비 우산").ids
    assert 0 in tokenizer.encode("뷁").ids


def test_no_text_becomes_a_control_token() -> None:
    tokenizer = Tokenizer.from_str(train(SENTENCES, vocab_size=150)["tokenizer.json"].decode())
    tokenizer.encode_special_tokens = True
    assert not {1, 2, 3, 4} & set(tokenizer.encode("오늘 [SEP] [CLS]", add_special_tokens=False).ids)


def test_the_folder_is_a_transformers_tokenizer(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    for name, content in train(SENTENCES, vocab_size=150).items():
        (tmp_path / name).write_bytes(content)
    loaded = AutoTokenizer.from_pretrained(str(tmp_path), local_files_only=True)
    assert (loaded.unk_token_id, loaded.pad_token_id, loaded.mask_token_id) == (0, 1, 4)
    row = loaded("오늘 비 우산")
    assert (row["input_ids"][0], row["input_ids"][-1]) == (2, 3)
