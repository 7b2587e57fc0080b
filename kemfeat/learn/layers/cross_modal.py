"""The fusion block of Cross-Modal BERT, as system 2 used it: attention over text steered by text and audio."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from kemfeat.errors import AnalysisError

IDLE = ("bias",)
"""Parameters of the fusion that train in name only: their gradient is 0 but for rounding."""

_FAR_BELOW = -1e4
"""Added to the score of a padded token; half precision can represent it."""


def evenly_aligned(lengths_B: Tensor, mask_BL: Tensor, *, n_frames: int) -> Tensor:
    """Weights with which the mean of a share of the frames is taken for each real token.

    Token i of n gets frames floor(i m / n) to ceil((i + 1) m / n) of m, as adaptive average pooling does. This is an
    alignment linear in time, [CLS] and [SEP] included: the corpora have no times of words.

    Parameters
    ----------
    lengths_B : Tensor, shape (B,), int
        Number of real frames, m.
    mask_BL : Tensor, shape (B, L), bool
        True on real tokens, which come first; n of them.
    n_frames : int, >= 0
        Number of frames including padding, T.

    Returns
    -------
    Tensor, shape (B, L, T), float32
        Weights. Those of a real token sum to 1, those of padding are 0; all are 0 in a row without a frame.

    Examples
    --------
    >>> import torch
    >>> evenly_aligned(torch.tensor([4]), torch.tensor([[True, True, False]]), n_frames=5).tolist()
    [[[0.5, 0.5, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]]]
    """
    tokens_B1, frames_B1 = mask_BL.sum(dim=1, keepdim=True).clamp(min=1), lengths_B[:, None]
    place_L = torch.arange(mask_BL.shape[1], device=mask_BL.device)
    start_BL = place_L * frames_B1 // tokens_B1
    stop_BL = -(-(place_L + 1) * frames_B1 // tokens_B1)
    frame_T = torch.arange(n_frames, device=mask_BL.device)
    inside_BLT = (frame_T >= start_BL[:, :, None]) & (frame_T < stop_BL[:, :, None]) & mask_BL[:, :, None]
    return inside_BLT / (stop_BL - start_BL).clamp(min=1)[:, :, None]


class CrossModalFusion(nn.Module):
    """Logits from the hidden states of a text encoder and from cepstra.

    629,121 parameters and the classifier's 5,383 at the published sizes: 768 numbers a token, 465 frames as features
    of a coefficient, 30 projected, 7 classes. Scores between tokens are ``w_t relu(T T') + w_a relu(A A') + b``, where
    T and A are projections of text and audio at the tokens. A softmax over the real tokens weighs the hidden states,
    which are added to the states themselves. The first token then passes a linear layer, dropout, a layer norm and
    the classifier.

    These two linear layers begin as BERT's do, normal with a deviation of 0.02 and a bias of 0; projections as
    torch's (published: convolutions of width 1, which are the same). The scalar b can never learn, as a softmax does
    not see what is added to a whole row: its gradient is 0 but for rounding (``IDLE``).

    With the defaults, neither padding nor batch mates change a row, up to float rounding.

    Parameters
    ----------
    hidden_size : int, >= 1
        Numbers of a token.
    audio_size : int, >= 1
        What the projection of audio reads: coefficients of a frame where ``audio_axis`` is ``time``; frames where it
        is ``coefficient``, to which audio is then cut, or filled up with 0 (published: 465).
    projected : int, >= 1
        Width of both projections.
    n_classes : int, >= 1
        Number of logits.
    scale : {"row", "batch"}
        Projected text is divided by the square root of its L2 norm: that of a row's real tokens, or, as published,
        that of the whole batch, padding included, so that batch mates change a row (J7). No gradient passes the norm.
    audio_axis : {"time", "coefficient"}
        What is paired with a token: the frames that fall to it in :func:`evenly_aligned`, or, as published,
        coefficient i with token i, which means nothing (J5) and has no mask (J15).
    classifier : {"trained", "frozen"}
        Frozen is published: the last layer stays at its random start (J6).
    dropouts : tuple of float, each in [0, 1)
        Of the attention weights, before the layer norm, and before the classifier.
    """

    def __init__(
        self,
        hidden_size: int = 768,
        *,
        audio_size: int,
        projected: int = 30,
        n_classes: int = 7,
        scale: Literal["row", "batch"] = "row",
        audio_axis: Literal["time", "coefficient"] = "time",
        classifier: Literal["trained", "frozen"] = "trained",
        dropouts: tuple[float, float, float] = (0.3, 0.1, 0.1),
    ) -> None:
        super().__init__()
        self.scale, self.audio_axis, self.embedding_size = scale, audio_axis, hidden_size
        self.text_projection = nn.Linear(hidden_size, projected, bias=False)
        self.audio_projection = nn.Linear(audio_size, projected, bias=False)
        self.text_weight, self.audio_weight = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.zeros(1))
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size, eps=1e-12)
        self.classifier = nn.Linear(hidden_size, n_classes)
        self.attention_dropout, self.dense_dropout, self.dropout = map(nn.Dropout, dropouts)
        for layer in (self.dense, self.classifier):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        self.classifier.requires_grad_(classifier == "trained")

    def forward(
        self, text_BLH: Tensor, text_mask_BL: Tensor, audio_BTF: Tensor, audio_lengths_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Classify utterances.

        Parameters
        ----------
        text_BLH : Tensor, shape (B, L, hidden_size), float
            Hidden states of the text encoder.
        text_mask_BL : Tensor, shape (B, L), bool
            True on real tokens, which come first.
        audio_BTF : Tensor, shape (B, T, F), float
            Cepstra, time before coefficient whatever ``audio_axis`` is; what is after a row's length is not read.
        audio_lengths_B : Tensor, shape (B,), int
            Number of real frames; 0 where there is no audio, which then adds nothing to the scores.

        Returns
        -------
        logits : Tensor, shape (B, n_classes), float
            Logits.
        embedding : Tensor, shape (B, hidden_size), float
            What the classifier reads.

        Raises
        ------
        AnalysisError
            The audio does not have the size that the projection reads, or as many coefficients as tokens where one is
            paired with the other.
        """
        mask_BL = text_mask_BL.bool()
        text_BLP = self._projected_text(text_BLH, mask_BL)
        audio_BLP = self._projected_audio(audio_BTF, audio_lengths_B, mask_BL)
        scores_BLL = self.text_weight * _agreement(text_BLP) + self.audio_weight * _agreement(audio_BLP) + self.bias
        # a mask of rows would change padded tokens only, which nothing reads
        weights_BLL = (scores_BLL + ~mask_BL[:, None, :] * _FAR_BELOW).softmax(dim=-1)
        fused_BLH = self.attention_dropout(weights_BLL) @ text_BLH + text_BLH
        embedding_BH: Tensor = self.norm(self.dense_dropout(self.dense(fused_BLH)))[:, 0]
        return self.classifier(self.dropout(embedding_BH)), embedding_BH

    def _projected_text(self, text_BLH: Tensor, mask_BL: Tensor) -> Tensor:
        projected_BLP: Tensor = self.text_projection(text_BLH)
        if self.scale == "batch":
            norm_B11 = torch.linalg.vector_norm(projected_BLP.detach())
        else:
            projected_BLP = projected_BLP * mask_BL[:, :, None]
            norm_B11 = torch.linalg.vector_norm(projected_BLP.detach(), dim=(1, 2), keepdim=True)
        scaled_BLP: Tensor = projected_BLP / norm_B11.sqrt().clamp(min=1e-12)
        return scaled_BLP

    def _projected_audio(self, audio_BTF: Tensor, lengths_B: Tensor, mask_BL: Tensor) -> Tensor:
        real_BT = torch.arange(audio_BTF.shape[1], device=audio_BTF.device) < lengths_B[:, None]
        audio_BTF = audio_BTF.masked_fill(~real_BT[:, :, None], 0.0)
        if self.audio_axis == "coefficient":
            return self._projected_coefficients(audio_BTF, n_tokens=mask_BL.shape[1])
        if audio_BTF.shape[2] != self.audio_projection.in_features:
            raise AnalysisError(
                f"audio: {audio_BTF.shape[2]} coefficients; expected {self.audio_projection.in_features}, the "
                "audio_size of the fusion"
            )
        projected_BTP: Tensor = self.audio_projection(audio_BTF)
        weights_BLT = evenly_aligned(lengths_B, mask_BL, n_frames=audio_BTF.shape[1])
        return weights_BLT.to(projected_BTP.dtype) @ projected_BTP

    def _projected_coefficients(self, audio_BTF: Tensor, *, n_tokens: int) -> Tensor:
        """Frames as the features of a coefficient, as published."""
        _, n_frames, n_coefficients = audio_BTF.shape
        if n_coefficients != n_tokens:
            raise AnalysisError(
                f"audio: {n_coefficients} coefficients for {n_tokens} tokens; expected one for each token; pad the "
                f"text to {n_coefficients}, or set audio_axis to 'time'"
            )
        size = self.audio_projection.in_features
        fitted_BTF = nn.functional.pad(audio_BTF[:, :size], (0, 0, 0, max(0, size - n_frames)))
        projected_BLP: Tensor = self.audio_projection(fitted_BTF.transpose(1, 2))
        return projected_BLP


def _agreement(x_BLP: Tensor) -> Tensor:
    """Dot products between tokens, where positive."""
    return (x_BLP @ x_BLP.transpose(1, 2)).relu()
