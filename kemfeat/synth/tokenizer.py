"""A small tokenizer trained on a synthetic corpus' own sentences, so that no build of it needs a download.

Byte-pair encoding: its trainer breaks ties by position in a sorted alphabet, so equal sentences give equal bytes in any
process; the Unigram and WordPiece trainers of the same library walk hash maps in random order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPECIALS = ("[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]")
"""In KoBERT's order, so that the padding id is 1."""

_ROLES = ("unk_token", "pad_token", "cls_token", "sep_token", "mask_token")


def train(sentences: Iterable[str], *, vocab_size: int) -> dict[str, bytes]:
    """Train the tokenizer.

    Parameters
    ----------
    sentences : iterable of str
        Training text.
    vocab_size : int
        Most tokens; few sentences make fewer, many characters make more.

    Returns
    -------
    dict of str to bytes
        Content by file name: a folder that ``transformers.AutoTokenizer`` loads. Depends on the arguments alone.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIALS[0], fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    # Marks stand alone, so no merge can ever spell a control token such as [SEP].
    words = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.Punctuation("isolated")])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=list(SPECIALS), show_progress=False)
    tokenizer.train_from_iterator(sentences, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return {"tokenizer.json": f"{tokenizer.to_str(pretty=True)}\n".encode(), "tokenizer_config.json": _settings()}


def _settings() -> bytes:
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        **dict(zip(_ROLES, SPECIALS, strict=True)),
    }
    return f"{json.dumps(settings, indent=2, sort_keys=True)}\n".encode()
