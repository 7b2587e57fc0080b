"""Hidden states of a frozen encoder of text, such as KoBERT, KLUE's BERT and RoBERTa, KoELECTRA or MiniLM.

``text_embedding`` along ``encoder_layer`` and ``hidden``: the mean over the tokens of the cleaned transcript, the
control tokens at its ends included as in sentence-transformers, one row for each layer that is taken.
``pooling = "cls"`` takes the first token, which must be the encoder's ``[CLS]``; ``"frames"`` is (token, hidden),
followed by NaN, and ``text_embedding_lengths`` counts the tokens that are real. Columns: ``text_embedding_length``
tokens that were read, ``text_embedding_length_total`` those of the whole text.

- The encoder is any that ``transformers`` can also use for masked words, from a folder with its own tokenizer or from
  the local cache. Nothing is downloaded and no code that comes with it is run. The store knows it by the digest of its
  configuration, weights and tokenizer, never by its name; the weights are not in the store.
- A control token written in a transcript is cut into pieces like any other text.
- An encoder that was not trained on the corpus has learned nothing of its labels, so its embeddings are made once for
  all splits.

Devlin and others, BERT, NAACL 2019; Reimers and Gurevych, Sentence-BERT, EMNLP 2019, for the mean over tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field
from tokenizers import Tokenizer

from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Extractor, Media, Prepared
from kemfeat.features._embedding import (
    EmbeddingConfig,
    EmbeddingExtract,
    check_layers,
    embedding_specs,
    local_settings,
    refuse_another,
    wanted_by,
)
from kemfeat.features._texts import cleaned, encoded, plain
from kemfeat.features._tokenizers import Source, read_folder
from kemfeat.features.pretrained.folder import Wanted, described, identity, locate
from kemfeat.records import FeatureSpec

if TYPE_CHECKING:
    from kemfeat.features.pretrained.text import TextEncoder

_NAME = "text_embedding"
_SUCH_AS = "an encoder such as BERT"
_ROBERTA = ("camembert", "data2vec-text", "roberta", "xlm-roberta", "xlm-roberta-xl")
"""Kinds of model whose positions begin after their padding id."""


class TextEmbeddingConfig(EmbeddingConfig):
    """Settings of ``text_embedding``.

    Parameters
    ----------
    max_length : int, >= 3
        Tokens that are read, control tokens included; the rest is cut.
    """

    max_length: int = Field(default=128, ge=3, le=8192)


class _Extract(EmbeddingExtract[Sequence[int]]):
    """Reads the cleaned texts of utterances."""

    def __init__(self, config: TextEmbeddingConfig, encoder: TextEncoder, source: Source) -> None:
        super().__init__(_NAME, config, encoder, frames=config.max_length)
        self._max_length = config.max_length
        self._tokenizer = plain(source.json.decode())

    def read(self, media: Media) -> tuple[Sequence[int], int]:
        text = cleaned(media, feature=_NAME)
        row, pieces = encoded(self._tokenizer, text, max_length=self._max_length, feature=_NAME)
        if not row.ids:
            raise ExtractionError(f"{_NAME}: the text has no token; expected words; leave the utterance out")
        return row.ids, pieces + self._tokenizer.num_special_tokens_to_add(is_pair=False)


def _prepare(
    config: TextEmbeddingConfig,
    *,
    root: Path,  # noqa: ARG001 - the shape of a preparation
    tokenizer: str,  # noqa: ARG001 - an encoder has its own
) -> Prepared[TextEmbeddingConfig]:
    wanted = wanted_by(config, feature=_NAME, such_as=_SUCH_AS)
    folder = locate(wanted)
    found = described(folder, wanted)
    _refuse_other_kinds(found, wanted)
    source = _tokenizer(folder, wanted)
    _check(found, source, config, wanted)
    digest = identity(folder, wanted, besides=source.json)
    refuse_another(config, digest, feature=_NAME)
    own = {name: getattr(config, name) for name in ("preset", "layer", "pooling", "dtype", "max_length")}
    sizes = {"model_type": found.model_type, "width": found.hidden_size, "depth": found.num_hidden_layers}
    ready = TextEmbeddingConfig(**own, **sizes, sha256=digest)
    check_layers(ready, feature=_NAME)
    from kemfeat.features.pretrained.frozen import most_workers

    return Prepared(ready, local=local_settings(config, folder), most_workers=most_workers(config.device))


def _refuse_other_kinds(found: Any, wanted: Wanted) -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    if found.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES or found.is_encoder_decoder or found.is_decoder:
        raise wanted.refusal(f"is a model of type {found.model_type!r}, which is not an encoder of text")


def _tokenizer(folder: Path, wanted: Wanted) -> Source:
    """The tokenizer in the folder of the encoder."""
    try:
        return read_folder(folder)
    except ConfigError as error:
        raise wanted.refusal(f"its own tokenizer cannot be used ({str(error).partition(';')[0]})") from None


def _check(found: Any, source: Source, config: TextEmbeddingConfig, wanted: Wanted) -> None:
    """Refuse a tokenizer of another model, and more tokens than the model has positions for."""
    tokenizer = Tokenizer.from_str(source.json.decode())
    if (largest := max(tokenizer.get_vocab().values(), default=0)) >= found.vocab_size:
        raise wanted.refusal(
            f"its tokenizer has the id {largest}, but the model has {found.vocab_size} tokens: it is that of another "
            "model"
        )
    added = tokenizer.num_special_tokens_to_add(is_pair=False)
    positions = getattr(found, "max_position_embeddings", config.max_length)
    if found.model_type in _ROBERTA:
        positions -= found.pad_token_id + 1
    if not added < config.max_length <= positions:
        raise ConfigError(
            f"{_NAME}.max_length: found {config.max_length}, but the encoder has {positions} positions and its "
            f"tokenizer adds {added} tokens; expected {added + 1} to {positions}"
        )
    if config.pooling == "cls" and not _begins_with_cls(tokenizer, source):
        raise ConfigError(f"{_NAME}.pooling: found 'cls', but texts of this encoder do not begin with [CLS]; use mean")


def _begins_with_cls(tokenizer: Tokenizer, source: Source) -> bool:
    ids = tokenizer.encode("a").ids
    return bool(ids) and ids[0] == tokenizer.token_to_id(source.specials.get("cls_token", ""))


def _specs(config: TextEmbeddingConfig) -> tuple[FeatureSpec, ...]:
    return embedding_specs(_NAME, config, frames=config.max_length, frame_rate=None, what="token")


def _open(config: TextEmbeddingConfig, resources: Path) -> _Extract:  # noqa: ARG001 - the shape of an opening
    from kemfeat.features.pretrained.frozen import Readout
    from kemfeat.features.pretrained.text import open_text_encoder

    wanted = wanted_by(config, feature=_NAME, such_as=_SUCH_AS)
    folder = locate(wanted)
    source = _tokenizer(folder, wanted)
    refuse_another(config, identity(folder, wanted, besides=source.json), feature=_NAME)
    readout = Readout(config.layers, mean=config.is_mean, device=config.device)
    encoder = open_text_encoder(folder, wanted, readout, pad_id=source.pad_id)
    return _Extract(config, encoder, source)


EXTRACTOR = Extractor(
    name=_NAME,
    version=1,
    config=TextEmbeddingConfig,
    media=("text",),
    specs=_specs,
    columns={f"{_NAME}_length": "int32", f"{_NAME}_length_total": "int32"},
    open=_open,
    many=_Extract.many,
    tolerance=1e-3,
    prepare=_prepare,
)
