"""kemfeat.features._sentencepiece: the fast tokenizer against SentencePiece itself (0.2, the oracle)."""

from __future__ import annotations

import csv
import io
import json
import struct
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from kemfeat.errors import ConfigError
from kemfeat.features._sentencepiece import SPECIALS, convert, parse

SENTENCES = (
    "오늘 하루도 정말 고생 많았어요.",
    "내일은 비가 온다고 하던데 우산 챙기세요!",
    "[그래] 그건 좀 아닌 것 같아, 다시 생각해 보자",
    "3박4일 정도 놀러가고 싶다 ㅋㅋㅋ",
    "Kim said OK, SEP 12 at 10:30 ~ MASK UNK PAD CLS",
    "너는 내년 대선 때 투표할 수 있어?",
)
AWKWARD = (
    "",
    " ",
    "  \t\n ",
    "  앞뒤  공백   줄\t탭\n바꿈 ",
    "\u3000전각\u00a0공백\u200b폭없음\ufeff",
    "😀😀 이모지👍🏽 뷁뷁 𠮷",
    "[SEP]",
    "앞[CLS]뒤 [SEP] [[MASK]] [UNK][PAD]",
    "［ＳＥＰ］ ｶﾞ ～ 🈻 ① ㎏ ﬁ",
    "▁밑줄▁▁",
    "\x00\x01제어\x7f",
    unicodedata.normalize("NFD", "오늘 하루도 각각 닭 값 ㅋㅋ"),
    "한",
    "ㅎㅏㄴ ㅋㅋㅋ",
)


@cache
def trained(model_type: str, normalisation: str, sentences: tuple[str, ...] = SENTENCES) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 20),
        model_writer=model,
        model_type=model_type,
        normalization_rule_name=normalisation,
        vocab_size=200,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return model.getvalue()


def vocabulary_of(model: bytes) -> list[str]:
    """KoBERT's way: the control tokens, then the pieces by name."""
    return [*SPECIALS.values(), *sorted(p.piece for p in parse(model, where="test").pieces if p.type == 1)]


class Pair:
    """A fast tokenizer and the oracle that it must equal."""

    def __init__(self, model: bytes, vocabulary: list[str]) -> None:
        self.tokenizer = convert(model, vocabulary=vocabulary, where="test")
        self.tokenizer.encode_special_tokens = True
        self.processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.ids = {token: index for index, token in enumerate(vocabulary)}

    def fast(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def slow(self, text: str) -> list[int]:
        # By way of SentencePiece's ids: an unknown run is given as its own text, which may spell a control token.
        unknown = self.processor.unk_id()
        pieces = self.processor.encode(text, out_type=int)
        return [0 if p == unknown else self.ids[self.processor.id_to_piece(p)] for p in pieces]

    def composed(self, text: str) -> str:
        return unicodedata.normalize("NFC", self.processor.normalize(text).replace("▁", " "))


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def small(request: pytest.FixtureRequest) -> Pair:
    model = trained(request.param, "nmt_nfkc")
    return Pair(model, vocabulary_of(model))


@pytest.fixture(scope="module")
def kobert(shared: Path) -> Pair:
    folder = shared / "data" / "kobert_tokenizer"
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
    return Pair((folder / "tokenizer_78b3253a26.model").read_bytes(), vocabulary)


jamo = st.characters(min_codepoint=0x1100, max_codepoint=0x11FF)
texts = st.lists(
    st.one_of(
        st.text(max_size=4),
        st.text(jamo, max_size=4),
        st.text("가각힣ㄱㅏㅋ﹒㉮ｶﾞéＡ①～ \u00a0\u3000\t\n▁[]", max_size=6),
        st.text("가각힣닭 ", max_size=6).map(lambda text: unicodedata.normalize("NFD", text)),
        st.sampled_from([*SPECIALS.values(), *SENTENCES]),
    ),
    max_size=5,
).map("".join)


def assert_equal(pair: Pair, text: str) -> None:
    """Equal; or equal once SentencePiece's own output is composed; or, on a tie, the same pieces in another order."""
    fast = pair.fast(text)
    if fast != pair.slow(text):
        expected = pair.slow(pair.composed(text))
        assert sorted(fast) == sorted(expected), text


@given(texts)
@settings(deadline=None, max_examples=150)
def test_equals_sentencepiece_on_any_text(small: Pair, text: str) -> None:
    assert_equal(small, text)


@given(texts)
@settings(deadline=None, max_examples=300)
def test_kobert_equals_sentencepiece_on_any_text(kobert: Pair, text: str) -> None:
    assert_equal(kobert, text)


@pytest.mark.parametrize("text", AWKWARD)
def test_equals_sentencepiece_on_awkward_text(small: Pair, text: str) -> None:
    assert small.fast(text) == small.slow(text)


@pytest.mark.parametrize("text", AWKWARD)
def test_kobert_equals_sentencepiece_on_awkward_text(kobert: Pair, text: str) -> None:
    assert kobert.fast(text) == kobert.slow(text)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_kobert_equals_sentencepiece_on_every_real_line(kobert: Pair, shared: Path, form: Any) -> None:
    path = shared / "data" / "ko_text" / "chatbot_data" / "ChatbotData.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = [unicodedata.normalize(form, row[column]) for row in csv.DictReader(file) for column in "QA"]
    assert len(lines) == 2 * 11823
    assert [line for line in lines if kobert.fast(line) != kobert.slow(line)] == []


def test_kobert_gives_the_published_ids(kobert: Pair, shared: Path) -> None:
    written, plain = json.loads((shared / "data/kobert_tokenizer/expected.json").read_text(encoding="utf-8"))["cases"]
    tokenizer = Tokenizer.from_str(kobert.tokenizer.to_str())  # control tokens in the text are read, the default
    found = tokenizer.encode(written["text"], add_special_tokens=False)
    assert (found.tokens, found.ids) == (written["tokens"], written["ids"])
    found = tokenizer.encode(plain["text"], add_special_tokens=False)
    assert (found.tokens, found.ids) == (plain["tokens"], plain["ids_no_special"])
    assert tokenizer.encode(plain["text"]).ids == plain["ids_with_special"]
    assert tokenizer.get_vocab_size() == 8002


@pytest.mark.parametrize("text", ["[SEP]", "가[CLS]나", "［ＭＡＳＫ］", "[\u200bSEP]", "[PAD][UNK]"])
def test_no_text_becomes_a_control_token(small: Pair, text: str) -> None:
    controls = {small.ids[token] for token in SPECIALS.values()} - {small.ids["[UNK]"]}
    assert not controls & set(small.fast(text))


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_control_tokens_of_unknown_characters_stay_text(model_type: str) -> None:
    model = trained(model_type, "nmt_nfkc", ("오늘 하루도 고생 많았어요", "내일은 비가 온다고 하던데"))
    pair = Pair(model, vocabulary_of(model))
    for text in ("[SEP]", "오늘 [SEP][CLS] 비가", "오늘[SEP]"):
        assert pair.fast(text) == pair.slow(text)


@pytest.mark.parametrize("normalisation", ["nfkc", "identity"])
def test_other_normalisations_are_repeated(normalisation: str) -> None:
    model = trained("unigram", normalisation)
    pair = Pair(model, vocabulary_of(model))
    for text in (*SENTENCES, *AWKWARD):
        assert_equal(pair, text)


@given(st.text(st.sampled_from("오늘하루도 정말OK123"), max_size=30))
@settings(deadline=None, max_examples=50)
def test_equal_input_forms_give_equal_ids(small: Pair, text: str) -> None:
    assert small.fast(unicodedata.normalize("NFD", text)) == small.fast(text)


def test_pairs_and_token_types() -> None:
    model = trained("unigram", "nmt_nfkc")
    encoding = convert(model, vocabulary=vocabulary_of(model), where="test").encode("오늘", "내일은")
    cut = encoding.tokens.index("[SEP]") + 1
    assert encoding.tokens[0] == "[CLS]"
    assert encoding.tokens[-1] == "[SEP]"
    assert encoding.type_ids == [0] * cut + [1] * (len(encoding) - cut)


def test_decodes_to_the_text() -> None:
    model = trained("unigram", "nmt_nfkc")
    tokenizer = convert(model, vocabulary=vocabulary_of(model), where="test")
    assert tokenizer.decode(tokenizer.encode(SENTENCES[0]).ids) == SENTENCES[0]


def test_the_models_own_order_is_used_without_a_vocabulary() -> None:
    proto = parse(trained("unigram", "nmt_nfkc"), where="test")
    normal = [piece for piece in proto.pieces if piece.type == 1]
    del proto.pieces[:]
    for control in SPECIALS.values():  # as skt/kobert-base-v1 has them: in the model, user-defined
        proto.pieces.add(piece=control, score=0.0, type=2 if control == "[UNK]" else 4)
    proto.pieces.extend(normal)
    tokenizer = convert(proto.SerializeToString(), vocabulary=None, where="test")
    assert [tokenizer.token_to_id(piece.piece) for piece in proto.pieces] == list(range(len(proto.pieces)))


def _changed(change: str) -> bytes:
    proto = parse(trained("unigram", "nmt_nfkc"), where="test")
    if change == "word model":
        proto.trainer_spec.model_type = 3
    elif change == "byte pieces":
        proto.pieces.add(piece="<0x00>", type=6)
    elif change == "suffix":
        proto.trainer_spec.treat_whitespace_as_suffix = True
    elif change == "case folding":
        proto.normalizer_spec.name = "nmt_nfkc_cf"
    return bytes(proto.SerializeToString())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("word model", "model type 3"),
        ("byte pieces", "BYTE pieces"),
        ("suffix", "mark spaces"),
        ("case folding", "normalisation 'nmt_nfkc_cf'"),
    ],
)
def test_what_cannot_be_repeated_is_refused(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"m.model: has .*{message}.*tokenizer.json"):
        convert(_changed(change), vocabulary=None, where="m.model")


def test_a_table_that_is_not_nfkc_is_refused() -> None:
    proto = parse(trained("unigram", "nmt_nfkc_cf"), where="test")
    proto.normalizer_spec.name = "nmt_nfkc"
    model = proto.SerializeToString()
    with pytest.raises(ConfigError, match=r"m.model: its table 'nmt_nfkc' is not NFKC"):
        convert(model, vocabulary=vocabulary_of(model), where="m.model")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v[:-1], "1 pieces missing from the vocabulary"),
        (lambda v: [*v, "없는조각"], "1 vocabulary entries missing from the model, such as '없는조각'"),
        (lambda v: [*v, v[-1]], "repeated vocabulary"),
        (lambda v: [entry for entry in v if entry != "[MASK]"], "special tokens missing.*MASK"),
    ],
)
def test_a_vocabulary_of_another_model_is_refused(change: Any, message: str) -> None:
    model = trained("unigram", "nmt_nfkc")
    with pytest.raises(ConfigError, match=message):
        convert(model, vocabulary=change(vocabulary_of(model)), where="m.model")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x0a\xff\xff"])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigError, match=r"m.model.*fetch it again"):
        convert(content, vocabulary=None, where="m.model")


def _hostile(change: str) -> bytes:
    proto = parse(trained("unigram", "nmt_nfkc"), where="test")
    spec = proto.normalizer_spec
    if change == "a long piece":
        proto.pieces.add(piece="가" * 100_000, score=-1.0, type=1)
    elif change == "an empty piece":
        proto.pieces.add(piece="", score=-1.0, type=1)
    elif change == "a score":
        proto.pieces.add(piece="없는조각", score=float("nan"), type=1)
    elif change == "only controls":
        del proto.pieces[:]
        for control in SPECIALS.values():
            proto.pieces.add(piece=control, type=3)
    elif change == "an odd table":
        spec.precompiled_charsmap = b"\x07\x00\x00\x00" + b"a" * 40
    elif change == "a table cut short":
        spec.precompiled_charsmap = spec.precompiled_charsmap[:5_000]
    elif change == "targets cut off":
        size = int.from_bytes(spec.precompiled_charsmap[:4], "little")
        spec.precompiled_charsmap = spec.precompiled_charsmap[: 4 + size]
    elif change == "a table without end":  # every node has the same children, so every text is a key
        units = [label | label << 10 for label in range(256)]
        spec.precompiled_charsmap = struct.pack("<I256I", 1024, *units)
    return bytes(proto.SerializeToString())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("a long piece", "one of more than 256 characters"),
        ("an empty piece", "an empty piece"),
        ("a score", "a score that is not a number"),
        ("only controls", "no normal piece"),
        ("an odd table", "its table of characters is damaged"),
        ("a table cut short", "its table of characters is damaged"),
        ("targets cut off", "its table of characters is damaged"),
        ("a table without end", r"damaged \(more than 50,000 nodes\)"),
    ],
)
def test_a_hostile_model_is_refused_in_seconds(change: str, message: str) -> None:
    model = _hostile(change)
    vocabulary = vocabulary_of(trained("unigram", "nmt_nfkc"))
    with pytest.raises(ConfigError, match=f"m.model: .*{message}.*fetch .*again"):
        convert(model, vocabulary=vocabulary, where="m.model")


def test_more_pieces_than_any_model_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kemfeat.features._sentencepiece._MOST_PIECES", 10)
    with pytest.raises(ConfigError, match=r"pieces, expected at most 10; .*fetch it again"):
        convert(trained("unigram", "nmt_nfkc"), vocabulary=None, where="m.model")
