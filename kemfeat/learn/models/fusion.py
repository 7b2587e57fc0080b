"""Emotion from the tokens of the two frozen regressors: self-attention over both, LSTM."""

from __future__ import annotations

from torch import Tensor, nn

from kemfeat.errors import ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._attention import EncoderStack
from kemfeat.learn.models._batches import Outputs, Reading, mel_of, tokens_of
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.models._text_encoder import load_text_encoder
from kemfeat.learn.models._tokens import RecurrentHead, guessed_mask, joined, packed
from kemfeat.learn.models.audio import AudioRegressor
from kemfeat.learn.models.frozen import FrozenReader
from kemfeat.learn.models.text import TextRegressor
from kemfeat.learn.settings import FusionConfig

Regressor = AudioRegressor | TextRegressor


class FrozenRegressor(FrozenReader):
    """A trained regressor that is only read.

    Parameters
    ----------
    inner : AudioRegressor or TextRegressor
        The regressor.
    config : FusionConfig
        Settings of the model that reads it.
    """

    inner: Regressor

    def __init__(self, inner: Regressor, config: FusionConfig) -> None:
        super().__init__(inner, follows_mode=config.extractors == "train")
        self.media = inner.config.media
        plain = ("lengths", "mean")
        self._settled = (
            inner.config.attention_dropout == "training"
            and (inner.config.masks, inner.config.pooling) == plain
            and (config.masks, config.pooling) == plain
        )

    @property
    def settled(self) -> bool:
        """Whether nothing drops out, and no padding is read by it or after it."""
        return self._settled and super().settled

    def read(self, batch: Batch) -> Reading:
        """Tokens, mask and prediction. See :meth:`FrozenReader.read`."""
        return self.inner.read(batch)

    def length_of(self, batch: Batch) -> int:
        """Frames or tokens of every row. See :meth:`FrozenReader.length_of`."""
        return self.inner.length_of(batch)


class FusionClassifier(nn.Module):
    """Emotion, together with arousal and valence. 28,929,669 trainable parameters at the published sizes.

    Parameters
    ----------
    config : FusionConfig
        Settings.
    audio : AudioRegressor or None
        Regressor of arousal; None where ``config.modalities`` leaves it out. It is frozen here;
        ``model.audio.inner.load_state_dict`` loads the weights of a run.
    text : TextRegressor or None
        Regressor of valence, likewise.

    Raises
    ------
    ConfigError
        The regressors' tokens differ in size.
    """

    audio: FrozenRegressor | None
    text: FrozenRegressor | None

    def __init__(self, config: FusionConfig, *, audio: AudioRegressor | None, text: TextRegressor | None) -> None:
        super().__init__()
        self.config = config
        self.audio = _frozen(audio, config)
        self.text = _frozen(text, config)
        hidden_size = _common_size(audio, text)
        self.encoder = EncoderStack(hidden_size, config=config)
        self.head = RecurrentHead(hidden_size, kind=nn.LSTM, n_outputs=len(config.emotions), config=config)
        nn.init.xavier_uniform_(self.head.out.weight)
        self._join = self._join_as_published if config.masks == "values" else _join_real

    def forward(self, batch: Batch) -> Outputs:
        """Predict the emotion.

        Parameters
        ----------
        batch : Batch
            A batch with what the regressors read.

        Returns
        -------
        Outputs
            ``logits``, and ``arousal`` and ``valence`` of the regressors.

        Raises
        ------
        AnalysisError, ConfigError
            The batch lacks what a regressor reads.
        """
        audio: Reading | None = self.audio(batch) if self.audio is not None else None
        text: Reading | None = self.text(batch) if self.text is not None else None
        x_BTH, mask_BT = self._join(batch, audio, text)
        return Outputs(
            logits=self.head(self.encoder(x_BTH, mask_BT), mask_BT),
            arousal=None if audio is None else audio.value,
            valence=None if text is None else text.value,
        )

    def _join_as_published(self, batch: Batch, audio: Reading | None, text: Reading | None) -> tuple[Tensor, Tensor]:
        parts = []
        if audio is not None:
            parts.append((audio.tokens, self._mask_of_mel(batch)))
        if text is not None:
            parts.append((text.tokens, tokens_of(batch)[1]))
        return joined(parts)

    def _mask_of_mel(self, batch: Batch) -> Tensor:
        """Mask of frames without a zero: padding is zero, but so is the loudest bin of every utterance (K3)."""
        mel_BCTF, real_BT = mel_of(batch, n_mels=self.config.audio.n_mels)
        return guessed_mask(mel_BCTF[:, 0].masked_fill(~real_BT[:, :, None], 0.0), real_BT)


def _join_real(batch: Batch, audio: Reading | None, text: Reading | None) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    readings = [reading for reading in (audio, text) if reading is not None]
    return packed(*joined([(reading.tokens, reading.mask) for reading in readings]))


def _frozen(regressor: Regressor | None, config: FusionConfig) -> FrozenRegressor | None:
    return FrozenRegressor(regressor, config) if regressor is not None else None


def _common_size(audio: AudioRegressor | None, text: TextRegressor | None) -> int:
    sizes = {part.hidden_size for part in (audio, text) if part is not None}
    if audio is not None and text is not None and len(sizes) == 2:
        quarter = audio.config.n_mels // 4
        raise ConfigError(
            f"fusion: audio tokens are {audio.hidden_size} wide, text tokens {text.hidden_size}; expected one size; "
            f"train the audio model with model.conv_channels[1] = {text.hidden_size / quarter:g}, or use a text "
            f"encoder of size {audio.hidden_size}"
        )
    return sizes.pop()


def _build(config: FusionConfig) -> FusionClassifier:
    audio = AudioRegressor(config.audio_in_use) if config.modalities != "text" else None
    text = None
    if config.modalities != "audio":
        text = TextRegressor(config.text_in_use, load_text_encoder(config.text_in_use.text_encoder))
    return FusionClassifier(config, audio=audio, text=text)


MODEL = ModelSpec(tasks=("emotion",), config=FusionConfig, build=_build)
