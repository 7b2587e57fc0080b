"""Token ids of the cleaned transcript, ready for a BERT.

``input_ids`` (max_length,) int32, ``attention_mask`` and ``token_type_ids`` (max_length,) int8 along ``token``, and
the column ``n_pieces``, the pieces before truncation without ``[CLS]`` and ``[SEP]``. Longer texts lose their end and
keep ``[SEP]``. Rows are padded with the tokenizer's own padding id, 1 for KoBERT: id 0 is its ``[UNK]`` (defect J14).
int32 is the narrowest type that every trainer accepts as an index; masks of one byte cost nothing to widen.

A transcript is data: ``[SEP]`` written in one is cut into pieces like any other text and never becomes the control
token. A tokenizer of :func:`load_tokenizer` does read control tokens unless told ``split_special_tokens=True``.

The store carries the tokenizer, as a folder that ``transformers.AutoTokenizer`` loads, and its digest, so the
configuration says which tokenizer it was and not where it was stored.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from tokenizers import Tokenizer

from kemfeat.config import FeatureConfig
from kemfeat.errors import ConfigError
from kemfeat.features import Extract, Extractor, Media, Prepared
from kemfeat.features._texts import cleaned, encoded, plain
from kemfeat.features._tokenizers import locate, resolve
from kemfeat.paths import StrPath
from kemfeat.records import FeatureArray, FeatureSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_RESOURCE = "tokenizer.json"


class TokensConfig(FeatureConfig):
    """Settings of ``tokens``.

    Parameters
    ----------
    tokenizer : str
        Folder or Hugging Face name; empty takes the corpus' own. Empty again in a prepared configuration.
    max_length : int, >= 2
        Tokens of a row, ``[CLS]`` and ``[SEP]`` included.
    sha256 : str
        Digest of ``tokenizer.json``. Filled in when a build begins; given, it pins the tokenizer.
    pad_id : int, >= 0
        The tokenizer's padding id. Filled in when a build begins; 1 is KoBERT's.
    """

    tokenizer: str = ""
    max_length: int = Field(default=64, ge=3, le=8192)
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    pad_id: int = Field(default=1, ge=0)


def load_tokenizer(path_or_name: StrPath) -> PreTrainedTokenizerFast:
    """The tokenizer of a store's resource folder, a local folder or a cached Hugging Face name.

    Parameters
    ----------
    path_or_name : str or PathLike
        For example KoBERT's folder of SentencePiece model and vocabulary.

    Returns
    -------
    PreTrainedTokenizerFast
        The tokenizer, ready to use.

    Raises
    ------
    ConfigError
        It is not on this machine or cannot be used.

    Examples
    --------
    >>> tokenizer = load_tokenizer("corpora/KEMDy20/tokenizer")
    >>> tokenizer("네")["input_ids"][0] == tokenizer.cls_token_id
    True
    """
    from transformers import PreTrainedTokenizerFast

    source = locate(str(path_or_name))
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(source.json.decode()),
        model_max_length=source.max_length,
        clean_up_tokenization_spaces=False,
        **source.specials,
    )


def _prepare(config: TokensConfig, *, root: Path, tokenizer: str) -> Prepared[TokensConfig]:
    source = resolve(config.tokenizer, root=root, default=tokenizer)
    added = Tokenizer.from_str(source.json.decode()).num_special_tokens_to_add(is_pair=False)
    if added >= config.max_length:
        raise ConfigError(
            f"tokens.max_length: found {config.max_length}, but the tokenizer adds {added} tokens to every text; "
            f"expected more than {added}; raise max_length, or pass another --tokenizer"
        )
    ready = TokensConfig(
        preset=config.preset,
        max_length=config.max_length,
        sha256=hashlib.sha256(source.json).hexdigest(),
        pad_id=source.pad_id,
    )
    for key in {"sha256", "pad_id"} & config.model_fields_set:
        given, found = getattr(config, key), getattr(ready, key)
        if given not in {"", found}:
            raise ConfigError(
                f"tokens.{key}: found {given!r}, but the tokenizer in use has {found!r}; pass the --tokenizer that is "
                f"meant, or leave the key out"
            )
    return Prepared(ready, source.files(max_length=config.max_length))


def _specs(config: TokensConfig) -> tuple[FeatureSpec, ...]:
    def spec(name: str, dtype: str, pad: int, description: str) -> FeatureSpec:
        # No id and no mask is negative, so -1 marks an element that was never written.
        return FeatureSpec(
            name=name,
            dims=("token",),
            shape=(config.max_length,),
            dtype=dtype,
            pad=pad,
            fill=-1,
            unit="1",
            description=description,
        )

    return (
        spec("input_ids", "int32", config.pad_id, "token ids between [CLS] and [SEP], padded with the padding id"),
        spec("attention_mask", "int8", 0, "1 on tokens, 0 on padding"),
        spec("token_type_ids", "int8", 0, "0 for the only segment"),
    )


def _open(config: TokensConfig, resources: Path) -> Extract:
    tokenizer = plain((resources / _RESOURCE).read_text(encoding="utf-8"))

    def extract(media: Media) -> FeatureArray:
        text = cleaned(media, feature="tokens")
        row, pieces = encoded(tokenizer, text, max_length=config.max_length, feature="tokens")
        arrays: dict[str, NDArray[Any]] = {
            "input_ids": np.array(row.ids, dtype=np.int32),
            "attention_mask": np.array(row.attention_mask, dtype=np.int8),
            "token_type_ids": np.array(row.type_ids, dtype=np.int8),
        }
        return FeatureArray(arrays, {"n_pieces": pieces})

    return extract


EXTRACTOR = Extractor(
    name="tokens",
    version=1,
    config=TokensConfig,
    media=("text",),
    specs=_specs,
    columns={"n_pieces": "int32"},
    open=_open,
    prepare=_prepare,
)
