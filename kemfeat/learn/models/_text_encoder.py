"""The pretrained text encoder, frozen or trained further: any of ``transformers``, from a folder or the local cache."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from kemfeat.errors import ConfigError
from kemfeat.features.pretrained.folder import Wanted, locate
from kemfeat.features.pretrained.loading import load
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._batches import Reading, tokens_of
from kemfeat.learn.models.frozen import FrozenReader


class TextEncoder(FrozenReader):
    """Last hidden states of a pretrained model, always in evaluation mode.

    Parameters
    ----------
    pretrained : nn.Module
        A ``transformers`` encoder such as ``BertModel``.
    padding_is_read : bool
        Whether what comes after it looks at the hidden states of padding.
    """

    media = ("tokens",)

    def __init__(self, pretrained: nn.Module, *, padding_is_read: bool = False) -> None:
        super().__init__(pretrained)
        self._config: Any = pretrained.config
        self._padding_is_read = padding_is_read

    @property
    def hidden_size(self) -> int:
        """Numbers per token."""
        return int(self._config.hidden_size)

    @property
    def padding_is_read(self) -> bool:
        """Whether what comes after it looks at the hidden states of padding."""
        return self._padding_is_read

    def read(self, batch: Batch) -> Reading:
        """Hidden states of shape (B, L, H) and the mask of shape (B, L).

        Raises
        ------
        AnalysisError
            The batch has no token ids.
        ConfigError
            The rows are longer than the encoder's positions, or were made by a tokenizer with another vocabulary.
        """
        ids_BL, real_BL = tokens_of(batch)
        check_ids(ids_BL, self._config)
        return Reading(self.inner(input_ids=ids_BL, attention_mask=real_BL.long()).last_hidden_state, real_BL)

    def length_of(self, batch: Batch) -> int:
        """Tokens of every row."""
        return int(tokens_of(batch)[0].shape[1])


class TrainedTextEncoder(nn.Module):
    """A pretrained model that trains further.

    Parameters
    ----------
    pretrained : nn.Module
        A ``transformers`` encoder such as ``BertModel``.
    """

    def __init__(self, pretrained: nn.Module) -> None:
        super().__init__()
        self.inner = pretrained
        self._config: Any = pretrained.config

    @property
    def hidden_size(self) -> int:
        """Numbers per token."""
        return int(self._config.hidden_size)

    def forward(self, ids_BL: Tensor, mask_BL: Tensor) -> tuple[Tensor, Tensor | None]:
        """Hidden states of shape (B, L, H), and what the pooler makes of the first, shape (B, H), if there is one.

        Raises
        ------
        ConfigError
            The rows are longer than the encoder's positions, or were made by a tokenizer with another vocabulary.
        """
        check_ids(ids_BL, self._config)
        found = self.inner(input_ids=ids_BL, attention_mask=mask_BL)
        return found.last_hidden_state, found.get("pooler_output")


def check_ids(ids_BL: Tensor, config: Any) -> None:
    """Refuse token ids that an encoder cannot read.

    Parameters
    ----------
    ids_BL : Tensor, shape (B, L), int64
        Token ids.
    config : PretrainedConfig
        Settings of the encoder.

    Raises
    ------
    ConfigError
        The rows are longer than the encoder's positions, or were made by a tokenizer with another vocabulary.
    """
    positions = getattr(config, "max_position_embeddings", ids_BL.shape[1])
    if ids_BL.shape[1] > positions:
        raise ConfigError(
            f"text encoder: rows have {ids_BL.shape[1]} tokens, but it has {positions} positions; build the store "
            f"with tokens.max_length={positions}"
        )
    largest = int(ids_BL.max())
    if largest >= config.vocab_size:
        raise ConfigError(
            f"text encoder: found token id {largest}, but its vocabulary has {config.vocab_size} tokens; "
            f"build the store with the encoder's own tokenizer (--tokenizer), or pass the encoder that belongs to "
            f"the store's (--set model.text_encoder=DIR)"
        )


def load_text_encoder(name: str, *, with_pooler: bool = False) -> nn.Module:
    """Load a pretrained encoder from a folder or from the Hugging Face cache, float32, onto the CPU.

    Nothing is downloaded, no code that comes with the weights is run, and nothing is unpickled: weights are
    safetensors, or a ``.bin`` read with ``weights_only=True``.

    Parameters
    ----------
    name : str
        A folder, or a Hugging Face name in the local cache.
    with_pooler : bool
        Whether the weights of the pooler are needed; many checkpoints lack them.

    Returns
    -------
    nn.Module
        The encoder.

    Raises
    ------
    ConfigError
        It is not on this machine, cannot be read, is not an encoder, or lacks weights.
    """
    wanted = Wanted(name, role="text encoder", setting="model.text_encoder")
    encoder = load(locate(wanted), wanted, needed=lambda key: with_pooler or not key.startswith("pooler."))
    config: Any = encoder.config
    if config.is_encoder_decoder or not hasattr(config, "hidden_size"):
        raise wanted.refusal(f"{type(encoder).__name__} is not an encoder")
    if with_pooler and getattr(encoder, "pooler", None) is None:
        raise wanted.refusal(f"{type(encoder).__name__} has no pooler")
    return encoder
