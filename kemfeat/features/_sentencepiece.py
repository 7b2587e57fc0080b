"""A SentencePiece model and a vocabulary, made into one fast tokenizer with exactly the vocabulary's ids.

KoBERT publishes its pieces as a SentencePiece model and their ids as a separate list, so neither file alone
tokenises. The conversion gives SentencePiece's own pieces, except in two corner cases:

- SentencePiece composes characters by a table that lacks stacked or reordered combining marks. The fast tokenizer
  applies the whole of NFKC, so canonically equivalent texts always get equal ids. On a text in NFKC, and on Hangul
  decomposed from it, both are equal.
- Where two segmentations have equal scores ("555" as "5 55" or "55 5") SentencePiece's choice depends on rounding in
  single precision; the pieces are the same, their order may differ.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from kemfeat.errors import ConfigError

SPECIALS = {
    "unk_token": "[UNK]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
_SPACE = "\u2581"
_STAND_INS = tuple(map(chr, range(0xFDD0, 0xFDF0)))  # noncharacters: no text for interchange contains them
# Targets that the tables of a later Unicode add: 137 in sentencepiece 0.2; case folding has 1,570.
_MOST_TARGETS = 256
# Far above any published model, and small enough that a hostile file costs seconds and not hours.
_MOST_PIECES, _LONGEST_PIECE, _MOST_NODES = 1 << 20, 256, 50_000
_NORMAL, _BPE, _UNIGRAM = 1, 2, 1  # numbers of sentencepiece_model.proto
_UNSUPPORTED = {4: "USER_DEFINED", 5: "UNUSED", 6: "BYTE"}
_NORMALISATIONS = ("identity", "nfkc", "nmt_nfkc")


def convert(model: bytes, *, vocabulary: Sequence[str] | None, where: str) -> Tokenizer:
    """Build the fast tokenizer of a SentencePiece model.

    Parameters
    ----------
    model : bytes
        Content of the ``.model`` file, of type Unigram or BPE.
    vocabulary : sequence of str or None
        The token of each id; None takes the model's own order.
    where : str
        The file's name for messages.

    Raises
    ------
    ConfigError
        The file is not a SentencePiece model, uses something a fast tokenizer cannot repeat, or does not belong to
        the vocabulary.
    """
    proto = parse(model, where=where)
    _refuse_hostile(proto, where)
    _refuse_unsupported(proto, where)
    tokens = [piece.piece for piece in proto.pieces] if vocabulary is None else list(vocabulary)
    scores = {piece.piece: piece.score for piece in proto.pieces if piece.type == _NORMAL}
    for token in SPECIALS.values():
        scores.pop(token, None)
    controls = _controls(tokens, scores, own=vocabulary is None, where=where)
    unigram = proto.trainer_spec.model_type == _UNIGRAM
    tokenizer = Tokenizer(_unigram(tokens, scores) if unigram else _bpe(tokens, scores))
    cuts, hidden = _guards(controls, scores, where) if unigram else ([], [])
    tokenizer.normalizer = normalizers.Sequence(list(_normaliser(proto.normalizer_spec, hidden, where)))
    if cuts:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("|".join(cuts)), behavior="merged_with_previous")
    tokenizer.decoder = decoders.Metaspace(replacement=_SPACE, prepend_scheme="always")
    tokenizer.add_special_tokens(list(SPECIALS.values()))
    tokenizer.post_processor = bert_template(tokenizer)
    return tokenizer


def parse(model: bytes, *, where: str) -> Any:
    """The ``ModelProto`` in a ``.model`` file.

    Raises
    ------
    ConfigError
        The file is not a SentencePiece model.
    """
    from google.protobuf.message import DecodeError
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()
    try:
        proto.ParseFromString(model)
    except DecodeError:
        raise ConfigError(f"{where}: not a SentencePiece model; the file may be cut, fetch it again") from None
    if not proto.pieces:
        raise ConfigError(f"{where}: a SentencePiece model without pieces; the file may be empty, fetch it again")
    return proto


def bert_template(tokenizer: Tokenizer) -> processors.TemplateProcessing:
    """``[CLS] A [SEP]`` and ``[CLS] A [SEP] B [SEP]`` with token types 0 and 1."""
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    return processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )


def _refuse_hostile(proto: Any, where: str) -> None:
    """Refuse what no trainer writes: it would take hours, or crash the libraries that read it."""
    if len(proto.pieces) > _MOST_PIECES:
        found = f"{len(proto.pieces):,} pieces, expected at most {_MOST_PIECES:,}"
    elif not any(piece.type == _NORMAL for piece in proto.pieces):
        found = "no normal piece, expected some"
    elif not all(0 < len(piece.piece) <= _LONGEST_PIECE for piece in proto.pieces):
        found = f"an empty piece or one of more than {_LONGEST_PIECE} characters, expected neither"
    elif not all(math.isfinite(piece.score) for piece in proto.pieces):
        found = "a score that is not a number, expected finite ones"
    else:
        return
    raise ConfigError(f"{where}: has {found}; the file is damaged or not meant to be read; fetch it again")


def _refuse_unsupported(proto: Any, where: str) -> None:
    special = set(SPECIALS.values())
    found = {
        f"{_UNSUPPORTED[p.type]} pieces" for p in proto.pieces if p.type in _UNSUPPORTED and p.piece not in special
    }
    if proto.trainer_spec.model_type not in {_UNIGRAM, _BPE}:
        found.add(f"model type {proto.trainer_spec.model_type}")
    if proto.trainer_spec.treat_whitespace_as_suffix or not proto.normalizer_spec.escape_whitespaces:
        found.add("another way to mark spaces")
    if _normalisation(proto.normalizer_spec) not in _NORMALISATIONS:
        found.add(f"normalisation {proto.normalizer_spec.name!r}")
    if found:
        raise ConfigError(
            f"{where}: has {', '.join(sorted(found))}; expected a Unigram or BPE model of normal pieces, normalised "
            f"by one of {', '.join(_NORMALISATIONS)}; pass --tokenizer a folder with tokenizer.json"
        )


def _controls(tokens: Sequence[str], scores: Mapping[str, float], *, own: bool, where: str) -> list[str]:
    """The vocabulary's tokens that no text may become, after checking that it belongs to the model."""
    known = set(tokens)
    controls = [token for token in tokens if token not in scores]
    strangers = [] if own else [token for token in controls if token not in SPECIALS.values()]
    problems = {
        "special tokens missing from the vocabulary": [t for t in SPECIALS.values() if t not in known],
        "pieces missing from the vocabulary": [piece for piece in scores if piece not in known],
        "vocabulary entries missing from the model": strangers,
        "repeated vocabulary entries": [] if len(known) == len(tokens) else sorted(known)[:1],
    }
    for problem, examples in problems.items():
        if examples:
            raise ConfigError(
                f"{where}: {len(examples)} {problem}, such as {examples[0]!r}; expected the vocabulary that was "
                f"published with this model"
            )
    return controls


def _unigram(tokens: Sequence[str], scores: Mapping[str, float]) -> models.Unigram:
    # Controls get the lowest real score: a lower one would also lower the score of unknown characters.
    lowest = min(scores.values())
    vocabulary = [(token, scores.get(token, lowest)) for token in tokens]
    return models.Unigram(vocabulary, unk_id=list(tokens).index(SPECIALS["unk_token"]), byte_fallback=False)


def _bpe(tokens: Sequence[str], scores: Mapping[str, float]) -> models.BPE:
    ordered = sorted(scores, key=lambda piece: -scores[piece])
    merges = [
        (piece[:cut], piece[cut:])
        for piece in ordered
        for cut in range(1, len(piece))
        if piece[:cut] in scores and piece[cut:] in scores
    ]
    ids = {token: index for index, token in enumerate(tokens)}
    return models.BPE(vocab=ids, merges=merges, unk_token=SPECIALS["unk_token"], fuse_unk=True)


def _guards(controls: Sequence[str], scores: Mapping[str, float], where: str) -> tuple[list[str], list[str]]:
    """What keeps a control token that is written in a text from being read as one.

    A Unigram model finds every entry of its vocabulary in a text. SentencePiece leaves controls out; here such text is
    cut inside, between two characters that no piece has side by side, so the cut changes nothing else. A control made
    of unknown characters only is replaced by another unknown character.

    Returns
    -------
    tuple of (list of str, list of str)
        Regular expressions after which to cut, and the controls to hide.
    """
    alphabet = {character for piece in scores for character in piece}
    pairs = {piece[i : i + 2] for piece in scores for i in range(len(piece) - 1)}
    cuts, hidden = [], []
    for control in controls:
        neighbours = [control[i - 1 : i + 1] for i in range(1, len(control))]
        # Between two unknown characters a cut would show: SentencePiece makes one unknown piece of their run.
        safe = [i for i, pair in enumerate(neighbours, 1) if pair not in pairs and alphabet & set(pair)]
        if safe:
            cuts.append(f"{_escaped(control[: safe[0]])}(?={_escaped(control[safe[0] :])})")
        elif not alphabet & set(control):
            hidden.append(control)
        else:
            raise ConfigError(
                f"{where}: text {control!r} cannot be distinguished from the control token; use another tokenizer"
            )
    return cuts, hidden


def _normaliser(spec: Any, hidden: Sequence[str], where: str) -> Iterator[normalizers.Normalizer]:
    """SentencePiece's normalisation in order: characters, spaces, the leading space, the mark of the space."""
    if _normalisation(spec) != "identity":
        yield from _characters(spec, where)
    for control in hidden:
        yield normalizers.Replace(control, _STAND_INS[0])
    if spec.remove_extra_whitespaces:
        yield normalizers.Replace(Regex("^ +"), "")
        yield normalizers.Replace(Regex(" {2,}"), " ")
    yield normalizers.Replace(" ", _SPACE)
    if spec.remove_extra_whitespaces:
        yield normalizers.Replace(Regex(f"{_SPACE}+$"), "")  # marks written at the end of the text go as well
    if spec.add_dummy_prefix:
        yield normalizers.Prepend(_SPACE)


def _normalisation(spec: Any) -> str:
    return str(spec.name) if spec.precompiled_charsmap else "identity"


def _characters(spec: Any, where: str) -> Iterator[normalizers.Normalizer]:
    """NFKC, after replacing the characters that the model's own table treats differently.

    The ready-made ``Precompiled`` normaliser is not used: it looks at graphemes of at most five bytes, so it never
    composes decomposed Hangul, and it drops the rest of a grapheme whose first character it knows.
    """
    nfkc = normalizers.NFKC()
    try:
        table = dict(_single_characters(spec.precompiled_charsmap))
    except (IndexError, TypeError, ValueError) as error:
        raise ConfigError(f"{where}: its table of characters is damaged ({error}); fetch the file again") from None
    wanted = {**{character: character for character in _compatibility_characters()}, **table}
    different = {source: target for source, target in wanted.items() if nfkc.normalize_str(source) != target}
    kept = sorted(source for source, target in different.items() if nfkc.normalize_str(target) != target)
    targets = sorted(set(different.values()) - set(kept))
    if (
        len(targets) > _MOST_TARGETS
        or len(kept) > len(_STAND_INS)
        or any(different[source] != source for source in kept)
    ):
        raise ConfigError(
            f"{where}: its table {_normalisation(spec)!r} is not NFKC; expected NFKC with a few exceptions; pass "
            f"--tokenizer a folder with tokenizer.json"
        )
    for target in targets:
        sources = sorted(source for source in different if different[source] == target)
        yield normalizers.Replace(Regex(f"[{_escaped(sources)}]"), target)
    swaps = list(zip(kept, _STAND_INS, strict=False))
    yield from (normalizers.Replace(character, stand_in) for character, stand_in in swaps)
    yield nfkc
    yield from (normalizers.Replace(stand_in, character) for character, stand_in in swaps)


def _compatibility_characters() -> Iterator[str]:
    """Characters that NFKC changes; there are none beyond the ideographs' supplements."""
    everything = map(chr, (*range(0xD800), *range(0xE000, 0x30000)))
    return (character for character in everything if not unicodedata.is_normalized("NFKC", character))


def _single_characters(charsmap: bytes) -> Iterator[tuple[str, str]]:
    """The entries of a character map whose source is one character.

    A map is the size of a double-array trie in bytes, the trie, and the zero-terminated targets. A unit of the trie
    has its label in bits 0-7, whether a value follows in bit 8, and the offset of its children above.
    """
    size = int.from_bytes(charsmap[:4], "little")
    units = memoryview(charsmap[4 : 4 + size]).cast("I")
    targets = charsmap[4 + size :]
    pending = [(0, b"")]
    seen = 0
    while pending:
        position, key = pending.pop()
        if (seen := seen + 1) > _MOST_NODES:
            raise ValueError(f"more than {_MOST_NODES:,} nodes")
        unit = units[position]
        base = position ^ ((unit >> 10) << ((unit & 0x200) >> 6))
        if key and len(key) == _utf8_length(key[0]):
            if unit & 0x100:
                start = units[base] & 0x7FFFFFFF
                yield key.decode(), targets[start : targets.index(b"\0", start)].decode()
            continue
        for label in range(0x80, 0xC0) if key else range(1, 256):  # a key is one character in UTF-8
            child = base ^ label
            if child < len(units) and units[child] & 0x800000FF == label:
                pending.append((child, key + bytes([label])))


def _utf8_length(first: int) -> int:
    return 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


def _escaped(text: Iterable[str]) -> str:
    return "".join(f"\\x{{{ord(character):x}}}" for character in text)
